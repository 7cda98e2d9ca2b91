"""What all estimators have in common: every check of `skrec.testing`, on each of them and on one from outside."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from skrec import (
    ALSRecommender,
    BPRRecommender,
    EASERecommender,
    HistoryRecommender,
    MFRecommender,
    NeuMFRecommender,
    PopularityRecommender,
    RandomRecommender,
    all_estimators,
)
from skrec.testing import parametrize_recommender_checks

FAST = {
    ALSRecommender: {"n_factors": 8, "n_jobs": 1},
    BPRRecommender: {"n_factors": 8},
    EASERecommender: {"regularization": 1.0},
    MFRecommender: {"n_factors": 8, "learning_rate": 0.05},
    NeuMFRecommender: {"n_factors": 8, "hidden": (16,), "max_epochs": 40, "learning_rate": 0.03},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tiny models are slower on several threads, by far where other processes want the cores too."""
    with threadpool_limits(1):
        yield


class ItemCosineRecommender(HistoryRecommender):
    """A model from outside the package: items are alike if the same users like them."""

    shrinkage: float = 1.0

    def _fit(self, data):
        rows = self._keep_rows(data)
        if not isinstance(self.shrinkage, int | float) or self.shrinkage < 0:
            raise ValueError(f"shrinkage must be a number of at least 0, got {self.shrinkage!r}")
        common = (rows.T @ rows).toarray()
        n_users = np.sqrt(np.diag(common) + self.shrinkage)
        self.similarities_ = (common / n_users[:, None] / n_users).astype(np.float32)
        np.fill_diagonal(self.similarities_, 0)

    def _score(self, rows, items):
        return rows @ self.similarities_[:, items]


def fast(estimator_class):
    """An estimator that is fitted in no time, yet learns."""
    return estimator_class(**FAST.get(estimator_class, {}))


def knows_no_taste(estimator):
    """The floors, which learn nothing of anybody's taste, must not solve what only taste can solve."""
    if isinstance(estimator, RandomRecommender):
        return {"check_completes_the_checkerboard": "knows nothing", "check_learns_from_the_data": "knows nothing"}
    if isinstance(estimator, PopularityRecommender):
        return {"check_completes_the_checkerboard": "knows what is popular, but nobody's taste"}
    return {}


def learns_from_what_is_rated(estimator):
    """A model of ratings knows nothing of what was left unrated."""
    return {"check_completes_the_checkerboard": "all ratings on it are equal"}


ALL = [fast(estimator_class) for estimator_class in [*all_estimators(), ItemCosineRecommender]]


@parametrize_recommender_checks(ALL, expected_failures=knows_no_taste)
def test_contract(estimator, check):
    check(estimator)


@parametrize_recommender_checks(
    [MFRecommender(loss="mse", n_factors=8, learning_rate=0.02)], expected_failures=learns_from_what_is_rated
)
def test_contract_of_a_rating_model(estimator, check):
    check(estimator)
