"""Layers that read sparse rows and write dot products."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine._layers import Dropout
from skrec.engine._rows import Rows


class SparseLinear(nn.Module):
    """A linear layer over sparse rows: the sum of a table's rows for what is there, and a bias.

    Parameters
    ----------
    n_columns, width : int
    dropout : float, default=0.0
        Share of the entries that are left out in training.
    normalize : bool, default=False
        Whether rows are scaled to length one first.
    """

    def __init__(self, n_columns: int, width: int, *, dropout: float = 0.0, normalize: bool = False):
        super().__init__()
        self.table = nn.Embedding(n_columns, width)
        nn.init.xavier_normal_(self.table.weight)
        self.bias = nn.Parameter(torch.zeros(width))
        self.dropout, self.normalize = Dropout(dropout), normalize

    def forward(self, rows: Rows) -> Tensor:
        if self.normalize:
            rows = rows.scaled()
        return rows._replace(values=self.dropout(rows.values)).times(self.table.weight, sparse=self.table.sparse) + self.bias


class Readout(nn.Module):
    """One product with a hidden vector for each of n targets, and a bias for each."""

    def __init__(self, n: int, width: int):
        super().__init__()
        self.vectors, self.biases = nn.Embedding(n, width), nn.Embedding(n, 1)
        nn.init.xavier_normal_(self.vectors.weight)
        nn.init.zeros_(self.biases.weight)


ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": F.relu, "identity": lambda x: x}
