"""Conversion of the times of events to integers."""

import datetime
from collections import Counter
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data._arrays import as_array

UNITS = {"D": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}
"""Microseconds per unit, except for "ns", of which a microsecond has 1,000."""

_FIRST, _LAST = (np.datetime64(day, "us").astype(np.int64) for day in ("0001-01-01", "9999-12-31T23:59:59.999999"))


class Times(NamedTuple):
    """Times of events.

    Attributes
    ----------
    numbers : int64 array of shape (n_events,)
        The times.
    unit : {"us"} or None
        "us" for microseconds since 1970, UTC. None for integers with an unknown unit.
    """

    numbers: Any
    unit: str | None


def check_unit(unit: Any, name: str = "timestamp_unit") -> None:
    """Check that a unit is one of `UNITS` or None."""
    if unit is not None and (not isinstance(unit, str) or unit not in UNITS):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, UNITS))} or None, got {unit!r}")


def time_range(unit: str | None) -> tuple[int, int]:
    """The first and last valid time: years 1 to 9999, or any int64 if the unit is unknown."""
    if unit is None:
        return -(2**63), 2**63 - 1
    per_microsecond = 1000 if unit == "ns" else 1
    first, last = (int(bound) * per_microsecond // UNITS[unit] for bound in (_FIRST, _LAST))
    return max(first, -(2**63)), min(last, 2**63 - 1)


def read_times(times: Any, *, n_events: int, name: str, unit: str | None = None) -> Times:
    """Read one int64 per event.

    Dates and datetimes become microseconds since 1970, UTC. Those without a time zone are UTC. Integers are converted in the
    same way if ``unit`` is given, and unchanged if it is None.

    The unit of datetimes must not depend on the resolution of the column or on its rows. Otherwise training and test data would
    differ. Microseconds keep the order of events within a second, and cover all years from 1 to 9999. Finer parts are
    truncated, and equal times keep the order of the rows.
    """
    series = _as_series(times, n_events, name)
    if series.isna().any():
        raise ValueError(f"{name} must not be missing, but the one at position {int(series.isna().argmax())} is")
    if series.dtype == object:
        series = _of_objects(series, name)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert(None)
    if series.dtype.kind == "M":
        return Times(_since_1970(series, name), "us")
    numbers = _whole_numbers(series, name)
    return Times(numbers, None) if unit is None else Times(_in_microseconds(numbers, unit, name), "us")


def _as_series(times: Any, n_events: int, name: str) -> pd.Series:
    """Convert to a Series of the type that numpy or pandas has for the values. Arrow arrays and categories are converted."""
    times = getattr(times, "array", times)  # the array of pandas has the time zone
    array = times if isinstance(times, pd.api.extensions.ExtensionArray) else as_array(times, name)
    if array.dtype.kind in "US" and not hasattr(times, "dtype"):  # numpy converts [1, "a"] to strings
        array = np.array(times, dtype=object)
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one time for each of the {n_events} events, got shape {array.shape}")
    series = pd.Series(array)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if isinstance(series.dtype, pd.ArrowDtype):
        series = series.array.__arrow_array__().to_pandas()
    return series


def _of_objects(series: pd.Series, name: str) -> pd.Series:
    """Convert Python dates to datetimes, and Python numbers to numbers."""
    kinds = set(map(type, series))
    if not all(issubclass(kind, datetime.date | np.datetime64) for kind in kinds):
        return series.infer_objects()
    try:
        return pd.Series(np.array([_in_utc(time) for time in series], "datetime64[us]"))
    except OverflowError:
        raise ValueError(f"{name} must lie in the years 1 to 9999 in UTC") from None


def _in_utc(time: Any) -> Any:
    """Convert a date or datetime to UTC without a time zone."""
    if isinstance(time, pd.Timestamp):
        return time.to_datetime64() if time.tz is None else time.tz_convert(None).to_datetime64()
    if isinstance(time, datetime.datetime) and time.tzinfo is not None:
        return time.astimezone(datetime.UTC).replace(tzinfo=None)
    return time


def _since_1970(series: pd.Series, name: str) -> NDArray[np.int64]:
    try:
        numbers = series.dt.as_unit("us").to_numpy().astype(np.int64)
    except pd.errors.OutOfBoundsDatetime as error:
        raise ValueError(f"{name} must lie in the years 1 to 9999: {error}") from None
    outside = (numbers < _FIRST) | (numbers > _LAST)
    if outside.any():
        raise ValueError(f"{name} must lie in the years 1 to 9999 in UTC, got {_first(series, outside)}")
    return numbers


def _whole_numbers(series: pd.Series, name: str) -> NDArray[np.int64]:
    kind = series.dtype.kind
    if kind not in "iuf" or isinstance(series.dtype, pd.PeriodDtype):
        raise ValueError(f"{name} must be whole numbers or datetimes, got {_describe_invalid(series.tolist())}")
    numbers = series.to_numpy(np.dtype(f"{kind}8"))
    whole = numbers <= np.iinfo(np.int64).max
    if kind == "f":
        n_digits = np.finfo(np.dtype(f"f{series.dtype.itemsize}")).nmant + 1
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**n_digits)
    if not whole.all():
        exact_type = "int64" if series.dtype.itemsize == 8 else f"int64, or their own type, {series.dtype},"
        raise ValueError(
            f"{name} must be datetimes, or whole numbers that {exact_type} holds exactly, got {_first(numbers, ~whole)}"
        )
    return numbers.astype(np.int64)


def _describe_invalid(times: list) -> str:
    """The first value that is neither a number nor a date, or else the first of the rarer type, with its position."""
    kinds = [_kind(time) for time in times]
    rarer = None if None in kinds else Counter(kinds).most_common()[-1][0]
    position = kinds.index(rarer)
    hint = "" if rarer is None else f", a {rarer} among others"
    if isinstance(times[position], str):
        hint = "; pd.to_datetime parses dates in text"
    return f"{times[position]!r} at position {position}{hint}"


def _kind(time: Any) -> str | None:
    if isinstance(time, datetime.date | np.datetime64):
        return "date"
    is_number = isinstance(time, Integral | float | np.floating) and not isinstance(time, bool | np.timedelta64)
    return "number" if is_number and abs(time) < 2**63 else None


def _in_microseconds(numbers: NDArray[np.int64], unit: str, name: str) -> NDArray[np.int64]:
    first, last = time_range(unit)
    outside = (numbers < first) | (numbers > last)
    if outside.any():
        raise ValueError(
            f"{name} must lie in the years 1 to 9999, but {_first(numbers, outside)} does not if its unit is {unit!r} "
            "(timestamp_unit)"
        )
    return numbers // 1000 if unit == "ns" else numbers * UNITS[unit]


def _first(times: NDArray | pd.Series, wanted: NDArray[np.bool_]) -> str:
    position = int(np.argmax(wanted))
    return f"{times[position]} at position {position}"
