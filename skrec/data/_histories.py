"""Histories: events sorted by user, whose users have codes from 0."""

import numpy as np
from numpy.typing import NDArray

from skrec.data._interactions import Interactions
from skrec.data._pairs import group_by


def sort_by_user(data: Interactions) -> Interactions:
    """Sort the events by user (stable), and drop those of unknown items (code -1)."""
    order = group_by(data.users, data.n_users)
    return data[order[data.items[order] >= 0]]


def slice_users(histories: Interactions, users: slice) -> Interactions:
    """The histories of a range of users."""
    start, stop = np.searchsorted(histories.users, [users.start, users.stop])
    part = histories[start:stop]
    features = None if part.user_features is None else part.user_features[users]
    return part._replace(
        users=part.users - users.start, n_users=users.stop - users.start, user_features=features, _origin=histories._origin
    )


def select_users(histories: Interactions, users: NDArray[np.int64]) -> Interactions:
    """The histories of some users. ``users`` is ascending."""
    place = np.full(histories.n_users, -1)
    place[users] = np.arange(len(users))
    part = histories[place[histories.users] >= 0]
    features = None if part.user_features is None else part.user_features[users]
    return part._replace(users=place[part.users], n_users=len(users), user_features=features)
