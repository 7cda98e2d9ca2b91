"""Selection of events to hold out or to keep, as masks with one entry per event."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_fraction, check_int
from skrec._memory import blocks
from skrec.data._dates import format_time
from skrec.data._impressions import event_times, fill_missing_impressions
from skrec.data._interactions import Interactions
from skrec.data._pairs import Codes, sorted_pairs

Mask = NDArray[np.bool_]
_MANY_GROUPS = 2**22  # a random permutation of as many does not fit into a cache
_BLOCK = 2**16  # random numbers at a time


def hold_out_events(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out random events. All events of one (user, item) pair are on the same side.

    A repeat in the training part would reveal the held-out event, so pairs are drawn and not events. The mask covers
    ``fraction`` of the distinct pairs.

    Parameters
    ----------
    data : Interactions
        Events to split.
    fraction : float
        Part of the pairs to hold out, between 0 and 1, exclusive. Each side gets at least one pair.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    bool array of shape (n_events,)
        True for held-out events.

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, or there are fewer than two distinct pairs.

    Notes
    -----
    Time O(n_events).
    """
    pairs = sorted_pairs(data)
    return pairs.spread(_draw_groups(len(pairs.items), fraction, rng, "distinct (user, item) pairs"))


def hold_out_users(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out all events of a random part of the users with events.

    Parameters, errors and cost are those of `hold_out_events`. Each side gets at least one user.
    """
    present = np.flatnonzero(np.bincount(data.users, minlength=data.n_users))
    held_out = present[_draw_groups(len(present), fraction, rng, "users with events")]
    return membership_mask(held_out, data.n_users)[data.users]


def hold_out_impressions(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out all events of a random part of the impressions. An event without an impression counts as one impression.

    Parameters, errors and cost are those of `hold_out_events`. Each side gets at least one impression.

    Raises
    ------
    ValueError
        If there are no impressions.
    """
    if data.impressions is None:
        raise ValueError("holding out impressions needs impressions: pass an 'impression' column")
    groups, group_of_event = np.unique(fill_missing_impressions(data.impressions), return_inverse=True)
    return _draw_groups(len(groups), fraction, rng, "impressions")[group_of_event]


def hold_out_latest_impressions(data: Interactions, fraction: float) -> Mask:
    """Hold out all events of the latest impressions, by `event_times`.

    Of impressions with equal times, those in later rows are held out first. An event that belongs to no impression is one of
    its own.

    Parameters
    ----------
    data : Interactions
        Events to split.
    fraction : float
        Part of the impressions to hold out, between 0 and 1, exclusive. Each side gets at least one.

    Returns
    -------
    bool array of shape (n_events,)
        True for held-out events.

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, there are fewer than two impressions, or one has events of several users.

    Notes
    -----
    Time O(n_events log n_events).
    """
    impression_numbers = np.arange(len(data)) if data.impressions is None else fill_missing_impressions(data.impressions)
    _, first, impression = np.unique(impression_numbers, return_index=True, return_inverse=True)
    n_held_out = _n_held_out(len(first), fraction, "impressions")
    by_time = np.lexsort((first, event_times(data)[first]))
    return membership_mask(by_time[-n_held_out:], len(first))[impression]


def hold_out_last(data: Interactions, n: int = 1) -> Mask:
    """Hold out the last ``n`` events of each user, by timestamp and row.

    All events of users with at most ``n`` events are kept for training. Without timestamps, the order of the rows is used.

    Parameters
    ----------
    data : Interactions
        Events to split.
    n : int, default=1
        Number of events per user.

    Returns
    -------
    bool array of shape (n_events,)
        True for held-out events.

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
    n_later = np.cumsum(counts)[users] - np.arange(len(data)) - 1
    held_out = np.zeros(len(data), dtype=bool)
    held_out[order] = (n_later < n) & (counts[users] > n)
    if not held_out.any():
        raise ValueError(f"no user has more than n={n} events: holding out the last {n} would leave no training events")
    return held_out


def hold_out_last_of_some(data: Interactions, fraction: float, rng: np.random.Generator) -> Mask:
    """Hold out the last event of a random part of the users with at least two events.

    Parameters, errors and cost are those of `hold_out_events`. At least one event is held out. ValueError is also raised if no
    user has two events.
    """
    fraction = check_fraction(fraction, "fraction")
    last = np.flatnonzero(hold_out_last(data))
    chosen = rng.permutation(last)[: max(1, round(fraction * len(last)))]
    return membership_mask(chosen, len(data))


def hold_out_latest(data: Interactions, fraction: float) -> Mask:
    """Hold out the latest ``fraction`` of all events, with one cut in time for all users.

    All events at the time of the cut are held out, so the part may be larger than ``fraction``. Errors are those of
    `time_windows`.
    """
    return time_windows(data, fraction) == 1


def time_windows(data: Interactions, fraction: float, n_windows: int = 1) -> NDArray[np.int64]:
    """Number the last windows in time, each with ``fraction`` of all events.

    Window 1 is the earliest, and 0 marks all events before it. All events at the time at which a window begins belong to it, so
    its share is exact only up to ties.

    Parameters
    ----------
    data : Interactions
        Events with timestamps.
    fraction : float
        Part of all events in each window, between 0 and 1, exclusive. A window has at least one event.
    n_windows : int, default=1
        Number of windows.

    Returns
    -------
    int64 array of shape (n_events,)
        Window of each event. Each number from 0 to ``n_windows`` occurs.

    Raises
    ------
    ValueError
        If an argument is out of range, if there are no timestamps, or if ties or too few events would leave a window, or the
        time before the first window, empty.

    Notes
    -----
    Time O(n_events log n_events).
    """
    return np.searchsorted(window_starts(data, fraction, n_windows), data_times(data), side="right")


def window_starts(data: Interactions, fraction: float, n_windows: int = 1) -> NDArray[np.int64]:
    """The times at which the windows of `time_windows` begin, ascending. Parameters and errors are the same."""
    size = max(1, round(check_fraction(fraction, "fraction") * len(data)))
    first_events = len(data) - size * np.arange(check_int(n_windows, "n_windows", at_least=1), 0, -1)
    times = data_times(data)
    if first_events[0] < 1:
        raise ValueError(f"{n_windows} windows of {size} events leave no training events, since X has {len(data)} events")
    starts = np.partition(times, first_events)[first_events]
    if starts[0] == times.min() or (np.diff(starts) == 0).any():
        raise ValueError(
            f"too many of the {len(data)} events share one timestamp to split off {n_windows} windows of {size} events: "
            "use another fraction or fewer splits"
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
    """Yield the training and test events for each of several times.

    The training events are those before the time. The test events are those from that time up to the next one.

    Parameters
    ----------
    times : int64 array of shape (n_events,)
        Times of the events.
    starts : sequence of int
        Times of the splits, strictly ascending, in the unit of ``times``.
    unit : str or None
        Unit of ``times``, for messages.
    train_window, test_window : int, optional
        Length of the training part before each time, and maximum length of the test part after it. If None, not limited.

    Yields
    ------
    train, test : bool arrays of shape (n_events,)
        Masks of the events.

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
                first, last, start_time = (format_time(time, unit) for time in (times.min(), times.max(), start))
                raise ValueError(f"there are no events to {what} {start_time}: the events are from {first} to {last}")
        yield train, test


def core_events(data: Interactions, user: int, item: int) -> Mask:
    """Select the largest part in which each user has ``user`` distinct items and each item has ``item`` distinct users.

    Parameters
    ----------
    data : Interactions
        Events to select from.
    user, item : int
        Minimum number of distinct items per user, and of distinct users per item.

    Returns
    -------
    bool array of shape (n_events,)
        True for events that are kept.

    Raises
    ------
    ValueError
        If a minimum is not a positive integer.

    Notes
    -----
    Time O(n_events + n_users + n_items): each user and item is dropped at most once, and reduces the counts of its pairs.
    """
    user, item = check_int(user, "user", at_least=1), check_int(item, "item", at_least=1)
    pairs = sorted_pairs(data)
    by_user = pairs.matrix(np.ones(len(pairs.items), bool))
    counts, minimums = [np.diff(by_user.indptr), np.bincount(pairs.items, minlength=data.n_items)], (user, item)
    kept = [count >= minimum for count, minimum in zip(counts, minimums, strict=True)]
    dropped = [(axis, np.flatnonzero(~kept[axis])) for axis in (0, 1) if not kept[axis].all()]
    if not dropped:
        return np.ones(len(data), bool)
    matrices = by_user, by_user.T.tocsr()
    while dropped:
        axis, codes = dropped.pop()
        other, partners = 1 - axis, matrices[axis][codes].indices
        partners, n_lost = np.unique(partners, return_counts=True)
        counts[other][partners] -= n_lost
        below = partners[kept[other][partners] & (counts[other][partners] < minimums[other])]
        kept[other][below] = False
        if len(below):
            dropped.append((other, below))
    return kept[0][data.users] & kept[1][data.items]


def drop_unused_codes(events: Interactions) -> Interactions:
    """Renumber users and items so that only those with events are left. Codes without labels become labels."""
    (users, user_codes), (items, item_codes) = (
        renumbered(codes, n_codes) for codes, n_codes in ((events.users, events.n_users), (events.items, events.n_items))
    )
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


def renumbered(codes: Codes, n_codes: int) -> tuple[NDArray[np.int64], Codes]:
    """The codes that occur, ascending, and the position of each code among them."""
    present = np.bincount(codes, minlength=n_codes) > 0
    if present.all():
        return np.arange(n_codes), codes
    return np.flatnonzero(present), (np.cumsum(present, dtype=codes.dtype) - 1)[codes]


def _draw_groups(n_groups: int, fraction: float, rng: np.random.Generator, what: str) -> Mask:
    """Draw a random part of some groups of events to hold out."""
    n_held_out = _n_held_out(n_groups, fraction, what)
    if n_groups < _MANY_GROUPS:
        return membership_mask(rng.permutation(n_groups)[:n_held_out], n_groups)
    return _draw_in_order(n_groups, n_held_out, rng)


def _draw_in_order(n: int, size: int, rng: np.random.Generator) -> Mask:
    """Draw a random subset of n, each subset of the given size with the same probability, in the order of memory.

    Each member is drawn independently, with a probability that rarely gives more than the size. Random ones are then added.
    """
    if 2 * size > n:
        return ~_draw_in_order(n, n - size, rng)
    drawn, n_drawn, share = np.empty(n, bool), n, max(size - 6 * size**0.5, 0) / n
    while n_drawn > size:
        for block in blocks(n, _BLOCK):
            np.less(rng.random(block.stop - block.start, np.float32), share, out=drawn[block])
        n_drawn = int(np.count_nonzero(drawn))
    while n_drawn < size:
        drawn[rng.integers(n, size=size - n_drawn)] = True
        n_drawn = int(np.count_nonzero(drawn))
    return drawn


def _n_held_out(n_groups: int, fraction: float, what: str) -> int:
    """The number of groups to hold out, such that both sides get at least one."""
    fraction = check_fraction(fraction, "fraction")
    if n_groups < 2:
        raise ValueError(f"at least two {what} are needed to hold out one, got {n_groups}")
    return min(max(1, round(fraction * n_groups)), n_groups - 1)


def membership_mask(codes: NDArray[np.integer], n_codes: int) -> Mask:
    """For each of ``n_codes`` codes, whether it is in ``codes``."""
    flags = np.zeros(n_codes, dtype=bool)
    flags[codes] = True
    return flags


def data_times(data: Interactions) -> NDArray[np.int64]:
    """The timestamps of the events. Raise ValueError if there are none."""
    if data.timestamps is None:
        raise ValueError("a split by time needs timestamps, and X has none: pass a 'timestamp' column")
    return data.timestamps
