"""What a user passes in, checked and taken apart into plain arrays. Nothing here changes its input."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray


class Entries(NamedTuple):
    """The stored entries of a users x items matrix, rows in order and columns ascending within a row."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    shape: tuple[int, int]


def read_matrix(X: Any, *, name: str) -> Entries:
    """Entries of any scipy sparse format or dense 2-D array: explicit zeros of a sparse matrix stay."""
    return _read_sparse(X, name) if sp.issparse(X) else _read_dense(X, name)


def _read_sparse(X, name: str) -> Entries:
    _check_shape(X, name)
    if X.dtype.kind not in "biuf":
        raise ValueError(_wrong_dtype(name, X.dtype))
    if X.format in ("csr", "csc"):
        X = _checked_compressed(X, name)
    coo = X.tocoo(copy=False)
    rows, columns = coo.row.astype(np.int64), coo.col.astype(np.int64)
    for axis, codes, size in ((0, rows, X.shape[0]), (1, columns, X.shape[1])):
        if len(codes) and (codes.min() < 0 or codes.max() >= size):
            raise ValueError(f"{name} has an index outside its axis {axis}, which has {size} entries")
    values = _finite(coo.data, name)
    if X.format in ("bsr", "dia"):  # zeros there only fill blocks and diagonals
        stored = coo.data != 0
        rows, columns, values = rows[stored], columns[stored], values[stored]
    if not _is_row_major(rows, columns):
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
    return Entries(rows, columns, values, X.shape)


def _checked_compressed(X, name: str):
    """A view of a CSR or CSC matrix whose index arrays have been checked; scipy's own check would trim the original."""
    try:
        view = type(X)((X.data, X.indices, X.indptr), shape=X.shape, copy=False)
        view.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name} is not a valid {X.format.upper()} matrix of shape {X.shape}: {error}") from None
    return view


def _is_row_major(rows: NDArray, columns: NDArray) -> bool:
    later = (rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (columns[1:] >= columns[:-1]))
    return bool(later.all())


def _read_dense(X, name: str) -> Entries:
    if isinstance(X, str | bytes | dict) or X is None:
        raise TypeError(
            f"{name} must be a users x items matrix (scipy sparse or 2-D array), a DataFrame of events or Interactions, "
            f"got {type(X).__name__}"
        )
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array for {name}, got {array.ndim}D array instead. Reshape your data: one row for each user, "
            "one column for each item."
        )
    _check_shape(array, name)
    if array.dtype.kind in "iu" and array.shape[1] == 2:
        raise ValueError(
            f"{name} is an integer array of shape {array.shape}, which looks like (user, item) pairs. Pass a DataFrame "
            "with columns 'user' and 'item', or Interactions.from_arrays(users, items); a matrix of two items can be "
            "passed as scipy.sparse.csr_array"
        )
    if array.dtype.kind == "O":
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise ValueError(_wrong_dtype(name, array.dtype))
    _finite(array, name)
    rows, columns = np.nonzero(array)
    values = array[rows, columns].astype(np.float32)
    return Entries(rows.astype(np.int64), columns.astype(np.int64), values, array.shape)


def _check_shape(X, name: str) -> None:
    if len(X.shape) != 2:
        raise ValueError(f"{name} must have two dimensions, users x items, got shape {X.shape}")
    for axis, what in ((0, "sample(s)"), (1, "feature(s)")):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what} (shape={X.shape}) while a minimum of 1 is required: {name} needs at least "
                "one user and one item"
            )


def _wrong_dtype(name: str, dtype: np.dtype) -> str:
    if dtype.kind == "c":
        return f"Complex data not supported: {name} has dtype {dtype}"
    return f"{name} must hold numbers, got dtype {dtype}"


