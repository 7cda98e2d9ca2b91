"""States of new users that minimize squared errors, in graphs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value
from skrec.export._states import History

_TOLERANCE = 1e-11  # of residuals, relative to the right-hand side
_MOST_STEPS = 1000


class Terms(NamedTuple):
    """Weights of a user's items in the equations, float64 of shape (n_users, n_events). 0 where there is no item.

    Attributes
    ----------
    of_matrix : Value
        Factor of the product of an item's features with themselves, in the matrix.
    of_right : Value
        Factor of an item's features in the right-hand side.
    """

    of_matrix: Value
    of_right: Value


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Solutions of ``(diag(penalties) + F.T @ W @ F) x = F.T @ r``, where the rows of F are the features of a user's items.

    Attributes
    ----------
    features : float64 array of shape (n_items, d)
    terms : callable
        Takes the codes of items, a mask, and their values or None. Returns the `Terms`.
    penalties : callable
        Takes a graph and the number of items of users, float64 (n_users, 1). Returns penalties that broadcast to (n_users, d).
    finish : callable
        Converts solutions (n_users, d) in float64 to states.
    reads_values : bool
        Whether the equations depend on values.
    sums_values : bool
        Whether the values of repeated items are added. If False, the last one counts.
    """

    features: NDArray[np.float64]
    terms: Callable[[Value, Value, Value | None], Terms]
    penalties: Callable[[Graph, Value], Value]
    finish: Callable[[Value], Any]
    reads_values: bool
    sums_values: bool = False

    def of(self, history: History) -> Any:
        """Return the states of users from their histories."""
        graph = history.graph
        codes, is_item, values = history.distinct(summed=self.sums_values)
        mask = is_item.to(np.float64)
        terms = self.terms(codes, mask, values if values is None else values.to(np.float64))
        scale = 1 / self.penalties(graph, mask.sum(1, keepdims=True)).apply("Sqrt")
        # in coordinates in which all penalties are 1, conjugate gradients converge fast
        features = graph.gather(graph.constant(self.features), codes) * scale.with_axis(1)
        return self.finish(_solve(graph, features, terms) * scale)


def weighted_squares(vectors: NDArray[np.float32], regularization: float, alpha: float) -> LeastSquares:
    """The states of new users in alternating least squares of implicit feedback.

    Parameters
    ----------
    vectors : float32 array of shape (n_items, d)
    regularization : float
        Penalty of the squared length of a state.
    alpha : float
        Confidence of an event of value 1. The confidence of a pair without an event is 1.

    Raises
    ------
    ValueError
        If the equations of a user without events are singular.
    """
    wide = vectors.astype(np.float64)
    try:
        root = np.linalg.cholesky(wide.T @ wide + regularization * np.eye(wide.shape[1]))
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"regularization must be larger for to_onnx(inputs='history'): with {regularization!r}, the equations of new users "
            "are singular"
        ) from error
    back = np.linalg.inv(root)  # in these coordinates the squared scores of all pairs are the squared length

    def terms(codes: Value, mask: Value, values: Value | None) -> Terms:
        assert values is not None
        confidences = values * float(alpha)
        return Terms(mask * (confidences.apply("Abs") - 1), mask * codes.graph.larger(confidences, 0.0))

    return LeastSquares(
        features=wide @ back.T,
        terms=terms,
        penalties=lambda graph, n: n * 0.0 + 1,
        finish=lambda solution: ((solution @ back).to(np.float32), None),
        reads_values=True,
        sums_values=True,
    )


def _solve(graph: Graph, features: Value, terms: Terms) -> Value:
    """Solutions (n_users, d) of ``(I + F.T @ W @ F) x = F.T @ r`` by conjugate gradients."""

    def times(vectors: Value) -> Value:
        products = (vectors.with_axis(1) * features).sum(2) * terms.of_matrix
        return vectors + (products.with_axis(1) @ features).without_axis(1)

    right = (terms.of_right.with_axis(1) @ features).without_axis(1)
    square = _squares(right)
    least = _TOLERANCE**2 * square

    def step(x: Value, residual: Value, direction: Value, square: Value) -> tuple[Value, ...]:
        product = times(direction)
        is_open = square > least
        curvature = (direction * product).sum(1, keepdims=True)
        length = graph.where(is_open, square / curvature, np.float64(0))
        x, residual = x + length * direction, residual - length * product
        new_square = _squares(residual)
        direction = residual + graph.where(is_open, new_square / square, np.float64(0)) * direction
        is_any_open = (new_square > least).to(np.int64).max(0) > 0
        return is_any_open.without_axis(0), x, residual, direction, new_square

    return graph.loop(_MOST_STEPS, step, right * 0.0, right, right, square)[0]


def _squares(vectors: Value) -> Value:
    return (vectors * vectors).sum(1, keepdims=True)
