"""Networks with more users and items than the trained one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._histories import select_users, sort_by_user
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State


def expand_network(
    model: Any,
    network: RecommenderNetwork,
    events: Interactions,
    before: Any,
    new_states: Callable[[Interactions], State],
) -> RecommenderNetwork:
    """Copy the weights of a fitted model into a larger, untrained network.

    Users without earlier events are folded in. Items without earlier events get the mean row of the other items.

    Parameters
    ----------
    model : recommender
        Model with the users and items of all events.
    network : RecommenderNetwork
        Untrained network of the same size.
    events : Interactions
        All events, first those that ``before`` was fitted on.
    before : recommender
        The fitted model.
    new_states : callable
        Maps histories of new users to their states in ``before``.

    Returns
    -------
    RecommenderNetwork
        The network with the copied weights.

    Raises
    ------
    NotImplementedError
        If the network is not an `EmbeddingNetwork`.
    """
    if not isinstance(network, EmbeddingNetwork):
        raise NotImplementedError(
            f"partial_fit is not supported: the network of {type(model).__name__} is not an EmbeddingNetwork. Call fit instead"
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
    """Select the events of some users with the first ``n_items`` items, and recode the users by their position."""
    theirs = sort_by_user(select_users(events[events.items < n_items], users))
    return theirs._replace(n_items=n_items, user_ids=None, item_ids=None, user_features=None, item_features=None)
