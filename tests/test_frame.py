"""Ids in, ids out: whatever the labels are, and whoever is asked about. Neighbors against brute force."""

import datetime as dt
import pickle
import uuid
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_validate, train_test_split

from skrec import EASERecommender, PopularityRecommender, UnknownUserError, topk
from skrec.base import BaseRecommender, Recommendations
from skrec.base._similarity import Vectors, nearest
from skrec.data import Interactions


class Memory(BaseRecommender):
    """The score of an item is the sum of the user's own values: every answer can be told by hand."""

    def _fit(self, data):
        self.values_ = data.to_csr().toarray()

    def _known_state(self, users):
        return self.values_[users]

    def _new_state(self, histories):
        return histories.to_csr().toarray()

    def _score(self, state, items):
        return state[:, items].copy()


# Labels of every kind, in the order of their numbers 0, 1, ...
KINDS = {
    "int": lambda n: 10 * n - 5,
    "large int": lambda n: 2**63 + n,
    "str": "abcdefg".__getitem__,
    "float": lambda n: n / 2,
    "UUID": lambda n: uuid.UUID(int=n),
    "date": lambda n: dt.date(2020, 1, 1 + n),
    "datetime": lambda n: pd.Timestamp(2020, 1, 1 + n),
    "datetime of nanoseconds": lambda n: pd.Timestamp(2020, 1, 1 + n).as_unit("ns"),
    "datetime with zone": lambda n: pd.Timestamp(2020, 1, 1 + n, tz="Asia/Tokyo"),
    "bytes": lambda n: bytes([97 + n]),
}
rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=15)


def frame_of(events, label=lambda number: number):
    users, items, ratings = zip(*events)
    return pd.DataFrame({"user": list(map(label, users)), "item": list(map(label, items)), "rating": ratings})


def slow_scores(events):
    """For each user the sum of values of each item of the whole table."""
    catalogue = {item for _, item, _ in events}
    return {
        user: {item: sum(v for u, i, v in events if (u, i) == (user, item)) for item in catalogue}
        for user in sorted({user for user, _, _ in events})
    }


def slow_list(scores, k):
    return sorted(scores, key=lambda item: (-scores[item], item))[:k]


# Known users


@pytest.mark.parametrize("label", KINDS.values(), ids=KINDS)
@given(events=rows, k=st.integers(1, 6))
def test_labels_of_users_go_in_and_labels_of_items_come_out(label, events, k):
    model = Memory().fit(frame_of(events, label))
    expected = slow_scores(events)
    users = [label(user) for user in expected]
    answer = model.recommend(users, k=k, exclude_seen=False).to_frame()
    assert answer["user"].tolist() == [label(user) for user in expected for _ in slow_list(expected[user], k)]
    assert answer["item"].tolist() == [label(i) for user in expected for i in slow_list(expected[user], k)]
    assert answer["score"].tolist() == [expected[u][i] for u in expected for i in slow_list(expected[u], k)]
    everybody = model.recommend(k=k, exclude_seen=False).to_frame()
    pd.testing.assert_frame_equal(everybody, answer)


@pytest.mark.parametrize("label", KINDS.values(), ids=KINDS)
@given(events=rows, data=st.data())
def test_events_are_scored_by_their_labels_in_whatever_order_they_come(label, events, data):
    model = Memory().fit(frame_of(events, label))
    asked = data.draw(st.permutations(events))[: data.draw(st.integers(1, len(events)))]
    expected = slow_scores(events)
    assert model.predict(frame_of(asked, label)).tolist() == [expected[user][item] for user, item, _ in asked]


@pytest.mark.parametrize("label", KINDS.values(), ids=KINDS)
def test_an_unknown_label_is_named_as_it_was_given(label):
    model = Memory().fit(frame_of([(0, 0, 1), (1, 1, 1)], label))
    with pytest.raises(ValueError) as caught:
        model.recommend([label(0), label(2)], k=1)
    assert repr(label(2)) in str(caught.value)


LIKES = pd.DataFrame({"user": ["ann", "ann", "bob", "cid"], "item": ["x", "y", "x", "z"], "rating": [3, 1, 2, 1]})
WAYS_TO_ASK = {
    "label": "ann",
    "numpy string": np.str_("ann"),
    "list": ["ann"],
    "tuple": ("ann",),
    "array": np.array(["ann"]),
    "array of no dimension": np.array("ann"),
    "Series": pd.Series(["ann"], index=[5]),
    "Index": pd.Index(["ann"]),
    "category": pd.Categorical(["ann"]),
    "polars": pl.Series(["ann"]),
    "arrow": pa.array(["ann"]),
}


