"""Sparse rows on the training device."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Rows(NamedTuple):
    """Concatenated rows of a sparse matrix.

    Attributes
    ----------
    columns : int64 Tensor of shape (n_entries,)
        Column of each entry.
    values : float32 Tensor of shape (n_entries,)
        Value of each entry.
    lengths : int64 Tensor of shape (n_rows,)
        Number of entries in each row.
    """

    columns: Tensor
    values: Tensor
    lengths: Tensor

    @property
    def index(self) -> Tensor:
        """Row of each entry, (n_entries,)."""
        return torch.repeat_interleave(torch.arange(len(self.lengths), device=self.lengths.device), self.lengths)

    def dense(self, n_columns: int) -> Tensor:
        """Convert to a dense float32 tensor (n_rows, n_columns)."""
        dense = torch.zeros(len(self.lengths), n_columns, device=self.values.device)
        dense[self.index, self.columns] = self.values
        return dense

    def sums(self) -> Tensor:
        """Sum of the values of each row, (n_rows,)."""
        return self.values.new_zeros(len(self.lengths)).index_add_(0, self.index, self.values)

    def scaled(self) -> "Rows":
        """Scale each row to Euclidean length 1. Rows of zeros are unchanged."""
        squares = self._replace(values=self.values.square()).sums()
        return self._replace(values=self.values / squares.sqrt().clamp(min=1e-12)[self.index])

    def times(self, x: Tensor, *, sparse: bool = False) -> Tensor:
        """Product with a matrix x (n_columns, width). If ``sparse``, the gradient of x is sparse."""
        offsets = self.lengths.cumsum(0) - self.lengths
        return F.embedding_bag(self.columns, x, offsets, mode="sum", per_sample_weights=self.values.to(x.dtype), sparse=sparse)


class RowTable(nn.Module):
    """A CSR matrix stored on the device of a network. It has no weights and no entry in ``state_dict``.

    Parameters
    ----------
    matrix : CSR of shape (n_rows, n_columns)
    """

    def __init__(self, matrix: sp.csr_array):
        super().__init__()
        arrays = {"indptr": matrix.indptr.astype(np.int64), "columns": matrix.indices.astype(np.int64)}
        for name, array in (arrays | {"values": matrix.data.astype(np.float32)}).items():
            self.register_buffer(name, torch.tensor(array), persistent=False)
        self.n_rows, self.n_columns = matrix.shape

    def emptied(self) -> "RowTable":
        """A table of the same shape without entries."""
        return RowTable(sp.csr_array((self.n_rows, self.n_columns), dtype=np.float32))

    def check_entries(self) -> None:
        """Raise ValueError unless the buffers are those of a CSR matrix."""
        n = check_starts(self.indptr, self.n_rows)
        is_inside = (self.columns >= 0) & (self.columns < self.n_columns)
        if self.columns.shape != (n,) or self.values.shape != (n,) or not is_inside.all():
            raise ValueError("a sparse table has wrong columns or values")

    def forward(self, rows: Tensor) -> Rows:
        """Select rows in any order."""
        first, lengths = self.indptr[rows], self.indptr[rows + 1] - self.indptr[rows]
        starts = torch.repeat_interleave(first - (lengths.cumsum(0) - lengths), lengths)
        place = starts + torch.arange(len(starts), device=starts.device)
        return Rows(self.columns[place], self.values[place], lengths)

    def times(self, x: Tensor) -> Tensor:
        """Product of the whole matrix with a dense matrix x, (n_rows, width)."""
        return F.embedding_bag(self.columns, x, self.indptr[:-1], mode="sum", per_sample_weights=self.values)


def check_starts(starts: Tensor, n_rows: int) -> int:
    """The number of entries of a table whose rows start at ``starts``. Raises ValueError if they do not ascend from 0."""
    if starts.shape != (n_rows + 1,) or starts[0] != 0 or (starts.diff() < 0).any():
        raise ValueError("the rows of a table do not follow each other")
    return int(starts[-1])


class SparseMatrix(nn.Module):
    """A sparse matrix with products of itself and of its transpose. Gradients are computed with the transpose.

    Torch's own sparse products are slower on a CPU, and warn that their API may change.

    Parameters
    ----------
    matrix : CSR of shape (n_rows, n_columns)
    """

    def __init__(self, matrix: sp.csr_array):
        super().__init__()
        self.rows, self.columns = RowTable(matrix), RowTable(matrix.T.tocsr())

    def emptied(self) -> "SparseMatrix":
        """A matrix of the same shape without entries."""
        return SparseMatrix(sp.csr_array((self.rows.n_rows, self.rows.n_columns), dtype=np.float32))

    def times(self, x: Tensor) -> Tensor:
        """Product with x (n_columns, width)."""
        return _Product.apply(x, self.rows, self.columns)

    def transposed_times(self, x: Tensor) -> Tensor:
        """Product of the transpose with x (n_rows, width)."""
        return _Product.apply(x, self.columns, self.rows)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, matrix: RowTable, transpose: RowTable) -> Tensor:
        context.transpose = transpose
        return matrix.times(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return context.transpose.times(gradient.contiguous()), None, None
