"""Scores of a trained network as functions of the users' states, with their derivatives, in float64.

In float32 the rounding errors of sums over a catalog would depend on the number of users in a block.
"""

import copy
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.fold_in._rectified import SmoothReLU, rectified
from skrec.engine.fold_in._scores import Pullback, Scores, products, with_pullback
from skrec.engine.networks._branches import GMF, MLP, BranchNetwork
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork
from skrec.engine.networks._products import Factors, ProductNetwork


class FrozenNetwork(Protocol):
    """A network with fixed weights, whose scores are functions of the users' states."""

    def vectors(self, state: State) -> tuple[Tensor, Pullback]:
        """Return vectors (n_users, w) of states in float64, and their pullback to the concatenated states (n_users, d).

        The scores are functions of the vectors.
        """

    def scores(self, items: Tensor, index: Tensor | None = None) -> Scores:
        """Return the scores of items as a function of the users' vectors.

        Parameters
        ----------
        items : int64 Tensor of shape (n_items,)
            Item codes.
        index : int64 Tensor of shape (n_items,), or None
            User of each item. If None, all items are scored for all users.

        Returns
        -------
        callable
            Maps vectors (n_users, w) to scores, (n_users, n_items) or (n_items,), and their pullback.
        """


def freeze(network: RecommenderNetwork, prior: Prior) -> FrozenNetwork:
    """Return the frozen version of a network. Derivatives have closed forms for dot products and branches."""
    if isinstance(network, ProductNetwork) and network.has_factors:
        return _FrozenProducts(network, prior)
    if isinstance(network, BranchNetwork) and network.has_branches:
        return _FrozenBranches(network)
    return _FrozenByAutograd(network, prior)


class _FrozenProducts:
    """A network of dot products, which are linear in the users' vectors."""

    def __init__(self, network: Any, prior: Prior):
        self.network, self.mean_user, self.widths = network, prior.state(torch.zeros_like(prior.mean)[None]), prior.widths

    def vectors(self, state: State) -> tuple[Tensor, Pullback]:
        flat = torch.cat(state, 1)
        if self.network.states_are_vectors:
            return flat, _same
        return with_pullback(lambda flat: self._vectors(flat.split(self.widths, 1)), flat)

    def _vectors(self, state: State) -> Tensor:
        factors = self.network.with_users(Factors(state[0], state[0]), state)
        return factors.users if factors.user_biases is None else torch.cat([factors.users, factors.user_biases[:, None]], 1)

    def scores(self, items: Tensor, index: Tensor | None = None) -> Scores:
        with torch.no_grad():
            factors = self.network.factors_of(self.mean_user, items)
        of_items = factors.items.double()
        if factors.user_biases is not None:
            of_items = torch.cat([of_items, torch.ones_like(of_items[:, :1])], 1)
        biases = _mean(self.network).expand(len(items))
        if factors.biases is not None:
            biases = biases + factors.biases.double()
        return _in_range(self.network, products(of_items, biases, index))


class _FrozenBranches:
    """A `BranchNetwork`: a sum of dot products and of rectified layers."""

    def __init__(self, network: Any):
        heads = (head.detach().double() for head in network.head_weights())
        branches = zip(network.branches, heads, strict=True)
        self.network, self.bias = network, network.head.bias.detach().double() + _mean(network)
        self.branches = [
            _FrozenProduct(branch, head) if isinstance(branch, GMF) else _FrozenLayers(branch, head)
            for branch, head in branches
        ]

    def vectors(self, state: State) -> tuple[Tensor, Pullback]:
        parts, pullbacks = zip(*(branch.vectors(part) for branch, part in zip(self.branches, state, strict=True)), strict=True)
        widths = [branch.width for branch in self.branches]

        def pullback(slopes: Tensor) -> Tensor:
            of_branches = zip(pullbacks, slopes.split(widths, 1), strict=True)
            return torch.cat([to_part(slopes_of_part) for to_part, slopes_of_part in of_branches], 1)

        return torch.cat(parts, 1), pullback

    def scores(self, items: Tensor, index: Tensor | None = None) -> Scores:
        of_branches, widths = (
            [branch.scores(items, index) for branch in self.branches],
            [branch.width for branch in self.branches],
        )

        def summed(vectors: Tensor) -> tuple[Tensor, Pullback]:
            parts = zip(of_branches, vectors.split(widths, 1), strict=True)
            scores, pullbacks = zip(*(of_branch(part) for of_branch, part in parts), strict=True)
            return sum(scores, self.bias), lambda slopes: torch.cat([pullback(slopes) for pullback in pullbacks], 1)

        return _in_range(self.network, summed)


class _FrozenProduct:
    """A frozen `GMF`."""

    def __init__(self, branch: GMF, head: Tensor):
        self.branch, self.head, self.width = branch, head, len(head)

    def vectors(self, part: Tensor) -> tuple[Tensor, Pullback]:
        return part * self.head, lambda slopes: slopes * self.head

    def scores(self, items: Tensor, index: Tensor | None) -> Scores:
        of_items = self.branch.items(items).detach().double()
        return products(of_items, of_items.new_zeros(len(items)), index)


class _FrozenLayers:
    """A frozen `MLP`."""

    def __init__(self, branch: MLP, head: Tensor):
        self.branch, self.maps, self.width = branch, branch.linear_maps(head), branch.of_user.out_features
        self.weight, self.bias = (parameter.detach().double() for parameter in (branch.of_user.weight, branch.of_user.bias))

    def vectors(self, part: Tensor) -> tuple[Tensor, Pullback]:
        return F.linear(part, self.weight, self.bias), lambda slopes: slopes @ self.weight

    def scores(self, items: Tensor, index: Tensor | None) -> Scores:
        of_items = self.branch.items(items).detach().double() @ self.branch.of_item.weight.detach().double().T
        return rectified(of_items, self.maps, index)


class _FrozenByAutograd:
    """Any other network: a smooth float64 copy without the tables of users, which are not needed."""

    def __init__(self, network: nn.Module, prior: Prior):
        tables = {
            id(table): nn.Embedding(0, table.embedding_dim, device=table.weight.device)
            for table in (network.user_tables if isinstance(network, EmbeddingNetwork) else [])
        }
        replaced = {id(part): SmoothReLU() for part in network.modules() if isinstance(part, nn.ReLU)}
        self.network: Any = copy.deepcopy(network, tables | replaced).double().requires_grad_(False)
        self.widths = prior.widths

    def vectors(self, state: State) -> tuple[Tensor, Pullback]:
        return torch.cat(state, 1), _same

    def scores(self, items: Tensor, index: Tensor | None = None) -> Scores:
        def score(flat: Tensor) -> Tensor:
            if index is None:
                return self.network.score(flat.split(self.widths, 1), items[None])
            return self.network.score(flat[index].split(self.widths, 1), items)

        return lambda vectors: with_pullback(score, vectors)


def _same(slopes: Tensor) -> Tensor:
    return slopes


def _mean(network: Any) -> Tensor:
    """What an `EmbeddingNetwork` adds to scores, (1,)."""
    return network.mean.double()[None]


def _in_range(network: Any, scores: Scores) -> Scores:
    """Map scores into the rating range of an `EmbeddingNetwork`, if it has one."""
    if network.y_range is None:
        return scores

    low, high = network.y_range.double()

    def ratings(vectors: Tensor) -> tuple[Tensor, Pullback]:
        values, to_vectors = scores(vectors)
        shares = values.sigmoid()
        return low + (high - low) * shares, lambda slopes: to_vectors(slopes * (high - low) * shares * (1 - shares))

    return ratings
