"""Access to fitted estimators by documented methods and attributes, which any class may have."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec._memory import blocks, rows_per_block
from skrec.data import Interactions
from skrec.data._ordering import MutedOrderWarning
from skrec.data._training_shape import is_of_shape, may_hold_known_users, warn_about_training_shape
from skrec.data._vocabulary import Vocabulary
from skrec.topk import whole_row_blocks

_USER_BYTES = 2**12

Users = Callable[[slice], Any]
"""Returns a range of users as ``recommend`` accepts them: labels of known users, or interactions of new users."""


class Traits(NamedTuple):
    """Properties of an estimator from its ``recommender_tags``."""

    ordered: bool
    predicts_ratings: bool


def read_traits(estimator: Any) -> Traits:
    """Read the estimator's ``recommender_tags``. Properties that are not set are False."""
    from sklearn.utils import get_tags

    tags = get_tags(estimator) if hasattr(estimator, "__sklearn_tags__") else None
    own = getattr(tags, "recommender_tags", None)
    return Traits(bool(getattr(own, "ordered", False)), bool(getattr(own, "predicts_ratings", False)))


def encode(estimator: Any, X: Any) -> Interactions:
    """Convert test data to the estimator's codes: -1 for unknown items, and codes from ``n_users_`` for unknown users.

    Warns
    -----
    UserWarning
        If X is a matrix of the training shape whose rows may be meant as the training users.
    """
    shape = estimator.n_users_, estimator.n_items_
    data = Vocabulary(*shape, estimator.user_ids_, estimator.item_ids_, type(estimator).__name__).recode(X, name="X")
    if is_of_shape(X, shape) and may_hold_known_users(data, estimator.seen_, first_user=shape[0]):
        warn_about_training_shape("X", shape)
    return data


def known_users(estimator: Any) -> NDArray[np.bool_]:
    """Whether each of the ``n_users_`` users has training events."""
    return np.diff(estimator.seen_.indptr) > 0


def known_items(estimator: Any) -> NDArray[np.bool_]:
    """Whether the estimator ranks each item: ``known_items_`` if it exists, and items with training events otherwise."""
    if hasattr(estimator, "known_items_"):
        return estimator.known_items_
    return np.bincount(estimator.seen_.indices, minlength=estimator.n_items_) > 0


def best_items(estimator: Any, users: Users, n_users: int, k: int, *, exclude_seen: bool) -> NDArray[np.int64]:
    """Codes of the best items by ``recommend``, in an array of shape (n_users, k)."""
    codes = np.empty((n_users, k), np.int64)
    for rows in blocks(n_users, rows_per_block(_USER_BYTES)):
        with MutedOrderWarning.muted:  # scorers warn about the test data
            codes[rows] = estimator.recommend(users(rows), k=k, exclude_seen=exclude_seen).codes
    return codes


def score_blocks(
    estimator: Any, users: Users, n_users: int, *, exclude_seen: bool
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield the scores of all items by ``score_items`` for blocks of users."""
    for rows in whole_row_blocks(n_users, estimator.n_items_):
        with MutedOrderWarning.muted:
            scores = estimator.score_items(users(rows), exclude_seen=exclude_seen)
        yield rows, scores
