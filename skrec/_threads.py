"""How many threads a computation uses, and loops in threads."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_MIN_WORK = 2e7  # operations for which another thread is worth its start


def n_available_threads() -> int:
    """Return the number of threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def n_threads(n_jobs: int | None, work: float) -> int:
    """Return the number of threads for some work, at most ``n_jobs``.

    Parameters
    ----------
    n_jobs : int or None
        Maximum number of threads. If None or -1, all that are available.
    work : float
        Approximate number of floating-point operations.
    """
    allowed = n_available_threads() if n_jobs in (None, -1) else int(n_jobs)
    return max(1, min(allowed, int(work // _MIN_WORK)))


def map_in_threads(function: Callable[[Any], Any], parts: Iterable[Any], n: int) -> list[Any]:
    """Call a function that releases the GIL for all parts, in n threads, and return the results in order."""
    if n == 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(function, parts))
