"""Detection of matrices whose rows may be meant as the training users."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.data._callers import depth_of_caller
from skrec.data._canonical import is_matrix
from skrec.data._interactions import Interactions

_LEAST_SHARED = 10  # shared items, below which a comparison is not reliable


def is_of_shape(X: Any, shape: tuple[int, int]) -> bool:
    """Whether X is a matrix of the given shape."""
    return X is not None and is_matrix(X) and np.shape(X) == shape


def may_hold_known_users(new: Interactions, seen: sp.csr_array, *, first_user: int) -> bool:
    """Whether row i of a matrix of the training shape may hold events of user i of the training data.

    This is not so if the matrix has exactly the training pairs, as for scikit-learn's train scores. It is not so either if row
    i shares about as many items with user i as with any other user, as for two folds of the rows of a matrix. Held-out events
    of the same user would repeat none of the training items, or almost all.

    Parameters
    ----------
    new : Interactions
        Entries of the matrix, with rows coded from ``first_user``.
    seen : CSR of shape (n_users, n_items)
        Pairs of the training data.
    first_user : int
        Code of the first row.
    """
    n_users, n_items = seen.shape
    pairs = np.unique((new.users - first_user) * n_items + new.items)
    known_pairs = np.repeat(np.arange(n_users), np.diff(seen.indptr)) * n_items + seen.indices
    if np.array_equal(pairs, known_pairs):
        return False
    users_of_items = [np.bincount(keys % n_items, minlength=n_items) for keys in (pairs, known_pairs)]
    by_chance = float(users_of_items[0] @ users_of_items[1]) / n_users
    most = min(len(pairs), len(known_pairs))
    n_shared = len(np.intersect1d(pairs, known_pairs, assume_unique=True))
    return by_chance < _LEAST_SHARED or not by_chance / 2 < n_shared < (by_chance + most) / 2


def warn_about_training_shape(name: str, shape: tuple[int, int]) -> None:
    """Warn that the rows of a matrix of the training shape are new users."""
    warnings.warn(
        f"{name} is a matrix of exactly the shape of the training data, {shape}. Each of its rows is treated as a new user and "
        f"folded in. If row i is user i of the training data, pass Interactions.from_csr({name}) to a scorer or as validation "
        "data, and the ids of the users to recommend",
        UserWarning,
        stacklevel=depth_of_caller(),
    )
