"""What was shown together: to whom, and when. A negative number says that an event was in no impression."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.data._encoding import as_list
from skrec.data._interactions import Interactions


class Impressions(NamedTuple):
    """The impressions of some events.

    Attributes
    ----------
    numbers : int64 array of shape (n_impressions,)
        Ascending.
    users : int64 array of shape (n_impressions,)
        To whom each was shown.
    places : int64 array of shape (n_events,)
        Where among them each event's own is.
    """

    numbers: NDArray[np.int64]
    users: NDArray[np.int64]
    places: NDArray[np.int64]


def fill_missing_impressions(impressions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same numbers, where each event that was in no impression has a number of its own."""
    alone = np.flatnonzero(impressions < 0)
    if len(alone) == 0:
        return impressions
    numbers = impressions.copy()
    numbers[alone] = impressions.max() + 1 + np.arange(len(alone))
    return numbers


def shown_events(events: Interactions) -> Interactions:
    """The events that were in an impression; all of them where nothing is known of impressions."""
    if events.impressions is None or events.impressions.min(initial=0) >= 0:
        return events
    return events[events.impressions >= 0]


def read_impressions(users: NDArray[np.int64], impressions: NDArray[np.int64], ids: NDArray | None = None) -> Impressions:
    """The impressions of events, from a user and a number for each; an event that was in none is taken for one by itself.

    ``ids`` are the labels of the numbers, for messages.

    Raises
    ------
    ValueError
        If one has events of several users, as happens where tables that both number theirs from 0 are put together.
    """
    impressions = fill_missing_impressions(impressions)
    numbers, first, places = np.unique(impressions, return_index=True, return_inverse=True)
    owners = users[first]
    strays = impressions[owners[places] != users]
    if len(strays):
        stray = f"number {strays[0]}" if ids is None else f"{as_list(ids[strays[:1]])[0]!r}"
        raise ValueError(f"an impression is what one user was shown, but {stray} has events of several users")
    return Impressions(numbers, owners, places)


def event_times(events: Interactions) -> NDArray[np.int64]:
    """When each event happened: what was shown together all at once, when the earliest of it did. Without times, by row."""
    times = np.arange(len(events)) if events.timestamps is None else events.timestamps
    if events.impressions is None:
        return times
    shown = read_impressions(events.users, events.impressions, events.impression_ids)
    earliest = np.full(len(shown.numbers), np.iinfo(np.int64).max)
    np.minimum.at(earliest, shown.places, times)
    return earliest[shown.places]


def with_event_times(events: Interactions) -> Interactions:
    """The same events, their `event_times` being their timestamps."""
    return events._replace(timestamps=event_times(events))
