"""Fold-in of the histories of new users into a trained network."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import BLOCK_BYTES
from skrec._threads import torch_threads_in_step
from skrec.data import Interactions
from skrec.data._histories import select_users, slice_users, sort_by_user
from skrec.engine.batches._negatives import log_share
from skrec.engine.fold_in._frozen import FrozenNetwork, freeze
from skrec.engine.fold_in._likelihoods import Events, Pool
from skrec.engine.fold_in._map_estimate import VectorsAndLikelihood, VectorsOfStates, curvature_of_events, map_estimate
from skrec.engine.fold_in._prior import Prior, State

# with an error of 0 the ratings of new users would have infinite weight
_MIN_NOISE = 1e-9
# number of items that events are compared with: smaller if each score needs a pass through a network
_COMPARED_FLOATS, _MIN_COMPARED, _MAX_COMPARED = 2**17, 512, 2048


class Catalog(NamedTuple):
    """Properties of the items and of the training that fold-in needs.

    Attributes
    ----------
    compared : bool array of shape (n_items,)
        Items that a user's items are compared with.
    popularity : array of shape (n_items,)
        Number of users of each item in the training data.
    noise : float
        Variance of the error of a rating.
    seed : int
        Seed for the items that events are compared with.
    device : str
        Device of the computation.
    floats_per_score : int
        Number of floats held at once in the computation of one score.
    """

    compared: NDArray[np.bool_]
    popularity: NDArray
    noise: float
    seed: int
    device: str
    floats_per_score: int

    def tensor(self, array: NDArray) -> Tensor:
        """Copy an array to the device."""
        return torch.tensor(array, device=self.device)

    def events(self, histories: Interactions) -> Events:
        """Convert histories to tensors."""
        users, items, values = (self.tensor(array) for array in (histories.users, histories.items, histories.values))
        return Events(users, items, values.double(), self.tensor(event_weights(histories)).double(), histories.n_users)

    def pool(self, *, by_popularity: bool) -> Pool:
        """Draw items in the same way as the negatives in training, uniformly or by popularity."""
        rng, n = np.random.default_rng(self.seed), _COMPARED_FLOATS // self.floats_per_score
        n = min(max(n, _MIN_COMPARED), _MAX_COMPARED)
        if not by_popularity:
            return Pool(self.tensor(rng.permutation(np.flatnonzero(self.compared))[:n]), None)
        drawn = self.tensor(rng.choice(len(self.popularity), n, p=self.popularity / self.popularity.sum()))
        return Pool(drawn, log_share(self.tensor(self.popularity.astype(np.float32))).double()[drawn])


class FoldIn(NamedTuple):
    """MAP estimation of the states of new users. The network does not change.

    Attributes
    ----------
    network : RecommenderNetwork
        Trained network.
    objective : Objective
        Training objective.
    prior : Prior
        Distribution of the trained users' states.
    catalog : Catalog
        Properties of the items.
    """

    network: Any
    objective: Any
    prior: Prior
    catalog: Catalog

    def states(self, histories: Interactions, added: Tensor | None = None) -> State:
        """Return the most probable states of new users.

        Parameters
        ----------
        histories : Interactions
            Events selected by `Objective.history`, in order of users.
        added : Tensor of shape (n_users, d), optional
            Added to the first part of each user's state before scores are computed.

        Returns
        -------
        tuple of Tensor
            Parts of the states, with n_users rows.
        """
        parts = []
        for users in self.blocks(histories):
            part = slice_users(histories, users)
            with torch_threads_in_step(self._work(part.n_users)):
                if added is None and self.objective.has_closed_form(self.network):
                    with torch.no_grad():
                        parts.append(self.objective.closed_form(self.network, self.prior, part, self.catalog))
                else:
                    parts.append(self._search(part, None if added is None else added[users]))
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    @torch_threads_in_step(0)
    def aligned(self, events: Interactions) -> Self:
        """Return the same fold-in with coordinates of the prior in which the search converges faster.

        The coordinates are the principal axes of the mean curvature of the likelihood of some trained users' events.
        """
        users = np.unique(events.users)
        histories = self.objective.history(sort_by_user(select_users(events, users)))
        with torch.no_grad():
            states = self.network.encode(self.catalog.tensor(users))
        network = freeze(self.network, self.prior)
        functions = network.vectors, self.objective.likelihood(network, histories, self.catalog)
        n_events = self.catalog.tensor(np.bincount(histories.users, minlength=len(users)))
        curvature = curvature_of_events(self.prior, states, n_events, weights_of_users(histories).sum(), functions)
        return self._replace(prior=self.prior.aligned(curvature))

    def aligned_for(self, model: Any) -> Self:
        """Return the same fold-in, `aligned` if a model has kept events for that."""
        events = getattr(model, "_reference_events_", None)
        return self if events is None else self.aligned(events)

    def _work(self, n_users: int) -> float:
        """Approximate number of floating-point operations of the largest operation for some users."""
        return 2.0 * n_users * len(self.catalog.popularity) * len(self.prior.mean)

    @torch.no_grad()
    def _search(self, histories: Interactions, added: Tensor | None) -> State:
        network = freeze(self.network, self.prior)

        def functions(users: Tensor) -> VectorsAndLikelihood:
            likelihood = self.objective.likelihood(network, select_users(histories, users.cpu().numpy()), self.catalog)
            return _vectors_of(network, None if added is None else added[users]), likelihood

        n_events = self.catalog.tensor(np.bincount(histories.users, minlength=histories.n_users))
        return map_estimate(self.prior, n_events, self.catalog.tensor(weights_of_users(histories)), functions)

    def blocks(self, histories: Interactions) -> Iterator[slice]:
        """Yield ranges of users whose fold-in fits in memory."""
        width = len(self.prior.mean)
        per_user = len(self.catalog.popularity) * self.network.floats_per_score + 4 * width**2
        per_event = 4 * width
        n_events = np.bincount(histories.users, minlength=histories.n_users)
        # float64; several blocks, because a block takes as long as its slowest user
        cost = np.cumsum(8 * (per_user + n_events * per_event)) // (8 * BLOCK_BYTES)
        starts = np.flatnonzero(np.diff(cost, prepend=-1))
        return (slice(*pair) for pair in zip(starts.tolist(), [*starts[1:].tolist(), histories.n_users], strict=True))


def settled_prior(model: Any) -> Prior:
    """Return the prior in the coordinates that fold-in uses, which no longer depends on events of the training data."""
    return model.prior_ if getattr(model, "_reference_events_", None) is None else model._fold_in().prior


def fold_in_of(model: Any) -> FoldIn:
    """Return the fold-in of a fitted `TorchRecommender`."""
    noise, network = max(model.train_loss_, _MIN_NOISE), model.module_
    properties = noise, model.seed_, model.device_, network.floats_per_score
    fold_in = FoldIn(network, model.objective_, model.prior_, Catalog(model._compared_items, model.popularity_, *properties))
    return fold_in.aligned_for(model)


def weights_of_users(histories: Interactions) -> NDArray[np.float64]:
    """Sum of the weights of each user's events, (n_users,)."""
    return np.bincount(histories.users, weights=histories.weights, minlength=histories.n_users).astype(float)


def _vectors_of(network: FrozenNetwork, added: Tensor | None) -> VectorsOfStates:
    return network.vectors if added is None else lambda state: network.vectors((state[0] + added, *state[1:]))


def event_weights(histories: Interactions) -> NDArray[np.float32]:
    """Weights of events, (n_events,). 1 if there are none."""
    return np.ones(len(histories), np.float32) if histories.weights is None else histories.weights
