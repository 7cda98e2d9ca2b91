"""Whether the order of events can be that of time."""

import warnings

import numpy as np
from scipy.special import gammaln

from skrec.data._callers import depth_of_caller
from skrec.data._interactions import Interactions

_CHANCE = 1e-6


def warn_about_item_order(data: Interactions, *, from_matrix: bool, model: str, name: str = "X") -> None:
    """Warn where events without timestamps come in the order of the items, which a model would take for that of time.

    ``name`` is what to call the data.

    Warns
    -----
    UserWarning
        If they are of a matrix, whose order is that of its columns, or `is_ordered_by_item` says so of others.
    """
    if data.timestamps is not None or np.bincount(data.users).max(initial=0) < 2:
        return
    if from_matrix:
        _warn(f"{name} is a matrix", model)
    elif is_ordered_by_item(data):
        _warn(f"{name} has no timestamps and lists the items of each user by their code", model)


def is_ordered_by_item(data: Interactions) -> bool:
    """Whether the events of every user come in ascending order of item codes, as the entries of a matrix do.

    A few events may do so by chance: False unless the probability of that, over random orders, is below 1e-6.
    """
    by_user = np.argsort(data.users, kind="stable")
    users, items = data.users[by_user], data.items[by_user]
    if (items[1:] < items[:-1])[users[1:] == users[:-1]].any():
        return False
    users_of_pairs = np.unique(data.pair_keys) // max(data.n_items, 1)
    return float(gammaln(np.bincount(users_of_pairs) + 1.0).sum()) > -np.log(_CHANCE)


def _warn(given: str, model: str) -> None:
    warnings.warn(
        f"{given}: {model} reads events in order of time, and takes the order of the items for it. Give a table with a column "
        "'timestamp', or Interactions with timestamps",
        UserWarning,
        stacklevel=depth_of_caller(),
    )
