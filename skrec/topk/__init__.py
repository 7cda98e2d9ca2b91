"""Exact selection of the k best columns of scores, in bounded memory.

Scores are blocks of shape (n_rows, n_columns), as numpy arrays or torch tensors on any device, or products of vectors, most of
which need not be computed. Equal scores are in the order of columns. A score of minus infinity excludes a column.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.topk._blocks import check_list_length, column_blocks, row_blocks, whole_row_blocks
from skrec.topk._lists import COMPILED_FROM, BestColumns
from skrec.topk._products import Products, ProductSearch, as_they_are
from skrec.topk._row_sums import RowSums, RowSumSearch
from skrec.topk._scores import NO_CANDIDATE, RowPattern, as_array, as_scores, as_tensor, hide, like

__all__ = [
    "COMPILED_FROM",
    "NO_CANDIDATE",
    "BestColumns",
    "ProductSearch",
    "Products",
    "RowPattern",
    "RowSums",
    "Search",
    "as_array",
    "as_scores",
    "as_tensor",
    "as_they_are",
    "check_list_length",
    "column_blocks",
    "hide",
    "like",
    "row_blocks",
    "top_k_of_columns",
    "whole_row_blocks",
]

ScoreBlock = Callable[[slice], Any]
Search = ProductSearch | RowSumSearch


def top_k_of_columns(
    score_block: ScoreBlock, n_rows: int, n_columns: int, k: int, *, hidden: sp.csr_array | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Select the k best columns of each row.

    Parameters
    ----------
    score_block : callable
        Takes a slice of columns and returns their scores, of shape (n_rows, width), as an array or tensor that may be modified.
    n_rows, n_columns : int
        Shape of the scores.
    k : int
        Number of columns to select.
    hidden : CSR of shape (n_rows, n_columns), optional
        Stored entries are excluded.

    Returns
    -------
    columns : int64 array of shape (n_rows, k)
        Columns in descending order of scores. Ties are in order of columns. -1 if a row has fewer than k candidates.
    scores : float32 array of shape (n_rows, k)
        Scores, and NaN for -1.
    """
    best, excluded = BestColumns(n_rows, n_columns, k), None if hidden is None else RowPattern.of(hidden)
    for columns in column_blocks(n_columns):
        best.add(slice(0, n_rows), columns, score_block(columns), excluded)
    return best.result()
