"""Training in two processes with gloo, as on two devices: the same network in both, of the quality of one process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_models import likes, model

from skrec import TrainingLog

SCRIPT = Path(__file__).with_name("two_processes.py")
TWO = {"devices": 2, "strategy": "ddp"}


def start(folder, name, n_processes, *way):
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(SCRIPT), str(folder), name, str(n_processes), *way]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def run(folder, name, n_processes, *way):
    folder.mkdir(exist_ok=True)
    process = start(folder, name, n_processes, *way)
    said = process.communicate(timeout=900)[0].decode()
    assert (process.returncode == 0) == (not way), said
    return said


def weights(folder, process):
    return list(np.load(folder / f"{process}.npz").values())


def same(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mf", "bpr", "sasrec", "news"])
def test_two_processes_learn_the_same_network_as_well_as_one(name, tmp_path):
    if name != "news" and not os.environ.get("SKREC_DATA"):
        pytest.skip("SKREC_DATA does not say where the real data lie")
    for n_processes in (1, 2):
        run(tmp_path, name, n_processes)
    assert same(weights(tmp_path, "2 0"), weights(tmp_path, "2 1"))
    alone, first, second = (json.loads((tmp_path / f"{process}.json").read_text()) for process in ("1 0", "2 0", "2 1"))
    assert first == second
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=0.02)
    assert first["ndcg"] == pytest.approx(alone["ndcg"], rel=0.03)


@pytest.mark.slow
def test_a_fit_of_two_processes_continues_from_its_checkpoint_and_logs_one_run(tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    run(whole, "small", 2)
    assert len(TrainingLog("csv", folder=whole / "runs").read_runs()) == 4
    assert "interrupted" in run(halves, "small", 2, "interrupted")
    assert len(list(halves.rglob("*.ckpt"))) == 2
    run(halves, "small", 2)
    for process in ("2 0", "2 1"):
        assert same(weights(halves, process), weights(whole, "2 0"))


@pytest.mark.slow
@pytest.mark.parametrize("to_both", [True, False], ids=["both processes", "the first process"])
def test_control_c_ends_both_processes(to_both, tmp_path):
    process = start(tmp_path, "small", 2, "waiting")
    files = [tmp_path / f"pid {rank}" for rank in (0, 1)]
    deadline = time.monotonic() + 300
    while not all(file.exists() and file.read_text() for file in files):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    pids = [int(file.read_text()) for file in files]
    for pid in pids if to_both else pids[:1]:
        os.kill(pid, signal.SIGINT)
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode != 0 and "KeyboardInterrupt" in said
    while Path(f"/proc/{pids[1]}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# ---- what is refused -------------------------------------------------------------------------------------------------

BAD = [
    ({"trainer": {"devices": 2}}, r"trainer\['strategy'\] must be 'ddp' for several devices, got None with devices=2"),
    ({"trainer": TWO | {"strategy": "ddp_spawn"}}, r"trainer\['strategy'\] must be 'ddp' .*, got 'ddp_spawn'"),
    ({"trainer": TWO | {"num_nodes": 2}}, r"trainer\['num_nodes'\] must be 1 for several devices, got 2"),
    ({"trainer": {"devices": 0}}, r"trainer\['devices'\] must be a number of at least 1, 'auto' or a list of numbers, got 0"),
    ({"trainer": {"devices": "two"}}, r"trainer\['devices'\] must be a number of at least 1, .*, got 'two'"),
    ({"trainer": TWO, "random_state": None}, "random_state must be an integer for several devices, .* got None"),
    ({"trainer": TWO, "optimizer": "row_adam"}, "optimizer must not be 'row_adam' for several devices"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=str)
def test_settings_that_do_not_work_on_several_devices_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        model(**settings).fit(likes())
