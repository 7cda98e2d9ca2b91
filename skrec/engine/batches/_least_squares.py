"""Least squares problems of users and items, whose examples are used all at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.data import Interactions
from skrec.data._histories import select_users
from skrec.engine.batches._negatives import UniformNegatives


class Side(NamedTuple):
    """One least squares problem for each row of a sparse matrix.

    Attributes
    ----------
    rows : int64 array or Tensor of shape (n,)
        Rows whose vectors are solved for.
    indptr : int64 array or Tensor of shape (n_rows + 1,)
    columns : int32 array or Tensor of shape (n_entries,)
    weights : float32 array or Tensor of shape (n_entries,)
        Sparse matrix of the weights of positive pairs, in CSR format.
    sums : float64 array or Tensor of shape (n_rows,)
        Sum of the weights of each row.
    penalties : float32 array or Tensor of shape (n_rows,)
        Penalty of the squared length of each row's vector.
    """

    rows: Any
    indptr: Any
    columns: Any
    weights: Any
    sums: Any
    penalties: Any

    def to(self, device: torch.device) -> "Side":
        """Copy the arrays to a GPU. On a CPU they stay as they are."""
        if device.type == "cpu":
            return self
        return Side(*(torch.as_tensor(array, device=device) for array in self))


class LeastSquares:
    """The least squares problems of all users and items with events.

    Parameters
    ----------
    weights : CSR of shape (n_users, n_items)
        Weights of the positive pairs.
    events : Interactions
        Positive pairs whose users and items are solved for.
    known : Interactions
        All positive pairs.
    penalties : callable
        Maps the sums of the weights of rows, and the number of columns, to the penalties of the rows.
    """

    def __init__(
        self,
        weights: sp.csr_array,
        events: Interactions,
        known: Interactions,
        penalties: Callable[[NDArray[np.float64], int], NDArray[np.float64]],
    ):
        self.known = known
        self.users = _side(weights, np.unique(events.users), penalties)
        self.items = _side(weights.T.tocsr(), np.unique(events.items), penalties)

    def __len__(self) -> int:
        return len(self.known)

    def to(self, device: torch.device) -> None:
        self.users, self.items = self.users.to(device), self.items.to(device)

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n events."""
        rng = np.random.default_rng(generator.initial_seed())
        chosen = rng.choice(len(self.known), min(n, len(self.known)), replace=False)
        users, items = (torch.as_tensor(codes[chosen], dtype=torch.int64) for codes in (self.known.users, self.known.items))
        distinct, places = torch.unique(users, return_inverse=True)
        negatives = UniformNegatives(select_users(self.known, distinct.numpy()))
        drawn, mask = negatives.draw(places, 1, torch.Generator().manual_seed(generator.initial_seed()))
        keep = slice(None) if mask is None else mask[:, 0]
        both = torch.cat([items[:, None], drawn], 1)
        return users[keep].to(generator.device), both[keep].to(generator.device)


def _side(weights: sp.csr_array, rows: NDArray[np.int64], penalties: Callable[..., NDArray[np.float64]]) -> Side:
    sums = np.asarray(weights.sum(1, dtype=np.float64)).ravel()
    return Side(
        rows,
        weights.indptr.astype(np.int64, copy=False),
        weights.indices.astype(np.int32, copy=False),
        weights.data.astype(np.float32, copy=False),
        sums,
        penalties(sums, weights.shape[1]).astype(np.float32),
    )
