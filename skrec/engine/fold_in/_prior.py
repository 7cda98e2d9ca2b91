"""The prior of fold-in: how the states of users are distributed, learned from the trained users."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

State = tuple[Tensor, ...]

# training shrinks states towards their mean, so their covariance is less than that of the users' tastes; with 4 the stored
# and the folded-in lists of ML-100K's users agree best over the losses
PRIOR_COV_SCALE = 4.0
# where only the direction of a vector counts nothing is shrunk: on a third of Gowalla 4 loses 5 % of the NDCG, 1 half of that
PRIOR_COV_SCALE_OF_DIRECTIONS = 1.0

_LEAST_STIFFNESS = 1e-2  # where the mean user is near the origin, no direction is more probable than another


class Prior(NamedTuple):
    """The distribution of users' states, all parts of a state side by side.

    Attributes
    ----------
    mean : Tensor of shape (d,)
    root : Tensor of shape (d, d)
        ``root @ root.T`` is the covariance.
    widths : tuple of int
        Widths of the parts, d in all.
    curvature : Tensor of shape (d,), or None
        About how much one event adds to the second derivatives of the log-likelihood in whitened coordinates. It sets the
        first steps of the solver and does not change the solution. None means 0.
    """

    mean: Tensor
    root: Tensor
    widths: tuple[int, ...]
    curvature: Tensor | None = None

    def state(self, whitened: Tensor) -> State:
        """States from independent standard normal coordinates (n, d)."""
        return (self.mean + whitened @ self.root.T).split(self.widths, dim=1)

    def whitened(self, state: State) -> Tensor:
        """The independent coordinates (n, d) of states."""
        return torch.linalg.solve(self.root, (torch.cat(state, 1).to(self.mean) - self.mean).T).T

    def converted(self, target: torch.dtype | torch.device) -> "Prior":
        """The same prior with another dtype or on another device."""
        curvature = None if self.curvature is None else self.curvature.to(target)
        return self._replace(mean=self.mean.to(target), root=self.root.to(target), curvature=curvature)

    @property
    def start(self) -> Tensor:
        """The whitened coordinates (d,) of the mean user."""
        return torch.zeros_like(self.mean)

    def penalty(self, whitened: Tensor) -> Tensor:
        """Minus the logarithm of the density at some points (n, d), up to a constant."""
        return whitened.square().sum(1) / 2

    @property
    def stiffness(self) -> Tensor | float:
        """About how large the second derivatives of the penalty are."""
        return 1.0

    def aligned(self, curvature: Tensor) -> "Prior":
        """The same distribution in other coordinates: the principal axes of the curvature (d, d) that an event adds."""
        values, vectors = torch.linalg.eigh(curvature.nan_to_num(0, 0, 0))
        root = self.root.double() @ vectors
        return self._replace(root=root.to(self.root), curvature=values.clamp(min=0).to(self.root))


class DirectionPrior(Prior):
    """The distribution of states of which only the direction counts: the density of a direction is its largest on the ray.

    Otherwise the search would shorten the states, as the length is free, and the shorter they are the worse its conditioning.
    For the same reason the penalty holds their length at that of a typical user, which is free to choose.
    """

    @cached_property
    def centre(self) -> Tensor:
        """The origin of the whitened coordinates less that of the states, (d,)."""
        return torch.linalg.solve(self.root, self.mean)

    @property
    def start(self) -> Tensor:
        """The mean user's direction, at the length of a typical user."""
        length, spread = self.mean.norm(), self.root.square().sum()
        return ((length.square() + spread).sqrt() / length.clamp(min=1e-12) - 1) * self.centre

    @cached_property
    def length(self) -> Tensor:
        """The length of a typical user in whitened coordinates around the states' origin."""
        return (self.start + self.centre).norm()

    @property
    def stiffness(self) -> Tensor | float:
        return (self.centre.norm() / self.length.clamp(min=1e-150)).square().clamp(min=_LEAST_STIFFNESS)

    def penalty(self, whitened: Tensor) -> Tensor:
        rays = whitened + self.centre
        lengths = rays.norm(dim=1).clamp(min=1e-150)
        along = (rays @ self.centre).clamp(min=0) / lengths
        return (self.centre.square().sum() - along.square() + (lengths - self.length).square()) / 2


def learn_prior(states: Iterable[State], *, cov_scale: float = PRIOR_COV_SCALE) -> Prior:
    """The prior from the states of some trained users, which come in blocks: their mean and their widened covariance."""
    n, total, gram = 0, torch.zeros(()), torch.zeros(())
    for state in states:
        dtype, flat = state[0].dtype, torch.cat(state, 1).double()
        n, total, gram = n + len(flat), total.to(flat) + flat.sum(0), gram.to(flat) + flat.T @ flat
    mean = total / n
    covariance = cov_scale * (gram / n - mean.outer(mean))
    # fewer users than coordinates leave directions without any spread; a trace of it keeps the root defined
    covariance += (1e-4 * covariance.diagonal().mean() + 1e-12) * torch.eye(len(mean), device=mean.device)
    widths = tuple(part.shape[1] for part in state)
    return Prior(mean.to(dtype), torch.linalg.cholesky(covariance).to(dtype), widths)


@torch.no_grad()
def prior_of(network: Any, users: Iterable[Tensor]) -> Prior:
    """The prior from the states that a trained network has for its users, which come in blocks of codes."""
    if network.temperature is None:
        return learn_prior(map(network.encode, users))
    return DirectionPrior(*learn_prior(map(network.encode, users), cov_scale=PRIOR_COV_SCALE_OF_DIRECTIONS))
