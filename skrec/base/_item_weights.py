"""Item-item models: a score is a sum over the user's items."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_int
from skrec.base._history import HistoryRecommender
from skrec.base._pairs import sparse_products
from skrec.data._vocabulary import decode
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

    def explain(self, user: Any, item: Any, *, k: int = 5) -> pd.DataFrame:
        """The k items of a known user's past that add most to the score of an item.

        Parameters
        ----------
        user : label
            A user of the training data.
        item : label
            An item of the training data.
        k : int, default=5
            Number of items.

        Returns
        -------
        DataFrame
            Columns item and contribution, largest first; over the whole past the contributions add up to the score.
        """
        check_int(k, "k", at_least=1)
        check_is_fitted(self)
        query = self.vocabulary_.user_codes([user], name="user")
        target = self.vocabulary_.item_codes([item], name="item")
        past = self.rows_[query].indices
        contributions = self.item_weights_[past][:, target]
        contributions = np.ravel(contributions.toarray() if sp.issparse(contributions) else contributions)
        best = np.argsort(-contributions, kind="stable")[:k]
        return pd.DataFrame({"item": decode(past[best], self.item_ids_), "contribution": contributions[best]})
