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
from skrec.engine.networks._products import DotProduct
from skrec.engine.training._optimizers import adam, adam_step, moments, row_adam

_RANKING_LOSSES = {bpr: "bpr_slopes", bce: "bce_slopes", softmax: "softmax_slopes", warp: "warp_slopes"}


class PairSteps:
    """Optimizer steps for minibatches of pairs.

    Losses, gradients and moments are those of autograd and of the optimizers, up to rounding.

    Parameters
    ----------
    network : DotProduct
    loss : callable
        A loss that is supported.
    optimizer : torch.optim.Adam or RowAdam
        Optimizer of the network, which keeps the moments.
    penalty : float
        Strength of the L2 penalty on the rows that a minibatch uses.
    """

    def __init__(self, network: DotProduct, loss: Callable[..., Tensor], optimizer: torch.optim.Optimizer, penalty: float):
        self.penalty, self.slopes = penalty, _rating_slopes(network) if loss is mse else _ranking_slopes(loss)
        self.users = _Side(network.user_embeddings, network.user_biases, optimizer)
        self.items = _Side(network.item_embeddings, network.item_biases, optimizer)

    @staticmethod
    def supports(network: nn.Module, loss: Callable[..., Tensor], optimizer: Callable[..., Any], batches: PairBatches) -> bool:
        """Whether this class supports the network, loss and optimizer."""
        return (
            type(network) is DotProduct
            and network.temperature is None
            and network.dropout.p == 0
            and all(weight.device.type == "cpu" and weight.dtype is torch.float32 for weight in network.parameters())
            and optimizer in (adam, row_adam)
            and (loss is mse if batches.negatives is None else _is_ranking_loss(loss))
        )

    def __call__(self, batch: Batch) -> float:
        """Do one step, and return the sum of the losses of the examples."""
        from skrec.engine.training import _pair_kernels as kernels

        users, items = batch.query.numpy(), batch.items.reshape(len(batch.query), -1).numpy()
        tables = self.users.vectors.weights, self.items.vectors.weights, self.users.biases.weights, self.items.biases.weights
        scores = np.empty(items.shape, np.float32)
        kernels.score_pairs(users, items, *tables, scores)
        total = self.slopes(scores, batch)
        slots = self.users.slots(users), self.items.slots(items)
        sums = self.users.vectors.sums, self.items.vectors.sums, self.users.biases.sums, self.items.biases.sums
        penalties = 2 * self.penalty / len(users), 2 * self.penalty * batch.item_share
        kernels.add_gradients(users, items, _mask(batch), scores, penalties, tables, slots, sums)
        self.users.step()
        self.items.step()
        return total


class _Side:
    """The tables of users or of items, and the rows of them that have a gradient."""

    def __init__(self, embeddings: nn.Embedding, biases: nn.Embedding | None, optimizer: torch.optim.Optimizer):
        self.vectors = _Table(embeddings.weight, optimizer)
        self.biases = _Table(None if biases is None else biases.weight, optimizer)
        self.is_sparse = embeddings.sparse
        self._select(np.arange(embeddings.num_embeddings))

    def _select(self, rows: NDArray[np.int64]) -> None:
        self.rows = rows
        self.vectors.make_room(len(rows))
        self.biases.make_room(len(rows))

    def slots(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Select the rows that get a gradient, and return the place of each code among them."""
        if not self.is_sparse:
            return codes
        from skrec.engine.training import _pair_kernels as kernels

        rows, slots = np.empty(codes.size, np.int64), np.empty(codes.size, np.int64)
        self._select(rows[: kernels.distinct(codes.ravel(), slots, rows)])
        return slots.reshape(codes.shape)

    def step(self) -> None:
        self.vectors.step(self.rows)
        self.biases.step(self.rows)


class _Table:
    """A table of weights with its moments, and gradients of some of its rows.

    Attributes
    ----------
    weights : float32 array of shape (n_rows, width)
        Shares its memory with the network. Without rows and columns if there is no table.
    sums : float32 array of shape (n, width)
        Gradients. They are 0 between two steps.
    """

    def __init__(self, weight: Tensor | None, optimizer: torch.optim.Optimizer):
        self.weights = np.empty((0, 0), np.float32) if weight is None else weight.detach().numpy()
        self.sums = np.zeros((0, self.weights.shape[1]), np.float32)
        if weight is not None:
            self.settings, self.moments = optimizer.param_groups[0], moments(optimizer, weight)

    def make_room(self, n: int) -> None:
        """Have gradients of at least n rows."""
        if len(self.sums) < n:
            self.sums = np.zeros((n, self.weights.shape[1]), np.float32)

    def step(self, rows: NDArray[np.int64]) -> None:
        if len(self.weights):
            adam_step(rows, self.sums, self.weights, self.moments, self.settings)


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
