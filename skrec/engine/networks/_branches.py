"""Networks over embeddings: paths from a user and an item to features, and one linear layer over all of them.

A path gives its features already times their weights in that layer: of a product of embeddings the features themselves would be
``n_factors`` numbers for each score, where the sum is one matrix product.
"""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._network import EmbeddingNetwork
from skrec.engine.networks._products import products


class GMF(nn.Module):
    """Generalised matrix factorisation: the element-wise product of two embeddings."""

    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        self.users, self.items = embedding(n_users, n_factors, std=0.01), embedding(n_items, n_factors, std=0.01)
        self.width, self.floats = n_factors, 1

    def forward(self, user_vectors: Tensor, items: Tensor, head: Tensor) -> Tensor:
        return products(user_vectors * head, self.items(items))


class MLP(nn.Module):
    """A network over two embeddings side by side.

    Its first layer is split in two, for users and for items, so that a block of users x items shares the work.

    Parameters
    ----------
    n_users, n_items : int
    widths : (int, int)
        Of the embeddings of users and of items.
    hidden_layer_sizes : tuple of int
        Of the layers.
    dropout, embedding_dropout : float
        After each layer, and of the embeddings.
    batch_norm : bool
        Whether each layer's output is normalised over the minibatch.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        widths: tuple[int, int],
        hidden_layer_sizes: tuple[int, ...],
        *,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        batch_norm: bool = False,
    ):
        super().__init__()
        self.users, self.items = embedding(n_users, widths[0], std=0.01), embedding(n_items, widths[1], std=0.01)
        self.drop = Dropout(embedding_dropout)
        self.of_user = nn.Linear(widths[0], hidden_layer_sizes[0])
        self.of_item = nn.Linear(widths[1], hidden_layer_sizes[0], bias=False)
        self.layers = nn.Sequential()
        for width, following in pairwise((*hidden_layer_sizes, None)):
            normal = [BatchNorm(width)] if batch_norm else []
            self.layers.extend([nn.ReLU(inplace=True), *normal, Dropout(dropout)])
            if following is not None:
                self.layers.append(nn.Linear(width, following))
        self.width, self.floats = hidden_layer_sizes[-1], sum(hidden_layer_sizes)

    def forward(self, user_vectors: Tensor, items: Tensor, head: Tensor) -> Tensor:
        of_users = self.of_user(self.drop(user_vectors))
        of_items = self.of_item(self.drop(self.items(items)))
        return self.layers((of_users[:, None] if items.ndim == 2 else of_users) + of_items) @ head

    def linear_maps(self, head: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weight (n_out, n_in) and bias (n_out,) of all that comes after each rectifier, outside of training, in float64.

        The last one gives the score, by the ``head``. Normalisation by running statistics is linear.
        """
        corners = [place for place, layer in enumerate(self.layers) if isinstance(layer, nn.ReLU)]
        maps, width = [], self.of_user.out_features
        for before, after in pairwise((*corners, len(self.layers))):
            part = copy.deepcopy(self.layers[before + 1 : after]).double().eval().requires_grad_(False)
            unit = torch.eye(width, dtype=torch.float64, device=head.device)
            bias = part(torch.zeros_like(unit[:1]))
            maps.append(((part(unit) - bias).T, bias[0]))
            width = bias.shape[1]
        weight, bias = maps[-1]
        maps[-1] = (head.double() @ weight)[None], (head.double() @ bias)[None]
        return maps


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of the last axis, whatever axes are before it; one row alone goes by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2)
        if len(rows) > 1:
            return super().forward(rows).view(x.shape)
        return F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps).view(x.shape)


class PathNetwork(EmbeddingNetwork):
    """Paths from (user, item) to features, and one linear layer over all of them.

    Attributes
    ----------
    has_paths : bool, default=True
        Whether the paths and the linear layer give all scores. A network that overrides ``score`` or ``forward`` sets it to
        False.
    """

    has_paths: bool = True

    def __init__(self, paths: list[GMF | MLP]):
        super().__init__()
        self.paths = nn.ModuleList(paths)
        self.head = nn.Linear(sum(path.width for path in paths), 1)
        for path, part in zip(paths, self.head_weights(), strict=True):
            if isinstance(path, GMF):  # the sum of the products: from here on the path learns as matrix factorisation does
                nn.init.ones_(part)
        self.floats_per_score = 2 * sum(path.floats for path in paths)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [path.users for path in self.paths]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [path.items for path in self.paths]

    def score(self, state: tuple[Tensor, ...], items: Tensor) -> Tensor:
        parts = zip(self.paths, state, self.head_weights(), strict=True)
        return self.rating(sum(path(vectors, items, head) for path, vectors, head in parts) + self.head.bias)

    def head_weights(self) -> tuple[Tensor, ...]:
        """What the linear layer makes of each path's features."""
        return self.head.weight[0].split([path.width for path in self.paths])
