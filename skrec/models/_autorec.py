"""AutoRec: an autoencoder of ratings."""

from typing import Literal

import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec._checks import check_choice, check_int, check_number
from skrec.data import Interactions
from skrec.engine import (
    ACTIVATIONS,
    Batches,
    ColumnBatches,
    PairBatches,
    ProductNetwork,
    RatingParameters,
    RatingRows,
    Readout,
    RowBatches,
    RowNetwork,
    RowRecommender,
    Rows,
    RowTable,
    SparseLinear,
    UniformNegatives,
)


class UserAutoRec(RowNetwork):
    """score(u, i) = v_i . f(W x_u + b) + c_i, x_u being the user's row."""

    def __init__(self, rows: sp.csr_array, width: int, activation: str, dropout: float):
        super().__init__(rows, width, dropout=dropout)
        self.activation = ACTIVATIONS[activation]()

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        return (self.activation(self.reader(centred(rows, self.mean))),)


class ItemAutoRec(ProductNetwork):
    """score(u, i) = v_u . f(W x_i + b) + c_u, x_i being the item's column."""

    item_biases = None

    def __init__(self, columns: sp.csr_array, width: int, activation: str, dropout: float):
        super().__init__()
        self.columns = RowTable(columns)
        self.reader = SparseLinear(columns.shape[1], width, dropout=dropout)
        self.readout, self.activation = Readout(columns.shape[1], width), ACTIVATIONS[activation]()
        self.register_buffer("prepared", None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.readout.vectors, self.readout.biases, self.reader.table]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return []

    def encode(self, users: Tensor) -> tuple[Tensor, Tensor]:
        return self.readout.vectors(users), self.readout.biases(users)

    def prepare(self) -> None:
        self.prepared = self.read(torch.arange(self.columns.n_rows, device=self.reader.bias.device))

    def read(self, items: Tensor) -> Tensor:
        """Vectors of items, made of their columns."""
        return self.activation(self.reader(centred(self.columns(items), self.mean)))

    def item_vectors(self, items: Tensor) -> Tensor:
        if not self.training:
            return self.prepared[items]
        distinct, place = items.unique(return_inverse=True)
        return self.read(distinct)[place]

    @torch.no_grad()
    def place_users(self, users: Tensor, state: tuple[Tensor, ...]) -> None:
        """New users are predicted by their states, and say nothing about items before they are trained."""
        self.readout.vectors.weight[users], self.readout.biases.weight[users] = state
        self.reader.table.weight[users] = 0


def centred(rows: Rows, mean: Tensor) -> Rows:
    """Ratings as differences from their mean, so that an average one says as little as one that is missing.

    With a range of the ratings there is no mean, and they are read as they are.
    """
    return rows._replace(values=rows.values - mean)


class AutoRecRecommender(RatingParameters, RowRecommender):
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
    n_factors: int = 200
    activation: Literal["sigmoid", "tanh", "relu", "identity"] = "sigmoid"
    dropout: float = 0.0

    _shaping = ("side", "n_factors", "activation")
    _penalty_of_ratings = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self.side, "side", ("user", "item"))
        check_int(self.n_factors, "n_factors", at_least=1)
        check_choice(self.activation, "activation", tuple(ACTIVATIONS))
        check_number(self.dropout, "dropout", at_least=0, below=1)

    def _build(self, events: Interactions) -> UserAutoRec | ItemAutoRec:
        network = UserAutoRec if self.side == "user" else ItemAutoRec
        return network(self._of_side(self._rows_of(events)), self.n_factors, self.activation, self.dropout)

    def _batches(self, events: Interactions, *, known: Interactions) -> Batches:
        if self.side == "user" and not self._predicts_ratings:
            return super()._batches(events, known=known)
        if not self._predicts_ratings:
            columns = RowBatches(self._of_side(self._target_rows(events)), batch_size=self._rows_at_once, negatives=None)
            return ColumnBatches(columns, PairBatches(events, batch_size=self._rows_at_once, negatives=UniformNegatives(known)))
        ratings, counts = self._of_side(self._rows_of(events)), self._of_side(self._counts_of(events))
        rows = RatingRows(ratings, counts, batch_size=self._rows_at_once)
        return rows if self.side == "user" else ColumnBatches(rows, None)

    def _of_side(self, matrix: sp.csr_array) -> sp.csr_array:
        """With a row for whatever is read."""
        return matrix if self.side == "user" else matrix.T.tocsr()
