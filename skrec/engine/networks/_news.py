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

_ARTICLE_BYTES = 2**12  # memory to compute the vector of an article


class Text(nn.Module):
    """Vectors of articles by their features. The rows of features are scaled to a length of about one."""

    def __init__(self, features: Any, width: int, *, hidden_layer_sizes: tuple[int, ...], dropout: float):
        super().__init__()
        self.table = feature_table(features)
        self.feature_mlp = FeatureMLP(
            features.shape[1], width, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout, std=width**-0.5
        )
        squares = np.square(features.data if sp.issparse(features) else features, dtype=np.float64).sum()
        # stored with the weights: articles added later must not change it
        self.register_buffer("scale", torch.tensor(float(features.shape[0] / squares) ** 0.5 if squares else 1.0))

    def forward(self, items: Tensor) -> Tensor:
        rows = self.table(items)
        return self.feature_mlp(rows._replace(values=rows.values * self.scale) if isinstance(rows, Rows) else rows * self.scale)


class News(EmbeddingNetwork):
    """score(u, i, t) = r_u(t) . v_i + w * 2 ** (-age of i at t / half-life).

    ``v_i`` is a network of the article's features, plus a vector of its own. ``r_u(t)`` is a mean of the vectors of the
    articles that the user clicked before t, and of a learned vector for users without clicks. Attention gives the weights of
    the mean. The weight of the learned vector is learned too, so that users with few clicks are close to it.

    Parameters
    ----------
    past : TimedSequenceTable
        The clicks of the users in the training data.
    features : array or CSR with a row for each item, or None
        Features of the articles.
    appeared : float32 array of shape (n_items,)
        When each article appeared, counted from the latest event of the training data, in the unit of the timestamps.
    n_factors : int
        Width of the vectors.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers between features and vector.
    has_ids : bool
        Whether each article has an embedding.
    has_attention : bool
        Whether clicks are weighted by attention. If False, all clicks have the same weight.
    half_life : float or None
        In the unit of the timestamps. If None, age does not matter.
    dropout : float
        Dropout after each hidden layer and of the articles' vectors.
    """

    reads_histories = True
    encodes_histories = True
    history_tables = ("past",)

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
        # beside the text the own vectors are initialized with 0, which is also their value for articles without clicks
        self.ids = embedding(self.n_items, n_factors, std=n_factors**-0.5 if features is None else 0) if has_ids else None
        layers = nn.Linear(n_factors, n_factors), nn.Tanh(), nn.Linear(n_factors, 1, bias=False)
        self.attention, self.dropout = nn.Sequential(*layers) if has_attention else None, Dropout(dropout)
        self.default_reader = nn.Parameter(torch.randn(n_factors).mul_(n_factors**-0.5))
        self.default_logit = nn.Parameter(torch.zeros(()))
        self.recency = None if half_life is None else nn.Parameter(torch.zeros(()))
        self.register_buffer("appeared", torch.tensor(appeared), persistent=False)
        for name in ("vectors", "logits"):
            self.register_buffer(name, None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [] if self.ids is None else [self.ids]

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        return super().result_shapes | {"vectors": (self.n_items, len(self.default_reader)), "logits": (self.n_items,)}

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors (n, d) of articles, and their attention logits (n,)."""
        parts = [part(items) for part in (self.text, self.ids) if part is not None]
        vectors = self.dropout(sum(parts))
        return vectors, torch.zeros_like(vectors[:, 0]) if self.attention is None else self.attention(vectors)[:, 0]

    def prepare(self) -> None:
        parts = [
            self.read(items)
            for items in torch.arange(self.n_items, device=self.default_reader.device).split(rows_per_block(_ARTICLE_BYTES))
        ]
        self.vectors, self.logits = (torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def encode(self, query: Tensor | UsersAtTimes) -> State:
        """The vectors of users at some times, and these times. Codes alone stand for users after all of their clicks."""
        return self.state_from(self.past, query if isinstance(query, UsersAtTimes) else self.past.after_all_events(query))

    def state_from(self, past: TimedSequenceTable, queries: UsersAtTimes) -> State:
        """The same with the clicks of other users."""
        items, is_there = past.before(queries)
        return self.readers(items, is_there, self.vectors, self.logits), queries.times[:, None]

    def readers(self, items: Tensor, is_there: Tensor, vectors: Tensor, logits: Tensor) -> Tensor:
        """The vectors (B, d) of users, from the rows of ``vectors`` and ``logits`` of their clicks (B, T)."""
        of_clicks = logits[items].masked_fill(~is_there, -torch.inf)
        shares = torch.cat([self.default_logit.expand(len(items), 1), of_clicks], 1).softmax(-1)
        return shares[:, :1] * self.default_reader + F.embedding_bag(
            items, vectors, per_sample_weights=shares[:, 1:], mode="sum"
        )

    def user_vectors(self, state: State) -> Tensor:
        return state[0]

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.vectors[items]

    def score(self, state: State, items: Tensor) -> Tensor:
        times = state[1] if items.ndim == 2 else state[1][:, 0]
        return self.match(state, items) + self.freshness(times - self.appeared[items])

    def match(self, state: State, items: Tensor) -> Tensor:
        """The part of the score without age."""
        return products(state[0], self.item_vectors(items))

    def freshness(self, ages: Tensor) -> Tensor | float:
        """The part of the score that depends on the age of articles. Articles that have not appeared yet have age 0."""
        if self.half_life is None:
            return 0.0
        return self.recency_weight * torch.exp2(-ages.clamp(min=0) / self.half_life)

    @property
    def recency_weight(self) -> Tensor:
        """The part of the score that a new article gets for its age."""
        # without the factor one weight would grow slower than products of many
        return self.recency * len(self.default_reader) ** 0.5

    def forward(self, query: Tensor | UsersAtTimes, items: Tensor) -> Tensor:
        if not self.training:
            return self.score(self.encode(query), items)
        past, is_there = self.past.before(query)
        # the vector of each article of a minibatch is computed once
        occurs = torch.zeros(self.n_items, dtype=torch.bool, device=items.device)
        occurs[past[is_there]] = occurs[items.flatten()] = True
        place = occurs.cumsum(0) - 1
        vectors, logits = self.read(occurs.nonzero()[:, 0])
        readers = self.readers(place[past].clamp(min=0), is_there, vectors, logits)
        return products(readers, vectors[place[items]]) + self.freshness(query.times[:, None] - self.appeared[items])
