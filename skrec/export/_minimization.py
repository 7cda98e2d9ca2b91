"""Minimization of functions of many users at once in graphs, by BFGS as in fold-in."""

from collections.abc import Callable

import numpy as np

from skrec.export._graph import Graph, Value

# the same constants as those of fold-in, so that both find the same minimum
_TOLERANCE, _MIN_STEP, _MAX_EVALUATIONS = 1e-6, 1e-9, 500
_DECREASE, _CURVATURE, _ROUNDING = 1e-4, 0.9, 1e-14

Function = Callable[[Value], tuple[Value, Value]]


def minimize(graph: Graph, function: Function, curvature: Value) -> Value:
    """Minima (n, d) of n functions of d variables, all starting at 0.

    Parameters
    ----------
    graph : Graph
    function : callable
        Maps points (n, d) to the values (n, 1) of the functions and their gradients (n, d).
    curvature : float64 Value of shape (n, d)
        Positive approximations of the second derivatives at 0.
    """
    points = curvature * 0.0
    values, gradients = function(points)
    d = curvature.size(1)
    inverses = (1 / curvature).with_axis(1) * graph.node("EyeLike", graph.full(graph.joined([d, d], 0), np.float64(0)))
    directions = -gradients / curvature

    def step(
        points: Value,
        inverses: Value,
        gradients: Value,
        directions: Value,
        values: Value,
        steps: Value,
        low: Value,
        high: Value,
    ) -> tuple[Value, ...]:
        moved, slopes = steps * directions, _dot(gradients, directions)
        trial = points + moved
        new_values, new_gradients = function(trial)
        is_low = new_values <= values + _DECREASE * steps * slopes + _ROUNDING * values.apply("Abs")
        is_flat = _dot(new_gradients, directions) >= _CURVATURE * slopes
        accepted = is_low & is_flat
        inverses, new_directions = _updated(graph, inverses, accepted, moved, gradients, new_gradients, directions)
        points, gradients = graph.where(accepted, trial, points), graph.where(accepted, new_gradients, gradients)
        values, directions = graph.where(accepted, new_values, values), graph.where(accepted, new_directions, directions)
        high, low = graph.where(is_low, high, steps), graph.where(is_low & ~is_flat, steps, low)
        steps = graph.where(high.equals(np.inf), 2 * low, (low + high) / 2)
        steps, low = graph.where(accepted, np.float64(1), steps), graph.where(accepted, np.float64(0), low)
        high = graph.where(accepted, np.float64(np.inf), high)
        lengths = steps * steps * _dot(directions, directions)
        is_open = (_dot(gradients, gradients) > _TOLERANCE**2) & (lengths > _MIN_STEP**2) & (values.apply("Abs") < np.inf)
        # a search that is finished must not move, so that its result does not depend on the others of the batch
        steps = graph.where(is_open, steps, np.float64(0))
        go_on = (is_open.to(np.int64).max(0) > 0).without_axis(0)
        return go_on, points, inverses, gradients, directions, values, steps, low, high

    zeros = values * 0.0
    first = graph.where(_dot(gradients, gradients) > _TOLERANCE**2, zeros + 1, np.float64(0))
    start = points, inverses, gradients, directions, values, first, zeros, zeros + np.inf
    return graph.loop(_MAX_EVALUATIONS, step, *start)[0]


def _updated(
    graph: Graph, inverses: Value, accepted: Value, moved: Value, gradients: Value, new_gradients: Value, directions: Value
) -> tuple[Value, Value]:
    """The inverse matrices after the accepted steps, and the new directions."""
    change = new_gradients - gradients
    product = _dot(moved, change)
    scale = graph.where(accepted & (product > 0), 1 / product, np.float64(0))
    products = (inverses @ new_gradients.with_axis(2)).without_axis(2)
    by_inverse = products + directions  # the product with the change of the gradient
    growth = scale * (1 + scale * _dot(change, by_inverse)) * moved - scale * by_inverse
    shrunk = -scale * by_inverse
    inverses = inverses + moved.with_axis(2) * growth.with_axis(1) + shrunk.with_axis(2) * moved.with_axis(1)
    return inverses, -(products + moved * _dot(growth, new_gradients) + shrunk * _dot(moved, new_gradients))


def _dot(a: Value, b: Value) -> Value:
    return (a * b).sum(1, keepdims=True)
