"""Small data with the cases that a recommender must handle. All arrays are read-only, since the checks share them."""

from functools import cache
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skrec.data import Interactions
from skrec.datasets import make_interactions

N_STEPS = 7


@cache
def likes() -> sp.csr_array:
    """45 users with one of three preferences and 24 items, values 1 and 2.

    Items 3, 13 and 23 and users 5 and 40 have no events. User 9 has all other items but two.
    """
    rng = np.random.default_rng(0)
    same_taste = np.arange(45)[:, None] % 3 == np.arange(24) % 3
    liked = rng.random((45, 24)) < np.where(same_taste, 0.7, 0.08)
    liked[9] = True
    liked[9, [10, 20]] = False
    liked[[5, 40]] = False
    liked[:, [3, 13, 23]] = False
    return _frozen(sp.csr_array(np.where(liked, rng.integers(1, 3, liked.shape), 0).astype(np.float32)))


@cache
def labeled() -> Interactions:
    """The events of `likes`, with labels that are neither codes nor in the order of codes."""
    return Interactions.from_csr(likes(), user_ids=[f"user {99 - u}" for u in range(45)], item_ids=900 - np.arange(24))


@cache
def active_likes() -> sp.csr_array:
    """`likes` without the users and items that have no events."""
    matrix = likes()
    users, items = np.diff(matrix.indptr) > 0, np.bincount(matrix.indices, minlength=24) > 0
    return _frozen(sp.csr_array(matrix[users][:, items]))


@cache
def other_likes() -> sp.csr_array:
    """Other users and items, in a matrix of another shape."""
    return _frozen(sp.csr_array((np.random.default_rng(1).random((20, 30)) < 0.2).astype(np.float32)))


@cache
def checkerboard() -> sp.csr_array:
    """24 users and items in three blocks: each user likes all items of the own block but one, user u all but item u."""
    return _frozen(sp.csr_array(np.kron(np.eye(3), np.ones((8, 8), np.float32)) - np.eye(24, dtype=np.float32)))


@cache
def cyclic_sequences() -> Interactions:
    """24 users who visit 7 successive items of a cycle of 12, user u from item u on. Rows are in random order."""
    users, steps = np.divmod(np.random.default_rng(0).permutation(24 * N_STEPS), N_STEPS)
    data = Interactions.from_arrays(users, (users + steps) % 12, timestamps=steps)
    for array in (data.users, data.items, data.values, data.timestamps):
        array.flags.writeable = False
    return data


class Split(NamedTuple):
    """Training events and held-out events of the same users."""

    train: Interactions
    test: Interactions


@cache
def split_events() -> Split:
    """About 8,000 events of 300 users and 120 items, values 3 to 11, in order of time. A fifth of them is held out."""
    events = make_interactions(300, 120, density=0.22, popularity_skew=0.5, random_state=0).interactions
    plain = Interactions.from_arrays(
        events.users,
        events.items,
        2 * events.values + 1,  # for values from 1 to 5, models would warn that positive_from is None
        timestamps=events.timestamps,
        n_users=events.n_users,
        n_items=events.n_items,
    )
    for array in (plain.users, plain.items, plain.values, plain.timestamps):
        array.flags.writeable = False
    held_out = np.random.default_rng(0).random(len(plain)) < 0.2
    return Split(plain[~held_out], plain[held_out])


def training_events() -> Interactions:
    """The training events of `split_events`."""
    return split_events().train


def _frozen(matrix: sp.csr_array) -> sp.csr_array:
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.flags.writeable = False
    return matrix
