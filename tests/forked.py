"""Answers of forked children."""

import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def in_a_fork(task: Callable[[], Any], *, seconds: float = 30) -> Any:
    """What a task returns in a forked child, which is given so much time and no more."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                answer = pickle.dumps(task())
            except BaseException:
                answer = pickle.dumps(_Failure(traceback.format_exc()))
            os.write(writable, answer)  # less than a pipe holds
        finally:
            os._exit(0)
    os.close(writable)
    try:
        _await(child, seconds)
        answer = pickle.loads(os.read(readable, 2**16))
    finally:
        os.close(readable)
    assert not isinstance(answer, _Failure), answer.traceback
    return answer


@dataclass
class _Failure:
    traceback: str


def _await(child: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"the child has not ended within {seconds} s")
        time.sleep(0.01)
