"""Minibatches: tensors on the training device, an epoch being a permutation of them."""

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
    """What one minibatch gives to the network and to the loss.

    Attributes
    ----------
    query : Tensor
        What the network encodes: user codes (B,), or rows.
    items : int64 Tensor of shape (B,), (B, C), or (1, C) for candidates that all examples share; or a tuple of these
        The parts of a tuple stand side by side, as the columns of target and mask do.
    target : float Tensor of shape (B,) or (B, C), or Rows
        Rows where the candidates are the whole catalogue.
    mask, log_q : Tensor of shape (B, C) or (1, C), or None
        The mask says which candidates count; for squared errors, how much.
    weight : float Tensor of shape (B,), or None
    item_share : float
        The part of the items' penalty that this batch bears, per item. The candidates of an example bear together what a pair
        of them would, else many negatives would shrink the items' rows and not the users'.
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
        """A number for each score."""
        return self.target.dense(self.items.shape[1]) if isinstance(self.target, Rows) else self.target

    @property
    def touched_items(self) -> Tensor:
        """The items that the loss looks at, without the padding."""
        if isinstance(self.items, tuple):
            return torch.cat([block.flatten() for block in self.items])
        if self.mask is None or self.mask.shape != self.items.shape or self.mask.is_floating_point():
            return self.items  # candidates that all examples share; or the mask says who rated what of them
        return self.items[self.mask]


class Batches(Protocol):
    """A training set as minibatches."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> None: ...

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]: ...

    def probe(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None: ...


class PairBatches:
    """Events (user, item, value): against their values, or against sampled or in-batch negatives.

    Parameters
    ----------
    events : Interactions
    batch_size : int
        Events in a minibatch.
    negatives : NegativeSampler or None
        None: the values are the targets.
    n_negatives : int
        For each event.
    """

    def __init__(self, events: Interactions, *, batch_size: int, negatives: NegativeSampler | None, n_negatives: int = 1):
        self.batch_size, self.negatives, self.n_negatives = batch_size, negatives, n_negatives
        self.columns = _tensors(events.users, events.items, events.values, events.weights)

    def __len__(self) -> int:
        return -(-len(self.columns[0]) // self.batch_size)

    def to(self, device: torch.device) -> None:
        self.columns = [None if column is None else column.to(device) for column in self.columns]
        if self.negatives is not None:
            self.negatives.to(device)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        users = self.columns[0]
        order = torch.randperm(len(users), generator=generator, device=users.device)
        # gathering and drawing for many minibatches at once saves the cost of many small operations
        section = max(1, _SECTION // (self.batch_size * self.n_negatives)) * self.batch_size
        for rows in order.split(section):
            users, items, values, weights = (None if column is None else column[rows] for column in self.columns)
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

    def probe(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n events; None where values are targets."""
        if self.negatives is None:
            return None
        rows = torch.randperm(len(self.columns[0]), generator=generator, device=self.columns[0].device)[:n]
        users, items = self.columns[0][rows], self.columns[1][rows]
        drawn, mask = self.negatives.draw(users, 1, generator)
        keep = slice(None) if mask is None else mask[:, 0]
        return users[keep], torch.cat([items[:, None], drawn], 1)[keep]


class InBatchPairs(PairBatches):
    """Events whose negatives are the other events' items in the minibatch, as `InBatchCandidates` gives them."""

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
    """Users with their whole row of positives, against the whole catalogue.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
        Targets: ones, or the weights of the events. Users without any are left out.
    batch_size : int
        Users in a minibatch. Its scores take ``batch_size * n_items * 4`` bytes a few times over, unless `row_likelihood` does
        without them.
    negatives : NegativeSampler or None
        Draws what positives are compared with in `probe`.
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

    def probe(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n stored entries."""
        if self.negatives is None:
            return None
        device, table = self.users.device, self.table
        entries = torch.randperm(len(table.columns), generator=generator, device=device)[:n]
        users = torch.searchsorted(table.indptr, entries, right=True) - 1
        drawn, mask = self.negatives.draw(users, 1, generator)
        keep = slice(None) if mask is None else mask[:, 0]
        return users[keep], torch.cat([table.columns[entries][:, None], drawn], 1)[keep]


class RatingRows(RowBatches):
    """Users with their ratings; what was not rated counts for nothing.

    Parameters
    ----------
    ratings : CSR of shape (n_users, n_items)
    counts : CSR of the same structure
        How much each rating counts, whoever gave it: ones, or weights.
    batch_size : int
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
    """A few items at a time with all users, for networks to which reading an item's column is the larger part of the work.

    Parameters
    ----------
    columns : RowBatches
        Of the transposed data, items x users. With ratings nothing else counts; a user's positives are compared with the other
        items of the minibatch.
    pairs : PairBatches or None
        Gives the pairs of `probe`.
    """

    def __init__(self, columns: RowBatches, pairs: PairBatches | None):
        self.columns, self.pairs = columns, pairs
        self.users = columns.table.columns.unique()  # those with any event

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
            # whoever rated none of these items teaches nothing; whoever chose none says no to all of them
            # (where all entries weigh nothing everybody stays, for a mean over nobody is no number)
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

    def probe(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """As of the pairs."""
        return None if self.pairs is None else self.pairs.probe(n, generator)


def _share_of(counts: Tensor) -> Tensor:
    """Weights (B,) of examples, one on average, with which a mean over each example's candidates counts all of them alike."""
    totals = counts.sum(1)
    return totals * (len(totals) / totals.sum().clamp(min=1e-12))


class SlateBatches:
    """What was shown together: each chosen item against the items of its impression that were not chosen.

    An impression with several chosen items gives an example for each, in which the other ones are masked; one without any, or
    with nothing else, teaches no order and is left out, and so is an event that was in no impression.

    Parameters
    ----------
    events : Interactions
        With ``impressions``.
    batch_size : int
        Chosen items in a minibatch.
    positive_from : float, optional
        Least value of what was chosen; None means any above 0.
    """

    def __init__(self, events: Interactions, *, batch_size: int, positive_from: float | None = None):
        events = shown_events(events)
        if events.impressions is None:
            raise ValueError("negatives='slate' needs to know what was shown together: give an 'impression' column")
        self.batch_size = batch_size
        order = np.lexsort((np.arange(len(events)), events.impressions))
        chosen = is_positive(events.values, positive_from)
        self.users, self.items, self.chosen = _tensors(events.users[order], events.items[order], chosen[order])
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

    def probe(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Users (m,) and items (m, 2): what was chosen and something shown beside it."""
        rows = torch.randperm(len(self.examples), generator=generator, device=self.users.device)[:n]
        batch = self._batch(rows)
        others = (batch.mask & (batch.dense_target == 0)).float()
        other = torch.multinomial(others, 1, generator=generator)
        chosen = batch.dense_target.argmax(1, keepdim=True)
        return batch.query, torch.cat([batch.items.gather(1, chosen), batch.items.gather(1, other)], 1)


def _tensors(*arrays) -> list:
    """Copies: what a user passed in is never aliased, nor need it be writable."""
    return [None if array is None else torch.tensor(array) for array in arrays]
