"""What a user passes in, checked and taken apart into plain arrays. Nothing here changes its input."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.data._encoding import as_labels


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
    coo = _as_coo(X, name)
    rows, columns = coo.row.astype(np.int64), coo.col.astype(np.int64)
    for axis, codes, size in ((0, rows, X.shape[0]), (1, columns, X.shape[1])):
        outside = (codes < 0) | (codes >= size)
        if outside.any():
            raise ValueError(f"{name} has index {codes[outside][0]} on axis {axis}, outside 0..{size - 1}")
    values = _finite(coo.data, name)
    if X.format in ("bsr", "dia"):  # zeros there only fill blocks and diagonals
        stored = coo.data != 0
        rows, columns, values = rows[stored], columns[stored], values[stored]
    if not _is_row_major(rows, columns):
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
    return Entries(rows, columns, values, X.shape)


def _as_coo(X, name: str):
    """A sparse matrix by coordinates, duplicates kept, after its index arrays have been checked."""
    try:
        if X.format in ("csr", "csc"):
            if X.indices.dtype.kind not in "iu":
                raise ValueError(f"indices must be integers, got dtype {X.indices.dtype}")
            with np.errstate(over="ignore"):  # _finite finds what overflows
                data = X.data.astype(np.float32, copy=False)
            X = type(X)((data, X.indices, X.indptr), shape=X.shape, copy=False)  # the check would trim the original
            X.check_format(full_check=True)
            X = X.tocsr()
        return X.tocoo(copy=False)
    except (IndexError, ValueError) as error:
        raise ValueError(f"{name} is not a valid {X.format.upper()} matrix of shape {X.shape}: {error}") from None


def _is_row_major(rows: NDArray, columns: NDArray) -> bool:
    later = (rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (columns[1:] >= columns[:-1]))
    return bool(later.all())


def _read_dense(X, name: str) -> Entries:
    array = as_array(X, name)
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
    if array.dtype.kind in "iu" and array.shape[1] == 2:
        raise ValueError(
            f"{name} is an integer array of shape {array.shape}, which looks like (user, item) pairs. Pass a DataFrame "
            "with columns 'user' and 'item', or Interactions.from_arrays(users, items); a matrix of two items can be "
            "passed as scipy.sparse.csr_array"
        )
    numbers = _finite(as_numbers(array, name), name)
    rows, columns = np.nonzero(array)
    return Entries(rows.astype(np.int64), columns.astype(np.int64), numbers[rows, columns], array.shape)


def as_array(values: Any, name: str) -> NDArray:
    """What numpy makes of it, unless that would lose something."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} is a masked array with masked entries; leave out what was not observed")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from None


def as_numbers(array: NDArray, name: str) -> NDArray:
    """Real numbers, taken out of objects where need be."""
    if array.dtype.kind == "O":
        words = [entry for entry in array.flat if isinstance(entry, str | bytes)]
        if words:
            raise ValueError(f"{name} must hold numbers, got {words[0]!r}")
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must hold numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(_wrong_dtype(name, array.dtype))
    return array


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
        raise ValueError(f"{name} must hold finite numbers, got {what}; leave out what was not observed")
    return numbers


COLUMNS = {"rating": ("rating", "value"), "timestamp": ("timestamp",), "weight": ("weight",), "impression": ("impression",)}


