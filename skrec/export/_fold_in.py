"""Most probable states of new users in graphs: fold-in of products of vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value
from skrec.export._minimization import Function, minimize
from skrec.export._states import History

class Prior(NamedTuple):
    """Normal distribution of states, in whitened coordinates of which the state is ``mean + root @ z``.

    Attributes
    ----------
    mean : float64 array of shape (d,)
    root : float64 array of shape (d, d)
    start : float64 array of shape (d,)
        Where the search begins.
    curvature : float64 array of shape (d,)
        Approximate second derivatives of the likelihood of one event.
    stiffness : float
        Approximate second derivatives of the penalty.
    direction : (array of shape (d,), float) or None
        If the length of a state has no effect: the whitened coordinates of the mean relative to those of a state of 0, and the
        length of a typical state.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    start: NDArray[np.float64]
    curvature: NDArray[np.float64]
    stiffness: float
    direction: tuple[NDArray[np.float64], float] | None

    def penalty(self, graph: Graph, whitened: Value) -> tuple[Value, Value]:
        """Negative log-density (n, 1) up to a constant, and its gradient (n, d)."""
        if self.direction is None:
            return _squares(whitened) / 2, whitened
        center, length = self.direction
        rays = whitened + center
        lengths = graph.larger(_squares(rays).apply("Sqrt"), 1e-150)
        along = graph.larger((rays * center).sum(1, keepdims=True), 0.0) / lengths
        value = (float(center @ center) - along * along + (lengths - length) * (lengths - length)) / 2
        units = rays / lengths
        by_along = graph.where(along > 0, along / lengths, np.float64(0)) * (center - along * units)
        return value, (lengths - length) * units - by_along


class ItemProducts(NamedTuple):
    """Scores of items as functions of the vectors of users.

    Attributes
    ----------
    vectors : float64 array of shape (n_items, d)
    biases : float64 array of shape (n_items,)
    temperature : float or None
        If not None, scores are products with unit vectors of users divided by the temperature.
    """

    vectors: NDArray[np.float64]
    biases: NDArray[np.float64]
    temperature: float | None

    def of_some(self, items: NDArray[np.int64]) -> "ItemProducts":
        """The same for some items."""
        return self._replace(vectors=self.vectors[items], biases=self.biases[items])

    def scores(self, graph: Graph, users: Value) -> Value:
        """Scores (n_users, n_items) for the vectors of users."""
        return users @ graph.constant(np.ascontiguousarray(self.vectors.T)) + graph.constant(self.biases)

    def gathered(self, graph: Graph, codes: Value) -> "OwnProducts":
        """The items (n_users, n_events) of each user."""
        vectors = graph.gather(graph.constant(self.vectors), codes)
        columns = graph.node("Transpose", vectors, perm=[0, 2, 1])
        return OwnProducts(vectors, columns, graph.gather(graph.constant(self.biases), codes))


class OwnProducts(NamedTuple):
    """Scores of each user's own items.

    Attributes
    ----------
    vectors, columns : Values of shape (n_users, n_events, d) and (n_users, d, n_events)
    biases : Value of shape (n_users, n_events)
    """

    vectors: Value
    columns: Value
    biases: Value

    def scores(self, users: Value) -> Value:
        """Scores (n_users, n_events) for the vectors of users."""
        return (users.with_axis(1) @ self.columns).without_axis(1) + self.biases

    def weighted(self, weights: Value) -> Value:
        """Sums (n_users, d) of the vectors times weights (n_users, n_events)."""
        return (weights.with_axis(1) @ self.vectors).without_axis(1)


class Likelihood(Protocol):
    """The loss of histories. ``reads_values`` tells whether it depends on the values of events."""

    reads_values: bool

    def of(self, graph: Graph, products: ItemProducts, history: History) -> Function:
        """Return a function from the vectors of users to losses (n_users, 1) and their gradients."""


