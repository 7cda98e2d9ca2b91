"""What belongs to the whole process: threads, warning filters, random states, and what a fork does to them.

Every change of such a thing is made here or by a `SharedChange`, so that calls in several threads do not undo each other's.
"""

import ctypes
import os
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from typing import Any

from threadpoolctl import LibController, ThreadpoolController

_lock = threading.RLock()
_random_state = threading.RLock()
_changes: list["SharedChange"] = []


class SharedChange:
    """A change of the process that several threads may need at once: the first one makes it, the last one undoes it.

    Parameters
    ----------
    change : callable
        Makes a context manager, which makes the change when it is entered and undoes it when it is left.
    """

    def __init__(self, change: Callable[[], AbstractContextManager]):
        self._change, self._undo = change, ExitStack()
        self._n_calls: Counter[int] = Counter()  # by the identifier of their thread
        _changes.append(self)

    def __enter__(self) -> None:
        with _lock:
            if not self._n_calls:
                self._undo.enter_context(self._change())
            self._n_calls[threading.get_ident()] += 1

    def __exit__(self, *error: Any) -> None:
        with _lock:
            self._n_calls -= Counter([threading.get_ident()])
            if not self._n_calls:
                self._undo.close()

    @property
    def is_active_in_this_thread(self) -> bool:
        """Whether this thread is one of those that need it."""
        return threading.get_ident() in self._n_calls

    def drop_other_threads(self) -> None:
        """Drop the calls of threads that a forked child does not have, which nothing would ever end."""
        if self._n_calls:
            self._n_calls &= Counter({threading.get_ident(): sys.maxsize})
            if not self._n_calls:
                self._undo.close()


@contextmanager
def replaced(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """Put a value somewhere and the earlier one back, unless somebody else has put another one there meanwhile."""
    before = get()
    put(value)
    try:
        yield
    finally:
        if get() == value:
            put(before)


# ---- threads of BLAS and OpenMP ------------------------------------------------------------------------------------------

_found: tuple[int, ThreadpoolController] | None = None


def thread_pools(api: str) -> list[LibController]:
    """The loaded libraries of an API, "blas" or "openmp"; looked for again only when modules were imported since."""
    global _found
    n_modules = len(sys.modules)
    if _found is None or _found[0] != n_modules:
        _found = n_modules, ThreadpoolController()
    return [library for library in _found[1].lib_controllers if library.user_api == api]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS work with one thread."""
    with ExitStack() as undo:
        for library in thread_pools("blas"):
            undo.enter_context(replaced(library.get_num_threads, partial(_set_num_threads, library), 1))
        yield


def _set_num_threads(library: LibController, n: int) -> None:
    """Set them from whatever thread.

    The number belongs to the process, and threadpoolctl, since 3.8, ignores in silence what is set outside of the first thread
    that has set it and is not done.
    """
    release = getattr(library, "clear_controlling_thread", lambda force: None)
    release(force=True)
    library.set_num_threads(n)
    release(force=True)


# ---- warnings ------------------------------------------------------------------------------------------------------------


class _MutedInSomeThreads(type):
    """What makes a class the category of those threads that want it muted."""

    category: type[Warning]
    module: str
    muted: SharedChange

    def __init__(cls, *definition: Any):
        super().__init__(*definition)
        cls.muted = SharedChange(cls._filter)

    def __subclasscheck__(cls, category: type) -> bool:
        return cls.muted.is_active_in_this_thread and issubclass(category, cls.category)

    @contextmanager
    def _filter(cls) -> Iterator[None]:
        entry = ("ignore", None, cls, re.compile(cls.module) if cls.module else None, 0)
        filters: Any = warnings.filters
        filters.insert(0, entry)
        try:
            yield
        finally:
            filters = warnings.filters  # another list, inside of somebody's catch_warnings
            while entry in filters:
                filters.remove(entry)


class MutedWarning(Warning, metaclass=_MutedInSomeThreads):
    """A kind of warnings that a thread can do without: ``with Kind.muted:``. All other threads get theirs.

    `warnings.catch_warnings` replaces the filters of all threads, and two that overlap leave wrong ones behind. This class is
    the category of one more filter, which ignores what a thread has muted and nothing else. A subclass stands at the top of its
    module, since filters are pickled for joblib's workers.

    Attributes
    ----------
    category : type
        Of the warnings.
    module : str
        A regular expression that the name of the module that issues them begins with.
    """

    category = Warning
    module = ""


# ---- random states -------------------------------------------------------------------------------------------------------


@contextmanager
def seeded_torch(seed: int) -> Iterator[None]:
    """Seed torch's global generator for a while, and put its state back; one thread at a time.

    For layers of torch that draw their weights from no other generator.
    """
    import torch

    with _random_state, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


# ---- progress bars -------------------------------------------------------------------------------------------------------


@cache
def _bar_without_monitor() -> type:
    from tqdm.auto import tqdm

    return type("Bar", (tqdm,), {"monitor_interval": 0})


def progress_bar(*args: Any, **options: Any) -> Any:
    """Tqdm's bar without its monitor, a thread that would stay when the bar has ended."""
    return _bar_without_monitor()(*args, **options)


@contextmanager
def no_progress_monitor() -> Iterator[None]:
    """Keep other libraries' bars, even those that are not shown, from starting that thread."""
    from tqdm import tqdm

    def put(seconds: float) -> None:
        tqdm.monitor_interval = seconds

    with replaced(lambda: tqdm.monitor_interval, put, 0):
        yield


# ---- forks ---------------------------------------------------------------------------------------------------------------

_ended: list[str] = []


def _before_fork() -> None:
    """Wait for other threads to finish their changes; end the threads of GNU OpenMP, which starts new ones when needed.

    A child has none of the threads, but GNU OpenMP would wait for them there, for ever.
    """
    _random_state.acquire()
    _lock.acquire()
    _ended[:] = [pool.filepath for pool in _gnu_openmp() if _end_threads(pool)]


def _gnu_openmp() -> list[LibController]:
    return [pool for pool in thread_pools("openmp") if pool.prefix == "libgomp"]  # others see to a fork themselves


def _end_threads(pool: LibController) -> bool:
    """End those that have worked for this thread; whether that was possible."""
    pause = getattr(ctypes.CDLL(pool.filepath), "omp_pause_resource_all", None)
    soft = 1
    return pause is not None and pause(soft) == 0


def _after_fork_in_parent() -> None:
    _ended.clear()
    _lock.release()
    _random_state.release()


def _after_fork_in_child() -> None:
    """Go on without what other threads held.

    Where the threads of OpenMP were not ended, as in a server that forks in C or with an old libgomp, one thread works in the
    child: it needs no others.
    """
    global _lock, _random_state
    _lock, _random_state = threading.RLock(), threading.RLock()
    for change in _changes:
        change.drop_other_threads()
    for pool in _gnu_openmp():
        if pool.filepath not in _ended:
            pool.set_num_threads(1)
    _ended.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
