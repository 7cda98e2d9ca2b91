"""Weights of events by their age."""

import datetime

import numpy as np
import pandas as pd

from skrec._checks import check_number
from skrec.data._dates import TIMEDELTA_TYPES, read_timedelta, timedelta_in
from skrec.data._interactions import Interactions

HalfLife = float | str | datetime.timedelta | np.timedelta64
"""A number in the unit of the timestamps, or a timedelta, or text for one."""


def read_half_life(half_life: HalfLife | None, data: Interactions, name: str = "half_life") -> float | None:
    """Convert a half-life to a number in the unit of the timestamps of some events.

    Parameters
    ----------
    half_life : float, timedelta, str or None
        A number in the unit of the timestamps, a timedelta, or text such as "30 days".
    data : Interactions
        Events with timestamps.
    name : str, default="half_life"
        Name of the parameter in messages.

    Returns
    -------
    float or None
        None if ``half_life`` is None.

    Raises
    ------
    TypeError
        If it is neither a number nor a timedelta nor text.
    ValueError
        If it is not positive, if it is text that is no duration, if the events have no timestamps, or if it is a timedelta and
        the unit of the timestamps is unknown.
    """
    if half_life is None:
        return None
    length = _positive_length(half_life, name)
    if data.timestamps is None:
        raise ValueError(f"{name}={half_life!r} needs timestamps, and X has none")
    return timedelta_in(data.timestamp_unit, length, name) if isinstance(length, pd.Timedelta) else length


def _positive_length(half_life: HalfLife, name: str) -> float | pd.Timedelta:
    accepted = "a positive number, in the unit of the timestamps, a positive timedelta or text for one, such as '30 days'"
    message = f"{name} must be {accepted}, got {half_life!r}"
    if isinstance(half_life, TIMEDELTA_TYPES):
        length = read_timedelta(half_life)
        if not length > pd.Timedelta(0):  # NaT is not above it either
            raise ValueError(message)
        return length
    try:
        return check_number(half_life, name, above=0)
    except (TypeError, ValueError) as error:
        raise type(error)(message) from None


def apply_half_life(data: Interactions, half_life: HalfLife | None) -> Interactions:
    """Multiply the weights of events by ``0.5 ** (age / half_life)``.

    The age of an event is the time from it to the latest event of its user.

    Parameters
    ----------
    data : Interactions
        Events with timestamps.
    half_life : float, timedelta, str or None
        As for `read_half_life`. If None, the weights are not changed.

    Returns
    -------
    Interactions
        The events with the new weights.

    Raises
    ------
    ValueError, TypeError
        As `read_half_life`.
    """
    length = None if len(data) == 0 else read_half_life(half_life, data)
    if length is None or data.timestamps is None:
        return data
    latest = np.full(data.n_users, np.iinfo(np.int64).min)
    np.maximum.at(latest, data.users, data.timestamps)
    freshness = 0.5 ** ((latest[data.users] - data.timestamps) / length)
    return data._replace(weights=(freshness if data.weights is None else freshness * data.weights).astype(np.float32))


def weights_as_values(data: Interactions) -> Interactions:
    """Use the weights of events as their values.

    Parameters
    ----------
    data : Interactions
        Events with or without weights.

    Returns
    -------
    Interactions
        The events without weights. If there are no weights, the data are returned unchanged.
    """
    return data if data.weights is None else data._replace(values=data.weights, weights=None)
