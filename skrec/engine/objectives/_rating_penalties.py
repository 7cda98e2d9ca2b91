"""L2 penalties of the rows of embeddings, for ratings.

The penalty of the vector of a user or item with n ratings is proportional to ``n ** 0.4``, since the random part of a sum of n
errors grows with the square root of n. With the same penalty for each rating, users with many ratings are shrunk too much and
users with few too little. With the same penalty for each row it is the other way round.

A bias is one number that all ratings of a row determine. Its penalty does not grow with n. It is that of a normal prior: the
variance of the errors divided by the variance of the biases. Both are estimated by the analysis of variance. The mean of the
prior is that of the biases: items with few ratings have lower ones than items with many.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

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
    mean : float
        Mean of the biases, by weights with which its variance is smallest.
    """

    counts: NDArray[np.float64]
    ratings_of_mean: float
    mean: float


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
    return _strength(examples, _typical_count(*_sides(examples)), _slope(examples, y_range))


def penalize_rows(network: Any, examples: Interactions, y_range: tuple[float, float] | None) -> None:
    """Set the factors of the rows of a `DotProduct` in the penalty, and begin with the mean bias of an item.

    With a strength of r, the vector of a row with n ratings has the penalty ``r * average * (n / average) ** 0.4`` for the
    average number of ratings. For the default strength, the penalty of a bias is the variance of the errors divided by that of
    the biases. It is proportional to the strength.

    Parameters
    ----------
    network : DotProduct
    examples, y_range
        As for `default_strength`.
    """
    sides, slope = _sides(examples), _slope(examples, y_range)
    typical = _typical_count(*sides)
    default = _strength(examples, typical, slope)
    tables = (network.user_embeddings, network.user_biases), (network.item_embeddings, network.item_biases)
    for side, center, (vectors, biases) in zip(sides, (0.0, sides[1].mean / slope), tables, strict=True):
        set_row_penalties(vectors, (side.counts / typical) ** (_EXPONENT - 1))
        if biases is not None:
            set_row_penalties(biases, side.ratings_of_mean * slope**2 / (default * side.counts), center=center)
            nn.init.constant_(biases.weight, center)


def _strength(examples: Interactions, typical_count: float, slope: float) -> float:
    spread = float(examples.values.std(dtype=np.float64)) or 1.0
    return _STRENGTH * spread * slope * typical_count ** (_EXPONENT - 1)


def _sides(examples: Interactions) -> tuple[Side, Side]:
    values = examples.values.astype(np.float64)
    return _side(examples.users, values, examples.n_users), _side(examples.items, values, examples.n_items)


def _side(codes: NDArray[np.int64], values: NDArray[np.float64], n: int) -> Side:
    counts = np.bincount(codes, minlength=n)
    sums = np.bincount(codes, weights=values - values.mean(), minlength=n)
    ratings_of_mean = _ratio_of_variances(counts[counts > 0], sums[counts > 0], values)
    weights = 1 / (counts + ratings_of_mean + 1e-9)
    return Side(np.maximum(counts, 1.0), ratings_of_mean, float(weights @ sums) / float(weights @ counts))


def _ratio_of_variances(counts: NDArray[Any], sums: NDArray[Any], values: NDArray[np.float64]) -> float:
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
