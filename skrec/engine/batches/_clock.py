"""Times, counted from the latest event of the training data."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.data._dates import format_time, time_in_unit


@dataclass(frozen=True)
class Clock:
    """Counts time from the latest event of the training data, in the unit of the timestamps.

    Attributes
    ----------
    earliest, latest : int or None
        The first and the last timestamp. If None, there are no timestamps, and all times are 0.
    unit : {"us"} or None
        The ``timestamp_unit`` of the training data.
    """

    earliest: int | None
    latest: int | None
    unit: str | None

    @classmethod
    def of(cls, events: Interactions) -> Self:
        """The clock of some training data."""
        if events.timestamps is None:
            return cls(None, None, None)
        return cls(int(events.timestamps.min()), int(events.timestamps.max()), events.timestamp_unit)

    def since_end(self, times: NDArray[np.int64] | int) -> NDArray[np.float32]:
        """The time from the latest event to some timestamps. It is negative for earlier ones."""
        if self.latest is None:
            return np.zeros(np.shape(times), np.float32)
        return np.asarray(times - self.latest, np.float32)

    def timestamp(self, at: Any) -> int:
        """A date, a datetime or a whole number as a timestamp.

        Raises
        ------
        TypeError, ValueError
            If it is no time, if it is a date and the unit of the timestamps is unknown, or if there are no timestamps.
        """
        if self.latest is None:
            raise ValueError(f"at={at!r} needs a model that was fitted with timestamps, and this one was not")
        return time_in_unit(self.unit, at, "at")

    def warn_of_unlikely_half_life(self, length: float, name: str) -> None:
        """Warn if the age of items makes hardly any difference, as happens if a half-life is in another unit.

        Parameters
        ----------
        length : float
            The half-life, in the unit of the timestamps.
        name : str
            The name of the parameter.

        Warns
        -----
        UserWarning
            If the time from the first event to the last one is below a hundredth or above a million times the half-life.
        """
        if self.earliest is None or self.latest is None:
            return
        span = self.latest - self.earliest
        if length / 100 <= span <= length * 1e6:
            return
        first, last = format_time(self.earliest, self.unit), format_time(self.latest, self.unit)
        warnings.warn(
            f"{name} is {length:g} in the unit of the timestamps, and the time from the first event of X, {first}, to the last "
            f"one, {last}, is {span:g}, so the age of items makes hardly any difference. Check the unit of {name}",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
