"""The loss of histories as pairs of an event and items of a pool, in graphs of fold-in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.export._fold_in import ItemProducts, own_items
from skrec.export._graph import Graph, Value
from skrec.export._minimization import Function
from skrec.export._states import History

# the same constants as those of fold-in
_DRAWS_PER_USER, _DRAWS_PER_EVENT = 2048, 8

# maps scores of events (n_users, n_events) and of the pool (n_users, n_pool) to losses (n_users, 1) and the derivatives
_LossOfPairs = Callable[[Value, Value], tuple[Value, Value, Value]]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Losses of each event with ``n_negatives`` items of a pool that are not the user's own.

    Attributes
    ----------
    loss : {"bpr", "bce", "softmax"}
    pool : int64 array of shape (n,)
        Items that were drawn once for all users.
    log_counts : float64 array of shape (n,)
        Logarithm of the expected number of times that each item of the pool is drawn for an event. 0 without correction.
    n_negatives : int
    """

    loss: str
    pool: NDArray[np.int64]
    log_counts: NDArray[np.float64]
    n_negatives: int
    reads_values: bool = False

    def of(self, graph: Graph, products: ItemProducts, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, _ = history.distinct()
        mask, own, pool = is_item.to(np.float64), products.gathered(graph, codes), products.of_some(self.pool)
        draws = self._draws(graph, is_item, own_items(graph, codes, mask, len(products.vectors)))
        losses_of, table = _LOSSES[self.loss](graph, draws, mask), graph.constant(pool.vectors)

        def losses(users: Value) -> tuple[Value, Value]:
            negative = pool.scores(graph, users) - self.log_counts
            values, by_positive, by_negative = losses_of(own.scores(users), negative)
            return values, own.weighted(by_positive) + by_negative @ table

        return losses

    def _draws(self, graph: Graph, is_item: Value, is_own: Value) -> "_Draws":
        """The lists of a user: events, in order of items, take consecutive items of the pool."""
        n_events, n_pool = is_item.to(np.int64).sum(1, keepdims=True), len(self.pool)
        n_draws = graph.smaller(graph.larger(_DRAWS_PER_USER // graph.larger(n_events, 1), _DRAWS_PER_EVENT), n_pool)
        n_lists = graph.larger(n_draws // self.n_negatives, 1)  # of each event
        n_all = n_events * n_lists
        lists = graph.range(graph.larger(n_all.max(0), 1))
        is_list = lists < n_all
        places = (lists.with_axis(1) * self.n_negatives + np.arange(self.n_negatives)) % n_pool
        is_other = graph.node("Gather", ~graph.node("Gather", is_own, self.pool, axis=1), places, axis=1)
        return _Draws(
            events=graph.smaller(lists // n_lists, is_item.size(1) - 1),
            places=places,
            is_used=(is_other & is_list.with_axis(2)).to(np.float64),
            weights=is_list.to(np.float64) / n_lists.to(np.float64),
            n_pool=n_pool,
        )


class _Draws(NamedTuple):
    """Lists of items of the pool, each drawn for one event.

    Attributes
    ----------
    events : int64 Value of shape (n_users, n_lists)
        Position of the event of each list.
    places : int64 Value of shape (n_lists, n_negatives)
        Positions in the pool, the same for all users.
    is_used : float64 Value of shape (n_users, n_lists, n_negatives)
        1 for items that are not the user's own, of lists that exist.
    weights : float64 Value of shape (n_users, n_lists)
        Weights of the lists, 0 for those that do not exist.
    n_pool : int
    """

    events: Value
    places: Value
    is_used: Value
    weights: Value
    n_pool: int

    def positives(self, graph: Graph, scores: Value) -> Value:
        """Scores (n_users, n_lists, 1) of the events of lists, from those of all events."""
        return graph.gather_in_rows(scores, self.events).with_axis(2)

    def negatives(self, graph: Graph, scores: Value) -> Value:
        """Scores (n_users, n_lists, n_negatives) of the items of lists, from those of the pool."""
        return graph.node("Gather", scores, self.places, axis=1)

    def summed(self, graph: Graph, values: Value) -> Value:
        """Sums (n_users, n_pool) of the values (n_users, n_lists, n_negatives) of each item of the pool."""
        flat = graph.node("Flatten", values, axis=1)
        places = graph.node("Expand", self.places.reshaped(1, -1), flat.shape())
        zeros = graph.full(graph.shape(values.size(0), self.n_pool), np.float64(0))
        return graph.scatter_in_rows(zeros, places, flat, add=True)

    def summed_by_event(self, graph: Graph, values: Value, mask: Value) -> Value:
        """Sums (n_users, n_events) of the values (n_users, n_lists) of each event."""
        return graph.scatter_in_rows(mask * 0.0, self.events, values, add=True)


def _bpr(graph: Graph, draws: _Draws, mask: Value) -> _LossOfPairs:
    shares = draws.is_used * (draws.weights / graph.larger(draws.is_used.sum(2), 1.0)).with_axis(2)

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        differences = draws.negatives(graph, negative) - draws.positives(graph, positive)
        slopes = differences.apply("Sigmoid") * shares
        values = (_softplus(graph, differences) * shares).sum(2).sum(1, keepdims=True)
        return values, draws.summed_by_event(graph, -slopes.sum(2), mask), draws.summed(graph, slopes)

    return losses


def _bce(graph: Graph, draws: _Draws, mask: Value) -> _LossOfPairs:
    counts = draws.summed(graph, draws.is_used * draws.weights.with_axis(2))

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        values = (_softplus(graph, -positive) * mask).sum(1, keepdims=True)
        values = values + (_softplus(graph, negative) * counts).sum(1, keepdims=True)
        return values, -(-positive).apply("Sigmoid") * mask, negative.apply("Sigmoid") * counts

    return losses


def _softmax(graph: Graph, draws: _Draws, mask: Value) -> _LossOfPairs:
    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        chosen, others = draws.positives(graph, positive), draws.negatives(graph, negative)
        highest = graph.larger(chosen, others.max(2, keepdims=True))
        of_chosen, of_others = (chosen - highest).apply("Exp"), (others - highest).apply("Exp") * draws.is_used
        sums = of_chosen + of_others.sum(2, keepdims=True)
        values = draws.weights * (sums.apply("Log") + highest - chosen).without_axis(2)
        by_chosen = draws.weights * ((of_chosen / sums).without_axis(2) - 1)
        by_others = draws.weights.with_axis(2) * of_others / sums
        by_events = draws.summed_by_event(graph, by_chosen, mask)
        return values.sum(1, keepdims=True), by_events, draws.summed(graph, by_others)

    return losses


def _softplus(graph: Graph, x: Value) -> Value:
    return graph.larger(x, 0.0) + (1 + (-x.apply("Abs")).apply("Exp")).apply("Log")


_LOSSES = {"bpr": _bpr, "bce": _bce, "softmax": _softmax}
