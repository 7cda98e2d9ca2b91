"""Detection of arrays that are tables of events and not users x items matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = ("user", "item", "rating", "timestamp")
_MOST_COLUMNS = 5
_LARGEST_RATING = 10
_EARLIEST_TIME = 10**8  # Unix seconds in 1973, which is unlikely as the value of an event
_EXPECTED_REPEATS = 10
_LEAST_LOG_CHANCE = np.log(1e-6)
_LEAST_AT_ENDS = 5
_LEAST_SHARE_AT_ENDS = 0.02


def refuse_records(X: Any, array: NDArray, name: str) -> None:
    """Raise ValueError if X is a list of tuples with two to five fields, or a structured array.

    Parameters
    ----------
    X : object
        The argument passed by the user.
    array : array
        X as a numpy array.
    name : str
        Name of X in error messages.
    """
    if array.dtype.names:
        raise ValueError(_message(name, array, array.dtype.names))
    if isinstance(X, list | tuple) and _is_narrow(array) and all(isinstance(row, tuple) for row in X):
        raise ValueError(_message(name, array, _NAMES[: array.shape[1]]))


def refuse_events(array: NDArray, name: str) -> None:
    """Raise ValueError if an array seems to have rows of (user, item), (user, item, rating) or (user, item, rating, time).

    This is assumed for two columns of integers. Otherwise the first two of at most five columns must hold non-negative
    integers, and must look like labels and not like the values of two items: see `_has_times`, `_has_keys`, `_is_in_order`,
    `_has_labels` and `_is_log`.
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
    if _has_times(pairs, others) or _has_keys(pairs) or _is_in_order(pairs, others):
        return True
    return not _has_gaps(pairs) and (_has_labels(pairs, others) or _is_log(pairs, others))


def _has_times(pairs: NDArray, others: NDArray) -> bool:
    """Whether a later column holds integers as large as Unix times, all of them above the values of the first two."""
    least = max(_EARLIEST_TIME, pairs.max() + 1)
    return any(column.min() >= least and (column == np.floor(column)).all() for column in others.T)


def _has_keys(pairs: NDArray) -> bool:
    """Whether no pair repeats, although independent columns would have repeated pairs."""
    n = len(pairs)
    chances = [(np.unique(column, return_counts=True)[1] / n) ** 2 for column in pairs.T]
    expected = n * (n - 1) / 2 * chances[0].sum() * chances[1].sum()
    return expected >= _EXPECTED_REPEATS and len(np.unique(pairs, axis=0)) == n


def _has_gaps(pairs: NDArray) -> bool:
    """Whether zero is the most frequent value of a column, as missing entries of a matrix are."""
    zeros = (pairs == 0).sum(axis=0)
    counts = [np.unique(column, return_counts=True)[1] for column in pairs.T]
    return any(n_zeros > 0 and n_zeros >= count[1:].max(initial=0) for n_zeros, count in zip(zeros, counts))


def _has_labels(pairs: NDArray, others: NDArray) -> bool:
    """Whether the first two columns have values above the range of ratings, and repeated values.

    If the next column is not in the range of ratings either, both columns must have repeats, and no pair may repeat.
    """
    if others.shape[1] > 2 or pairs.max() <= _LARGEST_RATING:
        return False
    repeats = [len(np.unique(column)) < len(column) for column in pairs.T]
    if others.size == 0 or others.max() <= _LARGEST_RATING:
        return any(repeats)
    return all(repeats) and len(np.unique(pairs, axis=0)) == len(pairs)


def _is_log(pairs: NDArray, others: NDArray) -> bool:
    """Whether the later columns hold numbers of another kind, while all columns of a matrix are alike."""
    return others.size > 0 and pairs.max() > _LARGEST_RATING and (_has_fractions(others) or _are_codes(pairs))


def _is_in_order(pairs: NDArray, others: NDArray) -> bool:
    """Whether rows are sorted by a label or a time. The rows of a matrix are not sorted by the values of an item."""
    if others.size == 0 or pairs.max() <= _LARGEST_RATING:
        return False
    return any(_is_grouped(column) for column in pairs.T) or any(_is_sorted(column) for column in others.T)


def _is_grouped(column: NDArray) -> bool:
    """Whether equal values are consecutive, which is unlikely in a random order."""
    counts = np.unique(column, return_counts=True)[1]
    n_runs = 1 + np.count_nonzero(np.diff(column))
    return n_runs == len(counts) and _log_chance_of_order(counts) + log_factorials(n_runs) < _LEAST_LOG_CHANCE


def _is_sorted(column: NDArray) -> bool:
    counts = np.unique(column, return_counts=True)[1]
    return bool((np.diff(column) >= 0).all()) and _log_chance_of_order(counts) < _LEAST_LOG_CHANCE


def _log_chance_of_order(counts: NDArray) -> float:
    """The log probability that a random order of values with these counts is one given order.

    0 for two values, which may be those of two groups of users.
    """
    return float(log_factorials(counts).sum() - log_factorials(counts.sum())) if len(counts) > 2 else 0.0


def log_factorials(numbers: Any) -> Any:
    """The logarithms of the factorials of an integer or an array of integers."""
    from scipy.special import gammaln  # takes a tenth of a second to import

    return gammaln(np.add(numbers, 1.0))


def _has_fractions(others: NDArray) -> bool:
    """Whether a later column has so many fractions that the first two would have some too if they were alike."""
    shares = (others != np.floor(others)).mean(axis=0)
    return bool((len(others) * np.log(1 - np.minimum(shares, 0.5)) < _LEAST_LOG_CHANCE / 2).any())


def _are_codes(pairs: NDArray) -> bool:
    """Whether both columns fill different ranges, including the ends of the ranges, where counts are rare."""
    starts, stops = pairs.min(axis=0), pairs.max(axis=0)
    differ = np.ptp(starts) > 0.1 * stops.min() or np.ptp(stops) > 0.1 * stops.min()
    least = max(_LEAST_AT_ENDS, _LEAST_SHARE_AT_ENDS * len(pairs))
    return differ and all(_fills(column, start, stop, least) for column, start, stop in zip(pairs.T, starts, stops))


def _fills(column: NDArray, start: float, stop: float, least: float) -> bool:
    margin = 0.1 * (stop - start)
    n_at_ends = min((column <= start + margin).sum(), (column >= stop - margin).sum())
    return n_at_ends >= least and len(np.unique(column)) >= 0.5 * (stop - start + 1)
