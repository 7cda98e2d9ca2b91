"""Detection of events that are ordered by item and not by time."""

import warnings

import numpy as np

from skrec._process import MutedWarning
from skrec.data._callers import depth_of_caller
from skrec.data._interactions import Interactions
from skrec.data._lookalikes import log_factorials
from skrec.data._pairs import group_by, sorted_pairs

_CHANCE = 1e-6


class OrderWarning(UserWarning):
    """Events without timestamps seem to be in the order of items, which a sequence model takes for the order of time."""


class MutedOrderWarning(MutedWarning):
    """The same warning where the caller has been warned."""

    category = OrderWarning


def warn_about_item_order(data: Interactions, *, from_matrix: bool, model: str, name: str = "X") -> None:
    """Warn if events without timestamps are ordered by item, since a sequence model takes that order for time.

    ``name`` is the name of the data in the message.

    Warns
    -----
    OrderWarning
        If the events are those of a matrix, or if `is_ordered_by_item` is True.
    """
    if data.timestamps is not None or np.bincount(data.users).max(initial=0) < 2:
        return
    if from_matrix:
        _warn(f"{name} is a matrix", model)
    elif is_ordered_by_item(data):
        _warn(f"{name} has no timestamps and lists the items of each user by their code", model)


def is_ordered_by_item(data: Interactions) -> bool:
    """Whether the events of each user are in ascending order of item codes, as the entries of a matrix are.

    The result is False unless the probability of this order is below 1e-6 for randomly ordered events.
    """
    by_user = group_by(data.users, data.n_users)
    users, items = data.users[by_user], data.items[by_user]
    if (items[1:] < items[:-1])[users[1:] == users[:-1]].any():
        return False
    return float(log_factorials(np.diff(sorted_pairs(data).indptr)).sum()) > -np.log(_CHANCE)


def _warn(given: str, model: str) -> None:
    warnings.warn(
        f"{given}: {model} learns from events in order of time, and would take the order of the items for it. Pass a table "
        "with a column 'timestamp', or Interactions with timestamps",
        OrderWarning,
        stacklevel=depth_of_caller(),
    )
