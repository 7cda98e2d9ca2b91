"""Networks that encode users' rows."""

import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec.engine.batches._sparse_rows import Rows, RowTable
from skrec.engine.networks._layers import Dropout
from skrec.engine.networks._network import State
from skrec.engine.networks._products import ProductNetwork

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "identity": nn.Identity}


class SparseLinear(nn.Module):
    """A linear layer over sparse rows.

    Parameters
    ----------
    n_columns, width : int
        Width of the input and of the output.
    dropout : float, default=0.0
        Fraction of the entries that are dropped in training.
    normalize : bool, default=False
        Whether rows are scaled to length 1 first.
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


class OutputLayer(nn.Module):
    """A linear layer with one output per user or item.

    Parameters
    ----------
    n, width : int
        Number of outputs and width of the input.
    """

    def __init__(self, n: int, width: int):
        super().__init__()
        self.vectors, self.biases = nn.Embedding(n, width), nn.Embedding(n, 1)
        nn.init.xavier_normal_(self.vectors.weight)
        nn.init.zeros_(self.biases.weight)


class RowNetwork(ProductNetwork):
    """Base of autoencoders of users' rows.

    A network implements ``encode_rows(rows) -> state``. Rows pass through ``input_layer`` first, and ``output_layer`` computes
    the scores from the state. The states of new users are computed from their rows without training. The training rows are
    kept, so that ``encode`` can look up those of known users.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
    width : int
        Width of the input layer and of the output layer.
    dropout : float
        Fraction of a row's entries that are dropped in training.
    normalize : bool, default=False
        Whether rows are scaled to length 1 first.
    """

    reads_histories = True
    encodes_histories = True
    history_tables = ("rows",)

    def __init__(self, rows: sp.csr_array, width: int, *, dropout: float, normalize: bool = False):
        super().__init__()
        self.rows = RowTable(rows)
        self.input_layer = SparseLinear(rows.shape[1], width, dropout=dropout, normalize=normalize)
        self.output_layer = OutputLayer(rows.shape[1], width)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.input_layer.table, self.output_layer.vectors, self.output_layer.biases]

    @property
    def item_biases(self) -> nn.Embedding:  # type: ignore[override]
        return self.output_layer.biases

    def all_item_vectors(self, n_items: int) -> Tensor:
        return self.output_layer.vectors.weight

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.output_layer.vectors(items)

    def encode_rows(self, rows: Rows) -> State:
        raise NotImplementedError(f"{type(self).__name__} must implement encode_rows")

    def encode(self, users: Tensor) -> State:
        distinct, place = users.unique(return_inverse=True)  # each row is encoded once
        return tuple(part[place] for part in self.encode_rows(self.rows(distinct)))
