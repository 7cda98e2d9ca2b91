"""Selection of relevant test events."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions, is_positive, positive_mask
from skrec.data._callers import depth_of_caller


def relevant_events(
    data: Interactions, positive_from: float | None, estimator: Any, *, are_graded: bool = False
) -> NDArray[np.bool_]:
    """Select events with a value of at least ``positive_from``, or above zero if it is None.

    There is no warning if all values above zero are meant because they ``are_graded``.

    Warns
    -----
    UserWarning
        If ``positive_from`` is None and the values look like ratings, or if it is None and the estimator has a
        ``positive_from`` that selects other events.
    """
    if are_graded and positive_from is None:
        return is_positive(data.values, None)
    trained_from = getattr(estimator, "positive_from", None)
    if positive_from is not None or trained_from is None:
        return positive_mask(data, positive_from)
    relevant = is_positive(data.values, None)
    if (relevant != is_positive(data.values, trained_from)).any():
        warnings.warn(
            "the scorer has positive_from=None, so that all values above 0 are relevant, but "
            f"{type(estimator).__name__} has positive_from={trained_from:g}. Pass positive_from={trained_from:g} or "
            "another threshold to the scorer",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    return relevant
