"""Selection of the positive events."""

import warnings

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_number
from skrec._memory import blocks
from skrec.data._callers import depth_of_caller
from skrec.data._interactions import Interactions

_LARGEST_STARS, _PERCENT = 10, 100
_RARE = 1 / 50  # of the most frequent value
_LOW = 0.4  # of the range
_BLOCK = 2**20  # values at a time


def positive_mask(data: Interactions, positive_from: float | None) -> NDArray[np.bool_]:
    """Select the positive events.

    Parameters
    ----------
    data : Interactions
        Events with values.
    positive_from : float or None
        Smallest value of a positive event. If None, values above 0 are positive.

    Returns
    -------
    bool array of shape (n_events,)
        True for positive events.

    Raises
    ------
    TypeError, ValueError
        If ``positive_from`` is not a finite number or None.

    Warns
    -----
    UserWarning
        If ``positive_from`` is None and the values look like ratings, where low values mean dislike.
    """
    if positive_from is None and look_like_ratings(data.values):
        warnings.warn(
            "positive_from is None and the values look like ratings: all events are positive, including low ratings. "
            "Pass a threshold such as positive_from=4, or positive_from=0 to keep all events without this warning",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    return is_positive(data.values, positive_from)


def is_positive(values: NDArray[np.float32], positive_from: float | None) -> NDArray[np.bool_]:
    """Compare values with the threshold of positive events, without warnings.

    Parameters
    ----------
    values : float32 array of shape (n_events,)
        Values of the events.
    positive_from : float or None
        Smallest value of a positive event. If None, values above 0 are positive.

    Returns
    -------
    bool array of shape (n_events,)
        True for positive events.

    Raises
    ------
    TypeError, ValueError
        If ``positive_from`` is not a finite number or None.
    """
    return values > 0 if positive_from is None else values >= check_number(positive_from, "positive_from", or_none=True)


def look_like_ratings(values: NDArray[np.float32]) -> bool:
    """Whether values look like ratings on a scale and not like counts or clicks.

    This is the case if none is negative and the values above zero

    * are on a scale: multiples of 0.5 with a maximum from 4 to 10, or integers with a maximum of exactly 100,
    * have at least three different levels,
    * are not mostly low. Counts are: most of them are 1, and larger ones are ever rarer. Values are mostly low if the smallest
      value is the most frequent one and the mean is in the lower 40 % of the range,
    * reach the end of the scale: the maximum is at least 1/50 as frequent as the most frequent value. The maximum of counts is
      usually rare.

    Negative values mean that the sign marks what is liked. Values of 1 to 3 are mostly counts and are not taken for ratings.
    """
    if len(values) == 0 or values.min() < 0 or not 4 <= values.max() <= _PERCENT:
        return False
    counts = np.zeros(2 * _PERCENT + 1, np.int64)
    for rows in blocks(len(values), _BLOCK):
        halves = 2 * values[rows]
        if (halves != np.floor(halves)).any():
            return False
        counts += np.bincount(halves.astype(np.int64), minlength=len(counts))
    levels = (1 + np.flatnonzero(counts[1:])) / 2
    counts = counts[1:][counts[1:] > 0]
    step = 1.0 if levels[-1] == _PERCENT else 0.5
    on_a_scale = (levels[-1] <= _LARGEST_STARS or levels[-1] == _PERCENT) and bool((levels % step == 0).all())
    if not on_a_scale or len(levels) < 3:
        return False
    mean = np.average(levels, weights=counts)
    are_low = counts[0] > counts[1:].max() and mean < levels[0] + _LOW * (levels[-1] - levels[0])
    return bool(not are_low and counts[-1] >= _RARE * counts.max())
