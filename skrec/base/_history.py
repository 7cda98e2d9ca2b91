"""Models of rows of users."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base._counts import ones_at, with_index_of
from skrec.base._recommender import BaseRecommender
from skrec.base._training_data import informative_part
from skrec.data import Interactions


class HistoryRecommender(BaseRecommender):
    """Base of models that score users by their rows, known and new users alike.

    A model writes ``_fit(data)``, which calls ``_keep_rows`` on the positive events, and ``_score(rows, items)``, where rows
    is CSR (n_users, n_items) of ones.

    Parameters
    ----------
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive.

    Attributes
    ----------
    rows_ : CSR of shape (n_users_, n_items_)
        Ones at the positive pairs of the training data.
    """

    positive_from: float | None = None

    def _keep_rows(self, data: Interactions) -> sp.csr_array:
        positives = self._positives(data, self.positive_from)
        if positives is self.events_:
            self.rows_ = ones_at(self.seen_)
        else:
            self.rows_ = with_index_of(positives.to_csr(duplicates="any"), self.seen_)
        return self.rows_

    def _known_state(self, users: NDArray[np.int64]) -> sp.csr_array:
        return self.rows_[users]

    def _new_state(self, histories: Interactions) -> sp.csr_array:
        return informative_part(self, histories).to_csr(duplicates="any")

    def _item_vectors(self) -> Any:
        return self.rows_.T.tocsr()

    def _user_vectors(self) -> Any:
        return self.rows_
