import pickle
from collections import defaultdict
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import shuffle

from skrec.data import Interactions
from skrec.datasets import make_interactions


@st.composite
def events(draw, timed=(True, False)):
    """Repeated pairs, zeros, tied times, no order; users and items without events."""
    row = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-2, 3), st.integers(-2, 2))
    rows = draw(st.lists(row, max_size=25))
    users, items, values, times = zip(*rows) if rows else ([], [], [], [])
    times = np.array(times, np.int64) if draw(st.sampled_from(timed)) else None
    return Interactions.from_arrays(users, items, values, timestamps=times, n_users=5, n_items=6)


def histories(data):
    """Slow reference: for each pair its values, in order of time."""
    times = np.zeros(len(data)) if data.timestamps is None else data.timestamps
    values = defaultdict(list)
    for row in sorted(range(len(data)), key=lambda row: times[row]):
        values[data.users[row], data.items[row]].append(data.values[row])
    return values


MEANINGS = {"sum": sum, "last": lambda values: values[-1], "any": lambda values: 1}


def everything(data):
    arrays = (data.users, data.items, data.values, data.timestamps, data.weights, data.impressions)
    return [None if array is None else array.tolist() for array in arrays]


RICH = Interactions.from_arrays(
    [0, 2, 2, 0],
    [1, 0, 0, 1],
    [5, 0, 3.5, 5],
    timestamps=[4, 3, 2, 1],
    weights=[1, 0, 2, 1],
    impressions=[0, 7, 7, 0],
    n_users=3,
    n_items=2,
    user_ids=["ann", "bob", "cid"],
    item_ids=["Alien", "Brazil"],
    user_features=np.eye(3),
    item_features=sp.csr_array(np.eye(2)),
)


# Building


def test_values_default_to_ones_and_the_frame_to_what_is_needed():
    data = Interactions.from_arrays([0, 4], [1, 1])
    assert data.values.tolist() == [1, 1]
    assert (data.n_users, data.n_items) == (5, 2)
    assert (data.users.dtype, data.items.dtype, data.values.dtype) == (np.int32, np.int32, np.float32)


def test_labels_fix_the_frame():
    data = Interactions.from_arrays([0], [0], user_ids=["a", "b"], item_ids=[10, 20, 30])
    assert (data.n_users, data.n_items) == (2, 3)


def test_no_events_are_an_empty_frame():
    data = Interactions.from_arrays([], [], n_users=2, n_items=3)
    assert data.shape == (0, 2)
    assert data.to_csr(duplicates="last").toarray().tolist() == [[0, 0, 0]] * 2
    assert data.time_order().tolist() == data.last_of_each_pair().tolist() == []
    assert len(data.to_frame()) == 0


def test_later_changes_of_the_arrays_it_was_built_from_do_not_reach_it():
    arrays = [np.array([0, 1]), np.array([1, 0]), np.array([1, 2], np.float32), np.array([5, 6]), np.array([7, 8])]
    users, items, values, times, groups = arrays
    data = Interactions.from_arrays(users, items, values, timestamps=times, weights=values, impressions=groups)
    before = everything(data)
    for array in arrays:
        array[:] = 9
    assert everything(data) == before


def test_is_frozen():
    with pytest.raises(FrozenInstanceError):
        RICH.n_users = 9


