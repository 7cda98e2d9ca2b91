"""Counts of the training data."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import Interactions


class TrainingCounts(NamedTuple):
    """Who has seen what, and how often.

    Attributes
    ----------
    seen : CSR of shape (n_users, n_items)
        Stores the pairs of the events.
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
    seen = data.to_csr(duplicates="any")
    pairs = data[is_informative].to_csr(duplicates="any")
    return TrainingCounts(
        seen=seen,
        item_counts=np.bincount(seen.indices, minlength=data.n_items),
        learned_counts=np.bincount(pairs.indices, minlength=data.n_items),
        has_past=np.diff(pairs.indptr) > 0,
    )
