"""Confidence intervals of means over users."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_fraction, check_int
from skrec._memory import rows_per_block
from skrec.data._arrays import as_array, as_numbers
from skrec.data._random import as_generator

_BYTES_OF_A_DRAW = 24  # an index, a value and a weight


def bootstrap_interval(
    values: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a (weighted) mean over users.

    For differences between the scores of two models for each user, the result is a paired interval.

    Parameters
    ----------
    values : array-like of float, shape (n_users,)
        One number for each user.
    weights : array-like of float, shape (n_users,), optional
        Positive weight of each user. If None, all weights are 1.
    confidence_level : float, default=0.95
        Share of the resampled means inside the interval, between 0 and 1, exclusive.
    n_resamples : int, default=1000
        Number of resamples. Must be at least 2.
    random_state : int, Generator, RandomState or None, default=0
        Seed or generator of the resamples.

    Returns
    -------
    low, high : float
        Bounds of the interval.

    Raises
    ------
    ValueError, TypeError
        If ``values`` is empty, or an argument is out of range or of another type.

    Notes
    -----
    Computed by `scipy.stats.bootstrap` with ``method="percentile"``. The more accurate method "BCa" has a cost quadratic in the
    number of users. For 6,000 users it changes the bounds by less than 2 % of the width of the interval.

    Time O(n_users * n_resamples): 4 s for 100,000 users and 1,000 resamples, 8 s with weights. Scratch memory is below 150 MB
    for up to two million users.

    Examples
    --------
    >>> low, high = bootstrap_interval([0.0, 1.0] * 50)
    >>> low < 0.5 < high
    True
    """
    from scipy.stats import bootstrap  # takes half a second to import

    values = as_numbers(as_array(values, "values"), "values").astype(np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"values must be one number for each of at least one user, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, but {np.count_nonzero(~np.isfinite(values))} are not")
    samples: tuple = (values,)
    if weights is not None:
        weights = as_numbers(as_array(weights, "weights"), "weights").astype(np.float64)
        if weights.shape != values.shape or not ((weights > 0) & (weights < np.inf)).all():
            raise ValueError(f"weights must be {len(values)} positive numbers, one for each value")
        samples = (values * weights, weights)
    confidence_level, n_resamples = (
        check_fraction(confidence_level, "confidence_level"),
        check_int(n_resamples, "n_resamples", at_least=2),
    )
    rng = as_generator(random_state)
    if len(values) == 1:  # scipy needs at least two
        return float(values[0]), float(values[0])
    found = bootstrap(
        samples,
        _mean,
        paired=True,
        method="percentile",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        batch=rows_per_block(_BYTES_OF_A_DRAW * len(values)),
        rng=rng,
    )
    low, high = found.confidence_interval
    return float(low), float(high)


def _mean(values: NDArray, weights: NDArray | None = None, *, axis: int) -> NDArray:
    """Means of values, or weighted means of values that are multiplied by their weights."""
    return values.mean(axis) if weights is None else values.sum(axis) / weights.sum(axis)


def with_interval(value: float, low: float, high: float) -> str:
    """A score and its interval as text, such as "0.335 (0.318 to 0.352)", with two digits of the width of the interval.

    There are at least three decimals. The interval is left out if a bound is NaN.
    """
    if np.isnan([low, high]).any():
        return f"{value:.3f}"
    width = high - low
    decimals = int(np.clip(1 - np.floor(np.log10(width)), 3, 6)) if width > 0 else 3
    return f"{value:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"
