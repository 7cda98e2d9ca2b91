"""Compiled selection of the largest scores."""

from numpy.typing import NDArray

from skrec._compiled import compiled

_STEP = 32  # scores that are compared at once


@compiled
def insert_largest(
    scores: NDArray,
    columns: NDArray,
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
    columns : int64 array of shape (width,)
        Number of each column of the block.
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
                column = columns[j]
                if score == least and column >= list_columns[last]:
                    continue
                low, high = starts[place], ends[place]
                while low < high:
                    middle = (low + high) >> 1
                    if hidden[middle] < column:
                        low = middle + 1
                    else:
                        high = middle
                if low < ends[place] and hidden[low] == column:
                    continue
                if score != score:
                    return True
                p = last
                while p > 0 and (
                    list_values[p - 1] < score or (list_values[p - 1] == score and list_columns[p - 1] > column)
                ):
                    list_values[p], list_columns[p] = list_values[p - 1], list_columns[p - 1]
                    p -= 1
                list_values[p], list_columns[p] = score, column
                least = list_values[last]
    return False