FROM_ARRAYS = {
    "lengths": (([0, 1], [0]), {}, ValueError, "users and items must have the same length, got 2 and 1"),
    "2-D codes": (([[0]], [[0]]), {}, ValueError, "users must be one-dimensional, got shape (1, 1)"),
    "negative code": (([0], [-1]), {}, ValueError, "items must be codes from 0, got -1"),
    "labels for codes": ((["a"], [0]), {}, TypeError, "users must be integer codes, got dtype <U1"),
    "float codes": (([0.0], [0]), {}, TypeError, "users must be integer codes, got dtype float64"),
    "bool codes": (([True], [0]), {}, TypeError, "users must be integer codes, got dtype bool"),
    "uint64 code": ((np.array([2**63], np.uint64), [0]), {}, ValueError, "users must be codes from 0, got 92233720368"),
    "code outside": (([5], [0]), {"n_users": 5}, ValueError, "users has code 5, but n_users is 5"),
    "code outside labels": (([2], [0]), {"user_ids": ["a"]}, ValueError, "users has code 2, but n_users is 1"),
    "negative size": (([], []), {"n_items": -1}, ValueError, "n_items must be an integer of at least 0, got -1"),
    "size 2.5": (([0], [0]), {"n_items": 2.5}, TypeError, "n_items must be an integer of at least 0, got 2.5"),
    "size True": (([0], [0]), {"n_items": True}, TypeError, "n_items must be an integer of at least 0, got True"),
    "too few labels": (([0], [0]), {"n_items": 3, "item_ids": ["a"]}, ValueError, "n_items is 3 but there are 1 labels"),
    "a label twice": (([0], [0]), {"item_ids": ["a", "a"]}, ValueError, "item_ids must be distinct labels, but 'a'"),
    "a label missing": (([0], [0]), {"user_ids": [None]}, ValueError, "user_ids must not be missing"),
    "enormous frame": (([2**62], [1]), {}, ValueError, "n_users * n_items must be below 2**63"),
    "values": (([0], [0], [1, 2]), {}, ValueError, "values must be one number for each of the 1 events, got shape (2,)"),
    "times": (([0], [0]), {"timestamps": [1, 2]}, ValueError, "timestamps must be one time for each of the 1 events"),
    "weights": (([0], [0]), {"weights": [-1]}, ValueError, "weights must not be negative, got -1.0"),
    "impressions": (([0], [0]), {"impressions": [1, 2]}, ValueError, "impressions must have the length of users, 1, got 2"),
    "impression -2": (([0], [0]), {"impressions": [-2]}, ValueError, "impressions must be codes from 0, got -2"),
    "impression 0.5": (([0], [0]), {"impressions": [0.5]}, TypeError, "impressions must be integer codes, got dtype float64"),
    "features": (([0], [0]), {"item_features": np.ones((2, 3))}, ValueError, "item_features must have 1 rows"),
    "1-D features": (([0], [0]), {"user_features": np.ones(1)}, ValueError, "one for each user, got shape (1,)"),
    "a list of features": (([0], [0]), {"user_features": [[1]]}, TypeError, "user_features must be an array or a sparse"),
}


