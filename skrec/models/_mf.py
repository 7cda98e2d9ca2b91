"""Matrix factorisation."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.base._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import DotProduct, DotProductEmbeddings, TorchRecommender, ridge, weights


class MFRecommender(DotProductEmbeddings, TorchRecommender):
    """Matrix factorisation by gradient: a user's taste and an item's nature are vectors, their product is the score.

    ``score(u, i) = p_u . q_i + b_i``, for a rating loss also the mean of the ratings and a bias ``b_u`` of the user, squeezed
    into ``y_range`` by a sigmoid where one is given. A bias of the user cannot change the order of items, so ranking losses
    have none.

    Parameters
    ----------
    n_factors : int, default=64
        Width of the embeddings.
    y_range : (float, float), default=None
        Bounds of the predicted ratings; a little wider than the ratings' own lets them be reached.
    dropout : float, default=0.0
        Share of the entries of the user's vector that are dropped in training.
    init_std : float, default=0.01
        Spread of the embeddings before training.

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, n_factors)
    item_embeddings_ : float32 array of shape (n_items_, n_factors)
    item_biases_ : float32 array of shape (n_items_,)
    user_biases_ : float32 array of shape (n_users_,)
        Zeros for a ranking loss.
    global_mean_ : float
        Zero for a ranking loss.

    Notes
    -----
    Time of an epoch: n_events * n_negatives * n_factors; with ``negatives="all"``, n_users * n_items * n_factors in matrix
    products. Memory: (n_users + n_items) * n_factors * 16 bytes for weights, gradients and Adam's two moments.

    References
    ----------
    Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import MFRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = MFRecommender(n_factors=2, max_epochs=100, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 64
    y_range: tuple[float, float] | None = None
    dropout: float = 0.0
    init_std: float = 0.01

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)
        check_number(self.init_std, "init_std", above=0)
        if self.y_range is not None:
            _check_range(self.y_range, is_rating=self._predicts_ratings)

    def _build(self, events: Interactions) -> DotProduct:
        network = DotProduct(
            events.n_users,
            events.n_items,
            self.n_factors,
            std=self.init_std,
            user_bias=self._predicts_ratings,
            dropout=self.dropout,
        )
        if self._predicts_ratings and self.y_range is None:
            network.mean.fill_(float(events.values.mean(dtype=np.float64)))
        elif self._predicts_ratings:
            network.y_range = torch.tensor(self.y_range)
        return network

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        trained = before.module_.y_range
        if trained is not None and self.y_range is not None and not np.allclose(trained.cpu(), self.y_range):
            raise ValueError(f"partial_fit goes on with y_range={tuple(trained.tolist())}, got {self.y_range!r}")
        super()._partial_fit(events, before)

    def _most_probable(self, histories: Interactions) -> tuple[Tensor, ...]:
        if not self._predicts_ratings or self.y_range is not None:
            return super()._most_probable(histories)
        return self._solve(histories)

    @torch.no_grad()
    def _solve(self, histories: Interactions) -> tuple[Tensor, ...]:
        """Squared errors without a sigmoid: the closed form, with the bias as one more factor."""
        network, items = self.module_, self._tensor(histories.items)
        features = network.item_embeddings(items)
        features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        targets = self._tensor(histories.values) - network.mean - network.item_biases(items)[:, 0]
        certainty = self._weights(histories).sqrt()
        return ridge(
            self.prior_,
            features * certainty[:, None],
            targets * certainty,
            self._tensor(histories.users),
            histories.n_users,
            noise=self.train_loss_,
        )

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        table = self.module_.user_biases
        return np.zeros(self.n_users_, np.float32) if table is None else weights(table)[:, 0]

    @property
    def global_mean_(self) -> float:
        return float(self.module_.mean)


def _check_range(y_range: Any, *, is_rating: bool) -> None:
    if not is_rating:
        raise ValueError(f"y_range bounds predicted ratings, so it needs loss='mse'; got y_range={y_range!r}")
    if not isinstance(y_range, tuple | list) or len(y_range) != 2:
        raise TypeError(f"y_range must be a pair (low, high) or None, got {y_range!r}")
    for bound in y_range:
        check_number(bound, "a bound of y_range")
    if y_range[0] >= y_range[1]:
        raise ValueError(f"y_range must be (low, high) with low < high, got {y_range!r}")
