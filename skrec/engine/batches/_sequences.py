"""Sequences of users' items in order of time, and minibatches of them."""

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
from skrec.engine.batches._sparse_rows import check_starts

_MINIBATCHES_PER_LENGTH_SORT = 16


class Sequences(NamedTuple):
    """Items in order of time, padded at the end with arbitrary items.

    Attributes
    ----------
    users : int64 Tensor of shape (B,), or None
        User codes. None for new users.
    items : int64 Tensor of shape (B, T)
        Item codes.
    requested : bool Tensor of shape (B, T)
        Positions after which the next item is predicted.
    """

    users: Tensor | None
    items: Tensor
    requested: Tensor


class SequenceTable(nn.Module):
    """Users' items in order of time, stored on the device of a network. It has no weights and no entry in ``state_dict``.

    Parameters
    ----------
    events : Interactions
        Events with equal timestamps are in the order of their rows.
    max_length : int
        Maximum number of items in a sequence. The latest ones are used.
    """

    def __init__(self, events: Interactions, max_length: int):
        super().__init__()
        self.max_length, self.n_users, self.n_items = max_length, events.n_users, events.n_items
        indptr = np.append(0, np.cumsum(np.bincount(events.users, minlength=events.n_users)))
        items = np.append(events.items[events.user_time_order()], 0).astype(np.int64)  # padding after the last sequence
        self.register_buffer("indptr", torch.as_tensor(indptr), persistent=False)
        self.register_buffer("items", torch.as_tensor(items), persistent=False)

    def emptied(self) -> "SequenceTable":
        """A table for the same users without items."""
        return SequenceTable(Interactions.from_arrays([], [], n_users=self.n_users, n_items=self.n_items), self.max_length)

    def check_entries(self) -> None:
        """Raise ValueError unless the buffers are sequences of item codes, with an item as padding at the end."""
        n = check_starts(self.indptr, self.n_users)
        is_inside = (self.items >= 0) & (self.items < max(self.n_items, 1))
        if self.items.shape != (n + 1,) or not is_inside.all():
            raise ValueError("a table of sequences has wrong items")

    def lengths(self, users: Tensor) -> Tensor:
        """Length of each user's sequence, at most ``max_length``."""
        return (self.indptr[users + 1] - self.indptr[users]).clamp(max=self.max_length)

    def forward(self, users: Tensor) -> Sequences:
        """Return the latest items of users, with the next item requested."""
        stops = self.indptr[users + 1]
        return self.until(users, stops)

    def until(self, users: Tensor, stops: Tensor) -> Sequences:
        """Return the latest items of users before some positions of the table, with the next item requested."""
        starts = torch.maximum(self.indptr[users], stops - self.max_length)
        items, _ = self.between(starts, stops)
        last = stops - starts - 1
        return Sequences(users, items, torch.arange(items.shape[1], device=items.device) == last[:, None])

    def between(self, starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor]:
        """Return the items (B, T) between positions of the table, and their positions."""
        width = max(1, int((stops - starts).max())) if len(starts) else 1  # some layers do not accept sequences of length 0
        places = starts[:, None] + torch.arange(width, device=starts.device)
        places = torch.minimum(places, stops[:, None])  # arbitrary items as padding
        return self.items[places], places


def followed_by(known: Interactions, later: Interactions) -> Interactions:
    """Concatenate events with the same codes. Later events without timestamps get the last timestamp."""
    if known.timestamps is not None and later.timestamps is None:
        later = later._replace(timestamps=np.full(len(later), known.timestamps.max(initial=0)))
    return known._followed_by(later)._replace(impressions=None)


