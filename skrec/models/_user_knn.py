"""Nearest neighbors of users.

Parameters of the search are documented in `NeighborParameters`, others in `HistoryRecommender`.
"""

import copy
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice
from skrec.base import HistoryRecommender
from skrec.base._pairs import sparse_products
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.export._graph import Graph, Value
from skrec.export._neighbors import NearestUsers
from skrec.models._neighbors import NeighborParameters, euclidean_lengths, stacked, weighted, weights_of_items, weights_of_users
from skrec.persistence import Array, Kind, Matrix, ParametersOfFit
from skrec.topk import RowSums

_OF_FIT = ParametersOfFit("n_neighbors", "weighting", "normalize", "asymmetry", "shrinkage", "neighborhood")


class UserKNNRecommender(NeighborParameters, HistoryRecommender):
    """Recommend items of similar users.

    The score of an item is the sum of the similarities of the user to those nearest neighbors who have the item. Neighbors are
    users of the training data, also for new users. Users are similar if they have the same items. ``weighting`` affects which
    users are near. In a score, all items of a neighbor count the same.

    Parameters
    ----------
    neighborhood : {"nearest", "reverse"}, default="nearest"
        Users that recommend their items. "nearest": the ``n_neighbors`` nearest users. "reverse": all users who have this user
        among their own ``n_neighbors`` nearest. Typical users may have many reverse neighbors, unusual users few or none. Ties
        between a training user and a new user are broken in favor of the training user.

    shrinkage : float, default=0.0
        Added to the product of the norms, as in `ItemKNNRecommender`.

    Attributes
    ----------
    fitted_with_ : dict
        Values of the parameters in ``fit``, by which neighbors are found.
    weighted_rows_ : float64 CSR of shape (n_users_, n_items_)
        Vectors by which users are compared.
    item_length_weights_ : float64 array of shape (n_items_,)
        Weights of items in the search. All 1 unless ``weighting="bm25"``.
    reverse_neighbors_ : float32 CSR of shape (n_users_, n_users_), or None
        With ``neighborhood="reverse"``, the similarities of each user to the users who have them among their nearest.
    thresholds_ : float32 array of shape (n_users_,), or None
        With ``neighborhood="reverse"``, the similarity that a new user must exceed to be among the nearest of each training
        user.

    Notes
    -----
    With "nearest", ``fit`` only computes weights. Users are compared in blocks when they are recommended to. This takes time
    proportional to the sum of the item counts over the user's items, and a pass over all training events for each block. With
    "reverse", ``fit`` compares all users and keeps ``12 * n_users * n_neighbors`` bytes.

    The user weight of "tfidf" is a common factor of a user's vector, which the cosine cancels. The item weight of "bm25" is
    not. The user weight has an effect with ``shrinkage``, with ``asymmetry`` or without ``normalize``.

    References
    ----------
    Resnick et al., "GroupLens: an open architecture for collaborative filtering of netnews", CSCW 1994. Weighting and shrinkage
    follow Ferrari Dacrema et al., "A troubling analysis of reproducibility and progress in recommender systems research", TOIS
    2021, where neighbors are the reverse ones. Asymmetry: Aiolli, "Efficient top-n recommendation for very large scale binary
    rated datasets", RecSys 2013, with alpha = ``(1 - asymmetry) / 2``.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import UserKNNRecommender
    >>> model = UserKNNRecommender().fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    neighborhood: Literal["nearest", "reverse"] = "nearest"
    shrinkage: float = 0.0

    _answers_from_histories = True
    _stored: ClassVar[dict[str, Kind]] = {
        "fitted_with_": _OF_FIT,
        "item_length_weights_": Array("float64", "items"),
        "weighted_rows_": Matrix("float64", "users", "items"),
        "reverse_neighbors_": Matrix("float32", "users", "users", is_optional=True),
        "thresholds_": Array("float32", "users", is_optional=True),
    }

    _needs: ClassVar[dict[str, Needs]] = {
        "weighting": Needs(
            lambda model: model.weighting != "tfidf" or not model._compares_by_cosine,
            "shrinkage above 0, asymmetry or normalize=False, since it does not change the cosine of two users",
        ),
    }

    @property
    def _compares_by_cosine(self) -> bool:
        """Whether similarities are cosines and all user weights of "tfidf" are positive, so that they cancel."""
        factors_are_positive = np.diff(self.seen_.indptr).max() + 1 < self.n_items_
        return self.normalize and self.shrinkage == 0 and self.asymmetry == 0 and bool(factors_are_positive)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self.neighborhood, "neighborhood", ("nearest", "reverse"))

    def _fit(self, data: Interactions) -> None:
        rows, self.fitted_with_ = self._keep_rows(data), _OF_FIT.of(self)
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
        return _as_fitted(self)._known_nearest(users) if self.reverse_neighbors_ is None else self.reverse_neighbors_[users]

    def _new_state(self, histories: Interactions) -> sp.csr_array:
        fitted = _as_fitted(self)
        vectors = fitted._weighted(super()._new_state(histories))
        if self.thresholds_ is None:
            return fitted._nearest(vectors, self.weighted_rows_)
        # the neighbors of the training users are searched, so that x and y are exchanged
        similarities = fitted._similarities(vectors, self.weighted_rows_, -fitted.asymmetry)
        return stacked([_above(self.thresholds_, block) for block in similarities], self.n_users_)

    def _user_vectors(self) -> sp.csr_array:
        return self.weighted_rows_

    def _score(self, neighbors: sp.csr_array, items: slice) -> NDArray[np.float32]:
        return (neighbors @ self.rows_[:, items]).toarray()

    def _formula(self) -> RowSums:
        return RowSums(self.rows_)

    def _exported_state(self) -> NearestUsers:
        # with thresholds, the neighbors of the training users are searched, so that x and y are exchanged
        fitted, n_items = _as_fitted(self), self.n_items_
        asymmetry = fitted.asymmetry if self.thresholds_ is None else -fitted.asymmetry

        def user_weight(graph: Graph, n: Value) -> Value:
            return n * 0.0 + 1 if fitted.weighting is None else (n_items / (n + 1)).apply("Log")

        return NearestUsers(
            columns=self.weighted_rows_.T.tocsr(),
            item_weights=self.item_length_weights_,
            user_weight=user_weight,
            lengths=euclidean_lengths(self.weighted_rows_) ** (1 + asymmetry),
            exponent=1 - asymmetry,
            shrinkage=fitted.shrinkage,
            normalize=fitted.normalize,
            n_neighbors=fitted.n_neighbors,
            thresholds=self.thresholds_,
        )

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        who, rows = np.unique(users, return_inverse=True)
        return sparse_products(self._known_state(who), self.rows_, rows, items)


def _as_fitted(model: UserKNNRecommender) -> UserKNNRecommender:
    """The model with the parameters of its fit."""
    if model.fitted_with_ == _OF_FIT.of(model):
        return model
    twin = copy.copy(model)
    twin.__dict__.update(model.fitted_with_)
    return twin


def _least_of_full_rows(matrix: sp.csr_array, n: int) -> NDArray[np.float32]:
    """Smallest entry of each row with n entries, 0 for other rows."""
    full = np.diff(matrix.indptr) == n
    least = np.zeros(matrix.shape[0], np.float32)
    least[full] = matrix[np.flatnonzero(full)].data.reshape(-1, n).min(axis=1)
    return least


def _above(thresholds: NDArray[np.float32], matrix: sp.csr_array) -> sp.csr_array:
    """Drop the entries that do not exceed the threshold of their column."""
    matrix.data[matrix.data <= thresholds[matrix.indices]] = 0
    matrix.eliminate_zeros()
    return matrix
