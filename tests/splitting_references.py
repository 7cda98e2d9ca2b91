"""Splitters once more, slowly: events are (user, item, time), looked at one by one; nothing of the library is used.

Each function answers with one entry for each event, or with None where there is no such split.
"""

from collections import Counter, defaultdict


def events_of(data):
    """The events of Interactions, as plain tuples."""
    return list(zip(data.users.tolist(), data.items.tolist(), data.timestamps.tolist()))


def slow_last(events, n):
    """Whether an event is among the last n of a user with more than n."""
    histories = defaultdict(list)
    for row, (user, _, time) in enumerate(events):
        histories[user].append((time, row))
    last = {row for history in histories.values() if len(history) > n for _, row in sorted(history)[-n:]}
    return [row in last for row in range(len(events))]


def slow_windows(events, fraction, n_windows):
    """The number of the window in time, 0 before the first."""
    times, size = [time for *_, time in events], max(1, round(fraction * len(events)))
    if n_windows * size >= len(events):
        return None
    starts = [sorted(times)[-size * left] for left in range(n_windows, 0, -1)]
    numbers = [sum(start <= time for start in starts) for time in times]
    return numbers if set(numbers) == set(range(n_windows + 1)) else None


def slow_core(events, user, item):
    """Whether an event is in the largest part whose users have so many items, and whose items so many users."""
    pairs = {(u, i) for u, i, _ in events}
    while True:
        of_user, of_item = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        smaller = {(u, i) for u, i in pairs if of_user[u] >= user and of_item[i] >= item}
        if smaller == pairs:
            return [(u, i) in pairs for u, i, _ in events]
        pairs = smaller


def slow_draw(keys, fraction, permutation):
    """Whether an event's key is among those drawn: the first of a permutation of the different keys in their order."""
    different = sorted(set(keys))
    if len(different) < 2:
        return None
    n_drawn = min(max(1, round(fraction * len(different))), len(different) - 1)
    drawn = {different[place] for place in permutation(len(different))[:n_drawn]}
    return [key in drawn for key in keys]


def slow_folds(keys, n_folds, permutation):
    """For each fold whether an event's key is in it: blocks of a permutation of the keys, the first ones larger by one."""
    different = sorted(set(keys))
    if len(different) < n_folds:
        return None
    order, folds = [different[place] for place in permutation(len(different))], []
    for number in range(n_folds):
        size = len(different) // n_folds + (number < len(different) % n_folds)
        fold, order = set(order[:size]), order[size:]
        folds.append([key in fold for key in keys])
    return folds
