"""LightGCN: embeddings smoothed over the graph of users and items."""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import (
    DotProductEmbeddings,
    Factors,
    NegativeParameters,
    ProductNetwork,
    Rows,
    SparseMatrix,
    TorchRecommender,
    embedding,
)


class LightGCN(ProductNetwork):
    """score(u, i) = e_u . e_i, each e being the mean of an embedding and of what its neighbours pass on, layer by layer.

    In training everything is propagated for each minibatch; outside once, by `prepare`.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
        The edges' weights.
    n_factors, n_layers : int
    std : float
        Spread of the embeddings before training.
    """

    item_biases = None

    def __init__(self, rows: sp.csr_array, n_factors: int, n_layers: int, std: float):
        super().__init__()
        self.users, self.items = (embedding(n, n_factors, std=std) for n in rows.shape)
        self.n_layers = n_layers
        of_users, of_items = (_inverse_roots(rows.astype(np.float64).sum(axis)) for axis in (1, 0))
        self.graph = SparseMatrix((sp.diags_array(of_users) @ rows @ sp.diags_array(of_items)).tocsr())
        self.register_buffer("inverse_roots", torch.tensor(of_items, dtype=torch.float32), persistent=False)
        for name in ("final_users", "final_items", "passed_on", "of_strangers"):
            self.register_buffer(name, None, persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.users]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items]

    def propagate(self) -> tuple[Tensor, Tensor, Tensor]:
        """Final vectors of users and of items, and the sum of what items pass on to their users."""
        users, items = self.users.weight, self.items.weight
        sum_of_users, sum_of_items, passed_on = users, items, torch.zeros_like(items)
        for _ in range(self.n_layers):
            passed_on = passed_on + items
            users, items = self.graph.times(items), self.graph.transposed_times(users)
            sum_of_users, sum_of_items = sum_of_users + users, sum_of_items + items
        return sum_of_users / (self.n_layers + 1), sum_of_items / (self.n_layers + 1), passed_on

    def prepare(self) -> None:
        self.final_users, self.final_items, self.passed_on = self.propagate()
        heard = self.graph.times(self.passed_on)
        self.of_strangers = _least_squares(heard, self.users.weight)

    def factors(self, users: Tensor, items: Tensor) -> Factors:
        if not self.training:
            return super().factors(users, items)
        final_users, final_items, _ = self.propagate()
        return Factors(final_users[users], final_items[items])

    def encode(self, users: Tensor) -> tuple[Tensor]:
        return (self.final_users[users],)

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.final_items[items]

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        """Vectors of strangers: what their items pass on, and the embedding that it foretells."""
        values = rows.values * self.inverse_roots[rows.columns] / rows.sums().clamp(min=1e-12).sqrt()[rows.index]
        heard = rows._replace(values=values).times(self.passed_on)
        return ((heard @ self.of_strangers + heard) / (self.n_layers + 1),)

    @torch.no_grad()
    def place_users(self, users: Tensor, state: tuple[Tensor, ...]) -> None:
        """New users begin with the embedding that their items foretell."""
        self.users.weight[users] = 0
        _, _, passed_on = self.propagate()
        heard = self.graph.times(passed_on)
        is_known = torch.ones(len(heard), dtype=torch.bool)
        is_known[users] = False
        self.users.weight[users] = heard[users] @ _least_squares(heard[is_known], self.users.weight[is_known])


def _least_squares(heard: Tensor, embeddings: Tensor) -> Tensor:
    """The linear map (d, d) from what users hear from their items to their embeddings."""
    gram = heard.T @ heard
    gram.diagonal().add_(1e-3 * gram.diagonal().mean() + 1e-12)
    return torch.linalg.solve(gram, heard.T @ embeddings)


def _inverse_roots(degrees: np.ndarray) -> np.ndarray:
    return np.where(degrees > 0, 1 / np.sqrt(np.where(degrees > 0, degrees, 1)), 0)


class LightGCNRecommender(DotProductEmbeddings, NegativeParameters, TorchRecommender):
    """LightGCN: matrix factorisation whose vectors are smoothed over the graph of who has what.

    A layer gives each user the sum of their items' vectors and each item that of its users, an edge weighing
    ``1 / sqrt(degree of the user * degree of the item)``; the final vector is the mean over the embedding and all layers.

    Parameters
    ----------
    loss : str or callable, default="bpr"
        As for `TorchRecommender`, but for "mse": it ranks. "bpr" is the paper's.
    n_factors : int, default=64
        Width of the embeddings.
    n_layers : int, default=3
        How far vectors travel.
    init_std : float, default=0.1
        Spread of the embeddings before training.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        The final vectors, whose product is the score.

    Notes
    -----
    Every minibatch passes all vectors through the whole graph and back: ``4 * n_layers * n_events * n_factors`` additions, so
    that large minibatches cost least. To recommend, once. The penalty of ``regularization`` is on the embeddings of layer 0.
    New users get what their items pass on, and in place of an embedding the linear function of it that fits the known users
    best.

    References
    ----------
    He, Deng, Wang, Li, Zhang, Wang, "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR
    2020, eq. 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import LightGCNRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = LightGCNRecommender(n_factors=4, max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    loss: str | Callable[..., Tensor] = "bpr"
    n_factors: int = 64
    n_layers: int = 3
    init_std: float = 0.1

    _shaping = ("n_factors", "n_layers")
    _has_sparse_gradients = False

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_layers, "n_layers", at_least=1)
        check_number(self.init_std, "init_std", above=0)
        if self._predicts_ratings:
            raise ValueError("LightGCNRecommender ranks: loss='mse' is for models of ratings, such as MFRecommender")

    def _build(self, events: Interactions) -> LightGCN:
        return LightGCN(self._rows_of(events), self.n_factors, self.n_layers, self.init_std)
