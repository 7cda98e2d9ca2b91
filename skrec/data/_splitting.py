"""Which events to hold out, and which to keep: plain functions that answer with one entry for each event."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_fraction, check_int
from skrec.data._dates import format_time
from skrec.data._impressions import event_times, fill_missing_impressions
from skrec.data._interactions import Interactions

Mask = NDArray[np.bool_]


def hold_out_events(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out random events; all events of one (user, item) pair go to one side.

    A repeat in the training part would give away the held-out event, so whole pairs are drawn. The mask covers
    ``fraction`` of the distinct pairs, and of the events as far as pairs repeat alike.

    Parameters
    ----------
    data : Interactions
    fraction : float
        Between 0 and 1, both excluded. Each side gets at least one pair.
    rng : numpy.random.Generator

    Returns
    -------
    bool array of shape (n_events,)

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, or there are fewer than two distinct pairs.

    Notes
    -----
    Time O(n_events log n_events).
    """
    return _hold_out_groups(data.pair_keys, fraction, rng, "distinct (user, item) pairs")


def hold_out_users(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out all events of a random part of the users, counted among those who have events.

    Parameters, errors and cost are those of `hold_out_events`; each side gets at least one user.
    """
    return _hold_out_groups(data.users, fraction, rng, "users with events")


def hold_out_impressions(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out all events of a random part of the impressions: what was shown together is never parted.

    An event that was in no impression is one by itself.

    Parameters, errors and cost are those of `hold_out_events`; each side gets at least one impression.

    Raises
    ------
    ValueError
        If there are no impressions.
    """
    if data.impressions is None:
        raise ValueError("holding out impressions needs to know what was shown together: give an 'impression' column")
    return _hold_out_groups(fill_missing_impressions(data.impressions), fraction, rng, "impressions")


def hold_out_latest_impressions(data: Interactions, fraction: float) -> Mask:
    """Hold out the latest impressions, by their `event_times`: what was shown together is never parted.

    Of equally late ones those that come later in the rows go first. An event that was in no impression is one by itself.

    Parameters
    ----------
    data : Interactions
    fraction : float
        Of the impressions, between 0 and 1, both excluded. Each side gets at least one.

    Returns
    -------
    bool array of shape (n_events,)

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, there are fewer than two impressions, or one has events of several users.

    Notes
    -----
    Time O(n_events log n_events).
    """
    shown_together = np.arange(len(data)) if data.impressions is None else fill_missing_impressions(data.impressions)
    _, first, impression = np.unique(shown_together, return_index=True, return_inverse=True)
    n_held_out = _n_held_out(len(first), fraction, "impressions")
    in_time = np.lexsort((first, event_times(data)[first]))
    return membership_mask(in_time[-n_held_out:], len(first))[impression]


def hold_out_last(data: Interactions, n: int = 1) -> Mask:
    """Hold out the last ``n`` events of each user, by (timestamp, original row).

    Users with ``n`` events or fewer keep all of them for training. Without timestamps the order of rows is the order.

    Parameters
    ----------
    data : Interactions
    n : int, default=1

    Returns
    -------
    bool array of shape (n_events,)

    Raises
    ------
    ValueError
        If ``n`` is not a positive integer, or no user has more than ``n`` events.

    Notes
    -----
    Time O(n_events log n_events).
    """
    n = check_int(n, "n", at_least=1)
    order = data.user_time_order()
    users, counts = data.users[order], np.bincount(data.users, minlength=data.n_users)
    still_to_come = np.cumsum(counts)[users] - np.arange(len(data)) - 1
    held_out = np.zeros(len(data), dtype=bool)
    held_out[order] = (still_to_come < n) & (counts[users] > n)
    if not held_out.any():
        raise ValueError(f"no user has more than n={n} events: holding out the last {n} would leave no past")
    return held_out


def hold_out_last_of_some(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out the last event of a random part of the users, counted among those with at least two events.

    Parameters, errors and cost are those of `hold_out_events`; at least one event is held out. It is also a
    ValueError if no user has two events.
    """
    fraction = check_fraction(fraction, "fraction")
    last = np.flatnonzero(hold_out_last(data))
    chosen = rng.permutation(last)[: max(1, round(fraction * len(last)))]
    return membership_mask(chosen, len(data))


def hold_out_latest(data: Interactions, fraction: float) -> Mask:
    """Hold out the latest ``fraction`` of all events: one cut in time for all users.

    Events at the very time of the cut are all held out, so the part may be larger than ``fraction``. Errors are those
    of `time_windows`.
    """
    return time_windows(data, fraction) == 1


def time_windows(data: Interactions, fraction: float, n_windows: int = 1) -> NDArray[np.int64]:
    """Number the last windows in time, each of ``fraction`` of all events: 1 the earliest, 0 for all events before it.

    Events of one time are never parted: those at the time where a window begins all belong to it, so its share is exact
    only up to ties.

    Parameters
    ----------
    data : Interactions
    fraction : float
        Between 0 and 1, both excluded. A window has at least one event.
    n_windows : int, default=1

    Returns
    -------
    int64 array of shape (n_events,)
        Every number from 0 to ``n_windows`` occurs.

    Raises
    ------
    ValueError
        If an argument is out of range, there are no timestamps, or ties or too few events would leave a window, or the
        time before the first, empty.

    Notes
    -----
    Time O(n_events log n_events).
    """
    return np.searchsorted(window_starts(data, fraction, n_windows), data_times(data), side="right")


def window_starts(data: Interactions, fraction: float, n_windows: int = 1) -> NDArray[np.int64]:
    """The times at which the windows of `time_windows` begin, ascending. Parameters and errors are those of that function."""
    size = max(1, round(check_fraction(fraction, "fraction") * len(data)))
    first_events = len(data) - size * np.arange(check_int(n_windows, "n_windows", at_least=1), 0, -1)
    times = data_times(data)
    if first_events[0] < 1:
        raise ValueError(f"{n_windows} windows of {size} events leave none of the {len(data)} events before them")
    in_order = np.sort(times)
    starts = in_order[first_events]
    if starts[0] == in_order[0] or (np.diff(starts) == 0).any():
        raise ValueError(
            f"too many of the {len(data)} events share one timestamp to cut off {n_windows} windows of {size} events: "
            "ask for another fraction or fewer splits"
        )
    return starts


def split_at_times(
    times: NDArray[np.int64],
    starts: Sequence[int],
    unit: str | None,
    *,
    train_window: int | None = None,
    test_window: int | None = None,
) -> Iterator[tuple[Mask, Mask]]:
    """Training and test events for each of some moments: what happened before it, and from then on up to the next one.

    Parameters
    ----------
    times : int64 array of shape (n_events,)
    starts : sequence of int
        Strictly ascending, in the unit of the times.
    unit : str or None
        Of the times, for messages.
    train_window, test_window : int, optional
        How far before a moment the training events begin, and how far after it the test events end. If None, both reach as
        far as they can.

    Raises
    ------
    ValueError
        If a part has no events.
    """
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        train, test = times < start, times >= start
        if train_window is not None:
            train &= times >= start - train_window
        if test_window is not None:
            end = start + test_window if end is None else min(end, start + test_window)
        if end is not None:
            test &= times < end
        for part, what in ((train, "train on before"), (test, "test on from")):
            if not part.any():
                first, last, moment = (format_time(time, unit) for time in (times.min(), times.max(), start))
                raise ValueError(f"there are no events to {what} {moment}: the events are from {first} to {last}")
        yield train, test


def core_events(data: Interactions, user: int, item: int) -> Mask:
    """Keep the largest part where each user has at least ``user`` distinct items and each item ``item`` distinct users.

    Returns
    -------
    bool array of shape (n_events,), True where kept

    Raises
    ------
    ValueError
        If a bound is not a positive integer.

    Notes
    -----
    Sorts the events once, O(n log n); then each round is linear in the pairs still left and in the codes, a few tens of
    rounds on ordinary data.
    """
    user, item = check_int(user, "user", at_least=1), check_int(item, "item", at_least=1)
    _, first = np.unique(data.pair_keys, return_index=True)
    users, items = data.users[first], data.items[first]
    enough = np.zeros(len(first), dtype=bool)
    while not enough.all():
        enough = (np.bincount(users)[users] >= user) & (np.bincount(items)[items] >= item)
        users, items = users[enough], items[enough]
    # a pair only ever leaves with its user or its item, so the survivors of both tell which events stay
    return membership_mask(users, data.n_users)[data.users] & membership_mask(items, data.n_items)[data.items]


def drop_unused_codes(events: Interactions) -> Interactions:
    """The same events in the smallest frame that holds them; codes without labels become labels."""
    users, user_codes = np.unique(events.users, return_inverse=True)
    items, item_codes = np.unique(events.items, return_inverse=True)
    return events._replace(
        users=user_codes,
        items=item_codes,
        n_users=len(users),
        n_items=len(items),
        user_ids=users if events.user_ids is None else events.user_ids[users],
        item_ids=items if events.item_ids is None else events.item_ids[items],
        user_features=None if events.user_features is None else events.user_features[users],
        item_features=None if events.item_features is None else events.item_features[items],
    )


def _hold_out_groups(keys: NDArray[np.int64], fraction: float, rng: np.random.Generator, what: str) -> Mask:
    """Hold out a random part of the distinct keys, with all their events."""
    groups, group_of_event = np.unique(keys, return_inverse=True)
    n_groups = len(groups)
    n_held_out = _n_held_out(n_groups, fraction, what)
    return membership_mask(rng.permutation(n_groups)[:n_held_out], n_groups)[group_of_event]


def _n_held_out(n_groups: int, fraction: float, what: str) -> int:
    """How many of some groups make a fraction that leaves something on either side."""
    fraction = check_fraction(fraction, "fraction")
    if n_groups < 2:
        raise ValueError(f"two {what} are needed, one to hold out and one to train on, got {n_groups}")
    return min(max(1, round(fraction * n_groups)), n_groups - 1)


def membership_mask(codes: NDArray[np.int64], n_codes: int) -> Mask:
    """For each of ``n_codes`` codes, whether it is one of these."""
    flags = np.zeros(n_codes, dtype=bool)
    flags[codes] = True
    return flags


def data_times(data: Interactions) -> NDArray[np.int64]:
    """The timestamps of events; ValueError if there are none."""
    if data.timestamps is None:
        raise ValueError("a split in time needs timestamps, and these events have none: give a 'timestamp' column")
    return data.timestamps
