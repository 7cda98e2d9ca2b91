"""Scores and gradients of `BranchNetwork` by matrix products and compiled loops.

The first layer of a perceptron is computed once for each user and each item of a minibatch, although most of them are part of
several pairs. Its gradient and those of the embeddings are matrix products, too.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skrec.engine.networks._branches import GMF, MLP, BranchNetwork
from skrec.engine.training import _branch_kernels as kernels
from skrec.engine.training._tables import Adam, Buffer, Codes, Floats, Penalty, Rows, Table, distinct_rows, product


class BranchSteps:
    """Scores and steps of a `BranchNetwork`. The methods are those of `ProductSteps`."""

    def __init__(self, network: BranchNetwork, optimizer: torch.optim.Optimizer):
        self.adam = Adam(optimizer)
        self.head, self.bias = Table(network.head.weight, self.adam), Table(network.head.bias, self.adam)
        self.of_head = np.empty_like(self.head.weights)
        ends = np.cumsum([branch.width for branch in network.branches])[:-1]
        self.heads = [np.split(row, ends, 1) for row in (self.head.weights, self.of_head)]  # by branch
        self.branches = [
            (_Product if isinstance(branch, GMF) else _Perceptron)(branch, self.adam) for branch in network.branches
        ]

    def scores(self, users: Codes, items: Codes) -> Floats:
        self.pairs = _Pairs(users, items)
        scores = np.full(items.shape, self.bias.weights[0, 0], np.float32)
        for branch, head in zip(self.branches, self.heads[0], strict=True):
            branch.add_scores(self.pairs, head, scores)
        return scores

    def step(self, slopes: Floats, mask: NDArray[np.bool_], penalties: tuple[float, float]) -> None:
        self.adam.begin_step()
        self.pairs.set_slopes(slopes, mask, penalties)
        self.of_head.fill(0)
        for branch, head, gradient in zip(self.branches, *self.heads, strict=True):
            branch.step(self.pairs, head, gradient)
        self.head.step(self.of_head)
        with np.errstate(over="ignore"):  # a sum that is too large ends as a divergence
            self.bias.step(slopes.sum(keepdims=True, dtype=np.float64).astype(np.float32))


class _Pairs:
    """Users (B,) and candidates (B, C) of a minibatch, the distinct ones among them, and the slopes of the loss."""

    def __init__(self, users: Codes, items: Codes):
        self.users, self.items = users, items
        self.of_users, self.of_items = distinct_rows(users), distinct_rows(items)

    @property
    def slots(self) -> tuple[Codes, Codes]:
        return self.of_users.slots, self.of_items.slots

    def set_slopes(self, slopes: Floats, mask: NDArray[np.bool_], penalties: tuple[float, float]) -> None:
        self.slopes = slopes
        self.penalty_of_users, self.penalty_of_items = (np.empty(0, np.bool_), penalties[0]), (mask, penalties[1])


class _Embeddings:
    """A table of embeddings and the gradients of the rows that a minibatch uses."""

    def __init__(self, embeddings: nn.Embedding, adam: Adam):
        self.table = Table.of(embeddings, adam)
        self.gradients = Buffer(embeddings.embedding_dim)

    def step(self, used: Rows, gradients: Floats, penalty: Penalty) -> None:
        self.table.add_penalty(used, *penalty, gradients)
        self.table.step_rows(used.rows, gradients)


class _Product:
    """A `GMF` branch."""

    def __init__(self, branch: GMF, adam: Adam):
        self.users, self.items = _Embeddings(branch.users, adam), _Embeddings(branch.items, adam)

    def add_scores(self, pairs: _Pairs, head: Floats, scores: Floats) -> None:
        kernels.add_product_scores(pairs.users, pairs.items, *self._weights(), head, scores)

    def step(self, pairs: _Pairs, head: Floats, of_head: Floats) -> None:
        of_users, of_items = (
            self.users.gradients.zeros(len(pairs.of_users.rows)),
            self.items.gradients.zeros(len(pairs.of_items.rows)),
        )
        kernels.add_product_gradients(
            pairs.users, pairs.items, pairs.slots, pairs.slopes, self._weights(), head, (of_users, of_items, of_head)
        )
        self.users.step(pairs.of_users, of_users, pairs.penalty_of_users)
        self.items.step(pairs.of_items, of_items, pairs.penalty_of_items)

    def _weights(self) -> tuple[Floats, Floats]:
        return self.users.table.weights, self.items.table.weights


class _Part:
    """Embeddings of users or of items, and their part of the first layer of a perceptron."""

    def __init__(self, embeddings: nn.Embedding, layer: nn.Linear, adam: Adam):
        self.embeddings, self.weight = _Embeddings(embeddings, adam), Table(layer.weight, adam)
        self.inputs, self.outputs, self.gradients = (
            Buffer(layer.in_features),
            Buffer(layer.out_features),
            Buffer(layer.out_features),
        )
        self.of_weight = np.empty_like(self.weight.weights)

    def forward(self, used: Rows) -> Floats:
        """The outputs of the rows, without a bias."""
        inputs = self.inputs.rows(len(used.rows))
        np.take(self.embeddings.table.weights, used.rows, 0, out=inputs, mode="clip")
        return product(inputs, self.weight.weights.T, self.outputs.rows(len(inputs)))

    def step(self, used: Rows, gradients: Floats, penalty: Penalty) -> None:
        n = len(gradients)
        product(gradients.T, self.inputs.rows(n), self.of_weight)
        of_rows = product(gradients, self.weight.weights, self.embeddings.gradients.rows(n))
        self.weight.step(self.of_weight)
        self.embeddings.step(used, of_rows, penalty)


class _Layer:
    """A hidden layer of a perceptron behind the first one."""

    def __init__(self, layer: nn.Linear, adam: Adam):
        self.weight, self.bias = Table(layer.weight, adam), Table(layer.bias, adam)
        self.outputs, self.gradients = Buffer(layer.out_features), Buffer(layer.in_features)
        self.of_weight = np.empty_like(self.weight.weights)

    def forward(self, inputs: Floats) -> Floats:
        """The rectified outputs."""
        outputs = product(inputs, self.weight.weights.T, self.outputs.rows(len(inputs)))
        kernels.rectify(outputs, self.bias.weights)
        return outputs

    def step(self, inputs: Floats, gradients: Floats, of_bias: Floats) -> Floats:
        """Move the weights by the gradients of the outputs before the rectifier, and return the gradients of the inputs."""
        product(gradients.T, inputs, self.of_weight)
        of_inputs = product(gradients, self.weight.weights, self.gradients.rows(len(inputs)))
        self.weight.step(self.of_weight)
        self.bias.step(of_bias)
        return of_inputs


class _Perceptron:
    """An `MLP` branch. The activations of the latest minibatch are kept for its step."""

    def __init__(self, branch: MLP, adam: Adam):
        self.users, self.items = _Part(branch.users, branch.of_user, adam), _Part(branch.items, branch.of_item, adam)
        self.bias, self.outputs = Table(branch.of_user.bias, adam), Buffer(branch.of_user.out_features)
        self.layers = [_Layer(layer, adam) for layer in branch.layers if isinstance(layer, nn.Linear)]

    def add_scores(self, pairs: _Pairs, head: Floats, scores: Floats) -> None:
        of_users, of_items = self.users.forward(pairs.of_users), self.items.forward(pairs.of_items)
        self.hidden = [self.outputs.rows(scores.size)]
        kernels.sum_and_rectify(of_users, of_items, self.bias.weights, pairs.slots, self.hidden[0])
        for layer in self.layers:
            self.hidden.append(layer.forward(self.hidden[-1]))
        kernels.add_weighted(self.hidden[-1], head, scores)

    def step(self, pairs: _Pairs, head: Floats, of_head: Floats) -> None:
        *inputs, gradients = self.hidden  # the gradient of the last layer replaces the layer
        of_bias = np.zeros((1, gradients.shape[1]), np.float32)
        kernels.start_backward(gradients, pairs.slopes, head, of_head, of_bias)
        for layer, hidden in zip(reversed(self.layers), reversed(inputs), strict=True):
            gradients = layer.step(hidden, gradients, of_bias)
            of_bias = np.zeros((1, gradients.shape[1]), np.float32)
            kernels.pass_rectifier(gradients, hidden, of_bias)
        of_users = self.users.gradients.zeros(len(pairs.of_users.rows))
        of_items = self.items.gradients.zeros(len(pairs.of_items.rows))
        kernels.add_to_parts(gradients, pairs.slots, of_users, of_items)
        self.bias.step(of_bias)
        self.users.step(pairs.of_users, of_users, pairs.penalty_of_users)
        self.items.step(pairs.of_items, of_items, pairs.penalty_of_items)