@pytest.mark.parametrize(("arrays", "options", "error", "words"), FROM_ARRAYS.values(), ids=FROM_ARRAYS)
def test_arrays_that_do_not_fit_are_refused(arrays, options, error, words):
    with pytest.raises(error) as caught:
        Interactions.from_arrays(*arrays, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize("n_items", [2**31, 2**40])
def test_pairs_are_told_apart_where_users_times_items_exceeds_an_int32(n_items):
    data = Interactions.from_arrays([0, 99_999, 99_999, 0], [5, 5, 2**31 - 1, 5], [1, 2, 3, 4], n_items=n_items)
    assert data.last_of_each_pair().tolist() == [1, 2, 3]
    assert len(set(data.pair_keys.tolist())) == 3
    assert data.pair_keys[1] == 99_999 * n_items + 5


# Slicing


@given(data=events(), rows=st.lists(st.integers(0, 24), max_size=30))
def test_slices_take_events_and_keep_the_frame(data, rows):
    rows = np.array([row for row in rows if row < len(data)], int)
    part = data[rows]
    assert everything(part) == [None if array is None else [array[row] for row in rows] for array in everything(data)]
    assert (part.n_users, part.n_items, part.shape) == (5, 6, (len(rows), 2))


@pytest.mark.parametrize("rows", [[0, 2], np.array([0, 2]), np.array([True, False, True, False]), slice(0, 4, 2)])
def test_events_are_chosen_by_positions_mask_or_slice(rows):
    for part in (RICH[rows], RICH[rows, ...]):
        assert everything(part) == [[0, 2], [1, 0], [5, 3.5], [4, 2], [1, 2], [0, 7]]
        assert part.user_ids is RICH.user_ids
        assert part.item_features is RICH.item_features


def test_one_event_is_not_a_slice():
    with pytest.raises(TypeError, match=r"use X\[\[row\]\] for one event"):
        RICH[0]


def test_positions_outside_are_an_error():
    for rows in ([9], np.array([True])):
        with pytest.raises(IndexError):
            RICH[rows]


def test_scikit_learn_splits_events_and_keeps_the_frame():
    data = make_interactions(n_users=30, n_items=20, density=0.3, random_state=0).interactions
    parts = list(train_test_split(data, test_size=0.3, random_state=0))
    parts += [shuffle(data, random_state=0)]
    parts += [data[rows] for split in KFold(3, shuffle=True, random_state=0).split(data) for rows in split]
    for part in parts:
        assert isinstance(part, Interactions)
        assert (part.n_users, part.n_items) == (data.n_users, data.n_items)
        assert part.item_ids is data.item_ids
    train, test = parts[:2]
    assert sorted([*train.timestamps, *test.timestamps]) == sorted(data.timestamps)


# Meanings of repeated pairs


@pytest.mark.parametrize("duplicates", MEANINGS)
@given(data=events())
def test_a_matrix_holds_each_pair_once(duplicates, data):
    expected = np.zeros((5, 6))
    for (user, item), values in histories(data).items():
        expected[user, item] = MEANINGS[duplicates](values)
    matrix = data.to_csr(duplicates=duplicates)
    assert isinstance(matrix, sp.csr_array)
    assert (matrix.dtype, matrix.shape, matrix.nnz) == (np.float32, (5, 6), len(histories(data)))
    assert matrix.has_canonical_format
    np.testing.assert_array_equal(matrix.toarray(), expected)


def test_an_unknown_meaning_of_repeated_pairs_is_refused():
    with pytest.raises(ValueError, match="duplicates must be one of 'sum', 'last', 'any', got 'first'"):
        RICH.to_csr(duplicates="first")


@given(data=events())
def test_time_orders_events_and_rows_break_ties(data):
    times = [0] * len(data) if data.timestamps is None else data.timestamps.tolist()
    assert data.time_order().tolist() == sorted(range(len(data)), key=times.__getitem__)


@given(data=events())
def test_the_last_of_each_pair_is_its_latest_event_in_order_of_rows(data):
    last = {(data.users[row], data.items[row]): row for row in data.time_order()}
    assert data.last_of_each_pair().tolist() == sorted(last.values())


@given(data=events())
def test_pair_keys_are_equal_for_equal_pairs_only(data):
    pairs = list(zip(data.users.tolist(), data.items.tolist()))
    assert len(set(zip(pairs, data.pair_keys.tolist()))) == len(set(pairs)) == len(set(data.pair_keys.tolist()))


# There and back


def test_a_frame_holds_the_labels_and_whatever_the_events_carry():
    assert RICH.to_frame().to_dict("list") == {
        "user": ["ann", "cid", "cid", "ann"],
        "item": ["Brazil", "Alien", "Alien", "Brazil"],
        "rating": [5, 0, 3.5, 5],
        "timestamp": [4, 3, 2, 1],
        "weight": [1, 0, 2, 1],
        "impression": [0, 7, 7, 0],
    }
    assert Interactions.from_arrays([1], [0]).to_frame().to_dict("list") == {"user": [1], "item": [0], "rating": [1]}


@given(data=events())
def test_a_frame_and_back_is_the_same_events(data):
    if len(data) == 0:
        return
    frame = data.to_frame()
    again = Interactions.from_frame(frame)
    assert again.user_ids.tolist() == sorted(set(data.users.tolist()))
    pd.testing.assert_frame_equal(again.to_frame(), frame)


@given(data=events(timed=[False]))
def test_a_matrix_and_back_is_the_same_pairs(data):
    matrix = data.to_csr()
    again = Interactions.from_csr(matrix)
    assert list(zip(again.users, again.items, again.values)) == [
        (user, item, np.float32(sum(values))) for (user, item), values in sorted(histories(data).items())
    ]
    assert (again.to_csr() != matrix).nnz == 0


def test_a_matrix_may_be_labelled():
    data = Interactions.from_csr(sp.csr_array([[0, 2.0]]), user_ids=["ann"], item_ids=["Alien", "Brazil"])
    assert data.to_frame().to_dict("list") == {"user": ["ann"], "item": ["Brazil"], "rating": [2]}
    with pytest.raises(ValueError, match="n_items is 2 but there are 1 labels"):
        Interactions.from_csr(sp.csr_array([[0, 2.0]]), item_ids=["Alien"])


def test_a_text_file_is_read_by_its_header(tmp_path):
    path = tmp_path / "plays.tsv"
    path.write_text("who\titem\tstars\ttimestamp\nann\tAlien\t4\t9\nbob\tAlien\t2\t8\n")
    data = Interactions.from_csv(path, user="who", rating="stars", sep="\t")
    assert everything(data) == [[0, 1], [0, 0], [4, 2], [9, 8], None, None]
    assert data.user_ids.tolist() == ["ann", "bob"]


def test_values_can_be_replaced():
    assert RICH.with_values([1, 2, 3, 4]).values.tolist() == [1, 2, 3, 4]
    assert RICH.values.tolist() == [5, 0, 3.5, 5]


def test_survives_pickling():
    again = pickle.loads(pickle.dumps(RICH))
    assert everything(again) == everything(RICH)
    pd.testing.assert_frame_equal(again.to_frame(), RICH.to_frame())


def test_says_what_it_is():
    carried = "timestamps, weights, impressions, user_features, item_features"
    assert repr(RICH) == f"Interactions(4 events, 3 users x 2 items, values 0 to 5, {carried})"
    assert repr(Interactions.from_arrays([0], [0])) == "Interactions(1 events, 1 users x 1 items)"
    assert repr(RICH[:0]) == f"Interactions(0 events, 3 users x 2 items, {carried})"
