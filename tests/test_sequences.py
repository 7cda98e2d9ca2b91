"""What users did, in order of time, and minibatches of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.data import Interactions
from skrec.engine import SequenceTable, UniformNegatives
from skrec.engine.batches._candidates import AllCandidates, DrawnCandidates, SharedCandidates
from skrec.engine.batches._sequences import SequenceBatches, followed_by

N_ITEMS = 30


def events_of(lengths, seed=0):
    """Users with so many events each, in rows of no order; an item tells whose and which event it is, if there are enough."""
    users = np.repeat(np.arange(len(lengths)), lengths)
    places = np.concatenate([np.arange(n) for n in lengths]) if len(users) else np.empty(0, np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(users))
    return Interactions.from_arrays(
        users[shuffled],
        (7 * users + places)[shuffled] % N_ITEMS,
        timestamps=places[shuffled],
        n_users=len(lengths),
        n_items=N_ITEMS,
    )


def batches_of(events, *, max_length=4, batch_size=3, candidates=None, **rest):
    negatives = UniformNegatives(events)
    return SequenceBatches(
        events,
        max_length=max_length,
        batch_size=batch_size,
        candidates=candidates or DrawnCandidates(negatives, 1),
        negatives=negatives,
        **rest,
    )


def epoch_of(batches, seed=0):
    return list(batches.epoch(torch.Generator().manual_seed(seed)))


def lessons(batch):
    """(user, what is read, what comes next) of each target of a minibatch, in its order."""
    query, found = batch.query, []
    for user, items, asked in zip(query.users.tolist(), query.items.tolist(), query.requested.tolist()):
        found += [(user, tuple(items[: place + 1])) for place in range(len(items)) if asked[place]]
    return [(user, read, following) for (user, read), following in zip(found, batch.items[:, 0].tolist(), strict=True)]


def histories(events):
    order = np.lexsort((np.arange(len(events)), events.timestamps))
    return {user: events.items[order][events.users[order] == user].tolist() for user in range(events.n_users)}


# ---- the table -------------------------------------------------------------------------------------------------------


def test_a_table_gives_the_latest_items_in_order_of_time():
    events = events_of([5, 0, 2])
    table, whole = SequenceTable(events, 3), histories(events)
    sequences = table(torch.tensor([0, 2]))
    assert sequences.items[0].tolist() == whole[0][-3:] and sequences.items[1, :2].tolist() == whole[2]
    assert sequences.requested.tolist() == [[False, False, True], [False, True, False]]
    assert table.lengths(torch.tensor([0, 1, 2])).tolist() == [3, 0, 2]


def test_events_of_one_time_keep_the_order_of_their_rows():
    events = Interactions.from_arrays([0, 0, 0, 0], [4, 2, 9, 1], timestamps=[7, 7, 3, 7])
    assert SequenceTable(events, 9)(torch.tensor([0])).items.tolist() == [[9, 4, 2, 1]]


def test_without_times_the_rows_are_in_order():
    events = Interactions.from_arrays([0, 1, 0], [4, 2, 1])
    assert SequenceTable(events, 9)(torch.tensor([0])).items.tolist() == [[4, 1]]


def test_a_user_without_events_has_no_items():
    table = SequenceTable(events_of([0, 3]), 9)
    assert not table(torch.tensor([0])).requested.any()


# ---- minibatches -----------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 13), min_size=1, max_size=40),
    st.integers(1, 6),
    st.integers(1, 9),
)
def test_each_event_but_the_first_is_predicted_once_from_those_before_it(lengths, max_length, batch_size):
    events = events_of(lengths)
    batches = batches_of(events, max_length=max_length, batch_size=batch_size)
    epoch = epoch_of(batches)
    assert len(epoch) == len(batches)
    found = sorted(lesson for batch in epoch for lesson in lessons(batch))
    due = []
    for user, items in histories(events).items():
        for place in range(1, len(items)):
            # windows are cut from the end: what is read begins where the window of this event begins
            window = (len(items) - 1 - place) // max_length
            first = max(0, len(items) - 1 - (window + 1) * max_length)
            due.append((user, tuple(items[first:place]), items[place]))
    assert found == sorted(due)


def test_minibatches_have_about_as_many_targets_whatever_the_lengths():
    rng = np.random.default_rng(0)
    events = events_of(rng.geometric(0.1, 600).tolist())
    sizes = [len(batch.target) for batch in epoch_of(batches_of(events, max_length=50, batch_size=32))]
    assert max(sizes) < 1.5 * np.mean(sizes)
    padded = [batch.query.items.numel() for batch in epoch_of(batches_of(events, max_length=50, batch_size=32))]
    assert sum(padded) < 1.3 * sum(sizes), "alike lengths go together"


def test_every_epoch_has_another_order():
    batches = batches_of(events_of([4] * 40))
    first, second = ([lessons(batch) for batch in epoch_of(batches, seed)] for seed in (0, 1))
    assert first != second and first == [lessons(batch) for batch in epoch_of(batches, 0)]


def test_of_held_out_events_only_these_are_predicted_from_all_that_came_before():
    known, later = events_of([3, 2, 5]), Interactions.from_arrays([0, 2], [11, 12], n_users=3, n_items=N_ITEMS)
    together = followed_by(known, later)
    batches = batches_of(together, is_target=np.arange(len(together)) >= len(known), max_length=9)
    whole = histories(known)
    found = sorted(lesson for batch in epoch_of(batches) for lesson in lessons(batch))
    assert found == [(0, tuple(whole[0]), 11), (2, tuple(whole[2]), 12)]


def test_weights_go_with_the_events_that_are_predicted():
    events = events_of([4, 3, 6])
    events = replace(events, weights=events.items.astype(np.float32) + 1)
    for batch in epoch_of(batches_of(events)):
        assert batch.weight.tolist() == [following + 1 for _, _, following in lessons(batch)]


def test_a_probe_has_what_came_next_and_something_the_user_has_not():
    events = events_of([4, 3, 6])
    query, items = batches_of(events).sample_pairs(100, torch.Generator().manual_seed(0))
    assert len(items) == int(query.requested.sum()) == 10
    seen = {user: set(items) for user, items in histories(events).items()}
    users = query.users[:, None].expand_as(query.requested)[query.requested].tolist()
    assert all(a in seen[user] and b not in seen[user] for user, (a, b) in zip(users, items.tolist(), strict=True))


# ---- candidates ------------------------------------------------------------------------------------------------------


def test_shared_candidates_are_the_same_for_all_but_for_what_is_chosen():
    items = torch.tensor([3, 8, 3, 1])
    (own, drawn), target, mask, log_q = SharedCandidates(10, 200)(items, items, torch.Generator().manual_seed(0))
    assert own[:, 0].tolist() == items.tolist() and drawn.shape == (1, 200) and log_q is None
    assert set(drawn[0].tolist()) == set(range(10))
    assert target.sum(1).tolist() == [1] * 4 and target[:, 0].all()
    assert mask[:, 0].all()
    assert (mask[:, 1:] == (drawn != items[:, None])).all()


def test_the_whole_catalogue_holds_the_chosen_item_once():
    items = torch.tensor([3, 8])
    everything, target, mask, log_q = AllCandidates(10)(items, items, torch.Generator())
    assert everything.tolist() == [list(range(10))] and mask is None and log_q is None
    assert target.dense(10).nonzero().tolist() == [[0, 3], [1, 8]] and target.values.tolist() == [1, 1]


@pytest.mark.parametrize("n", [1, 5])
def test_drawn_candidates_are_of_each_event_and_never_known(n):
    events = events_of([10, 12])
    seen = {user: set(items) for user, items in histories(events).items()}
    users, items = torch.tensor([0, 1, 1]), torch.tensor([0, 7, 8])
    candidates = DrawnCandidates(UniformNegatives(events), n)(users, items, torch.Generator().manual_seed(0))
    assert candidates.items.shape == (3, 1 + n) and candidates.items[:, 0].tolist() == items.tolist()
    for user, drawn in zip(users.tolist(), candidates.items[:, 1:].tolist()):
        assert not seen[user] & set(drawn)
