"""The network of all models whose score is a product of two vectors."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.base import EmbeddingMixin
from skrec.engine._inference import NetworkInference
from skrec.engine.fold_in import ridge
from skrec.engine.losses._row_likelihood import Factors
from skrec.engine.networks._layers import Dropout, embedding, weights
from skrec.engine.networks._network import EmbeddingNetwork, State


class ProductNetwork(EmbeddingNetwork):
    """Base of networks whose scores are dot products, plus what biases there are.

    A network writes ``item_vectors(items)`` and has ``item_biases``, which may be None; the first part of a state are the
    users' vectors, what follows are biases. Where scores are made of other things in training, it writes ``factors``.
    """

    item_biases: nn.Embedding | None  # without a value: a class's own would hide a module's

    def item_vectors(self, items: Tensor) -> Tensor:
        """What a user's vector is multiplied with, (..., d)."""
        raise NotImplementedError(f"{type(self).__name__} must write item_vectors")

    def user_vectors(self, state: State) -> Tensor:
        """What an item's vector is multiplied with, (n_users, d)."""
        return state[0]

    def factors(self, query: Any, items: Tensor) -> Factors:
        """What ``forward`` makes scores of."""
        return self.factors_of(self.encode(query), items)

    def factors_of(self, state: State, items: Tensor) -> Factors:
        """What ``score`` makes scores of."""
        biases = None if self.item_biases is None else self.item_biases(items)[..., 0]
        return self.with_users(Factors(state[0], self.item_vectors(items), biases), state)

    def with_users(self, factors: Factors, state: State) -> Factors:
        """Factors of the same items and of other users."""
        user_biases = state[1][:, 0] if len(state) > 1 else None
        return factors._replace(users=self.user_vectors(state), user_biases=user_biases)

    def score(self, state: State, items: Tensor) -> Tensor:
        return self.combine(self.factors_of(state, items))

    def forward(self, query: Any, items: Tensor | tuple[Tensor, ...]) -> Any:
        """Scores, in training with what is added to each example's loss, if anything; candidates may come in several blocks."""
        if isinstance(items, tuple):
            state = self.encode(query)
            return torch.cat([self.score(state, block) for block in items], 1)
        factors = self.factors(query, items)
        scores = self.combine(factors)
        return scores if factors.added is None else (scores, factors.added)

    def combine(self, factors: Factors) -> Tensor:
        """Scores (B,) or (B, C)."""
        scores = products(factors.users, factors.items)
        if factors.biases is not None:
            scores = scores + factors.biases
        if factors.user_biases is not None:
            scores = scores + (factors.user_biases if scores.ndim == 1 else factors.user_biases[:, None])
        return self.rating(scores)

    @property
    def has_factors(self) -> bool:
        """Whether ``factors`` says it all: a network may have a ``forward`` or ``score`` of its own."""
        written = "forward", "score", "combine", "rating"
        return all(getattr(type(self), name) is getattr(ProductNetwork, name) for name in written)


class DotProduct(ProductNetwork):
    """score(u, i) = p_u . q_i + b_i, for ratings also b_u and what `rating` does.

    With a temperature the product is the cosine of the two vectors divided by it.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        n_factors: int,
        *,
        std: float,
        user_bias: bool,
        item_bias: bool = True,
        dropout: float = 0.0,
        temperature: float | None = None,
    ):
        super().__init__()
        self.user_embeddings = embedding(n_users, n_factors, std=std)
        self.item_embeddings = embedding(n_items, n_factors, std=std)
        self.item_biases = embedding(n_items, 1, std=0) if item_bias else None
        self.user_biases = embedding(n_users, 1, std=0) if user_bias else None
        self.dropout, self.temperature = Dropout(dropout), temperature

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.user_embeddings] if self.user_biases is None else [self.user_embeddings, self.user_biases]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.item_embeddings] if self.item_biases is None else [self.item_embeddings, self.item_biases]

    def encode(self, users: Tensor) -> State:
        vectors, *biases = super().encode(users)
        return self.dropout(vectors), *biases

    def user_vectors(self, state: State) -> Tensor:
        return state[0] if self.temperature is None else F.normalize(state[0], dim=-1) / self.temperature

    def item_vectors(self, items: Tensor) -> Tensor:
        vectors = self.item_embeddings(items)
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)


def products(users: Tensor, items: Tensor) -> Tensor:
    """Dot products of users' vectors (B, d) with vectors of items: (B, d) and (B, C, d), or (1, C, d) shared by all."""
    if items.ndim == 3 and len(items) == 1:
        return users @ items[0].T
    # on a CPU several times as fast as a batched matrix product
    return ((users[:, None] if items.ndim == 3 else users) * items).sum(-1)


class DotProductEmbeddings(EmbeddingMixin, NetworkInference):
    """What an estimator says of its trained `ProductNetwork`."""

    def _state_vectors(self, state: State) -> NDArray[np.float32]:
        with torch.no_grad():
            return self.module_.user_vectors(state).cpu().numpy()

    def _most_probable(self, histories: Any) -> State:
        if not self._predicts_ratings or self.module_.y_range is not None:
            return super()._most_probable(histories)
        return self._solve(histories)

    @torch.no_grad()
    def _solve(self, histories: Any) -> State:
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
            noise=self._noise,
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
