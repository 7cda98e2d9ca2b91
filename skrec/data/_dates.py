"""Times and durations passed by a user, as numbers in the unit of the timestamps."""

import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from skrec._checks import is_int
from skrec.data._times import read_times

_UNIT_NEEDED = (
    "the unit of the timestamps is unknown. Pass a whole number in their unit, or set their unit, as in "
    "Interactions.from_frame(df, timestamp_unit='s')"
)
TIMEDELTA_TYPES = str, datetime.timedelta, np.timedelta64
"""The types of durations that are not numbers. `pandas.Timedelta` is a subclass of one of them."""


def check_time(time: Any, name: str) -> int | datetime.date | np.datetime64:
    """Check a time: an integer, a date, a datetime, or text with a date or time.

    Raises
    ------
    TypeError, ValueError
        If it is of another type, missing, or text that cannot be parsed.
    """
    if is_int(time):
        return int(time)
    try:
        time = pd.Timestamp(time) if isinstance(time, str) else time
    except ValueError:
        raise ValueError(f"{name} must be a date such as '2026-01-31', a datetime or a whole number, got {time!r}") from None
    if not isinstance(time, datetime.date | np.datetime64):
        raise TypeError(f"{name} must be a date, a datetime or a whole number, got {time!r}")
    if pd.isna(time):
        raise ValueError(f"{name} must not be missing, got {time!r}")
    return time


def time_in_unit(unit: str | None, time: Any, name: str) -> int:
    """Convert a time to a number in the unit of the timestamps of `Interactions`.

    Raises
    ------
    ValueError
        If it is a date and the unit is unknown.
    """
    time = check_time(time, name)
    if isinstance(time, int):
        return time
    if unit is None:
        raise ValueError(f"{name} is a date, {time!s}, but {_UNIT_NEEDED}")
    return int(read_times([time], n_events=1, name=name).numbers[0])


def read_time_points(given: Any, name: str) -> list[int | datetime.date | np.datetime64]:
    """Read one time, or a list or array of times, as in `check_time`."""
    several = isinstance(given, list | tuple | pd.Index | pd.Series) or (isinstance(given, np.ndarray) and given.ndim > 0)
    times = [check_time(time, name) for time in (given if several else [given])]
    if not times:
        raise ValueError(f"{name} must hold at least one time, got {given!r}")
    return times


def ascending_times(given: Any, unit: str | None, name: str) -> list[int]:
    """Convert times to numbers in a unit. Raise ValueError if they are not strictly ascending."""
    times = [time_in_unit(unit, time, name) for time in read_time_points(given, name)]
    if any(time >= later for time, later in pairwise(times)):
        raise ValueError(f"{name} must be strictly ascending, got {given!r}")
    return times


def check_duration(duration: Any, name: str) -> int | pd.Timedelta | None:
    """Check a duration: a positive integer, a timedelta, or text such as "30D". None is returned unchanged.

    Raises
    ------
    TypeError, ValueError
        If it is of another type, not positive, or text that cannot be parsed.
    """
    if duration is None:
        return None
    if is_int(duration):
        read: Any = int(duration)
    elif isinstance(duration, TIMEDELTA_TYPES):
        read = read_timedelta(duration)
    else:
        raise TypeError(f"{name} must be a timedelta, a text such as '30D' or a whole number, got {duration!r}")
    if pd.isna(read) or read <= type(read)(0):
        raise ValueError(f"{name} must be a positive timedelta, text such as '30D' or whole number, got {duration!r}")
    return read


def duration_in_unit(unit: str | None, duration: Any, name: str) -> int | None:
    """Convert a duration to a number in the unit of the timestamps. None is returned unchanged.

    Raises
    ------
    ValueError
        If it is a timedelta and the unit is unknown.
    """
    duration = check_duration(duration, name)
    if duration is None or isinstance(duration, int):
        return duration
    return max(1, int(timedelta_in(unit, duration, name)))


def read_timedelta(duration: str | datetime.timedelta | np.timedelta64) -> Any:
    """Convert a duration to `pandas.Timedelta`. NaT for text that is no duration with a unit, and for too long durations."""
    if isinstance(duration, str) and not duration.strip(" +-.0123456789"):  # pandas takes "30" for nanoseconds
        return pd.NaT
    try:
        return pd.Timedelta(duration)
    except (ValueError, OverflowError):
        return pd.NaT


def timedelta_in(unit: str | None, duration: pd.Timedelta, name: str) -> float:
    """Convert a timedelta to a number in the unit of some timestamps.

    Raises
    ------
    ValueError
        If the unit is unknown.
    """
    if unit is None:
        raise ValueError(f"{name} is a timedelta, {duration!s}, but {_UNIT_NEEDED}")
    return duration / pd.Timedelta(1, "us")


def format_time(time: int, unit: str | None) -> str:
    """Format a timestamp as a date and time if the unit is known, and as a number otherwise."""
    return str(int(time)) if unit is None else str(np.datetime64(int(time), "us"))
