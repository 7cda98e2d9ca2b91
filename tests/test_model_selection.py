import random
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_validate

from skrec.data import Interactions
from skrec.model_selection import LeaveLastOut, RandomHoldout, TemporalSplit, UserKFold, k_core, train_test_split

SPLITTERS = [
    TemporalSplit(),
    TemporalSplit(3, test_size=0.2),
    LeaveLastOut(),
    LeaveLastOut(2),
    RandomHoldout(random_state=0),
    RandomHoldout(0.4, n_splits=3, random_state=0),
    UserKFold(3, random_state=0),
    UserKFold(4, shuffle=False),
]
every_splitter = pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
every_container = pytest.mark.parametrize("kind", ["Interactions", "pandas", "polars", "pyarrow"])


@pytest.fixture
def data():
    """Repeated pairs, tied times, rows in no order of time."""
    rng = np.random.default_rng(0)
    users, items, times = rng.integers(11, size=120), rng.integers(9, size=120), rng.integers(60, size=120)
    return Interactions.from_arrays(users, items, timestamps=times)


def splits(splitter, X):
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]


def as_container(data, kind):
    frame = data.to_frame().drop(columns="rating")
    return {
        "Interactions": lambda: data,
        "pandas": lambda: frame.set_index(pd.Index(range(1000, 1000 + len(frame)))),
        "polars": lambda: pl.DataFrame(frame.to_dict("list")),
        "pyarrow": lambda: pa.table(frame.to_dict("list")),
    }[kind]()


def rows_of(X):
    """The events in any container, in order."""
    frame = X.to_frame() if isinstance(X, Interactions) else X
    return list(zip(*(frame[column].to_numpy().tolist() for column in ("user", "item", "timestamp"))))


# What all splitters share


@every_splitter
def test_training_and_test_events_are_disjoint_and_ascending(splitter, data):
    for train, test in splitter.split(data):
        assert train.dtype == test.dtype == np.int64
        assert min(len(train), len(test)) > 0
        assert not set(train) & set(test)
        assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()


@pytest.mark.parametrize("splitter", [s for s in SPLITTERS if s is not SPLITTERS[1]], ids=str)
def test_every_event_is_on_one_side(splitter, data):  # but for windows in time, whose future is on neither
    for train, test in splitter.split(data):
        assert sorted([*train, *test]) == list(range(len(data)))


@every_splitter
def test_number_of_splits_is_as_announced(splitter, data):
    assert len(splits(splitter, data)) == splitter.get_n_splits() == splitter.get_n_splits(data, None, None)


@every_splitter
@every_container
def test_containers_of_the_same_events_are_split_alike(splitter, kind, data):
    assert splits(splitter, as_container(data, kind)) == splits(splitter, data)


@every_splitter
def test_split_repeats_itself_and_looks_at_neither_y_nor_groups(splitter, data):
    again = [(a.tolist(), b.tolist()) for a, b in splitter.split(data, np.arange(len(data)), np.zeros(len(data)))]
    assert again == splits(splitter, data)


@pytest.mark.parametrize("make", [RandomHoldout, UserKFold])
def test_seed_decides_the_draw(make, data):
    assert splits(make(random_state=1), data) == splits(make(random_state=1), data)
    assert splits(make(random_state=1), data) != splits(make(random_state=2), data)
    generator = np.random.default_rng(1)
    assert splits(make(random_state=generator), data) == splits(make(random_state=1), data)
    assert splits(make(random_state=generator), data) != splits(make(random_state=1), data)


def test_global_random_state_is_neither_used_nor_moved(data):
    def state():
        return [np.asarray(part).tolist() for part in np.random.get_state()], random.getstate()  # noqa: NPY002

    before = state()
    splits(RandomHoldout(), data), splits(UserKFold(), data), train_test_split(data)
    assert state() == before


