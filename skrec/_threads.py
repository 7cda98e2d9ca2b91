"""How many threads a computation uses, and loops in threads.

A computation uses another thread only if there is enough work for it. With less work, threads wait for each other for longer
than they compute, most of all on a machine that other processes keep busy.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import joblib
from joblib.parallel import get_active_backend

from skrec._process import SharedChange, one_blas_thread, openmp_threads, torch_threads, user_threads

# Operations of a part of the work that is worth another thread. They take some milliseconds.
_WORK_OF_A_THREAD = 1e8
# In a parallel operation of a library all threads wait for the last one. If another process has the core of that one, this
# takes some milliseconds, in each operation.
_WORK_OF_A_THREAD_IN_STEP = 2e8

single_threaded_blas = SharedChange(one_blas_thread)
"""Limits BLAS to one thread in the whole process, until the last thread has left the context."""

_this_thread = threading.local()  # its attribute ``limit`` is set inside the contexts of this module


def n_available_threads() -> int:
    """Return the number of threads that a computation in this thread may use.

    This is the number of cores that the process may use by its affinity and by the CPU quota of its control group. It is at
    most what the user has set by ``OMP_NUM_THREADS``, ``torch.set_num_threads`` or threadpoolctl, and what joblib grants its
    workers. A thread of joblib is granted one.
    """
    limit = getattr(_this_thread, "limit", None)
    return 1 if _is_thread_of_joblib() else min(joblib.cpu_count(), user_threads() if limit is None else limit)


def _is_thread_of_joblib() -> bool:
    """Whether this is a worker of the backend "threading". Worker processes compute in their main thread."""
    backend, _ = get_active_backend()
    return bool(getattr(backend, "nesting_level", 0)) and threading.current_thread() is not threading.main_thread()


def n_threads(n_jobs: int | None, work: float) -> int:
    """Return the number of threads for work that is divided into independent parts.

    Parameters
    ----------
    n_jobs : int or None
        Maximum number of threads. If None or -1, all that are available.
    work : float
        Approximate number of floating-point operations. There is at most one thread for each 1e8 operations.
    """
    wanted = _affordable(work, _WORK_OF_A_THREAD)
    if n_jobs not in (None, -1):
        return min(wanted, int(n_jobs))
    return 1 if wanted == 1 else min(wanted, n_available_threads())


def n_threads_in_step(work: float) -> int:
    """Return the number of threads for operations of a library whose threads wait for each other.

    Parameters
    ----------
    work : float
        Approximate number of floating-point operations of an operation. There is at most one thread for each 2e8. Inside
        ``joblib.parallel_config(n_jobs=n)`` with n above 1, there are n threads for any work, if available.
    """
    requested = joblib.effective_n_jobs(None)
    wanted = requested if requested > 1 else _affordable(work, _WORK_OF_A_THREAD_IN_STEP)
    return 1 if wanted == 1 else min(wanted, n_available_threads())


def _affordable(work: float, of_a_thread: float) -> int:
    return int(min(max(work / of_a_thread, 1), 2**31))


@contextmanager
def torch_threads_in_step(work: float) -> Iterator[None]:
    """Use `n_threads_in_step` threads of torch in this thread. Inner contexts may use more threads than outer ones."""
    with _limited(getattr(_this_thread, "limit", None) or torch_threads()), openmp_threads(n_threads_in_step(work)):
        yield


@contextmanager
def blas_threads_in_step(work: float) -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process, if `n_threads_in_step` is 1."""
    if n_threads_in_step(work) > 1:
        yield
        return
    with single_threaded_blas:
        yield


def map_in_threads(function: Callable[[Any], Any], parts: Iterable[Any], n: int) -> list[Any]:
    """Call a function that releases the GIL for all parts, in n threads, and return the results in order.

    BLAS uses one thread meanwhile, so that results do not depend on n.
    """

    def call(part: Any) -> Any:
        with _limited(1):
            return function(part)

    with single_threaded_blas:
        if n == 1:
            return [function(part) for part in parts]
        with ThreadPoolExecutor(n) as pool:
            calls = [pool.submit(copy_context().run, call, part) for part in parts]
            try:
                return [call.result() for call in calls]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)  # after an exception or an interrupt


@contextmanager
def _limited(n: int) -> Iterator[None]:
    """Set the number of threads that are available in this thread."""
    before = getattr(_this_thread, "limit", None)
    _this_thread.limit = n
    try:
        yield
    finally:
        _this_thread.limit = before
