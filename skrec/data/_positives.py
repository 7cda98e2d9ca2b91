"""Which events count as liked."""

import warnings

import numpy as np
from numpy.typing import NDArray

from skrec.data._callers import depth_of_caller
from skrec.data._interactions import Interactions


def positive_mask(data: Interactions, positive_from: float | None) -> NDArray[np.bool_]:
    """True for the events that count as positive: value at least ``positive_from``, above zero where that is None.

    Warns
    -----
    UserWarning
        If ``positive_from`` is None and the values look like ratings, of which the low ones say "disliked".
    """
    if positive_from is None and _look_like_ratings(data.values):
        warnings.warn(
            "positive_from is None and the values look like ratings: every event counts as positive, low ratings too. "
            "Pass positive_from=4, say, to count ratings of 4 and more; positive_from=0 keeps all, without this warning",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    return is_positive(data.values, positive_from)


def is_positive(values: NDArray[np.float32], positive_from: float | None) -> NDArray[np.bool_]:
    """The rule itself: at least ``positive_from``, above zero where that is None."""
    return values > 0 if positive_from is None else values >= check_positive_from(positive_from)


def check_positive_from(positive_from: float) -> float:
    """A finite number."""
    is_number = isinstance(positive_from, int | float | np.integer | np.floating) and not isinstance(positive_from, bool)
    try:
        number = float(positive_from) if is_number else np.nan
    except OverflowError:  # an int beyond every float
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"positive_from must be a finite number or None, got {positive_from!r}")
    return number


def _look_like_ratings(values: NDArray[np.float32]) -> bool:
    """More than two different values, all of them whole or half numbers from 0.5 to 5, the largest at least 3."""
    if len(values) == 0 or values.min() < 0.5 or values.max() > 5 or values.max() < 3:
        return False
    distinct = np.unique(values)
    return len(distinct) > 2 and bool((distinct * 2 == np.round(distinct * 2)).all())
