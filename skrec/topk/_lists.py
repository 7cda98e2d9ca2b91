"""Lists of the best columns of rows, which blocks of scores are added to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec.topk._scores import NO_CANDIDATE, RowPattern, as_array, hide, is_on_device

COMPILED_FROM = 10**7
"""Number of scores from which compiled selection, or a search, is worth the time to load and to prepare it."""

_NONE = np.iinfo(np.int64).max  # column of an empty place, above all others


class BestColumns:
    """The k best columns of each row, in descending order of scores. Ties are in order of columns.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of all scores.
    k : int
        Number of columns of each row.
    """

    def __init__(self, n_rows: int, n_columns: int, k: int):
        self._shape = n_rows, k
        self._columns: Any = None  # arrays, or tensors if the scores are on another device
        self._values: Any = None
        self._n_columns = n_columns
        self._is_large = n_rows * n_columns >= COMPILED_FROM

    def add(self, rows: slice, columns: slice, scores: Any, hidden: RowPattern | None = None) -> None:
        """Add the scores of a block.

        Parameters
        ----------
        rows, columns : slice
            Place of the block.
        scores : array or tensor of shape (n_rows_of_block, n_columns_of_block)
            May be modified. Minus infinity excludes a column.
        hidden : RowPattern, optional
            The columns of each row of the block that are excluded.

        Raises
        ------
        ValueError
            If a score of a column that is not excluded is NaN.
        """
        if is_on_device(scores):
            hide(scores, hidden or RowPattern.empty(len(scores)), columns)
            scores, found = _largest_on_device(scores, self._shape[1])
            if self._values is None:
                self._columns = found.new_full(self._shape, _NONE)
                self._values = scores.new_full(self._shape, NO_CANDIDATE)
            listed = self._values[rows], self._columns[rows]
            self._values[rows], self._columns[rows] = _merge_on_device(*listed, scores, found + columns.start)
            return
        scores = as_array(scores)
        if self._is_large:
            from skrec.topk._kernels import insert_largest

            all_columns = np.arange(self._n_columns)
            places = columns.start, all_columns, all_columns, np.arange(len(scores))
            pattern, lists = hidden or RowPattern.empty(len(scores)), self._lists(rows, scores)
            check_numbers(insert_largest(np.require(scores, requirements=("C", "W")), *places, *lists, *pattern))
            return
        if hidden is not None:
            hide(scores, hidden, columns)
        _insert(scores, columns.start, *self._lists(rows, scores))

    def _lists(self, rows: slice, scores: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
        """Values and columns of some rows. Values are of the type of the scores."""
        if self._values is None:
            self._columns, self._values = empty_lists(*self._shape, scores.dtype)
        return self._values[rows], self._columns[rows]

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Columns (n_rows, k), -1 where a row has fewer than k candidates, and their scores, where NaN stands for -1."""
        if self._values is None:
            return padded(*empty_lists(*self._shape, np.float32))
        if not isinstance(self._values, np.ndarray):
            return padded(self._columns.cpu().numpy(), as_array(self._values))
        return padded(self._columns, self._values)


def padded(columns: NDArray[np.int64], values: NDArray) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Write -1 and NaN into the places without a candidate."""
    is_empty = columns == _NONE
    columns, scores = np.where(is_empty, -1, columns), values.astype(np.float32, copy=False)
    scores[is_empty] = np.nan
    return columns, scores


def check_numbers(is_nan: bool) -> None:
    """Raise ValueError if a score is NaN."""
    if is_nan:
        raise ValueError("the model's scores must be numbers, but some are NaN")


def empty_lists(n_rows: int, k: int, dtype: Any) -> tuple[NDArray[np.int64], NDArray]:
    """Columns and values of lists without entries."""
    return np.full((n_rows, k), _NONE), np.full((n_rows, k), NO_CANDIDATE, dtype)


def _insert(scores: NDArray, first: int, values: NDArray, found: NDArray[np.int64]) -> None:
    """The same as `insert_largest` by numpy, for a block whose columns begin with ``first``, without hidden columns."""
    if scores.size == 0:
        return
    if len(scores) == 1 and found[0, 0] == _NONE:
        _fill(scores[0], first, values[0], found[0])
        return
    k, width = values.shape[1], scores.shape[1]
    largest = np.partition(scores, width - k, axis=1)[:, -k:] if k < width else scores
    check_numbers(bool(np.isnan(largest).any()))  # NaN is sorted behind all numbers
    least = np.maximum(largest[:, 0], values[:, -1]) if k < width else values[:, -1]
    rows, places = np.nonzero((scores >= least[:, None]) & (scores > NO_CANDIDATE))
    _merge(rows, first + places, scores[rows, places], values, found)


def _fill(scores: NDArray, first: int, values: NDArray, found: NDArray[np.int64]) -> None:
    """Insert the scores of a single row into its empty list."""
    k = len(values)
    largest = np.partition(scores, -k)[-k:] if k < len(scores) else scores
    check_numbers(bool(np.isnan(largest).any()))
    places = np.flatnonzero(scores >= largest[0]) if k < len(scores) else np.arange(len(scores))
    of_places = scores[places]
    order = np.argsort(-of_places, kind="stable")[:k]  # places are ascending, so ties are in the order of columns
    order = order[: np.count_nonzero(of_places[order] > NO_CANDIDATE)]
    values[: len(order)], found[: len(order)] = of_places[order], first + places[order]


def _merge(rows: NDArray, columns: NDArray, scores: NDArray, values: NDArray, found: NDArray) -> None:
    """Insert single entries into lists."""
    listed, places = np.nonzero(values > NO_CANDIDATE)
    rows, columns = np.concatenate([listed, rows]), np.concatenate([found[listed, places], columns])
    scores = np.concatenate([values[listed, places], scores])
    order = np.lexsort((columns, -scores, rows))
    rows = rows[order]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = ranks < values.shape[1]
    values[rows[kept], ranks[kept]] = scores[order[kept]]
    found[rows[kept], ranks[kept]] = columns[order[kept]]


def _largest_on_device(scores: Any, k: int) -> tuple[Any, Any]:
    """The k largest scores of each row of a tensor, and their columns. Among equal scores, lower columns are chosen."""
    k = min(k, scores.shape[1])
    values, columns = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    check_numbers(bool(values.isnan().any()))  # NaN is larger than all numbers
    # topk selects arbitrary columns among ties for the last place
    tied = (values[:, k - 1 : k] == values[:, k:]).any(1) & (values[:, k - 1 :] > NO_CANDIDATE).any(1)
    if tied.any():
        rows = tied.nonzero()[:, 0]
        ranked, order = scores[rows].sort(dim=1, descending=True, stable=True)
        values[rows, :k], columns[rows, :k] = ranked[:, :k], order[:, :k]
    return values[:, :k], columns[:, :k]


def _merge_on_device(values: Any, columns: Any, more_values: Any, more_columns: Any) -> tuple[Any, Any]:
    """The largest of two lists of values of each row, and their columns, as tensors with the width of the first list."""
    k = values.shape[1]
    import torch

    values, columns = torch.cat([values, more_values], 1), torch.cat([columns, more_columns], 1)
    columns = columns.masked_fill(values == NO_CANDIDATE, _NONE)
    columns, order = columns.sort(dim=1)
    values, by_value = values.gather(1, order).sort(dim=1, descending=True, stable=True)  # ties stay in the order of columns
    return values[:, :k], columns.gather(1, by_value)[:, :k]
