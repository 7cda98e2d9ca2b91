"""Users at given times, represented by their events strictly before, and minibatches of them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skrec.data import Interactions, event_times
from skrec.engine.batches._batches import Batch, Batches
from skrec.engine.batches._negatives import NegativeSampler
from skrec.engine.batches._sequences import SequenceTable


class UsersAtTimes(NamedTuple):
    """Users at given times.

    Attributes
    ----------
    users : int64 Tensor of shape (B,)
        User codes.
    stops : int64 Tensor of shape (B,)
        The place in the `TimedSequenceTable` before which the user's past stands.
    times : float32 Tensor of shape (B,)
        The times of the query, counted from the latest event of the training data, in the unit of the timestamps.
    """

    users: Tensor
    stops: Tensor
    times: Tensor

    def of(self, rows: Tensor) -> "UsersAtTimes":
        """Select some of the rows."""
        return UsersAtTimes(*(part[rows] for part in self))

    def to(self, device: torch.device) -> "UsersAtTimes":
        """Copy to another device."""
        return UsersAtTimes(*(part.to(device) for part in self))


class TimedSequenceTable(SequenceTable):
    """Users' items in order of time, with access to the items before any time.

    The code after the last user stands for all unknown users, which have no items.

    Parameters
    ----------
    events : Interactions
        Events as returned by `with_event_times`.
    max_length : int
        Maximum number of items per user. The latest ones are used.
    """

    def __init__(self, events: Interactions, max_length: int):
        super().__init__(events._replace(n_users=events.n_users + 1), max_length)
        times, rank = np.unique(event_times(events), return_inverse=True)
        keys = _keys(events.users.astype(np.int64), rank, len(times))[events.user_time_order()]
        self.register_buffer("times", torch.as_tensor(times), persistent=False)
        self.register_buffer("keys", torch.as_tensor(keys), persistent=False)

    def check_entries(self) -> None:
        """Raise ValueError unless the buffers are sequences of item codes in order of time."""
        super().check_entries()
        are_sorted = bool((self.times.diff() > 0).all()) and bool((self.keys.diff() >= 0).all())
        if self.keys.shape != (len(self.items) - 1,) or self.times.ndim != 1 or not are_sorted:
            raise ValueError("a table of sequences has wrong times")

    def stops(self, users: Tensor, times: Tensor) -> Tensor:
        """End positions of the users' events strictly before the given times."""
        rank = torch.searchsorted(self.times, times)
        return torch.searchsorted(self.keys, _keys(users, rank, len(self.times)))

    def after_all_events(self, users: Tensor) -> UsersAtTimes:
        """Users after all of their events, at the end of the training data."""
        return UsersAtTimes(users, self.indptr[users + 1], torch.zeros(len(users), device=users.device))

    def before(self, queries: UsersAtTimes) -> tuple[Tensor, Tensor]:
        """Return the latest items (B, T) and a mask of the valid ones."""
        starts = torch.maximum(self.indptr[queries.users], queries.stops - self.max_length)
        items, places = self.between(starts, queries.stops)
        return items, places < queries.stops[:, None]


def _keys(users: Any, rank: Any, n_times: int) -> Any:
    """Sort keys by user, then by time."""
    return users * (n_times + 1) + rank


class TimedBatches:
    """Minibatches in which the user of each event is represented at the time of the event.

    Parameters
    ----------
    batches : Batches
        Minibatches of events whose ``users`` are their own positions, as returned by `one_user_per_event`.
    queries : UsersAtTimes
        User and time of each event.
    """

    def __init__(self, batches: Batches, queries: UsersAtTimes):
        self.batches, self.queries = batches, queries

    def __len__(self) -> int:
        return len(self.batches)

    def to(self, device: torch.device) -> None:
        self.batches.to(device)
        self.queries = self.queries.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for batch in self.batches.epoch(generator):
            yield batch._replace(query=self.queries.of(batch.query))

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[UsersAtTimes, Tensor] | None:
        """Sample pairs as the batches do. None if there are no pairs."""
        found = self.batches.sample_pairs(n, generator)
        return None if found is None or len(found[1]) == 0 else (self.queries.of(found[0]), found[1])


class NegativesAtTimes:
    """Sampler of negatives for positions of events. Items that had not appeared at the time of the event are masked.

    Parameters
    ----------
    negatives : NegativeSampler
        Sampler for users.
    queries : UsersAtTimes
        User and time of each event.
    appeared : float32 Tensor of shape (n_items,), optional
        When each item appeared, in the unit of the times of ``queries``. If None, all items appeared before them.
    """

    def __init__(self, negatives: NegativeSampler, queries: UsersAtTimes, appeared: Tensor | None):
        self.negatives, self.queries, self.appeared = negatives, queries, appeared
        self.log_q = negatives.log_q

    def to(self, device: torch.device) -> None:
        self.negatives.to(device)
        self.log_q, self.queries = self.negatives.log_q, self.queries.to(device)
        self.appeared = None if self.appeared is None else self.appeared.to(device)

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return items of shape (len(users), n), and a mask of the valid ones or None."""
        items, mask = self.negatives.draw(self.queries.users[users], n, generator)
        if self.appeared is None:
            return items, mask
        is_there = self.appeared[items] <= self.queries.times[users][:, None]
        return items, is_there if mask is None else mask & is_there


def one_user_per_event(events: Interactions) -> Interactions:
    """Replace the user of each event by the position of the event.

    Parameters
    ----------
    events : Interactions
    """
    return events._replace(users=np.arange(len(events)), n_users=len(events), user_ids=None, user_features=None)
