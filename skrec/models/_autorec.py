"""AutoRec: an autoencoder of rows of ratings.

Parameters of training are documented in `TorchRecommender`.
"""

from typing import Literal

from skrec._checks import check_choice, check_int, check_number
from skrec.data import Interactions
from skrec.engine import (
    ACTIVATIONS,
    Objective,
    RatingsByItem,
    RatingsByUser,
    RowRecommender,
    WholeColumns,
    WholeRows,
    check_y_range,
    rating_objective,
    row_batch_size,
    row_objective,
)
from skrec.engine.networks._autorec import ItemAutoRec, UserAutoRec


class AutoRecRecommender(RowRecommender):
    """AutoRec: an autoencoder with one hidden layer that reads a row of the matrix and predicts the whole row.

    With ``side="item"`` a row is that of an item, over all users: ``score(u, i) = v_u . f(W x_i + b) + c_u``. With
    ``side="user"`` it is that of a user: ``score(u, i) = v_i . f(W x_u + b) + c_i``. With ``loss="mse"`` the squared errors of
    observed ratings are minimized. The input is then the difference of a rating from the mean, or the rating itself if
    ``y_range`` is given.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        "softmax" and "bce" rank, by the likelihood of whole rows. "mse" predicts values, as in the paper. A callable is
        described in `TorchRecommender`.
    side : {"user", "item"}, default="user"
        Side of the rows that are read. Rows of items predict ratings better. Rows of users need no training for new users.
    y_range : (float, float), default=None
        Bounds of the predicted ratings, which a sigmoid maps predictions to. Requires ``loss="mse"``. Bounds slightly wider
        than the scale of the ratings make its ends reachable. If None, predictions are not bounded.
    n_factors : int, default=200
        Size of the hidden layer. The paper uses 500.
    activation : {"sigmoid", "tanh", "relu", "identity"}, default="sigmoid"
        Activation function f of the hidden layer.
    dropout : float, default=0.0
        Probability that an entry of a row is not read, in training.
    batch_size : int, default=None
        Number of rows in a minibatch. If None, 128.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Hidden vectors of the side that is read, and output weights of the other side. Their dot product is the score, up to
        mean and biases.

    Notes
    -----
    A minibatch is read from its stored entries and predicted as ``batch_size`` x n_users (or n_items) numbers. With
    ``side="user"``, the softmax is computed a few rows at a time. The matrix of all users and items is never built. An epoch
    takes ``n_events * n_factors`` operations to read and ``n_users * n_items * n_factors`` in matrix products.

    With ``side="item"``, a ranking loss compares a user's items with the other items of the minibatch. New users are then
    folded in as in `MFRecommender`. With ``side="user"``, their row is read.

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
            if self.side == "user":
                return rating_objective(self, RatingsByUser, row_batch_size(self, self.n_users_))
            return rating_objective(self, RatingsByItem, row_batch_size(self, self.n_items_))
        return row_objective(self, WholeRows if self.side == "user" else WholeColumns)
