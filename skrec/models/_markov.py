"""The baseline of sequence models: which item followed which."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_number
from skrec.base import BaseRecommender
from skrec.base._pairs import entries_at
from skrec.data import Interactions, is_positive


class MarkovRecommender(BaseRecommender):
    """A first-order Markov chain over items: what comes next depends on the user's last item.

    The score of an item is the estimated probability that it comes next,
    ``(n(last, item) + smoothing * share(item)) / (n(last) + smoothing)``, where n counts how often one item followed another
    and share is an item's part of all events. Items that never followed are ranked by popularity. Events with equal timestamps
    keep the order of their rows. Without timestamps, the order of rows is the order in time.

    Parameters
    ----------
    positive_from : float, default=None
        Least value of an event that counts; None counts every value above 0.
    smoothing : float, default=1.0
        Number of pseudo-counts of successors that each item starts with, distributed by popularity.

    Attributes
    ----------
    transitions_ : float64 CSR of shape (n_items_, n_items_)
        How often the item of the column came right after that of the row, in one user's events; by weight where events have
        weights, that of the later event.

    Notes
    -----
    Time and memory O(n_events): at most one entry for each pair of neighbouring events.

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

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self.smoothing, "smoothing", above=0)

    def _fit(self, data: Interactions) -> None:
        events = self._positives(data, self.positive_from)
        events = events[events.user_time_order()]
        follows = np.flatnonzero(events.users[1:] == events.users[:-1]) + 1
        # float32 overflows, and stops counting at 2**24
        counts = np.ones(len(events)) if events.weights is None else events.weights.astype(np.float64)
        self.transitions_ = sp.coo_array(
            (counts[follows], (events.items[follows - 1], events.items[follows])), shape=(data.n_items, data.n_items)
        ).tocsr()
        shares = np.bincount(events.items, counts, minlength=data.n_items)
        self.shares_ = shares / shares.sum()
        self.last_items_ = _last_items(events)

    def _informative(self, data: Interactions) -> NDArray[np.bool_]:
        return is_positive(data.values, self.positive_from)

    def _known_state(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.last_items_[users]

    def _new_state(self, histories: Interactions) -> NDArray[np.int64]:
        positives = histories[self._informative(histories)]
        return _last_items(positives[positives.user_time_order()])

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
        scores = followed[:, items].toarray() + self.smoothing * self.shares_[None, items]
        return (scores / (totals + self.smoothing)).astype(np.float32)

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        last_items = self.last_items_[users]
        followed = entries_at(self.transitions_, last_items, items)
        totals = np.asarray(self.transitions_.sum(1))[last_items]
        return (followed + self.smoothing * self.shares_[items]) / (totals + self.smoothing)


def _last_items(events: Interactions) -> NDArray[np.int64]:
    """The last item of each user in ordered events; 0 for users without events, for whom the model does not rank."""
    last = np.zeros(events.n_users, np.int64)
    last[events.users] = events.items  # of several assignments to one user the last one stays
    return last
