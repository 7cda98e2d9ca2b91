"""A moment or a length of time that a user passes in, as a number in the unit of some timestamps."""

import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from skrec._checks import is_int
from skrec.data._times import read_times

_SAY_THE_UNIT = (
    "the timestamps are whole numbers of an unknown unit. Pass a number in their unit, or say the unit, as in "
    "Interactions.from_frame(df, timestamp_unit='s')"
)
TIMEDELTA_TYPES = str, datetime.timedelta, np.timedelta64
"""The types from which a length of time is read, if it is no number; pd.Timedelta is one of them."""


def check_moment(moment: Any, name: str) -> int | datetime.date | np.datetime64:
    """A whole number or a date or datetime, of which text is read.

    Raises
    ------
    TypeError, ValueError
        If it is something else, or text that is no date.
    """
    if is_int(moment):
        return int(moment)
    try:
        moment = pd.Timestamp(moment) if isinstance(moment, str) else moment
    except ValueError:
        raise ValueError(f"{name} must be a date such as '2026-01-31', a datetime or a whole number, got {moment!r}") from None
    if not isinstance(moment, datetime.date | np.datetime64):
        raise TypeError(f"{name} must be a date, a datetime or a whole number, got {moment!r}")
    if pd.isna(moment):
        raise ValueError(f"{name} must not be missing, got {moment!r}")
    return moment


def moment_in(unit: str | None, moment: Any, name: str) -> int:
    """A moment as a number in the unit of some timestamps; see `Interactions`.

    Raises
    ------
    ValueError
        If it is a date, and the unit is not known.
    """
    moment = check_moment(moment, name)
    if isinstance(moment, int):
        return moment
    if unit is None:
        raise ValueError(f"{name} is a date, {moment!s}, but {_SAY_THE_UNIT}")
    return int(read_times([moment], n_events=1, name=name).numbers[0])


def read_moments(given: Any, name: str) -> list[int | datetime.date | np.datetime64]:
    """One moment, or several in a list or array, each as by `check_moment`."""
    several = isinstance(given, list | tuple | pd.Index | pd.Series) or (isinstance(given, np.ndarray) and given.ndim > 0)
    moments = [check_moment(moment, name) for moment in (given if several else [given])]
    if not moments:
        raise ValueError(f"{name} must hold at least one moment, got {given!r}")
    return moments


def ascending_moments(given: Any, unit: str | None, name: str) -> list[int]:
    """Moments as numbers in the unit of some timestamps; ValueError if they are not strictly ascending."""
    moments = [moment_in(unit, moment, name) for moment in read_moments(given, name)]
    if any(moment >= later for moment, later in pairwise(moments)):
        raise ValueError(f"{name} must be in ascending order, each moment once, got {given!r}")
    return moments


def check_length(length: Any, name: str) -> int | pd.Timedelta | None:
    """A positive whole number or timedelta, of which text is read; None stays None.

    Raises
    ------
    TypeError, ValueError
        If it is something else, not positive, or text that is no length of time.
    """
    if length is None:
        return None
    if is_int(length):
        read: Any = int(length)
    elif isinstance(length, TIMEDELTA_TYPES):
        read = read_timedelta(length)
    else:
        raise TypeError(f"{name} must be a timedelta, a length such as '30D' or a whole number, got {length!r}")
    if pd.isna(read) or read <= type(read)(0):
        raise ValueError(f"{name} must be a positive timedelta, length such as '30D' or whole number, got {length!r}")
    return read


def length_in(unit: str | None, length: Any, name: str) -> int | None:
    """A length of time as a number in the unit of some timestamps; None stays None.

    Raises
    ------
    ValueError
        If it is a timedelta, and the unit is not known.
    """
    length = check_length(length, name)
    if length is None or isinstance(length, int):
        return length
    return max(1, int(timedelta_in(unit, length, name)))


def read_timedelta(length: str | datetime.timedelta | np.timedelta64) -> Any:
    """A `pandas.Timedelta`. NaT for text that is no length of time with a unit, and for what is too long for pandas."""
    if isinstance(length, str) and not length.strip(" +-.0123456789"):  # pandas takes "30" for nanoseconds
        return pd.NaT
    try:
        return pd.Timedelta(length)
    except (ValueError, OverflowError):
        return pd.NaT


def timedelta_in(unit: str | None, length: pd.Timedelta, name: str) -> float:
    """A timedelta as a number in the unit of some timestamps.

    Raises
    ------
    ValueError
        If the unit is not known.
    """
    if unit is None:
        raise ValueError(f"{name} is a timedelta, {length!s}, but {_SAY_THE_UNIT}")
    return length / pd.Timedelta(1, "us")


def in_words(time: int, unit: str | None) -> str:
    """A timestamp as people write it: a date and time if the unit is known."""
    return str(int(time)) if unit is None else str(np.datetime64(int(time), "us"))
