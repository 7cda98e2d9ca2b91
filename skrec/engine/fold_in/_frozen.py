"""Scores of a trained network as functions of users' states alone."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skrec.engine.fold_in._prior import Prior, State

_WIDTH_OF_CORNERS = 0.05

Scores = Callable[[State], Tensor]


class FrozenNetwork:
    """A network whose scores are functions of states in float64, everything else being constant.

    In float32 the sums over a catalogue would leave a gradient of rounding, which differs with the number of users at once.

    Parameters
    ----------
    network : nn.Module
        As for `NetworkInference`.
    prior : Prior
        Of its users.
    """

    def __init__(self, network: Any, prior: Prior):
        self.network = network
        self.mean_user = prior.state(torch.zeros_like(prior.mean)[None])
        self.in_double = None if getattr(network, "has_factors", False) else _in_double(network)

    def scores(self, items: Tensor) -> Scores:
        """Scores of some items: of (1, C), all of these for each state; of (n,), one for each of n states."""
        if self.in_double is not None:
            network = self.in_double
            return lambda state: network.score(state, items)
        with torch.no_grad():
            factors = self.network.factors_of(self.mean_user, items)
        of_items = factors._replace(
            items=factors.items.double(), biases=None if factors.biases is None else factors.biases.double()
        )
        return lambda state: self.network.combine(self.network.with_users(of_items, state))

    def slopes(self, states: State, items: Tensor) -> Tensor:
        """Derivatives (n, d) of the scores of n items, one for each of n states, by these states."""
        flat = torch.cat(states, 1).double().requires_grad_()
        with torch.enable_grad():
            total = self.scores(items)(flat.split([part.shape[1] for part in states], 1)).sum()
        return torch.autograd.grad(total, flat)[0]


class SmoothReLU(nn.Module):
    """ReLU with a parabola in place of the corner, so that what is made of it has a gradient everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        slope = ((x + _WIDTH_OF_CORNERS) / (2 * _WIDTH_OF_CORNERS)).clamp(0, 1)
        return _WIDTH_OF_CORNERS * slope.square() + (x - _WIDTH_OF_CORNERS).clamp(min=0)


def _in_double(network: nn.Module) -> Any:
    """A smooth copy in float64 without the tables of users, of which none is looked up."""
    tables = {id(table): nn.Embedding(0, table.embedding_dim) for table in getattr(network, "user_tables", [])}
    replaced = {id(part): SmoothReLU() for part in network.modules() if isinstance(part, nn.ReLU)}
    return copy.deepcopy(network, tables | replaced).double().requires_grad_(False)
