"""The most probable states of users under a prior and the likelihood of their histories."""

from collections.abc import Callable

import torch
from torch import Tensor

from skrec.engine.fold_in._likelihoods import Likelihood
from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.fold_in._solver import Function, minimize_all

# the vectors that a network makes of states, and what histories say of these
Explained = tuple[Callable[[State], Tensor], Likelihood]

_STEP = 1e-4  # of differences


def map_estimate(prior: Prior, n_events: Tensor, explained: Callable[[Tensor], Explained]) -> State:
    """States by minimization in the prior's whitened coordinates, from the mean user on, for each user until it converges.

    Parameters
    ----------
    prior : Prior
    n_events : Tensor of shape (n,)
        How much the history of each user weighs.
    explained : callable
        Maps indices of some of the n users to the vectors that their states make, as a function of these states in float64,
        and to minus the log-likelihoods of their histories as a function of these vectors.

    Returns
    -------
    tuple of Tensor
        With n rows, in the prior's dtype.
    """
    wide = prior.converted(torch.float64)
    curvature = torch.zeros_like(wide.mean) if wide.curvature is None else wide.curvature
    first = wide.stiffness + n_events.double()[:, None] * curvature
    solution, _ = minimize_all(lambda users: _penalized(wide, *explained(users)), first)
    return tuple(part.to(prior.mean.dtype) for part in wide.state(wide.start + solution))


def curvature_of_events(prior: Prior, states: State, n_events: float, explained: Explained) -> Tensor:
    """The mean over some events of the second derivatives of minus the log-likelihood in whitened coordinates, (d, d).

    Parameters
    ----------
    prior : Prior
    states : tuple of Tensor
        Of some users, at which the derivatives are taken, as differences of first derivatives.
    n_events : float
        How much all of their events weigh.
    explained : tuple of callable
        As for `map_estimate`, for these users.
    """
    wide = prior.converted(torch.float64)
    function, moved = _penalized(wide, *explained), wide.whitened(states) - wide.start
    directions = torch.eye(moved.shape[1], dtype=moved.dtype, device=moved.device)
    gradient = function(moved)[1].sum(0)
    rows = torch.stack([function(moved + _STEP * direction)[1].sum(0) - gradient for direction in directions]) / _STEP
    return ((rows + rows.T) / 2 - len(moved) * wide.stiffness * directions) / n_events


def _penalized(prior: Prior, vectors_of: Callable[[State], Tensor], likelihood: Likelihood) -> Function:
    """Minus the logarithm of the density, up to a constant, with its gradient, where a state has moved to from the start."""
    start = prior.start

    def function(moved: Tensor) -> tuple[Tensor, Tensor]:
        whitened = (start + moved).requires_grad_()
        with torch.enable_grad():
            vectors, penalties = vectors_of(prior.state(whitened)), prior.penalty(whitened)
        losses, slopes = likelihood(vectors.detach())
        (gradients,) = torch.autograd.grad((vectors, penalties), whitened, (slopes, torch.ones_like(losses)))
        return losses + penalties.detach(), gradients

    return function
