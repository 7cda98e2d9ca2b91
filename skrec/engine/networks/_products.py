"""Networks whose scores are dot products."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._network import EmbeddingNetwork, State


class Factors(NamedTuple):
    """Vectors of users and items and biases, from which scores are computed.

    Attributes
    ----------
    users : Tensor of shape (B, d)
        Vectors of users.
    items : Tensor of shape (B, d), (B, C, d) or (1, C, d)
        Vectors of items. Shape (1, C, d) means that all examples share the candidates.
    biases : Tensor of shape (B,), (B, C) or (1, C), or None
        Biases of items.
    user_biases : Tensor of shape (B,), or None
        Biases of users.
    added : Tensor of shape (B,), or None
        Terms added to the losses of the examples in training.
    """

    users: Tensor
    items: Tensor
    biases: Tensor | None = None
    user_biases: Tensor | None = None
    added: Tensor | None = None


class ProductNetwork(EmbeddingNetwork):
    """Base of networks whose scores are dot products, plus biases if there are any.

    A network implements ``item_vectors(items)`` and has ``item_biases``, which may be None. A state consists of the users'
    vectors and optionally their biases. If scores are computed differently in training, the network overrides ``factors``. A
    network that overrides ``score`` or ``forward`` sets ``has_factors = False``.
    """

    has_factors = True

    @property
    def states_are_vectors(self) -> bool:
        """Whether the parts of a state are the user's vector and bias as they are. Fold-in takes less time then."""
        return False

    item_biases: nn.Embedding | None  # a class attribute would hide the module of this name

    def all_item_biases(self) -> Tensor | None:
        return None if self.item_biases is None else self.item_biases.weight[:, 0]

    def all_item_vectors(self, n_items: int) -> Tensor:
        """Vectors (n_items, d) of all items. On a CPU. Networks that store them return them without a copy."""
        return self.item_vectors(torch.arange(n_items))

    def item_vectors(self, items: Tensor) -> Tensor:
        """Vectors of items, (..., d)."""
        raise NotImplementedError(f"{type(self).__name__} must implement item_vectors")

    def user_vectors(self, state: State) -> Tensor:
        """Vectors of users, (n_users, d)."""
        return state[0]

    def factors(self, query: Any, items: Tensor) -> Factors:
        """Return the factors of the scores in ``forward``."""
        return self.factors_of(self.encode(query), items)

    def factors_of(self, state: State, items: Tensor) -> Factors:
        """Return the factors of the scores in ``score``."""
        biases = None if self.item_biases is None else self.item_biases(items)[..., 0]
        return self.with_users(Factors(state[0], self.item_vectors(items), biases), state)

    def with_users(self, factors: Factors, state: State) -> Factors:
        """Replace the users of factors."""
        user_biases = state[1][:, 0] if len(state) > 1 else None
        return factors._replace(users=self.user_vectors(state), user_biases=user_biases)

    def score(self, state: State, items: Tensor) -> Tensor:
        return self.combine(self.factors_of(state, items))

    def forward(self, query: Any, items: Tensor | tuple[Tensor, ...]) -> Any:
        """Return scores, and in training the terms added to the losses, if any. A tuple of items is concatenated."""
        if isinstance(items, tuple):
            state = self.encode(query)
            return torch.cat([self.score(state, block) for block in items], 1)
        factors = self.factors(query, items)
        scores = self.combine(factors)
        return scores if factors.added is None else (scores, factors.added)

    def combine(self, factors: Factors) -> Tensor:
        """Compute scores (B,) or (B, C)."""
        scores = products(factors.users, factors.items)
        if factors.biases is not None:
            scores = scores + factors.biases
        if factors.user_biases is not None:
            scores = scores + (factors.user_biases if scores.ndim == 1 else factors.user_biases[:, None])
        return self.rating(scores)


class DotProduct(ProductNetwork):
    """score(u, i) = p_u . q_i + b_i, for ratings also + b_u, transformed by `rating`.

    Parameters
    ----------
    n_users, n_items, n_factors : int
        Numbers of users and items, and width of the vectors.
    std : float
        Standard deviation of the initial vectors.
    user_bias, item_bias : bool
        Whether there are biases of users and of items. ``item_bias`` defaults to True.
    dropout : float, default=0.0
        Dropout of the users' vectors in training.
    temperature : float or None, default=None
        If not None, the dot product is replaced by the cosine divided by the temperature.
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
    def states_are_vectors(self) -> bool:
        return self.temperature is None

    @property
    def shrinks_users(self) -> bool:  # type: ignore[override]
        return self.temperature is None

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.user_embeddings] if self.user_biases is None else [self.user_embeddings, self.user_biases]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.item_embeddings] if self.item_biases is None else [self.item_embeddings, self.item_biases]

    def expect_ratings(
        self, values: NDArray[np.float32], y_range: tuple[float, float] | None, *, centered: bool = True
    ) -> None:
        # without biases the product alone is the rating
        super().expect_ratings(values, y_range, centered=centered and self.item_biases is not None)

    def encode(self, users: Tensor) -> State:
        vectors, *biases = super().encode(users)
        return self.dropout(vectors), *biases

    def user_vectors(self, state: State) -> Tensor:
        return state[0] if self.temperature is None else F.normalize(state[0], dim=-1) / self.temperature

    def all_item_vectors(self, n_items: int) -> Tensor:
        return self.item_embeddings.weight if self.temperature is None else super().all_item_vectors(n_items)

    def item_vectors(self, items: Tensor) -> Tensor:
        vectors = self.item_embeddings(items)
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)


def products(users: Tensor, items: Tensor) -> Tensor:
    """Dot products of vectors.

    Parameters
    ----------
    users : Tensor of shape (B, d)
    items : Tensor of shape (B, d), (B, C, d) or (1, C, d)

    Returns
    -------
    Tensor of shape (B,) or (B, C)
    """
    if items.ndim == 3 and len(items) == 1:
        return users @ items[0].T
    # on a CPU several times faster than a batched matrix product
    return ((users[:, None] if items.ndim == 3 else users) * items).sum(-1)
