"""Fold-in under squared errors of products, which has a closed form."""

from collections.abc import Iterator

import torch
from torch import Tensor

from skrec.engine.fold_in._prior import Prior, State


def solve_ridge(prior: Prior, features: Tensor, targets: Tensor, users: Tensor, n: int, *, noise: float) -> State:
    """The most probable states if their products with an event's features are its target, up to normal errors.

    Parameters
    ----------
    prior : Prior
    features : Tensor of shape (n_events, d)
    targets : Tensor of shape (n_events,)
    users : int64 Tensor of shape (n_events,), ascending
    n : int
        Number of users.
    noise : float
        Variance of the error of a target.

    Notes
    -----
    One system of d equations for each user; memory n * d**2 doubles.
    """
    # in float32 the last digits of a user's state would depend on who is folded in beside them
    dtype, prior = prior.mean.dtype, prior.converted(torch.float64)
    features, targets = features.double(), targets.double()
    d = features.shape[1]
    residuals = targets - features @ prior.mean
    whitened = features @ prior.root
    grams = noise * torch.eye(d, dtype=features.dtype, device=features.device).repeat(n, 1, 1)
    right = torch.zeros(n, d, dtype=features.dtype, device=features.device)
    for which, places, is_there in _groups(users, n):
        rows = torch.where(is_there[..., None], whitened[places], 0)
        errors = torch.where(is_there, residuals[places], 0)
        grams[which] += rows.mT @ rows
        right[which] = (rows.mT @ errors[..., None])[..., 0]
    return tuple(part.to(dtype) for part in prior.state(torch.linalg.solve(grams, right)))


def _groups(users: Tensor, n: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Users with about as many events, the places of these (n_users, width), and which of the places are theirs.

    The width is a power of two, so that there are few groups, and a user's does not depend on the others.
    """
    counts = torch.bincount(users, minlength=n)
    first, exponents = counts.cumsum(0) - counts, counts.clamp(min=1).double().log2().ceil().long()
    for exponent in exponents[counts > 0].unique().tolist():
        which = ((exponents == exponent) & (counts > 0)).nonzero()[:, 0]
        offsets = torch.arange(2**exponent, device=users.device)
        is_there = offsets < counts[which, None]
        yield which, torch.where(is_there, first[which, None] + offsets, 0), is_there
