"""Tables of weights with their moments, and steps of Adam for some or all of their rows, on a CPU."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skrec.engine.networks._layers import penalty_center, row_penalties
from skrec.engine.training import _pair_kernels as kernels
from skrec.engine.training._optimizers import moments

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]
Penalty = tuple[NDArray[np.bool_], float]  # which uses of rows count, and the factor of each


class Rows(NamedTuple):
    """The distinct rows of a table that a minibatch uses.

    Attributes
    ----------
    rows : int64 array of shape (n,)
    slots : int64 array
        Position in ``rows`` of each code of the minibatch.
    """

    rows: Codes
    slots: Codes


def distinct_rows(codes: Codes) -> Rows:
    """The distinct codes in order of appearance, and the position of each code there."""
    rows, slots = np.empty(codes.size, np.int64), np.empty(codes.shape, np.int64)
    return Rows(rows[: kernels.distinct(codes.ravel(), slots.ravel(), rows)], slots)


class Buffer:
    """An array that later minibatches use again. Fresh memory of this size is mapped, page by page, at each step."""

    def __init__(self, width: int):
        self.array = np.empty((0, width), np.float32)

    def rows(self, n: int) -> Floats:
        """The first n rows, with any values."""
        if len(self.array) < n:
            self.array = np.empty((n, self.array.shape[1]), np.float32)
        return self.array[:n]

    def zeros(self, n: int) -> Floats:
        """The first n rows, set to 0."""
        rows = self.rows(n)
        rows.fill(0)
        return rows


class Adam:
    """The optimizer of a network, with its settings for the current step.

    Parameters
    ----------
    optimizer : torch.optim.Adam or RowAdam
        Keeps the moments of all weights.

    Attributes
    ----------
    numbers : float32 array of shape (5,)
        Settings of the current step, as for the compiled function ``adam``.
    """

    def __init__(self, optimizer: torch.optim.Optimizer):
        self.optimizer, self.settings = optimizer, optimizer.param_groups[0]
        self.counts: list[NDArray] = []  # number of steps of each weight, which share their memory with the optimizer

    def begin_step(self) -> None:
        """Count a step and compute its ``numbers``."""
        for count in self.counts:
            count += 1
        n_steps, (beta1, beta2) = float(self.counts[0]), self.settings["betas"]
        rate, correction = self.settings["lr"] / (1 - beta1**n_steps), 1 / (1 - beta2**n_steps)
        self.numbers = np.array([beta1, beta2, rate, correction, self.settings["eps"]], np.float32)


class Table:
    """Weights of a network with their moments.

    Parameters
    ----------
    weight : nn.Parameter
        A vector is a table with one row.
    adam : Adam
    is_sparse : bool, default=False
        Whether rows without a gradient do not change.
    penalties : Tensor of shape (n_rows,), default=None
        Factors of the rows in the penalty. If None, 1.
    center : float, default=0.0
        What the penalty shrinks weights to.

    Attributes
    ----------
    weights, first, second : float32 arrays of shape (n_rows, width)
        Share their memory with the network and the optimizer.
    """

    def __init__(
        self,
        weight: nn.Parameter,
        adam: Adam,
        *,
        is_sparse: bool = False,
        penalties: torch.Tensor | None = None,
        center: float = 0.0,
    ):
        state = moments(adam.optimizer, weight)
        adam.counts.append(state["step"].numpy())
        self.adam, self.is_sparse = adam, is_sparse
        self.penalties, self.center = None if penalties is None else penalties.numpy(), np.float32(center)
        tensors = weight.detach(), state["exp_avg"], state["exp_avg_sq"]
        self.weights, self.first, self.second = (torch.atleast_2d(tensor).numpy() for tensor in tensors)
        self.all_rows = np.arange(len(self.weights))

    @classmethod
    def of(cls, embeddings: nn.Embedding, adam: Adam) -> "Table":
        """The table of embeddings."""
        penalties, center = row_penalties(embeddings), float(penalty_center(embeddings))
        return cls(embeddings.weight, adam, is_sparse=embeddings.sparse, penalties=penalties, center=center)

    def moved_by(self, codes: Codes) -> Rows:
        """The rows that a step moves, if it uses the rows of these codes."""
        return distinct_rows(codes) if self.is_sparse else Rows(self.all_rows, codes)

    def decay(self, used: Rows, mask: NDArray[np.bool_], penalty: float) -> Floats:
        """Factor of each row in the gradient of a penalty on all uses of the row.

        Parameters
        ----------
        used : Rows
        mask : bool array of the shape of the slots
            Which uses count. Empty if all do.
        penalty : float
            Factor for one use of a row whose own factor is 1.
        """
        if not penalty:
            return np.zeros(len(used.rows), np.float32)
        slots = used.slots.ravel() if mask.size == 0 else used.slots[mask]
        decay = np.float32(penalty) * np.bincount(slots, minlength=len(used.rows)).astype(np.float32)
        return decay if self.penalties is None else decay * self.penalties[used.rows]

    def add_penalty(self, used: Rows, mask: NDArray[np.bool_], penalty: float, gradients: Floats) -> None:
        """Add the gradient of a penalty on all uses of the rows to their gradients (n_used, width)."""
        if penalty:
            decay = self.decay(used, mask, penalty)
            kernels.add_penalty(used.rows, decay, self.weights, gradients)
            if self.center:
                gradients -= (decay * self.center)[:, None]

    def step(self, gradients: Floats) -> None:
        """Move all rows by their gradients."""
        self._move(self.all_rows, self.all_rows, gradients)

    def move(self, rows: Codes, gradients: Floats) -> None:
        """Move rows by their gradients, and no others."""
        self._move(rows, np.arange(len(rows)), gradients)

    def step_rows(self, rows: Codes, gradients: Floats) -> None:
        """Move rows by their gradients, and other rows by a gradient of 0, unless the table is sparse."""
        if self.is_sparse:
            self.move(rows, gradients)
            return
        places = np.full(len(self.weights), -1)
        places[rows] = np.arange(len(rows))
        self._move(self.all_rows, places, gradients)

    def _move(self, rows: Codes, places: Codes, gradients: Floats) -> None:
        kernels.adam(rows, places, gradients, self.weights, self.first, self.second, self.adam.numbers)


def product(a: Floats, b: Floats, out: Floats) -> Floats:
    """The matrix product, by torch, whose number of threads fits the work of a step."""
    torch.mm(torch.from_numpy(a), torch.from_numpy(b), out=torch.from_numpy(out))
    return out
