"""The network of all models whose score is a product of two vectors."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.base import EmbeddingMixin
from skrec.engine._layers import Dropout, embedding, weights


class DotProduct(nn.Module):
    """score(u, i) = mean + b_u + b_i + p_u . q_i, squeezed into ``y_range`` if there is one."""

    def __init__(self, n_users: int, n_items: int, n_factors: int, *, std: float, user_bias: bool, dropout: float = 0.0):
        super().__init__()
        self.user_embeddings = embedding(n_users, n_factors, std=std)
        self.item_embeddings = embedding(n_items, n_factors, std=std)
        self.item_biases = embedding(n_items, 1, std=0)
        self.user_biases = embedding(n_users, 1, std=0) if user_bias else None
        self.dropout = Dropout(dropout)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("y_range", None)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.score(self.encode(users), items)

    def encode(self, users: Tensor) -> tuple[Tensor, ...]:
        vectors = self.dropout(self.user_embeddings(users))
        return (vectors,) if self.user_biases is None else (vectors, self.user_biases(users))

    def score(self, state: tuple[Tensor, ...], items: Tensor) -> Tensor:
        vectors, *biases = state
        if items.ndim == 2 and len(items) == 1:  # candidates that all users share
            scores = vectors @ self.item_embeddings(items[0]).T
        else:
            vectors = vectors[:, None] if items.ndim == 2 else vectors
            # on a CPU several times as fast as a batched matrix product
            scores = (vectors * self.item_embeddings(items)).sum(-1)
        scores = scores + self.item_biases(items)[..., 0] + self.mean
        for bias in biases:
            scores = scores + (bias if items.ndim == 2 else bias[:, 0])
        if self.y_range is None:
            return scores
        low, high = self.y_range
        return low + (high - low) * scores.sigmoid()

    def penalty(self, users: Tensor, items: Tensor, item_share: float) -> Tensor:
        """Squared lengths of the rows that a minibatch touches, for each of its users and by its share of the items."""
        tables = [self.user_embeddings] if self.user_biases is None else [self.user_embeddings, self.user_biases]
        of_users = sum(table(users).square().sum() for table in tables) / len(users)
        return of_users + sum(t(items).square().sum() for t in (self.item_embeddings, self.item_biases)) * item_share


class DotProductEmbeddings(EmbeddingMixin):
    """What an estimator says of its trained `DotProduct`."""

    module_: DotProduct

    def _state_vectors(self, state: tuple[Tensor, ...]) -> NDArray[np.float32]:
        return state[0].cpu().numpy()

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        return weights(self.module_.user_embeddings)

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        return weights(self.module_.item_embeddings)

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        return weights(self.module_.item_biases)[:, 0]
