"""Optimizers."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

OptimizerFactory = Callable[..., torch.optim.Optimizer]

_BETAS, _EPS = (0.9, 0.99), 1e-5
_MANY_ROWS = 200_000


def adam(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Adam with betas (0.9, 0.99) and eps 1e-5, the defaults of fastai. The small beta2 suits rarely used embeddings.

    The fused kernel takes a fifth to a half of the time of the default one on a CPU.
    """
    return torch.optim.Adam(parameters, lr=lr, betas=_BETAS, eps=_EPS, fused=True)


def row_adam(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Adam with the same settings that updates only the rows that a minibatch uses."""
    return RowAdam(parameters, lr=lr, betas=_BETAS, eps=_EPS)


def sgd(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Plain stochastic gradient descent."""
    return torch.optim.SGD(parameters, lr=lr)


def adagrad(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Adagrad (Duchi et al. 2011)."""
    return torch.optim.Adagrad(parameters, lr=lr)


OPTIMIZERS: dict[str, OptimizerFactory] = {
    "adam": adam,
    "adamw": adam,
    "row_adam": row_adam,
    "sgd": sgd,
    "adagrad": adagrad,
}


def choose_optimizer(n_rows: int, n_used: int | None, weight_decay: float) -> str:
    """Return the meaning of "auto": "row_adam" for many rows without weight decay, else "adam".

    A minibatch uses few of many rows, so updating all of them takes too long. Weight decay changes all rows anyway.

    Parameters
    ----------
    n_rows : int
        Number of users and items.
    n_used : int or None
        Maximum number of rows that a minibatch uses, if steps for them are compiled.
    weight_decay : float
    """
    # compiled steps of "row_adam" take about twice as long for a row as those of "adam"
    many = _MANY_ROWS if n_used is None else 2 * n_used
    return "row_adam" if n_rows > many and weight_decay == 0 else "adam"


class RowAdam(torch.optim.Optimizer):
    """Adam that updates a row of an embedding and its moments only if the row has a gradient ("lazy" Adam).

    Dense gradients are treated as in Adam.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
    lr : float
        Learning rate.
    betas : (float, float)
        Decay rates of the moments.
    eps : float
        Added to the denominator.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float):
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one step, see `torch.optim.Optimizer.step`."""
        result = closure() if closure is not None else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return result

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state, gradient, rows = moments(self, parameter), parameter.grad, ...
        if gradient.is_sparse:
            if gradient.device.type == "cpu" and gradient.dtype is torch.float32:
                adam_step(*_summed(gradient), parameter.detach().numpy(), state, group)
                return
            gradient = gradient.coalesce()
            gradient, rows = gradient.values(), gradient.indices()[0]
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean = state["exp_avg"][rows].lerp(gradient, 1 - beta1)
        square = state["exp_avg_sq"][rows].lerp(gradient.square(), 1 - beta2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, square
        n_steps = float(state["step"])
        corrected = (square / (1 - beta2**n_steps)).sqrt_().add_(group["eps"])
        parameter[rows] -= group["lr"] / (1 - beta1**n_steps) * mean / corrected


def moments(optimizer: torch.optim.Optimizer, weight: Tensor) -> dict[str, Any]:
    """The state of Adam for a weight, with the names that torch gives to its parts. It begins with zeros."""
    state = optimizer.state[weight]
    if not state:
        state |= {"step": torch.zeros(()), "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
    return state


def adam_step(
    rows: NDArray[np.int64],
    gradients: NDArray[np.float32],
    weights: NDArray[np.float32],
    state: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """Do a step of Adam for some rows of a table, on a CPU.

    Parameters
    ----------
    rows : int64 array of shape (n,)
        Rows of the table, each at most once.
    gradients : float32 array of shape (n, width)
        Their gradients.
    weights : float32 array of shape (n_rows, width)
        The table.
    state : dict
        Its `moments`.
    settings : dict
        Parameter group of the optimizer.
    """
    from skrec.engine.training._pair_kernels import adam as move

    state["step"] += 1
    n_steps, (beta1, beta2) = float(state["step"]), settings["betas"]
    rate, correction = settings["lr"] / (1 - beta1**n_steps), 1 / (1 - beta2**n_steps)
    numbers = np.array([beta1, beta2, rate, correction, settings["eps"]], np.float32)
    move(rows, np.arange(len(rows)), gradients, weights, state["exp_avg"].numpy(), state["exp_avg_sq"].numpy(), numbers)


def _summed(gradient: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows of a sparse gradient, each once, and the sums of their values."""
    from skrec.engine.training import _pair_kernels as kernels

    codes, values = gradient._indices()[0].numpy(), gradient._values().numpy()
    rows, slots = np.empty_like(codes), np.empty_like(codes)
    n = kernels.distinct(codes, slots, rows)
    sums = np.zeros((n, values.shape[1]), np.float32)
    kernels.add_rows(slots, values, sums)
    return rows[:n], sums


def use_row_gradients(network: nn.Module) -> None:
    """Let embeddings have sparse gradients, with entries only for rows that were looked up."""
    for layer in network.modules():
        if isinstance(layer, nn.Embedding):
            layer.sparse = True


def set_rate(optimizer: torch.optim.Optimizer, lr: float, momentum: float | None) -> None:
    """Set the learning rate and, if not None, the first beta of an optimizer."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], largest: float) -> None:
    """Clip the norm of the gradient of all weights to ``largest``.

    ``torch.nn.utils.clip_grad_norm_`` does not support sparse gradients.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
        if parameter.grad is not None:
            gradients.append(parameter.grad.values() if parameter.grad.is_sparse else parameter.grad)
    length = torch.nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, (largest / (length + 1e-6)).clamp(max=1))


@torch.no_grad()
def decay(parameters: list[Any], factor: float) -> None:
    """Decoupled weight decay (Loshchilov & Hutter 2019): multiply all weights by a factor."""
    torch._foreach_mul_(parameters, factor)
