"""Whether the order of events can be that of time."""

import numpy as np
from scipy.special import gammaln

from skrec.data._interactions import Interactions

_CHANCE = 1e-6


def is_ordered_by_item(data: Interactions) -> bool:
    """Whether every user's events come in ascending order of item codes, as the entries of a matrix do.

    Few events may do so by chance: False unless the probability of that, over random orders, is below 1e-6.
    """
    by_user = np.argsort(data.users, kind="stable")
    users, items = data.users[by_user], data.items[by_user]
    if (items[1:] < items[:-1])[users[1:] == users[:-1]].any():
        return False
    distinct = np.unique(data.pair_keys) // max(data.n_items, 1)
    return float(gammaln(np.bincount(distinct) + 1.0).sum()) > -np.log(_CHANCE)
