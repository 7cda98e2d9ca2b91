"""Users as of a moment: what they had done strictly before it, and minibatches that ask so."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skrec.data import Interactions, moments
from skrec.engine.batches._batches import Batch, Batches
from skrec.engine.batches._negatives import NegativeSampler
from skrec.engine.batches._sequences import SequenceTable


class Asked(NamedTuple):
    """Users as of some moments.

    Attributes
    ----------
    users : int64 Tensor of shape (B,)
    stops : int64 Tensor of shape (B,)
        The place in the `PastTable` before which the user's past stands.
    times : float32 Tensor of shape (B,)
        The times of the query, counted from the latest event of the training data, in the unit of the timestamps.
    """

    users: Tensor
    stops: Tensor
    times: Tensor

    def of(self, rows: Tensor) -> "Asked":
        """Some of them."""
        return Asked(*(part[rows] for part in self))

    def to(self, device: torch.device) -> "Asked":
        """The same on another device."""
        return Asked(*(part.to(device) for part in self))


class PastTable(SequenceTable):
    """Users' items in order of time, of which those before any moment can be asked for.

    The code behind the last user is that of all strangers, who have no past.

    Parameters
    ----------
    events : Interactions
        As `at_moments` gives them.
    max_length : int
        How many of a user's items are looked at, the latest ones.
    """

    def __init__(self, events: Interactions, max_length: int):
        super().__init__(events, max_length)
        times, rank = np.unique(moments(events), return_inverse=True)
        keys = _keys(events.users, rank, len(times))[events.user_time_order()]
        indptr = self.get_buffer("indptr")
        self.register_buffer("indptr", torch.cat([indptr, indptr[-1:]]), persistent=False)
        self.register_buffer("times", torch.as_tensor(times), persistent=False)
        self.register_buffer("keys", torch.as_tensor(keys), persistent=False)

    def stops(self, users: Tensor, times: Tensor) -> Tensor:
        """Where the pasts of users end that are strictly before some times."""
        rank = torch.searchsorted(self.times, times)
        return torch.searchsorted(self.keys, _keys(users, rank, len(self.times)))

    def at_the_end(self, users: Tensor) -> Asked:
        """Users after all of their past, and of the training data."""
        return Asked(users, self.indptr[users + 1], torch.zeros(len(users), device=users.device))

    def before(self, asked: Asked) -> tuple[Tensor, Tensor]:
        """Items (B, T), the latest ones, and which of these are there."""
        starts = torch.maximum(self.indptr[asked.users], asked.stops - self.max_length)
        items, places = self.between(starts, asked.stops)
        return items, places < asked.stops[:, None]


def _keys(users: Any, rank: Any, n_moments: int) -> Any:
    """Numbers that ascend with the user and, of each, with time."""
    return users * (n_moments + 1) + rank


class AskedBatches:
    """Minibatches whose users are rows of some events, each asked for as of its event.

    Parameters
    ----------
    batches : Batches
        Of events whose ``users`` are their own positions.
    asked : Asked
        Who each event is about, and when.
    """

    def __init__(self, batches: Batches, asked: Asked):
        self.batches, self.asked = batches, asked

    def __len__(self) -> int:
        return len(self.batches)

    def to(self, device: torch.device) -> None:
        self.batches.to(device)
        self.asked = self.asked.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for batch in self.batches.epoch(generator):
            yield batch._replace(query=self.asked.of(batch.query))

    def probe(self, n: int, generator: torch.Generator) -> tuple[Asked, Tensor] | None:
        """As of the batches; None where there is nothing to compare."""
        found = self.batches.probe(n, generator)
        return None if found is None or len(found[1]) == 0 else (self.asked.of(found[0]), found[1])


class NegativesAsOf:
    """Draws for rows of events what their users did not choose; what had not appeared by then is masked.

    Parameters
    ----------
    negatives : NegativeSampler
        Draws for users.
    asked : Asked
        Who each event is about, and when.
    appeared : float32 Tensor of shape (n_items,), optional
        When each item appeared, counted as the times of ``asked``. If None, all items appeared before them.
    """

    def __init__(self, negatives: NegativeSampler, asked: Asked, appeared: Tensor | None):
        self.negatives, self.asked, self.appeared = negatives, asked, appeared
        self.log_q = negatives.log_q

    def to(self, device: torch.device) -> None:
        self.negatives.to(device)
        self.log_q, self.asked = self.negatives.log_q, self.asked.to(device)
        self.appeared = None if self.appeared is None else self.appeared.to(device)

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Items (len(users), n), and which of them count."""
        items, mask = self.negatives.draw(self.asked.users[users], n, generator)
        if self.appeared is None:
            return items, mask
        is_there = self.appeared[items] <= self.asked.times[users][:, None]
        return items, is_there if mask is None else mask & is_there


def numbered(events: Interactions) -> Interactions:
    """The same events, each by a user of its own."""
    return events._replace(users=np.arange(len(events)), n_users=len(events), user_ids=None, user_features=None)
