"""A baseline without any knowledge."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base import HistoryRecommender
from skrec.data import Interactions
from skrec.data._hashing import splitmix64
from skrec.data._random import draw_seed

_ODD = np.uint64(0x9E3779B97F4A7C15)  # the step of the SplitMix64 generator


class RandomRecommender(HistoryRecommender):
    """Items in random order, which depends on the seed and on the set of the user's items.

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
        hashes = self._item_hashes()
        return _drawn(_row_hashes(rows, hashes)[:, None] ^ hashes[None, items])

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        hashes = self._item_hashes()
        who, rows = np.unique(users, return_inverse=True)
        return _drawn(_row_hashes(self.rows_[who], hashes)[rows] ^ hashes[items])

    def _item_hashes(self) -> NDArray[np.uint64]:
        return _mix(np.arange(self.n_items_, dtype=np.uint64) + np.uint64(self.seed_))


def _row_hashes(rows: sp.csr_array, item_hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for each row that depends on the set of its items."""
    hashes = np.zeros(rows.shape[0], np.uint64)
    np.add.at(hashes, np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), item_hashes[rows.indices])
    return hashes


def _drawn(hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Numbers from 0 to 1, the largest excluded."""
    return (_mix(hashes) >> np.uint64(40)).astype(np.float32) / np.float32(2**24)


def _mix(x: np.ndarray) -> np.ndarray:
    """Unrelated numbers for neighbouring ones: the states of the SplitMix64 generator, mixed."""
    return splitmix64(x * _ODD)
