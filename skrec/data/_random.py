"""The parameter ``random_state``."""

from typing import Any

import numpy as np

from skrec._checks import is_int


def as_generator(random_state: Any) -> np.random.Generator:
    """Convert ``random_state`` to a Generator. A Generator is returned unchanged.

    Raises
    ------
    ValueError
        If `check_seed` does not accept it.
    """
    check_seed(random_state)
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    return np.random.default_rng(random_state)


def as_random_state(random_state: Any) -> np.random.RandomState:
    """Convert ``random_state`` to a RandomState, which scikit-learn's functions require.

    The RandomState of a Generator shares its bit generator, so that the two never draw the same numbers. Errors are those of
    `as_generator`.
    """
    check_seed(random_state)
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(random_state.bit_generator)
    from sklearn.utils import check_random_state

    return check_random_state(random_state)


def draw_seed(random_state: Any) -> int:
    """Draw an integer seed from ``random_state``. Errors are those of `as_generator`."""
    return int(as_random_state(random_state).randint(2**31 - 1))


def check_seed(random_state: Any) -> None:
    """Check that ``random_state`` is an int from 0 to 2**32 - 1, a Generator, a RandomState, or None."""
    if random_state is None or isinstance(random_state, np.random.Generator | np.random.RandomState):
        return
    if not is_int(random_state) or not 0 <= random_state < 2**32:
        raise ValueError(
            "random_state must be an int from 0 to 2**32 - 1, a numpy.random.Generator, a numpy.random.RandomState or None, "
            f"got {random_state!r}"
        )
