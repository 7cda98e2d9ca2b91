"""Steps of Adam for matrix factorization on a CPU, by compiled loops instead of autograd.

A minibatch of pairs needs few operations for each number that it reads, so torch spends most of the time of a step between its
operations. Here a step consists of a few calls, which read and write only the rows of the minibatch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.engine.batches._batches import Batch, PairBatches
from skrec.engine.losses._losses import bce, bpr, mse, softmax, warp
from skrec.engine.networks._branches import GMF, MLP, BranchNetwork
from skrec.engine.networks._layers import Dropout
from skrec.engine.networks._products import DotProduct
from skrec.engine.training._optimizers import adam, row_adam

_RANKING_LOSSES = {bpr: "bpr_slopes", bce: "bce_slopes", softmax: "softmax_slopes", warp: "warp_slopes"}


class PairSteps:
    """Optimizer steps for minibatches of pairs.

    Losses, gradients and moments are those of autograd and of the optimizers, up to rounding.

    Parameters
    ----------
    network : DotProduct or BranchNetwork
        A network that is supported.
    loss : callable
        A loss that is supported.
    optimizer : torch.optim.Adam or RowAdam
        Optimizer of the network, which keeps the moments.
    penalty : float
        Strength of the L2 penalty on the rows that a minibatch uses.
    """

    def __init__(self, network: Any, loss: Callable[..., Tensor], optimizer: torch.optim.Optimizer, penalty: float):
        from skrec.engine.training._branch_steps import BranchSteps
        from skrec.engine.training._product_steps import ProductSteps

        self.penalty, self.slopes = penalty, _rating_slopes(network) if loss is mse else _ranking_slopes(loss)
        self.gradients = (ProductSteps if type(network) is DotProduct else BranchSteps)(network, optimizer)

    @staticmethod
    def supports(network: nn.Module, loss: Callable[..., Tensor], optimizer: Callable[..., Any], batches: PairBatches) -> bool:
        """Whether this class supports the network, loss and optimizer."""
        return (
            has_compiled_steps(network)
            and all(weight.device.type == "cpu" and weight.dtype is torch.float32 for weight in network.parameters())
            and optimizer in (adam, row_adam)
            and (loss is mse if batches.negatives is None else _is_ranking_loss(loss))
        )

    def __call__(self, batch: Batch) -> float:
        """Do one step, and return the sum of the losses of the examples."""
        users, items = batch.query.numpy(), batch.items.reshape(len(batch.query), -1).numpy()
        scores = self.gradients.scores(users, items)
        total = self.slopes(scores, batch)
        penalties = 2 * self.penalty / len(users), 2 * self.penalty * batch.item_share
        self.gradients.step(scores, _mask(batch), penalties)
        return total


def has_compiled_steps(network: nn.Module) -> bool:
    """Whether the scores and gradients of a network are supported."""
    if type(network) is DotProduct:
        return network.temperature is None and network.dropout.p == 0
    return type(network) is BranchNetwork and all(map(_is_supported, network.branches))


def _is_supported(branch: nn.Module) -> bool:
    return type(branch) is GMF or (
        type(branch) is MLP
        and all(type(layer) in (nn.Linear, nn.ReLU, Dropout) for layer in branch.layers)
        and all(layer.p == 0 for layer in branch.modules() if isinstance(layer, Dropout))
    )


def _mask(batch: Batch) -> NDArray[np.bool_]:
    return np.empty((0, 0), np.bool_) if batch.mask is None else batch.mask.numpy()


def _weights(batch: Batch) -> NDArray[np.float32]:
    return np.empty(0, np.float32) if batch.weight is None else batch.weight.numpy()


def _without_keywords(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss itself, or that of a partial for WARP with the number of items."""
    return loss.func if isinstance(loss, partial) and loss.func is warp and loss.keywords["width"] == 0 else loss


def _is_ranking_loss(loss: Callable[..., Tensor]) -> bool:
    return any(_without_keywords(loss) is known for known in _RANKING_LOSSES)  # a callable may have no hash


def _ranking_slopes(loss: Callable[..., Tensor]) -> Callable[[NDArray[np.float32], Batch], float]:
    from skrec.engine.training import _pair_kernels as kernels

    function = getattr(kernels, _RANKING_LOSSES[_without_keywords(loss)])
    n_items = loss.keywords["n_items"] if isinstance(loss, partial) else 0

    def slopes(scores: NDArray[np.float32], batch: Batch) -> float:
        log_q = np.empty((0, 0), np.float32) if batch.log_q is None else batch.log_q.numpy()
        return function(scores, _mask(batch), log_q, _weights(batch), n_items)

    return slopes


def _rating_slopes(network: DotProduct) -> Callable[[NDArray[np.float32], Batch], float]:
    from skrec.engine.training import _pair_kernels as kernels

    low, high = (0.0, 0.0) if network.y_range is None else map(float, network.y_range)
    mean = float(network.mean)

    def slopes(scores: NDArray[np.float32], batch: Batch) -> float:
        return kernels.mse_slopes(scores, batch.dense_target.numpy(), _weights(batch), mean, low, high)

    return slopes
