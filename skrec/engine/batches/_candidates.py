"""What a chosen item is compared with: the candidates of the examples of a minibatch, the chosen item among them."""

from math import log
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from skrec.engine.batches._negatives import NegativeSampler
from skrec.engine.batches._sparse_rows import Rows, RowTable


class Candidates(NamedTuple):
    """The candidates of some examples; the fields are those of `Batch`."""

    items: Any  # a tensor, or a tuple of them side by side
    target: Tensor | Rows
    mask: Tensor | None = None
    log_q: Tensor | None = None

    def of(self, examples: slice) -> "Candidates":
        """The candidates of a few of the examples, where each has its own."""
        if isinstance(self.items, tuple) or isinstance(self.target, Rows):
            raise TypeError("candidates that examples share are not of a few of them")
        mask = None if self.mask is None else self.mask[examples]
        return Candidates(
            self.items[examples], self.target[examples], mask, None if self.log_q is None else self.log_q[examples]
        )


class CandidateMaker(Protocol):
    """Puts chosen items (B,) of users (B,) among others."""

    def to(self, device: torch.device) -> None: ...

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates: ...


class DrawnCandidates:
    """Each chosen item with some of its own, drawn for its user."""

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
    """The chosen items of a minibatch for all of its examples, with the log-popularity correction.

    Another example's choice of the same item is no negative.

    Parameters
    ----------
    log_q : float32 Tensor of shape (n_items,)
        Logarithm of each item's share of the chosen ones.
    known : RowTable or None
        What else of a user is no negative: users x items.
    """

    def __init__(self, log_q: Tensor, known: RowTable | None = None):
        self.log_q, self.known = log_q, known

    def to(self, device: torch.device) -> None:
        self.log_q = self.log_q.to(device)
        self.known = None if self.known is None else self.known.to(device)

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        own = torch.eye(len(items), device=items.device)
        # the positive was not drawn but is certain to be there; the others stand for all that might have been
        log_q = torch.where(own.bool(), 0, self.log_q[items] + log(max(1, len(items) - 1)))
        others = items[:, None] != items
        if self.known is not None:
            others &= _unknown(self.known(users), items)
        return Candidates(items[None], own, others | own.bool(), log_q)


class SharedCandidates:
    """Each chosen item with a few that are drawn once for the whole minibatch, all items alike.

    The vectors of the drawn items are gathered once, and the scores are one matrix product: hundreds cost little more than one
    for each example. An item that was drawn and chosen is no negative of the example that chose it.
    """

    def __init__(self, n_items: int, n: int):
        self.n_items, self.n = n_items, n

    def to(self, device: torch.device) -> None:
        """Nothing to move."""

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        drawn = torch.randint(self.n_items, (1, self.n), generator=generator, device=items.device)
        others = items[:, None] != drawn
        target = torch.zeros(len(items), 1 + self.n, device=items.device)
        target[:, 0] = 1
        return Candidates((items[:, None], drawn), target, torch.cat([torch.ones_like(others[:, :1]), others], 1))


class AllCandidates:
    """Each chosen item among the whole catalog."""

    def __init__(self, n_items: int):
        self.n_items = n_items

    def to(self, device: torch.device) -> None:
        """Nothing to move."""

    def __call__(self, users: Tensor, items: Tensor, generator: torch.Generator) -> Candidates:
        once = torch.ones(len(items), device=items.device)
        return Candidates(torch.arange(self.n_items, device=items.device)[None], Rows(items, once, once.long()))


def log_expected(log_q: Tensor) -> Tensor:
    """How often a positive and its n drawn negatives were to be expected, (B, 1 + n): the positive once, the others as drawn.

    Parameters
    ----------
    log_q : Tensor of shape (B, n)
        Logarithm of the chance of each negative in one draw.
    """
    return torch.cat([torch.zeros_like(log_q[:, :1]), log_q + log(log_q.shape[1])], 1)


def _unknown(known: Rows, items: Tensor) -> Tensor:
    """Which of some items (C,) are not in each row, (B, C)."""
    distinct, place = items.unique(return_inverse=True)
    found = torch.searchsorted(distinct, known.columns).clamp(max=len(distinct) - 1)
    is_there = distinct[found] == known.columns
    unknown = torch.ones(len(known.lengths), len(distinct), dtype=torch.bool, device=items.device)
    unknown[known.index[is_there], found[is_there]] = False
    return unknown[:, place]
