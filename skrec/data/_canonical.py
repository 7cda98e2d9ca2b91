"""The one gate for data that a user passes in."""

from collections.abc import Collection
from typing import Any

from numpy.typing import ArrayLike

from skrec.data._interactions import Interactions
from skrec.data._matrix import read_matrix
from skrec.data._reading import COLUMNS, is_frame, only_columns, read_frame, unused_numbers, warn_about_unused_columns


def check_interactions(X: Any, y: ArrayLike | None = None, *, name: str = "X") -> Interactions:
    """Read whatever holds interactions; never change it.

    Parameters
    ----------
    X : Interactions, DataFrame or Table of events, scipy sparse matrix or array, 2-D array-like
        A DataFrame (pandas, polars, pyarrow) is a table of events with the columns ``user`` and ``item``, and if
        present ``rating`` (or ``value``, ``plays``, ``count``), ``timestamp``, ``weight``, ``impression``. Anything else is
        a users x items matrix whose stored (sparse) or non-zero (dense) entries are the events.
        Interactions without events are accepted where they have features.
    y : array-like of shape (n_events,), optional
        The events' values, instead of those in X; ignored for a matrix, whose entries are the data.
    name : str, default="X"
        What to call X in error messages.

    Returns
    -------
    Interactions

    Raises
    ------
    ValueError, TypeError
        If X is something else, is empty, or holds indices out of bounds, NaN, infinity, complex numbers, missing
        labels. The message names the argument, what was given, what is accepted.
    """
    if is_matrix(X):
        return Interactions.from_entries(read_matrix(X, name=name))
    if is_frame(X):
        columns = read_frame(X if y is None else only_columns(X, COLUMNS.keys() - {"rating"}, name=name), name=name)
        if columns.values is None and y is None:
            warn_about_unused_columns(unused_numbers(X, "user", "item"), name)
        X = Interactions.from_columns(columns)
    if len(X) == 0 and X.user_features is None and X.item_features is None:
        raise ValueError(f"Found array with 0 sample(s): {name} has no events, at least one is required")
    return X if y is None else X.with_values(y)


def check_pairs(X: Any, *, also: Collection[str] = (), name: str = "X") -> Interactions:
    """Read users and items only: whatever else a DataFrame has is neither read nor checked.

    Parameters
    ----------
    X : Interactions, DataFrame or Table of events
    also : collection of {"rating", "timestamp", "weight", "impression"}, default=()
        Which other columns are read.
    name : str, default="X"

    Returns
    -------
    Interactions

    Raises
    ------
    ValueError, TypeError
        As `check_interactions`.
    """
    if is_frame(X):
        X = only_columns(X, also, name=name)
    return check_interactions(X, name=name)


def is_matrix(X: Any) -> bool:
    """Whether X is read as a users x items matrix rather than as events."""
    return not isinstance(X, Interactions) and not is_frame(X)
