"""The network of `NewsRecommender`."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skrec._memory import rows_per_block
from skrec.engine.batches._at_times import TimedSequenceTable, UsersAtTimes
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._network import EmbeddingNetwork, State
from skrec.engine.networks._products import products
from skrec.engine.networks._tower import FeatureMLP, feature_table

_ARTICLE_BYTES = 2**12  # memory for encoding one article


class Text(nn.Module):
    """Vectors of articles computed from their features, which are scaled to a mean squared length of 1.

    Parameters
    ----------
    features : array or CSR of shape (n_items, n_columns)
    width : int
        Width of the vectors.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers.
    dropout : float
        Dropout after each hidden layer.
    """

    def __init__(self, features: Any, width: int, *, hidden_layer_sizes: tuple[int, ...], dropout: float):
        super().__init__()
        self.table = feature_table(features)
        self.feature_mlp = FeatureMLP(
            features.shape[1], width, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout, std=width**-0.5
        )
        squares = np.square(features.data if sp.issparse(features) else features, dtype=np.float64).sum()
        # part of the weights: articles added later must not change it
        self.register_buffer("scale", torch.tensor(float(features.shape[0] / squares) ** 0.5 if squares else 1.0))

    def forward(self, items: Tensor) -> Tensor:
        rows = self.table(items)
        return self.feature_mlp(rows._replace(values=rows.values * self.scale) if isinstance(rows, Rows) else rows * self.scale)


class News(EmbeddingNetwork):
    """score(u, i, t) = r_u(t) . v_i + w * 2 ** (-age of i at t / half-life).

    ``v_i`` is computed from the article's features, plus an embedding of the article. ``r_u(t)`` is the mean of the vectors of
    the articles that the user clicked before t and of a learned default vector, weighted by attention. The default vector has
    a learned logit, so its weight decreases with the number of clicks.

    Parameters
    ----------
    past : TimedSequenceTable
        Clicks of the training users.
    features : array or CSR with a row for each item, or None
        Features of the articles.
    appeared : float32 array of shape (n_items,)
        Time at which each article appeared, in hours after the end of the training data.
    n_factors : int
        Width of the vectors.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers between features and vector.
    has_ids : bool
        Whether each article has an embedding.
    has_attention : bool
        Whether clicks are weighted by attention. If False, all clicks have the same weight.
    half_life : float or None
        Half-life of the age term in hours. If None, scores do not depend on the age.
    dropout : float
        Dropout after each hidden layer and of the articles' vectors.
    """

    def __init__(
        self,
        past: TimedSequenceTable,
        features: Any,
        appeared: NDArray[np.float32],
        n_factors: int,
        *,
        hidden_layer_sizes: tuple[int, ...],
        has_ids: bool,
        has_attention: bool,
        half_life: float | None,
        dropout: float,
    ):
        super().__init__()
        self.past, self.half_life, self.n_items = past, half_life, len(appeared)
        self.text = (
            None if features is None else Text(features, n_factors, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout)
        )
        # with features, embeddings start at 0, and remain 0 for articles without clicks
        self.ids = embedding(self.n_items, n_factors, std=n_factors**-0.5 if features is None else 0) if has_ids else None
        layers = nn.Linear(n_factors, n_factors), nn.Tanh(), nn.Linear(n_factors, 1, bias=False)
        self.attention, self.dropout = nn.Sequential(*layers) if has_attention else None, Dropout(dropout)
        self.new_user_vector = nn.Parameter(torch.randn(n_factors) * n_factors**-0.5)
        self.new_user_logit = nn.Parameter(torch.zeros(()))
        self.recency = None if half_life is None else nn.Parameter(torch.zeros(()))
        self.register_buffer("appeared", torch.tensor(appeared), persistent=False)
        for name in ("vectors", "attention_logits"):
            self.register_buffer(name, None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [] if self.ids is None else [self.ids]

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (n, d) and the attention logits (n,) of articles."""
        parts = [part(items) for part in (self.text, self.ids) if part is not None]
        vectors = self.dropout(sum(parts))
        return vectors, torch.zeros_like(vectors[:, 0]) if self.attention is None else self.attention(vectors)[:, 0]

    def prepare(self) -> None:
        parts = [
            self.read(items)
            for items in torch.arange(self.n_items, device=self.new_user_vector.device).split(rows_per_block(_ARTICLE_BYTES))
        ]
        self.vectors, self.attention_logits = (torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def encode(self, query: Tensor | UsersAtTimes) -> State:
        """Return the vectors of users at given times, or after all of their clicks for user codes, and the times in hours."""
        return self.state_from(self.past, query if isinstance(query, UsersAtTimes) else self.past.after_all_events(query))

    def state_from(self, past: TimedSequenceTable, queries: UsersAtTimes) -> State:
        """Return the states of users with clicks in another table."""
        items, is_there = past.before(queries)
        return self.readers(items, is_there, self.vectors, self.attention_logits), queries.hours[:, None]

    def readers(self, items: Tensor, is_there: Tensor, vectors: Tensor, attention_logits: Tensor) -> Tensor:
        """Return the vectors of users from the articles that they clicked."""
        logits = attention_logits[items].masked_fill(~is_there, -torch.inf)
        shares = torch.cat([self.new_user_logit.expand(len(items), 1), logits], 1).softmax(-1)
        return shares[:, :1] * self.new_user_vector + F.embedding_bag(
            items, vectors, per_sample_weights=shares[:, 1:], mode="sum"
        )

    def user_vectors(self, state: State) -> Tensor:
        return state[0]

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.vectors[items]

    def score(self, state: State, items: Tensor) -> Tensor:
        hours = state[1] if items.ndim == 2 else state[1][:, 0]
        return self.match(state, items) + self.freshness(hours - self.appeared[items])

    def match(self, state: State, items: Tensor) -> Tensor:
        """Part of the score that does not depend on the age."""
        return products(state[0], self.item_vectors(items))

    def freshness(self, ages: Tensor) -> Tensor | float:
        """Part of the score that depends on the age in hours. Negative ages are set to 0."""
        if self.half_life is None:
            return 0.0
        return self.recency_weight * torch.exp2(-ages.clamp(min=0) / self.half_life)

    @property
    def recency_weight(self) -> Tensor:
        """Score added to an article of age 0."""
        # scaled so that a single weight learns as fast as dot products
        return self.recency * len(self.new_user_vector) ** 0.5

    def forward(self, query: Tensor | UsersAtTimes, items: Tensor) -> Tensor:
        if not self.training:
            return self.score(self.encode(query), items)
        past, is_there = self.past.before(query)
        # each article of a minibatch is encoded once
        occurs = torch.zeros(self.n_items, dtype=torch.bool, device=items.device)
        occurs[past[is_there]] = occurs[items.flatten()] = True
        place = occurs.cumsum(0) - 1
        vectors, attention_logits = self.read(occurs.nonzero()[:, 0])
        readers = self.readers(place[past].clamp(min=0), is_there, vectors, attention_logits)
        return products(readers, vectors[place[items]]) + self.freshness(query.hours[:, None] - self.appeared[items])