@pytest.mark.parametrize(
    ("splitter", "text"),
    [
        (TemporalSplit(), "TemporalSplit(at=None, n_splits=1, test_size=0.2, test_window=None, train_window=None)"),
        (LeaveLastOut(2), "LeaveLastOut(n=2)"),
        (RandomHoldout(), "RandomHoldout(n_splits=1, random_state=None, test_size=0.2)"),
        (UserKFold(random_state=7), "UserKFold(n_splits=5, random_state=7, shuffle=True)"),
    ],
)
def test_repr_shows_the_parameters(splitter, text):
    assert " ".join(repr(splitter).split()) == text


class MeanTime(BaseEstimator):
    """Learns how late its events are, and in what container they came."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y=None):
        self.kind_, self.rows_ = type(X), rows_of(X)
        self.mean_ = np.mean([time for *_, time in self.rows_])
        return self

    def score(self, X, y=None):
        assert type(X) is self.kind_
        return -abs(np.mean([time for *_, time in rows_of(X)]) - self.mean_ - self.shift)


@every_splitter
@every_container
def test_cross_validate_fits_on_the_training_events_in_the_users_container(splitter, kind, data):
    X = as_container(data, kind)
    result = cross_validate(MeanTime(), X, cv=splitter, return_estimator=True, error_score="raise")
    times = data.timestamps
    expected = [-abs(times[test].mean() - times[train].mean()) for train, test in splitter.split(data)]
    np.testing.assert_allclose(result["test_score"], expected)
    assert [model.rows_ for model in result["estimator"]] == [rows_of(data[train]) for train, _ in splitter.split(data)]
    assert {model.kind_ for model in result["estimator"]} == {type(X)}


@every_splitter
@every_container
def test_grid_search_chooses_with_it(splitter, kind, data):
    search = GridSearchCV(MeanTime(), {"shift": [1e6, 0]}, cv=splitter, error_score="raise")
    search.fit(as_container(data, kind))
    assert search.best_params_ == {"shift": 0}
    assert search.best_estimator_.rows_ == rows_of(data)


@pytest.mark.parametrize("splitter", [TemporalSplit(), LeaveLastOut(), RandomHoldout()], ids=str)
@pytest.mark.parametrize("matrix", [sp.csr_array(np.eye(6)), np.eye(6), np.eye(6).tolist(), None])
def test_matrix_is_refused_in_words(splitter, matrix):
    with pytest.raises(ValueError, match=r"X must be events.*rows of a matrix are users.*KFold.*Interactions\.from_csr"):
        next(splitter.split(matrix))


# What each of them promises


def test_temporal_windows_follow_one_another_and_training_grows():
    X = Interactions.from_arrays([0] * 10, range(10), timestamps=[3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    assert splits(TemporalSplit(3), X) == [
        ([1, 3, 6], [0, 2, 9]),  # from time 3, that of the fourth and the fifth event
        ([0, 1, 2, 3, 6, 9], [4, 8]),  # from time 5
        ([0, 1, 2, 3, 4, 6, 8, 9], [5, 7]),  # from time 6 to the end
    ]


def test_temporal_split_does_not_depend_on_the_order_of_rows(data):
    shuffle = np.random.default_rng(0).permutation(len(data))
    splitter = TemporalSplit(2)
    shuffled = [(sorted(shuffle[train]), sorted(shuffle[test])) for train, test in splitter.split(data[shuffle])]
    assert shuffled == splits(splitter, data)


def test_leaving_the_last_out_twice_gives_a_validation_and_a_test_event(data):
    fitted, test = train_test_split(data, by="last")
    train, validation = train_test_split(fitted, by="last")
    train_of_two, last_two = train_test_split(data, by="last", test_size=2)
    assert rows_of(train) == rows_of(train_of_two)
    assert Counter(rows_of(test) + rows_of(validation)) == Counter(rows_of(last_two))


def test_random_holdout_never_parts_a_pair(data):
    for train, test in RandomHoldout(0.3, n_splits=20, random_state=0).split(data):
        assert not set(data.pair_keys[train]) & set(data.pair_keys[test])


def test_random_holdout_draws_each_split_anew(data):
    tests = [tuple(test) for _, test in splits(RandomHoldout(n_splits=10, random_state=0), data)]
    assert len(set(tests)) == 10


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_user_is_tested_once_with_all_events(shuffle, data):
    tested = []
    for train, test in UserKFold(3, shuffle=shuffle, random_state=0).split(data):
        assert not set(data.users[train]) & set(data.users[test])
        tested.append(set(data.users[test]))
    assert sorted(map(len, tested)) == [3, 4, 4]
    assert sorted(user for users in tested for user in users) == list(range(11))


def test_users_without_events_take_no_place_in_a_fold():
    X = Interactions.from_arrays([3, 8], [0, 1], n_users=20)
    assert splits(UserKFold(2, shuffle=False), X) == [([1], [0]), ([0], [1])]
    with pytest.raises(ValueError, match="n_splits=3 is more than the number of users in X, 2"):
        splits(UserKFold(3), X)


@pytest.mark.parametrize("make", [sp.csr_array, sp.coo_array, np.asarray])
def test_rows_of_a_matrix_are_users_as_in_kfold(make):
    X = make(np.eye(7, 4))  # three rows are empty
    assert splits(UserKFold(3, shuffle=False), X) == splits(KFold(3), np.eye(7))
    shuffled = splits(UserKFold(3, random_state=0), X)
    assert sorted(row for _, test in shuffled for row in test) == list(range(7))
    assert shuffled != splits(KFold(3), np.eye(7))


def test_matrix_is_cross_validated_over_users():
    class CountsRows(BaseEstimator):
        def fit(self, X, y=None):
            return self

        def score(self, X, y=None):
            return X.shape[0]

    result = cross_validate(CountsRows(), sp.csr_array(np.eye(7)), cv=UserKFold(3), error_score="raise")
    assert sorted(result["test_score"]) == [2, 2, 3]


# train_test_split


@pytest.mark.parametrize("by", ["random", "time", "last", "user"])
@every_container
def test_both_parts_have_the_type_of_the_whole_and_all_its_events(by, kind, data):
    X = as_container(data, kind)
    train, test = train_test_split(X, by=by, random_state=0)
    assert type(train) is type(test) is type(X)
    assert Counter(rows_of(train) + rows_of(test)) == Counter(rows_of(data))


def test_parts_of_interactions_keep_the_frame(data):
    train, test = train_test_split(data[:5], random_state=0)
    assert (train.n_users, train.n_items) == (test.n_users, test.n_items) == (data.n_users, data.n_items)


@pytest.mark.parametrize(
    ("by", "size", "splitter"),
    [
        ("random", 0.3, RandomHoldout(0.3, random_state=5)),
        ("random", None, RandomHoldout(0.2, random_state=5)),
        ("time", 0.3, TemporalSplit(test_size=0.3)),
        ("time", None, TemporalSplit(test_size=0.2)),
        ("last", 2, LeaveLastOut(2)),
        ("last", None, LeaveLastOut(1)),
    ],
)
def test_train_test_split_is_one_split_of_the_splitter(by, size, splitter, data):
    X = as_container(data, "pandas")
    train, test = train_test_split(X, by=by, test_size=size, random_state=5)
    [(train_rows, test_rows)] = splitter.split(X)
    pd.testing.assert_frame_equal(train, X.iloc[train_rows])
    pd.testing.assert_frame_equal(test, X.iloc[test_rows])


def test_train_test_split_by_user_holds_out_a_part_of_the_users(data):
    train, test = train_test_split(data, by="user", test_size=0.4, random_state=0)
    assert len(set(test.users)) == round(0.4 * 11)
    assert not set(test.users) & set(train.users)


# k_core


def test_core_counts_distinct_pairs_and_keeps_their_repeats():
    frame = pd.DataFrame({"user": list("aaabbbc"), "item": list("xxyxyyx")})
    pd.testing.assert_frame_equal(k_core(frame, user=2, item=2), frame.iloc[:6])
    with pytest.raises(ValueError, match="nothing remains of X with user=3, item=1"):
        k_core(frame, user=3, item=1)


@every_container
def test_core_has_the_type_of_the_whole_and_the_events_of_the_core(kind, data):
    X = as_container(data[:40], kind)
    core = k_core(X, user=3, item=2)
    assert type(core) is type(X)
    assert 0 < len(rows_of(core)) < 40
    assert rows_of(core) == rows_of(k_core(data[:40], user=3, item=2)) == rows_of(k_core(core, user=3, item=2))


def test_core_of_interactions_has_the_smallest_frame_with_labels_and_features_kept():
    X = Interactions.from_arrays(
        [0, 1, 1, 3, 3],
        [0, 0, 2, 0, 2],
        [1, 2, 3, 4, 5],
        timestamps=[5, 4, 3, 2, 1],
        user_ids=["ann", "bob", "cid", "dan"],
        n_items=4,
        user_features=sp.csr_array(np.diag([1.0, 2, 3, 4])),
        item_features=np.arange(8).reshape(4, 2),
    )
    core = k_core(X, user=2, item=2)
    assert (core.n_users, core.n_items) == (2, 2)
    assert core.user_ids.tolist() == ["bob", "dan"]
    assert core.item_ids.tolist() == [0, 2]  # there were no labels: the old codes
    assert core.users.tolist() == [0, 0, 1, 1] and core.items.tolist() == [0, 1, 0, 1]
    assert core.values.tolist() == [2, 3, 4, 5] and core.timestamps.tolist() == [4, 3, 2, 1]
    assert core.user_features.toarray().tolist() == [[0, 2, 0, 0], [0, 0, 0, 4]]
    assert core.item_features.tolist() == [[0, 1], [4, 5]]


# Errors, and what stays as it was


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: RandomHoldout(1), "test_size must be a finite number above 0 and below 1, got 1"),
        (lambda X: RandomHoldout(n_splits=0), "n_splits must be an integer of at least 1, got 0"),
        (lambda X: TemporalSplit(test_size=0), "test_size must be a finite number above 0 and below 1, got 0"),
        (lambda X: TemporalSplit(5), r"n_splits \* test_size must be below 1 .* got 5 \* 0.2"),
        (lambda X: UserKFold(1), "n_splits must be an integer of at least 2, got 1"),
        (lambda X: splits(UserKFold(random_state=-1), X), "random_state must be an int from 0 to"),
        (lambda X: train_test_split(X, by="date"), "by must be one of 'random', 'time', 'last', 'user', got 'date'"),
        (lambda X: train_test_split(X, test_size=3), "test_size must be a finite number above 0 and below 1, got 3"),
        (lambda X: train_test_split(X, random_state="seven"), "random_state must be an int from 0 to"),
        (lambda X: train_test_split(X.to_csr()), "X must be events"),
        (lambda X: k_core(X.to_csr()), "X must be events"),
        (lambda X: k_core(X, user=0), "user must be an integer of at least 1, got 0"),
    ],
)
def test_error_names_the_argument(call, message, data):
    with pytest.raises(ValueError, match=message):
        call(data)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: TemporalSplit(1.5), "n_splits must be an integer of at least 1, got 1.5"),
        (lambda X: LeaveLastOut(True), "n must be an integer of at least 1, got True"),
        (lambda X: RandomHoldout("0.2"), "test_size must be a finite number above 0 and below 1, got '0.2'"),
        (lambda X: train_test_split(X, by="last", test_size=0.2), "test_size with by='last' must be an integer"),
    ],
)
def test_argument_of_another_type_is_a_type_error(call, message, data):
    with pytest.raises(TypeError, match=message):
        call(data)


def test_input_is_not_changed(data):
    frame = as_container(data, "pandas")
    before = frame.copy()
    for array in (data.users, data.items, data.timestamps):
        array.flags.writeable = False
    for X in (data, frame):
        for splitter in SPLITTERS:
            splits(splitter, X)
        train_test_split(X), k_core(X, user=2, item=2)
    pd.testing.assert_frame_equal(frame, before)