@pytest.mark.parametrize("users", WAYS_TO_ASK.values(), ids=WAYS_TO_ASK)
def test_known_users_are_asked_for_by_label_or_by_labels_of_any_library(users):
    answer = Memory().fit(LIKES).recommend(users, k=2, exclude_seen=False)
    assert answer.users.tolist() == ["ann"]
    assert answer.items.tolist() == [["x", "y"]]


@pytest.mark.parametrize("users", [1, np.int32(1), [1], range(1, 2), np.array([1], np.uint8), pl.Series([1]), pa.array([1])])
def test_without_labels_the_codes_are_the_labels(users):
    answer = Memory().fit(sp.csr_array([[5, 0, 1], [0, 2, 0]])).recommend(users, k=1, exclude_seen=False)
    assert (answer.users.tolist(), answer.items.tolist()) == ([1], [[1]])


def test_users_may_be_asked_for_in_any_order_and_more_than_once():
    answer = Memory().fit(LIKES).recommend(["cid", "ann", "cid"], k=1, exclude_seen=False)
    assert answer.users.tolist() == ["cid", "ann", "cid"]
    assert answer.items.tolist() == [["z"], ["x"], ["z"]]


def test_nobody_is_recommended_nothing():
    answer = Memory().fit(LIKES).recommend([], k=2)
    assert answer.items.shape == answer.scores.shape == (0, 2)
    assert len(answer) == len(answer.to_frame()) == 0


def test_excluded_items_and_candidates_are_labels_too():
    model = Memory().fit(LIKES)
    assert model.recommend("ann", k=3, exclude_seen=False, exclude="x").items.tolist() == [["y", "z", None]]
    assert model.recommend("ann", k=1, exclude_seen=False, candidates=pd.Series(["z", "y"])).items.tolist() == [["y"]]
    assert model.recommend("ann", k=1, exclude_seen=False, exclude=["y"], candidates=["y"]).items.tolist() == [[None]]


# New users


@given(events=rows, new=rows)
def test_users_of_a_table_are_new_and_only_what_it_says_counts(events, new):
    model = Memory().fit(frame_of(events))
    catalogue = {item for _, item, _ in events}
    known_part = [row for row in new if row[1] in catalogue]
    answer = model.recommend(frame_of(new), k=1, exclude_seen=False)
    assert answer.users.tolist() == sorted({user for user, _, _ in new})
    for user, (item,) in zip(answer.users, answer.items):
        scores = {i: sum(v for u, j, v in known_part if (u, j) == (user, i)) for i in catalogue}
        if any(scores.values()):
            assert item == slow_list(scores, 1)[0]


@pytest.mark.filterwarnings("ignore:users is a matrix of exactly the shape")
@given(matrix=st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=5))
def test_rows_of_a_matrix_are_new_users_in_its_order(matrix):
    model = Memory().fit(sp.csr_array([[5, 0, 1], [0, 2, 0]]))
    answer = model.recommend(sp.csr_array(matrix), k=1, exclude_seen=False)
    popular = 0  # each item has one user; the first of them is 0
    assert answer.users.tolist() == list(range(len(matrix)))
    assert answer.items[:, 0].tolist() == [int(np.argmax(row)) if any(row) else popular for row in matrix]
    predicted = model.predict(sp.csr_array(matrix))
    for row, scores in zip(matrix, predicted.tolist()):
        if any(row):
            assert scores == row


def test_a_labelled_matrix_is_read_by_its_labels():
    model = Memory().fit(LIKES)
    rows = Interactions.from_csr([[7, 0, 1]], item_ids=["unheard of", "z", "y"])
    answer = model.recommend(rows, k=1, exclude_seen=False)
    assert answer.items.tolist() == [["y"]]


def test_a_slice_of_the_training_data_is_in_its_codes_already():
    data = Interactions.from_frame(LIKES)
    model = Memory().fit(data)
    assert model.predict(data[[3, 0]]).tolist() == [1, 3]
    assert model.recommend(data[[3]], k=1, exclude_seen=False).to_frame()[["user", "item"]].to_numpy().tolist() == [
        ["cid", "z"]
    ]


def test_unknown_users_get_the_popularity_and_unknown_items_minus_infinity():
    asked = pd.DataFrame({"user": ["dan", "dan", "ann", "eve"], "item": ["x", "z", "unheard of", "unheard of"]})
    assert Memory().fit(LIKES).predict(asked).tolist() == [2, 1, -np.inf, -np.inf]


