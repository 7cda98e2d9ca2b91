"""What a fitted model knows about users and items. Models that read features override some of these functions.

Familiar are items with a training event and users with an event that the model learns from.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec.base._allowed import Allowed, Unknown, read_allowed
from skrec.data import Interactions


def user_codes(self: Any, users: Any) -> NDArray[np.int64]:
    """Return the codes of known users: their positions in ``user_ids_`` and in arrays such as ``user_embeddings_``.

    Parameters
    ----------
    users : label or array-like of labels
        Known users.

    Returns
    -------
    int64 array of shape (n_labels,)
        The labels of codes are ``user_ids_[codes]``.

    Raises
    ------
    ValueError, TypeError
        If a label is unknown or of another kind than the known ones.
    """
    check_is_fitted(self)
    return self.vocabulary_.user_codes(users, name="users")


def item_codes(self: Any, items: Any) -> NDArray[np.int64]:
    """Return the codes of known items: their positions in ``item_ids_`` and in arrays such as ``item_embeddings_``.

    Parameters
    ----------
    items : label or array-like of labels
        Known items.

    Returns
    -------
    int64 array of shape (n_labels,)
        The labels of codes are ``item_ids_[codes]``.

    Raises
    ------
    ValueError, TypeError
        If a label is unknown or of another kind than the known ones.
    """
    check_is_fitted(self)
    return self.vocabulary_.item_codes(items, name="items")


def compares_times(model: Any) -> bool:
    """Whether times of new events are compared with those of the training data, so that their units must agree."""
    return getattr(model, "half_life", None) is not None


def described_items(model: Any) -> NDArray[np.bool_]:
    """Items ``(n_items_,)`` that the model knows by their features: none."""
    return np.zeros(model.n_items_, bool)


def familiar_items(model: Any) -> NDArray[np.bool_]:
    """Items ``(n_items_,)`` that are ranked. Others come last."""
    return (model._item_counts > 0) | model._described_items


def learned_items(model: Any) -> NDArray[np.bool_]:
    """Items ``(n_items_,)`` with an event that the model learns from, or known by their features."""
    return (model.learned_counts_ > 0) | model._described_items


def familiar_users(model: Any, users: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of some known users, by their codes, those for whom the model ranks. Others get the most popular items."""
    return model.has_past_[users]


def familiar_histories(model: Any, histories: Interactions) -> NDArray[np.bool_]:
    """Of new users, those for whom the model ranks. Others get the most popular items."""
    return np.bincount(histories.users[model._informative(histories)], minlength=histories.n_users) > 0


def allowed_items(model: Any, users: NDArray, exclude: Any, candidates: Any, *, unknown: Unknown) -> Allowed:
    """Which items may be recommended to users with these labels."""
    return read_allowed(model.vocabulary_, users, exclude, candidates, unknown=unknown)
