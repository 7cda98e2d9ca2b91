"""Checks of `predict`, `score`, `explain` and `transform`."""

from importlib.util import find_spec
from unittest import SkipTest

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.metrics import ndcg
from skrec.metrics._estimators import read_traits
from skrec.testing._data import labeled, likes, split_events, training_events
from skrec.testing._fitting import assert_raises, fitted, fresh, score_matrix

CLOSE = {"rtol": 1e-3, "atol": 1e-4}


def check_predict_of_events(estimator: BaseRecommender) -> None:
    """Events of training users and items get the scores by which `recommend` ranks, in their order."""
    model, data = fitted(estimator, labeled), labeled()
    order = np.random.default_rng(0).permutation(len(data))
    events = data[order]
    expected = score_matrix(model)[events.users, events.items]
    for name, form in (("Interactions", events), ("a DataFrame", events.to_frame())):
        answer = model.predict(form)
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected, **CLOSE, err_msg=f"predict of {name} differs from the scores")


def check_predict_of_unknown_labels(estimator: BaseRecommender) -> None:
    """Unknown items get minus infinity, unknown users the popularity of items, and scores are never NaN."""
    model, (user, item) = fitted(estimator, labeled), ("user 99", labeled().item_ids[0])
    events = pd.DataFrame({"user": [user, "nobody", user, "nobody"], "item": [item, item, -1, -1]})
    answer = model.predict(events)
    assert answer.shape == (4,) and not np.isnan(answer).any()
    assert np.isfinite(answer[:2]).all(), "a known item has no score"
    np.testing.assert_array_equal(model.predict(events[::-1])[::-1], answer, err_msg="the order of events matters")
    if not read_traits(model).predicts_ratings:
        plain, unknown_user = fitted(estimator, likes), Interactions.from_arrays(np.full(24, 99), np.arange(24))
        expected = score_matrix(plain, sp.csr_array((1, 24), dtype=np.float32))[0]
        np.testing.assert_array_equal(plain.predict(unknown_user), expected, err_msg="an unknown user's scores")


def check_predict_of_a_matrix(estimator: BaseRecommender) -> None:
    """`predict` of a matrix is dense, of shape (n_rows, n_items), with the scores by which `recommend` ranks."""
    model, some = fitted(estimator, likes), likes()[[0, 9, 30, 44]]
    answer = model.predict(some)
    assert answer.shape == (4, 24) and answer.dtype == np.float32
    expected = score_matrix(model, some)
    known = np.isfinite(expected)
    np.testing.assert_allclose(answer[known], expected[known], **CLOSE)
    assert not np.isnan(answer).any()


def check_score_items(estimator: BaseRecommender) -> None:
    """`score_items` returns the scores by which `recommend` ranks, minus infinity for excluded items."""
    model = fitted(estimator, likes)
    for users, seen in ((np.array([9, 0]), likes()[[9, 0]]), (likes()[[0, 9, 30]], likes()[[0, 9, 30]])):
        scores, expected = model.score_items(users), score_matrix(model, users)
        assert scores.shape == (seen.shape[0], 24) and scores.dtype == np.float32
        known = np.isfinite(expected)
        np.testing.assert_allclose(scores[known], expected[known], **CLOSE)
        unseen = model.score_items(users, exclude_seen=True)
        assert np.isneginf(unseen[seen.toarray() > 0]).all(), "a seen item has a score"
        np.testing.assert_array_equal(unseen[seen.toarray() == 0], scores[seen.toarray() == 0])
    assert_raises(ValueError, lambda: model.score_items([99]), "users")


def check_predict_is_refused_above_its_limit(estimator: BaseRecommender) -> None:
    """`predict` of too many rows raises an error before computing, and names `recommend_iter`."""
    n_rows = 2**28 // 24 + 1
    empty = sp.csr_array((n_rows, 24), dtype=np.float32)
    assert_raises(ValueError, lambda: fitted(estimator, likes).predict(empty), "recommend_iter", str(n_rows))


