"""Minimization of many independent functions at once by BFGS, with arrays of numpy or tensors.

Each function has its own matrix, steps and stopping point. The line search finds the weak Wolfe conditions by bisection (Lewis
and Overton, "Nonsmooth optimization via quasi-Newton methods", Mathematical Programming 141, 2013), so that it also stops at
kinks of a loss.

For a few functions arrays take a fraction of the time of tensors, since most operations are on few numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Array = Any  # an array of numpy or a Tensor
Function = Callable[[Array], tuple[Array, Array]]

# length of a gradient, in units of the prior, below which a function has converged; it bounds the error of the solution
TOLERANCE = 1e-6
# shorter steps are negligible
_MIN_STEP = 1e-9
_MAX_EVALUATIONS = 500
_DECREASE, _CURVATURE = 1e-4, 0.9
_ROUNDING = 1e-14


def minimize_all(function_of: Callable[[Array], Function], curvature: Array) -> tuple[Array, Array]:
    """Minimize n functions of d variables, all starting at 0.

    Parameters
    ----------
    function_of : callable
        Maps indices (m,) of functions to a function that maps points (m, d) to their values (m,) and gradients (m, d).
    curvature : float64 array or Tensor of shape (n, d)
        Positive approximations of the second derivatives at 0. They affect the number of evaluations, not the solution. All
        arguments and results of the functions are of the same kind.

    Returns
    -------
    points : float64 array or Tensor of shape (n, d)
        Minima.
    converged : bool array or Tensor of shape (n,)
        Whether the gradient vanishes. Otherwise the search stopped at a kink, where no step decreases the value.
    """
    zeros = _library(curvature).zeros_like
    points, converged = zeros(curvature), zeros(curvature[:, 0], dtype=bool)
    indices, descent = _places(~converged), _Descent(curvature)
    function = function_of(indices)
    descent.start(*function(descent.points))
    for _ in range(_MAX_EVALUATIONS):
        unfinished = _places(~descent.finished)
        if 3 * len(unfinished) <= 2 * len(indices):
            points[indices], converged[indices] = descent.points, descent.converged
            if not len(unfinished):
                break
            indices, descent = indices[unfinished], descent.of(unfinished)
            function = function_of(indices)
        descent.move(*function(descent.trial))
    points[indices], converged[indices] = descent.points, descent.converged
    return points, converged


class _Descent:
    """State of the searches."""

    def __init__(self, curvature: Array):
        zeros = _library(curvature).zeros_like
        self.points, self.gradients, self.directions, self.trial = (zeros(curvature) for _ in range(4))
        self.inverses = _Matrices(1 / curvature)
        self.values, self.slopes, self.steps, self.low, self.high = (zeros(curvature[:, 0]) for _ in range(5))
        self.finished, self.converged = (zeros(curvature[:, 0], dtype=bool) for _ in range(2))

    def of(self, which: Array) -> "_Descent":
        """Select some of the searches."""
        part = object.__new__(_Descent)
        vars(part).update({name: array[which] for name, array in vars(self).items()})
        return part

    def start(self, values: Array, gradients: Array) -> None:
        self.values, self.gradients = values, gradients
        self._set_directions(~self.finished, -self.inverses.times(gradients))

    def move(self, values: Array, gradients: Array) -> None:
        """Accept steps to ``trial`` that satisfy the conditions. Try shorter or longer ones for the others."""
        slopes = (gradients * self.directions).sum(1)
        rounding = _ROUNDING * abs(self.values)
        is_low_enough = values <= self.values + _DECREASE * self.steps * self.slopes + rounding
        is_flat_enough = slopes >= _CURVATURE * self.slopes
        accepted, directions = is_low_enough & is_flat_enough & ~self.finished, self.directions
        if accepted.any():
            directions = self._update_inverses(accepted, gradients)
            self.points = _where(accepted, self.trial, self.points)
            self.gradients = _where(accepted, gradients, self.gradients)
            self.values = _where(accepted, values, self.values)
        if not accepted.all():
            self.high = _where(is_low_enough, self.high, self.steps)
            self.low = _where(is_low_enough & ~is_flat_enough, self.steps, self.low)
            self.steps = _where(self.high == np.inf, 2 * self.low, (self.low + self.high) / 2)
        self._set_directions(accepted, directions)

    def _update_inverses(self, accepted: Array, gradients: Array) -> Array:
        """Update the inverse matrices by BFGS for the accepted steps, and return the new directions."""
        stack = _library(gradients).stack
        moved, change = self.steps[:, None] * self.directions, gradients - self.gradients
        product = (moved * change).sum(1)
        scale = _where(accepted & (product > 0), 1 / product, 0.0)[:, None]
        products = self.inverses.times(gradients)
        by_inverse = products + self.directions  # the product with the change of the gradient
        growth = scale * (1 + scale * (change * by_inverse).sum(1)[:, None]) * moved - scale * by_inverse
        left, right = stack([moved, -scale * by_inverse], 1), stack([growth, moved], 1)
        self.inverses.add(left, right)
        return -(products + _sums(left, right, gradients))

    def _set_directions(self, which: Array, directions: Array) -> None:
        """Set the directions of searches that moved. Finish searches that converged or cannot move."""
        self.directions = _where(which, directions, self.directions)
        self.slopes = _where(which, (self.gradients * self.directions).sum(1), self.slopes)
        self.steps = _where(which, 1.0, self.steps)
        self.low, self.high = _where(which, 0.0, self.low), _where(which, np.inf, self.high)
        self.converged = self.converged | (_lengths(self.gradients) <= TOLERANCE)
        can_move = (self.steps * _lengths(self.directions) > _MIN_STEP) & (abs(self.values) < np.inf)
        self.finished = self.converged | ~can_move
        self.trial = self.points + self.steps[:, None] * self.directions


class _Matrices:
    """Square matrices, initially diagonal, with low-rank updates.

    The updates are stored as factors until these are as large as the full matrices. Most searches are too short for that.
    """

    def __init__(self, diagonals: Array):
        n, d = diagonals.shape
        self.sums, self.n_factors = diagonals, 0
        self.left, self.right = _empty(diagonals, n, 2 * max(1, d // 4), d), _empty(diagonals, n, 2 * max(1, d // 4), d)

    def __getitem__(self, which: Array) -> "_Matrices":
        part = object.__new__(_Matrices)
        part.sums, part.n_factors, used = self.sums[which], self.n_factors, slice(self.n_factors)
        part.left, part.right = (_empty(part.sums, len(which), *self.left.shape[1:]) for _ in range(2))
        part.left[:, used], part.right[:, used] = self.left[which, used], self.right[which, used]
        return part

    def times(self, vectors: Array) -> Array:
        """Product of each matrix (d, d) with one of the vectors (n, d)."""
        products = self.sums * vectors if self.sums.ndim == 2 else (self.sums @ vectors[..., None])[..., 0]
        return products + _sums(self.left[:, : self.n_factors], self.right[:, : self.n_factors], vectors)

    def add(self, left: Array, right: Array) -> None:
        """Add ``transposed(left) @ right`` for two arrays of shape (n, 2, d)."""
        if self.n_factors == self.left.shape[1]:
            full = self.sums
            if full.ndim == 2:
                full = full[:, :, None] * _identity(full)
            self.sums, self.n_factors = full + self.left.swapaxes(1, 2) @ self.right, 0
        places = slice(self.n_factors, self.n_factors + 2)
        self.left[:, places], self.right[:, places] = left, right
        self.n_factors += 2


def _library(array: Array) -> Any:
    """The module that has the functions of an array."""
    return np if isinstance(array, np.ndarray) else torch


def _empty(like: Array, *shape: int) -> Array:
    return np.empty(shape) if isinstance(like, np.ndarray) else like.new_empty(shape)


def _identity(rows: Array) -> Array:
    """The identity matrix (d, d) for rows (n, d)."""
    return np.eye(rows.shape[1]) if isinstance(rows, np.ndarray) else torch.eye(rows.shape[1]).to(rows)


def _places(flags: Array) -> Array:
    return np.flatnonzero(flags) if isinstance(flags, np.ndarray) else flags.nonzero()[:, 0]


def _where(which: Array, chosen: Any, others: Any) -> Array:
    """Elements, or rows, of one of two arrays."""
    is_of_rows = getattr(chosen, "ndim", 0) == 2
    return _library(which).where(which[:, None] if is_of_rows else which, chosen, others)


def _lengths(vectors: Array) -> Array:
    return (vectors * vectors).sum(1) ** 0.5


def _sums(left: Array, right: Array, vectors: Array) -> Array:
    """Product of each ``transposed(left) @ right`` (d, d) with one of the vectors (n, d)."""
    return ((right @ vectors[..., None]).swapaxes(1, 2) @ left)[:, 0]
