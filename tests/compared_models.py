"""Models to compare: quick ones, a constant one, a spy, a greedy one and a broken one."""

import time

import numpy as np

from skrec import ALSRecommender, EASERecommender, PopularityRecommender
from skrec.base import HistoryRecommender


def als(**parameters):
    return ALSRecommender(n_factors=4, alpha=5, regularization=5, positive_from=4, n_jobs=1, random_state=0, **parameters)


def ease():
    return EASERecommender(positive_from=4)


def popularity():
    return PopularityRecommender(positive_from=4)


class Constant(HistoryRecommender):
    """Predicts the same rating for everything.

    Parameters
    ----------
    rating : float, default=3.0
    """

    rating: float = 3.0
    positive_from: float | None = 0

    def _fit(self, data):
        self._keep_rows(data)

    def _score(self, rows, items):
        return np.full((rows.shape[0], items.stop - items.start), self.rating, np.float32)

    @property
    def _predicts_ratings(self):
        return True


class Spy(PopularityRecommender):
    """Keeps all data that any of its clones is fitted on."""

    seen = []  # noqa: RUF012 - clones share it, which is the point

    def _fit(self, data):
        self.seen.append(data)
        super()._fit(data)


class Greedy(PopularityRecommender):
    """Fills 200 MiB for a tenth of a second, and keeps a part of it.

    Parameters
    ----------
    kept : float, default=0.0
    """

    kept: float = 0.0

    def _fit(self, data):
        filled = np.ones(200 * 2**17)
        time.sleep(0.1)
        self.block_ = filled if self.kept == 1 else None
        super()._fit(data)


class Broken(PopularityRecommender):
    """Cannot be fitted."""

    def _fit(self, data):
        raise RuntimeError("no luck")