def test_an_item_of_the_frame_without_events_comes_last():
    data = Interactions.from_arrays([0], [1], n_users=2, n_items=3, item_ids=["never", "once", "nor this"])
    answer = Memory().fit(data).recommend([0], k=3, exclude_seen=False)
    assert answer.items.tolist() == [["once", "never", "nor this"]]
    assert answer.scores.tolist() == [[1, -np.inf, -np.inf]]


# Splitting by scikit-learn


@pytest.mark.parametrize("X", [Interactions.from_frame(LIKES), LIKES], ids=["Interactions", "DataFrame"])
def test_a_model_fitted_on_a_part_answers_in_the_labels_of_the_whole(X):
    train, test = train_test_split(X, test_size=1, random_state=0)
    model = Memory().fit(train)
    assert set(model.recommend(k=3, exclude_seen=False).to_frame()["item"]) <= set(LIKES["item"])
    assert model.predict(test).shape == (1,)


def test_cross_validation_fits_each_fold_in_the_frame_of_the_whole():
    data = Interactions.from_arrays(np.arange(20) % 5, np.arange(20) % 7, n_users=9, n_items=8)
    seen = []

    def scoring(model, X, y=None):
        seen.append((model.n_users_, model.n_items_, X.n_users, X.n_items, len(X)))
        return 0.0

    cross_validate(Memory(), data, scoring=scoring, cv=4)
    assert seen == [(9, 8, 9, 8, 5)] * 4


def test_a_fitted_model_survives_pickling():
    model = pickle.loads(pickle.dumps(Memory().fit(LIKES)))
    assert model.recommend("ann", k=1, exclude_seen=False).items.tolist() == [["x"]]
    assert model.predict(LIKES).tolist() == [3, 1, 2, 1]


# Answers


def test_an_answer_unpacks_and_has_names():
    answer = Memory().fit(LIKES).recommend(["ann", "bob"], k=4, exclude_seen=False)
    items, scores = answer
    assert isinstance(answer, Recommendations)
    assert items is answer.items
    assert (answer.codes == [[0, 1, 2, -1], [0, 1, 2, -1]]).all()
    assert items[0].tolist() == ["x", "y", "z", None]
    np.testing.assert_array_equal(scores[0], np.array([3, 1, 0, np.nan], np.float32))
    assert repr(answer) == "Recommendations(2 users, 4 items each)"


def test_a_table_of_an_answer_has_ranks_and_no_padding():
    table = Memory().fit(LIKES).recommend(["ann"], k=4, exclude_seen=False).to_frame()
    assert table.to_dict("list") == {"user": ["ann"] * 3, "item": ["x", "y", "z"], "score": [3, 1, 0], "rank": [1, 2, 3]}


def test_an_audience_answers_with_users_for_items():
    audience = Memory().fit(LIKES).recommend_users(["x", "z"], k=2, exclude_seen=False)
    assert audience.items.tolist() == ["x", "z"]
    assert audience.users.tolist() == [["ann", "bob"], ["cid", "ann"]]
    assert audience.to_frame().columns.tolist() == ["item", "user", "score", "rank"]
    assert Memory().fit(LIKES).recommend_users([], k=2).users.shape == (0, 2)


# Neighbors

METRICS = {
    "dot": lambda a, b: a @ b,
    "l2": lambda a, b: -np.sqrt(((a - b) ** 2).sum()),
    "cosine": lambda a, b: a @ b / np.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else 0.0,
}


def slow_nearest(vectors, code, known, allowed, k, metric, include_self):
    """(code, similarity) of each neighbor: one pair at a time, in float64."""
    others = [c for c in range(len(vectors)) if known[code] and allowed[c] and (include_self or c != code)]
    similarity = {other: METRICS[metric](vectors[code], vectors[other]) for other in others}
    return [(other, similarity[other]) for other in sorted(others, key=lambda c: (c != code, -similarity[c], c))[:k]]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("make", [np.float32, lambda vectors: sp.csr_array(np.float32(vectors))], ids=["dense", "sparse"])
