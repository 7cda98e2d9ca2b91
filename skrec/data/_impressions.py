"""Impressions: items shown together to one user. A negative number marks an event that belongs to no impression."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.data._encoding import as_list
from skrec.data._interactions import Interactions


class Impressions(NamedTuple):
    """The impressions of some events.

    Parameters
    ----------
    numbers : int64 array of shape (n_impressions,)
        Impression numbers, ascending.
    users : int64 array of shape (n_impressions,)
        User of each impression.
    places : int64 array of shape (n_events,)
        Position in ``numbers`` of the impression of each event.
    """

    numbers: NDArray[np.int64]
    users: NDArray[np.int64]
    places: NDArray[np.int64]


def fill_missing_impressions(impressions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the events that belong to no impression, each with a new number.

    Parameters
    ----------
    impressions : int64 array of shape (n_events,)
        Impression numbers. Negative numbers mark events that belong to no impression.

    Returns
    -------
    int64 array of shape (n_events,)
        Impression numbers, none of them negative.
    """
    alone = np.flatnonzero(impressions < 0)
    if len(alone) == 0:
        return impressions
    numbers = impressions.copy()
    numbers[alone] = impressions.max() + 1 + np.arange(len(alone))
    return numbers


def shown_events(events: Interactions) -> Interactions:
    """Select the events that belong to an impression.

    Parameters
    ----------
    events : Interactions
        Events with or without impressions.

    Returns
    -------
    Interactions
        The selected events. If ``events`` has no impressions, all events.
    """
    if events.impressions is None or events.impressions.min(initial=0) >= 0:
        return events
    return events[events.impressions >= 0]


def read_impressions(users: NDArray[np.int64], impressions: NDArray[np.int64], ids: NDArray | None = None) -> Impressions:
    """Group events by impression. Each event that belongs to no impression is one group.

    Parameters
    ----------
    users : int64 array of shape (n_events,)
        User of each event.
    impressions : int64 array of shape (n_events,)
        Impression number of each event.
    ids : array of labels, optional
        Labels of the impression numbers, for error messages.

    Returns
    -------
    Impressions
        The number and the user of each impression, and the impression of each event.

    Raises
    ------
    ValueError
        If an impression has events of several users. This happens if tables with their own numbers from 0 are concatenated.
    """
    impressions = fill_missing_impressions(impressions)
    numbers, first, places = np.unique(impressions, return_index=True, return_inverse=True)
    owners = users[first]
    outsiders = impressions[owners[places] != users]
    if len(outsiders):
        name = f"number {outsiders[0]}" if ids is None else f"{as_list(ids[outsiders[:1]])[0]!r}"
        raise ValueError(f"an impression must have events of one user, but {name} has events of several users")
    return Impressions(numbers, owners, places)


def event_times(events: Interactions) -> NDArray[np.int64]:
    """Compute the time of each event. All events of one impression get the earliest time among them.

    Parameters
    ----------
    events : Interactions
        Events with or without timestamps and impressions.

    Returns
    -------
    int64 array of shape (n_events,)
        Times in the unit of the timestamps. Without timestamps, positions of the rows.
    """
    times = np.arange(len(events)) if events.timestamps is None else events.timestamps
    if events.impressions is None:
        return times
    shown = read_impressions(events.users, events.impressions, events.impression_ids)
    earliest = np.full(len(shown.numbers), np.iinfo(np.int64).max)
    np.minimum.at(earliest, shown.places, times)
    return earliest[shown.places]


def with_event_times(events: Interactions) -> Interactions:
    """Replace the timestamps by `event_times`.

    Parameters
    ----------
    events : Interactions
        Events with or without timestamps and impressions.

    Returns
    -------
    Interactions
        The same events with the new timestamps.
    """
    return events._replace(timestamps=event_times(events))
