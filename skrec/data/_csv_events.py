"""Fields of text files as labels, numbers and times."""

import re
from collections.abc import Callable
from datetime import datetime
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from skrec.data._csv_integers import is_integer
from skrec.data._text import has_length
from skrec.data._times import time_range

_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_RELATIVE = ("now", "today")  # pandas reads these as times


class Layout(NamedTuple):
    """Positions of the columns of events in a text file.

    Attributes
    ----------
    n_lines, n_records : int
        Number of lines and records before the first event.
    n_fields : int
        Number of fields of an event.
    n_most_fields : int
        Largest number of fields of the first events, including empty fields at the end.
    places : dict of str to int
        Position of each column of events in the file.
    names : dict of str to str
        Names of these columns in messages.
    integers : tuple of str
        Columns of labels that are integers in the first events.
    """

    n_lines: int
    n_records: int
    n_fields: int
    n_most_fields: int
    places: dict[str, int]
    names: dict[str, str]
    integers: tuple[str, ...]


class EventCheck:
    """Check the fields of each line. The first time decides whether times are numbers or dates."""

    def __init__(self, layout: Layout, decimal: str, timestamp_unit: str | None):
        self._layout = layout
        self._decimal = decimal
        self._first_time, self._last_time = time_range(timestamp_unit)
        self._times_are_dates: bool | None = None
        self._checks: dict[str, Callable[[str], None]] = {
            "user": self._label,
            "item": self._label,
            "rating": self._rating,
            "timestamp": self._time,
            "weight": self._weight,
            "impression": lambda text: None,
        }

    def __call__(self, fields: list[str]) -> None:
        """Raise ValueError if a line is not a valid event."""
        if not has_length(fields, self._layout.n_fields):
            raise ValueError(f"expected {self._layout.n_fields} fields, got {len(fields)}")
        for kind, place in self._layout.places.items():
            try:
                self._checks[kind](fields[place])
            except ValueError as error:
                raise ValueError(f"{self._layout.names[kind]} must be {error}, got {fields[place]!r}") from None

    def passes(self, fields: list[str]) -> bool:
        """Whether a line is a valid event."""
        try:
            self(fields)
        except ValueError:
            return False
        return True

    def _label(self, text: str) -> None:
        if not text:
            raise ValueError("a label")

    def _rating(self, text: str) -> None:
        if not abs(to_number(text, self._decimal)) <= _LARGEST:
            raise ValueError("a finite number")

    def _weight(self, text: str) -> None:
        if not 0 <= to_number(text, self._decimal) <= _LARGEST:
            raise ValueError("a finite number from 0")

    def _time(self, text: str) -> None:
        number = to_number(text, self._decimal)
        is_number = self._first_time <= number <= self._last_time and number == int(number)
        is_date = not is_number and _is_iso_time(text)
        if not (is_number or is_date):
            raise ValueError("a whole number, such as seconds since 1970, or an ISO date or time, in the years 1 to 9999")
        if self._times_are_dates is None:
            self._times_are_dates = is_date
        if self._times_are_dates != is_date:
            raise ValueError(f"{'an ISO date or time' if is_number else 'a whole number'} as in the previous lines")


def to_number(text: str, decimal: str) -> float:
    """The number in a field, or NaN."""
    if decimal != ".":
        text = text.translate({ord(decimal): ".", ord("."): decimal})
    return float(text) if _NUMBER.fullmatch(text) else nan


def to_labels(words: pd.Series, *, as_text: bool) -> pd.Categorical:
    """Labels as integers if all are written as int64 without signs or leading zeros, and as text otherwise."""
    codes, distinct = pd.factorize(words.to_numpy())
    if not as_text and all(map(is_integer, distinct)):
        distinct = distinct.astype(np.int64)
    return pd.Categorical.from_codes(codes, pd.Index(distinct, dtype=distinct.dtype))


def to_numbers(column: pd.Series) -> pd.Series:
    """Convert a column to numbers."""
    if column.dtype.kind in "iuf":
        return column
    if pd.api.types.infer_dtype(column) != "integer":  # beyond 64 bits
        raise ValueError("numbers are expected")
    return column.astype(np.float64)


def to_times(column: pd.Series) -> pd.Series:
    """Keep a column of numbers, and parse a column of ISO dates or times. Times without a zone are UTC."""
    if column.dtype.kind in "iuf":
        return column
    if column.dtype.kind == "b" or pd.api.types.infer_dtype(column) != "string":
        raise ValueError("times must be whole numbers or ISO dates or times")
    times = pd.to_datetime(column, format="ISO8601", utc=True)
    if times.isna().any() or column.isin(_RELATIVE).any():
        raise ValueError("a time is missing")
    return times


def _is_iso_time(text: str) -> bool:
    try:
        if _ISO_TIME.fullmatch(text):
            datetime.fromisoformat(text)
        else:
            to_times(pd.Series([text], dtype=object))
    except ValueError:
        return False
    return True
