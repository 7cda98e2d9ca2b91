"""How sure a mean over users is."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec.data._arrays import as_array, as_numbers
from skrec.data._random import generator_of
from skrec.data._splitting import check_count, check_fraction

_DRAWS_AT_ONCE = 2**22


def bootstrap_interval(
    values: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a (weighted) mean: users are drawn with replacement, again and again.

    Of the difference of two models' per-user values it is a paired interval.

    Parameters
    ----------
    values : array-like of float, shape (n_users,)
        One number for each user.
    weights : array-like of float, shape (n_users,), optional
        Positive; ones by default.
    level : float, default=0.95
        Share of the resampled means inside the interval.
    n_resamples : int, default=1000
    random_state : int, Generator, RandomState or None, default=0

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If values are empty, or an argument is outside its range.

    Notes
    -----
    Time O(n_users * n_resamples), some 10 s for 100,000 users and 10,000 resamples; scratch memory below 150 MB up to
    four million users.

    Examples
    --------
    >>> low, high = bootstrap_interval([0.0, 1.0] * 50)
    >>> low < 0.5 < high
    True
    """
    values = as_numbers(as_array(values, "values"), "values").astype(np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"values must be one number for each of at least one user, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, but {np.count_nonzero(~np.isfinite(values))} are not")
    weights = np.ones(len(values)) if weights is None else as_numbers(as_array(weights, "weights"), "weights")
    if weights.shape != values.shape or not ((weights > 0) & (weights < np.inf)).all():
        raise ValueError(f"weights must be {len(values)} positive numbers, one for each value")
    level, n_resamples = check_fraction(level, "level"), check_count(n_resamples, "n_resamples")
    means = _resampled_means(values, weights.astype(np.float64), n_resamples, generator_of(random_state))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_means(
    values: NDArray[np.float64], weights: NDArray[np.float64], n_resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    n = len(values)
    at_once = max(1, _DRAWS_AT_ONCE // n)
    means = []
    for start in range(0, n_resamples, at_once):
        drawn = rng.integers(n, size=(min(at_once, n_resamples - start), n))
        means.append((values * weights)[drawn].sum(axis=1) / weights[drawn].sum(axis=1))
    return np.concatenate(means)
