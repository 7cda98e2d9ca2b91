"""Weights of events."""

import numpy as np

from skrec.data._interactions import Interactions


def apply_half_life(data: Interactions, half_life: float | None) -> Interactions:
    """Multiply the weights by ``0.5 ** (age / half_life)``. The age of an event is measured from the latest event of its user.

    Parameters
    ----------
    data : Interactions
        Events with timestamps.
    half_life : float or None
        Half-life in the unit of the timestamps. If None, the events are returned unchanged.

    Returns
    -------
    Interactions
        The events with the new weights.

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
    """Replace the values of the events by their weights.

    Parameters
    ----------
    data : Interactions
        Events with or without weights.

    Returns
    -------
    Interactions
        The events with the weights as values, and without weights. If there are no weights, the events are unchanged.
    """
    return data if data.weights is None else data._replace(values=data.weights, weights=None)
