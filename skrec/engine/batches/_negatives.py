"""Sampling of negatives on the training device."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skrec.data import Interactions
from skrec.data._pairs import sorted_pairs

_MANY_DRAWS = 2**16  # fewer are not worth the import of numba


class NegativeSampler(Protocol):
    """Draws negatives for users. ``log_q`` holds the log-probability of each item, or None if all are the same."""

    log_q: Tensor | None

    def to(self, device: torch.device) -> None: ...

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]: ...


class UniformNegatives:
    """Uniform sampling from the items without a positive event of the user.

    A random number r below the number of the user's other items is drawn. The r-th of these is found by a binary search over
    the sorted codes of the user's positive items, each minus its position in the row.

    Parameters
    ----------
    positives : Interactions
        Positive events.
    """

    def __init__(self, positives: Interactions):
        pairs = sorted_pairs(positives)
        n_positive = np.diff(pairs.indptr)
        self.log_q, self.n_items = None, positives.n_items
        self.n_steps = int(n_positive.max(initial=0)).bit_length()
        self.has_full_rows = bool((n_positive == self.n_items).any())
        # the arrays of the events are shared, unless they are read-only, such as those of a memory map
        self.indptr, self.positives = (
            torch.from_numpy(array if array.flags.writeable else array.copy()) for array in (pairs.indptr, pairs.items)
        )

    def to(self, device: torch.device) -> None:
        self.indptr, self.positives = self.indptr.to(device), self.positives.to(device)

    def draw(self, users: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return items (len(users), n), and a mask that is False for users with positive events of all items, or None."""
        first, stop = self.indptr[users][:, None], self.indptr[users + 1][:, None]
        n_others = self.n_items - (stop - first)
        uniform = torch.rand(len(users), n, generator=generator, device=users.device, dtype=torch.float64)
        drawn = (uniform * n_others).long()
        if drawn.device.type == "cpu" and drawn.numel() >= _MANY_DRAWS:
            items = drawn + self._n_before_on_cpu(users, drawn)
        else:
            items = drawn + self._n_before(drawn, first, stop)
        mask = (n_others > 0).expand_as(items) if self.has_full_rows else None
        return items.clamp(max=self.n_items - 1), mask

    def _n_before(self, drawn: Tensor, first: Tensor, stop: Tensor) -> Tensor:
        """The number of positive items before the ``drawn``-th other item of each user, by bisection between two places."""
        n_before = torch.zeros_like(drawn)
        for step in reversed(range(self.n_steps)):
            n_tried = n_before + 2**step
            places = first + n_tried
            are_before = self.positives[(places - 1).clamp(max=len(self.positives) - 1)] - n_tried < drawn
            n_before = torch.where(are_before & (places <= stop), n_tried, n_before)
        return n_before

    def _n_before_on_cpu(self, users: Tensor, drawn: Tensor) -> Tensor:
        """The same by compiled loops, several times faster."""
        from skrec.engine.batches._negative_kernels import count_before

        n_before = torch.empty_like(drawn)
        arrays = (tensor.numpy() for tensor in (users, drawn, self.indptr, self.positives, n_before))
        count_before(*arrays)
        return n_before


class PopularNegatives:
    """Sampling in proportion to the number of positive events. Items with a positive event of the user are masked.

    Parameters
    ----------
    positives : Interactions
        Positive events.
    """

    def __init__(self, positives: Interactions):
        pairs, counts = sorted_pairs(positives), _counts(positives)
        self.n_items = positives.n_items
        self.log_q = log_share(counts)
        self.cumulative = counts.double().cumsum(0) / counts.sum()
        keys = np.repeat(np.arange(positives.n_users) * positives.n_items, np.diff(pairs.indptr))
        self.keys = torch.from_numpy(keys + pairs.items)

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
    return log_share(_counts(positives))


def _counts(positives: Interactions) -> Tensor:
    """The number of users with a positive event of each item, int64 (n_items,)."""
    return torch.from_numpy(np.bincount(sorted_pairs(positives).items, minlength=positives.n_items))


def log_share(counts: Tensor) -> Tensor:
    """Logarithm of each count divided by their sum, float32. Counts of 0 are replaced by 1."""
    return (counts.clamp(min=1) / counts.sum()).log().float()
