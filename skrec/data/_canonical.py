"""Conversion of all supported inputs to `Interactions`."""

from collections.abc import Collection
from typing import Any

from numpy.typing import ArrayLike

from skrec.data._interactions import Interactions
from skrec.data._matrix import read_matrix
from skrec.data._reading import COLUMNS, is_frame, only_columns, read_frame, unused_numbers, warn_about_unused_columns


def check_interactions(X: Any, y: ArrayLike | None = None, *, name: str = "X") -> Interactions:
    """Convert any supported input to `Interactions`. The input is never modified.

    Parameters
    ----------
    X : Interactions, DataFrame, Table, sparse matrix or array-like
        A DataFrame or Table (pandas, polars, pyarrow) is a table of events. It must have the columns "user" and "item", and may
        have "rating" (or "value", "plays", "count"), "timestamp", "weight" and "impression". Sparse matrices and 2-D arrays are
        users x items matrices. Their events are the stored entries of a sparse matrix, or the non-zero entries of an array.
        Interactions without events are accepted if they have features.
    y : array-like of float, shape (n_events,), optional
        Values of the events, which replace those in X. Ignored for a matrix.
    name : str, default="X"
        Name of X in error messages.

    Returns
    -------
    Interactions
        The events. If X is Interactions and y is None, X itself.

    Raises
    ------
    ValueError, TypeError
        If X is of another type, is empty, or contains indices out of bounds, NaN, infinity, complex numbers or missing labels.

    Warns
    -----
    UserWarning
        If a table has no column with values and y is None, and the table has numeric columns that are not used.
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
    """Convert the users and items of X to `Interactions`. Other columns of a DataFrame are neither read nor checked.

    Parameters
    ----------
    X : Interactions, DataFrame, Table, sparse matrix or array-like
        As in `check_interactions`.
    also : collection of {"rating", "timestamp", "weight", "impression"}, default=()
        Other columns to read.
    name : str, default="X"
        Name of X in error messages.

    Returns
    -------
    Interactions
        The events with the columns that were read.

    Raises
    ------
    ValueError, TypeError
        As in `check_interactions`.
    """
    if is_frame(X):
        X = only_columns(X, also, name=name)
    return check_interactions(X, name=name)


def is_matrix(X: Any) -> bool:
    """Whether X is read as a users x items matrix and not as a table of events.

    Parameters
    ----------
    X : object
        The input of an estimator.

    Returns
    -------
    bool
        False for Interactions, DataFrames and Tables, and True for everything else.
    """
    return not isinstance(X, Interactions) and not is_frame(X)
