"""Functions compiled by numba.

Modules with compiled functions are imported where they are used, since numba takes some tenths of a second to import.
"""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on its first call. It releases the GIL.

    The machine code is cached next to the source or in the user's cache folder. If neither is writable, each process compiles
    the function again.
    """
    try:
        return numba.njit(function, nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"})
    except RuntimeError:
        return numba.njit(function, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"})
