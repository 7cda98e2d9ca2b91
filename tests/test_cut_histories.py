"""Which part of a new user's history is hidden."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from same_for_all import shown_and_hidden

from skrec.data import Interactions
from skrec.metrics import cut_histories

EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 15)), min_size=1, max_size=60)


def interactions(events, **columns):
    users, items = np.array(events).T
    return Interactions.from_arrays(users, items, n_users=6, n_items=16, **columns)


@pytest.mark.parametrize(("n_items", "n_hidden"), [(1, 0), (2, 1), (7, 1), (8, 2), (12, 2), (13, 3), (100, 20)])
def test_a_fifth_of_the_items_and_at_least_one_is_hidden(n_items, n_hidden):
    data = Interactions.from_arrays([0] * n_items, range(n_items))
    assert cut_histories(data, ordered=False).sum() == n_hidden


@given(EVENTS)
def test_all_events_of_an_item_are_on_one_side_and_something_stays_visible(events):
    visible, hidden = shown_and_hidden(interactions(events))
    for user in {user for user, _ in events}:
        assert not visible[user] & hidden[user]
        assert visible[user]


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_cut_depends_on_the_set_of_items_alone(events, random):
    repeated = events + random.choices(events, k=5)
    random.shuffle(repeated)
    other_users = random.sample(range(6), 6)
    before = shown_and_hidden(interactions(events))
    after = shown_and_hidden(interactions([(other_users[user], item) for user, item in repeated]))
    for sets_before, sets_after in zip(before, after):
        assert {other_users[user]: items for user, items in sets_before.items()} == sets_after


@given(EVENTS, st.permutations(range(16)))
def test_the_cut_of_labelled_items_does_not_depend_on_the_vocabulary(events, codes):
    labels = np.array([f"item {number}" for number in range(16)], object)
    sorted_ids = interactions(events, item_ids=labels)
    shuffled_ids = interactions([(user, codes[item]) for user, item in events], item_ids=labels[np.argsort(codes)])
    np.testing.assert_array_equal(cut_histories(sorted_ids, ordered=False), cut_histories(shuffled_ids, ordered=False))


@given(EVENTS, st.data())
def test_the_last_event_is_hidden_in_order(events, draw):
    times = draw.draw(st.lists(st.integers(0, 9), min_size=len(events), max_size=len(events)))
    expected = [False] * len(events)
    for user in range(6):
        rows = [row for row, event in enumerate(events) if event[0] == user]
        if len({events[row] for row in rows}) > 1:
            expected[max(rows, key=lambda row: (times[row], row))] = True
    data = interactions(events, timestamps=times)
    assert cut_histories(data, ordered=True).tolist() == expected


def test_every_item_has_the_same_chance_to_be_hidden():
    rng = np.random.default_rng(2)
    rows = np.argsort(rng.random((4000, 20)), axis=1)[:, :10]
    data = Interactions.from_arrays(np.repeat(np.arange(4000), 10), rows.ravel())
    hidden = cut_histories(data, ordered=False)
    share = np.bincount(data.items[hidden], minlength=20) / np.bincount(data.items, minlength=20)
    # 2,000 rows hold an item: the standard deviation of a share of .2 is .009
    assert np.abs(share - 0.2).max() < 0.036


def test_the_cut_is_the_same_in_every_process():
    program = (
        "import numpy as np; from skrec.data import Interactions; from skrec.metrics import cut_histories;"
        "data = Interactions.from_arrays([0] * 30, range(30), item_ids=[f'item {i}' for i in range(30)]);"
        "print(np.flatnonzero(cut_histories(data, ordered=False)).tolist())"
    )
    answers = {
        subprocess.check_output([sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2")
    }
    assert len(answers) == 1
