"""Events that count more or less."""

import numpy as np

from skrec.data._interactions import Interactions


def apply_half_life(data: Interactions, half_life: float | None) -> Interactions:
    """The same events, their weights times ``0.5 ** (age / half_life)``; age is counted back from the user's latest event.

    ``half_life`` is in the unit of the timestamps, microseconds where they were datetimes; with None nothing fades.

    Raises
    ------
    ValueError
        If the events have no timestamps.
    """
    if half_life is None:
        return data
    if data.timestamps is None:
        raise ValueError(f"half_life={half_life!r} needs timestamps, and X has none")
    latest = np.full(data.n_users, np.iinfo(np.int64).min)
    np.maximum.at(latest, data.users, data.timestamps)
    freshness = 0.5 ** ((latest[data.users] - data.timestamps) / half_life)
    return data._replace(weights=(freshness if data.weights is None else freshness * data.weights).astype(np.float32))


def weights_as_values(data: Interactions) -> Interactions:
    """The same events with their weights for values."""
    return data if data.weights is None else data._replace(values=data.weights, weights=None)
