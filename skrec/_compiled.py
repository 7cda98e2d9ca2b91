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
    """
    try:
        dispatcher = _njit(function, cache=True)
    except RuntimeError:  # no folder is writable
        return _njit(function)
    dispatcher._cache = _ForgivingCache(dispatcher._cache)  # type: ignore[attr-defined]
    return dispatcher


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
