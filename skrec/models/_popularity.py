"""A baseline that recommends popular items.

Other parameters are documented in `HistoryRecommender`.
"""

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base import HistoryRecommender
from skrec.base._divergence import divergence
from skrec.data import HalfLife, Interactions, read_half_life
from skrec.export._scores import CommonScores
from skrec.export._states import LastItem
from skrec.persistence import Array, Kind


class PopularityRecommender(HistoryRecommender):
    """Recommend the most popular items, the same to all users.

    Parameters
    ----------
    half_life : float, timedelta or str, default=None
        Age at which an event counts half. A number is in the unit of the timestamps (microseconds if they were datetimes). A
        timedelta, or text such as "30 days", needs timestamps of a known unit, see ``timestamp_unit`` of `Interactions`. The
        age is counted back from the latest event of all. If None, events of all ages count the same.

    Attributes
    ----------
    item_scores_ : float64 array of shape (n_items_,)
        Number of users of each item, each counted with the weight of the event times ``0.5 ** (age / half_life)``.

    Raises
    ------
    ValueError
        By ``fit``, if ``half_life`` is given and X has no timestamps.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import PopularityRecommender
    >>> PopularityRecommender().fit(csr_array([[1, 0, 1], [0, 0, 1]])).recommend([1], k=1).items.tolist()
    [[0]]
    """

    half_life: HalfLife | None = None

    _reads_weights = True
    _stored: ClassVar[dict[str, Kind]] = {"item_scores_": Array("float64", "items")}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        read_half_life(self.half_life, self.events_)

    def _fit(self, data: Interactions) -> None:
        self._keep_rows(data)
        if data.weights is None and self.half_life is None:
            self.item_scores_ = self.learned_counts_.astype(np.float64)
        else:
            self.item_scores_ = self._weighted_counts(data)
        if self.item_scores_.max() > np.finfo(np.float32).max:
            what = f"an item's weights add up to {self.item_scores_.max():.6g}, which is too large for float32"
            raise divergence(self, what, of_values=False)
        self.popularity_ = self.item_scores_

    def _weighted_counts(self, data: Interactions) -> NDArray[np.float64]:
        events = data[self._informative(data)]
        events = events[events.last_of_each_pair()]
        weights = np.ones(len(events)) if events.weights is None else events.weights.astype(np.float64)
        half_life = read_half_life(self.half_life, data)
        if half_life is not None and events.timestamps is not None:
            weights = weights * 0.5 ** ((events.timestamps.max() - events.timestamps) / half_life)
        return np.bincount(events.items, weights, minlength=data.n_items).astype(np.float64, copy=False)

    def _score(self, rows: sp.csr_array, items: slice) -> np.ndarray:
        return np.repeat(self.item_scores_[None, items], rows.shape[0], axis=0)

    def _exported_scores(self) -> CommonScores:
        return CommonScores(self.item_scores_)

    def _exported_state(self) -> LastItem:
        return LastItem()

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray:
        return self.item_scores_[items]
