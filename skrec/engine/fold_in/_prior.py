"""Prior of fold-in: the distribution of users' states, estimated from the trained users."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.data import Interactions

State = tuple[Tensor, ...]

# training shrinks states towards their mean, so their covariance is too small; with a factor of 4 the lists of trained and of
# folded-in users agree best over all losses (ML-100K)
PRIOR_COV_SCALE = 4.0
# directions are not shrunk: on a third of Gowalla a factor of 4 reduces the NDCG by 5 %, a factor of 1 by half of that
PRIOR_COV_SCALE_OF_DIRECTIONS = 1.0

_N_REFERENCE_USERS = 8
_MIN_STIFFNESS = 1e-2  # if the mean is near the origin, all directions are equally probable


class Prior(NamedTuple):
    """Normal distribution of users' states. The parts of a state are concatenated.

    Attributes
    ----------
    mean : Tensor of shape (d,)
        Mean state.
    root : Tensor of shape (d, d)
        Root of the covariance, which is ``root @ root.T``.
    widths : tuple of int
        Widths of the parts, with sum d.
    curvature : Tensor of shape (d,), or None
        Approximate second derivatives per event of the negative log-likelihood in whitened coordinates. They set the first
        steps of the solver and do not change the solution. If None, 0.
    exponent : float
        Power of the number of a user's events by which the negative log-density is multiplied. Defaults to 0.
    """

    mean: Tensor
    root: Tensor
    widths: tuple[int, ...]
    curvature: Tensor | None = None
    exponent: float = 0.0

    def state(self, whitened: Tensor) -> State:
        """Convert whitened coordinates (n, d), which are independent standard normal, to states."""
        return (self.mean + whitened @ self.root.T).split(self.widths, dim=1)

    def whitened(self, state: State) -> Tensor:
        """Convert states to whitened coordinates (n, d)."""
        return torch.linalg.solve(self.root, (torch.cat(state, 1).to(self.mean) - self.mean).T).T

    def converted(self, target: torch.dtype | torch.device) -> "Prior":
        """Convert to another dtype or device."""
        curvature = None if self.curvature is None else self.curvature.to(target)
        return self._replace(mean=self.mean.to(target), root=self.root.to(target), curvature=curvature)

    @property
    def start(self) -> Tensor:
        """Whitened coordinates (d,) of the mean user."""
        return torch.zeros_like(self.mean)

    def penalty(self, whitened: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-density at whitened coordinates (n, d), up to a constant, and its gradients."""
        return whitened.square().sum(1) / 2, whitened

    def strengths(self, n_events: Tensor) -> Tensor:
        """Factors (n,) of the penalties of users with these numbers of events."""
        return n_events.clamp(min=1).to(torch.float64) ** self.exponent

    @property
    def stiffness(self) -> Tensor | float:
        """Approximate second derivatives of the penalty."""
        return 1.0

    def aligned(self, curvature: Tensor) -> "Prior":
        """Use the principal axes of the curvature (d, d) per event as coordinates."""
        values, vectors = torch.linalg.eigh(curvature.nan_to_num(0, 0, 0))
        root = self.root.double() @ vectors
        return self._replace(root=root.to(self.root), curvature=values.clamp(min=0).to(self.root))


class DirectionPrior(Prior):
    """Distribution of states whose length does not affect scores. The density of a direction is the maximum on its ray.

    With the density of the state itself, the search would shorten the states, which makes it ill-conditioned. For the same
    reason the penalty keeps the length near that of a typical user.
    """

    @cached_property
    def center(self) -> Tensor:
        """Whitened coordinates of the mean, relative to those of a state of 0, (d,)."""
        return torch.linalg.solve(self.root, self.mean)

    @property
    def start(self) -> Tensor:
        """Whitened coordinates (d,) of the direction of the mean user at the length of a typical user."""
        length, spread = self.mean.norm(), self.root.square().sum()
        return ((length.square() + spread).sqrt() / length.clamp(min=1e-12) - 1) * self.center

    @cached_property
    def length(self) -> Tensor:
        """Distance of a typical user from a state of 0, in whitened coordinates."""
        return (self.start + self.center).norm()

    @property
    def stiffness(self) -> Tensor | float:
        return (self.center.norm() / self.length.clamp(min=1e-150)).square().clamp(min=_MIN_STIFFNESS)

    def penalty(self, whitened: Tensor) -> tuple[Tensor, Tensor]:
        rays = whitened + self.center
        lengths = rays.norm(dim=1).clamp(min=1e-150)
        along, excess = (rays @ self.center).clamp(min=0) / lengths, lengths - self.length
        penalties = (self.center.square().sum() - along.square() + excess.square()) / 2
        directions = rays / lengths[:, None]
        gradients = (excess + along.square() / lengths)[:, None] * directions - (along / lengths)[:, None] * self.center
        return penalties, gradients


def learn_prior(states: Iterable[State], *, cov_scale: float = PRIOR_COV_SCALE) -> Prior:
    """Estimate the prior from the states of trained users, given in blocks.

    Parameters
    ----------
    states : iterable of tuple of Tensor
        Blocks of states.
    cov_scale : float, default=4.0
        Factor of the covariance.
    """
    n, total, gram = 0, torch.zeros(()), torch.zeros(())
    for state in states:
        dtype, flat = state[0].dtype, torch.cat(state, 1).double()
        n, total, gram = n + len(flat), total.to(flat) + flat.sum(0), gram.to(flat) + flat.T @ flat
    mean = total / n
    covariance = cov_scale * (gram / n - mean.outer(mean))
    # with fewer users than coordinates the covariance is singular; a small diagonal keeps the root defined
    covariance += (1e-4 * covariance.diagonal().mean() + 1e-12) * torch.eye(len(mean), device=mean.device)
    widths = tuple(part.shape[1] for part in state)
    return Prior(mean.to(dtype), torch.linalg.cholesky(covariance).to(dtype), widths)


@torch.no_grad()
def prior_of(network: Any, users: Iterable[Tensor]) -> Prior:
    """Estimate the prior from the states of a trained network's users.

    Parameters
    ----------
    network : RecommenderNetwork
    users : iterable of int64 Tensor
        Blocks of user codes.
    """
    if network.temperature is None:
        return learn_prior(map(network.encode, users))
    return DirectionPrior(*learn_prior(map(network.encode, users), cov_scale=PRIOR_COV_SCALE_OF_DIRECTIONS))


def events_of_reference_users(events: Interactions, users: NDArray[np.int64]) -> Interactions:
    """Return the events of a few of some users, without labels. They have the codes that they have in all events.

    Fold-in of new users chooses its coordinates by these events, see `FoldIn.aligned`.
    """
    places = np.linspace(0, len(users) - 1, min(len(users), _N_REFERENCE_USERS)).astype(int)
    theirs = events[np.isin(events.users, users[places])]
    return theirs._replace(user_ids=None, item_ids=None, impression_ids=None, user_features=None, item_features=None)