@given(
    vectors=st.lists(st.lists(st.sampled_from([0, 1, 2, -3]), min_size=3, max_size=3), min_size=1, max_size=9),
    data=st.data(),
)
def test_neighbors_are_those_of_brute_force(metric, make, vectors, data):
    n = len(vectors)
    masks = st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)
    codes = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=4)), int)
    known, allowed = data.draw(masks), data.draw(masks)
    options = {"k": data.draw(st.integers(1, 10)), "metric": metric, "include_self": data.draw(st.booleans())}
    with patch.object(topk._blocks, "_LARGEST_WIDTH", data.draw(st.integers(1, 9))):
        found, scores = nearest(Vectors.of(make(vectors)), codes, known, allowed, **options)
    assert found.shape == scores.shape == (len(codes), options["k"])
    for code, row, row_scores in zip(codes, found.tolist(), scores):
        expected = slow_nearest(np.array(vectors, float), code, known, allowed, **options)
        n_found = len(expected)
        np.testing.assert_allclose(row_scores[:n_found], [score for _, score in expected], atol=1e-6)
        assert row[n_found:] == [-1] * (len(row) - n_found)
        assert np.isnan(row_scores[n_found:]).all()
        assert len(set(row[:n_found])) == n_found
        for other, score in zip(row, row_scores[:n_found]):
            assert allowed[other] and METRICS[metric](*np.array([vectors[code], vectors[other]], float)) == pytest.approx(
                score, abs=1e-6
            )
        if metric == "dot":  # exact, so that ties are too
            assert row[:n_found] == [other for other, _ in expected]


PATTERNS = pd.DataFrame(
    [("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b"), ("u3", "b"), ("u3", "c"), ("u4", "d")], columns=["user", "item"]
)


def test_similar_items_are_labels_for_labels():
    model = EASERecommender().fit(PATTERNS)
    answer = model.similar_items(["a", "c"], k=2)
    assert answer.queries.tolist() == ["a", "c"]
    assert answer.labels.tolist() == [["b", "c"], ["b", "a"]]
    np.testing.assert_allclose(answer.scores, [[2 / 6**0.5, 0], [1 / 3**0.5, 0]], atol=1e-6)
    assert model.similar_items("a", k=1, include_self=True).labels.tolist() == [["a"]]
    assert model.similar_items("a", k=2, exclude="b").labels.tolist() == [["c", "d"]]
    assert model.similar_items("a", k=2, candidates=["d"]).labels.tolist() == [["d", None]]
    assert answer.to_frame().columns.tolist() == ["item", "similar_item", "score", "rank"]


def test_similar_users_are_labels_for_labels():
    answer = EASERecommender().fit(PATTERNS).similar_users(["u1"], k=2)
    assert answer.labels.tolist() == [["u2", "u3"]]
    np.testing.assert_allclose(answer.scores, [[1, 0.5]], atol=1e-6)


def test_an_item_is_first_in_its_list_before_equal_and_longer_vectors():
    vectors = Vectors.of(np.array([[1, 0], [2, 0], [1, 0], [0, 1]], np.float32))
    for metric, expected in (("dot", [1, 2, 1]), ("cosine", [1, 1, 1]), ("l2", [0, 0, -1])):
        everything = np.ones(4, bool)
        codes, scores = nearest(vectors, np.array([2]), everything, everything, k=3, metric=metric, include_self=True)
        assert codes[0, 0] == 2 and 1 in codes[0] and scores[0].tolist() == expected


def test_similar_users_are_limited_to_candidates_without_excluded_ones():
    model = EASERecommender().fit(PATTERNS)
    assert model.similar_users("u1", k=3, exclude=["u2", "nobody"]).labels.tolist() == [["u3", "u4", None]]
    assert model.similar_users("u1", k=3, candidates=["u3", "u4"], exclude="u4").labels.tolist() == [["u3", None, None]]
    assert model.similar_users("u1", k=2, candidates=["u2"], include_self=True).labels.tolist() == [["u2", None]]
    with pytest.raises(UnknownUserError, match="candidates"):
        model.similar_users("u1", candidates=["nobody"])


def test_an_item_without_events_is_similar_to_nothing():
    data = Interactions.from_arrays([0, 0], [0, 1], n_users=2, n_items=3)
    answer = EASERecommender().fit(data).similar_items([0, 2], k=3, include_self=True)
    assert answer.codes.tolist() == [[0, 1, -1], [-1, -1, -1]]


def test_a_model_that_learns_no_vectors_says_so():
    with pytest.raises(NotImplementedError, match="Memory has no vectors of users and items"):
        Memory().fit(LIKES).similar_items("x")
    with pytest.raises(NotImplementedError, match="Memory has no vectors of users and items"):
        Memory().fit(LIKES).similar_users("ann")


def test_popularity_ranks_all_items_alike_for_everybody():
    answer = PopularityRecommender().fit(PATTERNS).recommend(["u4", "u1"], k=1)
    assert answer.items.tolist() == [["b"], ["c"]]
