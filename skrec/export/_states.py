"""States of new users in graphs, computed from their histories."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value


class History:
    """The histories of users in a graph.

    Parameters
    ----------
    graph : Graph
    items : int64 Value of shape (n_users, n_events)
        Item codes, padded at the end with negative numbers.
    values : float32 Value of shape (n_users, n_events), or None
        Values of the events.
    n_items : int
        Number of items. It becomes the code of the padding.
    is_positive : callable, optional
        Tells which values are those of positive events. If None, all are.
    """

    def __init__(
        self,
        graph: Graph,
        items: Value,
        values: Value | None,
        n_items: int,
        *,
        is_positive: Callable[[Value], Value] | None = None,
    ):
        self.graph, self.n_items = graph, n_items
        codes = graph.where(items < 0, np.int64(n_items), items)
        if values is not None and is_positive is not None:
            codes = graph.where(is_positive(values), codes, n_items)
        # at least one column, since some operators do not accept empty arrays
        self.codes = self._with_column(codes, np.int64(n_items))
        self.values = None if values is None else self._with_column(values, np.float32(0))

    def _with_column(self, array: Value, padding: Any) -> Value:
        return self.graph.joined([array, self.graph.full(self.graph.shape(array.size(0), 1), padding)], 1)

    def is_familiar(self) -> Value:
        """Whether each user has an event, bool (n_users,)."""
        return (self.codes < self.n_items).any(1)

    def last(self) -> Value:
        """Last item of each user (n_users,), any item for users without events."""
        is_event = self.codes < self.n_items
        position = self.graph.where(is_event, self.graph.range(self.codes.size(1)), np.int64(0)).max(1, keepdims=True)
        return self.graph.smaller(self.graph.gather_in_rows(self.codes, position).without_axis(1), self.n_items - 1)

    def latest(self, n: int, *, fixed: bool) -> tuple[Value, Value]:
        """The latest n items (n_users, width) of each user in order, and the number of items (n_users,).

        Parameters
        ----------
        n : int
        fixed : bool
            Whether the width is always n. If False, it is at most n.
        """
        graph, n_columns = self.graph, self.codes.size(1)
        lengths = (self.codes < self.n_items).to(np.int64).sum(1)
        width = graph.shape_part(n) if fixed else graph.smaller(n_columns, n)
        places = graph.larger(lengths - n, 0).with_axis(1) + graph.range(width)
        items = graph.gather_in_rows(self.codes, graph.smaller(places, n_columns - 1))
        lengths = graph.smaller(lengths, n)
        return graph.smaller(items, self.n_items - 1), lengths

    def distinct(self, *, summed: bool = False) -> tuple[Value, Value, Value | None]:
        """The distinct items of each user, ascending, padded at the end.

        Parameters
        ----------
        summed : bool, default=False
            Whether the values of repeated items are added. If False, the last one counts.

        Returns
        -------
        codes : int64 Value of shape (n_users, n_events + 1)
            Item codes that exist, also where there is no item.
        is_item : bool Value of the same shape
            Where there is an item.
        values : float32 Value of the same shape, or None
        """
        graph = self.graph
        codes, order = graph.largest(self.codes, self.codes.size(1), largest=False)
        following = self._with_column(codes.part(1, np.iinfo(np.int64).max, 1), np.int64(-1))
        codes = graph.where(codes.equals(following), np.int64(self.n_items), codes)  # the last one of equal codes remains
        codes, places = graph.largest(codes, codes.size(1), largest=False)
        values = None
        if self.values is not None and summed:
            totals = graph.full(graph.shape(self.codes.size(0), self.n_items + 1), np.float32(0))
            values = graph.gather_in_rows(graph.scatter_in_rows(totals, self.codes, self.values, add=True), codes)
        elif self.values is not None:
            values = graph.gather_in_rows(self.values, graph.gather_in_rows(order, places))
        return graph.smaller(codes, self.n_items - 1), codes < self.n_items, values


class States(Protocol):
    """States of new users.

    Attributes
    ----------
    reads_values : bool
        Whether the states depend on the values of events.
    """

    @property
    def reads_values(self) -> bool: ...

    def of(self, history: History) -> Any:
        """Return the states of users from their histories."""


class OwnItems:
    """The distinct items of a user, as a state of `RowSumScores`."""

    reads_values: ClassVar[bool] = False

    def of(self, history: History) -> tuple[Value, Value]:
        codes, is_item, _ = history.distinct()
        return codes, is_item.to(np.float32)


class LastItem:
    """The last item of a user, as a state of `TransitionScores` and of `CommonScores`."""

    reads_values: ClassVar[bool] = False

    def of(self, history: History) -> Value:
        return history.last()


@dataclass(frozen=True, eq=False)
class MeansOfItems:
    """Weighted means of the vectors of a user's latest items and of a default vector, as a state of `ProductScores`.

    Attributes
    ----------
    vectors : float32 array of shape (n_items, d)
    logits : float32 array of shape (n_items,)
        The weights are the softmax of the logits.
    default : float32 array of shape (d,)
    default_logit : float
    max_length : int
        Number of items that are used.
    """

    vectors: NDArray[np.float32]
    logits: NDArray[np.float32]
    default: NDArray[np.float32]
    default_logit: float
    max_length: int
    reads_values: ClassVar[bool] = False

    def of(self, history: History) -> tuple[Value, None]:
        """Return the states of users from their histories."""
        graph = history.graph
        items, lengths = history.latest(self.max_length, fixed=False)
        is_item = graph.range(items.size(1)) < lengths.with_axis(1)
        logits = graph.where(is_item, graph.gather(graph.constant(self.logits), items), np.float32(-np.inf))
        of_default = graph.full(graph.shape(items.size(0), 1), np.float32(self.default_logit))
        shares = graph.joined([of_default, logits], 1).apply("Softmax", axis=1)
        own = shares.part(1, np.iinfo(np.int64).max, 1).with_axis(1) @ graph.gather(graph.constant(self.vectors), items)
        return shares.part(0, 1, 1) * self.default + own.without_axis(1), None
