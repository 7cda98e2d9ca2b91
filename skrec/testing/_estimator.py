"""Checks of the scikit-learn API."""

import pickle
import traceback

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skrec.base import BaseRecommender
from skrec.testing._data import labeled, likes, other_likes, split_events
from skrec.testing._fitting import assert_equal_answers, assert_raises, assert_same_attributes, fitted, fresh

_DENSE_SCORES = "predict of a sparse matrix returns a dense score for each item, not one number for each row"
SCIKIT_LEARN_EXCEPTIONS = {
    "check_estimator_sparse_array": _DENSE_SCORES,
    "check_estimator_sparse_matrix": _DENSE_SCORES,
}
"""The checks of scikit-learn that recommenders do not pass, with the reasons."""


def check_scikit_learn(estimator: BaseRecommender) -> None:
    """All checks of scikit-learn pass except for two, and no tag disables a check."""
    tags = get_tags(estimator)
    assert not (tags._skip_test or tags.no_validation or tags.non_deterministic), "a tag switches checks off"
    assert tags.input_tags.two_d_array and tags.input_tags.sparse, "a tag switches checks off"
    results = check_estimator(fresh(estimator), expected_failed_checks=SCIKIT_LEARN_EXCEPTIONS, on_skip=None, on_fail=None)
    errors = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    # a method may be unsupported by a model
    failed = {name: repr(error) for name, error in errors.items() if not isinstance(error, NotImplementedError)}
    assert not failed, f"scikit-learn's checks failed: {failed}"
    skipped = [result["exception"] for result in results if result["status"] == "skipped"]
    own = [error for error in skipped if not _raised_in_scikit_learn(error)]
    assert not own, f"the estimator skips checks: {own}"
    n_passed = sum(result["status"] == "passed" for result in results)
    assert n_passed >= 37, f"only {n_passed} of {len(results)} checks passed; is scikit-learn {sklearn.__version__} too old?"


def _raised_in_scikit_learn(error: Exception) -> bool:
    return "sklearn" in traceback.extract_tb(error.__traceback__)[-1].filename


def check_parameters(estimator: BaseRecommender) -> None:
    """`get_params`, `set_params` and `clone` agree. The constructor neither changes nor validates parameters."""
    marks = {name: object() for name in estimator.get_params(deep=False)}
    marked = type(estimator)(**marks)
    assert marked.get_params() == marks, "the constructor changes a parameter"
    assert fresh(estimator).set_params(**marks).get_params() == marks, "set_params changes a parameter"
    copy = clone(fitted(estimator, likes))
    assert repr(copy.get_params()) == repr(fitted(estimator, likes).get_params())
    assert not [name for name in vars(copy) if name.endswith("_")], "a clone has learned attributes"
    assert vars(copy).keys() == copy.get_params(deep=False).keys(), "the constructor sets more than parameters"
    assert_raises(ValueError, lambda: copy.set_params(nonsense=1), "nonsense")


def check_parameters_are_validated(estimator: BaseRecommender) -> None:
    """`fit` raises an error that names a parameter of the wrong type, and leaves the estimator unfitted."""
    for name in estimator.get_params(deep=False):
        model = fresh(estimator).set_params(**{name: object()})
        try:
            model.fit(likes())
        except (TypeError, ValueError) as error:
            assert name in str(error), f"the error about {name} does not name it: {error}"
        else:
            raise AssertionError(f"{name}=object() is accepted")
        assert_raises(NotFittedError, model.recommend)


def check_not_fitted(estimator: BaseRecommender) -> None:
    """Methods that need a fitted model raise NotFittedError."""
    model, X = fresh(estimator), likes()
    calls = {
        "recommend": lambda: model.recommend([0]),
        "recommend of new users": lambda: model.recommend(X),
        "recommend_iter": lambda: next(model.recommend_iter([0])),
        "recommend_users": lambda: model.recommend_users([0]),
        "predict": lambda: model.predict(X),
        "predict of events": lambda: model.predict(labeled()),
        "score": lambda: model.score(X),
        "similar_items": lambda: model.similar_items([0]),
        "similar_users": lambda: model.similar_users([0]),
        "explain": lambda: model.explain(0, 0),
    }
    if hasattr(model, "transform"):
        calls["transform"] = lambda: model.transform(X)
    for name, call in calls.items():
        try:
            call()
        except NotFittedError:
            continue
        raise AssertionError(f"{name} of an unfitted model raises no NotFittedError")


