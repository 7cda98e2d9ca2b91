"""L2 penalties of the rows of embeddings, for ratings.

The penalty of the vector of a user or item with n ratings is proportional to ``n ** 0.4``, since the random part of a sum of n
errors grows with the square root of n. With the same penalty for each rating, users with many ratings are shrunk too much and
users with few too little. With the same penalty for each row it is the other way round.

A bias is one number that all ratings of a row determine. Its penalty does not grow with n. As for the most probable bias under
a normal prior, it is the variance of the errors divided by the variance of the biases. Both are estimated by the analysis of
variance.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.engine.networks._layers import set_row_penalties
from skrec.engine.networks._network import place_in_range

_STRENGTH, _EXPONENT = 2.0, 0.4  # chosen on five sets of ratings, see docs/benchmarks.md
_MOST_RATINGS = 100.0  # a bias is not shrunk more than by as many further ratings equal to the mean
_USUAL_RATINGS = 5.0  # where no row has two ratings, errors and biases cannot be told apart


class Side(NamedTuple):
    """What penalties depend on, for users or for items.

    Attributes
    ----------
    counts : float64 array of shape (n_rows,)
        Numbers of ratings, at least 1.
    ratings_of_mean : float
        The penalty of a bias: the number of ratings equal to the mean that have the same effect.
    """

    counts: NDArray[np.float64]
    ratings_of_mean: float


def default_strength(examples: Interactions, y_range: tuple[float, float] | None) -> float:
    """Return the penalty per rating of a row with an average number of ratings.

    It is ``2 * std * slope / n ** 0.6`` for the standard deviation of the ratings and the slope of a rating as a function of
    the score at the mean rating. n is the geometric mean of the average numbers of ratings of a user and of an item.

    Parameters
    ----------
    examples : Interactions
        Ratings, each pair of a user and an item at most once.
    y_range : (float, float) or None
        Bounds of the predicted ratings.
    """
    spread = float(examples.values.std(dtype=np.float64)) or 1.0
    return _STRENGTH * spread * _slope(examples, y_range) * _typical_count(*_sides(examples)) ** (_EXPONENT - 1)


def penalize_rows(network: Any, examples: Interactions, y_range: tuple[float, float] | None) -> None:
    """Set the factors of the rows of a `DotProduct` in the penalty.

    With a strength of r, the vector of a row with n ratings has the penalty ``r * average * (n / average) ** 0.4`` for the
    average number of ratings. For the default strength, the penalty of a bias is the variance of the errors divided by that of
    the biases. It is proportional to the strength.

    Parameters
    ----------
    network : DotProduct
    examples, y_range
        As for `default_strength`.
    """
    sides = _sides(examples)
    typical, default, slope = _typical_count(*sides), default_strength(examples, y_range), _slope(examples, y_range)
    tables = (network.user_embeddings, network.user_biases), (network.item_embeddings, network.item_biases)
    for side, (vectors, biases) in zip(sides, tables, strict=True):
        set_row_penalties(vectors, (side.counts / typical) ** (_EXPONENT - 1))
        if biases is not None:
            set_row_penalties(biases, side.ratings_of_mean * slope**2 / (default * side.counts))


def _sides(examples: Interactions) -> tuple[Side, Side]:
    values = examples.values.astype(np.float64)
    return _side(examples.users, values, examples.n_users), _side(examples.items, values, examples.n_items)


def _side(codes: NDArray[np.int64], values: NDArray[np.float64], n: int) -> Side:
    counts = np.bincount(codes, minlength=n).astype(np.float64)
    sums = np.asarray(np.bincount(codes, weights=values - values.mean(), minlength=n), np.float64)
    return Side(np.maximum(counts, 1.0), _ratio_of_variances(counts[counts > 0], sums[counts > 0], values))


def _ratio_of_variances(counts: NDArray[np.float64], sums: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Variance within rows divided by that between their means, by the moments of a model of random effects.

    Parameters
    ----------
    counts : float64 array of shape (n_rows,)
        Number of values of each row, at least 1.
    sums : float64 array of shape (n_rows,)
        Sum of the deviations from the mean.
    values : float64 array of shape (n_values,)
    """
    n, n_rows = len(values), len(counts)
    if n == n_rows or n_rows == 1:
        return _USUAL_RATINGS
    between = float(np.square(sums) @ (1 / counts))
    within = max(n * float(values.var()) - between, 0.0) / (n - n_rows)
    of_rows = (between - (n_rows - 1) * within) / (n - float(np.square(counts, dtype=np.float64).sum()) / n)
    return within / of_rows if of_rows * _MOST_RATINGS > within else _MOST_RATINGS


def _typical_count(users: Side, items: Side) -> float:
    """Average number of ratings of a row, the geometric mean of that of users and of items."""
    return float(users.counts.mean() * items.counts.mean()) ** 0.5


def _slope(examples: Interactions, y_range: tuple[float, float] | None) -> float:
    """Derivative of a rating by its score at the mean rating."""
    if y_range is None:
        return 1.0
    low, high = y_range
    share = place_in_range(float(examples.values.mean(dtype=np.float64)), y_range)
    return (high - low) * share * (1 - share)
