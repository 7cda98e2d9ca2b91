"""What scorers ask of a fitted estimator: documented methods and attributes, which any class may have."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags

from skrec._memory import blocks, rows_per_block
from skrec.data import Interactions
from skrec.data._training_shape import is_of_shape, may_hold_known_users, warn_about_training_shape
from skrec.data._vocabulary import Vocabulary
from skrec.topk import whole_row_blocks

_USER_BYTES = 2**12

Users = Callable[[slice], Any]
"""Gives a range of some users as ``recommend`` takes them: labels of known users, or interactions of new ones."""


class Traits(NamedTuple):
    """What an estimator says of itself in ``recommender_tags``."""

    ordered: bool
    predicts_ratings: bool


def read_traits(estimator: Any) -> Traits:
    """The estimator's ``recommender_tags``; False where there are none."""
    tags = get_tags(estimator) if hasattr(estimator, "__sklearn_tags__") else None
    own = getattr(tags, "recommender_tags", None)
    return Traits(bool(getattr(own, "ordered", False)), bool(getattr(own, "predicts_ratings", False)))


def encode(estimator: Any, X: Any) -> Interactions:
    """Test data in the estimator's codes: -1 for unknown items, codes from ``n_users_`` for unknown users.

    Warns
    -----
    UserWarning
        If X is a matrix of the shape of the training data, whose rows may be meant as the training users.
    """
    shape = estimator.n_users_, estimator.n_items_
    data = Vocabulary(*shape, estimator.user_ids_, estimator.item_ids_, type(estimator).__name__).recode(X, name="X")
    if is_of_shape(X, shape) and may_hold_known_users(data, estimator.seen_, first_user=shape[0]):
        warn_about_training_shape("X", shape)
    return data


def known_users(estimator: Any) -> NDArray[np.bool_]:
    """Users (n_users_,) with training events."""
    return np.diff(estimator.seen_.indptr) > 0


def known_items(estimator: Any) -> NDArray[np.bool_]:
    """Items (n_items_,) that the estimator ranks: ``known_items_`` if it has that, else those with training events."""
    if hasattr(estimator, "known_items_"):
        return estimator.known_items_
    return np.bincount(estimator.seen_.indices, minlength=estimator.n_items_) > 0


def best_items(estimator: Any, users: Users, n_users: int, k: int, *, exclude_seen: bool) -> NDArray[np.int64]:
    """Codes (n_users, k) of the best items, by ``recommend``."""
    codes = np.empty((n_users, k), np.int64)
    for rows in blocks(n_users, rows_per_block(_USER_BYTES)):
        codes[rows] = estimator.recommend(users(rows), k=k, exclude_seen=exclude_seen).codes
    return codes


def score_blocks(
    estimator: Any, users: Users, n_users: int, *, exclude_seen: bool
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Scores of all items for blocks of users, by ``score_items``."""
    for rows in whole_row_blocks(n_users, estimator.n_items_):
        yield rows, estimator.score_items(users(rows), exclude_seen=exclude_seen)
