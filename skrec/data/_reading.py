"""Conversion of tables of events to arrays. Inputs are never modified."""

import warnings
from collections.abc import Callable, Collection
from importlib.util import find_spec
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data._arrays import as_array, read_values, read_weights
from skrec.data._callers import depth_of_caller
from skrec.data._encoding import as_labels
from skrec.data._times import check_unit, read_times

COLUMNS = {
    "rating": ("rating", "value", "plays", "count"),
    "timestamp": ("timestamp",),
    "weight": ("weight",),
    "impression": ("impression",),
}
"""Default names of the columns of events, in order of preference."""

_COUNTS = {"plays", "count"}


class Columns(NamedTuple):
    """The columns of a table of events."""

    users: NDArray | pd.Categorical
    items: NDArray | pd.Categorical
    values: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None
    impressions: NDArray[np.int64] | None
    timestamp_unit: str | None = None
    impression_ids: NDArray | None = None


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame or Table with named columns (pandas, polars, pyarrow)."""
    return hasattr(type(X), "columns")


def has_values(X: Any) -> bool:
    """Whether X has values. Everything but a table without a column of values does."""
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
    timestamp_unit: str | None = None,
) -> Columns:
    """Read the columns of events of a table. Columns without a given name are found by the names in ``COLUMNS``."""
    check_unit(timestamp_unit)
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
        return find_column(kind, present, name) if given is None else given

    def read(reader: Callable[..., Any], column: str | None, **options: Any) -> Any:
        if column is None:
            return None
        if present.count(column) > 1:
            raise ValueError(f"{name} has more than one column {column!r}")
        return reader(frame[column], name=f"column {column!r} of {name}", **options)

    times = read(read_times, column("timestamp", timestamp), n_events=n, unit=timestamp_unit)
    if times is None and timestamp_unit is not None:
        raise ValueError(
            f"timestamp_unit={timestamp_unit!r} is given, but {name} has no column 'timestamp'; it has {present[:8]}"
        )
    groups = read(_read_groups, column("impression", impression))
    return Columns(
        users=read(_read_labels, user),
        items=read(_read_labels, item),
        values=read(read_values, column("rating", rating), n_events=n),
        timestamps=None if times is None else times.numbers,
        weights=read(read_weights, column("weight", weight), n_events=n),
        impressions=None if groups is None else groups[0],
        impression_ids=None if groups is None else groups[1],
        timestamp_unit=None if times is None else times.unit,
    )


def find_column(kind: str, names: list, table: str) -> str | None:
    """The column with one of the names in ``COLUMNS``, or None. ``table`` is the name of the table in messages.

    Raises
    ------
    ValueError
        If there are several columns of counts.
    """
    found = [word for word in COLUMNS[kind] if word in names]
    if len(found) > 1 and found[0] in _COUNTS:
        raise ValueError(f"{table} has the columns {found}, which may all be the values: pass one, such as rating={found[0]!r}")
    return found[0] if found else None


def warn_about_unused_columns(columns: list, table: str) -> None:
    """Warn about numeric columns that are not used in a table without values."""
    if columns:
        warnings.warn(
            f"{table} has no column {' or '.join(map(repr, COLUMNS['rating']))}, so each event has the value 1. The columns of "
            f"numbers {columns} are not used: to use one, pass rating=... to Interactions.from_frame or from_csv, or rename it",
            UserWarning,
            stacklevel=depth_of_caller(),
        )


def unused_numbers(frame: Any, *used: Any) -> list:
    """The numeric columns of a table, except the given ones and those with a name in ``COLUMNS``."""
    known = {*used, *chain(*COLUMNS.values())}
    names = [name for name in column_names(frame, "the table") if name not in known]
    return [name for name in names if np.asarray(frame[name]).dtype.kind in "biuf"]


def column_names(frame: Any, name: str) -> list:
    """The names of the columns of a table in memory."""
    if not is_frame(frame):
        raise TypeError(f"{name} must be a DataFrame or Table (pandas, polars, pyarrow), got {type(frame).__name__}")
    if not hasattr(type(frame), "__len__"):
        raise TypeError(f"{name} is a {type(frame).__name__}, whose rows are not in memory: collect it first")
    return list(frame.column_names if hasattr(type(frame), "column_names") else frame.columns)


def only_columns(frame: Any, kinds: Collection[str], *, name: str) -> Any:
    """Select the users and items of a table, and the columns of the given kinds, such as "timestamp"."""
    present = column_names(frame, name)
    wanted = {"user", "item", *(word for kind in kinds for word in COLUMNS[kind])}
    kept = [column for column in present if column in wanted]
    is_refused = not {"user", "item"} <= set(kept) or len(set(kept)) < len(kept)
    if is_refused or len(kept) == len(present):
        return frame  # read_frame reports the names of all columns
    if hasattr(type(frame), "select"):
        return frame.select(kept)
    return pd.DataFrame({column: frame[column] for column in kept})  # pandas 2 cannot slice columns of foreign byte order


def _read_labels(labels: Any, *, name: str) -> NDArray | pd.Categorical:
    """Read labels, none of them missing. Categories and text of Arrow stay as categories: each label is checked only once."""
    categories = _as_categories(labels)
    if categories is None or (categories.codes < 0).any():
        return as_labels(labels if categories is None else categories, name=name)
    as_labels(categories.categories, name=name)
    return categories


def _as_categories(labels: Any) -> pd.Categorical | None:
    """The categories of a categorical column, or of a column of text in pyarrow's or polars' memory. Otherwise None."""
    array = getattr(labels, "array", None)
    if array is None and hasattr(labels, "to_arrow") and str(labels.dtype) == "String" and find_spec("pyarrow") is not None:
        labels = labels.to_arrow()
    if array is None and hasattr(labels, "dictionary_encode"):
        if str(labels.type) in ("string", "large_string"):
            array = pd.arrays.ArrowExtensionArray(labels)
        elif str(labels.type).startswith("dictionary"):  # NumPy reads the missing labels of its chunks as labels
            array = labels.to_pandas().array
    if isinstance(array, pd.Categorical) or array is None:
        return array
    if not hasattr(array, "__arrow_array__") or array.dtype.kind not in "OU" or not pd.api.types.is_string_dtype(array.dtype):
        return None
    codes, categories = pd.factorize(array)
    return pd.Categorical.from_codes(codes.astype(np.int32, copy=False), pd.Index(categories))


def _read_groups(labels: Any, *, name: str) -> tuple[NDArray[np.int64], NDArray]:
    """A number from 0 for each label, and the distinct labels. Missing labels, -1 and "-1" get the number -1."""
    array, as_list = as_array(labels, name), getattr(labels, "to_pylist", getattr(labels, "to_list", None))
    if array.dtype.kind == "f" and as_list is not None:  # integers with missing values, which floats may not hold exactly
        array = np.fromiter(as_list(), object, len(array))
    present = np.flatnonzero(~pd.isna(array))
    groups = as_labels(array[present], name=name)
    if groups.dtype.kind in "ifO":
        present, groups = present[groups != -1], groups[groups != -1]
    if groups.dtype.kind == "O":
        present, groups = present[groups != "-1"], groups[groups != "-1"]
    numbers = np.full(len(array), -1, np.int64)
    numbers[present], ids = pd.factorize(groups)
    return numbers, ids
