"""Compiled selection among the vectors that faiss finds."""

import numpy as np
from numpy.typing import NDArray

from skrec._compiled import compiled


@compiled
def insert_visible(
    candidates: NDArray,
    scores: NDArray,
    starts: NDArray,
    ends: NDArray,
    hidden: NDArray,
    rows: NDArray,
    found: NDArray,
    values: NDArray,
) -> bool:
    """Write the k best candidates that are not hidden into empty lists. Return whether all lists are full.

    Parameters
    ----------
    candidates : int64 array of shape (n_rows, n)
        Vectors in descending order of scores, padded with -1.
    scores : array of shape (n_rows, n)
    starts, ends, hidden
        The vectors of each list that must not be found, as in `RowPattern`.
    rows : int64 array of shape (n_rows,)
        The list of each row.
    found, values : arrays of shape (n_lists, k)
        Lists, with -1 and NaN in their empty places. Equal scores are put in the order of vectors.
    """
    k, is_full = found.shape[1], True
    for i in range(len(rows)):
        row, n = rows[i], 0
        forbidden = hidden[starts[row] : ends[row]]
        for j in range(candidates.shape[1]):
            vector, score = candidates[i, j], scores[i, j]
            if vector < 0 or (n == k and score < values[row, k - 1]):
                break
            place = np.searchsorted(forbidden, vector)
            if place < len(forbidden) and forbidden[place] == vector:
                continue
            if n == k and vector > found[row, k - 1]:
                continue
            p = min(n, k - 1)
            while p > 0 and values[row, p - 1] == score and found[row, p - 1] > vector:
                values[row, p], found[row, p] = values[row, p - 1], found[row, p - 1]
                p -= 1
            values[row, p], found[row, p] = score, vector
            n = min(n + 1, k)
        is_full &= n == k
    return is_full
