"""What a scorer found out, beyond one number."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec.metrics._intervals import bootstrap_interval


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The answer of a scorer's ``evaluate``.

    Attributes
    ----------
    value : float
        What the scorer returns when called: the mean of ``per_user``, weighted by ``weights``.
    per_user : float64 array of shape (n_users,)
        Each user's own value. Errors are negative, as in ``value``.
    users : array of shape (n_users,)
        The users scored, by the ids that X gives them; the row numbers of a matrix.
    n_users : int
    share_of_users_scored : float
        Of the users who have a relevant event in X, those for whom something could be hidden and asked for.
    share_of_known_items : float
        Of the relevant events, those whose item the model was trained on. An item that it has never heard of is a miss.
    share_of_repeats : float
        Of the relevant events in X, those whose (user, item) pair the model was shown: in training, or in the visible part of a
        new user's history. A ranking scorer leaves them out, unless all events in X are repeats. Rating and impression
        scorers count them like all others.
    protocol : str
        What was ranked, what was hidden, what counts as relevant.
    weights : float64 array of shape (n_users,) or None
        The number of each user's events or impressions, where all of these count alike; None where all users do.
    is_quadratic : bool
        Whether ``value`` is the quadratic mean of ``per_user`` (RMSE) and not the plain one.
    per_impression, impressions : float64 and int64 arrays of shape (n_impressions,), or None
        Of impression metrics: the value of each impression, whose plain mean ``value`` is, and its number in
        the `Interactions`; the impressions of a table are numbered from 0 as they come.
    """

    value: float
    per_user: NDArray[np.float64] = field(repr=False)
    users: NDArray = field(repr=False)
    n_users: int
    share_of_users_scored: float
    share_of_known_items: float
    share_of_repeats: float
    protocol: str
    weights: NDArray[np.float64] | None = field(default=None, repr=False)
    is_quadratic: bool = field(default=False, repr=False)
    per_impression: NDArray[np.float64] | None = field(default=None, repr=False)
    impressions: NDArray[np.int64] | None = field(default=None, repr=False)

    def interval(self, confidence_level: float = 0.95, n_resamples: int = 1000, random_state: Any = 0) -> tuple[float, float]:
        """Percentile bootstrap interval of ``value``, over users.

        Says how much the value depends on which users were asked, not on the training's randomness.

        Parameters
        ----------
        confidence_level : float, default=0.95
        n_resamples : int, default=1000
        random_state : int, Generator, RandomState or None, default=0

        Returns
        -------
        low, high : float
        """
        values = self.per_user**2 if self.is_quadratic else self.per_user
        low, high = bootstrap_interval(
            values, self.weights, confidence_level=confidence_level, n_resamples=n_resamples, random_state=random_state
        )
        return (-(high**0.5), -(low**0.5)) if self.is_quadratic else (low, high)
