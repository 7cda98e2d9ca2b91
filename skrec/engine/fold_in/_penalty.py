"""The penalty that training puts on the states of users, measured at the trained users."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.data import Interactions
from skrec.data._histories import select_users, slice_users, sort_by_user
from skrec.engine.fold_in._fold_in import FoldIn
from skrec.engine.fold_in._frozen import freeze
from skrec.engine.fold_in._prior import Prior

_N_USERS = 128
_EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
# the smallest penalty, as a share of that of a normal distribution with the spread of the trained states
_LEAST_SHARE = 0.01
# limits of the penalty of an axis, as a share of that of all axes
_LEAST_OF_AXIS, _MOST_OF_AXIS = 0.01, 100.0


def prior_of_training(fold_in: FoldIn, events: Interactions, users: NDArray[np.int64]) -> Prior:
    """Return the prior that balances the gradients at trained users, or that of the fold-in if training does not shrink states.

    The gradient of the log-likelihood of a trained user's events is opposite to that of the penalty, up to the gradient that
    remains at the end of training. The negative log-density ``n_events ** exponent * state.T @ A @ state / 2`` has the opposite
    gradient on average, see `balanced_prior`.

    Parameters
    ----------
    fold_in : FoldIn
        Fold-in with a prior of the states of the trained users.
    events : Interactions
        Training data.
    users : int64 array of shape (n_users,)
        Codes of the trained users. At most 128 of them are used.
    """
    if not (fold_in.network.shrinks_users and fold_in.objective.keeps_penalty):
        return fold_in.prior
    users = users[np.linspace(0, len(users) - 1, min(len(users), _N_USERS)).astype(int)]
    histories = fold_in.objective.history(sort_by_user(select_users(events, users)))
    with torch.no_grad():
        states = torch.cat(fold_in.network.encode(fold_in.catalog.tensor(users)), 1).double()
        pulls = torch.cat([_pulls(fold_in, states[part], slice_users(histories, part)) for part in fold_in.blocks(histories)])
        n_events = fold_in.catalog.tensor(np.bincount(histories.users, minlength=len(users)))
        return balanced_prior(fold_in.prior, states, pulls, n_events)


def _pulls(fold_in: FoldIn, states: Tensor, histories: Interactions) -> Tensor:
    """Derivatives (n, d) of the log-likelihoods of users with respect to their states."""
    network = freeze(fold_in.network, fold_in.prior)
    vectors, to_states = network.vectors(states.split(fold_in.prior.widths, 1))
    _, slopes = fold_in.objective.likelihood(network, histories, fold_in.catalog)(vectors)
    return -to_states(slopes)


def balanced_prior(prior: Prior, states: Tensor, pulls: Tensor, n_events: Tensor) -> Prior:
    """Return a prior with mean 0. The mean of its gradients at the states is opposite to that of the given pulls.

    Parameters
    ----------
    prior : Prior
        Its widths and dtype are used.
    states, pulls : float64 Tensor of shape (n_users, d)
        States of users, and the derivatives of the log-likelihoods of their events.
    n_events : int64 Tensor of shape (n_users,)
        Numbers of their events.

    Notes
    -----
    The exponent is the one with the smallest squared error per event of the pulls along the principal axes of the states. Along
    each axis, the penalty is the geometric mean of two penalties. One balances the pulls along this axis, the other balances
    all pulls. The second one alone lets new users go far along axes that training has not finished. The first one alone keeps
    new users as near to 0 along these axes as training has left the trained users.
    """
    _, axes = torch.linalg.eigh(states.T @ states)
    states, pulls = states @ axes, pulls @ axes
    sizes = n_events.clamp(min=1)[:, None].double()
    exponent = max(_EXPONENTS, key=lambda exponent: _explained(sizes**exponent * states, pulls, 1 / sizes))
    strength, of_axes = _strengths(sizes**exponent * states, states, pulls)
    penalties = strength * of_axes.sqrt()
    root = axes / penalties.sqrt()
    return Prior(torch.zeros_like(prior.mean), root.to(prior.root), prior.widths, exponent=exponent)


def _explained(weighted: Tensor, pulls: Tensor, weights: Tensor) -> float:
    """Part of the weighted sum of squared pulls that penalties of the axes explain."""
    products = (weights * pulls * weighted).sum(0)
    return float((products.square() / (weights * weighted.square()).sum(0)).nansum())


def _strengths(weighted: Tensor, states: Tensor, pulls: Tensor) -> tuple[Tensor, Tensor]:
    """Penalty that balances all pulls, and penalties (d,) that balance those along the axes, relative to it."""
    lengths, work = (weighted * states).sum(0), (pulls * states).sum(0)
    least = _LEAST_SHARE * states.numel() / lengths.sum().clamp(min=1e-30)
    strength = work.sum() / lengths.sum()
    strength = strength.where(strength > least, least)
    return strength, (work / lengths / strength).nan_to_num(1.0).clamp(_LEAST_OF_AXIS, _MOST_OF_AXIS)
