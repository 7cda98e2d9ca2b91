"""Matrices whose rows may be mistaken for the users of the training data."""

import warnings
from typing import Any

import numpy as np

from skrec.data import Interactions, is_matrix
from skrec.data._callers import depth_of_caller


def is_of_shape(X: Any, shape: tuple[int, int]) -> bool:
    """Whether X is a matrix, of which the rows are new users, of some shape."""
    return X is not None and is_matrix(X) and np.shape(X) == shape


def are_equal_events(new: Interactions, known: Interactions, *, first_user: int) -> bool:
    """Whether new users, coded from ``first_user``, have the very events of the known ones."""
    return (
        np.array_equal(new.users - first_user, known.users)
        and np.array_equal(new.items, known.items)
        and np.array_equal(new.values, known.values)
    )


def warn_of_training_shape(name: str, shape: tuple[int, int]) -> None:
    """Say that the rows of a matrix are new users, although there are as many as known ones."""
    warnings.warn(
        f"{name} is a matrix of exactly the shape of the training data, {shape}, and each of its rows is taken for a new user, "
        f"folded in from what the row holds. If row i is user i of the training data, pass Interactions.from_csr({name}) to a "
        "scorer or as validation data, and the users' ids to recommend",
        UserWarning,
        stacklevel=depth_of_caller(),
    )
