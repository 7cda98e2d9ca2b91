"""Minimization of many independent functions at once by BFGS.

Each function has its own matrix, steps and stopping point. The line search finds the weak Wolfe conditions by bisection (Lewis
and Overton, "Nonsmooth optimization via quasi-Newton methods", Mathematical Programming 141, 2013), so that it also stops at
kinks of a loss.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[Tensor, Tensor]]

# length of a gradient, in units of the prior, below which a function has converged; it bounds the error of the solution
TOLERANCE = 1e-6
# shorter steps are negligible
_MIN_STEP = 1e-9
_MAX_EVALUATIONS = 500
_DECREASE, _CURVATURE = 1e-4, 0.9
_ROUNDING = 1e-14


def minimize_all(function_of: Callable[[Tensor], Function], curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Minimize n functions of d variables, all starting at 0.

    Parameters
    ----------
    function_of : callable
        Maps indices (m,) of functions to a function that maps points (m, d) to their values (m,) and gradients (m, d).
    curvature : float64 Tensor of shape (n, d)
        Positive approximations of the second derivatives at 0. They affect the number of evaluations, not the solution.

    Returns
    -------
    points : float64 Tensor of shape (n, d)
        Minima.
    converged : bool Tensor of shape (n,)
        Whether the gradient vanishes. Otherwise the search stopped at a kink, where no step decreases the value.
    """
    points, converged = torch.zeros_like(curvature), torch.zeros(len(curvature), dtype=torch.bool, device=curvature.device)
    indices = torch.arange(len(curvature), device=curvature.device)
    descent = _Descent(curvature)
    function = function_of(indices)
    descent.start(*function(descent.points))
    for _ in range(_MAX_EVALUATIONS):
        unfinished = (~descent.finished).nonzero()[:, 0]
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

    def __init__(self, curvature: Tensor):
        n = len(curvature)
        self.points, self.gradients, self.directions = (torch.zeros_like(curvature) for _ in range(3))
        self.inverses = _Matrices(1 / curvature)
        self.values, self.slopes, self.steps, self.low, self.high = curvature.new_zeros(5, n)
        self.finished = torch.zeros(n, dtype=torch.bool, device=curvature.device)
        self.converged = self.finished.clone()

    def of(self, which: Tensor) -> "_Descent":
        """Select some of the searches."""
        part = object.__new__(_Descent)
        vars(part).update({name: tensor[which] for name, tensor in vars(self).items()})
        return part

    @property
    def trial(self) -> Tensor:
        """Points at which the functions are evaluated next."""
        return torch.addcmul(self.points, self.steps[:, None], self.directions)

    def start(self, values: Tensor, gradients: Tensor) -> None:
        self.values, self.gradients = values, gradients
        self._set_directions(~self.finished, -self.inverses.times(gradients))

    def move(self, values: Tensor, gradients: Tensor) -> None:
        """Accept steps that satisfy the conditions. Try shorter or longer ones for the others."""
        slopes = (gradients * self.directions).sum(1)
        rounding = _ROUNDING * self.values.abs()
        is_low_enough = values <= self.values + _DECREASE * self.steps * self.slopes + rounding
        is_flat_enough = slopes >= _CURVATURE * self.slopes
        accepted, directions = is_low_enough & is_flat_enough & ~self.finished, self.directions
        if accepted.any():
            directions = self._update_inverses(accepted, gradients)
            self.points = torch.where(accepted[:, None], self.trial, self.points)
            self.gradients = torch.where(accepted[:, None], gradients, self.gradients)
            self.values = torch.where(accepted, values, self.values)
        if not accepted.all():
            self.high = torch.where(is_low_enough, self.high, self.steps)
            self.low = torch.where(is_low_enough & ~is_flat_enough, self.steps, self.low)
            self.steps = torch.where(self.high.isinf(), 2 * self.low, (self.low + self.high) / 2)
        self._set_directions(accepted, directions)

    def _update_inverses(self, accepted: Tensor, gradients: Tensor) -> Tensor:
        """Update the inverse matrices by BFGS for the accepted steps, and return the new directions."""
        moved, change = self.steps[:, None] * self.directions, gradients - self.gradients
        product = (moved * change).sum(1)
        scale = torch.where(accepted & (product > 0), 1 / product, 0)[:, None]
        products = self.inverses.times(gradients)
        by_inverse = products + self.directions  # the product with the change of the gradient
        growth = scale * (1 + scale * (change * by_inverse).sum(1, keepdim=True)) * moved - scale * by_inverse
        left, right = torch.stack([moved, -scale * by_inverse], 1), torch.stack([growth, moved], 1)
        self.inverses.add(left, right)
        return -(products + ((right @ gradients[..., None]).mT @ left)[:, 0])

    def _set_directions(self, which: Tensor, directions: Tensor) -> None:
        """Set the directions of searches that moved. Finish searches that converged or cannot move."""
        self.directions = torch.where(which[:, None], directions, self.directions)
        self.slopes = torch.where(which, (self.gradients * self.directions).sum(1), self.slopes)
        self.steps = torch.where(which, 1.0, self.steps)
        self.low, self.high = torch.where(which, 0.0, self.low), torch.where(which, torch.inf, self.high)
        self.converged |= self.gradients.norm(dim=1) <= TOLERANCE
        length = self.directions.norm(dim=1)
        self.finished = self.converged | ~(self.steps * length > _MIN_STEP) | ~self.values.isfinite()


class _Matrices:
    """Square matrices, initially diagonal, with low-rank updates.

    The updates are stored as factors until these are as large as the full matrices. Most searches are too short for that.
    """

    def __init__(self, diagonals: Tensor):
        n, d = diagonals.shape
        self.sums, self.n_factors = diagonals, 0
        self.left, self.right = diagonals.new_empty(2, n, 2 * max(1, d // 4), d)

    def __getitem__(self, which: Tensor) -> "_Matrices":
        part = object.__new__(_Matrices)
        part.sums, part.n_factors = self.sums[which], self.n_factors
        part.left, part.right = part.sums.new_empty(2, len(which), *self.left.shape[1:])
        used = slice(self.n_factors)
        part.left[:, used], part.right[:, used] = self.left[which, used], self.right[which, used]
        return part

    def times(self, vectors: Tensor) -> Tensor:
        """Product of each matrix (d, d) with one of the vectors (n, d)."""
        columns = vectors[..., None]
        left, right = self.left[:, : self.n_factors], self.right[:, : self.n_factors]
        products = self.sums * vectors if self.sums.ndim == 2 else (self.sums @ columns)[..., 0]
        return products + ((right @ columns).mT @ left)[:, 0]

    def add(self, left: Tensor, right: Tensor) -> None:
        """Add ``left.mT @ right`` for two tensors of shape (n, 2, d)."""
        if self.n_factors == self.left.shape[1]:
            full = self.sums if self.sums.ndim == 3 else torch.diag_embed(self.sums)
            self.sums, self.n_factors = full.baddbmm_(self.left.mT, self.right), 0
        places = slice(self.n_factors, self.n_factors + 2)
        self.left[:, places], self.right[:, places] = left, right
        self.n_factors += 2
