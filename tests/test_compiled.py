"""Compiled functions: their cache on disk may be damaged or missing, and forks wait for the compiler."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
MODULE = """
from skrec._compiled import compiled

@compiled
def successor(x):
    return x + 1
"""
USE = "import functions; assert functions.successor(1) == 2; print(sum(functions.successor.stats.cache_hits.values()))"
FORK = """
import os, threading, time
import numba, skrec
from numba.core.compiler_lock import global_compiler_lock

def compile_something():
    with global_compiler_lock:
        is_compiling.set()
        time.sleep(0.5)

is_compiling = threading.Event()
threading.Thread(target=compile_something).start()
is_compiling.wait()
pid = os.fork()
with global_compiler_lock:
    pass
if pid == 0:
    os._exit(0)
print(os.waitpid(pid, 0)[1])
"""


def output_of(program, folder, **variables):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"} | variables
    return int(subprocess.check_output([sys.executable, "-c", program], env=environment, text=True, timeout=60))


@pytest.fixture
def n_read_from_cache(tmp_path):
    """A call of a compiled function in a new process, which returns how often machine code was read from the cache."""
    (tmp_path / "functions.py").write_text(MODULE)
    return lambda program=USE: output_of(program, tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))


def test_machine_code_is_read_from_the_cache(n_read_from_cache):
    assert [n_read_from_cache() for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80"], ids=["empty", "damaged"])
def test_damaged_files_of_the_cache_are_replaced(n_read_from_cache, tmp_path, suffix, content):
    n_read_from_cache()
    (damaged,) = tmp_path.rglob(f"*{suffix}")
    damaged.write_bytes(content)
    assert [n_read_from_cache() for _ in range(2)] == [0, 1]


def test_a_cache_that_cannot_be_written_is_ignored(n_read_from_cache, tmp_path):
    cache = str(tmp_path / "cache")
    is_lost = f"import functions, shutil; shutil.rmtree({cache!r}); open({cache!r}, 'w').close(); {USE}"
    assert n_read_from_cache(is_lost) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_a_fork_waits_for_the_compiler(tmp_path):
    assert output_of(FORK, tmp_path) == 0


def test_read_only_arrays_are_not_compiled_again():
    from skrec._compiled import compiled

    total = compiled(lambda array: array.sum())
    array = np.arange(6.0)
    read_only = array.copy()
    read_only.flags.writeable = False
    assert [total(each) for each in (array, read_only)] == [15, 15]
    assert len(total.signatures) == 1
    assert [total(each[::2]) for each in (array, read_only)] == [6, 6]
    assert len(total.signatures) == 2
