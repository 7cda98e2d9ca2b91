"""Models of rows of users."""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base._counts import ones_at, with_index_of
from skrec.base._recommender import BaseRecommender
from skrec.base._training_data import informative_part
from skrec.data import Interactions
from skrec.export._states import OwnItems, States
from skrec.persistence import Array, Kind, Matrix


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

    _stored: ClassVar[dict[str, Kind]] = {
        "has_past_": Array("bool", "users", is_history=True),
        "rows_": Matrix("float32", "users", "items", is_history=True),
    }

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

    def _exported_state(self) -> States:
        return OwnItems()

    def _item_vectors(self) -> Any:
        return self._rows_of_all().T

    def _user_vectors(self) -> Any:
        return self._rows_of_all()

    def _rows_of_all(self) -> sp.csr_array:
        if self.rows_.nnz == 0:
            raise ValueError(
                f"{type(self).__name__} compares items and users by the histories of all users, and this one was saved with "
                "include_history=False"
            )
        return self.rows_
