"""What a trained network learns more events with: the new ones, and old ones so that it does not forget."""

import numpy as np
from numpy.typing import NDArray

# at the full rate a network forgets more of what it is not reminded of than it learns: measured on ML-100K, split in time
PACE_OF_PARTIAL_FIT = 0.1


def with_rehearsal(units: NDArray[np.int64], n_known: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions, ascending, of the events to learn from.

    Parameters
    ----------
    units : int64 array of shape (n_events,)
        What is learned as a whole: the number of an event, user or impression. All events of a unit go together.
    n_known : int
        The first events are known already.
    rng : numpy.random.Generator
        Draws as many of the units that have known events only as there are units with new ones.
    """
    fresh = np.unique(units[n_known:])
    settled = np.setdiff1d(units[:n_known], fresh)
    repeated = rng.choice(settled, min(len(fresh), len(settled)), replace=False)
    return np.flatnonzero(np.isin(units, np.concatenate([fresh, repeated])))