class Columns(NamedTuple):
    """The columns of a frame of events."""

    users: NDArray
    items: NDArray
    values: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None
    impressions: NDArray[np.int64] | None


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame or table with named columns (pandas, polars, pyarrow)."""
    return hasattr(type(X), "columns")


def has_values(X: Any) -> bool:
    """Whether X says what its events are worth: a table may have no column for it, all else has values."""
    return not is_frame(X) or any(word in column_names(X, "X") for word in COLUMNS["rating"])


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
    present = column_names(frame, name)
    if user not in present or item not in present:
        raise ValueError(
            f"{name} is a DataFrame without the columns {user!r} and {item!r}; it has {present[:8]}. A DataFrame is a "
            "table of events, one row for each: rename its columns, or use Interactions.from_frame(df, user=..., "
            "item=...). A users x items table is a matrix: pass df.to_numpy()"
        )
    n = len(frame)
    if n == 0:
        raise ValueError(f"Found array with 0 sample(s): {name} is a DataFrame without rows, at least one is required")

    def column(kind: str, given: str | None) -> str | None:
        if given is not None and given not in present:
            raise ValueError(f"{name} has no column {given!r} ({kind}); it has {present[:8]}")
        return next((word for word in COLUMNS[kind] if word in present), None) if given is None else given

    def read(reader: Callable[..., NDArray], column: str | None, **options: Any) -> Any:
        if column is None:
            return None
        if present.count(column) > 1:
            raise ValueError(f"{name} has more than one column {column!r}")
        return reader(frame[column], name=f"column {column!r} of {name}", **options)

    return Columns(
        users=read(as_labels, user),
        items=read(as_labels, item),
        values=read(read_values, column("rating", rating), n_events=n),
        timestamps=read(read_timestamps, column("timestamp", timestamp), n_events=n),
        weights=read(read_weights, column("weight", weight), n_events=n),
        impressions=read(_group_numbers, column("impression", impression)),
    )


def column_names(frame: Any, name: str) -> list:
    """What the columns of a table in memory are called."""
    if not is_frame(frame):
        raise TypeError(f"{name} must be a DataFrame or Table (pandas, polars, pyarrow), got {type(frame).__name__}")
    if not hasattr(type(frame), "__len__"):
        raise TypeError(f"{name} is a {type(frame).__name__}, whose rows are not in memory yet: collect it first")
    return list(getattr(frame, "column_names", frame.columns))


def _group_numbers(labels: Any, *, name: str) -> NDArray[np.int64]:
    return pd.factorize(as_labels(labels, name=name))[0].astype(np.int64)


def read_codes(codes: ArrayLike, *, name: str) -> NDArray[np.int64]:
    """Whole numbers from 0."""
    array = as_array(codes, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integer codes, got dtype {array.dtype}; labels go through Interactions.from_frame")
    if array.size and (array.min() < 0 or array.max() >= 2**63):
        raise ValueError(f"{name} must be codes from 0, got {array.min() if array.min() < 0 else array.max()}")
    return array.astype(np.int64)


def read_frame_size(axis: str, codes: NDArray[np.int64], size: int | None, ids: NDArray | None) -> int:
    """How many users or items there are: as given, as there are labels, or as the codes need."""
    largest = int(codes.max(initial=-1))
    if size is None:
        size = largest + 1 if ids is None else len(ids)
    if isinstance(size, bool) or not isinstance(size, Integral):
        raise TypeError(f"n_{axis} must be an integer of at least 0, got {size!r}")
    if size < 0:
        raise ValueError(f"n_{axis} must be an integer of at least 0, got {size}")
    if ids is not None and len(ids) != size:
        raise ValueError(f"n_{axis} is {size} but there are {len(ids)} labels")
    if largest >= size:
        raise ValueError(f"{axis} has code {largest}, outside the frame of {size}")
    return int(size)


def read_values(values: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite float32 for each event."""
    if sp.issparse(values):
        raise TypeError(f"{name} must be a 1-D array of numbers, got a sparse matrix")
    array = as_array(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one number for each of the {n_events} events, got shape {array.shape}")
    return _finite(as_numbers(array, name), name)


def read_weights(weights: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite, non-negative float32 for each event."""
    array = read_values(weights, n_events=n_events, name=name)
    if array.min(initial=0) < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array


def read_timestamps(times: Any, *, n_events: int, name: str) -> NDArray[np.int64]:
    """One int64 for each event: whole numbers as they are, dates and datetimes as microseconds since 1970 (UTC).

    The unit of a datetime must not depend on the column's resolution or on which rows it has, or training and test data
    would differ; microseconds keep the order of events within a second, and hold every year from 1 to 9999. What is finer
    is cut off, and the order of rows decides between equal times.
    """
    times = getattr(times, "array", times)  # pandas' own array knows the time zone
    array = times if isinstance(times, pd.api.extensions.ExtensionArray) else as_array(times, name)
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one time for each of the {n_events} events, got shape {array.shape}")
    series = pd.Series(array)
    if series.isna().any():
        raise ValueError(f"{name} must not be missing, but the one at position {int(series.isna().argmax())} is")
    if series.dtype == object:
        is_time = pd.api.types.infer_dtype(series) in ("date", "datetime")
        series = pd.to_datetime(series, utc=True) if is_time else series.infer_objects()
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert(None)
    if series.dtype.kind == "M":
        return series.dt.as_unit("us").to_numpy().astype(np.int64)
    return _whole_numbers(series.to_numpy(), name)


def _whole_numbers(numbers: NDArray, name: str) -> NDArray[np.int64]:
    if numbers.dtype.kind == "f":
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    elif numbers.dtype.kind in "iu":
        whole = numbers <= np.iinfo(np.int64).max
    else:
        raise ValueError(f"{name} must be whole numbers or datetimes, got {numbers[0]!r}; pd.to_datetime reads dates in words")
    if not whole.all():
        raise ValueError(f"{name} must be datetimes, or whole numbers that int64 holds exactly, got {numbers[~whole][0]}")
    return numbers.astype(np.int64)
