"""Data sets of many shapes, small enough that a model is fitted in seconds, each with its training part and its test part.

`defaults.py` uses them. FIRST_HALF is for choosing default values, SECOND_HALF for measuring them. SKREC_DATA is the folder
with the data.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skrec.data import Interactions
from skrec.datasets import (
    fetch_movielens,
    load_amazon,
    load_lastfm,
    load_lightgcn,
    load_mind,
    load_ncf,
    load_sasrec,
    make_interactions,
)
from skrec.model_selection import k_core, train_test_split


class Split(NamedTuple):
    """Training part and test part."""

    train: Interactions
    test: Interactions


def folder(name):
    return Path(os.environ["SKREC_DATA"]) / name


# ---- all events -------------------------------------------------------------------------------------------------------


@cache
def films_100k():
    return fetch_movielens("100k").interactions


@cache
def films_small():
    return fetch_movielens("latest-small").interactions


@cache
def films_1m():
    return load_ncf(folder("ml-1m-ncf")).train


@cache
def check_ins():
    return load_lightgcn(folder("gowalla-lightgcn")).train


@cache
def artists():
    return load_lastfm(folder("hetrec2011-lastfm-2k")).interactions


@cache
def instruments():
    return load_amazon(next(folder("amazon-musical-instruments").glob("*.json*"))).interactions


@cache
def games():
    return load_sasrec(folder("sasrec-video") / "Video.txt")


@cache
def clicks():
    mind = load_mind(folder("mind-small-sample") / "MINDsmall_train")
    return compact(mind.history)


# ---- parts of them ----------------------------------------------------------------------------------------------------


def some_users(data, n, *, seed=0):
    """Keep the events of n random users, and drop items without events."""
    users = np.random.default_rng(seed).permutation(np.unique(data.users))[:n]
    return compact(data[np.isin(data.users, users)])


def some_items(data, n, *, seed=0):
    """Keep the events of n random items, and drop users without events."""
    items = np.random.default_rng(seed).permutation(np.unique(data.items))[:n]
    return compact(data[np.isin(data.items, items)])


def most_popular_items(data, n):
    items = np.argsort(-np.bincount(data.items, minlength=data.n_items), kind="stable")[:n]
    return compact(data[np.isin(data.items, items)])


def some_events(data, fraction, *, seed=0):
    """Keep a random share of all events."""
    return compact(data[np.random.default_rng(seed).random(len(data)) < fraction])


def short_histories(data, n, *, seed=0):
    """Keep at most n random events of each user."""
    order = np.random.default_rng(seed).permutation(len(data))
    users = data.users[order]
    by_user = np.argsort(users, kind="stable")
    starts = np.searchsorted(users[by_user], users[by_user])
    return compact(data[np.sort(order[by_user[np.arange(len(data)) - starts < n]])])


def compact(data):
    """Number the users and items that have events anew."""
    users, items = (np.unique(codes, return_inverse=True)[1] for codes in (data.users, data.items))
    return Interactions.from_arrays(users, items, values=data.values, timestamps=data.timestamps)


def split(data, by="random"):
    """Hold out a fifth of the events, or the last event of each user."""
    return Split(*train_test_split(data, by=by, test_size=None if by == "last" else 0.2, random_state=0))


def generated(**settings):
    return compact(make_interactions(random_state=0, **settings).interactions)


FIRST_HALF: dict[str, Callable[[], Split]] = {
    "films, 943 users": lambda: split(films_100k()),
    "films, a fifth of the events": lambda: split(some_events(films_100k(), 0.2)),
    "films, 1,500 users, latest events": lambda: split(some_users(films_1m(), 1500), "time"),
    "artists, 5 events a user": lambda: split(short_histories(artists(), 6)),
    "check-ins, 3,000 users": lambda: split(k_core(some_users(check_ins(), 3000), user=3, item=3)),
    "games, last item": lambda: split(k_core(some_users(games(), 4000), user=3, item=3), "last"),
    "generated, dense": lambda: split(generated(n_users=300, n_items=150, density=0.2)),
    "generated, sparse and popular": lambda: split(generated(n_users=2000, n_items=1500, density=0.006, popularity_skew=1.5)),
}
SECOND_HALF: dict[str, Callable[[], Split]] = {
    "films, 610 users": lambda: split(films_small()),
    "films, a fifth of 610 users": lambda: split(some_events(films_small(), 0.2)),
    "films, 100 users": lambda: split(some_users(films_100k(), 100)),
    "films, 3,000 users": lambda: split(some_users(films_1m(), 3000, seed=1)),
    "films, 943 users, latest events": lambda: split(films_100k(), "time"),
    "films, 150 items": lambda: split(most_popular_items(films_small(), 150)),
    "artists": lambda: split(artists()),
    "check-ins, a tenth of the items": lambda: split(k_core(some_items(check_ins(), 4000), user=3, item=3)),
    "instruments": lambda: split(instruments()),
    "games": lambda: split(k_core(some_users(games(), 5000, seed=1), user=3, item=3)),
    "news": lambda: split(k_core(clicks(), user=3, item=5)),
    "generated, flat popularity": lambda: split(
        generated(n_users=800, n_items=600, density=0.02, popularity_skew=0.3, n_factors=12)
    ),
}
