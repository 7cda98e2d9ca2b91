"""What all estimators have in common: the checks of `skrec.testing`, on each of them, and scikit-learn's, on each family."""

import pytest
from sklearn.base import clone

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    CaserRecommender,
    ColdStartRecommender,
    EASERecommender,
    GRU4RecRecommender,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    NewsRecommender,
    PopularityRecommender,
    RandomRecommender,
    SASRecRecommender,
    SLIMRecommender,
    TwoTowerRecommender,
    all_estimators,
)
from skrec.engine import TorchRecommender
from skrec.testing import (
    check_completes_the_checkerboard,
    check_fold_in_agrees_with_training,
    check_learns_from_the_data,
    check_partial_fit_learns,
    check_predicts_the_next_item,
    check_scikit_learn,
    parametrize_recommender_checks,
    recommender_checks,
)

FAST = {
    ALSRecommender: {"n_factors": 8, "n_jobs": 1},
    BPRRecommender: {"n_factors": 8},
    ColdStartRecommender: {"estimator": ALSRecommender(n_factors=8, n_jobs=1, random_state=0)},
    EASERecommender: {"regularization": 1.0},
    MFRecommender: {"n_factors": 8, "learning_rate": 0.05},
    MLPRecommender: {"n_factors": 8, "hidden_layer_sizes": (16,), "max_epochs": 40, "learning_rate": 0.03},
    NeuMFRecommender: {"n_factors": 8, "hidden_layer_sizes": (16,), "max_epochs": 40, "learning_rate": 0.03},
    NewsRecommender: {"n_factors": 16, "learning_rate": 0.03, "batch_size": 64, "max_epochs": 8},
    GRU4RecRecommender: {"n_factors": 16, "learning_rate": 0.02, "batch_size": 32},
    SASRecRecommender: {"n_factors": 16, "learning_rate": 0.02, "batch_size": 32},
    CaserRecommender: {"n_factors": 16, "learning_rate": 0.02, "batch_size": 32},
    MultVAERecommender: {"hidden_layer_sizes": (64,), "n_factors": 32, "learning_rate": 0.01},
    SLIMRecommender: {"n_jobs": 1},
    TwoTowerRecommender: {"n_factors": 8, "batch_size": 64, "learning_rate": 0.03, "max_epochs": 10},
}


pytestmark = pytest.mark.usefixtures("one_thread")


def fast(estimator_class):
    """An estimator that is fitted in no time, yet learns."""
    return clone(estimator_class(**FAST.get(estimator_class, {})))  # estimators within must not be shared


def knows_no_taste(estimator):
    """The floors, which learn nothing of anybody's taste, must not solve what only taste can solve."""
    if isinstance(estimator, RandomRecommender):
        return {"check_completes_the_checkerboard": "knows nothing", "check_learns_from_the_data": "knows nothing"}
    if isinstance(estimator, PopularityRecommender):
        return {"check_completes_the_checkerboard": "knows what is popular, but nobody's taste"}
    if isinstance(estimator, NewsRecommender):
        return {"check_predicts_the_next_item": "knows what was clicked before, but not in which order"}
    return {}


def learns_from_what_is_rated(estimator):
    """A model of ratings knows nothing of what was left unrated."""
    return {"check_completes_the_checkerboard": "all ratings on it are equal"}


def parametrize_checks(estimators, *, checks, **options):
    names, cases = parametrize_recommender_checks(estimators, **options).args
    return pytest.mark.parametrize(names, [case for case in cases if case.values[1] in checks])


LEARNING = {
    check_completes_the_checkerboard,
    check_predicts_the_next_item,
    check_fold_in_agrees_with_training,
    check_learns_from_the_data,
    check_partial_fit_learns,
}
OTHERS = {*recommender_checks()} - LEARNING - {check_scikit_learn}

ALL = [fast(estimator_class) for estimator_class in all_estimators()]
RATING = [  # AutoRec's default penalty is for more than these few ratings
    MFRecommender(loss="mse", n_factors=8, learning_rate=0.02),
    MLPRecommender(loss="mse", n_factors=8, hidden_layer_sizes=(16,), learning_rate=0.02),
    AutoRecRecommender(loss="mse", side="item", n_factors=16, batch_size=8, regularization=0.2),
    AutoRecRecommender(loss="mse", side="user", n_factors=16, batch_size=8, regularization=0.2),
]
VARIANTS = [
    AutoRecRecommender(side="item", batch_size=8),
    LightGCNRecommender(loss="softmax"),
    MFRecommender(temperature=0.3, n_factors=8, learning_rate=0.02),
    MFRecommender(solver="als", n_factors=8),
]


def trained_briefly(estimators):
    """Copies that train their networks for two epochs: enough where the quality of the lists does not matter."""
    copies = [clone(estimator) for estimator in estimators]
    return [copy.set_params(max_epochs=2) if isinstance(copy, TorchRecommender) else copy for copy in copies]


def one_of_each_family(estimators):
    """All that fit no network, and the first of each family of networks."""
    networks = [estimator for estimator in estimators if isinstance(estimator, TorchRecommender)]
    first = {type(estimator).__bases__: estimator for estimator in reversed(networks)}
    return [estimator for estimator in estimators if estimator not in networks or estimator in first.values()]


# These checks fit a model about a hundred times.
@parametrize_checks(trained_briefly(one_of_each_family(ALL)), checks={check_scikit_learn})
def test_contract_with_scikit_learn(estimator, check):
    check(estimator)


@parametrize_checks(trained_briefly(ALL), checks=OTHERS)
def test_contract(estimator, check):
    check(estimator)


@parametrize_checks(ALL, checks=LEARNING, expected_failures=knows_no_taste)
def test_contract_to_learn(estimator, check):
    check(estimator)


@parametrize_checks(trained_briefly(RATING), checks=OTHERS)
def test_contract_of_a_rating_model(estimator, check):
    check(estimator)


@parametrize_checks(RATING, checks=LEARNING, expected_failures=learns_from_what_is_rated)
def test_contract_to_learn_ratings(estimator, check):
    check(estimator)


@parametrize_checks(trained_briefly(VARIANTS), checks=OTHERS)
def test_contract_of_other_ways_to_train_a_model(estimator, check):
    check(estimator)


@parametrize_checks(VARIANTS, checks=LEARNING)
def test_contract_of_other_ways_to_learn(estimator, check):
    check(estimator)
