"""Features of users and items, with one row of numbers per code."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data._arrays import as_numbers
from skrec.data._encoding import IdEncoder, as_labels, as_list
from skrec.data._pairs import Codes
from skrec.data._reading import column_names

_ENCODE = "skrec.FeatureEncoder().fit_transform(table) converts text, categories and missing values to numbers"


class Vocabulary(NamedTuple):
    """Labels, the codes of the events, and features with one row per label, or None."""

    ids: NDArray
    codes: Codes
    features: NDArray[np.float32] | None


def learn_vocabulary(labels: NDArray | pd.Categorical, features: Any, *, axis: str, column: str) -> Vocabulary:
    """Learn the labels of the events, or those of the rows of a table of features.

    Parameters
    ----------
    labels : array or Categorical of shape (n_events,)
        Label of each event.
    features : DataFrame, Table or None
        One row for each label. The labels are in the column ``column`` or in the index. All other columns are numeric.
    axis : {"user", "item"}
        Which labels these are.
    column : str
        Name of the column with the labels.

    Raises
    ------
    ValueError, TypeError
        If the label of an event has no row, if labels are missing or repeated, or if a feature is not a finite number.
    """
    if features is None:
        encoder, codes = IdEncoder.learn(labels)
        return Vocabulary(encoder.ids, codes, None)
    name = f"{axis}_features"
    row_labels, table = read_table(features, column, name)
    IdEncoder(row_labels, name=f"labels of {name}")  # refuses repeated labels
    encoder, places = IdEncoder.learn(row_labels)
    codes = encoder.encode_same_kind(labels, name=f"the {axis}s of the events, for which {name} has rows,").astype(places.dtype)
    if (codes < 0).any():
        lacking = pd.unique(labels[codes < 0])
        raise ValueError(
            f"{name} must have a row for each {axis} with events, but {len(lacking)} have none: {as_list(lacking[:5])}"
        )
    return Vocabulary(encoder.ids, codes, table[np.argsort(places)])


def read_features(features: Any, size: int, axis: str) -> Any:
    """Read an array or CSR matrix of finite numbers with one row per code, or None."""
    if features is None:
        return None
    name = f"{axis}_features"
    if not sp.issparse(features) and not isinstance(features, np.ndarray):
        advice = f"; {_ENCODE}, and Interactions.from_frame takes tables" if hasattr(type(features), "columns") else ""
        raise TypeError(f"{name} must be an array or a sparse matrix, got {type(features).__name__}{advice}")
    if features.ndim != 2 or features.shape[0] != size:
        raise ValueError(f"{name} must have {size} rows, one for each {axis}, got shape {features.shape}")
    if sp.issparse(features):
        features = features.tocsr()
    _finite(features.data if sp.issparse(features) else features, name)
    return features


def read_table(table: Any, column: str, name: str) -> tuple[NDArray, NDArray[np.float32]]:
    """The label and the numbers of each row."""
    columns = column_names(table, name)
    if columns.count(column) == 1:
        labels = table[column]
    elif isinstance(table, pd.DataFrame) and not _is_default_index(table.index):
        labels = table.index
    else:
        raise ValueError(f"{name} has no labels: its index or one column {column!r} must hold the labels; it has {columns[:8]}")
    kept = [feature for feature in columns if feature != column]
    if not kept or len(set(kept)) < len(kept):
        raise ValueError(f"{name} must have numeric columns with distinct names, got {kept[:8]}")
    numbers = [_finite(np.asarray(table[feature]), f"column {feature!r} of {name}") for feature in kept]
    return as_labels(labels, name=f"labels of {name}"), np.stack(numbers, axis=1)


def _is_default_index(index: pd.Index) -> bool:
    """Whether this is the default index of pandas."""
    return isinstance(index, pd.RangeIndex) and index.name is None and index.start == 0


def _finite(array: NDArray, name: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            numbers = as_numbers(array, name).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error}; {_ENCODE}") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must hold finite numbers, got {numbers[~np.isfinite(numbers)][0]}; {_ENCODE}")
    return numbers
