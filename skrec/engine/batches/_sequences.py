"""What users did, in order of time, and minibatches of it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.data import Interactions
from skrec.engine.batches._batches import Batch
from skrec.engine.batches._candidates import CandidateMaker
from skrec.engine.batches._negatives import NegativeSampler

_MINIBATCHES_OF_ALIKE_LENGTHS = 16


class Sequences(NamedTuple):
    """Items in order of time, from the left; behind the end of a shorter sequence anything may stand.

    Attributes
    ----------
    users : int64 Tensor of shape (B,), or None
        Codes; None for strangers.
    items : int64 Tensor of shape (B, T)
    requested : bool Tensor of shape (B, T)
        After which of these items the next one is asked for.
    """

    users: Tensor | None
    items: Tensor
    requested: Tensor


class SequenceTable(nn.Module):
    """Users' items in order of time, on the device of the network that it is a part of; no weights, not in its ``state_dict``.

    Parameters
    ----------
    events : Interactions
        Events of equal times keep the order of their rows.
    max_length : int
        How many of a user's items are looked at, the latest ones.
    """

    def __init__(self, events: Interactions, max_length: int):
        super().__init__()
        self.max_length = max_length
        indptr = np.append(0, np.cumsum(np.bincount(events.users, minlength=events.n_users)))
        items = np.append(events.items[events.user_time_order()], 0)  # so that there is something behind the last sequence
        self.register_buffer("indptr", torch.as_tensor(indptr), persistent=False)
        self.register_buffer("items", torch.as_tensor(items), persistent=False)

    def lengths(self, users: Tensor) -> Tensor:
        """How many items each user has, at most ``max_length``."""
        return (self.indptr[users + 1] - self.indptr[users]).clamp(max=self.max_length)

    def forward(self, users: Tensor) -> Sequences:
        """The latest items of some users, asked for what comes next."""
        stops = self.indptr[users + 1]
        return self.until(users, stops)

    def until(self, users: Tensor, stops: Tensor) -> Sequences:
        """The latest items of users before some places of the table, asked for what comes next."""
        starts = torch.maximum(self.indptr[users], stops - self.max_length)
        items, _ = self.between(starts, stops)
        last = stops - starts - 1
        return Sequences(users, items, torch.arange(items.shape[1], device=items.device) == last[:, None])

    def between(self, starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor]:
        """The items (B, T) from one place to another, and their places."""
        width = max(1, int((stops - starts).max())) if len(starts) else 1  # some layers take no sequences of no length
        places = starts[:, None] + torch.arange(width, device=starts.device)
        places = torch.minimum(places, stops[:, None])  # behind the end anything may stand
        return self.items[places], places


def followed_by(known: Interactions, later: Interactions) -> Interactions:
    """Events in the same codes one after the other; those without times of their own come last."""
    if known.timestamps is not None and later.timestamps is None:
        later = later._replace(timestamps=np.full(len(later), known.timestamps.max(initial=0)))
    return known._followed_by(later)._replace(impressions=None)


class SequenceBatches:
    """Users' sequences, each event to be predicted from those before it.

    Sequences longer than ``max_length`` are cut into windows from their end, so that every event but a user's first is
    predicted once in an epoch. Windows of alike lengths go together, and a minibatch has about as many events to be predicted
    as ``batch_size`` windows have on average: little is computed for the sake of padding, and every event weighs the same.

    Parameters
    ----------
    events : Interactions
    max_length : int
        Items that are read before each one that is predicted, at most.
    batch_size : int
        Windows in a minibatch, on average.
    candidates : CandidateMaker
        What the next item is compared with.
    negatives : NegativeSampler
        Draws what it is compared with in `sample_pairs`.
    is_target : bool array of shape (n_events,), optional
        The events to be predicted; the others are only read. None means all.
    """

    def __init__(
        self,
        events: Interactions,
        *,
        max_length: int,
        batch_size: int,
        candidates: CandidateMaker,
        negatives: NegativeSampler,
        is_target: NDArray[np.bool_] | None = None,
    ):
        self.batch_size, self.candidates, self.negatives = batch_size, candidates, negatives
        self.table = SequenceTable(events, max_length)
        order = events.user_time_order()
        requested = np.ones(len(events), bool) if is_target is None else is_target[order]
        requested[self.table.indptr[:-1][np.diff(self.table.indptr) > 0]] = False  # nothing comes before a user's first event
        self.is_target = torch.as_tensor(np.append(requested, False))
        self.weights = None if events.weights is None else torch.as_tensor(events.weights[order])
        self.users, self.starts, self.stops = _windows(self.table.indptr, max_length)
        n_before = torch.cat([torch.zeros(1, dtype=torch.int64), self.is_target.cumsum(0)])
        self.n_targets = n_before[self.stops] - n_before[self.starts]
        for name in ("users", "starts", "stops", "n_targets"):
            setattr(self, name, getattr(self, name)[self.n_targets > 0])

    def __len__(self) -> int:
        section = self.batch_size * _MINIBATCHES_OF_ALIKE_LENGTHS
        n_sections, n_left = divmod(len(self.users), section)
        return n_sections * _MINIBATCHES_OF_ALIKE_LENGTHS + -(-n_left // self.batch_size)

    def to(self, device: torch.device) -> None:
        for part in (self.table, self.candidates, self.negatives):
            part.to(device)
        for name in ("users", "starts", "stops", "n_targets", "is_target"):
            setattr(self, name, getattr(self, name).to(device))
        self.weights = None if self.weights is None else self.weights.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.users), generator=generator, device=self.users.device)
        section = self.batch_size * _MINIBATCHES_OF_ALIKE_LENGTHS
        for start in range(0, len(order), section):
            groups = self._groups(order[start : start + section])
            for which in torch.randperm(len(groups), generator=generator, device=order.device).tolist():
                yield self._batch(groups[which], generator)

    def _groups(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Windows of alike lengths, in groups with about as many targets each."""
        windows = windows[(self.stops - self.starts)[windows].argsort(stable=True)]
        n_groups = -(-len(windows) // self.batch_size)
        first = torch.arange(n_groups, device=windows.device)
        totals = self.n_targets[windows].cumsum(0)
        cuts = torch.searchsorted(totals, first * totals[-1] // n_groups, right=True)
        # no group may be empty: each begins behind the one before, and leaves a window for each one after it
        cuts = ((cuts - first).cummax(0).values + first).minimum(len(windows) - n_groups + first)
        return windows.tensor_split(cuts[1:].cpu())

    def _batch(self, windows: Tensor, generator: torch.Generator) -> Batch:
        query, users, places = self._query(windows)
        candidates = self.candidates(users, self.table.items[places], generator)
        n_touched = sum(part.numel() for part in _parts(candidates.items))
        return Batch(
            query,
            *candidates,
            weight=None if self.weights is None else self.weights[places],
            item_share=2 / n_touched,
        )

    def _query(self, windows: Tensor) -> tuple[Sequences, Tensor, Tensor]:
        """Windows without their last item, and of each target in them the user and the place."""
        starts, stops = self.starts[windows], self.stops[windows]
        items, places = self.table.between(starts - 1, stops - 1)
        requested = (places < stops[:, None] - 1) & self.is_target[places + 1]
        users = self.users[windows]
        return Sequences(users, items, requested), users[:, None].expand_as(requested)[requested], places[requested] + 1

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Sequences, Tensor]:
        """Some windows and items (m, 2), what came next and something else, of about n events."""
        order = torch.randperm(len(self.users), generator=generator, device=self.users.device)
        query, users, places = self._query(order[: max(1, n // self.table.max_length)])
        drawn, mask = self.negatives.draw(users, 1, generator)
        if mask is not None:  # of users who know every item
            query.requested[query.requested.clone()] = mask[:, 0]
            places, drawn = places[mask[:, 0]], drawn[mask[:, 0]]
        return query, torch.cat([self.table.items[places][:, None], drawn], 1)


def _windows(indptr: Tensor, max_length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Users, first places and ends of stretches of at most ``max_length`` events, from the end of each user's."""
    n_after_first = (indptr.diff() - 1).clamp(min=0)
    n_windows = -(-n_after_first // max_length)
    users = torch.repeat_interleave(torch.arange(len(n_windows)), n_windows)
    from_the_end = torch.arange(len(users)) - (n_windows.cumsum(0) - n_windows)[users]
    stops = indptr[users + 1] - from_the_end * max_length
    return users, torch.maximum(stops - max_length, indptr[users] + 1), stops


def _parts(items: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return items if isinstance(items, tuple) else (items,)
