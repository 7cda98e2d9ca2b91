"""Vectors of users, or of items: what each of them has of its own, and what its features tell."""

from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._memory import rows_per_block
from skrec.engine.batches._sparse_rows import Rows, RowTable
from skrec.engine.networks._layers import Dropout, RandomLayer, embedding

_ROW_BYTES = 2**12  # that a user or item takes, features included


class FeatureTable(nn.Module):
    """A dense table of features on the device of the network that it is a part of; `RowTable` is its sparse kin."""

    def __init__(self, features: NDArray):
        super().__init__()
        self.register_buffer("features", torch.tensor(features, dtype=torch.float32), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Some rows, in any order."""
        return self.features[rows]


def feature_table(features: Any) -> FeatureTable | RowTable:
    """Features, an array or CSR, as tensors; CSR is never made dense."""
    return RowTable(features) if sp.issparse(features) else FeatureTable(features)


class Reader(nn.Module):
    """Layers that make vectors of features: linear, with rectified hidden layers before the last if there are any.

    Parameters
    ----------
    n_columns : int
        Features.
    width : int
        Of the vectors.
    hidden_layer_sizes : tuple of int
        Widths of the hidden layers.
    dropout : float
        After each of these.
    std : float
        Spread of the last layer's weights before training.
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


class RowDropout(RandomLayer):
    """Sets a share ``p`` of all vectors to zero in training, each as a whole; the others stay as they are."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, vectors: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return vectors
        kept = torch.rand(vectors.shape[:-1], generator=self.generator, device=vectors.device) >= self.p
        return vectors * kept[..., None]


class Tower(nn.Module):
    """vector = own embedding + what is read from the features.

    Without features it is the embedding alone. Whoever has features but no events has no embedding; what features tell is
    learned to do without, since in training a share of the embeddings is left out.

    Parameters
    ----------
    n, width : int
    features : array or CSR with n rows, or None
    known : bool array of shape (n,)
        Who has events.
    hidden_layer_sizes, dropout, std
        As for `Reader`; the embeddings have the same spread.
    id_dropout : float
        The share of embeddings that are left out.
    """

    def __init__(
        self,
        n: int,
        width: int,
        features: Any,
        known: NDArray[np.bool_],
        *,
        hidden_layer_sizes: tuple[int, ...],
        dropout: float,
        id_dropout: float,
        std: float,
    ):
        super().__init__()
        self.table = embedding(n, width, std=std)
        self.features = self.reader = None
        if features is not None:
            self.features = feature_table(features)
            self.reader = Reader(features.shape[1], width, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout, std=std)
        self.drop = RowDropout(id_dropout)
        self.register_buffer("known", torch.tensor(known, dtype=torch.float32)[:, None], persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        own = self.table(codes)
        if self.reader is None:
            return own
        return self.drop(own * self.known[codes]) + self.told(codes)

    def told(self, codes: Tensor) -> Tensor:
        """What the features tell, whatever the shape of the codes; zero without features."""
        if self.features is None or self.reader is None:
            return torch.zeros(*codes.shape, self.table.embedding_dim, device=codes.device)
        told = self.reader(self.features(codes.flatten()))
        return told.view(*codes.shape, told.shape[-1])

    def all_vectors(self) -> Tensor:
        """Of everybody, in blocks, for features may be much wider than vectors."""
        codes = torch.arange(len(self.known), device=self.known.device)
        return torch.cat([self(block) for block in codes.split(rows_per_block(_ROW_BYTES))])
