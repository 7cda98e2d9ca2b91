"""Functions compiled by numba.

Modules with compiled functions are imported where they are used, since numba takes some tenths of a second to import.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numba

# sums may be reordered, which lets the compiler use vector instructions; infinities and NaN keep their meaning
_REORDERED = {"contract", "reassoc", "nsz", "arcp"}
# a division by zero gives an infinity or NaN; the check for an exception would prevent vector instructions
_njit = partial(numba.njit, nogil=True, fastmath=_REORDERED, error_model="numpy")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on its first call. It releases the GIL.

    The machine code is cached in the folder ``NUMBA_CACHE_DIR``, next to the source or in the user's cache folder. If none is
    writable, or if a file is damaged, a process compiles the function again.

    Read-only arrays, such as memory maps, are compiled as other arrays. A function must not write to arguments that may be
    read-only.
    """
    try:
        dispatcher = _njit(function, cache=True)
    except RuntimeError:  # no folder is writable
        dispatcher = _njit(function)
    else:
        dispatcher._cache = _ForgivingCache(dispatcher._cache)  # type: ignore[attr-defined]
    dispatcher.typeof_pyval = partial(_type_of, dispatcher.typeof_pyval)  # type: ignore[attr-defined]
    return dispatcher


def _type_of(type_of: Callable[[Any], Any], value: Any) -> Any:
    """The type of an argument, without the distinction of read-only arrays, for which numba would compile again."""
    found = type_of(value)
    return found.copy(readonly=False) if isinstance(found, numba.types.Array) and not found.mutable else found


class _ForgivingCache:
    """A cache of numba that ignores damaged files and full disks, for which numba would raise an error in each call."""

    def __init__(self, cache: Any):
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the machine code for a signature. None if there is none or if it cannot be read."""
        try:
            return self._cache.load_overload(signature, context)
        except Exception:  # a damaged pickle may raise any exception
            with suppress(OSError):
                self._cache.flush()
            return None

    def save_overload(self, signature: Any, machine_code: Any) -> None:
        """Write machine code, if possible."""
        with suppress(OSError):
            self._cache.save_overload(signature, machine_code)
