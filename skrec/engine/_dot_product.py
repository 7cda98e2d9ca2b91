"""The network of all models whose score is a product of two vectors."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.base import EmbeddingMixin
from skrec.engine._embedding_network import EmbeddingNetwork
from skrec.engine._layers import Dropout, embedding, weights


class DotProduct(EmbeddingNetwork):
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

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.user_embeddings] if self.user_biases is None else [self.user_embeddings, self.user_biases]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.item_embeddings, self.item_biases]

    def encode(self, users: Tensor) -> tuple[Tensor, ...]:
        vectors, *biases = super().encode(users)
        return self.dropout(vectors), *biases

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
