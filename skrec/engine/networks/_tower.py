"""Vectors of users or items, computed from embeddings and features."""

from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._memory import rows_per_block
from skrec.engine.batches._sparse_rows import Rows, RowTable
from skrec.engine.networks._layers import Dropout, embedding

_ROW_BYTES = 2**12  # memory for one user or item, features included


class FeatureTable(nn.Module):
    """A dense table of features stored on the device of a network. `RowTable` is the sparse equivalent."""

    def __init__(self, features: NDArray):
        super().__init__()
        self.register_buffer("features", torch.tensor(features, dtype=torch.float32), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Select rows in any order."""
        return self.features[rows]


def feature_table(features: Any) -> FeatureTable | RowTable:
    """Convert features, an array or CSR, to tensors. CSR stays sparse.

    Parameters
    ----------
    features : array or CSR of shape (n, n_columns)
    """
    return RowTable(features) if sp.issparse(features) else FeatureTable(features)


class FeatureMLP(nn.Module):
    """A multilayer perceptron with rectified hidden layers over dense or sparse features.

    Parameters
    ----------
    n_columns : int
        Number of features.
    width : int
        Width of the output.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers. If empty, the network is linear.
    dropout : float
        Dropout after each hidden layer.
    std : float
        Standard deviation of the initial weights of the last layer.
    """

    def __init__(self, n_columns: int, width: int, *, hidden_layer_sizes: tuple[int, ...], dropout: float, std: float):
        super().__init__()
        widths = (*hidden_layer_sizes, width)
        self.weight = nn.Parameter(torch.empty(n_columns, widths[0]))
        self.bias = nn.Parameter(torch.zeros(widths[0]))
        nn.init.xavier_normal_(self.weight)
        self.layers = nn.Sequential()
        for before, after in pairwise(widths):
            self.layers.extend([nn.ReLU(), Dropout(dropout), nn.Linear(before, after)])
        nn.init.normal_(self.layers[-1].weight if hidden_layer_sizes else self.weight, std=std)

    def forward(self, rows: Tensor | Rows) -> Tensor:
        product = rows.times(self.weight) if isinstance(rows, Rows) else rows @ self.weight
        return self.layers(product + self.bias)


class RowDropout(Dropout):
    """Sets a fraction ``p`` of whole vectors to 0 in training, without scaling the others."""

    def forward(self, vectors: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return vectors
        kept = torch.rand(vectors.shape[:-1], generator=self.generator, device=vectors.device) >= self.p
        return vectors * kept[..., None]


class Tower(nn.Module):
    """Vectors of users or items: an embedding plus the output of a `FeatureMLP` of the features.

    Without features, the vector is the embedding. If there are features, users or items without events have no embedding.
    Embeddings are dropped with probability ``id_dropout`` in training, so that features alone give useful vectors.

    Parameters
    ----------
    n, width : int
        Number of users or items, and width of the vectors.
    features : array or CSR with n rows, or None
        Features of the users or items.
    has_events : bool array of shape (n,)
        Which users or items have events.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers of the `FeatureMLP`.
    dropout : float
        Dropout after each hidden layer.
    id_dropout : float
        Probability of dropping an embedding.
    std : float
        Standard deviation of the initial embeddings and of the last layer's initial weights.
    """

    def __init__(
        self,
        n: int,
        width: int,
        features: Any,
        has_events: NDArray[np.bool_],
        *,
        hidden_layer_sizes: tuple[int, ...],
        dropout: float,
        id_dropout: float,
        std: float,
    ):
        super().__init__()
        self.table = embedding(n, width, std=std)
        self.features = self.feature_mlp = None
        if features is not None:
            self.features = feature_table(features)
            self.feature_mlp = FeatureMLP(
                features.shape[1], width, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout, std=std
            )
        self.drop = RowDropout(id_dropout)
        self.register_buffer("has_events", torch.tensor(has_events, dtype=torch.float32)[:, None], persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        own = self.table(codes)
        if self.feature_mlp is None:
            return own
        return self.drop(own * self.has_events[codes]) + self.feature_vectors(codes)

    def feature_vectors(self, codes: Tensor) -> Tensor:
        """Part of the vectors that is computed from the features, for codes of any shape. 0 without features."""
        if self.features is None or self.feature_mlp is None:
            return torch.zeros(*codes.shape, self.table.embedding_dim, device=codes.device)
        vectors = self.feature_mlp(self.features(codes.flatten()))
        return vectors.view(*codes.shape, vectors.shape[-1])

    def all_vectors(self) -> Tensor:
        """Vectors of all users or items, computed in blocks because features may be much wider than vectors."""
        codes = torch.arange(len(self.has_events), device=self.has_events.device)
        return torch.cat([self(block) for block in codes.split(rows_per_block(_ROW_BYTES))])
