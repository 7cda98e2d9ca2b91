"""Layers with explicit random generators."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._process import seeded_torch


class RandomLayer(nn.Module):
    """A layer that draws from the generator of a training run instead of the global one."""

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Dropout: sets a fraction ``p`` of all numbers to 0 in training and scales the others by ``1 / (1 - p)``.

    Parameters
    ----------
    p : float
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * kept / (1 - self.p)


class Noise(RandomLayer):
    """Normal noise with a given standard deviation, added in training."""

    def forward(self, mean: Tensor, std: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + std * torch.randn(mean.shape, generator=self.generator, device=mean.device)


def set_generator(network: nn.Module, generator: torch.Generator | None) -> None:
    """Set the generator of all random layers, or remove it."""
    for layer in network.modules():
        if isinstance(layer, RandomLayer):
            layer.generator = generator


def embedding(n: int, width: int, *, std: float) -> nn.Embedding:
    """Make an embedding of n rows with normal weights of mean 0.

    Parameters
    ----------
    n, width : int
        Number of rows and of columns.
    std : float
        Standard deviation of the weights.
    """
    table = nn.Embedding(n, width)
    nn.init.normal_(table.weight, std=std)
    return table


def set_row_penalties(table: nn.Embedding, factors: NDArray) -> None:
    """Set the factors (n,) of the rows of an embedding in the L2 penalty, which are 1 otherwise."""
    table.register_buffer("row_penalties", torch.tensor(factors, dtype=torch.float32), persistent=False)


def forget_row_penalties(network: nn.Module) -> None:
    """Remove the factors of rows in the penalty, which only training uses."""
    for table in network.modules():
        table._buffers.pop("row_penalties", None)


def row_penalties(table: nn.Embedding) -> Tensor | None:
    """Return the factors (n,) of the rows of an embedding in the L2 penalty. None if they are 1."""
    return getattr(table, "row_penalties", None)


def weights(table: nn.Embedding) -> NDArray[np.float32]:
    """Return the weights of an embedding as an array (n, width).

    Parameters
    ----------
    table : nn.Embedding
    """
    return table.weight.detach().cpu().numpy()


def build_seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a network with seeded weights, without changing the global random state.

    Parameters
    ----------
    build : callable
        Function without arguments that returns the network.
    seed : int
    """
    with seeded_torch(seed):
        return build()
