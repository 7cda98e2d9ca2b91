"""Which events count as liked."""

import warnings

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_number
from skrec.data._callers import depth_of_caller
from skrec.data._interactions import Interactions

_LARGEST_STARS, _PERCENT = 10, 100
_RARE = 1 / 50  # of the most frequent value
_LOW = 0.4  # of the range


def positive_mask(data: Interactions, positive_from: float | None) -> NDArray[np.bool_]:
    """True for the events that count as positive: value at least ``positive_from``, above zero where that is None.

    Warns
    -----
    UserWarning
        If ``positive_from`` is None and the values look like ratings, of which the low ones say "disliked"; see
        `look_like_ratings`.
    """
    if positive_from is None and look_like_ratings(data.values):
        warnings.warn(
            "positive_from is None and the values look like ratings: every event counts as positive, low ratings too. "
            "Pass positive_from=4, say, to count ratings of 4 and more; positive_from=0 keeps all, without this warning",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    return is_positive(data.values, positive_from)


def is_positive(values: NDArray[np.float32], positive_from: float | None) -> NDArray[np.bool_]:
    """The rule itself: at least ``positive_from``, above zero where that is None."""
    return values > 0 if positive_from is None else values >= check_number(positive_from, "positive_from", or_none=True)


def look_like_ratings(values: NDArray[np.float32]) -> bool:
    """Whether values are rather ratings on a scale than counts or clicks.

    Values are taken for ratings if none is negative and those above zero

    * have the steps of a scale: whole or half numbers with a largest value from 4 to 10, or whole numbers up to exactly 100,
    * are at least three different ones,
    * are not mostly low: counts are, since most of them are 1 and larger ones are ever fewer. Here that means that the
      smallest value is the most frequent one and the mean lies in the lower 40 % of the range,
    * reach the end of the scale: the largest value is at least 1/50 as frequent as the most frequent one. Of counts the
      largest is mostly an exception.

    With negative values the sign says what is liked. Values of 1 to 3 are mostly counts and are not taken for ratings.
    """
    if len(values) == 0 or values.min() < 0 or not 4 <= values.max() <= _PERCENT:
        return False
    levels, counts = np.unique(values[values > 0], return_counts=True)
    step = 1.0 if levels[-1] == _PERCENT else 0.5
    on_a_scale = (levels[-1] <= _LARGEST_STARS or levels[-1] == _PERCENT) and bool((levels % step == 0).all())
    if not on_a_scale or len(levels) < 3:
        return False
    mean = np.average(levels, weights=counts)
    are_low = counts[0] > counts[1:].max() and mean < levels[0] + _LOW * (levels[-1] - levels[0])
    return bool(not are_low and counts[-1] >= _RARE * counts.max())
