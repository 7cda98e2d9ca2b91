"""Scores of states in graphs, and the stored states of known users."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value
from skrec.export._rows import StoredRows
from skrec.topk import Products, RowSums


class Scores(Protocol):
    """Scores as a function of states. A state is what `known` or an object of `skrec.export._states` returns."""

    def known(self, graph: Graph, users: Value) -> Any:
        """Return the states of known users (n_users,). Those of the code -1 may be any."""

    def of(self, graph: Graph, state: Any) -> Value:
        """Return the scores (n_users, n_items) of a state."""


class ProductScores:
    """Products of vectors. A state consists of vectors (n_users, d) and constants (n_users,) or None.

    Parameters
    ----------
    products : Products
        ``rating`` is None or has the attribute ``bounds`` of a sigmoid.
    states : callable
        Yields the states of blocks of the known users, for the functions of ``products``.
    """

    def __init__(self, products: Products, states: Callable[[], Iterator[Any]]):
        self.products, self._states = products, states

    def known(self, graph: Graph, users: Value) -> tuple[Value, Value | None]:
        parts = [(self.products.users(state), self._constants(state)) for state in self._states()]
        vectors, constants = zip(*parts, strict=True)
        of_users = graph.gather(graph.constant(np.concatenate(vectors)), users)
        if constants[0] is None:
            return of_users, None
        return of_users, graph.gather(graph.constant(np.concatenate(constants)), users)

    def _constants(self, state: Any) -> NDArray[np.float32] | None:
        return None if self.products.constants is None else self.products.constants(state)

    def of(self, graph: Graph, state: tuple[Value, Value | None]) -> Value:
        vectors, constants = state
        scores = vectors @ graph.constant(np.ascontiguousarray(self.products.items.T))
        if self.products.biases is not None:
            scores = scores + graph.constant(self.products.biases)
        if constants is not None:
            scores = scores + constants.with_axis(1)
        return _bounded(scores, None if self.products.rating is None else self.products.rating.bounds)  # type: ignore[attr-defined]


class RowSumScores:
    """Sums of rows of weights. A state consists of row codes (n_users, m), padded with any, and their weights, padded with 0.

    Parameters
    ----------
    sums : RowSums
    states : callable
        Yields the states, CSR, of blocks of the known users.
    """

    def __init__(self, sums: RowSums, states: Callable[[], Iterator[sp.csr_array]]):
        self.weights, self._states = sums.weights, states

    def known(self, graph: Graph, users: Value) -> tuple[Value, Value]:
        return StoredRows(graph, sp.vstack(list(self._states()), format="csr")).padded(users)

    def of(self, graph: Graph, state: tuple[Value, Value]) -> Value:
        codes, shares = state
        codes = graph.smaller(codes, self.weights.shape[0] - 1)
        if sp.issparse(self.weights):
            return StoredRows(graph, self.weights).sums(graph.where(shares.equals(0), -1, codes), shares)
        weights = graph.constant(self.weights)

        def score(codes: Value, shares: Value) -> Value:
            return (shares.with_axis(0) @ graph.gather(weights, codes)).without_axis(0)

        return graph.for_each_row(score, codes, shares)  # the rows of all users at once would need much memory


class LayerScores:
    """Sums of branches: products of vectors, and rectified layers over sums of vectors. A state has a vector for each branch.

    Parameters
    ----------
    branches : list of Branch
    bias : float
    bounds : (float, float) or None
        Range of a sigmoid that scores are mapped to.
    """

    def __init__(self, branches: "list[Branch]", bias: float, bounds: tuple[float, float] | None):
        self.branches, self.bias, self.bounds = branches, bias, bounds

    def known(self, graph: Graph, users: Value) -> list[Value]:
        return [graph.gather(graph.constant(branch.users), users) for branch in self.branches]

    def of(self, graph: Graph, state: list[Value]) -> Value:
        parts = [branch.scores(graph, vectors) for branch, vectors in zip(self.branches, state, strict=True)]
        return _bounded(sum(parts, graph.constant(self.bias, np.float32)), self.bounds)


class Branch(NamedTuple):
    """A part of scores.

    Attributes
    ----------
    users, items : float32 arrays of shape (n_users, d) and (n_items, d)
        Vectors of users and items.
    maps : list of (array, array)
        Weight (n_out, n_in) and bias (n_out,) of the linear map after each rectifier of the sum of both vectors. The last one
        has one output. Without maps, the score is the product of the vectors.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    maps: list[tuple[NDArray[np.float32], NDArray[np.float32]]]

    def scores(self, graph: Graph, vectors: Value) -> Value:
        """Scores (n_users, n_items)."""
        if not self.maps:
            return vectors @ graph.constant(np.ascontiguousarray(self.items.T))
        items = graph.constant(self.items)

        def score(vector: Value) -> Value:
            layer = vector.with_axis(0) + items
            for weight, bias in self.maps:
                layer = layer.apply("Relu") @ graph.constant(np.ascontiguousarray(weight.T)) + graph.constant(bias)
            return layer.without_axis(1)

        return graph.for_each_row(score, vectors)  # the layers of all users at once would need much memory


class CommonScores:
    """The same scores for all users. A state consists of one value with a row for each user.

    Parameters
    ----------
    scores : array of shape (n_items,)
    """

    def __init__(self, scores: NDArray):
        self.scores = scores

    def known(self, graph: Graph, users: Value) -> Value:
        return users

    def of(self, graph: Graph, state: Value) -> Value:
        return graph.node("Expand", graph.constant(self.scores), graph.shape(state.size(0), len(self.scores)))


class TransitionScores:
    """Probabilities of the next item. A state consists of the last items (n_users,).

    Parameters
    ----------
    transitions : float64 CSR of shape (n_items, n_items)
        Counts of the items after an item.
    pseudo_counts : float64 array of shape (n_items,)
        Numbers that are added to the counts after each item.
    last_items : int64 array of shape (n_users,)
        Last items of the known users.
    """

    def __init__(self, transitions: sp.csr_array, pseudo_counts: NDArray[np.float64], last_items: NDArray[np.int64]):
        self.transitions, self.pseudo_counts, self._last_items = transitions, pseudo_counts, last_items

    def known(self, graph: Graph, users: Value) -> Value:
        return graph.gather(graph.constant(self._last_items), users)

    def of(self, graph: Graph, state: Value) -> Value:
        last = state.with_axis(1)
        counts = StoredRows(graph, self.transitions).sums(last, graph.full(last.shape(), np.float64(1)))
        totals = self.transitions.sum(1) + self.pseudo_counts.sum()
        scores = (counts + graph.constant(self.pseudo_counts)) / graph.gather(graph.constant(totals), last)
        return scores.to(np.float32)


def _bounded(scores: Value, bounds: tuple[float, float] | None) -> Value:
    """Map scores into a range by a sigmoid."""
    if bounds is None:
        return scores
    low, high = (np.float32(bound) for bound in bounds)
    return low + (high - low) * scores.apply("Sigmoid")
