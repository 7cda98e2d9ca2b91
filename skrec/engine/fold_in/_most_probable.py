"""The most probable states of users under a prior and the likelihood of their histories."""

from collections.abc import Callable

import torch
from torch import Tensor

from skrec.engine.fold_in._likelihoods import Likelihood
from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.fold_in._solver import Function, minimise


def most_probable(prior: Prior, n_events: Tensor, likelihood_of: Callable[[Tensor], Likelihood]) -> State:
    """States by minimisation in the prior's whitened coordinates, from the mean user on, for each user until it converges.

    Parameters
    ----------
    prior : Prior
    n_events : Tensor of shape (n,)
        How much the history of each user weighs.
    likelihood_of : callable
        Maps indices of some of the n users to minus the log-likelihoods of these as a function of their states in float64.

    Returns
    -------
    tuple of Tensor
        With n rows, in the prior's dtype.
    """
    wide = prior.converted(torch.float64)
    curvature = torch.zeros_like(wide.mean) if wide.curvature is None else wide.curvature
    solution, _ = minimise(lambda users: _penalised(wide, likelihood_of(users)), 1 + n_events.double()[:, None] * curvature)
    return tuple(part.to(prior.mean.dtype) for part in wide.state(wide.start + solution))


def _penalised(prior: Prior, likelihood: Likelihood) -> Function:
    """Minus the logarithm of the density, up to a constant, with its gradient, where a state has moved to from the start."""
    start = prior.start

    def function(moved: Tensor) -> tuple[Tensor, Tensor]:
        whitened = (start + moved).requires_grad_()
        with torch.enable_grad():
            values = likelihood(prior.state(whitened)) + prior.penalty(whitened)
            (gradients,) = torch.autograd.grad(values.sum(), whitened)
        return values.detach(), gradients

    return function
