"""The examples that `partial_fit` trains on: the new events, and some of the old ones, so that these are not forgotten."""

import numpy as np
from numpy.typing import NDArray

# times the learning rate: at the full rate a network forgets more than it learns, measured on ML-100K split in time
PARTIAL_FIT_LR_FACTOR = 0.1


def sample_with_replay(groups: NDArray[np.int64], n_known: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions, ascending, of the events to learn from.

    Parameters
    ----------
    groups : int64 array of shape (n_events,)
        What is learned as a whole: the number of an event, user or impression. All events of a unit go together.
    n_known : int
        The first events are known already.
    rng : numpy.random.Generator
        Draws as many groups with known events only as there are groups with new ones.
    """
    fresh = np.unique(groups[n_known:])
    settled = np.setdiff1d(groups[:n_known], fresh)
    repeated = rng.choice(settled, min(len(fresh), len(settled)), replace=False)
    return np.flatnonzero(np.isin(groups, np.concatenate([fresh, repeated])))
