"""Item-item models: a score is a sum over the user's items."""

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base._history import HistoryRecommender
from skrec.base._pairs import sparse_products
from skrec.topk import RowSums


class ItemWeightsRecommender(HistoryRecommender):
    """Base of item-item models: the scores of a user's row are its product with a matrix of weights.

    A model writes ``_fit(data)``, which calls ``_keep_rows`` and leaves ``item_weights_``. New users need no training, and
    every recommendation can be explained.

    Attributes
    ----------
    item_weights_ : float32 array or CSR of shape (n_items_, n_items_)
        Row i holds what item i in a user's past adds to the scores of all items.
    """

    if TYPE_CHECKING:  # an annotation that runs would make a parameter
        item_weights_: Any

    def _score(self, rows: sp.csr_array, items: slice) -> NDArray[np.float32]:
        scores = rows @ self.item_weights_[:, items]
        return scores.toarray() if sp.issparse(scores) else scores

    def _formula(self) -> RowSums:
        return RowSums(self.item_weights_)

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        return sparse_products(self.rows_, self.item_weights_, users, items)

    def _contributions(self, user: int, item: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        history = self.rows_[[user]].indices
        weights = self.item_weights_[history][:, [item]]
        weights = np.ravel(weights.toarray() if sp.issparse(weights) else weights)
        best = np.argsort(-weights, kind="stable")[:k]
        return history[best], weights[best]
