"""Below the floor: no knowledge at all."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.base import HistoryRecommender
from skrec.data import Interactions
from skrec.data._hashing import splitmix64
from skrec.data._random import draw_seed

_ODD = np.uint64(0x9E3779B97F4A7C15)  # the step of the SplitMix64 generator


class RandomRecommender(HistoryRecommender):
    """Items in an arbitrary order, another one for each user; the order follows from the seed and the user's items.

    Parameters
    ----------
    random_state : int, Generator, RandomState or None, default=None

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import RandomRecommender
    >>> model = RandomRecommender(random_state=0).fit(csr_array([[1, 0, 1], [0, 0, 1]]))
    >>> sorted(model.recommend([1], k=2).items[0].tolist())
    [0, 1]
    """

    random_state: Any = None

    def _fit(self, data: Interactions) -> None:
        self._keep_rows(data)
        self.seed_ = draw_seed(self.random_state)

    def _score(self, rows: sp.csr_array, items: slice) -> np.ndarray:
        hashes = _mix(np.arange(self.n_items_, dtype=np.uint64) + np.uint64(self.seed_))
        users = np.zeros(rows.shape[0], np.uint64)
        np.add.at(users, np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), hashes[rows.indices])
        mixed = _mix(users[:, None] ^ hashes[None, items])
        return (mixed >> np.uint64(40)).astype(np.float32) / np.float32(2**24)


def _mix(x: np.ndarray) -> np.ndarray:
    """Unrelated numbers for neighbouring ones: the states of the SplitMix64 generator, mixed."""
    return splitmix64(x * _ODD)
