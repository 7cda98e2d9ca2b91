"""Where random numbers come from."""

from typing import Any

import numpy as np


def generator_of(random_state: Any) -> np.random.Generator:
    """Numpy's generator of a seed; a generator as it is, one drawn from a RandomState, a fresh one for None."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            "random_state must be a non-negative int, a numpy.random.Generator, a numpy.random.RandomState or None, got "
            f"{random_state!r}"
        ) from None
