"""Scorers of predicted ratings."""

from math import sqrt

import numpy as np
import pytest
from same_for_all import CATALOGUE, ROWS, TRAIN, UNLABELLED, SameForAll, frame

from skrec.data import Interactions, check_interactions
from skrec.metrics import cut_histories, get_scorer

NAMED_RATINGS = frame([("ann", "c"), ("ann", "d"), ("bob", "a"), ("zoe", "e")], rating=[2.0, 2.0, 1.0, 1.0])
# predicted are 3, 2, 5, 1: misses of 1, 0, 4, 0


@pytest.mark.parametrize(
    ("name", "value", "per_user"),
    [
        ("neg_rmse", -sqrt(17 / 4), [-sqrt(1 / 2), -4, 0]),
        ("neg_rmse", -sqrt(17 / 4), [-sqrt(1 / 2), -4, 0]),
        ("neg_mae", -5 / 4, [-1 / 2, -4, 0]),
        ("neg_mae", -5 / 4, [-1 / 2, -4, 0]),
        ("r2", 1 - 17, [1 - 0.5 / 0.25, 1 - 16 / 0.25, 1]),
    ],
)
@pytest.mark.parametrize("values_in", ["X", "y"])
def test_predicted_ratings_of_events_by_hand(same_for_all, name, value, per_user, values_in):
    X, y = (NAMED_RATINGS, None) if values_in == "X" else (NAMED_RATINGS[["user", "item"]], NAMED_RATINGS["rating"])
    evaluation = get_scorer(name).evaluate(same_for_all, X, y)
    assert get_scorer(name)(same_for_all, X, y) == evaluation.value == pytest.approx(value, abs=1e-14)
    assert evaluation.users.tolist() == ["ann", "bob", "zoe"]
    np.testing.assert_allclose(evaluation.per_user, per_user, rtol=0, atol=1e-13)


def test_hidden_ratings_of_a_matrix_are_predicted_from_the_rest():
    ratings = ROWS * 3
    data = check_interactions(ratings)
    items = data.items[cut_histories(data, ordered=False)]
    assert get_scorer("neg_mae")(UNLABELLED, ratings) == -np.abs(items - 3.0).mean()


@pytest.mark.parametrize("name", ["neg_rmse", "neg_mae", "r2"])
def test_the_interval_of_ratings_is_around_the_value_of_all_events(name):
    rng = np.random.default_rng(3)
    model = SameForAll(range(CATALOGUE)).fit(ROWS)
    test = Interactions.from_arrays(rng.integers(0, 20, 300), rng.integers(0, CATALOGUE, 300), rng.random(300) * 11)
    evaluation = get_scorer(name).evaluate(model, test)
    low, high = evaluation.interval()
    assert low < evaluation.value < high
    assert high - low < abs(evaluation.value)


def test_r2_of_constant_ratings_is_an_error(same_for_all):
    with pytest.raises(ValueError, match="r2 is not defined if all true values are equal, here 3"):
        get_scorer("r2")(same_for_all, NAMED_RATINGS.assign(rating=3))


def test_predictions_that_are_not_finite_are_an_error():
    model = SameForAll((np.nan, np.inf, 0, 0, 0)).fit(TRAIN)
    with pytest.raises(ValueError, match="predictions must be finite, but 1 are not"):
        get_scorer("neg_rmse")(model, NAMED_RATINGS)
