"""Sampling of negatives on the training device."""

from typing import Protocol

import torch
from torch import Tensor

from skrec.data import Interactions


class NegativeSampler(Protocol):
    """Draws negatives for users. ``log_q`` holds the log-probability of each item, or None if all are the same."""

    log_q: Tensor | None

    def to(self, device: torch.device) -> None: ...

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]: ...


class UniformNegatives:
    """Uniform sampling from the items without a positive event of the user.

    A random number r below the number of the user's other items is drawn. The r-th of these is found by one binary search over
    the codes of the user's positive items, each minus its position in the sorted row.

    Parameters
    ----------
    positives : Interactions
        Positive events.
    """

    def __init__(self, positives: Interactions):
        self.log_q = None
        pairs = positives.to_csr(duplicates="any")
        indptr = torch.as_tensor(pairs.indptr, dtype=torch.int64)
        n_positive = indptr.diff()
        user = torch.repeat_interleave(torch.arange(positives.n_users), n_positive)
        place = torch.arange(len(pairs.indices)) - indptr[user]
        self.n_items = positives.n_items
        self.first, self.n_others = indptr[:-1], positives.n_items - n_positive
        self.keys = user * positives.n_items + torch.as_tensor(pairs.indices, dtype=torch.int64) - place

    def to(self, device: torch.device) -> None:
        self.first, self.n_others, self.keys = (t.to(device) for t in (self.first, self.n_others, self.keys))

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return items (len(users), n), and a mask that is False for users with positive events of all items, or None."""
        n_others = self.n_others[users][:, None]
        uniform = torch.rand(len(users), n, generator=generator, device=users.device, dtype=torch.float64)
        drawn = (uniform * n_others).long()
        before = torch.searchsorted(self.keys, users[:, None] * self.n_items + drawn, right=True)
        items = drawn + before - self.first[users][:, None]
        mask = (n_others > 0).expand_as(items)
        return items.clamp(max=self.n_items - 1), None if bool((self.n_others > 0).all()) else mask


class PopularNegatives:
    """Sampling in proportion to the number of positive events. Items with a positive event of the user are masked.

    Parameters
    ----------
    positives : Interactions
        Positive events.
    """

    def __init__(self, positives: Interactions):
        pairs = positives.to_csr(duplicates="any")
        counts = torch.bincount(torch.as_tensor(pairs.indices, dtype=torch.int64), minlength=positives.n_items)
        self.n_items = positives.n_items
        self.log_q = log_popularity(positives)
        self.cumulative = counts.double().cumsum(0) / counts.sum()
        user = torch.repeat_interleave(torch.arange(positives.n_users), torch.as_tensor(pairs.indptr).diff())
        self.keys = user * positives.n_items + torch.as_tensor(pairs.indices, dtype=torch.int64)

    def to(self, device: torch.device) -> None:
        self.cumulative, self.keys, self.log_q = (t.to(device) for t in (self.cumulative, self.keys, self.log_q))

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return items (len(users), n), and a mask that is False if the user has a positive event with the item."""
        uniform = torch.rand(len(users), n, generator=generator, device=users.device, dtype=torch.float64)
        items = torch.searchsorted(self.cumulative, uniform, right=True).clamp(max=self.n_items - 1)
        keys = users[:, None] * self.n_items + items
        place = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return items, self.keys[place] != keys


def log_popularity(positives: Interactions) -> Tensor:
    """Logarithm of each item's share of the positive pairs, float32 (n_items,). Items without pairs count as one."""
    pairs = positives.to_csr(duplicates="any")
    return log_share(torch.bincount(torch.as_tensor(pairs.indices, dtype=torch.int64), minlength=positives.n_items))


def log_share(counts: Tensor) -> Tensor:
    """Logarithm of each count divided by their sum, float32. Counts of 0 are replaced by 1."""
    return (counts.clamp(min=1) / counts.sum()).log().float()
