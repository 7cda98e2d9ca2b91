"""Candidates of the examples of a minibatch: the chosen item and its negatives."""

from math import log
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from skrec.engine.batches._negatives import NegativeSampler
from skrec.engine.batches._sparse_rows import Rows, RowTable


class Candidates(NamedTuple):
    """Candidates of some examples. The fields are those of `Batch`."""

    items: Any  # a tensor, or a tuple of tensors that are concatenated
    target: Tensor | Rows
    mask: Tensor | None = None
    log_q: Tensor | None = None

    def of(self, examples: slice) -> "Candidates":
        """Select the candidates of some examples. TypeError if the examples share their candidates."""
        if isinstance(self.items, tuple) or isinstance(self.target, Rows):
            raise TypeError("shared candidates cannot be selected by example")
        mask = None if self.mask is None else self.mask[examples]
        return Candidates(
            self.items[examples], self.target[examples], mask, None if self.log_q is None else self.log_q[examples]
        )


class CandidateMaker(Protocol):
    """Adds negatives to chosen items (B,) of users (B,)."""

    def to(self, device: torch.device) -> None: ...

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates: ...


class DrawnCandidates:
    """Each chosen item with ``n`` negatives drawn for its user."""

    def __init__(self, negatives: NegativeSampler, n: int):
        self.negatives, self.n = negatives, n

    def to(self, device: torch.device) -> None:
        self.negatives.to(device)

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        drawn, mask = self.negatives.draw(users, self.n, generator)
        items = torch.cat([items[:, None], drawn], 1)
        target = torch.zeros_like(items, dtype=torch.float32)
        target[:, 0] = 1
        mask = None if mask is None else torch.cat([torch.ones_like(mask[:, :1]), mask], 1)
        log_q = None if self.negatives.log_q is None else log_expected(self.negatives.log_q[drawn])
        return Candidates(items, target, mask, log_q)


class InBatchCandidates:
    """All chosen items of the minibatch as candidates of each example, with the log-popularity correction.

    If another example has the same chosen item, that item is masked.

    Parameters
    ----------
    log_q : float32 Tensor of shape (n_items,)
        Logarithm of each item's share of the positive events.
    known : RowTable or None
        Further items of each user that are not negatives, users x items.
    """

    def __init__(self, log_q: Tensor, known: RowTable | None = None):
        self.log_q, self.known = log_q, known

    def to(self, device: torch.device) -> None:
        self.log_q = self.log_q.to(device)
        self.known = None if self.known is None else self.known.to(device)

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        own = torch.eye(len(items), device=items.device)
        # the positive is always among the candidates; the others are a sample of all items
        log_q = torch.where(own.bool(), 0, self.log_q[items] + log(max(1, len(items) - 1)))
        others = items[:, None] != items
        if self.known is not None:
            others &= _unknown(self.known(users), items)
        return Candidates(items[None], own, others | own.bool(), log_q)


class SharedCandidates:
    """Each chosen item with ``n`` negatives that are drawn uniformly once for the whole minibatch.

    The vectors of the drawn items are gathered once and all scores are one matrix product, so hundreds of negatives take little
    more time than one per example. A drawn item is masked in the examples in which it is the chosen item.
    """

    def __init__(self, n_items: int, n: int):
        self.n_items, self.n = n_items, n

    def to(self, device: torch.device) -> None:
        """Do nothing, since there are no tensors."""

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        drawn = torch.randint(self.n_items, (1, self.n), generator=generator, device=items.device)
        others = items[:, None] != drawn
        target = torch.zeros(len(items), 1 + self.n, device=items.device)
        target[:, 0] = 1
        return Candidates((items[:, None], drawn), target, torch.cat([torch.ones_like(others[:, :1]), others], 1))


class AllCandidates:
    """The whole catalog as candidates of each chosen item."""

    def __init__(self, n_items: int):
        self.n_items = n_items

    def to(self, device: torch.device) -> None:
        """Do nothing, since there are no tensors."""

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        once = torch.ones(len(items), device=items.device)
        return Candidates(torch.arange(self.n_items, device=items.device)[None], Rows(items, once, once.long()))


def log_expected(log_q: Tensor) -> Tensor:
    """Logarithm of the expected counts of a positive, which is 0, and of its n drawn negatives, (B, 1 + n).

    Parameters
    ----------
    log_q : Tensor of shape (B, n)
        Logarithm of the probability of each negative in one draw.
    """
    return torch.cat([torch.zeros_like(log_q[:, :1]), log_q + log(log_q.shape[1])], 1)


def _unknown(known: Rows, items: Tensor) -> Tensor:
    """Which of the items (C,) are not in each row, (B, C)."""
    distinct, place = items.unique(return_inverse=True)
    found = torch.searchsorted(distinct, known.columns).clamp(max=len(distinct) - 1)
    is_there = distinct[found] == known.columns
    unknown = torch.ones(len(known.lengths), len(distinct), dtype=torch.bool, device=items.device)
    unknown[known.index[is_there], found[is_there]] = False
    return unknown[:, place]
