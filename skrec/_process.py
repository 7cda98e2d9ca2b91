"""Changes of process-wide state: threads, warning filters, random states, and hooks for forks.

All changes of such state are made in this module or by a `SharedChange`, so that calls in several threads do not interfere.
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
    """A change of process-wide state that is shared by threads. The first call makes the change, and the last one undoes it.

    Parameters
    ----------
    change : callable
        Returns a context manager that makes the change on entry and undoes it on exit.
    """

    def __init__(self, change: Callable[[], AbstractContextManager]):
        self._change, self._undo = change, ExitStack()
        self._n_calls: Counter[int] = Counter()  # by thread identifier
        _changes.append(self)

    def __enter__(self) -> None:
        with _lock:
            if not self._n_calls:
                self._undo.enter_context(self._change())
            self._n_calls[threading.get_ident()] += 1

    def __exit__(self, *error: Any) -> None:
        with _lock:
            thread = threading.get_ident()
            self._n_calls[thread] -= 1
            if self._n_calls[thread] <= 0:
                del self._n_calls[thread]
            if not self._n_calls:
                self._undo.close()

    @property
    def is_active_in_this_thread(self) -> bool:
        """Whether this thread is inside the context."""
        return threading.get_ident() in self._n_calls

    def drop_other_threads(self) -> None:
        """Drop the calls of other threads. A forked child does not have them, so they would never end."""
        if self._n_calls:
            self._n_calls &= Counter({threading.get_ident(): sys.maxsize})
            if not self._n_calls:
                self._undo.close()


@contextmanager
def replaced(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """Replace a value, and restore the earlier one unless the value was changed by someone else meanwhile."""
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
    """The loaded libraries of an API, "blas" or "openmp". The result is cached until modules are imported."""
    global _found
    n_modules = len(sys.modules)
    if _found is None or _found[0] != n_modules:
        _found = n_modules, ThreadpoolController()
    return [library for library in _found[1].lib_controllers if library.user_api == api]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread."""
    with ExitStack() as undo:
        for library in (pool for pool in thread_pools("blas") if pool.get_num_threads() != 1):
            undo.enter_context(replaced(library.get_num_threads, partial(_set_num_threads, library), 1))
        yield


def _set_num_threads(library: LibController, n: int) -> None:
    """Set the number of threads from any thread.

    The number is process-wide. threadpoolctl from 3.8 on ignores calls outside of the first thread that sets it, until that
    thread releases its control.
    """
    release = getattr(library, "clear_controlling_thread", lambda force: None)
    release(force=True)
    library.set_num_threads(n)
    release(force=True)


def user_threads() -> int:
    """The least number of threads of the loaded OpenMP libraries in this thread, which is what the user has set."""
    torch_threads()
    return min((library.get_num_threads() for library in thread_pools("openmp")), default=_threads_of_the_environment())


def _threads_of_the_environment() -> int:
    variable = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(variable) if variable.isdecimal() and int(variable) else sys.maxsize


def torch_threads() -> int:
    """The number of threads of torch in this thread, 1 if it has not been loaded.

    Until it is read in a new thread, OpenMP does not know it there.
    """
    read: Callable[[], int] = getattr(sys.modules.get("torch"), "get_num_threads", lambda: 1)
    return read()


@contextmanager
def openmp_threads(n: int) -> Iterator[None]:
    """Use n threads of OpenMP, and of the MKL inside torch, in this thread.

    `torch.set_num_threads` would also change the number in threads that are started meanwhile.
    """
    torch_threads()
    with ExitStack() as undo:
        for library in thread_pools("openmp"):
            undo.enter_context(replaced(library.get_num_threads, library.set_num_threads, n))
        if "torch" in sys.modules and (set_mkl_threads := _mkl_of_torch()) is not None:
            undo.callback(set_mkl_threads, set_mkl_threads(n))
        yield


@cache
def _mkl_of_torch() -> Callable[[int], int] | None:
    """MKL's function that sets the number of threads in this thread and returns the earlier one. None without MKL."""
    library = getattr(getattr(sys.modules["torch"], "_C", None), "__file__", None)
    return None if library is None else getattr(ctypes.CDLL(library), "MKL_Set_Num_Threads_Local", None)


