"""The distinct (user, item) pairs of events, found by counting sorts of the codes."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Codes = NDArray[Any]  # int32 or int64
_FEW = 2**12  # codes for which a table is small
_FEW_EVENTS = 2**10  # which are sorted by comparison in less time than it takes to make the matrices of a counting sort
_COMPILED_FROM = 2**25  # events whose sort takes longer than to load compiled functions


def index_dtype(*sizes: int) -> type[np.int32] | type[np.int64]:
    """The smallest integer type that can hold indices of these sizes."""
    return np.int32 if max(sizes) < 2**31 else np.int64


class Pairs(NamedTuple):
    """The order of events by pair, and the distinct pairs as the index arrays of a CSR matrix.

    Attributes
    ----------
    shape : (int, int)
        Number of users and items.
    n_events : int
    order : int array of shape (n_events,), or slice
        Positions of the events, sorted by user, item and position. A full slice if the events are in this order.
    starts : int64 array of shape (n_pairs,), or None
        Place of the first event of each pair in this order. None if no pair is repeated.
    items : int array of shape (n_pairs,)
        Items of the pairs, ascending for each user.
    users : int array of shape (n_rows,), or slice
        Users of the rows in ``bounds``. A full slice if all users have a row.
    bounds : int array of shape (n_rows + 1,)
        Place of the first pair of each row.
    """

    shape: tuple[int, int]
    n_events: int
    order: Codes | slice
    starts: NDArray[np.int64] | None
    items: Codes
    users: Codes | slice
    bounds: Codes

    @property
    def indptr(self) -> Codes:
        """Place of the first pair of each user, (n_users + 1,)."""
        if isinstance(self.users, slice):
            return self.bounds
        n_pairs = np.zeros(self.shape[0] + 1, self.bounds.dtype)
        n_pairs[1:][self.users] = np.diff(self.bounds)
        return np.cumsum(n_pairs, dtype=n_pairs.dtype)

    def reduced(self, function: np.ufunc, column: NDArray) -> NDArray:
        """Combine the entries of each pair in a column of the events. The result may be the column."""
        in_order = column[self.order]
        return in_order if self.starts is None else function.reduceat(in_order, self.starts)

    def spread(self, column: NDArray) -> NDArray:
        """A column of the events with the entries of their pairs."""
        if self.starts is not None:
            column = np.repeat(column, np.diff(self.starts, append=self.n_events))
        of_events = np.empty(self.n_events, column.dtype)
        of_events[self.order] = column
        return of_events

    def matrix(self, data: NDArray) -> sp.csr_array:
        """A CSR matrix with the given entries of the pairs. It shares the index arrays."""
        indptr = self.indptr
        matrix = sp.csr_array((data, self.items, indptr), shape=self.shape)
        matrix.indices, matrix.indptr = self.items, indptr  # the constructor would make views, pickled twice
        matrix.has_canonical_format = True
        return matrix


def sorted_pairs(events: Any) -> Pairs:
    """Sort the pairs of a table of events in O(n_events + n_users + n_items).

    The result is kept if the table is one of `remembering_pairs`.
    """
    kept = vars(events).get("_pairs")
    if kept is None:
        return _sort_pairs(events)
    if not kept:
        kept.append(_sort_pairs(events))
    return kept[0]


def remembering_pairs(events: Any) -> Any:
    """A copy of a table of events that sorts its pairs only once. They take up to 17 bytes an event."""
    return events._replace(_pairs=[])


def _sort_pairs(events: Any) -> Pairs:
    shape = events.n_users, events.n_items
    present, users, n_users = _dense(events.users, events.n_users)
    order, items, bounds = order_by_pair(users, events.items, (n_users, events.n_items))
    is_first = np.ones(len(items), bool)
    np.not_equal(items[1:], items[:-1], out=is_first[1:])
    is_first[bounds[:-1][np.diff(bounds) > 0]] = True
    if is_first.all():
        return Pairs(shape, len(events), order, None, items, present, bounds)
    n_before = np.zeros(len(items) + 1, items.dtype)
    np.cumsum(is_first, out=n_before[1:])
    return Pairs(shape, len(events), order, np.flatnonzero(is_first), items[is_first], present, n_before[bounds])


def order_by_pair(users: Codes, items: Codes, shape: tuple[int, int]) -> tuple[Codes | slice, Codes, Codes]:
    """Return events sorted by user, item and position: positions, items, and the place of each user's first event.

    The positions are a full slice if the events are in this order. The items may then be the given array.
    """
    n_users = shape[0]
    dtype = index_dtype(*shape, len(users))
    users, items = _read_codes(users, n_users, dtype), _read_codes(items, shape[1], dtype)
    if _are_sorted(users, items):
        indptr = np.searchsorted(users, np.arange(n_users + 1, dtype=dtype))
        return slice(None), items, indptr.astype(dtype, copy=False)
    if len(users) <= _FEW_EVENTS:
        order = np.lexsort((items, users)).astype(dtype)
        _, items, indptr = order_by_pair(users[order], items[order], shape)
        return order, items, indptr
    present, items, n_items = _dense(items, shape[1])
    if len(users) < _COMPILED_FROM:
        order, items, indptr = _order_by_conversions(users, items, (n_users, n_items))
    else:
        from skrec.data._pair_kernels import order_in_parts

        order, items, indptr = order_in_parts(users, items, (n_users, n_items))
    return order, items if isinstance(present, slice) else present[items], indptr


def _order_by_conversions(users: Codes, items: Codes, shape: tuple[int, int]) -> tuple[Codes, Codes, Codes]:
    """The result of `order_by_pair` for events in any order."""
    (n_users, n_items), indptr = shape, np.arange(len(users) + 1, dtype=users.dtype)
    # SciPy converts between formats by stable counting sorts: of a matrix with one event in each row by item, then by user
    by_item = sp.csr_array((users, items, indptr), shape=(len(users), n_items)).tocsc()
    by_user = sp.csc_array((by_item.indices, by_item.data, by_item.indptr), shape=(n_users, n_items)).tocsr()
    return by_user.data, by_user.indices, by_user.indptr


def group_by(codes: Codes, n_codes: int) -> Codes:
    """The positions of codes in stable ascending order, by a counting sort."""
    if len(codes) <= _FEW_EVENTS:
        return np.argsort(_read_codes(codes, n_codes, np.int64), kind="stable")
    _, codes, n_codes = _dense(codes, n_codes)
    dtype = index_dtype(n_codes, len(codes))
    columns, indptr = _read_codes(codes, n_codes, dtype), np.arange(len(codes) + 1, dtype=dtype)
    return sp.csr_array((np.empty(len(codes), bool), columns, indptr), shape=(len(codes), n_codes)).tocsc().indices


def _dense(codes: Codes, n_codes: int) -> tuple[Codes | slice, Codes, int]:
    """The codes that occur, their positions, and their number, if few of many codes occur. Otherwise all codes."""
    if n_codes <= _FEW + 4 * len(codes):
        return slice(None), codes, n_codes
    present, places = np.unique(codes, return_inverse=True)
    return present, places.astype(codes.dtype, copy=False), len(present)


def _are_sorted(users: Codes, items: Codes) -> bool:
    """Whether events are in the order of their pairs."""
    if not (users[1:] >= users[:-1]).all():
        return False
    return bool(((items[1:] >= items[:-1]) | (users[1:] != users[:-1])).all())


def _read_codes(codes: Codes, n_codes: int, dtype: type) -> Codes:
    """Cast codes, and check their range, which SciPy's conversions do not."""
    if len(codes) and not 0 <= codes.min() <= codes.max() < n_codes:
        raise ValueError(f"codes must be in 0..{n_codes - 1}, got {codes.min()} to {codes.max()}")
    return codes.astype(dtype, copy=False)
