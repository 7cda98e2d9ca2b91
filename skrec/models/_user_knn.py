"""Neighbours of users."""

from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice
from skrec.base import HistoryRecommender
from skrec.base._pairs import sparse_products
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.models._neighbors import NeighborParameters, stacked, weighted, weights_of_items, weights_of_users


class UserKNNRecommender(NeighborParameters, HistoryRecommender):
    """Items of similar users: a score is a sum of similarities.

    The score of an item is the sum of the user's similarities to those of their nearest neighbours, among the users of the
    training data, who have the item. Users are similar if they have the same items. The weighting affects who is near; in a
    score all items of a neighbour count the same. New users have their neighbours among the users of the training data too.

    Parameters
    ----------
    neighborhood : {"nearest", "reverse"}, default="nearest"
        Whose items are counted for a user. With "nearest", those of the ``n_neighbors`` nearest users. With "reverse", those of
        all users who have this one among their own ``n_neighbors`` nearest: many for a typical user, few or none for an unusual
        one. Of equally near users, known ones come before new ones.

    Attributes
    ----------
    weighted_rows_ : float64 CSR of shape (n_users_, n_items_)
        The vectors that users are compared by.
    item_length_weights_ : float64 array of shape (n_items_,)
        How much an item counts for who is near; ones unless ``weighting="bm25"``.
    reverse_neighbors_ : float32 CSR of shape (n_users_, n_users_), or None
        With ``neighborhood="reverse"``: similarities of each user to those who have them among their nearest.
    thresholds_ : float32 array of shape (n_users_,), or None
        With ``neighborhood="reverse"``: what a new user's similarity to each known one must exceed to be among their nearest.

    Notes
    -----
    A fit only weighs; users are compared when they are asked about, in blocks. For each user that takes a time that grows with
    the sum, over the user's items, of the number of their users, and a pass over all training events for each block. With
    "reverse" a fit compares all users, and keeps 12 * n_users * n_neighbors bytes.

    The users' idf is a common factor of all that a user has, so that the cosine does not see it; of "bm25" it sees the items'
    part. Both matter with ``shrinkage``, with ``asymmetry`` and without ``normalize``.

    References
    ----------
    Resnick et al., "GroupLens: an open architecture for collaborative filtering of netnews", CSCW 1994. Weighting and
    shrinkage as Ferrari Dacrema et al., "A troubling analysis of reproducibility and progress in recommender systems research",
    TOIS 2021, whose neighbours are the reverse ones. Asymmetry: Aiolli, "Efficient top-n recommendation for very large scale
    binary rated datasets", RecSys 2013, whose alpha is (1 - asymmetry) / 2.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import UserKNNRecommender
    >>> model = UserKNNRecommender().fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    neighborhood: Literal["nearest", "reverse"] = "nearest"

    _needs: ClassVar[dict[str, Needs]] = {
        "weighting": Needs(
            lambda model: model.weighting != "tfidf" or not model._compares_by_cosine,
            "shrinkage above 0, asymmetry or normalize=False, since it does not change the cosine of two users",
        ),
    }

    @property
    def _compares_by_cosine(self) -> bool:
        """Whether the factor by which "tfidf" multiplies all that a user has is positive for all, and cancels out."""
        factors_are_positive = np.diff(self.seen_.indptr).max() + 1 < self.n_items_
        return self.normalize and self.shrinkage == 0 and self.asymmetry == 0 and bool(factors_are_positive)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self.neighborhood, "neighborhood", ("nearest", "reverse"))

    def _fit(self, data: Interactions) -> None:
        rows = self._keep_rows(data)
        self.item_length_weights_ = weights_of_items(rows, self.weighting)
        self.weighted_rows_ = self._weighted(rows)
        self.reverse_neighbors_ = self.thresholds_ = None
        if self.neighborhood == "reverse":
            nearest = self._known_nearest(np.arange(self.n_users_))
            self.reverse_neighbors_ = nearest.T.tocsr()
            self.thresholds_ = _least_of_full_rows(nearest, self.n_neighbors)

    def _weighted(self, rows: sp.csr_array) -> sp.csr_array:
        return weighted(rows, weights_of_users(rows, self.weighting), self.item_length_weights_)

    def _known_nearest(self, users: NDArray[np.int64]) -> sp.csr_array:
        return self._nearest(self.weighted_rows_[users], self.weighted_rows_, own=users)

    def _known_state(self, users: NDArray[np.int64]) -> sp.csr_array:
        return self._known_nearest(users) if self.reverse_neighbors_ is None else self.reverse_neighbors_[users]

    def _new_state(self, histories: Interactions) -> sp.csr_array:
        vectors = self._weighted(super()._new_state(histories))
        if self.thresholds_ is None:
            return self._nearest(vectors, self.weighted_rows_)
        # as the known users see it: it is their neighbours that are sought
        similarities = self._similarities(vectors, self.weighted_rows_, -self.asymmetry)
        return stacked([_above(self.thresholds_, block) for block in similarities], self.n_users_)

    def _user_vectors(self) -> sp.csr_array:
        return self.weighted_rows_

    def _score(self, neighbours: sp.csr_array, items: slice) -> NDArray[np.float32]:
        return (neighbours @ self.rows_[:, items]).toarray()

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        who, rows = np.unique(users, return_inverse=True)
        return sparse_products(self._known_state(who), self.rows_, rows, items)


def _least_of_full_rows(matrix: sp.csr_array, n: int) -> NDArray[np.float32]:
    """The least entry of each row that has n of them, for others 0."""
    full = np.diff(matrix.indptr) == n
    least = np.zeros(matrix.shape[0], np.float32)
    least[full] = matrix[np.flatnonzero(full)].data.reshape(-1, n).min(axis=1)
    return least


def _above(thresholds: NDArray[np.float32], matrix: sp.csr_array) -> sp.csr_array:
    """Without the entries that do not exceed their column's threshold."""
    matrix.data[matrix.data <= thresholds[matrix.indices]] = 0
    matrix.eliminate_zeros()
    return matrix
