from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splitting_references import events_of, slow_core, slow_last, slow_windows

from skrec.data import Interactions
from skrec.data._splitting import (
    core_events,
    hold_out_events,
    hold_out_last,
    hold_out_latest,
    hold_out_latest_impressions,
    hold_out_users,
    time_windows,
)


@st.composite
def events(draw):
    """Repeated pairs, tied times, rows in no order of time, users and items without events."""
    row = st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(-3, 6))
    users, items, times = zip(*draw(st.lists(row, min_size=1, max_size=40)))
    return Interactions.from_arrays(users, items, timestamps=times, n_users=7, n_items=6)


fractions = st.floats(0.01, 0.99)


def pairs_of(data):
    return [(user, item) for user, item, _ in events_of(data)]


# Random events, random users


@pytest.mark.parametrize(
    ("hold_out", "keys_of", "complaint"),
    [(hold_out_events, pairs_of, "two distinct"), (hold_out_users, lambda data: data.users.tolist(), "two users")],
)
@given(data=events(), fraction=fractions, seed=st.integers(0, 9))
def test_pairs_or_users_are_held_out_whole(hold_out, keys_of, complaint, data, fraction, seed):
    keys = Counter(keys_of(data))
    if len(keys) < 2:
        with pytest.raises(ValueError, match=complaint):
            hold_out(data, fraction, np.random.default_rng(seed))
        return
    held_out = hold_out(data, fraction, np.random.default_rng(seed))
    assert held_out.dtype == bool and held_out.shape == (len(data),)
    tested = Counter(keys_of(data[held_out]))
    assert all(keys[key] == n for key, n in tested.items())
    assert len(tested) == min(max(1, round(fraction * len(keys))), len(keys) - 1)


@pytest.fixture(params=[2**22, 0], ids=["few", "many"])
def few_groups(request, monkeypatch):
    """Both ways of drawing: the number of groups from which they are drawn in the order of memory."""
    monkeypatch.setattr("skrec.data._splitting._MANY_GROUPS", request.param)


