"""Nearest neighbors of items.

Parameters of the search are documented in `NeighborParameters`, others in `HistoryRecommender`.
"""

from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from skrec.base import ItemWeightsRecommender
from skrec.data import Interactions
from skrec.models._neighbors import NeighborParameters, weighted, weights_of_items, weights_of_users
from skrec.persistence import Kind, Matrix


class ItemKNNRecommender(NeighborParameters, ItemWeightsRecommender):
    """Recommend items that are similar to the items of the user.

    The score of an item is the sum of its similarities to those of its nearest neighbors that the user has. Items are similar
    if they have the same users. ``weighting`` affects which items are near. In a score, all items of a user count the same. New
    users need no training, and every recommendation can be explained.

    Attributes
    ----------
    item_weights_ : float32 CSR of shape (n_items_, n_items_)
        Column j holds the similarities of item j to its ``n_neighbors`` nearest items.

    Notes
    -----
    ``fit`` takes O(sum of n_i**2) time over the users, where n_i is the number of items of user i. Memory is
    ``12 * n_items * n_neighbors`` bytes, plus some 100 MB during ``fit``.

    References
    ----------
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001. Asymmetry: Aiolli, "Efficient top-n
    recommendation for very large scale binary rated datasets", RecSys 2013, with alpha = ``(1 - asymmetry) / 2``. Weighting
    and shrinkage follow Ferrari Dacrema et al., "A troubling analysis of reproducibility and progress in recommender systems
    research", TOIS 2021.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import ItemKNNRecommender
    >>> model = ItemKNNRecommender().fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    _stored: ClassVar[dict[str, Kind]] = {"item_weights_": Matrix("float32", "items", "items")}

    def _fit(self, data: Interactions) -> None:
        self._keep_rows(data)
        vectors = self._item_vectors()
        self.item_weights_ = self._nearest(vectors, vectors, own=np.arange(self.n_items_)).T.tocsr()

    def _item_vectors(self) -> sp.csr_array:
        """Weighted columns, by which items are compared."""
        rows, weighting = self._rows_of_all(), self.weighting
        return weighted(rows, weights_of_users(rows, weighting), weights_of_items(rows, weighting)).T.tocsr()
