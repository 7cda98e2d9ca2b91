"""Inputs that people reported, and the right answer to each."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skrec import (
    ALSRecommender,
    EASERecommender,
    Interactions,
    MFRecommender,
    NewsRecommender,
    PopularityRecommender,
    get_scorer,
)
from skrec.metrics import cut_histories

# ---- Who is who ----

DAY_1 = pd.DataFrame({"user": [1, 1, 2], "item": [10, 11, 10]})


@pytest.mark.parametrize("dtype", ["int32", "uint8", "uint64", "Int64", "int64[pyarrow]", object, "category"])
def test_integers_of_another_width_leave_the_vocabulary_int64(dtype):
    model = PopularityRecommender().fit(DAY_1)
    model.partial_fit(pd.DataFrame({"user": [3, 3], "item": [10, 12]}).astype(dtype))
    model.partial_fit(pd.DataFrame({"user": [4, 4], "item": [11, 13]}))
    assert model.user_ids_.dtype == model.item_ids_.dtype == np.int64
    assert model.user_ids_.tolist() == [1, 2, 3, 4] and model.item_ids_.tolist() == [10, 11, 12, 13]
    assert model.recommend(pd.Series([3, 4]).astype(dtype), k=1).items.tolist() == [[11], [10]]


def test_ids_of_another_kind_than_the_training_data_are_a_type_error():
    model = EASERecommender().fit(DAY_1)
    as_text = DAY_1.astype({"user": str})
    items_as_text = DAY_1.astype({"item": str})
    calls = {
        "predict": lambda: model.predict(as_text),
        "predict, items": lambda: model.predict(items_as_text),
        "recommend": lambda: model.recommend(["1", "2"]),
        "recommend to new users": lambda: model.recommend(items_as_text),
        "exclude": lambda: model.recommend([1], exclude=["10"]),
        "candidates": lambda: model.recommend([1], candidates=["10"]),
        "candidates of each": lambda: model.recommend([1], candidates={"1": [10]}),
        "similar_items": lambda: model.similar_items(["10"]),
        "recommend_users": lambda: model.recommend_users(["10"]),
        "a ranking scorer": lambda: get_scorer("ndcg@10")(model, as_text),
        "a rating scorer": lambda: get_scorer("rmse")(model, as_text.assign(rating=1.0)),
        "validation": lambda: EASERecommender().fit(DAY_1, validation=as_text),
        "partial_fit": lambda: model.partial_fit(as_text),
        "features": lambda: Interactions.from_frame(DAY_1, item_features=pd.DataFrame({"year": [1, 2]}, index=["10", "11"])),
    }
    for call in calls.values():
        with pytest.raises(TypeError, match=r"must have labels like those known, such as '?\d+'?, got '?\d+'?"):
            call()


def test_the_cut_of_a_new_users_history_depends_on_the_values_of_labels_alone():
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(30), 10), 7 * rng.permuted(np.tile(np.arange(40), (30, 1)), axis=1)[:, :10].ravel()
    expected = cut_histories(Interactions.from_frame(pd.DataFrame({"user": users, "item": items})), ordered=False)
    for dtype in ("int32", "uint64", object, "Int64", "category", float):
        table = pd.DataFrame({"user": users, "item": pd.Series(items).astype(dtype)})
        assert np.array_equal(cut_histories(Interactions.from_frame(table), ordered=False), expected), dtype


def test_a_scorer_warns_of_a_test_matrix_with_the_shape_of_the_training_matrix():
    whole = sp.random_array((40, 30), density=0.5, rng=np.random.default_rng(0)).tocoo()
    is_test = np.arange(whole.nnz) % 2 == 0
    train, test = (sp.csr_array((whole.data[m], (whole.row[m], whole.col[m])), shape=(40, 30)) for m in (~is_test, is_test))
    model, ndcg = EASERecommender().fit(train), get_scorer("ndcg@10")
    with pytest.warns(UserWarning, match=r"matrix of exactly the shape of the training data.*Interactions\.from_csr\(X\)"):
        ndcg(model, test)
    for matrix in (train, test):
        with pytest.warns(UserWarning, match=r"matrix of exactly the shape of the training data.*Interactions\.from_csr"):
            model.recommend(matrix, k=3)
    assert np.isfinite(ndcg(model, Interactions.from_csr(test)))  # of known users
    assert np.isfinite(ndcg(model, train))  # scikit-learn's train score
    assert np.isfinite(ndcg(model, train[:20]))  # of a fold of users


def test_a_labelled_newcomer_without_events_gets_the_popular_items():
    model = PopularityRecommender().fit(DAY_1)
    newcomer = Interactions.from_csr([[0.0, 0]], user_ids=["me"], item_ids=model.item_ids_)
    assert model.recommend(newcomer, k=2).items.tolist() == [[10, 11]]
    both = Interactions.from_csr([[0.0, 0], [1, 0]], user_ids=["me", "you"], item_ids=model.item_ids_)
    answer = model.recommend(both, k=2)
    assert answer.users.tolist() == ["me", "you"] and answer.items.tolist() == [[10, 11], [11, None]]


def test_an_unknown_user_gets_the_popular_items_on_request():
    model = PopularityRecommender().fit(DAY_1)
    with pytest.raises(ValueError, match="users holds labels that the model does not know"):
        model.recommend([2, 99], k=2)
    answer = model.recommend([99, 2, 98], k=2, unknown="popular")
    assert answer.users.tolist() == [99, 2, 98] and answer.items.tolist() == [[10, 11], [11, None], [10, 11]]


def test_unknown_labels_may_be_excluded():
    model = PopularityRecommender().fit(DAY_1)
    assert model.recommend([2], k=2, exclude_seen=False, exclude=[10, 77]).items.tolist() == [[11, None]]


def test_candidates_that_the_model_does_not_know_are_left_out_on_request():
    model = PopularityRecommender().fit(DAY_1)
    with pytest.raises(ValueError, match="candidates holds labels that the model does not know"):
        model.recommend([2], candidates=[11, 77])
    assert model.recommend([2], k=2, candidates=[11, 77], unknown="popular").items.tolist() == [[11, None]]


COLLECTIONS = {
    "set": set,
    "frozenset": frozenset,
    "iterator": iter,
    "generator": lambda labels: (label for label in labels),
    "keys": lambda labels: dict.fromkeys(labels).keys(),
    "values": lambda labels: dict(enumerate(labels)).values(),
    "range": lambda labels: range(labels[0], labels[-1] + 1),
    "Index": pd.Index,
    "Series": lambda labels: pd.Series(labels, index=[5] * len(labels)),
}


@pytest.mark.parametrize("make", COLLECTIONS.values(), ids=COLLECTIONS)
def test_labels_may_come_in_any_collection(make):
    model = PopularityRecommender().fit(DAY_1)
    assert sorted(model.recommend(make([1, 2]), k=1).users) == [1, 2]
    assert model.recommend([2], k=2, exclude_seen=False, exclude=make([10])).items.tolist() == [[11, None]]
    assert model.recommend([2], k=2, exclude_seen=False, candidates=make([10])).items.tolist() == [[10, None]]


def test_each_user_may_have_candidates_of_their_own():
    model = PopularityRecommender().fit(pd.DataFrame({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "c"]}))
    own = {1: ["c", "b"], 2: {"c"}, 99: ["a"]}
    pairs = pd.DataFrame({"user": [1, 1, 2, 99], "item": ["c", "b", "c", "a"], "shown": True})
    for candidates in (own, pairs):
        answer = model.recommend([2, 1, 3], k=2, exclude_seen=False, candidates=candidates)
        assert answer.items.tolist() == [["c", None], ["b", "c"], [None, None]]


def test_datetimes_do_not_follow_unix_seconds_in_one_column():
    seconds = DAY_1.assign(timestamp=[1_600_000_000, 1_600_000_001, 1_600_000_002])
    dates = DAY_1.assign(timestamp=pd.to_datetime(["2021-01-01", "2021-01-02", "2021-01-03"]))
    words = r"timestamps of X are .*microseconds.*, but those of the known events are whole numbers of an unknown unit"
    with pytest.raises(ValueError, match=words):
        PopularityRecommender().fit(seconds).partial_fit(dates)
    with pytest.raises(ValueError, match=r"timestamps of X are whole numbers of an unknown unit, but .* microseconds"):
        PopularityRecommender().fit(dates).partial_fit(seconds)
    assert len(PopularityRecommender().fit(dates).partial_fit(dates).events_) == 6


def test_a_time_that_its_type_does_not_hold_exactly_is_refused():
    with pytest.raises(ValueError, match="whole numbers that int64, or their own type, float32, holds exactly"):
        PopularityRecommender().fit(DAY_1.assign(timestamp=np.array([1.6e9, 1.6e9, 1.6e9], np.float32)))


@pytest.mark.parametrize(
    "model", [EASERecommender(positive_from=4), ALSRecommender(positive_from=4, n_factors=2, random_state=0)], ids=str
)
def test_nothing_is_similar_to_an_item_that_was_only_disliked(model):
    users, items = [0, 0, 1, 1, 2, 2, 3], list("abababz")
    model.fit(pd.DataFrame({"user": users, "item": items, "rating": [5.0] * 6 + [1.0]}))
    assert model.similar_items(["z"], k=3, include_self=True).codes.tolist() == [[-1, -1, -1]]
    assert model.similar_items(["a"], k=3).labels.tolist() == [["b", None, None]]
    assert model.recommend_users(["z"], k=2).codes.tolist() == [[-1, -1]]


def test_items_with_few_users_may_be_left_out_of_similar_ones():
    likes = pd.DataFrame({"user": [0, 0, 0, 1, 1, 2, 2], "item": list("abcabab"), "rating": [5.0, 5, 5, 5, 5, 5, 4]})
    model = EASERecommender(positive_from=4).fit(likes)
    assert model.similar_items(["a"], k=2).labels.tolist() == [["b", "c"]]
    assert model.similar_items(["a"], k=2, min_count=2).labels.tolist() == [["b", None]]
    assert model.similar_items(["c"], k=2, min_count=2).labels.tolist() == [["a", "b"]]


@pytest.mark.parametrize("missing", [np.nan, None, -1, pd.NA], ids=str)
def test_a_missing_impression_says_that_an_event_was_in_none(missing):
    table = pd.DataFrame({"user": [0, 0, 1, 1, 0, 1], "item": [0, 1, 0, 1, 2, 2], "rating": [1.0, 0, 0, 1, 1, 1]})
    table["impression"] = pd.Series([7, 7, 8, 8, missing, missing], dtype=object)
    data = Interactions.from_frame(table)
    assert data.impressions.tolist() == [0, 0, 1, 1, -1, -1]
    assert Interactions.from_frame(data.to_frame()).impressions.tolist() == data.impressions.tolist()
    model = NewsRecommender(n_factors=2, max_epochs=1, random_state=0).fit(data)
    assert get_scorer("impression_auc").evaluate(model, data).impressions.tolist() == [0, 1]
    mf = MFRecommender(negatives="slate", n_factors=2, max_epochs=1, random_state=0).fit(data)
    assert np.isfinite(mf.history_.train_loss).all()
