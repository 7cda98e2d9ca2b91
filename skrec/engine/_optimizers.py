"""Optimisers by name."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

OptimizerFactory = Callable[..., torch.optim.Optimizer]


def adam(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Adam with a second-moment memory of 100 steps (fastai's betas and eps): rows of embeddings are touched rarely.

    The fused kernel takes a fifth to a half of the time of the default one on a CPU.
    """
    return torch.optim.Adam(parameters, lr=lr, betas=(0.9, 0.99), eps=1e-5, fused=True)


def sgd(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Plain stochastic gradient descent."""
    return torch.optim.SGD(parameters, lr=lr)


def adagrad(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Adagrad (Duchi et al. 2011)."""
    return torch.optim.Adagrad(parameters, lr=lr)


OPTIMIZERS: dict[str, OptimizerFactory] = {"adam": adam, "adamw": adam, "sgd": sgd, "adagrad": adagrad, "auto": adam}


def set_rate(optimizer: torch.optim.Optimizer, lr: float, momentum: float | None) -> None:
    """Put a step's learning rate, and Adam's first beta, into an optimiser."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])


@torch.no_grad()
def decay(parameters: list[Any], factor: float) -> None:
    """Decoupled weight decay (Loshchilov & Hutter 2019): all weights times a factor, whatever their gradients."""
    torch._foreach_mul_(parameters, factor)
