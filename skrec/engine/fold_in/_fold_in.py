"""New users of a trained network: fold-in of their histories."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import BLOCK_BYTES
from skrec.data import Interactions
from skrec.data._histories import select_users, slice_users, sort_by_user
from skrec.engine.batches._negatives import log_share
from skrec.engine.fold_in._frozen import FrozenNetwork, freeze
from skrec.engine.fold_in._likelihoods import Events, Pool
from skrec.engine.fold_in._most_probable import Explained, curvature_of_events, most_probable
from skrec.engine.fold_in._prior import Prior, State
from skrec.engine.fold_in._ridge import ridge

_USERS_TO_ALIGN = 8
# items that events are compared with: fewer where each score is a pass through a network
_COMPARED_FLOATS, _LEAST_COMPARED, _MOST_COMPARED = 2**17, 512, 2048


class Catalogue(NamedTuple):
    """What fold-in has to know of the items and of training.

    Attributes
    ----------
    compared : bool array of shape (n_items,)
        The items that a user's own are compared with.
    popularity : array of shape (n_items,)
        Users of each item in the training data.
    noise : float
        The variance of the error of a rating.
    seed : int
        Draws what events are compared with.
    device : str
    floats_per_score : int
        How many numbers the computation of one score holds at once.
    """

    compared: NDArray[np.bool_]
    popularity: NDArray
    noise: float
    seed: int
    device: str
    floats_per_score: int

    def tensor(self, array: NDArray) -> Tensor:
        """A copy of an array on the device."""
        return torch.tensor(array, device=self.device)

    def events(self, histories: Interactions) -> Events:
        """Histories as tensors."""
        users, items, values = (self.tensor(array) for array in (histories.users, histories.items, histories.values))
        return Events(users, items, values.double(), self.tensor(_weights(histories)).double(), histories.n_users)

    def pool(self, *, by_popularity: bool) -> Pool:
        """Items drawn as the negatives of training are: all with the same chance, or by popularity."""
        rng, n = np.random.default_rng(self.seed), _COMPARED_FLOATS // self.floats_per_score
        n = min(max(n, _LEAST_COMPARED), _MOST_COMPARED)
        if not by_popularity:
            return Pool(self.tensor(rng.permutation(np.flatnonzero(self.compared))[:n]), None)
        drawn = self.tensor(rng.choice(len(self.popularity), n, p=self.popularity / self.popularity.sum()))
        return Pool(drawn, log_share(self.tensor(self.popularity.astype(np.float32))).double()[drawn])


class FoldIn(NamedTuple):
    """Finds the states of new users that explain their histories best, with the network left as it is.

    Attributes
    ----------
    network : RecommenderNetwork
        Trained.
    objective : Objective
        What it was trained by.
    prior : Prior
        The distribution of the trained users' states.
    catalogue : Catalogue
    """

    network: Any
    objective: Any
    prior: Prior
    catalogue: Catalogue

    def states(self, histories: Interactions, added: Tensor | None = None) -> State:
        """The most probable states of new users.

        Parameters
        ----------
        histories : Interactions
            What the objective is about, as `Objective.history` gives it, in order of users.
        added : Tensor of shape (n_users, d), optional
            Added to the first part of each user's state before scores are computed.

        Returns
        -------
        tuple of Tensor
            With n_users rows.
        """
        parts = []
        for users in self._blocks(histories):
            part = slice_users(histories, users)
            if added is None and self.objective.predicts_ratings and self._is_linear:
                parts.append(self._least_squares(part))
            else:
                parts.append(self._search(part, None if added is None else added[users]))
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def aligned_prior(self, events: Interactions, users: NDArray[np.int64]) -> Prior:
        """The same prior in coordinates in which the search converges faster.

        These are the principal axes of the curvature that an event of some of the trained users adds to the likelihood.
        """
        users = users[np.unique(np.linspace(0, len(users) - 1, min(len(users), _USERS_TO_ALIGN)).astype(int))]
        histories = self.objective.history(sort_by_user(select_users(events, users)))
        with torch.no_grad():
            states = self.network.encode(self.catalogue.tensor(users))
        network = freeze(self.network, self.prior)
        explained = network.vectors, self.objective.likelihood(network, histories, self.catalogue)
        return self.prior.aligned(curvature_of_events(self.prior, states, weights_of_users(histories).sum(), explained))

    @property
    def _is_linear(self) -> bool:
        return self.network.has_factors and self.network.y_range is None

    def _search(self, histories: Interactions, added: Tensor | None) -> State:
        network = freeze(self.network, self.prior)

        def explained(users: Tensor) -> Explained:
            likelihood = self.objective.likelihood(network, select_users(histories, users.cpu().numpy()), self.catalogue)
            return _vectors_of(network, None if added is None else added[users]), likelihood

        return most_probable(self.prior, self.catalogue.tensor(weights_of_users(histories)), explained)

    @torch.no_grad()
    def _least_squares(self, histories: Interactions) -> State:
        """The closed form for squared errors of products, with a bias of the user as one more factor."""
        network, items = self.network, self.catalogue.tensor(histories.items)
        features = network.item_vectors(items)
        if len(self.prior.widths) == 2:
            features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        targets = self.catalogue.tensor(histories.values) - network.mean
        if network.item_biases is not None:
            targets = targets - network.item_biases(items)[:, 0]
        certainty = self.catalogue.tensor(_weights(histories)).sqrt()
        return ridge(
            self.prior,
            features * certainty[:, None],
            targets * certainty,
            self.catalogue.tensor(histories.users),
            histories.n_users,
            noise=self.catalogue.noise,
        )

    def _blocks(self, histories: Interactions) -> Iterator[slice]:
        """Ranges of users whose fold-in fits in memory."""
        width = len(self.prior.mean)
        per_user = len(self.catalogue.popularity) * self.network.floats_per_score + 4 * width**2
        per_event = 4 * width
        n_events = np.bincount(histories.users, minlength=histories.n_users)
        # float64; several blocks, since all users of one are done when the slowest is
        cost = np.cumsum(8 * (per_user + n_events * per_event)) // (8 * BLOCK_BYTES)
        starts = np.flatnonzero(np.diff(cost, prepend=-1))
        return (slice(*pair) for pair in zip(starts.tolist(), [*starts[1:].tolist(), histories.n_users], strict=True))


def weights_of_users(histories: Interactions) -> NDArray[np.float64]:
    """The sum of the weights of each user's events, (n_users,)."""
    return np.bincount(histories.users, weights=histories.weights, minlength=histories.n_users).astype(float)


def _vectors_of(network: FrozenNetwork, added: Tensor | None) -> Callable[[State], Tensor]:
    return network.vectors if added is None else lambda state: network.vectors((state[0] + added, *state[1:]))


def _weights(histories: Interactions) -> NDArray[np.float32]:
    return np.ones(len(histories), np.float32) if histories.weights is None else histories.weights
