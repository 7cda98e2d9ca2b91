"""Conversion of timestamps to hours."""

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
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds, the unit of datetimes"}
_LATEST_SECOND = 10**11  # in the year 5138; larger numbers must have another unit


@dataclass(frozen=True)
class Clock:
    """Times in hours relative to the latest event of the training data. All times are 0 without timestamps.

    Attributes
    ----------
    earliest, latest : int or None
        First and last timestamp.
    unit : {"s", "ms", "us"}
        Unit of the timestamps.
    """

    earliest: int | None
    latest: int | None
    unit: str

    @classmethod
    def of(cls, events: Interactions, unit: str) -> Self:
        """Return the clock of the training data."""
        if events.timestamps is None:
            return cls(None, None, unit)
        return cls(int(events.timestamps.min()), int(events.timestamps.max()), unit)

    def hours(self, times: NDArray[np.int64] | int) -> NDArray[np.float32]:
        """Hours after the latest event. float32 resolves minutes over years."""
        if self.latest is None:
            return np.zeros(np.shape(times), np.float32)
        return np.asarray((times - self.latest) / (3600 * TICKS_PER_SECOND[self.unit]), np.float32)

    def time(self, at: Any) -> int:
        """Convert an integer or a datetime to a timestamp.

        Raises
        ------
        ValueError
            If ``at`` is not a time, or the training data has no timestamps.
        """
        if self.latest is None:
            raise ValueError(f"at={at!r} needs a model that was fitted with timestamps, and this one was not")
        (time,) = read_times([at], n_events=1, name="at").numbers
        if not isinstance(at, datetime.date | np.datetime64):
            return int(time)
        self.check()
        return int(time) * TICKS_PER_SECOND[self.unit] // TICKS_PER_SECOND["us"]

    def check(self) -> None:
        """Check that the unit is possible.

        Raises
        ------
        ValueError
            If the timestamps are too large for their unit.
        """
        if self.latest is None or self._can_be(self.unit):
            return
        fitting = [f"they may be {words}, time_unit={unit!r}" for unit, words in _WORDS.items() if self._can_be(unit)]
        hint = fitting[0] if fitting else f"none of {', '.join(map(repr, _WORDS))} can"
        raise ValueError(f"time_unit={self.unit!r} cannot be the unit of timestamps such as {self.latest}: {hint}")

    def _can_be(self, unit: str) -> bool:
        return self.latest is not None and self.latest < _LATEST_SECOND * TICKS_PER_SECOND[unit]

    def check_half_life(self, half_life: float) -> None:
        """Warn if all ages are almost the same, which is typical of a wrong unit.

        Warns
        -----
        UserWarning
            If the time span of the events is less than a hundredth of the half-life, in hours.
        """
        span = 0.0 if self.earliest is None else -float(self.hours(self.earliest))
        if span < half_life / 100:
            warnings.warn(
                f"all events lie within {span:.3g} hours, so recency_half_life={half_life:g} hours has almost no effect. Check "
                f"whether the timestamps are in the unit time_unit={self.unit!r}",
                UserWarning,
                stacklevel=depth_of_caller(),
            )
