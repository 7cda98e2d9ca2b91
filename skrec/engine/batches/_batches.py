"""Minibatches of tensors on the training device. An epoch is a random permutation of the examples."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from skrec.data import Interactions, is_positive, shown_events
from skrec.engine.batches._candidates import Candidates, DrawnCandidates, InBatchCandidates
from skrec.engine.batches._negatives import NegativeSampler
from skrec.engine.batches._sparse_rows import Rows, RowTable

_SECTION = 2**18


class Batch(NamedTuple):
    """Input of the network and of the loss for one minibatch.

    Attributes
    ----------
    query : Tensor or tuple of Tensor
        Input of the network's ``encode``, such as user codes of shape (B,).
    items : int64 Tensor of shape (B,), (B, C) or (1, C), or a tuple of these
        Candidates. Shape (1, C) means that all examples share them. The tensors of a tuple are concatenated along the last
        axis.
    target : float Tensor of shape (B,) or (B, C), or Rows
        Targets. `Rows` if the candidates are the whole catalog.
    mask : Tensor of shape (B, C) or (1, C), or None
        Which candidates are used. For squared errors, the weights of the candidates.
    log_q : Tensor of shape (B, C) or (1, C), or None
        Logarithm of the expected number of times that each candidate is drawn.
    weight : float Tensor of shape (B,), or None
        Weights of the examples.
    item_share : float
        Factor of the L2 penalty of each item. The candidates of an example together have the penalty of two items. Otherwise
        many negatives would shrink the embeddings of items and not those of users.
    """

    query: Tensor
    items: Any
    target: Tensor | Rows
    mask: Tensor | None = None
    log_q: Tensor | None = None
    weight: Tensor | None = None
    item_share: float = 1.0

    @property
    def n_examples(self) -> int:
        return len(self.target.lengths if isinstance(self.target, Rows) else self.target)

    @property
    def dense_target(self) -> Tensor:
        """Target as a dense tensor."""
        return self.target.dense(self.items.shape[1]) if isinstance(self.target, Rows) else self.target

    @property
    def touched_items(self) -> Tensor:
        """Items that are part of the loss, without padding."""
        if isinstance(self.items, tuple):
            return torch.cat([block.flatten() for block in self.items])
        if self.mask is None or self.mask.shape != self.items.shape or self.mask.is_floating_point():
            return self.items  # shared candidates, or a mask of weights
        return self.items[self.mask]


class Batches(Protocol):
    """A training set in minibatches."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> None: ...

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]: ...

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None: ...


