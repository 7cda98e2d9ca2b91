"""Scores as numpy arrays or torch tensors on any device."""

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

NO_CANDIDATE = -np.inf
"""Score of a column that must not be selected."""


def as_tensor(scores: Any) -> "torch.Tensor":
    """Convert to a tensor, which shares memory with a numpy array."""
    import torch

    return torch.as_tensor(scores)


def as_scores(scores: Any) -> Any:
    """An array or a tensor that can be modified. Read-only arrays are copied."""
    return np.require(scores, requirements="W") if isinstance(scores, np.ndarray) else as_tensor(scores)


def as_array(scores: Any) -> NDArray:
    """Convert to a float32 or float64 array, which shares memory with a tensor on the CPU if possible."""
    if not isinstance(scores, np.ndarray):
        tensor = as_tensor(scores).detach()
        scores = (tensor if tensor.element_size() >= 4 else tensor.float()).cpu().numpy()
    return scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float32)


def is_on_device(scores: Any) -> bool:
    """Whether scores are a tensor on another device than the CPU."""
    return not isinstance(scores, np.ndarray) and as_tensor(scores).device.type != "cpu"


def like(array: NDArray, scores: Any) -> Any:
    """The array as it is for scores in an array, and as a tensor on their device otherwise."""
    return array if isinstance(scores, np.ndarray) else as_tensor(array).to(scores.device)


class RowPattern(NamedTuple):
    """Stored columns of rows.

    Attributes
    ----------
    starts, ends : int64 arrays of shape (n_rows,)
        Where the columns of each row begin and end in ``columns``.
    columns : int array
        Columns, sorted in each row.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    columns: NDArray

    @classmethod
    def of(cls, matrix: sp.csr_array, rows: NDArray[np.int64] | slice = slice(None)) -> Self:
        """The stored columns of some rows of a CSR matrix, without copies of its columns if they are sorted."""
        if not matrix.has_sorted_indices:
            matrix = matrix.sorted_indices()
        starts, ends = matrix.indptr[:-1][rows], matrix.indptr[1:][rows]
        return cls(starts.astype(np.int64), ends.astype(np.int64), matrix.indices)

    @classmethod
    def empty(cls, n_rows: int) -> Self:
        """Rows without stored columns."""
        nothing = np.zeros(n_rows, np.int64)
        return cls(nothing, nothing, np.empty(0, np.int32))

    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of all entries."""
        lengths = self.ends - self.starts
        before = np.cumsum(lengths) - lengths
        places = np.repeat(self.starts - before, lengths) + np.arange(lengths.sum())
        return np.repeat(np.arange(len(lengths)), lengths), self.columns[places].astype(np.int64)


def hide(scores: Any, hidden: RowPattern, columns: slice) -> None:
    """Set the scores of the stored entries in a block of columns to minus infinity."""
    if len(hidden.starts) == 1:
        stored = hidden.columns[hidden.starts[0] : hidden.ends[0]]
        first, last = stored.searchsorted((columns.start, columns.stop))
        scores[0, like(stored[first:last].astype(np.int64) - columns.start, scores)] = NO_CANDIDATE
        return
    rows, stored = hidden.entries()
    inside = (stored >= columns.start) & (stored < columns.stop)
    scores[like(rows[inside], scores), like(stored[inside] - columns.start, scores)] = NO_CANDIDATE
