"""Scores of items as functions of users' vectors in graphs, with their derivatives, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value

# maps derivatives with respect to the values of a function to those with respect to its argument
Pullback = Callable[[Value], Value]
# maps vectors (n_users, w) to scores (n_users, n), and their pullback
ScoreFunction = Callable[[Value], tuple[Value, Pullback]]
# weight (n_out, n_in) and bias (n_out,)
LinearMap = tuple[NDArray[np.float64], NDArray[np.float64]]

_CORNER_WIDTH = 0.05  # of the rectifiers of fold-in


class ItemScores(Protocol):
    """Scores of items for users.

    Attributes
    ----------
    n_items : int
    """

    @property
    def n_items(self) -> int: ...

    def vectors(self, graph: Graph, state: Value) -> tuple[Value, Pullback]:
        """Return the vectors (n_users, w) of states (n_users, d), and their pullback."""

    def of_all(self, graph: Graph, items: NDArray[np.int64] | slice = slice(None)) -> ScoreFunction:
        """Return the scores of some items for all users."""

    def of_own(self, graph: Graph, codes: Value) -> ScoreFunction:
        """Return the scores of each user's own items (n_users, n_events)."""


@dataclass(frozen=True, eq=False)
class ProductItems:
    """Dot products of vectors plus biases.

    Attributes
    ----------
    items : float64 array of shape (n_items, d)
    biases : float64 array of shape (n_items,)
    temperature : float or None, default=None
        If not None, vectors of users are scaled to a length of 1 divided by the temperature.
    """

    items: NDArray[np.float64]
    biases: NDArray[np.float64]
    temperature: float | None = None

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.items)

    def vectors(self, graph: Graph, state: Value) -> tuple[Value, Pullback]:
        """Return the vectors of states, and their pullback."""
        if self.temperature is None:
            return state, lambda slopes: slopes
        temperature = float(self.temperature)
        lengths = graph.larger((state * state).sum(1, keepdims=True).apply("Sqrt"), 1e-12)
        units = state / lengths

        def pullback(slopes: Value) -> Value:
            return (slopes - units * (units * slopes).sum(1, keepdims=True)) / (lengths * temperature)

        return units / temperature, pullback

    def of_all(self, graph: Graph, items: NDArray[np.int64] | slice = slice(None)) -> ScoreFunction:
        """Return the scores of some items for all users."""
        table, biases = self.items[items], graph.constant(self.biases[items])
        rows, columns = graph.constant(table), graph.constant(np.ascontiguousarray(table.T))
        return lambda users: (users @ columns + biases, lambda slopes: slopes @ rows)

    def of_own(self, graph: Graph, codes: Value) -> ScoreFunction:
        """Return the scores of each user's own items."""
        rows, biases = (graph.gather(graph.constant(part), codes) for part in (self.items, self.biases))

        def scores(users: Value) -> tuple[Value, Pullback]:
            products = (users.with_axis(1) * rows).sum(2)
            return products + biases, lambda slopes: (slopes.with_axis(1) @ rows).without_axis(1)

        return scores


@dataclass(frozen=True, eq=False)
class RectifiedItems:
    """Linear maps over sums of a user's and an item's vector, with a smooth rectifier before each map.

    Attributes
    ----------
    items : float64 array of shape (n_items, w)
    maps : list of LinearMap
        The last one has one output.
    """

    items: NDArray[np.float64]
    maps: list[LinearMap]

    def of_all(self, graph: Graph, items: NDArray[np.int64] | slice = slice(None)) -> ScoreFunction:
        """Return the scores of some items for all users."""
        return self._function(graph, graph.constant(self.items[items]))

    def of_own(self, graph: Graph, codes: Value) -> ScoreFunction:
        """Return the scores of each user's own items."""
        return self._function(graph, graph.gather(graph.constant(self.items), codes))

    def _function(self, graph: Graph, of_items: Value) -> ScoreFunction:
        def scores(users: Value) -> tuple[Value, Pullback]:
            layer, all_slopes = users.with_axis(1) + of_items, []
            for weight, bias in self.maps:
                slopes = graph.larger(graph.smaller((layer + _CORNER_WIDTH) / (2 * _CORNER_WIDTH), 1.0), 0.0)
                layer = _CORNER_WIDTH * slopes * slopes + graph.larger(layer - _CORNER_WIDTH, 0.0)
                layer = layer @ np.ascontiguousarray(weight.T) + bias
                all_slopes.append(slopes)

            def pullback(by_scores: Value) -> Value:
                by_layer = by_scores.with_axis(2)
                for (weight, _), slopes in zip(reversed(self.maps), reversed(all_slopes), strict=True):
                    by_layer = (by_layer @ weight) * slopes
                return by_layer.sum(1)

            return layer.without_axis(2), pullback

        return scores


@dataclass(frozen=True, eq=False)
class BranchItems:
    """Sums of products and of rectified layers, each of a part of the users' vectors.

    Attributes
    ----------
    weight : float64 array of shape (d, w)
        The vectors of users are linear functions of their states, with these weights.
    offset : float64 array of shape (w,)
        Their values for a state of 0.
    branches : list of ProductItems or RectifiedItems
        Functions of the parts of the vectors.
    bias : float
        Added to all scores.
    """

    weight: NDArray[np.float64]
    offset: NDArray[np.float64]
    branches: "list[ProductItems | RectifiedItems]"
    bias: float

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.branches[0].items)

    def vectors(self, graph: Graph, state: Value) -> tuple[Value, Pullback]:
        """Return the vectors of states, and their pullback."""
        back = np.ascontiguousarray(self.weight.T)
        return state @ self.weight + self.offset, lambda slopes: slopes @ back

    def of_all(self, graph: Graph, items: NDArray[np.int64] | slice = slice(None)) -> ScoreFunction:
        """Return the scores of some items for all users."""
        return self._summed(graph, [branch.of_all(graph, items) for branch in self.branches])

    def of_own(self, graph: Graph, codes: Value) -> ScoreFunction:
        """Return the scores of each user's own items."""
        return self._summed(graph, [branch.of_own(graph, codes) for branch in self.branches])

    def _summed(self, graph: Graph, functions: list[ScoreFunction]) -> ScoreFunction:
        ends = np.cumsum([branch.items.shape[1] for branch in self.branches]).tolist()
        places = list(zip([0, *ends], ends))

        def scores(users: Value) -> tuple[Value, Pullback]:
            parts = [function(users.part(*place, 1)) for function, place in zip(functions, places, strict=True)]
            values, pullbacks = zip(*parts, strict=True)
            return sum(values, graph.constant(self.bias, np.float64)), lambda slopes: graph.joined(
                [pullback(slopes) for pullback in pullbacks], 1
            )

        return scores
