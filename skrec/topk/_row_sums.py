"""Search for the largest sums of the weights of a row's items."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._memory import blocks, score_rows_per_block
from skrec._threads import map_in_threads, n_threads
from skrec.topk._lists import empty_lists, padded
from skrec.topk._scores import NO_CANDIDATE, RowPattern

_HEIGHT = 1024  # rows of a block of dense weights
_WIDTH = 128  # columns of a tile of dense weights


@dataclass(frozen=True, eq=False)
class RowSums:
    """Scores ``rows @ weights`` of sparse rows.

    Attributes
    ----------
    weights : float array or CSR of shape (n, n_items)
    """

    weights: Any

    def search(self, items: NDArray[np.int64]) -> "RowSumSearch":
        """Prepare a search among some items, ascending."""
        return RowSumSearch(self.weights, items)


class RowSumSearch:
    """Exact search for the items with the largest sums.

    Parameters
    ----------
    weights : float array or CSR of shape (n, n_items)
    items : int64 array of shape (n_searched,)
        Items that are searched, ascending.
    """

    def __init__(self, weights: Any, items: NDArray[np.int64]):
        self.weights, self._items = weights, np.arange(weights.shape[1])
        self._excluded = np.setdiff1d(self._items, items, assume_unique=True)

    def best(
        self, rows: sp.csr_array, k: int, hidden: RowPattern | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Find the k best items of CSR rows (n_rows, n), as `ProductSearch.best`. None if a score is not finite."""
        n_rows = rows.shape[0]
        found, values = empty_lists(n_rows, k, np.result_type(rows.dtype, self.weights.dtype))
        hidden = hidden or RowPattern.empty(n_rows)
        is_sparse = sp.issparse(self.weights)
        search = self._search_whole_rows if is_sparse else self._search_tiles
        height = score_rows_per_block(4 * self.weights.shape[1]) if is_sparse else _HEIGHT
        n = n_threads(None, 2.0 * rows.nnz * self._mean_length())
        are_numbers = map_in_threads(lambda block: search(rows, block, values, found, hidden), blocks(n_rows, height), n)
        return padded(found, values) if all(are_numbers) and not np.isposinf(values).any() else None

    def _mean_length(self) -> float:
        """Mean number of weights of a row."""
        return self.weights.nnz / len(self.weights.indptr) if sp.issparse(self.weights) else self.weights.shape[1]

    def _search_whole_rows(
        self, rows: sp.csr_array, block: slice, values: NDArray, found: NDArray[np.int64], hidden: RowPattern
    ) -> bool:
        from skrec.topk._kernels import insert_largest, sum_sparse_weights

        places, weights = np.arange(block.start, block.stop), self.weights
        scores = np.empty((len(places), weights.shape[1]), values.dtype)
        sum_sparse_weights(places, rows.indptr, rows.indices, rows.data, weights.indptr, weights.indices, weights.data, scores)
        scores[:, self._excluded] = NO_CANDIDATE
        return not insert_largest(scores, 0, self._items, self._items, places, values, found, *hidden)

    def _search_tiles(
        self, rows: sp.csr_array, block: slice, values: NDArray, found: NDArray[np.int64], hidden: RowPattern
    ) -> bool:
        from skrec.topk._kernels import insert_largest, sum_dense_weights

        places, is_number = np.arange(block.start, block.stop), True
        for tile in blocks(self.weights.shape[1], _WIDTH):
            scores = np.empty((len(places), tile.stop - tile.start), values.dtype)
            sum_dense_weights(places, rows.indptr, rows.indices, rows.data, self.weights, tile.start, scores)
            first, last = np.searchsorted(self._excluded, [tile.start, tile.stop])
            scores[:, self._excluded[first:last] - tile.start] = NO_CANDIDATE
            lists = places, values, found, *hidden
            is_number &= not insert_largest(scores, tile.start, self._items, self._items, *lists)
        return is_number
