"""Timestamps as hours."""

import datetime
import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.data._times import read_times

TICKS_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000}
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds, as which datetimes are kept"}
_LATEST_SECOND = 10**11  # in the year 5138; larger numbers are of another unit


@dataclass(frozen=True)
class Clock:
    """Counts hours from the latest event of the training data; without timestamps it stands still.

    Attributes
    ----------
    earliest, latest : int or None
        The first and the last timestamp.
    unit : {"s", "ms", "us"}
        Of the timestamps.
    """

    earliest: int | None
    latest: int | None
    unit: str

    @classmethod
    def of(cls, events: Interactions, unit: str) -> Self:
        """The clock of some training data."""
        if events.timestamps is None:
            return cls(None, None, unit)
        return cls(int(events.timestamps.min()), int(events.timestamps.max()), unit)

    def hours(self, times: NDArray[np.int64] | int) -> NDArray[np.float32]:
        """Hours after the end; float32 tells minutes apart over years."""
        if self.latest is None:
            return np.zeros(np.shape(times), np.float32)
        return np.asarray((times - self.latest) / (3600 * TICKS_PER_SECOND[self.unit]), np.float32)

    def time(self, at: Any) -> int:
        """A moment, a whole number or a datetime, as a timestamp.

        Raises
        ------
        ValueError
            If it is no time, or the training data has none.
        """
        if self.latest is None:
            raise ValueError(f"at={at!r} needs a model that was fitted with timestamps, and this one was not")
        (time,) = read_times([at], n_events=1, name="at").numbers
        if not isinstance(at, datetime.date | np.datetime64):
            return int(time)
        self.check()
        return int(time) * TICKS_PER_SECOND[self.unit] // TICKS_PER_SECOND["us"]

    def check(self) -> None:
        """Refuse a unit that cannot be.

        Raises
        ------
        ValueError
            If the timestamps are too large.
        """
        if self.latest is None or self._can_be(self.unit):
            return
        fitting = [f"they may be {words}, time_unit={unit!r}" for unit, words in _WORDS.items() if self._can_be(unit)]
        hint = fitting[0] if fitting else f"none of {', '.join(map(repr, _WORDS))} can"
        raise ValueError(f"time_unit={self.unit!r} cannot be the unit of timestamps such as {self.latest}: {hint}")

    def _can_be(self, unit: str) -> bool:
        return self.latest is not None and self.latest < _LATEST_SECOND * TICKS_PER_SECOND[unit]

    def check_half_life(self, half_life: float) -> None:
        """Warn where ages hardly differ, as they do if the timestamps are of a larger unit.

        Warns
        -----
        UserWarning
            If all events lie within a hundredth of the half-life, in hours.
        """
        span = 0.0 if self.earliest is None else -float(self.hours(self.earliest))
        if span < half_life / 100:
            warnings.warn(
                f"all events lie within {span:.3g} hours, in which an article of recency_half_life={half_life:g} hours hardly "
                f"ages: are the timestamps in another unit than time_unit={self.unit!r}?",
                UserWarning,
                stacklevel=depth_of_caller(),
            )
