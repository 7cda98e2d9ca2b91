"""Training examples of `partial_fit`: the new events, and some of the old ones to reduce forgetting."""

import numpy as np
from numpy.typing import NDArray

# factor of the learning rate: with the full rate the loss by forgetting is larger than the gain (ML-100K, split in time)
PARTIAL_FIT_LR_FACTOR = 0.1


def sample_with_replay(groups: NDArray[np.int64], n_known: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the ascending positions of the events to train on.

    All groups with new events are used, and as many other groups drawn at random.

    Parameters
    ----------
    groups : int64 array of shape (n_events,)
        Group of each event, such as its user or impression. The events of a group are used together.
    n_known : int
        Number of known events, which come first.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    int64 array of shape (n_chosen,)
    """
    fresh = np.unique(groups[n_known:])
    settled = np.setdiff1d(groups[:n_known], fresh)
    repeated = rng.choice(settled, min(len(fresh), len(settled)), replace=False)
    return np.flatnonzero(np.isin(groups, np.concatenate([fresh, repeated])))
