"""Global state of the process, and captured output."""

import contextlib
import io
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from threadpoolctl import threadpool_info, threadpool_limits
from tqdm import tqdm


@contextlib.contextmanager
def unusual_process() -> Iterator[None]:
    """Set unusual global state, so that code which resets state to its defaults is detected."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(threadpool_limits(2))
        undo.enter_context(_unusual_random_states())
        undo.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("default", message="of an unusual process")
        undo.enter_context(_unusual_loggers())
        _stop_monitor_of_bars()
        undo.enter_context(np.printoptions(precision=5))
        yield


def _stop_monitor_of_bars() -> None:
    """Stop the monitor thread of tqdm, so that a new one is detected."""
    if tqdm.monitor is not None:
        tqdm.monitor.exit()
        tqdm.monitor = None


@contextlib.contextmanager
def _unusual_random_states() -> Iterator[None]:
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    for draw in (random.random, np.random.random_sample, lambda: torch.rand(1)):
        draw()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


@contextlib.contextmanager
def _unusual_loggers() -> Iterator[None]:
    loggers = _loggers()
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers[:]
    logging.root.handlers[:] = []
    for logger, level in zip(loggers, levels):
        logger.setLevel(level + 1 if level else level)
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]


def global_state() -> dict[str, Any]:
    """Global state of the process by name."""
    import torch

    return {
        "the random state of numpy": repr(np.random.get_state()),  # noqa: NPY002
        "the random state of Python": random.getstate(),
        "the random state of torch": torch.get_rng_state().tolist(),
        "the random state of CUDA": _cuda_random_states(),
        "the threads of torch": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "the threads of BLAS and OpenMP": sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()),
        "the defaults of torch": (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "the error handling of numpy": np.geterr(),
        "the printing of numpy and pandas": (repr(np.get_printoptions()), pd.get_option("display.max_rows")),
        "the configuration of scikit-learn": sklearn.get_config(),
        "the loggers": [
            (logger.name, logger.level, logger.disabled, logger.propagate, list(logger.handlers)) for logger in _loggers()
        ],
        "the warning filters": list(warnings.filters),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "the import path": list(sys.path),
        "the signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "the exception hooks": (sys.excepthook, threading.excepthook),
        "the warnings' way out": warnings.showwarning,
        "the threads that run": sorted(str(thread.ident) for thread in threading.enumerate()),
        "the processes that run": sorted(str(child.pid) for child in multiprocessing.active_children()),
        "the open files": _open_files(),
    }


def _open_files() -> list[str]:
    """Numbers of open files, if the system lists them."""
    folder = "/dev/fd"
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _cuda_random_states() -> list[list[int]]:
    import torch

    return [state.tolist() for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_initialized() else []


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """Capture the standard streams, including output below Python. It is complete when the block has ended."""
    streams: list[str] = []
    written = [io.StringIO(), io.StringIO()]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        saved = [os.dup(1), os.dup(2)]
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            with contextlib.redirect_stdout(written[0]), contextlib.redirect_stderr(written[1]):
                yield streams
        finally:
            for descriptor, number in zip(saved, (1, 2)):
                os.dup2(descriptor, number)
                os.close(descriptor)
        for text, file in zip(written, (out, err)):
            file.seek(0)
            streams.append(text.getvalue() + file.read().decode(errors="replace"))


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """Collect the messages of all loggers at level INFO."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(f"{record.name}: {record.getMessage()}")

    collector, level = Collector(), logging.root.level
    logging.root.addHandler(collector)
    logging.root.setLevel(logging.INFO)
    try:
        yield messages
    finally:
        logging.root.setLevel(level)
        logging.root.removeHandler(collector)
