"""Networks with more users and items than were trained."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._histories import sort_by_user
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State


def grown(
    model: Any,
    network: RecommenderNetwork,
    events: Interactions,
    before: Any,
    new_states: Callable[[Interactions], State],
) -> RecommenderNetwork:
    """Copy what a fitted model has learned into a larger, untrained network.

    Users without a past until now are folded in. Items without events until now get the mean row of the others.

    Parameters
    ----------
    model : recommender
        Knows the users and items of all events.
    network : RecommenderNetwork
        Of its size.
    events : Interactions
        Begin with the events that ``before`` was fitted on.
    before : recommender
        The model as it was.
    new_states : callable
        Gives the states of new users by what ``before`` has learned.
    """
    if not isinstance(network, EmbeddingNetwork):
        raise NotImplementedError(
            f"the network of {type(model).__name__} is no EmbeddingNetwork, so there is no telling where a new user or item "
            "would stand in it: fit it again"
        )
    network.copy_rows(before.module_)
    had_past, had_users = _longer(before.has_past_, model.n_users_), _longer(before._item_counts > 0, model.n_items_)
    items = np.flatnonzero((model._item_counts > 0) & ~had_users)
    if len(items):
        network.initialize_items(torch.tensor(items), torch.tensor(np.flatnonzero(had_users)))
    users = np.flatnonzero(model.has_past_ & ~had_past)
    if len(users) and network.user_tables:
        state = new_states(_histories(events, users, before.n_items_))
        weight = next(network.parameters())
        network.initialize_users(torch.tensor(users), tuple(part.to(weight.device, weight.dtype) for part in state))
    return network


def _longer(flags: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    return np.concatenate([flags, np.zeros(n - len(flags), bool)])


def _histories(events: Interactions, users: NDArray[np.int64], n_items: int) -> Interactions:
    """The events of some users with the first ``n_items`` items, the users coded by their place among them."""
    place = np.full(events.n_users, -1)
    place[users] = np.arange(len(users))
    theirs = events[(place[events.users] >= 0) & (events.items < n_items)]
    return sort_by_user(
        theirs._replace(
            users=place[theirs.users],
            n_users=len(users),
            n_items=n_items,
            user_ids=None,
            item_ids=None,
            user_features=None,
            item_features=None,
        )
    )
