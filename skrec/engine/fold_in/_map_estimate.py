"""Most probable states of users under a prior and the likelihood of their histories (MAP estimates)."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.engine.fold_in._likelihoods import Likelihood
from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.fold_in._scores import Pullback
from skrec.engine.fold_in._solver import Function, minimize_all

# the vectors of states in a network with their pullback to states, and the likelihood of histories as a function of the vectors
VectorsOfStates = Callable[[State], tuple[Tensor, Pullback]]
VectorsAndLikelihood = tuple[VectorsOfStates, Likelihood]

_STEP = 1e-4  # of finite differences


def map_estimate(prior: Prior, n_events: Tensor, weights: Tensor, functions: Callable[[Tensor], VectorsAndLikelihood]) -> State:
    """Minimize the negative log-posterior in the whitened coordinates of the prior, starting at the mean user.

    Parameters
    ----------
    prior : Prior
    n_events, weights : Tensor of shape (n,)
        Number of each user's events, and the sum of their weights.
    functions : callable
        Maps indices of some of the n users to two functions: from states in float64 to vectors, and from vectors to the
        negative log-likelihoods of the users' histories.

    Returns
    -------
    tuple of Tensor
        Parts of the states with n rows, in the dtype of the prior.
    """
    wide = prior.converted(torch.float64)
    curvature = torch.zeros_like(wide.mean) if wide.curvature is None else wide.curvature
    strengths = wide.strengths(n_events)
    first = strengths[:, None] * wide.stiffness + weights.double()[:, None] * curvature

    def penalized(users: Tensor) -> Function:
        return _penalized(wide, strengths[users], *functions(users))

    if first.device.type == "cpu":
        with np.errstate(all="ignore"):  # as for tensors
            found, _ = minimize_all(lambda users: _of_arrays(penalized(torch.from_numpy(users))), first.numpy())
        solution = torch.from_numpy(found)
    else:
        solution, _ = minimize_all(penalized, first)
    return tuple(part.to(prior.mean.dtype) for part in wide.state(wide.start + solution))


def curvature_of_events(
    prior: Prior, states: State, n_events: Tensor, weight: float, functions: VectorsAndLikelihood
) -> Tensor:
    """Mean second derivatives per event of the negative log-likelihood in whitened coordinates.

    Parameters
    ----------
    prior : Prior
    states : tuple of Tensor
        States of some users, at which the derivatives are computed as differences of gradients.
    n_events : Tensor of shape (n,)
        Number of events of each of these users.
    weight : float
        Sum of the weights of all of their events.
    functions : tuple of callable
        The two functions of `map_estimate` for these users.

    Returns
    -------
    Tensor of shape (d, d)
    """
    wide = prior.converted(torch.float64)
    strengths = wide.strengths(n_events)
    function, moved = _penalized(wide, strengths, *functions), wide.whitened(states) - wide.start
    directions = torch.eye(moved.shape[1], dtype=moved.dtype, device=moved.device)
    gradient = function(moved)[1].sum(0)
    rows = torch.stack([function(moved + _STEP * direction)[1].sum(0) - gradient for direction in directions]) / _STEP
    return ((rows + rows.T) / 2 - strengths.sum() * wide.stiffness * directions) / weight


def _penalized(prior: Prior, strengths: Tensor, vectors_of: VectorsOfStates, likelihood: Likelihood) -> Function:
    """Negative log-posterior up to a constant, with its gradient, as a function of the distance from the start."""
    start = prior.start

    def function(moved: Tensor) -> tuple[Tensor, Tensor]:
        whitened = start + moved
        vectors, to_states = vectors_of(prior.state(whitened))
        losses, slopes = likelihood(vectors)
        penalties, gradients = prior.penalty(whitened)
        by_penalty = strengths[:, None] * gradients
        return losses + strengths * penalties, torch.addmm(by_penalty, to_states(slopes), prior.root)

    return function


def _of_arrays(function: Function) -> Function:
    """The same function of arrays, which share memory with the tensors."""

    def of_arrays(moved: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values, gradients = function(torch.from_numpy(moved))
        return values.numpy(), gradients.numpy()

    return of_arrays
