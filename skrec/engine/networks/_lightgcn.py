"""The network of LightGCN."""

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec.engine.batches._sparse_rows import Rows, SparseMatrix
from skrec.engine.networks._layers import embedding
from skrec.engine.networks._linear_map import fit_linear_map
from skrec.engine.networks._products import Factors, ProductNetwork


class LightGCN(ProductNetwork):
    """score(u, i) = e_u . e_i, where e is the mean over all layers of embeddings propagated along the graph.

    In training the whole graph is propagated for each minibatch. After training it is propagated once by `prepare`.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
        Weights of the edges.
    n_factors, n_layers : int
        Width of the embeddings and number of propagation steps.
    std : float
        Standard deviation of the initial embeddings.
    """

    item_biases = None
    reads_histories = True
    history_tables = ("graph",)

    def __init__(self, rows: sp.csr_array, n_factors: int, n_layers: int, std: float):
        super().__init__()
        self.users, self.items = (embedding(n, n_factors, std=std) for n in rows.shape)
        self.n_layers = n_layers
        of_users, of_items = (_inverse_roots(rows.astype(np.float64).sum(axis)) for axis in (1, 0))
        self.graph = SparseMatrix((sp.diags_array(of_users) @ rows @ sp.diags_array(of_items)).tocsr())
        self.register_buffer("inverse_roots", torch.tensor(of_items, dtype=torch.float32), persistent=False)
        for name in ("final_users", "final_items", "item_messages", "new_user_map"):
            self.register_buffer(name, None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.users]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items]

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        users, items = self.users.weight.shape, self.items.weight.shape
        results = {"final_users": users, "final_items": items, "item_messages": items, "new_user_map": (users[1], users[1])}
        return super().result_shapes | results

    def propagate(self) -> tuple[Tensor, Tensor, Tensor]:
        """Final vectors of users, final vectors of items, and the sum over layers of the vectors that items propagate."""
        users, items = self.users.weight, self.items.weight
        sum_of_users, sum_of_items, item_messages = users, items, torch.zeros_like(items)
        for _ in range(self.n_layers):
            item_messages = item_messages + items
            users, items = self.graph.times(items), self.graph.transposed_times(users)
            sum_of_users, sum_of_items = sum_of_users + users, sum_of_items + items
        return sum_of_users / (self.n_layers + 1), sum_of_items / (self.n_layers + 1), item_messages

    def prepare(self) -> None:
        self.final_users, self.final_items, self.item_messages = self.propagate()
        neighbor_sum = self.graph.times(self.item_messages)
        self.new_user_map = fit_linear_map(neighbor_sum, self.users.weight)

    def factors(self, users: Tensor, items: Tensor) -> Factors:
        if not self.training:
            return super().factors(users, items)
        final_users, final_items, _ = self.propagate()
        return Factors(final_users[users], final_items[items])

    def encode(self, users: Tensor) -> tuple[Tensor]:
        return (self.final_users[users],)

    def all_item_vectors(self, n_items: int) -> Tensor:
        return self.final_items

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.final_items[items]

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        """Vectors of new users: the sum propagated from their items, and an embedding predicted from it."""
        values = rows.values * self.inverse_roots[rows.columns] / rows.sums().clamp(min=1e-12).sqrt()[rows.index]
        neighbor_sum = rows._replace(values=values).times(self.item_messages)
        return ((neighbor_sum @ self.new_user_map + neighbor_sum) / (self.n_layers + 1),)

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: tuple[Tensor, ...]) -> None:
        """Set the embeddings of new users to predictions from the sums propagated from their items."""
        self.users.weight[users] = 0
        _, _, item_messages = self.propagate()
        neighbor_sum = self.graph.times(item_messages)
        is_known = torch.ones(len(neighbor_sum), dtype=torch.bool)
        is_known[users] = False
        self.users.weight[users] = neighbor_sum[users] @ fit_linear_map(neighbor_sum[is_known], self.users.weight[is_known])


def _inverse_roots(degrees: np.ndarray) -> np.ndarray:
    return np.where(degrees > 0, 1 / np.sqrt(np.where(degrees > 0, degrees, 1)), 0)
