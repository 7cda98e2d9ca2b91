"""Closed form of fold-in for squared errors of dot products."""

from collections.abc import Iterator

import torch
from torch import Tensor

from skrec.engine.fold_in._prior import Prior, State

LEAST_CURVATURE, _TINY = 1e-9, 1e-30


def solve_ridge(prior: Prior, features: Tensor, targets: Tensor, users: Tensor, n: int, *, noise: float) -> State:
    """Return the most probable states of users whose targets are dot products of state and features with normal errors.

    Parameters
    ----------
    prior : Prior
    features : Tensor of shape (n_events, d)
    targets : Tensor of shape (n_events,)
    users : int64 Tensor of shape (n_events,)
        Users of the events, in ascending order.
    n : int
        Number of users.
    noise : float
        Variance of the error of a target.

    Returns
    -------
    tuple of Tensor
        Parts of the states with n rows.

    Notes
    -----
    One system of d equations is solved for each user. It takes ``8 * n * d**2`` bytes.
    """
    dtype, prior = prior.mean.dtype, prior.converted(torch.float64)
    features, targets = features.double(), targets.double()
    residuals, whitened = targets - features @ prior.mean, features @ prior.root
    diagonal = torch.full((n, features.shape[1]), noise, dtype=features.dtype, device=features.device)
    return tuple(part.to(dtype) for part in prior.state(_solve(whitened, residuals, users, diagonal)))


def solve_in_axes(prior: Prior, features: Tensor, targets: Tensor, users: Tensor, *, penalties: Tensor) -> State:
    """Return the states of users that minimize squared errors plus a quadratic penalty.

    Parameters
    ----------
    prior : Prior
        Its root is orthogonal. Its ``curvature`` is the penalty along each column of the root.
    features, targets, users
        As for `solve_ridge`.
    penalties : float64 Tensor of shape (n,)
        Penalty of the squared length of each user's state.

    Returns
    -------
    tuple of Tensor
        Parts of the states with n rows.
    """
    dtype, prior = prior.mean.dtype, prior.converted(torch.float64)
    diagonal = prior.curvature + penalties[:, None]
    # without penalties the equations may be singular
    diagonal = diagonal.maximum(LEAST_CURVATURE * diagonal.amax(1, keepdim=True)).clamp(min=_TINY)
    coordinates = _solve(features.double() @ prior.root, targets.double(), users, diagonal)
    return tuple(part.to(dtype) for part in prior.state(coordinates))


def _solve(features: Tensor, targets: Tensor, users: Tensor, diagonal: Tensor) -> Tensor:
    """Solve the normal equations of each user, with the ``diagonal`` (n, d) added.

    They are in float64. In float32 the last digits of a user's state would depend on the other users of the block.
    """
    grams, right = torch.diag_embed(diagonal), torch.zeros_like(diagonal)
    for which, places, is_there in _groups(users, len(diagonal)):
        rows = torch.where(is_there[..., None], features[places], 0)
        errors = torch.where(is_there, targets[places], 0)
        grams[which] += rows.mT @ rows
        right[which] = (rows.mT @ errors[..., None])[..., 0]
    return torch.linalg.solve(grams, right)


def _groups(users: Tensor, n: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield groups of users with similar numbers of events, the event positions (n_users, width), and a mask of valid ones.

    The width is a power of two, so that there are few groups and the width of a user does not depend on other users.
    """
    counts = torch.bincount(users, minlength=n)
    first, exponents = counts.cumsum(0) - counts, counts.clamp(min=1).double().log2().ceil().long()
    for exponent in exponents[counts > 0].unique().tolist():
        which = ((exponents == exponent) & (counts > 0)).nonzero()[:, 0]
        offsets = torch.arange(2**exponent, device=users.device)
        is_there = offsets < counts[which, None]
        yield which, torch.where(is_there, first[which, None] + offsets, 0), is_there
