"""The detailed result of a scorer."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec.metrics._intervals import bootstrap_interval, with_interval

_MOST_USERS = 50_000  # with an interval in the text, which takes 2 seconds for them


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Result of the method ``evaluate`` of a scorer.

    At the prompt it reads "0.335 (0.318 to 0.352), 943 users", with the value and the default `interval`, which is left out
    for more than 50,000 users. ``print(evaluation)`` also describes what was scored.

    Parameters
    ----------
    value : float
        The score: the mean of ``per_user``, weighted by ``weights``, or a score of all lists together.
    per_user : float64 array of shape (n_users,)
        Score of each user. Errors are negative, as in ``value``. NaN for scores of all lists together, which are "coverage" and
        "neg_gini".
    users : array of shape (n_users,)
        Labels of the scored users in X, or row numbers if X is a matrix.
    n_users : int
        Number of scored users.
    share_of_users_scored : float
        Share of the users with relevant events in X that could be scored.
    share_of_known_items : float
        Share of the scored relevant events with items that the model ranks. Other items count as misses.
    share_of_repeats : float
        Share of the relevant events in X with a (user, item) pair that the model was shown, in training or in the visible part
        of the history of a new user. Ranking scorers leave them out, unless all events in X are repeats. Rating and impression
        scorers include them.
    protocol : str
        Description of what was ranked, what was hidden, and what counts as relevant.
    weights : float64 array of shape (n_users,), default=None
        Number of events or impressions of each user, if all of these have equal weight. Mean popularity of the history of each
        user for "neg_popularity_lift". None if all users have equal weight.
    is_quadratic : bool, default=False
        Whether ``value`` is the quadratic mean of ``per_user`` (RMSE) and not the arithmetic mean.
    per_impression : float64 array of shape (n_impressions,), default=None
        Score of each impression, for impression metrics. ``value`` is their mean.
    impressions : int64 array of shape (n_impressions,), default=None
        Number of each scored impression in the `Interactions`. The impressions of a table are numbered from 0 in order of
        appearance.
    n_new_users : int, default=None
        Number of scored users without training events, who are folded in. None for rating and impression scorers.
    """

    value: float
    per_user: NDArray[np.float64]
    users: NDArray
    n_users: int
    share_of_users_scored: float
    share_of_known_items: float
    share_of_repeats: float
    protocol: str
    weights: NDArray[np.float64] | None = None
    is_quadratic: bool = False
    per_impression: NDArray[np.float64] | None = None
    impressions: NDArray[np.int64] | None = None
    n_new_users: int | None = None

    def __repr__(self) -> str:
        return f"{self._figure}, {self.n_users:,} {'user' if self.n_users == 1 else 'users'}"

    def __str__(self) -> str:
        return "\n".join(
            [
                repr(self),
                f"{self.share_of_users_scored:.1%} of the users with relevant events were scored",
                f"{self.share_of_known_items:.1%} of the scored relevant events have items that the model ranks",
                f"{self.share_of_repeats:.1%} of the relevant events repeat pairs that the model was shown",
                self.protocol,
            ]
        )

    @cached_property
    def _figure(self) -> str:
        is_left_out = not self.has_user_scores or self.n_users > _MOST_USERS
        return with_interval(self.value, *((np.nan, np.nan) if is_left_out else self.interval()))

    @property
    def has_user_scores(self) -> bool:
        """Whether the score is a mean over users."""
        return not np.isnan(self.per_user).any()

    def interval(self, confidence_level: float = 0.95, n_resamples: int = 1000, random_state: Any = 0) -> tuple[float, float]:
        """Compute a percentile bootstrap interval of ``value`` over users.

        The interval describes how ``value`` depends on the sample of users. It does not include the randomness of training.

        Parameters
        ----------
        confidence_level, n_resamples, random_state
            As for `bootstrap_interval`, with the same errors.

        Returns
        -------
        low, high : float
            Bounds of the interval. NaN for scores of all lists together, which are no means over users.
        """
        if not self.has_user_scores:
            return float("nan"), float("nan")
        values = self.per_user**2 if self.is_quadratic else self.per_user
        low, high = bootstrap_interval(
            values, self.weights, confidence_level=confidence_level, n_resamples=n_resamples, random_state=random_state
        )
        return (-(high**0.5), -(low**0.5)) if self.is_quadratic else (low, high)
