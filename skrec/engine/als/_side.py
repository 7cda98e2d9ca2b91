"""The least squares problems of all users, or of all items."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch


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


def both_sides(weights: sp.csr_array, objective: Any) -> tuple[Side, Side]:
    """Return the problems of the users and of the items with positive pairs.

    Parameters
    ----------
    weights : CSR of shape (n_users, n_items)
        Weights of the positive pairs.
    objective : ImplicitSquares
    """
    return _side(weights, objective), _side(weights.T.tocsr(), objective)


def _side(weights: sp.csr_array, objective: Any) -> Side:
    sums = np.asarray(weights.sum(1, dtype=np.float64)).ravel()
    return Side(
        np.flatnonzero(np.diff(weights.indptr)),
        weights.indptr.astype(np.int64, copy=False),
        weights.indices.astype(np.int32, copy=False),
        weights.data.astype(np.float32, copy=False),
        sums,
        objective.penalties(sums, weights.shape[1]).astype(np.float32),
    )
