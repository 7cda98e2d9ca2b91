"""Where random numbers come from."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skrec._checks import is_int


def as_generator(random_state: Any) -> np.random.Generator:
    """The parameter ``random_state`` as a Generator, which is the given one if it is one.

    Raises
    ------
    ValueError
        If it is none of what `check_seed` accepts.
    """
    check_seed(random_state)
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    return np.random.default_rng(random_state)


def as_random_state(random_state: Any) -> np.random.RandomState:
    """The parameter ``random_state`` as a RandomState, as scikit-learn's functions take it.

    That of a Generator shares its bit generator: what is drawn from one, the other does not draw again. Errors are those of
    `as_generator`.
    """
    check_seed(random_state)
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(random_state.bit_generator)
    return check_random_state(random_state)


def draw_seed(random_state: Any) -> int:
    """An integer that follows from the parameter ``random_state``; errors are those of `as_generator`."""
    return int(as_random_state(random_state).randint(2**31 - 1))


def check_seed(random_state: Any) -> None:
    """An int from 0 to 2**32 - 1, a Generator, a RandomState, or None."""
    if random_state is None or isinstance(random_state, np.random.Generator | np.random.RandomState):
        return
    if not is_int(random_state) or not 0 <= random_state < 2**32:
        raise ValueError(
            "random_state must be an int from 0 to 2**32 - 1, a numpy.random.Generator, a numpy.random.RandomState or None, "
            f"got {random_state!r}"
        )
