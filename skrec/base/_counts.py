"""Counts of the training data, and what a fitted model stores of it."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._pairs import index_dtype, sorted_pairs


class TrainingCounts(NamedTuple):
    """Counts of the training events by user and item.

    Attributes
    ----------
    seen : bool CSR of shape (n_users, n_items)
        True at the pairs of the events.
    item_counts : int64 array of shape (n_items,)
        Users of each item.
    learned_counts : int64 array of shape (n_items,)
        Users of each item, among the events that the model learns from.
    has_past : bool array of shape (n_users,)
        Users with an event that the model learns from.
    """

    seen: sp.csr_array
    item_counts: NDArray[np.int64]
    learned_counts: NDArray[np.int64]
    has_past: NDArray[np.bool_]


def count_events(data: Interactions, is_informative: NDArray[np.bool_]) -> TrainingCounts:
    """Count some events, and those of them that the model learns from."""
    pairs = sorted_pairs(data)
    learned = pairs.items if is_informative.all() else pairs.items[pairs.reduced(np.logical_or, is_informative)]
    return TrainingCounts(
        seen=pairs.matrix(np.ones(len(pairs.items), bool)),
        item_counts=np.bincount(pairs.items, minlength=data.n_items),
        learned_counts=np.bincount(learned, minlength=data.n_items),
        has_past=np.bincount(data.users[is_informative], minlength=data.n_users) > 0,
    )


def ones_at(pairs: sp.csr_array) -> sp.csr_array:
    """A float32 matrix of ones at the stored entries of another one, with the same index arrays."""
    ones = sp.csr_array((np.ones(pairs.nnz, np.float32), pairs.indices, pairs.indptr), shape=pairs.shape)
    return with_index_of(ones, pairs)


def with_index_of(matrix: sp.csr_array, other: sp.csr_array) -> sp.csr_array:
    """Let a matrix share the index arrays of another one if both store the same entries, which saves memory.

    The entries of the first must be among those of the other.
    """
    if matrix.nnz == other.nnz:
        matrix.indices, matrix.indptr = other.indices, other.indptr  # the constructor would make views, pickled twice
    return matrix


def stored_events(data: Interactions, seen: sp.csr_array) -> Interactions:
    """Events with codes of 32 bits if they fit. Those of a matrix share their items with ``seen``."""
    codes = index_dtype(data.n_users, data.n_items)
    users, items = data.users.astype(codes, copy=False), data.items
    if len(items) == seen.nnz and np.array_equal(items, seen.indices):
        items = seen.indices
    return data._replace(users=users, items=items.astype(codes, copy=False))
