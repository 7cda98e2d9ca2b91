"""Most probable states of new users in graphs: fold-in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value
from skrec.export._item_scores import ItemScores
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
    exponent : float
        Power of the number of a user's events by which the penalty is multiplied.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    start: NDArray[np.float64]
    curvature: NDArray[np.float64]
    stiffness: float
    direction: tuple[NDArray[np.float64], float] | None
    exponent: float

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


class Likelihood(Protocol):
    """The loss of histories. ``reads_values`` tells whether it depends on the values of events."""

    @property
    def reads_values(self) -> bool: ...

    def of(self, graph: Graph, items: ItemScores, history: History) -> Function:
        """Return a function from the vectors of users to losses (n_users, 1) and their gradients."""


@dataclass(frozen=True, eq=False)
class SoftmaxOfRows:
    """Softmax of each event over the compared items (n_items,) and the user's own items."""

    compared: NDArray[np.bool_]
    reads_values: bool = False

    def of(self, graph: Graph, items: ItemScores, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, _ = history.distinct()
        mask, scores_of = is_item.to(np.float64), items.of_all(graph)
        totals, target = mask.sum(1, keepdims=True), counts_of_items(graph, codes, mask, items.n_items)
        left_out = None
        if not self.compared.all():
            left_out = graph.where((target > 0) | graph.constant(self.compared), np.float64(0), np.float64(-np.inf))

        def losses(users: Value) -> tuple[Value, Value]:
            logits, pullback = scores_of(users)
            chosen = (logits * target).sum(1, keepdims=True)
            logits = logits if left_out is None else logits + left_out
            highest = logits.max(1, keepdims=True)
            chances = (logits - highest).apply("Exp")
            sums = chances.sum(1, keepdims=True)
            return totals * (sums.apply("Log") + highest) - chosen, pullback(chances * (totals / sums) - target)

        return losses


@dataclass(frozen=True, eq=False)
class BinaryRows:
    """Binary cross-entropy of the compared items (n_items,) and the user's own items."""

    compared: NDArray[np.bool_]
    reads_values: bool = False

    def of(self, graph: Graph, items: ItemScores, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, _ = history.distinct()
        scores_of, target = items.of_all(graph), counts_of_items(graph, codes, is_item.to(np.float64), items.n_items)
        mask = graph.larger(target, graph.constant(self.compared, np.float64))

        def losses(users: Value) -> tuple[Value, Value]:
            logits, pullback = scores_of(users)
            values = (mask * softplus(graph, logits) - target * logits).sum(1, keepdims=True)
            return values, pullback(mask * logits.apply("Sigmoid") - target)

        return losses


@dataclass(frozen=True, eq=False)
class RatingErrors:
    """Ratings with normal errors of variance ``noise``.

    Attributes
    ----------
    noise : float
    bounds : (float, float) or None
        Range of a sigmoid that scores are mapped to.
    """

    noise: float
    bounds: tuple[float, float] | None
    reads_values: bool = True

    def of(self, graph: Graph, items: ItemScores, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, values = history.distinct()
        assert values is not None
        mask, scores_of, targets = is_item.to(np.float64), items.of_own(graph, codes), values.to(np.float64)

        def losses(users: Value) -> tuple[Value, Value]:
            scores, pullback = scores_of(users)
            predicted, slopes = self._rated(scores)
            errors = (predicted - targets) * mask
            return (errors * errors).sum(1, keepdims=True) / (2 * self.noise), pullback(errors * slopes / self.noise)

        return losses

    def _rated(self, scores: Value) -> tuple[Value, Value]:
        """Ratings and their derivatives with respect to the scores."""
        if self.bounds is None:
            return scores, scores * 0.0 + 1.0
        low, width = self.bounds[0], self.bounds[1] - self.bounds[0]
        shares = scores.apply("Sigmoid")
        return low + width * shares, width * shares * (1 - shares)


@dataclass(frozen=True, eq=False)
class MapEstimate:
    """Most probable states of users under a prior and the loss of their histories.

    Attributes
    ----------
    prior : Prior
    items : ItemScores
    likelihood : Likelihood
    finish : callable
        Converts states (n_users, d) in float64.
    """

    prior: Prior
    items: ItemScores
    likelihood: Likelihood
    finish: Callable[[Value], Any]

    @property
    def reads_values(self) -> bool:
        """Whether the states depend on the values of events."""
        return self.likelihood.reads_values

    def of(self, history: History) -> Any:
        """Return the states of users from their histories."""
        graph, prior = history.graph, self.prior
        losses, transposed = self.likelihood.of(graph, self.items, history), np.ascontiguousarray(prior.root.T)
        _, is_item, _ = history.distinct()
        n_events = is_item.to(np.float64).sum(1, keepdims=True)
        strengths = graph.node("Pow", graph.larger(n_events, 1.0), prior.exponent)

        def function(moved: Value) -> tuple[Value, Value]:
            whitened = moved + prior.start
            vectors, to_state = self.items.vectors(graph, whitened @ transposed + prior.mean)
            values, slopes = losses(vectors)
            penalties, by_penalty = prior.penalty(graph, whitened)
            return values + strengths * penalties, to_state(slopes) @ prior.root + strengths * by_penalty

        moved = minimize(graph, function, n_events * prior.curvature + strengths * prior.stiffness)
        return self.finish((moved + prior.start) @ transposed + prior.mean)


def counts_of_items(graph: Graph, codes: Value, mask: Value, n_items: int) -> Value:
    """How often each item (n_users, n_items) is among the codes (n_users, n_events), each counted as often as the mask says."""
    zeros = graph.full(graph.shape(codes.size(0), n_items), np.float64(0))
    return graph.scatter_in_rows(zeros, codes, mask, add=True)


def softplus(graph: Graph, x: Value) -> Value:
    """``log(1 + exp(x))``."""
    return graph.larger(x, 0.0) + (1 + (-x.apply("Abs")).apply("Exp")).apply("Log")


def _squares(vectors: Value) -> Value:
    return (vectors * vectors).sum(1, keepdims=True)
