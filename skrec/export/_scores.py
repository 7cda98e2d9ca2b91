"""Scores of states in graphs, and the stored states of known users."""

from typing import Any, Protocol

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
    state : object
        State of all known users, for the functions of ``products``.
    """

    def __init__(self, products: Products, state: Any):
        self.products, self._state = products, state

    def known(self, graph: Graph, users: Value) -> tuple[Value, Value | None]:
        tables = self.products.users(self._state), None if self.products.constants is None else self.products.constants(self._state)
        vectors, constants = (None if table is None else graph.gather(graph.constant(table), users) for table in tables)
        assert vectors is not None
        return vectors, constants

    def of(self, graph: Graph, state: tuple[Value, Value | None]) -> Value:
        vectors, constants = state
        scores = vectors @ graph.constant(np.ascontiguousarray(self.products.items.T))
        if self.products.biases is not None:
            scores = scores + graph.constant(self.products.biases)
        if constants is not None:
            scores = scores + constants.with_axis(1)
        if self.products.rating is None:
            return scores
        low, high = (np.float32(bound) for bound in self.products.rating.bounds)  # type: ignore[attr-defined]
        return low + (high - low) * scores.apply("Sigmoid")


class RowSumScores:
    """Sums of rows of weights. A state consists of row codes (n_users, m), padded with any, and their weights, padded with 0.

    Parameters
    ----------
    sums : RowSums
    state : CSR of shape (n_users, n_rows)
        State of all known users.
    """

    def __init__(self, sums: RowSums, state: sp.csr_array):
        self.weights, self._state = sums.weights, state

    def known(self, graph: Graph, users: Value) -> tuple[Value, Value]:
        return StoredRows(graph, self._state).padded(users)

    def of(self, graph: Graph, state: tuple[Value, Value]) -> Value:
        codes, shares = state
        codes = graph.smaller(codes, self.weights.shape[0] - 1)
        if sp.issparse(self.weights):
            return StoredRows(graph, self.weights).sums(graph.where(shares.equals(0), -1, codes), shares)
        weights = graph.constant(self.weights)

        def score(codes: Value, shares: Value) -> Value:
            return (shares.with_axis(0) @ graph.gather(weights, codes)).without_axis(0)

        return graph.for_each_row(score, codes, shares)  # the rows of all users at once would need much memory


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
