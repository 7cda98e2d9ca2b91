"""Arrays that are tables of events and not users x items matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = ("user", "item", "rating", "timestamp")
_MOST_COLUMNS = 5
_LARGEST_RATING = 10
_EARLIEST_TIME = 10**8  # in Unix seconds, in the year 1973; as a value of an event it would be an odd one
_EXPECTED_REPEATS = 10


def refuse_records(X: Any, array: NDArray, name: str) -> None:
    """ValueError if X is a list of tuples with two to five fields, or an array of records.

    Parameters
    ----------
    X : object
        What the user passed in.
    array : array
        The same as numpy sees it.
    name : str
        What to call X in error messages.
    """
    if array.dtype.names:
        raise ValueError(_message(name, array, array.dtype.names))
    if isinstance(X, list | tuple) and _is_narrow(array) and all(isinstance(row, tuple) for row in X):
        raise ValueError(_message(name, array, _NAMES[: array.shape[1]]))


def refuse_events(array: NDArray, name: str) -> None:
    """ValueError if numbers are evidently rows of (user, item), (user, item, rating) or (user, item, rating, time).

    Two columns of integers are. Otherwise the first two of at most five columns must hold whole numbers from 0, and look like
    labels rather than like the values of two items: see `_has_times`, `_has_keys` and `_has_labels`.
    """
    if _is_narrow(array) and _are_events(array):
        raise ValueError(_message(name, array, _NAMES[: array.shape[1]]))


def _message(name: str, array: NDArray, columns: tuple[str, ...]) -> str:
    kind = "an integer array" if array.dtype.kind in "iu" else "an array"
    rows = "pairs" if len(columns) == 2 else "rows"
    arguments = "users, items" if len(columns) == 2 else "users, items, values, timestamps=..."
    advice = f"; a matrix of {array.shape[1]} items can be passed as scipy.sparse.csr_array" if array.ndim == 2 else ""
    return (
        f"{name} is {kind} of shape {array.shape}, which looks like ({', '.join(columns)}) {rows}. Pass a DataFrame with "
        f"columns 'user' and 'item', or Interactions.from_arrays({arguments}){advice}"
    )


def _is_narrow(array: NDArray) -> bool:
    return array.ndim == 2 and 2 <= array.shape[1] <= _MOST_COLUMNS


def _are_events(array: NDArray) -> bool:
    if array.dtype.kind in "iu" and array.shape[1] == 2:
        return True
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        return False
    numbers = array.astype(np.float64)
    pairs, others = numbers[:, :2], numbers[:, 2:]
    if (pairs < 0).any() or (pairs != np.floor(pairs)).any():
        return False
    return _has_times(pairs, others) or _has_keys(pairs) or _has_labels(pairs, others)


def _has_times(pairs: NDArray, others: NDArray) -> bool:
    """Whether a later column holds whole numbers as large as Unix times, all of them beyond the first two columns."""
    least = max(_EARLIEST_TIME, pairs.max() + 1)
    return any(column.min() >= least and (column == np.floor(column)).all() for column in others.T)


def _has_keys(pairs: NDArray) -> bool:
    """Whether no pair occurs twice, although values that have nothing to do with each other would have met again."""
    n = len(pairs)
    chances = [(np.unique(column, return_counts=True)[1] / n) ** 2 for column in pairs.T]
    expected = n * (n - 1) / 2 * chances[0].sum() * chances[1].sum()
    return expected >= _EXPECTED_REPEATS and len(np.unique(pairs, axis=0)) == n


def _has_labels(pairs: NDArray, others: NDArray) -> bool:
    """Whether the first two columns have values that are no ratings, values that occur again, and few zeros if any.

    Zeros in a matrix are what is missing and more frequent than any other value, while label 0 is one of many. Where the
    next column holds no ratings either, but counts, both columns have to repeat values, and no pair may occur twice.
    """
    if others.shape[1] > 2 or pairs.max() <= _LARGEST_RATING:
        return False
    counts = [np.unique(column, return_counts=True)[1] for column in pairs.T]
    zeros = (pairs == 0).sum(axis=0)
    if any(n_zeros > 0 and n_zeros >= n_most for n_zeros, n_most in zip(zeros, (count[1:].max(initial=0) for count in counts))):
        return False
    repeats = [count.max() > 1 for count in counts]
    if others.size == 0 or others.max() <= _LARGEST_RATING:
        return any(repeats)
    return all(repeats) and len(np.unique(pairs, axis=0)) == len(pairs)
