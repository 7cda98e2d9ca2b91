"""Functions compiled by numba.

Modules with compiled functions are imported where they are used, since numba takes some tenths of a second to import.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba

# sums may be reordered, which lets the compiler use vector instructions; infinities and NaN keep their meaning
_REORDERED = {"contract", "reassoc", "nsz", "arcp"}
# a division by zero gives an infinity or NaN; the check for an exception would prevent vector instructions
_njit = partial(numba.njit, nogil=True, fastmath=_REORDERED, error_model="numpy")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on its first call. It releases the GIL.

    The machine code is cached next to the source or in the user's cache folder. If neither is writable, each process compiles
    the function again.
    """
    try:
        return _njit(function, cache=True)
    except RuntimeError:
        return _njit(function)
