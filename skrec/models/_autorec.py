"""AutoRec: an autoencoder of ratings."""

from typing import Literal

from skrec._checks import check_choice, check_int, check_number
from skrec.data import Interactions
from skrec.engine import (
    ACTIVATIONS,
    ROW_BATCH_SIZE,
    Objective,
    RatingsByItem,
    RatingsByUser,
    RowRecommender,
    WholeColumns,
    WholeRows,
    check_y_range,
    rating_objective,
    row_objective,
)
from skrec.engine.networks._autorec import ItemAutoRec, UserAutoRec


class AutoRecRecommender(RowRecommender):
    """AutoRec: a network of one hidden layer that reads a row of the ratings and predicts the whole row.

    With ``side="item"`` a row is an item's, by all its users: ``score(u, i) = v_u . f(W x_i + b) + c_u``; with ``side="user"``
    it is a user's: ``score(u, i) = v_i . f(W x_u + b) + c_i``. Squared errors count what was rated and nothing else. A rating
    is read as its difference from the mean; with ``y_range``, as it is.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        As for `TorchRecommender`: "softmax" and "bce" rank, by the likelihood of whole rows; "mse" predicts ratings, as in the
        paper.
    side : {"user", "item"}, default="user"
        Whose rows are read. Ratings are predicted better from the items' rows; users' rows let new users in without any
        training.
    n_factors : int, default=200
        Width of the hidden layer; 500 in the paper.
    activation : {"sigmoid", "tanh", "relu", "identity"}, default="sigmoid"
        f, of the hidden layer.
    dropout : float, default=0.0
        Share of a row's entries that are not read, in training.
    batch_size : int, default=None
        Rows in a minibatch; None means 128.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Hidden vectors of the side that is read, weights of the other side. Their product is the score but for mean and biases.

    Notes
    -----
    A minibatch is read from its entries and predicted as ``batch_size`` x n_users (or n_items) numbers, the softmax of users'
    rows a few rows at a time; the matrix of all users and items is never built. Time of an epoch: n_events * n_factors to read,
    n_users * n_items * n_factors in matrix products. On the item side a ranking loss compares a user's items with the others of
    the minibatch of items. New users: of the user side their row is read; of the item side their weights are solved for, as
    for `MFRecommender`.

    References
    ----------
    Sedhain, Menon, Sanner, Xie, "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015, eq. 2 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import AutoRecRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = AutoRecRecommender(n_factors=8, max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    side: Literal["user", "item"] = "user"
    y_range: tuple[float, float] | None = None
    n_factors: int = 200
    activation: Literal["sigmoid", "tanh", "relu", "identity"] = "sigmoid"
    dropout: float = 0.0

    _architecture_parameters = ("side", "n_factors", "activation", "y_range")
    _default_penalty_of_ratings = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self.side, "side", ("user", "item"))
        check_int(self.n_factors, "n_factors", at_least=1)
        check_choice(self.activation, "activation", tuple(ACTIVATIONS))
        check_number(self.dropout, "dropout", at_least=0, below=1)
        if self.y_range is not None:
            check_y_range(self.y_range, is_rating=self._predicts_ratings)

    def _build(self, events: Interactions) -> UserAutoRec | ItemAutoRec:
        network = UserAutoRec if self.side == "user" else ItemAutoRec
        rows = self.objective_.rows(events)
        return network(rows if self.side == "user" else rows.T.tocsr(), self.n_factors, self.activation, self.dropout)

    def _objective(self) -> Objective:
        if self._predicts_ratings:
            return rating_objective(
                self, RatingsByUser if self.side == "user" else RatingsByItem, self.batch_size or ROW_BATCH_SIZE
            )
        return row_objective(self, WholeRows if self.side == "user" else WholeColumns)

    @property
    def _folds_in(self) -> bool:  # type: ignore[override]
        return self.side == "item"