@dataclass(frozen=True, eq=False)
class SoftmaxOfRows:
    """Softmax of each event over the compared items (n_items,) and the user's own items."""

    compared: NDArray[np.bool_]
    reads_values: bool = False

    def of(self, graph: Graph, products: ItemProducts, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, _ = history.distinct()
        mask, own = is_item.to(np.float64), products.gathered(graph, codes)
        totals, target = mask.sum(1, keepdims=True), own.weighted(mask)
        bias = (mask * own.biases).sum(1, keepdims=True)
        left_out = None if self.compared.all() else self._left_out(graph, own_items(graph, codes, mask, len(self.compared)))
        table = graph.constant(products.vectors)

        def losses(users: Value) -> tuple[Value, Value]:
            logits = products.scores(graph, users)
            logits = logits if left_out is None else logits + left_out
            highest = logits.max(1, keepdims=True)
            chances = (logits - highest).apply("Exp")
            sums = chances.sum(1, keepdims=True)
            chosen = (users * target).sum(1, keepdims=True) + bias
            return totals * (sums.apply("Log") + highest) - chosen, totals * ((chances / sums) @ table) - target

        return losses

    def _left_out(self, graph: Graph, is_own: Value) -> Value:
        """Minus infinity (n_users, n_items) at the items that are neither compared nor the user's own, else 0."""
        return graph.where(is_own | graph.constant(self.compared), np.float64(0), np.float64(-np.inf))


@dataclass(frozen=True, eq=False)
class BoundedRatings:
    """Ratings in a range, with normal errors of variance ``noise``."""

    noise: float
    bounds: tuple[float, float]
    reads_values: bool = True

    def of(self, graph: Graph, products: ItemProducts, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, values = history.distinct()
        assert values is not None
        mask, own, targets = is_item.to(np.float64), products.gathered(graph, codes), values.to(np.float64)
        low, width = self.bounds[0], self.bounds[1] - self.bounds[0]

        def losses(users: Value) -> tuple[Value, Value]:
            shares = own.scores(users).apply("Sigmoid")
            errors = (low + width * shares - targets) * mask
            slopes = errors * shares * (1 - shares) * (width / self.noise)
            return (errors * errors).sum(1, keepdims=True) / (2 * self.noise), own.weighted(slopes)

        return losses


@dataclass(frozen=True, eq=False)
class MapEstimate:
    """Most probable states of users under a prior and the loss of their histories.

    Attributes
    ----------
    prior : Prior
    products : ItemProducts
    likelihood : Likelihood
    finish : callable
        Converts states (n_users, d) in float64.
    """

    prior: Prior
    products: ItemProducts
    likelihood: Likelihood
    finish: Callable[[Value], Any]

    @property
    def reads_values(self) -> bool:
        """Whether the states depend on the values of events."""
        return self.likelihood.reads_values

    def of(self, history: History) -> Any:
        """Return the states of users from their histories."""
        graph, prior = history.graph, self.prior
        losses, root = self.likelihood.of(graph, self.products, history), graph.constant(prior.root)
        transposed = graph.constant(np.ascontiguousarray(prior.root.T))

        def function(moved: Value) -> tuple[Value, Value]:
            whitened = moved + prior.start
            state = whitened @ transposed + prior.mean
            vectors, lengths = self._vectors(graph, state)
            values, slopes = losses(vectors)
            penalties, by_penalty = prior.penalty(graph, whitened)
            return values + penalties, self._by_state(vectors, lengths, slopes) @ root + by_penalty

        _, is_item, _ = history.distinct()
        n_events = is_item.to(np.float64).sum(1, keepdims=True)
        moved = minimize(graph, function, n_events * prior.curvature + prior.stiffness)
        return self.finish((moved + prior.start) @ transposed + prior.mean)

    def _vectors(self, graph: Graph, state: Value) -> tuple[Value, Value | None]:
        """Vectors of states, and their lengths with the temperature."""
        if self.products.temperature is None:
            return state, None
        lengths = graph.larger(_squares(state).apply("Sqrt"), 1e-12) * self.products.temperature
        return state / lengths, lengths

    def _by_state(self, vectors: Value, lengths: Value | None, slopes: Value) -> Value:
        """Derivatives with respect to the states from those with respect to the vectors."""
        if lengths is None:
            return slopes
        along = (vectors * slopes).sum(1, keepdims=True) * float(self.products.temperature or 1) ** 2
        return (slopes - vectors * along) / lengths


def own_items(graph: Graph, codes: Value, mask: Value, n_items: int) -> Value:
    """Whether each item (n_users, n_items) is one of the user's, given codes and a mask (n_users, n_events)."""
    zeros = graph.full(graph.shape(codes.size(0), n_items), np.float64(0))
    return graph.scatter_in_rows(zeros, codes, mask, add=True) > 0


def _squares(vectors: Value) -> Value:
    return (vectors * vectors).sum(1, keepdims=True)
