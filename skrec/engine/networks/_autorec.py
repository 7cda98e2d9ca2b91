"""Networks of AutoRec."""

import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec.engine.batches._sparse_rows import Rows, RowTable
from skrec.engine.networks._autoencoder import ACTIVATIONS, OutputLayer, RowNetwork, SparseLinear
from skrec.engine.networks._products import ProductNetwork


class UserAutoRec(RowNetwork):
    """User-based AutoRec: score(u, i) = v_i . f(W x_u + b) + c_i, where x_u is the row of the user."""

    def __init__(self, rows: sp.csr_array, width: int, activation: str, dropout: float):
        super().__init__(rows, width, dropout=dropout)
        self.activation = ACTIVATIONS[activation]()

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        return (self.activation(self.input_layer(centered(rows, self))),)


class ItemAutoRec(ProductNetwork):
    """Item-based AutoRec: score(u, i) = v_u . f(W x_i + b) + c_u, where x_i is the column of the item."""

    item_biases = None
    history_tables = ("columns",)
    states_are_vectors = True

    def __init__(self, columns: sp.csr_array, width: int, activation: str, dropout: float):
        super().__init__()
        self.columns = RowTable(columns)
        self.input_layer = SparseLinear(columns.shape[1], width, dropout=dropout)
        self.output_layer, self.activation = OutputLayer(columns.shape[1], width), ACTIVATIONS[activation]()
        self.register_buffer("prepared", None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.output_layer.vectors, self.output_layer.biases, self.input_layer.table]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return []

    def encode(self, users: Tensor) -> tuple[Tensor, Tensor]:
        return self.output_layer.vectors(users), self.output_layer.biases(users)

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        return super().result_shapes | {"prepared": (self.columns.n_rows, len(self.input_layer.bias))}

    def prepare(self) -> None:
        self.prepared = self.read(torch.arange(self.columns.n_rows, device=self.input_layer.bias.device))

    def read(self, items: Tensor) -> Tensor:
        """Encode the columns of items."""
        return self.activation(self.input_layer(centered(self.columns(items), self)))

    def item_vectors(self, items: Tensor) -> Tensor:
        if not self.training:
            return self.prepared[items]
        distinct, place = items.unique(return_inverse=True)
        return self.read(distinct)[place]

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: tuple[Tensor, ...]) -> None:
        """Set the output rows of new users from their states. Their input rows are 0 until they are trained."""
        self.output_layer.vectors.weight[users], self.output_layer.biases.weight[users] = state
        self.input_layer.table.weight[users] = 0


def centered(rows: Rows, network: ProductNetwork) -> Rows:
    """Subtract the mean rating, so that an average rating has the same effect as a missing one.

    With ``y_range`` ratings are unchanged.
    """
    return rows if network.y_range is not None else rows._replace(values=rows.values - network.mean)
