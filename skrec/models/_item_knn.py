"""Neighbours of items."""

import numpy as np
import scipy.sparse as sp

from skrec.base import ItemWeightsRecommender
from skrec.data import Interactions
from skrec.models._neighbors import NeighborParameters, weighted, weights_of_items, weights_of_users


class ItemKNNRecommender(NeighborParameters, ItemWeightsRecommender):
    """Items similar to those of the user: a score is a sum of similarities.

    The score of an item is the sum of its similarities to those of its nearest neighbours that the user has. Items are similar
    if the same users have them. The weighting affects which items are near; in a score all items of a user count the same, so
    new users need no training and every recommendation can be explained.

    Attributes
    ----------
    item_weights_ : float32 CSR of shape (n_items_, n_items_)
        Its column j holds the similarities of item j to its n_neighbors nearest items, and zeros.

    Notes
    -----
    Time grows with the sum of n**2 over the users, who have n items each; memory is 12 * n_items * n_neighbors bytes, and some
    100 MB on the way.

    References
    ----------
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001. Asymmetry: Aiolli, "Efficient top-n
    recommendation for very large scale binary rated datasets", RecSys 2013, whose alpha is (1 - asymmetry) / 2. Weighting and
    shrinkage as Ferrari Dacrema et al., "A troubling analysis of reproducibility and progress in recommender systems research",
    TOIS 2021.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import ItemKNNRecommender
    >>> model = ItemKNNRecommender().fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    def _fit(self, data: Interactions) -> None:
        self._keep_rows(data)
        vectors = self._item_vectors()
        self.item_weights_ = self._nearest(vectors, vectors, own=np.arange(self.n_items_)).T.tocsr()

    def _item_vectors(self) -> sp.csr_array:
        """Columns as they are weighted: what is similar is what is near."""
        rows, weighting = self.rows_, self.weighting
        return weighted(rows, weights_of_users(rows, weighting), weights_of_items(rows, weighting)).T.tocsr()
