"""Nearest users of histories in graphs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value
from skrec.export._rows import StoredRows
from skrec.export._states import History


@dataclass(frozen=True, eq=False)
class NearestUsers:
    """The similarities of a user to nearest training users, as a state of `RowSumScores`.

    Attributes
    ----------
    columns : float64 CSR of shape (n_items, n_users)
        Vectors of the training users, transposed.
    item_weights : float64 array of shape (n_items,)
        Weights of items in the vector of a user.
    user_weight : callable
        Takes a graph and the numbers of items of users, float64 (n, 1). Returns the factors of the users' vectors.
    lengths : float64 array of shape (n_users,)
        Lengths of the vectors of the training users, raised to a power.
    exponent, shrinkage : float
        The product of two vectors is divided by the length of the new user's vector to this power, times ``lengths``, plus
        ``shrinkage``.
    normalize : bool
        Whether it is divided.
    n_neighbors : int
        Number of neighbors, if there are no ``thresholds``.
    thresholds : float32 array of shape (n_users,), or None
        Neighbors are all users with a similarity above these.
    """

    columns: sp.csr_array
    item_weights: NDArray[np.float64]
    user_weight: Callable[[Graph, Value], Value]
    lengths: NDArray[np.float64]
    exponent: float
    shrinkage: float
    normalize: bool
    n_neighbors: int
    thresholds: NDArray[np.float32] | None

    reads_values: ClassVar[bool] = False

    def of(self, history: History) -> tuple[Value, Value]:
        """Return the states of users from their histories."""
        graph = history.graph
        codes, is_item, _ = history.distinct()
        mask = is_item.to(np.float64)
        weights = graph.gather(graph.constant(self.item_weights), codes) * mask
        weights = weights * self.user_weight(graph, mask.sum(1, keepdims=True))
        similarities = StoredRows(graph, self.columns).sums(graph.where(is_item, codes, np.int64(-1)), weights)
        if self.normalize:
            own = (weights * weights).sum(1, keepdims=True).apply("Sqrt")
            lengths = graph.node("Pow", own, self.exponent) * graph.constant(self.lengths)
            similarities = similarities / (graph.where(lengths.equals(0), np.float64(1), lengths) + self.shrinkage)
        return self._nearest(graph, similarities.to(np.float32))

    def _nearest(self, graph: Graph, similarities: Value) -> tuple[Value, Value]:
        """Codes (n, m) of the neighbors, ascending, and their similarities, 0 for those that are none."""
        n_users = len(self.lengths)
        if self.thresholds is None:
            k = graph.shape_part(min(self.n_neighbors, n_users))
        else:
            is_near = similarities > graph.constant(self.thresholds)
            similarities = graph.where(is_near, similarities, np.float32(0))
            k = graph.larger(is_near.to(np.int64).sum(1).max(0, keepdims=True), 1)
        values, users = graph.largest(similarities, k)
        # in the order of users, in which similarities are summed
        users, order = graph.largest(users, k, largest=False)
        return users, graph.larger(graph.gather_in_rows(values, order), np.float32(0))