class SequenceBatches:
    """Minibatches of sequences in which each event is predicted from the events before it.

    Sequences longer than ``max_length`` are cut into windows from their end, so that every event except a user's first is
    predicted once per epoch. A minibatch contains windows of similar length, which reduces padding. All minibatches have about
    the same number of predicted events, so that all events have about the same weight.

    Parameters
    ----------
    events : Interactions
    max_length : int
        Maximum number of items before each predicted item.
    batch_size : int
        Average number of windows in a minibatch.
    candidates : CandidateMaker
        Makes the candidates for each predicted item.
    negatives : NegativeSampler
        Sampler of the negatives in `sample_pairs`.
    is_target : bool array of shape (n_events,), optional
        Events to be predicted. The others are only part of the sequences. If None, all events are predicted.
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
        requested[self.table.indptr[:-1][np.diff(self.table.indptr) > 0]] = False  # a user's first event has no items before it
        self.is_target = torch.as_tensor(np.append(requested, False))
        self.weights = None if events.weights is None else torch.as_tensor(events.weights[order])
        self.users, self.starts, self.stops = _windows(self.table.indptr, max_length)
        n_before = torch.cat([torch.zeros(1, dtype=torch.int64), self.is_target.cumsum(0)])
        self.n_targets = n_before[self.stops] - n_before[self.starts]
        for name in ("users", "starts", "stops", "n_targets"):
            setattr(self, name, getattr(self, name)[self.n_targets > 0])

    def __len__(self) -> int:
        section = self.batch_size * _MINIBATCHES_PER_LENGTH_SORT
        n_sections, n_left = divmod(len(self.users), section)
        return n_sections * _MINIBATCHES_PER_LENGTH_SORT + -(-n_left // self.batch_size)

    def to(self, device: torch.device) -> None:
        for part in (self.table, self.candidates, self.negatives):
            part.to(device)
        for name in ("users", "starts", "stops", "n_targets", "is_target"):
            setattr(self, name, getattr(self, name).to(device))
        self.weights = None if self.weights is None else self.weights.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.users), generator=generator, device=self.users.device)
        section = self.batch_size * _MINIBATCHES_PER_LENGTH_SORT
        for start in range(0, len(order), section):
            groups = self._groups(order[start : start + section])
            for which in torch.randperm(len(groups), generator=generator, device=order.device).tolist():
                yield self._batch(groups[which], generator)

    def _groups(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Sort windows by length and split them into groups with about the same number of targets."""
        windows = windows[(self.stops - self.starts)[windows].argsort(stable=True)]
        n_groups = -(-len(windows) // self.batch_size)
        first = torch.arange(n_groups, device=windows.device)
        totals = self.n_targets[windows].cumsum(0)
        cuts = torch.searchsorted(totals, first * totals[-1] // n_groups, right=True)
        # no group may be empty: each starts after the previous one and leaves a window for each of the following
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
        """Windows without their last item, with the users and the table positions of their targets."""
        starts, stops = self.starts[windows], self.stops[windows]
        items, places = self.table.between(starts - 1, stops - 1)
        requested = (places < stops[:, None] - 1) & self.is_target[places + 1]
        users = self.users[windows]
        return Sequences(users, items, requested), users[:, None].expand_as(requested)[requested], places[requested] + 1

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Sequences, Tensor]:
        """Windows and items (m, 2), the next item and a negative, of about n events."""
        order = torch.randperm(len(self.users), generator=generator, device=self.users.device)
        query, users, places = self._query(order[: max(1, n // self.table.max_length)])
        drawn, mask = self.negatives.draw(users, 1, generator)
        if mask is not None:  # some users have events with all items
            query.requested[query.requested.clone()] = mask[:, 0]
            places, drawn = places[mask[:, 0]], drawn[mask[:, 0]]
        return query, torch.cat([self.table.items[places][:, None], drawn], 1)


def _windows(indptr: Tensor, max_length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Users, start and stop positions of windows of at most ``max_length`` events, from the end of each sequence."""
    n_after_first = (indptr.diff() - 1).clamp(min=0)
    n_windows = -(-n_after_first // max_length)
    users = torch.repeat_interleave(torch.arange(len(n_windows)), n_windows)
    from_the_end = torch.arange(len(users)) - (n_windows.cumsum(0) - n_windows)[users]
    stops = indptr[users + 1] - from_the_end * max_length
    return users, torch.maximum(stops - max_length, indptr[users] + 1), stops


def _parts(items: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return items if isinstance(items, tuple) else (items,)
