"""Networks over embeddings: branches from a user and an item to features, and one linear layer over all of them.

A branch returns its features multiplied by their weights in that layer and summed. For a product of embeddings this is one
matrix product, where the features themselves would take ``n_factors`` numbers per score.
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
    """Generalized matrix factorization: the element-wise product of two embeddings.

    Parameters
    ----------
    n_users, n_items, n_factors : int
        Numbers of users, items and features.
    """

    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        self.users, self.items = embedding(n_users, n_factors, std=0.01), embedding(n_items, n_factors, std=0.01)
        self.width, self.floats = n_factors, 1

    def forward(self, user_vectors: Tensor, items: Tensor, head: Tensor) -> Tensor:
        return products(user_vectors * head, self.items(items))


class MLP(nn.Module):
    """A multilayer perceptron over the concatenated embeddings of a user and an item.

    The first layer is split into one part for users and one for items, so that each is computed once for a block of pairs.

    Parameters
    ----------
    n_users, n_items : int
        Numbers of users and items.
    widths : (int, int)
        Widths of the embeddings of users and of items.
    hidden_layer_sizes : tuple of int
        Widths of the layers.
    dropout : float, default=0.0
        Dropout after each layer.
    embedding_dropout : float, default=0.0
        Dropout of the embeddings.
    batch_norm : bool, default=False
        Whether the output of each layer is normalized over the minibatch.
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
        """Weight (n_out, n_in) and bias (n_out,) of the linear map after each rectifier in evaluation mode, in float64.

        The last map includes ``head`` and returns the score. Normalization by running statistics is linear.
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
    """Batch normalization of the last axis. A single row is normalized by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2)
        if len(rows) > 1:
            return super().forward(rows).view(x.shape)
        return F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps).view(x.shape)


class BranchNetwork(EmbeddingNetwork):
    """Branches from a user and an item to features, and one linear layer over all features.

    Parameters
    ----------
    branches : list of GMF or MLP

    Attributes
    ----------
    has_branches : bool, default=True
        Whether all scores are computed by the branches and the linear layer. Subclasses that override ``score`` or ``forward``
        set it to False.
    """

    has_branches: bool = True

    def __init__(self, branches: list[GMF | MLP]):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.head = nn.Linear(sum(branch.width for branch in branches), 1)
        for branch, part in zip(branches, self.head_weights(), strict=True):
            if isinstance(branch, GMF):  # starts as the sum of the products, which is matrix factorization
                nn.init.ones_(part)
        self.floats_per_score = 2 * sum(branch.floats for branch in branches)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [branch.users for branch in self.branches]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [branch.items for branch in self.branches]

    def score(self, state: tuple[Tensor, ...], items: Tensor) -> Tensor:
        parts = zip(self.branches, state, self.head_weights(), strict=True)
        return self.rating(sum(branch(vectors, items, head) for branch, vectors, head in parts) + self.head.bias)

    def head_weights(self) -> tuple[Tensor, ...]:
        """Weights of each branch's features in the linear layer."""
        return self.head.weight[0].split([branch.width for branch in self.branches])
