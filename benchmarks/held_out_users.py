"""Whole users held out, for the tables "strong-ml1m" and "strong-gowalla"; run by itself it says what is in each part.

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
    """Events of three groups of users; nobody is in two of them.

    Attributes
    ----------
    train : Interactions
        Its items are the catalogue.
    validation, test : Interactions
        Of items in the catalogue, and of users to whom at least five of these are left.
    share_dropped : float
        Of the events of the users held out, those whose item no training user has.
    """

    train: Interactions
    validation: Interactions
    test: Interactions
    share_dropped: float


@cache
def movielens():
    """Ratings of 4 and 5, as positives."""
    path = Path(os.environ["SKREC_DATA"]) / "ml-1m" / "ratings_ge4.dat.gz"
    ratings = pd.read_csv(path, sep="::", engine="python", names=["user", "item", "rating", "timestamp"])
    return cut_users(Interactions.from_frame(ratings[["user", "item"]]), n_validation=500, n_test=1000)


@cache
def gowalla():
    """LightGCN's two parts, put together again."""
    parts = load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn")
    users, items = (np.concatenate([getattr(part, axis) for part in parts]) for axis in ("users", "items"))
    return cut_users(Interactions.from_arrays(users, items), n_validation=3000, n_test=3000)


def cut_users(events, *, n_validation, n_test, random_state=0):
    """Of the users with at least five items some are drawn for validation, some for testing; the others are for training."""
    events = k_core(events, user=LEAST_ITEMS, item=1)
    users = np.random.default_rng(random_state).permutation(events.n_users)
    groups = np.split(users, [n_validation, n_validation + n_test])
    validation, test, train = (events[np.isin(events.users, group)] for group in groups)
    train = k_core(train, user=1, item=1)  # the smallest frame: models are not told of the others
    known = [np.isin(part.item_ids[part.items], train.item_ids) for part in (validation, test)]
    held_out = (k_core(part[kept], user=LEAST_ITEMS, item=1) for part, kept in zip((validation, test), known))
    return UserCut(train, *held_out, share_dropped=float(1 - np.concatenate(known).mean()))


if __name__ == "__main__":
    for data in (movielens, gowalla):
        print(f"{data.__name__}: {data()}")
