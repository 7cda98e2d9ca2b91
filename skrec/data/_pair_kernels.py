"""Compiled counting sorts of the pairs of many events.

A counting sort writes each event to the place of its code. With many codes these places are far apart, and most writes miss the
caches of the processor. Events are therefore first divided into parts with consecutive codes, and each part is sorted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._compiled import compiled

_PARTS_BITS = 10  # parts that a processor can write to at the same time


def order_in_parts(users: NDArray, items: NDArray, shape: tuple[int, int]) -> tuple[NDArray, NDArray, NDArray]:
    """Return events sorted by user, item and position: positions, items, and the place of each user's first event.

    Parameters
    ----------
    users, items : int32 or int64 array of shape (n_events,)
        Codes, which are not checked.
    shape : (int, int)
        Number of users and of items.
    """
    scratch = tuple(np.empty_like(users) for _ in range(3))
    by_item = np.empty_like(items), np.empty_like(users), np.arange(len(users), dtype=users.dtype)
    _sort((items, users, by_item[2]), shape[1], scratch, by_item)
    items, users, positions = by_item
    indptr = _sort((users, items, positions), shape[0], scratch, (users, items, positions))
    return positions, items, indptr


def _sort(columns: Any, n_codes: int, scratch: Any, result: Any) -> NDArray:
    """Sort three columns by the first one, and return the place of the first entry of each code, (n_codes + 1,).

    The result may be written to the columns.
    """
    shift = max(0, (n_codes - 1).bit_length() - _PARTS_BITS)
    bounds = np.zeros((max(n_codes - 1, 0) >> shift) + 2, np.int64)
    _divide(*columns, shift, bounds, *scratch)
    indptr = np.zeros(n_codes + 1, columns[0].dtype)
    _sort_parts(*scratch, shift, bounds, *result, indptr)
    return indptr


@compiled
def _divide(codes, others, positions, shift, bounds, to_codes, to_others, to_positions):
    """Divide events into parts with equal codes up to the last ``shift`` bits. ``bounds`` receives the first place of each."""
    for code in codes:
        bounds[(code >> shift) + 1] += 1
    for part in range(1, len(bounds)):
        bounds[part] += bounds[part - 1]
    places = bounds.copy()
    for event in range(len(codes)):
        code = codes[event]
        place = places[code >> shift]
        places[code >> shift] = place + 1
        to_codes[place], to_others[place], to_positions[place] = code, others[event], positions[event]


@compiled
def _sort_parts(codes, others, positions, shift, bounds, to_codes, to_others, to_positions, indptr):
    """Sort the events of each part by their codes."""
    n_codes = len(indptr) - 1
    places = np.empty(1 << shift, np.int64)
    for part in range(len(bounds) - 1):
        first = part << shift
        n = min(n_codes - first, 1 << shift)
        places[:] = 0
        for event in range(bounds[part], bounds[part + 1]):
            places[codes[event] - first] += 1
        place = bounds[part]
        for code in range(n):
            place, places[code] = place + places[code], place
            indptr[first + code + 1] = place
        for event in range(bounds[part], bounds[part + 1]):
            code = codes[event] - first
            place = places[code]
            places[code] = place + 1
            to_codes[place], to_others[place], to_positions[place] = codes[event], others[event], positions[event]
