"""Timestamps as hours."""

import datetime
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._reading import read_timestamps

TICKS_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000}
_LATEST_SECOND = 10**11  # in the year 5138; larger numbers are of another unit


@dataclass(frozen=True)
class Clock:
    """Counts hours from the latest event of the training data; without timestamps it stands still.

    Attributes
    ----------
    latest : int or None
        The latest timestamp.
    unit : {"s", "ms", "us"}
        Of the timestamps.
    """

    latest: int | None
    unit: str

    @classmethod
    def of(cls, events: Interactions, unit: str) -> Self:
        """The clock of some training data."""
        return cls(None if events.timestamps is None else int(events.timestamps.max()), unit)

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
        (time,) = read_timestamps([at], n_events=1, name="at")
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
        if self.latest is not None and self.latest >= _LATEST_SECOND * TICKS_PER_SECOND[self.unit]:
            raise ValueError(
                f"time_unit={self.unit!r} cannot be the unit of timestamps such as {self.latest}: datetimes are kept in "
                "microseconds, time_unit='us'"
            )
