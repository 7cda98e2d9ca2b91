"""Split the data of the tables "strong-ml1m" and "strong-gowalla" by users. As a script, describe the parts.

SKREC_DATA=... python benchmarks/held_out_users.py
"""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from skrec.data import Interactions
from skrec.datasets import load_lightgcn
from skrec.model_selection import k_core

LEAST_ITEMS = 5


class UserCut(NamedTuple):
    """Events of three groups of users. No user is in two groups.

    Attributes
    ----------
    train : Interactions
        Events of the training users. Its items are the catalog.
    validation, test : Interactions
        Events of other users with items of the catalog. Each of these users has at least five items.
    share_dropped : float
        Share of the events of held-out users with an item that no training user has.
    """

    train: Interactions
    validation: Interactions
    test: Interactions
    share_dropped: float


@cache
def movielens():
    """Read the ratings of 4 and 5 as positive events."""
    path = Path(os.environ["SKREC_DATA"]) / "ml-1m" / "ratings_ge4.dat.gz"
    ratings = pd.read_csv(path, sep="::", engine="python", names=["user", "item", "rating", "timestamp"])
    return cut_users(Interactions.from_frame(ratings[["user", "item"]]), n_validation=500, n_test=1000)


@cache
def gowalla():
    """Join the two parts of the LightGCN split."""
    parts = load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn")
    users, items = (np.concatenate([getattr(part, axis) for part in parts]) for axis in ("users", "items"))
    return cut_users(Interactions.from_arrays(users, items), n_validation=3000, n_test=3000)


def cut_users(events, *, n_validation, n_test, random_state=0):
    """Draw users with at least five items for validation and for testing. All other users are for training."""
    events = k_core(events, user=LEAST_ITEMS, item=1)
    users = np.random.default_rng(random_state).permutation(events.n_users)
    groups = np.split(users, [n_validation, n_validation + n_test])
    validation, test, train = (events[np.isin(events.users, group)] for group in groups)
    train = k_core(train, user=1, item=1)  # without users and items that have no training events
    known = [np.isin(part.item_ids[part.items], train.item_ids) for part in (validation, test)]
    held_out = (k_core(part[kept], user=LEAST_ITEMS, item=1) for part, kept in zip((validation, test), known))
    return UserCut(train, *held_out, share_dropped=float(1 - np.concatenate(known).mean()))


if __name__ == "__main__":
    for data in (movielens, gowalla):
        print(f"{data.__name__}: {data()}")
