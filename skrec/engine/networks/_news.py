"""The network of `NewsRecommender`."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skrec._memory import rows_per_block
from skrec.engine.batches._at_times import Asked, PastTable
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._network import EmbeddingNetwork, State
from skrec.engine.networks._products import products
from skrec.engine.networks._tower import Reader, feature_table

_ARTICLE_BYTES = 2**12  # that reading one takes


class Text(nn.Module):
    """Vectors of articles by their features, whose rows are scaled to a length of about one."""

    def __init__(self, features: Any, width: int, *, hidden_layer_sizes: tuple[int, ...], dropout: float):
        super().__init__()
        self.table = feature_table(features)
        self.reader = Reader(features.shape[1], width, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout, std=width**-0.5)
        squares = np.square(features.data if sp.issparse(features) else features, dtype=np.float64).sum()
        # a part of what is learned: more articles later must not change it
        self.register_buffer("scale", torch.tensor(float(features.shape[0] / squares) ** 0.5 if squares else 1.0))

    def forward(self, items: Tensor) -> Tensor:
        rows = self.table(items)
        return self.reader(rows._replace(values=rows.values * self.scale) if isinstance(rows, Rows) else rows * self.scale)


class News(EmbeddingNetwork):
    """score(u, i, t) = r_u(t) . v_i + w * 2 ** (-age of i at t / half-life).

    ``v_i`` is a network of the article's features, plus a vector of its own; ``r_u(t)`` the mean of the vectors of what the
    reader clicked before t and of a newcomer's, weighted by an attention that learns which articles tell most. The newcomer
    counts as so many clicks that a reader of few is taken for like the others, and one of many for what they have read.

    Parameters
    ----------
    past : PastTable
        Clicks of the users that it is trained on.
    features : array or CSR with a row for each item, or None
    appeared : float32 array of shape (n_items,)
        When each article appeared, in hours after the end of the training data.
    n_factors : int
    hidden_layer_sizes : tuple of int
        Widths of the layers between the features and the vector.
    has_ids : bool
        Whether each article has a vector of its own.
    has_attention : bool
    half_life : float or None
        In hours.
    dropout : float
    """

    def __init__(
        self,
        past: PastTable,
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
        # beside the text a vector of one's own begins with nothing to say, and stays so for an article that nobody clicked
        self.ids = embedding(self.n_items, n_factors, std=n_factors**-0.5 if features is None else 0) if has_ids else None
        layers = nn.Linear(n_factors, n_factors), nn.Tanh(), nn.Linear(n_factors, 1, bias=False)
        self.attention, self.dropout = nn.Sequential(*layers) if has_attention else None, Dropout(dropout)
        self.newcomer = nn.Parameter(torch.randn(n_factors) * n_factors**-0.5)
        self.caution = nn.Parameter(torch.zeros(()))
        self.recency = None if half_life is None else nn.Parameter(torch.zeros(()))
        self.register_buffer("appeared", torch.tensor(appeared), persistent=False)
        for name in ("vectors", "interest"):
            self.register_buffer(name, None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [] if self.ids is None else [self.ids]

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors (n, d) of articles, and how much each tells of who has read it (n,)."""
        parts = [part(items) for part in (self.text, self.ids) if part is not None]
        vectors = self.dropout(sum(parts))
        return vectors, torch.zeros_like(vectors[:, 0]) if self.attention is None else self.attention(vectors)[:, 0]

    def prepare(self) -> None:
        parts = [
            self.read(items)
            for items in torch.arange(self.n_items, device=self.newcomer.device).split(rows_per_block(_ARTICLE_BYTES))
        ]
        self.vectors, self.interest = (torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def encode(self, query: Tensor | Asked) -> State:
        """Readers as of some moments, or, of codes alone, after all that they clicked; with the hour in which they ask."""
        return self.state_by(self.past, query if isinstance(query, Asked) else self.past.at_the_end(query))

    def state_by(self, past: PastTable, asked: Asked) -> State:
        """What `encode` gives, by other pasts."""
        items, is_there = past.before(asked)
        return self.readers(items, is_there, self.vectors, self.interest), asked.hours[:, None]

    def readers(self, items: Tensor, is_there: Tensor, vectors: Tensor, interest: Tensor) -> Tensor:
        """The vectors of readers by the rows of ``vectors`` that they have read."""
        logits = interest[items].masked_fill(~is_there, -torch.inf)
        shares = torch.cat([self.caution.expand(len(items), 1), logits], 1).softmax(-1)
        return shares[:, :1] * self.newcomer + F.embedding_bag(items, vectors, per_sample_weights=shares[:, 1:], mode="sum")

    def user_vectors(self, state: State) -> Tensor:
        return state[0]

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.vectors[items]

    def score(self, state: State, items: Tensor) -> Tensor:
        hours = state[1] if items.ndim == 2 else state[1][:, 0]
        return self.match(state, items) + self.freshness(hours - self.appeared[items])

    def match(self, state: State, items: Tensor) -> Tensor:
        """The part of the score that is about text and taste."""
        return products(state[0], self.item_vectors(items))

    def freshness(self, ages: Tensor) -> Tensor | float:
        """What is added for the age of articles, in hours; what has not appeared yet is new."""
        if self.half_life is None:
            return 0.0
        return self.recency_weight * torch.exp2(-ages.clamp(min=0) / self.half_life)

    @property
    def recency_weight(self) -> Tensor:
        """What is added for a new article."""
        # one number has to keep pace with products of many
        return self.recency * len(self.newcomer) ** 0.5

    def forward(self, query: Tensor | Asked, items: Tensor) -> Tensor:
        if not self.training:
            return self.score(self.encode(query), items)
        past, is_there = self.past.before(query)
        # each article of a minibatch is read once, wherever it occurs
        occurs = torch.zeros(self.n_items, dtype=torch.bool, device=items.device)
        occurs[past[is_there]] = occurs[items.flatten()] = True
        place = occurs.cumsum(0) - 1
        vectors, interest = self.read(occurs.nonzero()[:, 0])
        readers = self.readers(place[past].clamp(min=0), is_there, vectors, interest)
        return products(readers, vectors[place[items]]) + self.freshness(query.hours[:, None] - self.appeared[items])
