"""Tables of events, checked and taken apart into plain arrays. Nothing here changes its input."""

import warnings
from collections.abc import Callable, Collection
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
"""What the columns of events are called where no names are given, the first words first."""

_COUNTS = {"plays", "count"}


class Columns(NamedTuple):
    """The columns of a frame of events."""

    users: NDArray | pd.Categorical
    items: NDArray | pd.Categorical
    values: NDArray[np.float32] | None
    timestamps: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None
    impressions: NDArray[np.int64] | None
    timestamp_unit: str | None = None
    impression_ids: NDArray | None = None


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
    timestamp_unit: str | None = None,
) -> Columns:
    """The columns of events in a frame; those not named are found by the words of ``COLUMNS``."""
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
    """The column that is called by one of the words of ``COLUMNS``, or None; ``table`` is for messages.

    Raises
    ------
    ValueError
        If there are several counts, of which none is more likely than another.
    """
    found = [word for word in COLUMNS[kind] if word in names]
    if len(found) > 1 and found[0] in _COUNTS:
        raise ValueError(f"{table} has the columns {found}, each of which may be the values: pass rating={found[0]!r}, say")
    return found[0] if found else None


def warn_about_unused_columns(columns: list, table: str) -> None:
    """Warn of columns of numbers in a table that has no values."""
    if columns:
        warnings.warn(
            f"{table} has no column {' or '.join(map(repr, COLUMNS['rating']))}, so each event has the value 1. The columns of "
            f"numbers {columns} are not used: to use one, pass rating=... to Interactions.from_frame or from_csv, or rename it",
            UserWarning,
            stacklevel=depth_of_caller(),
        )


def unused_numbers(frame: Any, *used: Any) -> list:
    """The columns of numbers in a table of events, without those named and those called by the words of ``COLUMNS``."""
    known = {*used, *chain(*COLUMNS.values())}
    names = [name for name in column_names(frame, "the table") if name not in known]
    return [name for name in names if np.asarray(frame[name]).dtype.kind in "biuf"]


def column_names(frame: Any, name: str) -> list:
    """What the columns of a table in memory are called."""
    if not is_frame(frame):
        raise TypeError(f"{name} must be a DataFrame or Table (pandas, polars, pyarrow), got {type(frame).__name__}")
    if not hasattr(type(frame), "__len__"):
        raise TypeError(f"{name} is a {type(frame).__name__}, whose rows are not in memory yet: collect it first")
    return list(frame.column_names if hasattr(type(frame), "column_names") else frame.columns)


def only_columns(frame: Any, kinds: Collection[str], *, name: str) -> Any:
    """The users and items of a table of events, and the columns of some kinds, such as "timestamp"."""
    present = column_names(frame, name)
    wanted = {"user", "item", *(word for kind in kinds for word in COLUMNS[kind])}
    kept = [column for column in present if column in wanted]
    if not {"user", "item"} <= set(kept) or len(kept) == len(present):
        return frame  # which is refused with the names of all its columns, or needs no change
    return frame.select(kept) if hasattr(type(frame), "select") else frame.loc[:, [column in wanted for column in present]]


def _read_labels(labels: Any, *, name: str) -> NDArray | pd.Categorical:
    """Labels, none of them missing; pandas' categories are kept, so that each label is looked at once."""
    array = getattr(labels, "array", None)
    if not isinstance(array, pd.Categorical) or (array.codes < 0).any():
        return as_labels(labels, name=name)
    as_labels(array.categories, name=name)
    return array


def _read_groups(labels: Any, *, name: str) -> tuple[NDArray[np.int64], NDArray]:
    """A number from 0 for each label, -1 for a missing one, and the labels by their numbers.

    -1 stands for a missing label too, as a number and as text.
    """
    array, as_list = as_array(labels, name), getattr(labels, "to_pylist", getattr(labels, "to_list", None))
    if array.dtype.kind == "f" and as_list is not None:  # integers among gaps, which floats may not hold
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
