"""States of users, and ages of articles, at given times."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.data import Interactions, event_times
from skrec.engine import Clock, TimedSequenceTable, UsersAtTimes


@dataclass(frozen=True)
class Readers:
    """Users at some times, represented by their last clicks before these times.

    Parameters
    ----------
    n_users : int
        The number of known users. It is the code of all others, who have no clicks.
    max_length : int
        The number of clicks, the latest ones, that are used.
    clock : Clock
    """

    n_users: int
    max_length: int
    clock: Clock

    def past(self, clicks: Interactions) -> TimedSequenceTable:
        """The clicks of all users in order of time."""
        return TimedSequenceTable(clicks, self.max_length)

    def at(self, past: TimedSequenceTable, users: Tensor, times: NDArray[np.int64]) -> UsersAtTimes:
        """Users, each at a timestamp."""
        device = past.keys.device
        stops = past.stops(users, torch.tensor(times, device=device))
        return UsersAtTimes(users, stops, torch.tensor(self.clock.since_end(times), device=device))

    def of_events(self, past: TimedSequenceTable, events: Interactions) -> UsersAtTimes:
        """The users of some events, each at the time of the event. Events without times are later than the whole past."""
        users = torch.tensor(np.minimum(events.users, self.n_users), device=past.keys.device)
        return past.after_all_events(users) if events.timestamps is None else self.at(past, users, event_times(events))


def first_times(events: Interactions, clock: Clock) -> NDArray[np.float32]:
    """The time of each article's first event (n_items,), counted by the clock. Infinity for articles without events."""
    times = np.full(events.n_items, np.inf, np.float32)
    if events.timestamps is not None:
        np.minimum.at(times, events.items, clock.since_end(event_times(events)))
    return times


def appearance_times(events: Interactions, clock: Clock) -> NDArray[np.float32]:
    """The time at which each article (n_items,) appeared. Articles without events appeared at the end of the training data."""
    return np.minimum(first_times(events, clock), 0)


def has_appeared(events: Interactions, clock: Clock, time: int) -> NDArray[np.bool_]:
    """Which articles (n_items,) had appeared at a timestamp."""
    # by the timestamps: float32 is too coarse for seconds over years
    appeared = np.full(events.n_items, clock.latest is not None and time >= clock.latest)
    appeared[events.items[event_times(events) <= time]] = True
    return appeared


def is_before(events: Interactions, time: int) -> NDArray[np.bool_]:
    """Which events lie before a timestamp. Without times, all of them do."""
    return np.ones(len(events), bool) if events.timestamps is None else event_times(events) < time
