"""Exact top-k of scores, block by block, in bounded memory.

Scores are blocks (rows, columns) of numpy arrays or torch tensors, on whatever device they were computed; only the best k
leave it. A score of minus infinity means "not a candidate".
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_int
from skrec._memory import MAX_RESULT_BYTES, blocks, rows_per_block

if TYPE_CHECKING:
    import torch

_LARGEST_WIDTH = 2**16
NO_CANDIDATE = -np.inf

ScoreBlock = Callable[[slice], Any]


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows whose float32 scores fit into a block, columns being taken in blocks where they are many."""
    return blocks(n_rows, rows_per_block(4 * min(n_columns, _LARGEST_WIDTH)))


def whole_row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows that fit into a block with the float32 scores of all their columns; at least one row each."""
    return blocks(n_rows, rows_per_block(4 * n_columns))


def column_blocks(n_columns: int) -> Iterator[slice]:
    """Slices of columns, in order."""
    return blocks(n_columns, _LARGEST_WIDTH)


def check_list_length(k: Any, n_lists: int, n_candidates: int, what: str) -> None:
    """Check the length of lists, which may be longer than there are candidates as long as the padding fits into memory."""
    check_int(k, "k", at_least=1)
    if k > n_candidates and 12 * int(k) * n_lists > MAX_RESULT_BYTES:
        raise ValueError(f"k must be at most the number of {what}, {n_candidates}, for this many lists, got {k!r}")


def top_k_of_columns(
    score_block: ScoreBlock, n_rows: int, n_columns: int, k: int, *, hidden: sp.csr_array | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k best columns of each row.

    Parameters
    ----------
    score_block : callable
        Maps a slice of columns to their scores (n_rows, width), a fresh array or tensor that may be written to.
    n_rows, n_columns, k : int
    hidden : CSR of shape (n_rows, n_columns), optional
        Stored entries are no candidates.

    Returns
    -------
    columns : int64 array of shape (n_rows, k)
        Best first, equal scores by column, -1 where a row has fewer than k candidates.
    scores : float32 array of shape (n_rows, k)
        NaN beside -1.
    """
    best = None
    for columns in column_blocks(n_columns):
        scores = as_tensor(score_block(columns))
        if hidden is not None:
            hide(scores, hidden, columns)
        found = _top_k(scores, min(k, scores.shape[1]))
        found = (found[0] + columns.start, found[1])
        best = found if best is None else _merge(best, found, k)
    return _padded(*best, k) if best else (np.full((n_rows, k), -1), np.full((n_rows, k), np.nan, np.float32))


def hide(scores: "torch.Tensor", hidden: sp.csr_array, columns: slice) -> None:
    """Write minus infinity over the stored entries of ``hidden`` that lie in a block of columns."""
    rows = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    inside = (hidden.indices >= columns.start) & (hidden.indices < columns.stop)
    scores[rows[inside], hidden.indices[inside].astype(np.int64) - columns.start] = NO_CANDIDATE


def as_tensor(scores: Any) -> "torch.Tensor":
    """A float tensor, sharing memory with a numpy array."""
    import torch

    return torch.as_tensor(scores)


def as_array(scores: Any) -> NDArray[np.float32]:
    """A float32 array, from whatever device."""
    return as_tensor(scores).float().cpu().numpy()


def _top_k(scores: "torch.Tensor", k: int) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Positions and values of each row's k best, equal values by position."""
    values, positions = scores.topk(k, dim=1, sorted=False)
    if values.isnan().any():  # which torch takes for the largest numbers
        raise ValueError("the model's scores must be numbers, but some are NaN")
    last = values.amin(1, keepdim=True)
    # topk picks any of the entries that tie for the last places; where there are too many of them, sort the row
    tied = ((scores >= last).sum(1) > k) & (last[:, 0] > NO_CANDIDATE)
    if tied.any():
        rows = tied.nonzero()[:, 0]
        ranked, order = scores[rows].sort(dim=1, descending=True, stable=True)
        values[rows], positions[rows] = ranked[:, :k], order[:, :k]
    positions, order = positions.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return positions.gather(1, order), values


def _merge(best, found, k: int):
    """The k best of two ranked lists, the first of which holds the smaller positions."""
    import torch

    positions, values = torch.cat([best[0], found[0]], 1), torch.cat([best[1], found[1]], 1)
    values, order = values.sort(dim=1, descending=True, stable=True)
    return positions.gather(1, order)[:, :k], values[:, :k]


def _padded(positions, values, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    columns = np.full((len(positions), k), -1, dtype=np.int64)
    scores = np.full((len(positions), k), np.nan, dtype=np.float32)
    n = positions.shape[1]
    columns[:, :n], scores[:, :n] = positions.cpu().numpy(), values.float().cpu().numpy()
    nothing_left = np.isneginf(scores)
    columns[nothing_left], scores[nothing_left] = -1, np.nan
    return columns, scores
