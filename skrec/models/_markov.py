"""A first-order Markov chain over items.

Other parameters are documented in `BaseRecommender`.
"""

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_number
from skrec.base import BaseRecommender
from skrec.base._pairs import entries_at
from skrec.data import Interactions
from skrec.export._scores import TransitionScores
from skrec.export._states import LastItem
from skrec.persistence import Array, Kind, Matrix, ParametersOfFit

_OF_FIT = ParametersOfFit("smoothing")


class MarkovRecommender(BaseRecommender):
    """A first-order Markov chain over items: the next item depends on the user's last item.

    The score of an item is the estimated probability that it is the next one, ``(n(last, item) + smoothing * share(item)) /
    (n(last) + smoothing)``. Here n(a, b) is the number of times that b followed a, n(a) their sum over b, and share(item) the
    share of an item in all events. Items that never followed the last item are ranked by popularity. Events with equal
    timestamps keep the order of their rows. Without timestamps, the order of rows is the order in time. The model is a baseline
    for sequence models.

    Parameters
    ----------
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive.
    smoothing : float, default=1.0
        Number of pseudo-counts of successors of each item, distributed by popularity. Must be above 0.

    Attributes
    ----------
    transitions_ : float64 CSR of shape (n_items_, n_items_)
        Number of times that the item of the column directly followed the item of the row in a user's events. If events have
        weights, the sum of the weights of the later events.
    shares_ : float64 array of shape (n_items_,)
        Share of each item in all positive events.
    fitted_with_ : dict
        Value of ``smoothing`` in ``fit``, by which scores are computed.
    last_items_ : int64 array of shape (n_users_,)
        Code of the last item of each user, 0 for users without positive events.

    Notes
    -----
    Time and memory are O(n_events): there is at most one entry for each pair of successive events.

    Examples
    --------
    >>> from skrec import MarkovRecommender
    >>> from skrec.data import Interactions
    >>> walks = Interactions.from_arrays([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 1])
    >>> MarkovRecommender().fit(walks).recommend([2], k=2).items.tolist()
    [[2, 0]]
    """

    positive_from: float | None = None
    smoothing: float = 1.0

    _ordered = True
    _reads_weights = True
    _stored: ClassVar[dict[str, Kind]] = {
        "fitted_with_": _OF_FIT,
        "has_past_": Array("bool", "users", is_history=True),
        "transitions_": Matrix("float64", "items", "items"),
        "shares_": Array("float64", "items"),
        "last_items_": Array("int64", "users", below="items", is_history=True),
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self.smoothing, "smoothing", above=0)

    def _fit(self, data: Interactions) -> None:
        self.fitted_with_ = _OF_FIT.of(self)
        events = self._positives(data, self.positive_from)
        events = events[events.user_time_order()]
        follows = np.flatnonzero(events.users[1:] == events.users[:-1]) + 1
        # float32 may overflow, and cannot count beyond 2**24
        counts = np.ones(len(events)) if events.weights is None else events.weights.astype(np.float64)
        self.transitions_ = sp.coo_array(
            (counts[follows], (events.items[follows - 1], events.items[follows])), shape=(data.n_items, data.n_items)
        ).tocsr()
        shares = np.bincount(events.items, counts, minlength=data.n_items)
        self.shares_ = shares / shares.sum()
        self.last_items_ = _last_items(events)

    def _known_state(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.last_items_[users]

    def _new_state(self, histories: Interactions) -> NDArray[np.int64]:
        positives = histories[self._informative(histories)]
        return _last_items(positives[positives.user_time_order()])

    @property
    def _smoothing(self) -> float:
        return self.fitted_with_["smoothing"]

    @property
    def _transitions_with_self(self) -> sp.csr_array:
        """Counts of the successors of each item, plus one for the item itself."""
        return (self.transitions_ + sp.eye_array(self.n_items_, dtype=np.float32)).tocsr()

    def _item_vectors(self) -> sp.csr_array:
        return sp.hstack([self._transitions_with_self, self._transitions_with_self.T]).tocsr()

    def _user_vectors(self) -> sp.csr_array:
        return self._transitions_with_self[self.last_items_]

    def _score(self, last_items: NDArray[np.int64], items: slice) -> NDArray[np.float32]:
        followed = self.transitions_[last_items]
        totals = np.asarray(followed.sum(1))[:, None]
        scores = followed[:, items].toarray() + self._smoothing * self.shares_[None, items]
        return (scores / (totals + self._smoothing)).astype(np.float32)

    def _exported_scores(self) -> TransitionScores:
        return TransitionScores(self.transitions_, self._smoothing * self.shares_, self.last_items_)

    def _exported_state(self) -> LastItem:
        return LastItem()

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        last_items = self.last_items_[users]
        followed = entries_at(self.transitions_, last_items, items)
        totals = np.asarray(self.transitions_.sum(1))[last_items]
        return (followed + self._smoothing * self.shares_[items]) / (totals + self._smoothing)


def _last_items(events: Interactions) -> NDArray[np.int64]:
    """Last item of each user in ordered events, 0 for users without events, who get the popular items instead."""
    last = np.zeros(events.n_users, np.int64)
    last[events.users] = events.items  # the last of several assignments to a user is kept
    return last
