"""Users at some times, and times counted from the end of the training data."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.data import Interactions, event_times, with_event_times
from skrec.engine import Clock, NegativesAtTimes, TimedSequenceTable, UniformNegatives, UsersAtTimes

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 6)), min_size=1, max_size=30)


def interactions(rows):
    users, items, times = np.array(rows).T
    return Interactions.from_arrays(users, items, timestamps=times, n_users=4, n_items=10)


def asked(table, users, times):
    users, times = torch.tensor(users), torch.tensor(times)
    return UsersAtTimes(users, table.stops(users, times), torch.zeros(len(users)))


def test_events_of_an_impression_have_its_earliest_time():
    events = Interactions.from_arrays([0, 1, 0, 1], [0, 1, 2, 3], timestamps=[7, 5, 6, 9], impressions=[4, 2, 4, 2])
    assert event_times(events).tolist() == [6, 5, 6, 5]
    assert event_times(with_event_times(events)[[0, 3]]).tolist() == [6, 5]


def test_an_impression_of_several_users_is_refused():
    events = Interactions.from_arrays([0, 1], [0, 1], timestamps=[7, 5], impressions=[4, 4])
    with pytest.raises(ValueError, match="must have events of one user, but number 4 has events of several users"):
        event_times(events)


def test_without_timestamps_positions_are_the_times():
    assert event_times(Interactions.from_arrays([0, 1, 0], [0, 1, 2])).tolist() == [0, 1, 2]
    assert event_times(Interactions.from_arrays([0, 1, 0], [0, 1, 2], impressions=[0, 1, 0])).tolist() == [0, 1, 0]


@given(rows=EVENTS, max_length=st.integers(1, 4))
def test_the_past_is_the_last_items_strictly_before_any_moment(rows, max_length):
    table = TimedSequenceTable(interactions(rows), max_length)
    questions = [(user, time) for user in range(4) for time in range(-1, 8)]
    items, is_there = table.before(asked(table, *map(list, zip(*questions))))
    for (user, time), found, there in zip(questions, items, is_there):
        theirs = sorted((when, place, item) for place, (who, item, when) in enumerate(rows) if who == user and when < time)
        assert found[there].tolist() == [item for *_, item in theirs][-max_length:]


def test_at_the_end_everything_is_past():
    table = TimedSequenceTable(interactions([(1, 3, 5), (0, 4, 5), (1, 2, 4)]), 9)
    items, is_there = table.before(table.after_all_events(torch.tensor([0, 1, 2])))
    assert [row[there].tolist() for row, there in zip(items, is_there)] == [[4], [2, 3], []]


def test_behind_the_last_user_is_a_stranger_who_has_no_past():
    table = TimedSequenceTable(interactions([(3, 3, 5), (0, 4, 5)]), 9)
    for question in (asked(table, [4, 3], [9, 9]), table.after_all_events(torch.tensor([4, 3]))):
        items, is_there = table.before(question)
        assert [row[there].tolist() for row, there in zip(items, is_there)] == [[], [3]]


def test_what_has_not_appeared_yet_is_no_negative():
    users = torch.tensor([0, 0, 0])
    as_of = UsersAtTimes(users, users, torch.tensor([-3.0, -2.0, -1.0]))
    appeared = torch.tensor([-9.0, -2.0, float("inf")])
    positives = Interactions.from_arrays([0], [3], n_items=4)
    negatives = NegativesAtTimes(UniformNegatives(positives), as_of, appeared=torch.cat([appeared, appeared[:1]]))
    items, mask = negatives.draw(torch.arange(3).repeat_interleave(50), 2, torch.Generator().manual_seed(0))
    for row, there in enumerate([{0}, {0, 1}, {0, 1}]):
        part = slice(50 * row, 50 * row + 50)
        assert set(items[part].flatten().tolist()) == {0, 1, 2}
        assert set(items[part][mask[part]].tolist()) == there


def test_times_are_counted_from_the_latest_event():
    times = np.array([-7200, -3600])
    assert Clock.of(Interactions.from_arrays([0, 0], [0, 1], timestamps=times)).since_end(times).tolist() == [-3600, 0]


def test_dates_are_timestamps_where_the_unit_is_known():
    day = pd.Timestamp("2019-11-15")
    clock = Clock.of(Interactions.from_arrays([0, 0], [0, 1], timestamps=[day, day + pd.Timedelta("2h")]))
    for at in (day, day.to_pydatetime(), day.to_datetime64(), day.date(), day.tz_localize("UTC"), "2019-11-15", clock.earliest):
        assert clock.timestamp(at) == clock.earliest == day.value // 1000
    with pytest.raises(ValueError, match="at is a date, 2019-11-15 00:00:00, but the unit of the timestamps is unknown"):
        Clock(0, 5, None).timestamp(day)


@pytest.mark.parametrize(("unit", "year"), [(1, 32_000_000), (10**6, 32 * 10**12)])
def test_minutes_are_told_apart_over_years(unit, year):
    clock = Clock(0, 100 * year, None)
    times = clock.since_end(np.array([97 * year, 97 * year + 60 * unit]))
    assert times[0] < times[1]


@pytest.mark.parametrize(("span", "is_unlikely"), [(99, True), (100, False), (10**10, False), (10**10 + 1, True)])
def test_a_half_life_much_longer_or_shorter_than_the_time_of_the_data_is_a_warning(span, is_unlikely):
    clock = Clock.of(Interactions.from_arrays([0, 0], [0, 1], timestamps=np.array([7, 7 + span])))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clock.warn_of_unlikely_half_life(10_000, "item_half_life")
    assert len(said) == is_unlikely
    if is_unlikely:
        message = str(said[0].message)
        assert "item_half_life is 10000" in message and f"event of X, 7, to the last one, {7 + span}, is {span:g}" in message


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="fitted with timestamps"):
        Clock(None, None, None).timestamp(3)
    for at in ("noon", 0.5, datetime.time(12)):
        with pytest.raises((ValueError, TypeError), match="at must be"):
            Clock(0, 5, None).timestamp(at)