# ---- warnings ------------------------------------------------------------------------------------------------------------


class _MutedInSomeThreads(type):
    """Metaclass of warning categories that match only in threads that mute them."""

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
            filters = warnings.filters  # catch_warnings of another caller replaces the list
            while entry in filters:
                filters.remove(entry)


class MutedWarning(Warning, metaclass=_MutedInSomeThreads):
    """A category of warnings that a thread can mute with ``with Category.muted:``. Other threads still get the warnings.

    `warnings.catch_warnings` replaces the filters of all threads, and overlapping uses leave wrong filters. This class is the
    category of one additional filter, which ignores only what a thread has muted. Define subclasses at the top level of a
    module, since joblib pickles filters for its workers.

    Attributes
    ----------
    category : type
        Category of the muted warnings.
    module : str
        Regular expression that matches the beginning of the name of the module that issues the warnings.
    """

    category = Warning
    module = ""


# ---- random states -------------------------------------------------------------------------------------------------------


@contextmanager
def seeded_torch(seed: int) -> Iterator[None]:
    """Seed the global generator of torch inside the context, and restore its state. One thread at a time.

    Used for layers of torch that can draw their weights only from the global generator.
    """
    import torch

    with _random_state, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


# ---- progress bars -------------------------------------------------------------------------------------------------------


class _MutedNotebookWarning(MutedWarning):
    """tqdm's advice to install ipywidgets. Without them, a bar in a notebook is text."""

    module = r"tqdm\b"


@cache
def _bar_without_monitor() -> type:
    with _MutedNotebookWarning.muted:
        from tqdm.auto import tqdm

    return type("Bar", (tqdm,), {"monitor_interval": 0})


def progress_bar(*args: Any, **options: Any) -> Any:
    """A progress bar of tqdm without its monitor thread, which would outlive the bar."""
    return _bar_without_monitor()(*args, **options)


@contextmanager
def no_progress_monitor() -> Iterator[None]:
    """Keep progress bars of other libraries, including hidden ones, from starting the monitor thread."""
    from tqdm import tqdm

    def put(seconds: float) -> None:
        tqdm.monitor_interval = seconds

    with replaced(lambda: tqdm.monitor_interval, put, 0):
        yield


# ---- forks ---------------------------------------------------------------------------------------------------------------

_ended: list[str] = []
_held: list[Any] = []  # locks of other libraries


def _before_fork() -> None:
    """Wait for changes in other threads, and end the threads of GNU OpenMP, which are restarted when they are needed.

    A child process has none of these threads, but GNU OpenMP would wait for them forever.
    """
    for lock in _compiler_locks():
        lock.acquire()
        _held.append(lock)
    _random_state.acquire()
    _lock.acquire()
    _ended[:] = [pool.filepath for pool in _gnu_openmp() if _end_threads(pool)]


def _compiler_locks() -> list[Any]:
    """The lock of numba's compiler, if numba is loaded. A child would wait forever for a thread that compiles."""
    lock = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    return [] if lock is None else [lock]


def _gnu_openmp() -> list[LibController]:
    return [pool for pool in thread_pools("openmp") if pool.prefix == "libgomp"]  # other libraries handle forks themselves


def _end_threads(pool: LibController) -> bool:
    """End the threads that worked for this thread, and return whether that was possible."""
    pause = getattr(ctypes.CDLL(pool.filepath), "omp_pause_resource_all", None)
    soft = 1
    return pause is not None and pause(soft) == 0


def _release_compiler() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_parent() -> None:
    _ended.clear()
    _lock.release()
    _random_state.release()
    _release_compiler()


def _after_fork_in_child() -> None:
    """Reset locks and changes that other threads held.

    If the threads of OpenMP were not ended, as in a server that forks in C or with an old libgomp, the child uses one thread,
    which needs no others.
    """
    global _lock, _random_state
    _lock, _random_state = threading.RLock(), threading.RLock()
    _release_compiler()
    for change in _changes:
        change.drop_other_threads()
    for pool in _gnu_openmp():
        if pool.filepath not in _ended:
            pool.set_num_threads(1)
    _ended.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
