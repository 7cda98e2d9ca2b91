"""Compiled selection of the largest scores, and sums of weights."""

import numpy as np
from numpy.typing import NDArray

from skrec._compiled import compiled

_STEP = 32  # scores that are compared at once


@compiled
def insert_largest(
    scores: NDArray,
    first: int,
    columns: NDArray,
    positions: NDArray,
    places: NDArray,
    values: NDArray,
    found: NDArray,
    starts: NDArray,
    ends: NDArray,
    hidden: NDArray,
) -> bool:
    """Insert a block of scores into sorted lists, which end with minus infinity where they are not full.

    Parameters
    ----------
    scores : array of shape (n_rows, width)
        Changed in place: hidden columns get minus infinity.
    first : int
        Position of the first column of the block in ``columns``.
    columns : int64 array of shape (n_positions,)
        Column at each position.
    positions : int64 array of shape (n_columns,)
        Position of each column, -1 if it has none.
    places : int64 array of shape (n_rows,)
        Position of each row in the arrays below.
    values, found : arrays of shape (n_lists, k)
        The largest scores and their columns, changed in place. Equal scores are in the order of columns.
    starts, ends, hidden
        The columns of each list that must not be inserted, as in `RowPattern`.

    Returns
    -------
    bool
        Whether a score is NaN.
    """
    last, width = values.shape[1] - 1, scores.shape[1]
    for row in range(scores.shape[0]):
        place, row_scores = places[row], scores[row]
        for p in range(starts[place], ends[place]):
            position = positions[hidden[p]] - first
            if 0 <= position < width:
                row_scores[position] = -np.inf
        list_values, list_columns = values[place], found[place]
        least = list_values[last]
        for begin in range(0, width, _STEP):
            end = min(begin + _STEP, width)
            n = 0
            for j in range(begin, end):
                n += not (row_scores[j] < least)  # true for NaN
            if n == 0:
                continue
            for j in range(begin, end):
                score = row_scores[j]
                if score < least:
                    continue
                column = columns[first + j]
                if (score == least and column >= list_columns[last]) or score == -np.inf:
                    continue
                if score != score:
                    return True
                p = last
                while p > 0 and (list_values[p - 1] < score or (list_values[p - 1] == score and list_columns[p - 1] > column)):
                    list_values[p], list_columns[p] = list_values[p - 1], list_columns[p - 1]
                    p -= 1
                list_values[p], list_columns[p] = score, column
                least = list_values[last]
    return False


@compiled
def insert_products(
    query: NDArray,
    length: float,
    vectors: NDArray,
    lengths: NDArray,
    constant: float,
    slack: float,
    columns: NDArray,
    hidden: NDArray,
    values: NDArray,
    found: NDArray,
) -> None:
    """Insert the products of a query and vectors, plus a constant, into a sorted list, until none can be among the largest.

    Parameters
    ----------
    query : array of shape (d,)
    length : float
        Length of the query.
    vectors : array of shape (n, d)
        In descending order of their lengths.
    lengths : float64 array of shape (n,)
        Lengths of the vectors, with an allowance for rounding errors.
    constant : float
        Is added to the products.
    slack : float
        Is added to the products of lengths, the bounds of the products.
    columns : int64 array of shape (n,)
        Column of each vector.
    hidden : int array of shape (n_hidden,)
        Columns that must not be inserted, ascending.
    values, found : arrays of shape (k,)
        The list, as in `insert_largest`.
    """
    last = len(values) - 1
    for position in range(len(vectors)):
        if length * lengths[position] + slack < values[last]:
            return
        vector, column, total = vectors[position], columns[position], query.dtype.type(0)
        for j in range(len(query)):
            total += query[j] * vector[j]
        product = total + query.dtype.type(constant)
        if product < values[last] or (product == values[last] and column > found[last]):
            continue
        place = np.searchsorted(hidden, column)
        if place < len(hidden) and hidden[place] == column:
            continue
        p = last
        while p > 0 and (values[p - 1] < product or (values[p - 1] == product and found[p - 1] > column)):
            values[p], found[p] = values[p - 1], found[p - 1]
            p -= 1
        values[p], found[p] = product, column


@compiled
def sum_dense_weights(
    rows: NDArray, indptr: NDArray, indices: NDArray, data: NDArray, weights: NDArray, first: int, sums: NDArray
) -> None:
    """Write ``matrix[rows] @ weights[:, first : first + width]`` of a CSR matrix into ``sums`` (n_rows, width)."""
    width = sums.shape[1]
    total = np.empty(width, sums.dtype)
    for i in range(len(rows)):
        p, end = indptr[rows[i]], indptr[rows[i] + 1]
        total[:] = 0
        while p + 3 < end:  # four at a time, since reading and writing the total takes longer than adding
            a, b, c, d = data[p], data[p + 1], data[p + 2], data[p + 3]
            of_a, of_b = weights[indices[p], first : first + width], weights[indices[p + 1], first : first + width]
            of_c, of_d = weights[indices[p + 2], first : first + width], weights[indices[p + 3], first : first + width]
            for j in range(width):
                total[j] += a * of_a[j] + b * of_b[j] + c * of_c[j] + d * of_d[j]
            p += 4
        while p < end:
            a, of_a = data[p], weights[indices[p], first : first + width]
            for j in range(width):
                total[j] += a * of_a[j]
            p += 1
        sums[i] = total


@compiled
def sum_sparse_weights(
    rows: NDArray,
    indptr: NDArray,
    indices: NDArray,
    data: NDArray,
    weight_indptr: NDArray,
    weight_indices: NDArray,
    weight_data: NDArray,
    sums: NDArray,
) -> None:
    """Write ``matrix[rows] @ weights`` of two CSR matrices into ``sums`` (n_rows, n_columns)."""
    for i in range(len(rows)):
        row_sums = sums[i]
        row_sums[:] = 0
        for p in range(indptr[rows[i]], indptr[rows[i] + 1]):
            factor, item = data[p], indices[p]
            for q in range(weight_indptr[item], weight_indptr[item + 1]):
                row_sums[weight_indices[q]] += factor * weight_data[q]