def _finite(values: NDArray, name: str) -> NDArray[np.float32]:
    """Values as float32, all of them finite in that type."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        what = "NaN" if np.isnan(numbers).any() else "infinity or a value too large for float32"
        raise ValueError(f"Input {name} contains {what}; leave out what was not observed, and pass finite values")
    return numbers


COLUMNS = {"rating": ("rating", "value"), "timestamp": ("timestamp",), "weight": ("weight",), "impression": ("impression",)}


class Columns(NamedTuple):
    """The columns of a frame of events, labels untouched."""

    users: NDArray
    items: NDArray
    values: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None
    impressions: NDArray[np.int64] | None


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame or table with named columns (pandas, polars, pyarrow)."""
    return isinstance(X, pd.DataFrame) or (hasattr(X, "columns") and hasattr(X, "schema"))


def read_frame(
    frame: Any,
    *,
    name: str,
    user: str = "user",
    item: str = "item",
    rating: str | None = None,
    timestamp: str | None = None,
    weight: str | None = None,
    impression: str | None = None,
) -> Columns:
    """The columns of events in a frame; those not named are found by the words of ``COLUMNS``."""
    present = [str(column) for column in getattr(frame, "column_names", frame.columns)]
    if not {user, item} <= set(present):
        raise ValueError(
            f"{name} is a DataFrame without the columns {user!r} and {item!r}; it has {present[:8]}. A DataFrame is a "
            "table of events, one row for each: rename its columns, or use Interactions.from_frame(df, user=..., "
            "item=...). A users x items table is a matrix: pass df.to_numpy()"
        )

    def column(kind: str, given: str | None):
        if given is not None and given not in present:
            raise ValueError(f"{name} has no column {given!r} ({kind}); it has {present[:8]}")
        found = given or next((word for word in COLUMNS[kind] if word in present), None)
        return None if found is None else _column(frame, found, name)

    users, items = _column(frame, user, name), _column(frame, item, name)
    if len(users) == 0:
        raise ValueError(f"Found array with 0 sample(s): {name} is a DataFrame without rows, at least one is required")
    values, times = column("rating", rating), column("timestamp", timestamp)
    weights, groups = column("weight", weight), column("impression", impression)
    return Columns(
        users,
        items,
        None if values is None else read_values(values, n_events=len(users), name=f"{name}'s ratings"),
        None if times is None else read_timestamps(times, name=f"{name}'s timestamps"),
        None if weights is None else read_weights(weights, n_events=len(users), name=f"{name}'s weights"),
        None if groups is None else pd.factorize(groups)[0].astype(np.int64),
    )


def _column(frame, column: str, name: str):
    values = frame[column]
    if isinstance(values, pd.DataFrame):
        raise ValueError(f"{name} has more than one column {column!r}")
    return values.array if isinstance(values, pd.Series) else values.to_numpy()


def read_values(values: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite float32 for each event."""
    if sp.issparse(values):
        raise TypeError(f"{name} must be a 1-D array of numbers, got a sparse matrix")
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one number for each of the {n_events} events, got shape {array.shape}")
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be numbers, got {array[:3].tolist()}, ...") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(_wrong_dtype(name, array.dtype))
    return _finite(array, name)


def read_weights(weights: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite, non-negative float32 for each event."""
    array = read_values(weights, n_events=n_events, name=name)
    if array.min(initial=0) < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array


def read_timestamps(times: Any, *, name: str) -> NDArray[np.int64]:
    """Times as int64: integers as they are, dates and datetimes as Unix seconds (UTC)."""
    series = pd.Series(times)
    if series.isna().any():
        raise ValueError(f"{name} must not be missing, but the one at position {int(series.isna().argmax())} is")
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if series.dtype.kind == "M":
        return series.to_numpy().astype("datetime64[s]").astype(np.int64)
    numbers = series.to_numpy()
    if numbers.dtype.kind == "f" and np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all():
        if np.abs(numbers).max(initial=0) < 2**53:
            return numbers.astype(np.int64)
    if numbers.dtype.kind not in "iu" or (numbers.dtype.kind == "u" and numbers.max(initial=0) >= 2**63):
        raise ValueError(f"{name} must be whole numbers or datetimes, got dtype {series.dtype}")
    return numbers.astype(np.int64)