def check_equal_refit(estimator: BaseRecommender) -> None:
    """The same data and `random_state` give exactly the same model, also in a second fit."""
    expected = fitted(estimator, likes).recommend(k=24)
    model = fresh(estimator).fit(likes())
    assert_equal_answers(model.recommend(k=24), expected, "another fit to the same data")
    assert model.fit(likes()) is model
    assert_equal_answers(model.recommend(k=24), expected, "a second fit to the same data")


def check_refit_discards_the_previous_fit(estimator: BaseRecommender) -> None:
    """A second fit to other data keeps nothing of the first."""
    model, expected = fresh(estimator).fit(labeled()), fitted(estimator, other_likes)
    model.fit(other_likes())
    assert_equal_answers(model.recommend(k=30), expected.recommend(k=30), "after a fit to other data")
    assert vars(model).keys() == vars(expected).keys(), "attributes of the first fit are left"
    assert (model.n_users_, model.n_items_, model.n_features_in_) == (20, 30, 30)
    assert model.user_ids_ is None and model.item_ids_ is None


def check_pickle(estimator: BaseRecommender) -> None:
    """A pickled and unpickled model gives the same results."""
    model = fitted(estimator, labeled)
    copy = pickle.loads(pickle.dumps(model))
    assert_equal_answers(copy.recommend(k=8), model.recommend(k=8), "unpickled")
    assert_equal_answers(copy.recommend(labeled(), k=8), model.recommend(labeled(), k=8), "unpickled, new users")
    np.testing.assert_array_equal(copy.predict(labeled()), model.predict(labeled()))
    assert copy.recommend(k=8).items.tolist() == model.recommend(k=8).items.tolist()


def check_failed_fit(estimator: BaseRecommender) -> None:
    """A fit that fails leaves a fitted estimator unchanged and an unfitted one unfitted."""
    holes = likes().toarray()
    holes[3, 3] = np.nan
    errors = ValueError, TypeError
    unfitted, model = fresh(estimator), fresh(estimator).fit(likes())
    before, expected = vars(model).copy(), model.recommend(k=8)
    for bad in (holes, None, likes()[:0]):
        for victim in (unfitted, model):
            assert_raises(errors, lambda bad=bad, victim=victim: victim.fit(bad))
    for name, value in model.get_params(deep=False).items():
        assert_raises(errors, lambda name=name: model.set_params(**{name: object()}).fit(other_likes()))
        model.set_params(**{name: value})
    assert_same_attributes(model, before, "a fit that failed")
    assert_equal_answers(model.recommend(k=8), expected, "after a failed fit")
    assert_raises(NotFittedError, unfitted.recommend)


def check_validation_data(estimator: BaseRecommender) -> None:
    """`fit` accepts held-out data, whether or not it uses them, and rejects data of another shape."""
    train, test = split_events()
    model = fresh(estimator).fit(train, validation=test)
    assert model.recommend([0], k=3).codes.min() >= 0
    np.testing.assert_array_equal(model.seen_.toarray(), train.to_csr(duplicates="any").toarray())
    assert_raises(ValueError, lambda: fresh(estimator).fit(train, validation=likes()), "validation")
    assert_raises((ValueError, TypeError), lambda: fresh(estimator).fit(train, validation="valid"), "validation")


def check_grid_search_over_events(estimator: BaseRecommender) -> None:
    """`GridSearchCV` splits the events of Interactions and of a DataFrame."""
    for events in (labeled(), labeled().to_frame()):
        search = _search(estimator, events)
        assert search.best_estimator_.recommend(["user 99"], k=3).items.shape == (1, 3)
        assert search.predict(events[:7]).shape == (7,)


def check_grid_search_over_users(estimator: BaseRecommender) -> None:
    """`GridSearchCV` splits the rows of a matrix, which are users."""
    search = _search(estimator, likes())
    assert search.best_estimator_.n_users_ == 45
    assert search.predict(likes()[:2]).shape == (2, 24)


def _search(estimator: BaseRecommender, X) -> GridSearchCV:
    search = GridSearchCV(fresh(estimator), {}, cv=KFold(2, shuffle=True, random_state=0), error_score="raise").fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all(), "the search has no score"
    return search