@pytest.mark.usefixtures("few_groups")
@pytest.mark.parametrize("fraction", [0.001, 0.3, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("n", [2, 1000, 100_000])
def test_the_given_fraction_is_held_out(n, fraction):
    data = Interactions.from_arrays(range(n), range(n))
    held_out = hold_out_events(data, fraction, np.random.default_rng(0))
    assert held_out.sum() == min(max(1, round(fraction * n)), n - 1)


@pytest.mark.usefixtures("few_groups")
@pytest.mark.parametrize("hold_out", [hold_out_events, hold_out_users])
def test_everything_is_held_out_equally_often(hold_out):
    data = Interactions.from_arrays([0, 0, 0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    rng, n_draws = np.random.default_rng(0), 4000
    share = sum(hold_out(data, 0.3, rng).astype(int) for _ in range(n_draws)) / n_draws
    drawn = {hold_out_events: 3 / 9, hold_out_users: 2 / 8}[hold_out]
    assert np.abs(share - drawn).max() < 4 * np.sqrt(drawn * (1 - drawn) / n_draws)


@pytest.mark.parametrize("hold_out", [hold_out_events, hold_out_users])
def test_equal_generators_draw_the_same_and_others_do_not(hold_out):
    data = Interactions.from_arrays(range(50), range(50))
    first, again, other = (hold_out(data, 0.5, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other


# The latest impressions


@given(data=events(), fraction=fractions)
def test_without_impressions_the_latest_events_are_held_out(data, fraction):
    if len(data) < 2:
        with pytest.raises(ValueError, match="two impressions are needed"):
            hold_out_latest_impressions(data, fraction)
        return
    held_out = hold_out_latest_impressions(data, fraction)
    assert held_out.sum() == min(max(1, round(fraction * len(data))), len(data) - 1)
    in_time = held_out[np.argsort(data.timestamps, kind="stable")]
    assert (np.diff(in_time.astype(int)) >= 0).all()


def test_what_was_shown_together_is_held_out_together_by_its_earliest_time():
    shown = Interactions.from_arrays(
        [0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5], timestamps=[3, 9, 8, 4, 5, 3], impressions=[7, 2, 7, 2, 5, 7]
    )
    assert hold_out_latest_impressions(shown, 0.3).tolist() == [False, False, False, False, True, False]
    assert hold_out_latest_impressions(shown, 0.7).tolist() == [False, True, False, True, True, False]
    untimed = Interactions.from_arrays([0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5], impressions=[7, 2, 7, 2, 5, 7])
    assert hold_out_latest_impressions(untimed, 0.7).tolist() == [False, True, False, True, True, False]


# The last of each user


@given(events(), st.integers(1, 3))
def test_last_events_equal_the_slow_reference(data, n):
    expected = slow_last(events_of(data), n)
    if any(expected):
        assert hold_out_last(data, n).tolist() == expected
    else:
        with pytest.raises(ValueError, match=f"no user has more than n={n} events"):
            hold_out_last(data, n)


def test_of_equal_times_the_later_row_is_last():
    data = Interactions.from_arrays([0, 1, 0, 1, 0], [4, 3, 2, 1, 0], timestamps=[9, 9, 9, 9, 9])
    assert np.flatnonzero(hold_out_last(data)).tolist() == [3, 4]


def test_without_times_the_order_of_rows_counts():
    data = Interactions.from_arrays([0, 1, 0, 1, 0], [4, 3, 2, 1, 0])
    assert np.flatnonzero(hold_out_last(data, 2)).tolist() == [2, 4]


def test_users_with_short_histories_are_not_held_out():
    data = Interactions.from_arrays([0, 1, 1, 2, 2, 2], range(6), timestamps=range(6))
    assert np.flatnonzero(hold_out_last(data, 2)).tolist() == [4, 5]


# Cuts in time


@given(events(), fractions, st.integers(1, 3))
def test_windows_equal_the_slow_reference(data, fraction, n_windows):
    expected = slow_windows(events_of(data), fraction, n_windows)
    if expected:
        assert time_windows(data, fraction, n_windows).tolist() == expected
    else:
        with pytest.raises(ValueError, match=f"{n_windows} windows of"):
            time_windows(data, fraction, n_windows)


@given(events(), fractions)
def test_latest_events_are_later_than_all_others(data, fraction):
    if slow_windows(events_of(data), fraction, 1) is None:
        return
    latest = hold_out_latest(data, fraction)
    assert data.timestamps[latest].min() > data.timestamps[~latest].max()
    assert latest.sum() >= max(1, round(fraction * len(data)))


def test_ties_at_the_cut_are_all_held_out():
    data = Interactions.from_arrays([0] * 6, range(6), timestamps=[1, 2, 2, 2, 3, 4])
    assert hold_out_latest(data, 0.5).tolist() == [False, True, True, True, True, True]


def test_times_too_long_for_a_float_are_told_apart():
    late = 2**62
    data = Interactions.from_arrays([0] * 4, range(4), timestamps=[late + 3, late + 1, late + 2, late])
    assert hold_out_latest(data, 0.25).tolist() == [True, False, False, False]
    assert hold_out_last(data).tolist() == [True, False, False, False]


@pytest.mark.parametrize("cut", [hold_out_latest, time_windows])
def test_cut_in_time_needs_timestamps(cut):
    with pytest.raises(ValueError, match="needs timestamps"):
        cut(Interactions.from_arrays([0, 1, 2], [0, 1, 2]), 0.5)


# Cores


@given(events(), st.integers(1, 3), st.integers(1, 3))
def test_core_equals_the_slow_reference(data, user, item):
    assert core_events(data, user, item).tolist() == slow_core(events_of(data), user, item)


def test_core_follows_a_chain_to_its_end():
    # user u has the items u and u + 1: the first item falls, then the first user, then the next item ...
    users = np.repeat(np.arange(30), 2)
    chain = Interactions.from_arrays(users, users + [0, 1] * 30)
    assert not core_events(chain, 2, 2).any()
    ring = Interactions.from_arrays(users, (users + [0, 1] * 30) % 30)
    assert core_events(ring, 2, 2).all()


# Errors


NO_NUMBERS = [(value, TypeError) for value in (True, None, "2")]


@pytest.mark.parametrize(("bad", "error"), [*NO_NUMBERS, *((value, ValueError) for value in (0, 1, -0.1, 1.5, float("nan")))])
def test_fraction_outside_its_range_is_refused(bad, error):
    data = Interactions.from_arrays([0, 1, 2], [0, 1, 2], timestamps=[0, 1, 2])
    with pytest.raises(error, match=r"^fraction must be a finite number above 0 and below 1"):
        hold_out_events(data, bad, np.random.default_rng(0))
    with pytest.raises(error, match=r"^fraction must be a finite number above 0 and below 1"):
        hold_out_users(data, bad, np.random.default_rng(0))
    with pytest.raises(error, match=r"^fraction must be a finite number above 0 and below 1"):
        hold_out_latest(data, bad)


@pytest.mark.parametrize(("bad", "error"), [*NO_NUMBERS, (1.0, TypeError), (0, ValueError), (-1, ValueError)])
def test_count_that_is_not_a_positive_integer_is_refused(bad, error):
    data = Interactions.from_arrays([0, 0, 0], [0, 1, 2], timestamps=[0, 1, 2])
    with pytest.raises(error, match=r"^n must be an integer of at least 1, got"):
        hold_out_last(data, bad)
    with pytest.raises(error, match=r"^n_windows must be an integer of at least 1, got"):
        time_windows(data, 0.3, bad)
    with pytest.raises(error, match=r"^user must be an integer of at least 1, got"):
        core_events(data, bad, 1)
    with pytest.raises(error, match=r"^item must be an integer of at least 1, got"):
        core_events(data, 1, bad)
