"""Layers whose randomness is explicit."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._process import seeded_torch


class RandomLayer(nn.Module):
    """A layer that draws from the generator it is given for a training run, never from the global one."""

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Sets a share ``p`` of all numbers to zero in training, and scales the others up."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * kept / (1 - self.p)


class Noise(RandomLayer):
    """Normal noise of a given spread, added in training."""

    def forward(self, mean: Tensor, std: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + std * torch.randn(mean.shape, generator=self.generator, device=mean.device)


def set_generator(network: nn.Module, generator: torch.Generator | None) -> None:
    """Give all random layers the generator of a training run, or take it away."""
    for layer in network.modules():
        if isinstance(layer, RandomLayer):
            layer.generator = generator


def embedding(n: int, width: int, *, std: float) -> nn.Embedding:
    """A table of n rows, normal around zero."""
    table = nn.Embedding(n, width)
    nn.init.normal_(table.weight, std=std)
    return table


def weights(table: nn.Embedding) -> NDArray[np.float32]:
    """The rows of a table, (n, width)."""
    return table.weight.detach().cpu().numpy()


def build_seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a network whose weights follow from the seed; the global random state is left as it was."""
    with seeded_torch(seed):
        return build()
