"""Scores of a trained network as functions of users alone, with their derivatives.

Scores of products are linear in the users' vectors, so that their derivatives are one matrix product. Other networks are
differentiated by autograd.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.networks._network import EmbeddingNetwork
from skrec.engine.networks._products import Factors

_WIDTH_OF_CORNERS = 0.05

# from derivatives of some sum by a function's values to derivatives of this sum by the function's argument
Pullback = Callable[[Tensor], Tensor]
Scores = Callable[[Tensor], tuple[Tensor, Pullback]]


class FrozenNetwork:
    """A network whose scores are functions of its users in float64, everything else being constant.

    In float32 the sums over a catalogue would leave a gradient of rounding, which differs with the number of users at once.

    Parameters
    ----------
    network : RecommenderNetwork
    prior : Prior
        Of its users.
    """

    def __init__(self, network: Any, prior: Prior):
        self.has_factors, self.floats_per_score = network.has_factors, network.floats_per_score
        self.network, self.widths = network if self.has_factors else _in_double(network), prior.widths
        self.mean_user = prior.state(torch.zeros_like(prior.mean)[None])

    def vectors(self, state: State) -> Tensor:
        """What scores are functions of, (n, w): what products are made of, a user's vector and bias, or the state itself."""
        if not self.has_factors:
            return torch.cat(state, 1)
        factors = self.network.with_users(Factors(state[0], state[0]), state)
        return factors.users if factors.user_biases is None else torch.cat([factors.users, factors.user_biases[:, None]], 1)

    def scores(self, items: Tensor, index: Tensor | None = None) -> Scores:
        """Scores of all of some items for each user, or, with an ``index`` of users, of each item for one of them.

        Parameters
        ----------
        items : int64 Tensor of shape (n_items,)
        index : int64 Tensor of shape (n_items,), or None

        Returns
        -------
        callable
            Maps vectors (n_users, w) to the scores, (n_users, n_items) or (n_items,), and their pullback.
        """
        if not self.has_factors:
            return lambda vectors: with_pullback(lambda flat: self._score(flat, items, index), vectors)
        products = self._products(items, index)
        if self.network.y_range is None:
            return products

        def rated(vectors: Tensor) -> tuple[Tensor, Pullback]:
            scores, to_vectors = products(vectors)
            ratings, to_scores = with_pullback(self.network.rating, scores)
            return ratings, lambda slopes: to_vectors(to_scores(slopes))

        return rated

    def _score(self, flat: Tensor, items: Tensor, index: Tensor | None) -> Tensor:
        if index is None:
            return self.network.score(flat.split(self.widths, 1), items[None])
        return self.network.score(flat[index].split(self.widths, 1), items)

    def _products(self, items: Tensor, index: Tensor | None) -> Scores:
        """Products with the items' vectors, plus their biases and the mean of the ratings."""
        with torch.no_grad():
            factors = self.network.factors_of(self.mean_user, items)
        of_items = factors.items.double()
        if factors.user_biases is not None:
            of_items = torch.cat([of_items, torch.ones_like(of_items[:, :1])], 1)
        biases = of_items.new_zeros(len(items)) if factors.biases is None else factors.biases.double()
        if self.network.y_range is None:
            biases = self.network.rating(biases)

        def all_of_each(vectors: Tensor) -> tuple[Tensor, Pullback]:
            return torch.addmm(biases, vectors, of_items.T), lambda slopes: slopes @ of_items

        def one_by_one(vectors: Tensor) -> tuple[Tensor, Pullback]:
            def pullback(slopes: Tensor) -> Tensor:
                return torch.zeros_like(vectors).index_add_(0, index, slopes[:, None] * of_items)

            return biases + (vectors.index_select(0, index) * of_items).sum(1), pullback

        return all_of_each if index is None else one_by_one


def with_pullback(function: Callable[[Tensor], Tensor], point: Tensor) -> tuple[Tensor, Pullback]:
    """The value of a function, and its pullback by autograd."""
    point = point.detach().requires_grad_()
    with torch.enable_grad():
        value = function(point)
    return value.detach(), lambda slopes: torch.autograd.grad(value, point, slopes)[0]


class SmoothReLU(nn.Module):
    """ReLU with a parabola in place of the corner, so that what is made of it has a gradient everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        slope = ((x + _WIDTH_OF_CORNERS) / (2 * _WIDTH_OF_CORNERS)).clamp(0, 1)
        return _WIDTH_OF_CORNERS * slope.square() + (x - _WIDTH_OF_CORNERS).clamp(min=0)


def _in_double(network: nn.Module) -> Any:
    """A smooth copy in float64 without the tables of users, of which none is looked up."""
    tables = {
        id(table): nn.Embedding(0, table.embedding_dim)
        for table in (network.user_tables if isinstance(network, EmbeddingNetwork) else [])
    }
    replaced = {id(part): SmoothReLU() for part in network.modules() if isinstance(part, nn.ReLU)}
    return copy.deepcopy(network, tables | replaced).double().requires_grad_(False)
