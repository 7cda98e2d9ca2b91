"""A baseline that recommends random items.

Other parameters are documented in `HistoryRecommender`.
"""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base import HistoryRecommender
from skrec.data import Interactions
from skrec.data._hashing import splitmix64
from skrec.data._random import draw_seed
from skrec.persistence import Kind, Value

_ODD = np.uint64(0x9E3779B97F4A7C15)  # increment of the SplitMix64 generator


class RandomRecommender(HistoryRecommender):
    """Recommend items in random order.

    The order depends on the seed and on the set of the user's items. The same user gets the same list in each call.

    Parameters
    ----------
    random_state : int, Generator, RandomState or None, default=None
        Seed of the random numbers. Pass an int for reproducible results. If None, each fit draws another seed.

    Attributes
    ----------
    seed_ : int
        Seed that was drawn from ``random_state``.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import RandomRecommender
    >>> model = RandomRecommender(random_state=0).fit(csr_array([[1, 0, 1], [0, 0, 1]]))
    >>> sorted(model.recommend([1], k=2).items[0].tolist())
    [0, 1]
    """

    random_state: Any = None

    _stored: ClassVar[dict[str, Kind]] = {"seed_": Value(int, at_least=0)}

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
    """A hash of the set of items of each row."""
    hashes = np.zeros(rows.shape[0], np.uint64)
    np.add.at(hashes, np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), item_hashes[rows.indices])
    return hashes


def _drawn(hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Numbers in [0, 1)."""
    return (_mix(hashes) >> np.uint64(40)).astype(np.float32) / np.float32(2**24)


def _mix(x: np.ndarray) -> np.ndarray:
    """Outputs of the SplitMix64 generator at the given states."""
    return splitmix64(x * _ODD)