class PairBatches:
    """Minibatches of events, with their values as targets or with sampled negatives.

    Parameters
    ----------
    events : Interactions
    batch_size : int
        Number of events in a minibatch.
    negatives : NegativeSampler or None
        Sampler of negatives. If None, the values are the targets.
    n_negatives : int
        Number of negatives per event.
    """

    def __init__(self, events: Interactions, *, batch_size: int, negatives: NegativeSampler | None, n_negatives: int = 1):
        self.batch_size, self.negatives, self.n_negatives = batch_size, negatives, n_negatives
        values = events.values if negatives is None else None
        self.columns = _tensors(events.users, events.items, values, events.weights)

    def __len__(self) -> int:
        return -(-len(self.columns[0]) // self.batch_size)

    def to(self, device: torch.device) -> None:
        self.columns = [None if column is None else column.to(device) for column in self.columns]
        if self.negatives is not None:
            self.negatives.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        users = self.columns[0]
        order = torch.randperm(len(users), generator=generator, device=users.device)
        # gathering and drawing for many minibatches at once avoids many small operations
        section = max(1, _SECTION // (self.batch_size * self.n_negatives)) * self.batch_size
        for rows in order.split(section):
            users, items = (codes[rows].long() for codes in self.columns[:2])
            values, weights = (None if column is None else column[rows] for column in self.columns[2:])
            yield from self._section(users, items, values, weights, generator)

    def _section(self, users, items, values, weights, generator) -> Iterator[Batch]:
        candidates = Candidates(items, values)
        if self.negatives is not None:
            candidates = DrawnCandidates(self.negatives, self.n_negatives)(users, items, generator)
        share = 1.0 if candidates.items.ndim == 1 else 2 / candidates.items.shape[1]
        for start in range(0, len(users), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield Batch(
                users[part],
                *candidates.of(part),
                weight=None if weights is None else weights[part],
                item_share=share / len(users[part]),
            )

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n events. None if values are targets."""
        if self.negatives is None:
            return None
        rows = spread_sample(len(self.columns[0]), n, generator)
        users, items = self.columns[0][rows].long(), self.columns[1][rows].long()
        drawn, mask = self.negatives.draw(users, 1, generator)
        keep = slice(None) if mask is None else mask[:, 0]
        return users[keep], torch.cat([items[:, None], drawn], 1)[keep]


class InBatchPairs(PairBatches):
    """Events with the other items of the minibatch as negatives, as computed by `InBatchCandidates`."""

    def __init__(self, events: Interactions, *, batch_size: int, negatives: NegativeSampler, candidates: InBatchCandidates):
        super().__init__(events, batch_size=batch_size, negatives=negatives)
        self.candidates = candidates

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.candidates.to(device)

    def _section(self, users, items, values, weights, generator) -> Iterator[Batch]:
        for start in range(0, len(users), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield Batch(
                users[part],
                *self.candidates(users[part], items[part], generator),
                weight=None if weights is None else weights[part],
                item_share=1 / len(users[part]),
            )


class RowBatches:
    """Minibatches of users with all of their positive events, and the whole catalog as candidates.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
        Targets: 1, or the weights of the events. Empty rows are left out.
    batch_size : int
        Number of users in a minibatch. A minibatch takes several times ``batch_size * n_items * 4`` bytes for its scores,
        unless the loss is computed by `row_likelihood`.
    negatives : NegativeSampler or None
        Sampler of the negatives in `sample_pairs`.
    """

    def __init__(self, rows: sp.csr_array, *, batch_size: int, negatives: NegativeSampler | None):
        self.batch_size, self.negatives = batch_size, negatives
        self.users, self.table = torch.as_tensor(np.flatnonzero(np.diff(rows.indptr))), RowTable(rows)

    def __len__(self) -> int:
        return -(-len(self.users) // self.batch_size)

    def to(self, device: torch.device) -> None:
        self.users, self.table = self.users.to(device), self.table.to(device)
        if self.negatives is not None:
            self.negatives.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        everything = torch.arange(self.table.n_columns, device=self.users.device)[None]
        order = torch.randperm(len(self.users), generator=generator, device=self.users.device)
        for users in self.users[order].split(self.batch_size):
            yield self._batch(users, everything)

    def _batch(self, users: Tensor, everything: Tensor) -> Batch:
        return Batch(users, everything, self.table(users), item_share=1 / len(self.users))

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n stored entries. None without a sampler."""
        if self.negatives is None:
            return None
        table = self.table
        entries = spread_sample(len(table.columns), n, generator)
        users = torch.searchsorted(table.indptr, entries, right=True) - 1
        drawn, mask = self.negatives.draw(users, 1, generator)
        keep = slice(None) if mask is None else mask[:, 0]
        return users[keep], torch.cat([table.columns[entries][:, None], drawn], 1)[keep]


class RatingRows(RowBatches):
    """Minibatches of users with all of their ratings. Items without a rating are masked.

    Parameters
    ----------
    ratings : CSR of shape (n_users, n_items)
    counts : CSR of the same structure
        Weight of each rating, or 1.
    batch_size : int
        Number of users in a minibatch.
    """

    def __init__(self, ratings: sp.csr_array, counts: sp.csr_array, *, batch_size: int):
        super().__init__(ratings, batch_size=batch_size, negatives=None)
        self.counts = RowTable(counts)

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.counts = self.counts.to(device)

    def _batch(self, users: Tensor, everything: Tensor) -> Batch:
        batch, counts = super()._batch(users, everything), self.counts(users).dense(self.table.n_columns)
        return batch._replace(target=batch.dense_target, mask=counts, weight=_share_of(counts))


class ColumnBatches:
    """Minibatches of items with all users, for networks that read the columns of items.

    A user's positive events are compared with the other items of the minibatch. Ratings are compared with nothing.

    Parameters
    ----------
    columns : RowBatches
        Minibatches of the transposed data, items x users.
    pairs : PairBatches or None
        Source of `sample_pairs`.
    """

    def __init__(self, columns: RowBatches, pairs: PairBatches | None):
        self.columns, self.pairs = columns, pairs
        self.users = columns.table.columns.unique()  # users with events

    def __len__(self) -> int:
        return len(self.columns)

    def to(self, device: torch.device) -> None:
        self.columns.to(device)
        self.users = self.users.to(device)
        if self.pairs is not None:
            self.pairs.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for batch in self.columns.epoch(generator):
            items, target, mask = batch.query, batch.dense_target, batch.mask
            # users without a rating of these items have no loss; users without a positive event have only negatives
            # (if all weights are 0, all users are kept, because the mean over no users is undefined)
            users = self.users if mask is None or not mask.any() else self.users[mask.T[self.users].any(1)]
            counts = None if mask is None else mask.T[users]
            yield Batch(
                users,
                items[None],
                target.T[users],
                counts,
                weight=None if counts is None else _share_of(counts),
                item_share=1 / len(items),
            )

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Sample pairs from ``pairs``. None without them."""
        return None if self.pairs is None else self.pairs.sample_pairs(n, generator)


def _share_of(counts: Tensor) -> Tensor:
    """Weights (B,) of examples with mean 1, which give all candidates of the minibatch the same weight."""
    totals = counts.sum(1)
    return totals * (len(totals) / totals.sum().clamp(min=1e-12))


class SlateBatches:
    """Minibatches of chosen items, each with the items of its impression that were not chosen as negatives.

    Each chosen item of an impression is an example, in which the other chosen items are masked. Impressions without chosen
    items, impressions with chosen items only, and events without an impression are left out.

    Parameters
    ----------
    events : Interactions
        Events with ``impressions``.
    batch_size : int
        Number of chosen items in a minibatch.
    positive_from : float, optional
        Smallest value of a chosen item. If None, all values above 0.

    Raises
    ------
    ValueError
        If the events have no impressions.
    """

    def __init__(self, events: Interactions, *, batch_size: int, positive_from: float | None = None):
        events = shown_events(events)
        if events.impressions is None:
            raise ValueError("negatives='slate' requires impressions: add an 'impression' column to the events")
        self.batch_size = batch_size
        order = np.lexsort((np.arange(len(events)), events.impressions))
        chosen = is_positive(events.values, positive_from)
        users, items = (codes[order].astype(np.int64, copy=False) for codes in (events.users, events.items))
        self.users, self.items, self.chosen = _tensors(users, items, chosen[order])
        _, first, length = np.unique(events.impressions[order], return_index=True, return_counts=True)
        slate = torch.as_tensor(np.repeat(np.arange(len(first)), length))
        first, length = _tensors(first, length)
        n_chosen = torch.zeros(len(first), dtype=torch.int64).index_add_(0, slate, self.chosen.long())
        examples = (self.chosen & (n_chosen < length)[slate]).nonzero()[:, 0]
        self.examples, self.first, self.length = examples, first[slate[examples]], length[slate[examples]]
        self.weights = None if events.weights is None else torch.tensor(events.weights[order])[examples]

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def to(self, device: torch.device) -> None:
        for name in ("users", "items", "chosen", "examples", "first", "length"):
            setattr(self, name, getattr(self, name).to(device))
        self.weights = None if self.weights is None else self.weights.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.examples), generator=generator, device=self.users.device)
        for rows in order.split(self.batch_size):
            yield self._batch(rows)

    def _batch(self, rows: Tensor) -> Batch:
        chosen, first, length = self.examples[rows], self.first[rows], self.length[rows]
        offsets = torch.arange(int(length.max()), device=rows.device)
        inside = offsets < length[:, None]
        places = first[:, None] + torch.where(inside, offsets, 0)
        target = places == chosen[:, None]
        target &= inside
        mask = inside & (target | ~self.chosen[places])
        return Batch(
            self.users[chosen],
            self.items[places],
            target.float(),
            mask,
            weight=None if self.weights is None else self.weights[rows],
            item_share=2 / int(mask.sum()),
        )

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2), a chosen item and another item of the same impression."""
        rows = spread_sample(len(self.examples), n, generator)
        batch = self._batch(rows)
        others = (batch.mask & (batch.dense_target == 0)).float()
        other = torch.multinomial(others, 1, generator=generator)
        chosen = batch.dense_target.argmax(1, keepdim=True)
        return batch.query, torch.cat([batch.items.gather(1, chosen), batch.items.gather(1, other)], 1)


def spread_sample(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw at most ``size`` of n positions, ascending: one from each of ``size`` sections of equal length.

    All positions are equally likely. One at the border of two sections may be drawn twice. All positions are drawn if there are
    at most ``size``.
    """
    size = min(n, size)
    section = torch.arange(size, device=generator.device)
    place = torch.rand(size, generator=generator, device=generator.device, dtype=torch.float64)
    return ((section + place) * (n / max(size, 1))).long().clamp(max=n - 1)


def _tensors(*arrays) -> list:
    """Copy arrays to tensors, since the user's arrays must not be shared and may be read-only."""
    return [None if array is None else torch.tensor(array) for array in arrays]
