"""Single entries of products of matrices: the scores of some pairs, without the scores of all items."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._memory import blocks, rows_per_block

_BYTES_PER_ENTRY = 32  # of a sparse row: indices of both sides, the entry and its product


def dense_products(left: NDArray, right: NDArray, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """``(left @ right.T)[rows, columns]`` of dense vectors.

    Parameters
    ----------
    left : array of shape (n_left, d)
    right : array of shape (n_right, d)
    rows, columns : int64 arrays of shape (n_pairs,)

    Returns
    -------
    float32 array of shape (n_pairs,)
    """
    products = np.empty(len(rows), np.float32)
    for block in blocks(len(rows), rows_per_block(4 * left.shape[1])):
        products[block] = np.einsum("ij,ij->i", left[rows[block]], right[columns[block]])
    return products


def sparse_products(left: sp.csr_array, right: Any, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(left @ right)[rows, columns]`` of a sparse matrix and a sparse or dense one.

    Parameters
    ----------
    left : CSR of shape (n_left, m)
    right : CSR or array of shape (m, n_right)
    rows, columns : int64 arrays of shape (n_pairs,)

    Returns
    -------
    float64 array of shape (n_pairs,)

    Notes
    -----
    Looks up one entry of ``right`` for each stored entry of the rows asked for.
    """
    products = np.zeros(len(rows))
    longest = int(np.diff(left.indptr).max(initial=1))
    for block in blocks(len(rows), rows_per_block(longest * _BYTES_PER_ENTRY)):
        entries = left[rows[block]]
        pairs = np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))
        met = entries_at(right, entries.indices, columns[block][pairs])
        products[block] = np.bincount(pairs, entries.data * met, minlength=entries.shape[0])
    return products


def entries_at(matrix: Any, rows: NDArray, columns: NDArray) -> NDArray:
    """``matrix[rows, columns]`` of a sparse or dense matrix, as an array also where there are none."""
    return matrix[rows, columns] if len(rows) else np.empty(0, matrix.dtype)
