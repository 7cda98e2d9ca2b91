"""Matrices of the shape of the training data, whose rows may be mistaken for its users."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.data._callers import depth_of_caller
from skrec.data._canonical import is_matrix
from skrec.data._interactions import Interactions

_LEAST_SHARED = 10  # that allow a judgement


def is_of_shape(X: Any, shape: tuple[int, int]) -> bool:
    """Whether X is a matrix of some shape."""
    return X is not None and is_matrix(X) and np.shape(X) == shape


def may_hold_known_users(new: Interactions, seen: sp.csr_array, *, first_user: int) -> bool:
    """Whether row i of a matrix of the training shape may hold events of user i of the training data.

    This is not so if the matrix has exactly the training pairs, as for scikit-learn's train scores. Nor if row i has about as
    many items in common with user i as with any other user, as when a matrix is cut into two folds of rows: held-out events of
    the same user would repeat none of the training items, or nearly all.

    Parameters
    ----------
    new : Interactions
        The entries of the matrix, its rows coded from ``first_user``.
    seen : CSR of shape (n_users, n_items)
        Stores the pairs of the training data.
    first_user : int
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
    """Say that the rows of a matrix are new users, although there are as many as known ones."""
    warnings.warn(
        f"{name} is a matrix of exactly the shape of the training data, {shape}, and each of its rows is taken for a new user, "
        f"folded in from what the row holds. If row i is user i of the training data, pass Interactions.from_csr({name}) to a "
        "scorer or as validation data, and the users' ids to recommend",
        UserWarning,
        stacklevel=depth_of_caller(),
    )
