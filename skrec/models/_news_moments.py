"""A model of news asked as of a moment: who had clicked what by then, and what there was."""

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec.base._allowed import Allowed, Unknown
from skrec.base._queries import Query
from skrec.data import Interactions, event_times
from skrec.engine import Clock, TorchRecommender


class AskedAtMoments(TorchRecommender):
    """Knows when its articles appeared, and forgets for a question what is not earlier than the moment of asking."""

    if TYPE_CHECKING:  # an annotation that runs would make a parameter
        time_unit: Any

    _answers_from_events = True
    # the moment as of which is asked, in the unit of the timestamps; None: after all that is known
    _moment: ClassVar[int | None] = None

    @property
    def _knows_time(self) -> bool:
        return self.events_.timestamps is not None

    @property
    def _compares_times(self) -> bool:
        return self._knows_time

    @property
    def _clock(self) -> Clock:
        return Clock.of(self.events_, self.time_unit)

    def _first_events(self) -> NDArray[np.float32]:
        """The hour of each article's first event; infinity without any."""
        hours = np.full(self.n_items_, np.inf, np.float32)
        if self.events_.timestamps is not None:
            np.minimum.at(hours, self.events_.items, self._clock.hours(event_times(self.events_)))
        return hours

    def _appeared(self) -> NDArray[np.float32]:
        """When each article appeared, in hours; what has no event is there since the end of the training data."""
        return np.minimum(self._first_events(), 0)

    def _as_of(self, at: Any) -> Self:
        """The same model, asked at some moment; what it counts, it counts of earlier events."""
        check_is_fitted(self)
        asked = copy.copy(self)
        asked.__dict__["_moment"] = time = self._clock.time(at)
        asked._count(self.events_[event_times(self.events_) < time])
        return asked

    def _query(self, users: Any, *, name: str = "users") -> Query:
        query = super()._query(users, name=name)
        return query.where(self._is_past)

    def _is_past(self, histories: Interactions) -> NDArray[np.bool_]:
        if self._moment is None or histories.timestamps is None:
            return np.ones(len(histories), bool)
        return event_times(histories) < self._moment

    def _allowed(self, users: NDArray, exclude: Any, candidates: Any, *, unknown: Unknown) -> Allowed:
        allowed = super()._allowed(users, exclude, candidates, unknown=unknown)
        if self._moment is None:
            return allowed
        # by the timestamps themselves: hours do not tell seconds apart over years
        is_there = np.full(self.n_items_, bool(self._clock.hours(self._moment) >= 0))
        is_there[self.events_.items[event_times(self.events_) <= self._moment]] = True
        return allowed.restricted(is_there)
