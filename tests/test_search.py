"""scikit-learn's own searches and cross-validation, over events and over users, in one process and in two."""

import numpy as np
import pytest
from scipy.stats import randint
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)

from skrec import (
    CosineContrastiveLoss,
    CosineRestarts,
    EarlyStopping,
    EASERecommender,
    MFRecommender,
    get_scorer,
    make_multi_scorer,
)
from skrec.datasets import make_interactions

NDCG = get_scorer("ndcg@10", positive_from=4)
FOLDS = KFold(3, shuffle=True, random_state=0)
SEARCHES = {
    "GridSearchCV": lambda model, n_jobs: GridSearchCV(model, {"n_factors": [4, 8]}, scoring=NDCG, cv=FOLDS, n_jobs=n_jobs),
    "RandomizedSearchCV": lambda model, n_jobs: RandomizedSearchCV(
        model, {"n_factors": randint(2, 9)}, n_iter=2, scoring=NDCG, cv=FOLDS, n_jobs=n_jobs, random_state=0
    ),
    "HalvingGridSearchCV": lambda model, n_jobs: HalvingGridSearchCV(
        model,
        {"n_factors": [4, 8], "regularization": [0.5, 2.0]},
        resource="max_epochs",
        min_resources=2,
        max_resources=8,
        factor=2,
        scoring=NDCG,
        cv=FOLDS,
        n_jobs=n_jobs,
        random_state=0,
    ),
}


@pytest.fixture(scope="module")
def films():
    return make_interactions(150, 80, density=0.15, random_state=0)


@pytest.fixture(scope="module")
def as_given(films):
    events = films.interactions
    return {"Interactions": events, "DataFrame": films.frame, "CSR": events.to_csr(duplicates="last")}


def model(**parameters):
    return MFRecommender(positive_from=4, max_epochs=6, learning_rate=0.03, random_state=0, **parameters)


@pytest.mark.parametrize("kind", ["Interactions", "DataFrame", "CSR"])
@pytest.mark.parametrize("search", SEARCHES)
def test_two_processes_find_the_same_scores_as_one(search, kind, as_given):
    one, two = (SEARCHES[search](model(), n_jobs).fit(as_given[kind]) for n_jobs in (1, 2))
    scores = one.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, two.cv_results_["mean_test_score"], rtol=0, atol=1e-6)
    assert one.best_params_ == two.best_params_
    assert one.best_estimator_.recommend(k=3).items.shape[1] == 3


@pytest.mark.parametrize("kind", ["Interactions", "DataFrame", "CSR"])
def test_cross_validate_takes_several_metrics_at_once(kind, as_given):
    scoring = make_multi_scorer(["ndcg@10", "recall@20"], positive_from=4)
    one, two = (cross_validate(model(), as_given[kind], scoring=scoring, cv=FOLDS, n_jobs=n_jobs) for n_jobs in (1, 2))
    for name in ("test_ndcg@10", "test_recall@20"):
        assert (one[name] > 0).all()
        np.testing.assert_allclose(one[name], two[name], rtol=0, atol=1e-6)


def test_the_best_of_a_search_is_what_a_fit_by_hand_gives(as_given):
    search = SEARCHES["GridSearchCV"](model(), 1).fit(as_given["Interactions"])
    by_hand = model(**search.best_params_).fit(as_given["Interactions"])
    np.testing.assert_array_equal(search.best_estimator_.recommend(k=5).codes, by_hand.recommend(k=5).codes)


def test_parameters_of_objects_are_searched_by_nested_names(as_given):
    objects = {"early_stopping": EarlyStopping("valid_loss"), "lr_schedule": CosineRestarts(), "max_epochs": 4}
    estimator = model().set_params(loss=CosineContrastiveLoss(), n_negatives=4, **objects)
    grid = {"early_stopping__patience": [1, 2], "lr_schedule__cycle_mult": [1.1], "loss__margin": [0.2, 0.6]}
    search = GridSearchCV(estimator, grid, scoring=NDCG, cv=FOLDS).fit(as_given["Interactions"])
    best, found = search.best_estimator_.get_params(), search.best_params_
    assert {name: best[name] for name in grid} == found
    assert (estimator.early_stopping.patience, estimator.loss.margin) == (3, 0.5)  # the search has changed clones only
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0


@pytest.mark.parametrize("name", ["early_stopping__patience", "loss__margin", "solver__n_steps"])
def test_a_search_over_parameters_of_an_object_that_is_not_there_is_refused(name, as_given):
    search = GridSearchCV(model(loss="ccl"), {name: [1, 2]}, scoring=NDCG, cv=FOLDS)
    with pytest.raises(ValueError, match=f"{name} needs an object with parameters as"):
        search.fit(as_given["Interactions"])


def test_search_over_users_prefers_the_model_that_generalises_to_new_users(as_given):
    grid = {"regularization": [1e-6, 100.0]}  # the first one memorises
    search = GridSearchCV(EASERecommender(positive_from=4), grid, scoring=NDCG, cv=FOLDS).fit(as_given["CSR"])
    assert search.best_params_ == {"regularization": 100.0}


def test_ratings_are_scored_by_scikit_learns_own_scorer(films):
    X, y = films.frame[["user", "item"]], films.frame["rating"]
    ratings = MFRecommender(loss="mse", n_factors=4, max_epochs=10, learning_rate=0.02, regularization=0.02, random_state=0)
    one, two = (
        cross_val_score(ratings, X, y, scoring="neg_root_mean_squared_error", cv=FOLDS, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)
    assert (-one < y.std()).all()


def test_a_search_without_a_scorer_uses_the_models_own_score(as_given):
    search = GridSearchCV(model(), {"n_factors": [4, 8]}, cv=FOLDS).fit(as_given["Interactions"])
    named = GridSearchCV(model(), {"n_factors": [4, 8]}, cv=FOLDS, scoring=NDCG).fit(as_given["Interactions"])
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], named.cv_results_["mean_test_score"])
