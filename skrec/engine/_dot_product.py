"""The network of all models whose score is a product of two vectors."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.base import EmbeddingMixin
from skrec.engine._embedding_network import EmbeddingNetwork
from skrec.engine._foldin import Prior, ridge
from skrec.engine._layers import Dropout, embedding, weights


class DotProduct(EmbeddingNetwork):
    """score(u, i) = p_u . q_i + b_i, for ratings also b_u and what `rating` does.

    With a temperature the product is the cosine of the two vectors divided by it, without biases.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        n_factors: int,
        *,
        std: float,
        user_bias: bool,
        dropout: float = 0.0,
        temperature: float | None = None,
    ):
        super().__init__()
        self.user_embeddings = embedding(n_users, n_factors, std=std)
        self.item_embeddings = embedding(n_items, n_factors, std=std)
        self.item_biases = embedding(n_items, 1, std=0) if temperature is None else None
        self.user_biases = embedding(n_users, 1, std=0) if user_bias else None
        self.dropout, self.temperature = Dropout(dropout), temperature

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.user_embeddings] if self.user_biases is None else [self.user_embeddings, self.user_biases]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.item_embeddings] if self.item_biases is None else [self.item_embeddings, self.item_biases]

    def encode(self, users: Tensor) -> tuple[Tensor, ...]:
        vectors, *biases = super().encode(users)
        if self.temperature is not None:
            vectors = F.normalize(vectors, dim=-1) / self.temperature
        return self.dropout(vectors), *biases

    def item_vectors(self, items: Tensor) -> Tensor:
        """What a user's vector is multiplied with."""
        vectors = self.item_embeddings(items)
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)

    def score(self, state: tuple[Tensor, ...], items: Tensor) -> Tensor:
        vectors, *biases = state
        scores = products(vectors, self.item_vectors(items))
        if self.item_biases is not None:
            scores = scores + self.item_biases(items)[..., 0]
        for bias in biases:
            scores = scores + (bias if items.ndim == 2 else bias[:, 0])
        return self.rating(scores)


def products(users: Tensor, items: Tensor) -> Tensor:
    """Dot products of users' vectors (B, d) with vectors of items: (B, d) and (B, C, d), or (1, C, d) shared by all."""
    if items.ndim == 3 and len(items) == 1:
        return users @ items[0].T
    # on a CPU several times as fast as a batched matrix product
    return ((users[:, None] if items.ndim == 3 else users) * items).sum(-1)


class DotProductEmbeddings(EmbeddingMixin):
    """What an estimator says of a trained network whose scores are dot products.

    The first part of such a network's state are the users' vectors; it has ``item_vectors(items)`` and ``item_biases``, which
    may be None.
    """

    if TYPE_CHECKING:  # an annotation that runs would make a parameter
        module_: Any
        n_users_: int
        n_items_: int
        prior_: Prior
        train_loss_: float
        _predicts_ratings: bool
        _known_state: Any
        _tensor: Any
        _weights: Any

    def _state_vectors(self, state: tuple[Tensor, ...]) -> NDArray[np.float32]:
        return state[0].cpu().numpy()

    def _most_probable(self, histories: Any) -> tuple[Tensor, ...]:
        if not self._predicts_ratings or self.module_.y_range is not None:
            return super()._most_probable(histories)
        return self._solve(histories)

    @torch.no_grad()
    def _solve(self, histories: Any) -> tuple[Tensor, ...]:
        """Squared errors without a sigmoid: the closed form, with a bias of the user as one more factor."""
        network, items = self.module_, self._tensor(histories.items)
        features = network.item_vectors(items)
        if len(self.prior_.widths) == 2:
            features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        targets = self._tensor(histories.values) - network.mean
        if network.item_biases is not None:
            targets = targets - network.item_biases(items)[:, 0]
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
    def user_embeddings_(self) -> NDArray[np.float32]:
        return self._state_vectors(self._known_state(np.arange(self.n_users_)))

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        with torch.no_grad():
            return self.module_.item_vectors(self._tensor(np.arange(self.n_items_))).cpu().numpy()

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        table = self.module_.item_biases
        return np.zeros(self.n_items_, np.float32) if table is None else weights(table)[:, 0]
