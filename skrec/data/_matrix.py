"""Conversion of users x items matrices to entries. Inputs are never modified."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data._arrays import as_array, as_numbers, finite, wrong_dtype
from skrec.data._lookalikes import refuse_events, refuse_records
from skrec.data._pairs import Codes, index_dtype, order_by_pair


class Entries(NamedTuple):
    """The stored entries of a users x items matrix, sorted by row and column."""

    rows: Codes
    columns: Codes
    values: NDArray[np.float32]
    shape: tuple[int, int]


def read_matrix(X: Any, *, name: str) -> Entries:
    """Read a scipy sparse matrix of any format or a dense 2-D array. Explicit zeros of a sparse matrix are kept."""
    return _read_sparse(X, name) if sp.issparse(X) else _read_dense(X, name)


def _read_sparse(X, name: str) -> Entries:
    _check_shape(X, name)
    if X.dtype.kind not in "biuf":
        raise ValueError(wrong_dtype(name, X.dtype))
    coo = _as_coo(X, name)
    for axis, indices, size in ((0, coo.row, X.shape[0]), (1, coo.col, X.shape[1])):
        for index in (indices.min(initial=0), indices.max(initial=0)):
            if not 0 <= index < size:
                raise ValueError(f"{name} has index {index} on axis {axis}, outside 0..{size - 1}")
    codes = index_dtype(*X.shape)
    rows, columns = coo.row.astype(codes), coo.col.astype(codes)
    values = finite(coo.data, name)
    if X.format in ("bsr", "dia"):  # zeros in these formats are padding
        stored = coo.data != 0
        rows, columns, values = rows[stored], columns[stored], values[stored]
    order, columns, indptr = order_by_pair(rows, columns, X.shape)
    if not isinstance(order, slice):
        rows, values = np.repeat(np.arange(X.shape[0], dtype=codes), np.diff(indptr)), values[order]
    return Entries(rows, columns.astype(codes, copy=False), values, X.shape)


def _as_coo(X, name: str):
    """Convert to COO with duplicates after checks of the index arrays."""
    try:
        if X.format in ("csr", "csc"):
            if X.indices.dtype.kind not in "iu":
                raise ValueError(f"indices must be integers, got dtype {X.indices.dtype}")
            with np.errstate(over="ignore"):  # `finite` reports overflow
                data = X.data.astype(np.float32, copy=False)
            X = type(X)((data, X.indices, X.indptr), shape=X.shape, copy=False)  # check_format would modify the original
            X.check_format(full_check=True)
            X = X.tocsr()
        return X.tocoo(copy=False)
    except (IndexError, ValueError) as error:
        raise ValueError(f"{name} is not a valid {X.format.upper()} matrix of shape {X.shape}: {error}") from None


def _read_dense(X, name: str) -> Entries:
    array = as_array(X, name)
    refuse_records(X, array, name)
    if array.ndim == 0:
        raise TypeError(
            f"{name} must be a users x items matrix (scipy sparse or 2-D array), a DataFrame of events or Interactions, "
            f"got {type(X).__name__}"
        )
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array for {name}, got {array.ndim}D array instead. Reshape your data: one row for each user, "
            "one column for each item."
        )
    _check_shape(array, name)
    array = as_numbers(array, name)
    refuse_events(array, name)
    numbers = finite(array, name)
    rows, columns = np.nonzero(array)
    codes = index_dtype(*array.shape)
    return Entries(rows.astype(codes), columns.astype(codes), numbers[rows, columns], array.shape)


def _check_shape(X, name: str) -> None:
    if len(X.shape) != 2:
        raise ValueError(f"{name} must have two dimensions, users x items, got shape {X.shape}")
    for axis, what in ((0, "sample(s)"), (1, "feature(s)")):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what} (shape={X.shape}) while a minimum of 1 is required: {name} needs at least "
                "one user and one item"
            )
