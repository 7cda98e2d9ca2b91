"""Least squares problems of users and items, whose examples are used all at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import blocks
from skrec._threads import map_in_threads
from skrec.data import Interactions

LEAST_SHARE = 1e-6
"""Eigenvalues of a table's products below this share of the largest one are rounding errors of float32."""

CONVERGED, TINY = 1e-12, 1e-30
"""Conjugate gradients end when a squared step is below this share of a row's loss, the precision of float32, or this number."""

TABLE_ROWS = 2**13
"""Rows of a table in a block. Results do not depend on the number of threads, since blocks do not."""


def gram(table: Any, n_threads: int = 1) -> Any:
    """Products of the columns of a table.

    Parameters
    ----------
    table : float32 array or Tensor of shape (n, d)
    n_threads : int, default=1
        Number of threads. The result does not depend on it.

    Returns
    -------
    float64 array or Tensor of shape (d, d)
        Sum of the products of blocks of rows, which are computed in float32.
    """

    def product(rows: slice) -> Any:
        found = table[rows].T @ table[rows]
        return found.double() if isinstance(found, Tensor) else found.astype(np.float64)

    return sum(map_in_threads(product, blocks(len(table), TABLE_ROWS), n_threads))


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
    """The least squares problems of users and items.

    Parameters
    ----------
    weights : CSR of shape (n_users, n_items)
        Weights of the positive pairs, with sorted columns.
    events : Interactions
        Positive pairs whose users and items are solved for.
    penalties : callable
        Maps the sums of the weights of rows, and the number of columns, to the penalties of the rows.
    """

    def __init__(
        self,
        weights: sp.csr_array,
        events: Interactions,
        penalties: Callable[[NDArray[np.float64], int], NDArray[np.float64]],
    ):
        self.weights = weights
        self.users = _side(weights, events.users, penalties)
        self.items = _side(weights.T.tocsr(), events.items, penalties)

    def __len__(self) -> int:
        return self.weights.nnz

    def to(self, device: torch.device) -> None:
        self.users, self.items = self.users.to(device), self.items.to(device)

    def sample_pairs(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Users (m,) and items (m, 2), a positive and a negative, of up to n positive pairs."""
        rng, (_, n_items) = np.random.default_rng(generator.initial_seed()), self.weights.shape
        entries = rng.choice(len(self), min(n, len(self)), replace=False)
        users = np.searchsorted(self.weights.indptr, entries, side="right") - 1
        n_others = n_items - np.diff(self.weights.indptr)[users]
        entries, users, n_others = (array[n_others > 0] for array in (entries, users, n_others))
        negatives = _nth_absent(self.weights, users, (rng.random(len(users)) * n_others).astype(np.int64))
        items = np.stack([self.weights.indices[entries], negatives], 1)
        device = generator.device
        return torch.as_tensor(users, dtype=torch.int64, device=device), torch.as_tensor(items, device=device).long()


def _nth_absent(matrix: sp.csr_array, rows: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row and rank, the column of that rank, counted from 0, among those that are not stored in the row."""
    first, low, high = (matrix.indptr[rows + end].astype(np.int64) for end in (0, 0, 1))
    while (is_open := low < high).any():  # binary searches for the number of stored columns before the result
        middle = (low + high) // 2
        n_absent = matrix.indices[np.minimum(middle, matrix.nnz - 1)] - (middle - first)
        low = np.where(is_open & (n_absent <= ranks), middle + 1, low)
        high = np.where(is_open & (n_absent > ranks), middle, high)
    return ranks + low - first


def _side(weights: sp.csr_array, codes: NDArray[np.int64], penalties: Callable[..., NDArray[np.float64]]) -> Side:
    """Return the problems of the rows with some codes, which may be repeated."""
    sums = np.asarray(weights.sum(1, dtype=np.float64)).ravel()
    with np.errstate(over="ignore"):  # an infinite penalty is found in the loss
        penalty = penalties(sums, weights.shape[1]).astype(np.float32)
    return Side(
        np.flatnonzero(np.bincount(codes, minlength=weights.shape[0])),
        weights.indptr.astype(np.int64, copy=False),
        weights.indices.astype(np.int32, copy=False),
        weights.data.astype(np.float32, copy=False),
        sums,
        penalty,
    )
