"""Scores and gradients of `DotProduct` by compiled loops.

The loops go over the examples of one user after another. When the gradient of a user's vector is complete, the vector is moved
while it is in the cache. Only the gradients of items are stored.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skrec.engine.networks._products import DotProduct
from skrec.engine.training import _pair_kernels as kernels
from skrec.engine.training._tables import Adam, Buffer, Codes, Floats, Penalty, Rows, Table

_NO_MASK = np.empty((0, 0), np.bool_)


class ProductSteps:
    """Scores of pairs, and optimizer steps for the slopes of the loss.

    Parameters
    ----------
    network : DotProduct
    optimizer : torch.optim.Adam or RowAdam
        Optimizer of the network, which keeps the moments.
    """

    def __init__(self, network: DotProduct, optimizer: torch.optim.Optimizer):
        self.adam = Adam(optimizer)
        self.users, self.items = Table.of(network.user_embeddings, self.adam), Table.of(network.item_embeddings, self.adam)
        self.user_biases, self.item_biases = _biases(network.user_biases, self.adam), _biases(network.item_biases, self.adam)
        self.of_items = Buffer(network.item_embeddings.embedding_dim)

    def scores(self, users: Codes, items: Codes) -> Floats:
        """Scores (B, C) of the candidates (B, C) of users (B,), before they are transformed to ratings."""
        self.codes, self.of = (users, items), (self.users.moved_by(users), self.items.moved_by(items))
        self.order, self.starts = np.empty(len(users), np.int64), np.zeros(len(self.of[0].rows) + 1, np.int64)
        kernels.group(self.of[0].slots, self.order, self.starts)
        scores = np.empty(items.shape, np.float32)
        kernels.score_pairs(self.order, users, items, self.users.weights, self.items.weights, scores)
        for biases, codes in ((self.user_biases, users[:, None]), (self.item_biases, items)):
            if biases is not None:
                kernels.add_biases(codes, biases.weights, scores)
        return scores

    def step(self, slopes: Floats, mask: NDArray[np.bool_], penalties: tuple[float, float]) -> None:
        """Do an optimizer step for the latest scores.

        Parameters
        ----------
        slopes : float32 array of shape (B, C)
            Derivatives of the loss by the scores.
        mask : bool array of shape (B, C)
            Which candidates are used. Empty if all are.
        penalties : (float, float)
            Factors of the rows of a user and of an item in the gradient of the L2 penalty.
        """
        self.adam.begin_step()
        of_users, of_items = self.of
        gradients = self.of_items.zeros(len(of_items.rows))
        kernels.move_users(
            (of_users.rows, self.order, self.starts),
            (self.codes[1], of_items.slots),
            slopes,
            mask,
            self.users.decay(of_users, _NO_MASK, penalties[0]),
            self.users.weights,
            (self.users.first, self.users.second),
            self.items.weights,
            gradients,
            self.adam.numbers,
        )
        self.items.add_penalty(of_items, mask, penalties[1], gradients)
        self.items.move(of_items.rows, gradients)
        if self.user_biases is not None:
            of_examples = Rows(of_users.rows, of_users.slots[:, None])
            move_biases(self.user_biases, of_examples, slopes, mask, (_NO_MASK, penalties[0]))
        if self.item_biases is not None:
            move_biases(self.item_biases, of_items, slopes, mask, (mask, penalties[1]))


def move_biases(biases: Table, used: Rows, slopes: Floats, mask: NDArray[np.bool_], penalty: Penalty) -> None:
    """Do a step for the biases of rows. Each pair uses the one at its slot."""
    sums = np.zeros((len(used.rows), 1), np.float32)
    kernels.add_bias_gradients(used.slots, slopes, mask, sums)
    biases.add_penalty(used, *penalty, sums)
    biases.move(used.rows, sums)


def _biases(biases: nn.Embedding | None, adam: Adam) -> Table | None:
    return None if biases is None else Table.of(biases, adam)
