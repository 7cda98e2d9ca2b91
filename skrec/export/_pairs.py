"""The loss of histories as pairs of an event and items of a pool, in graphs of fold-in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.export._fold_in import counts_of_items, softplus
from skrec.export._graph import Graph, Value
from skrec.export._item_scores import ItemScores
from skrec.export._minimization import Function
from skrec.export._states import History

# the same constants as those of fold-in
_DRAWS_PER_USER, _DRAWS_PER_EVENT = 2048, 8

# maps scores of events (n_users, n_events) and of the pool (n_users, n_pool) to losses (n_users, 1) and the derivatives
LossOfPairs = Callable[[Value, Value], tuple[Value, Value, Value]]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Losses of each event with ``n_negatives`` items of a pool that are not the user's own.

    Attributes
    ----------
    loss : callable
        `bpr`, `bce`, `softmax`, or another function with these arguments.
    pool : int64 array of shape (n,)
        Items that were drawn once for all users.
    log_counts : float64 array of shape (n,), or None
        Logarithm of the expected number of times that each item of the pool is drawn for an event, which is subtracted from
        its score.
    n_negatives : int
    """

    loss: Callable[[Graph, "Draws", Value], "LossOfPairs"]
    pool: NDArray[np.int64]
    log_counts: NDArray[np.float64] | None
    n_negatives: int
    reads_values: bool = False

    def of(self, graph: Graph, items: ItemScores, history: History) -> Function:
        """Return the losses of histories."""
        codes, is_item, _ = history.distinct()
        mask, of_own, of_pool = is_item.to(np.float64), items.of_own(graph, codes), items.of_all(graph, self.pool)
        draws = self._draws(graph, is_item, counts_of_items(graph, codes, mask, items.n_items) > 0)
        losses_of = self.loss(graph, draws, mask)

        def losses(users: Value) -> tuple[Value, Value]:
            positive, from_positive = of_own(users)
            negative, from_negative = of_pool(users)
            negative = negative if self.log_counts is None else negative - self.log_counts
            values, by_positive, by_negative = losses_of(positive, negative)
            return values, from_positive(by_positive) + from_negative(by_negative)

        return losses

    def _draws(self, graph: Graph, is_item: Value, is_own: Value) -> "Draws":
        """The lists of a user: events, in order of items, take consecutive items of the pool."""
        n_events, n_pool = is_item.to(np.int64).sum(1, keepdims=True), len(self.pool)
        n_draws = graph.smaller(graph.larger(_DRAWS_PER_USER // graph.larger(n_events, 1), _DRAWS_PER_EVENT), n_pool)
        n_lists = graph.larger(n_draws // self.n_negatives, 1)  # of each event
        n_all = n_events * n_lists
        lists = graph.range(graph.larger(n_all.max(0), 1))
        is_list = lists < n_all
        places = (lists.with_axis(1) * self.n_negatives + np.arange(self.n_negatives)) % n_pool
        is_other = graph.node("Gather", ~graph.node("Gather", is_own, self.pool, axis=1), places, axis=1)
        return Draws(
            events=graph.smaller(lists // n_lists, is_item.size(1) - 1),
            places=places,
            is_used=(is_other & is_list.with_axis(2)).to(np.float64),
            weights=is_list.to(np.float64) / n_lists.to(np.float64),
            n_pool=n_pool,
        )


class Draws(NamedTuple):
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


def bpr(graph: Graph, draws: Draws, mask: Value) -> LossOfPairs:
    """Bayesian personalized ranking."""
    shares = draws.is_used * (draws.weights / graph.larger(draws.is_used.sum(2), 1.0)).with_axis(2)

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        differences = draws.negatives(graph, negative) - draws.positives(graph, positive)
        slopes = differences.apply("Sigmoid") * shares
        values = (softplus(graph, differences) * shares).sum(2).sum(1, keepdims=True)
        return values, draws.summed_by_event(graph, -slopes.sum(2), mask), draws.summed(graph, slopes)

    return losses


def bce(graph: Graph, draws: Draws, mask: Value) -> LossOfPairs:
    """Binary cross-entropy."""
    counts = draws.summed(graph, draws.is_used * draws.weights.with_axis(2))

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        values = (softplus(graph, -positive) * mask).sum(1, keepdims=True)
        values = values + (softplus(graph, negative) * counts).sum(1, keepdims=True)
        return values, -(-positive).apply("Sigmoid") * mask, negative.apply("Sigmoid") * counts

    return losses


def warp(graph: Graph, draws: Draws, mask: Value, *, n_items: int, width: float) -> LossOfPairs:
    """Smooth weighted approximate-rank pairwise loss."""
    share = (n_items - 1) / graph.larger(draws.is_used.sum(2), 1.0)  # items of the catalog for each negative

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        excess = (draws.negatives(graph, negative) - draws.positives(graph, positive) + 1) / width
        hinges = width * (softplus(graph, excess) * draws.is_used).sum(2)
        violates = excess.apply("Sigmoid") * draws.is_used
        violations = violates.sum(2)
        at_least, rank = graph.larger(violations, 1e-12), share * violations
        by_hinges = draws.weights * (1 + rank).apply("Log") / at_least
        by_violations = hinges * (draws.weights * share / (1 + rank) - by_hinges) / (width * at_least)
        slopes = violates * (by_hinges.with_axis(2) + by_violations.with_axis(2) * (1 - violates))
        values = (by_hinges * hinges).sum(1, keepdims=True)
        return values, draws.summed_by_event(graph, -slopes.sum(2), mask), draws.summed(graph, slopes)

    return losses


def ccl(graph: Graph, draws: Draws, mask: Value, *, margin: float, negative_weight: float, width: float) -> LossOfPairs:
    """Smooth cosine contrastive loss."""
    weights = draws.is_used * (negative_weight * draws.weights / graph.larger(draws.is_used.sum(2), 1.0)).with_axis(2)
    counts = draws.summed(graph, weights)  # the loss is a sum over the items of the pool

    def losses(positive: Value, negative: Value) -> tuple[Value, Value, Value]:
        excess = (negative - margin) / width
        of_pool = width * (softplus(graph, excess) * counts).sum(1, keepdims=True)
        return ((1 - positive) * mask).sum(1, keepdims=True) + of_pool, -mask, excess.apply("Sigmoid") * counts

    return losses


def softmax(graph: Graph, draws: Draws, mask: Value) -> LossOfPairs:
    """Softmax cross-entropy."""

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