def check_score(estimator: BaseRecommender) -> None:
    """`score` is a finite number of at most 1, reproducible, and equal for a table and Interactions."""
    model, data = fitted(estimator, _labeled_training_events), _labeled(split_events().test)
    value = model.score(data)
    assert isinstance(value, float) and np.isfinite(value) and value <= 1
    assert model.score(data) == value
    frame = data.to_frame()
    assert model.score(frame) == value
    assert model.score(frame.drop(columns="rating"), frame["rating"]) == value
    assert_raises(ValueError, lambda: model.score(_labeled(split_events().test)[:0]))


def check_score_measures_lists_or_ratings(estimator: BaseRecommender) -> None:
    """`score` is NDCG@10 of full rankings without training items, or R² for models of ratings."""
    model, test = fitted(estimator, training_events), split_events().test
    if read_traits(model).predicts_ratings:
        expected = r2_score(test.values, model.predict(test))
    else:
        users = np.unique(test.users)
        expected = np.nanmean(ndcg(model.recommend(users, k=10).codes, test.to_csr(duplicates="any")[users], k=10))
    np.testing.assert_allclose(model.score(test), expected, rtol=1e-6)


def check_explain(estimator: BaseRecommender) -> None:
    """Contributions of the user's items are sorted and add up to the score of the folded-in user."""
    model, data = fitted(estimator, labeled), labeled()
    user, item = 0, 10
    past = data.item_ids[data.items[data.users == user]]
    try:
        whole = model.explain(data.user_ids[user], data.item_ids[item], k=24)
    except NotImplementedError:
        raise SkipTest(f"{type(estimator).__name__} has no explanations") from None
    assert list(whole.columns) == ["item", "contribution"]
    assert sorted(whole["item"]) == sorted(past), "not every past item once"
    assert whole["contribution"].is_monotonic_decreasing
    history = data[data.users == user]
    folded = score_matrix(model, history)[0, item]
    np.testing.assert_allclose(whole["contribution"].sum(), folded, **CLOSE, err_msg="the sum is not the score")
    pd.testing.assert_frame_equal(model.explain(data.user_ids[user], data.item_ids[item], k=2), whole[:2])
    assert_raises(ValueError, lambda: model.explain("nobody", data.item_ids[item]), "nobody")
    assert_raises(ValueError, lambda: model.explain(data.user_ids[user], -1), "-1")


def check_transform(estimator: BaseRecommender) -> None:
    """`transform` returns a row of embeddings for each known or new user, also in a Pipeline and as a DataFrame."""
    if not hasattr(estimator, "transform"):
        raise SkipTest(f"{type(estimator).__name__} has no embeddings of users")
    model, data = fitted(estimator, labeled), labeled()
    known = model.transform(data.user_ids)
    assert known.shape[0] == 45 and known.ndim == 2 and known.dtype == np.float32 and np.isfinite(known).all()
    # rows may be rounded differently in another block
    np.testing.assert_allclose(model.transform(["user 60", "user 99"]), known[[39, 0]], rtol=1e-4, atol=1e-5)
    new = model.transform(data)
    assert new.shape == known.shape
    some = data[np.isin(data.users, [1, 4])]
    np.testing.assert_allclose(model.transform(some), new[[1, 4]], **CLOSE, err_msg="the events of some users")
    plain = fitted(estimator, likes)
    folded = plain.transform(likes())
    assert folded.shape == known.shape and np.isfinite(folded).all()
    np.testing.assert_allclose(plain.transform(likes()[::-1])[::-1], folded, **CLOSE, err_msg="the position of a row matters")
    assert make_pipeline(fresh(estimator), PCA(2)).fit(likes()).transform(likes()).shape == (45, 2)
    for library in filter(find_spec, ("pandas", "polars")):
        with config_context(transform_output=library):
            table = model.transform(data.user_ids)
        assert type(table).__module__.startswith(library), f"transform_output={library!r} has no effect"
        assert list(table.columns) == list(model.get_feature_names_out())
        np.testing.assert_array_equal(table.to_numpy(), known)
        assert library != "pandas" or table.index.tolist() == list(data.user_ids)


def _labeled(data: Interactions) -> Interactions:
    return Interactions.from_arrays(
        data.users,
        data.items,
        data.values,
        timestamps=data.timestamps,
        user_ids=[f"user {u}" for u in range(data.n_users)],
        item_ids=900 - np.arange(data.n_items),
    )


def _labeled_training_events() -> Interactions:
    return _labeled(split_events().train)
