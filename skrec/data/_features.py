"""Features of users and items: a row of numbers for each code."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data._arrays import as_numbers
from skrec.data._encoding import IdEncoder, as_labels, as_list
from skrec.data._reading import column_names

_ENCODE = "skrec.FeatureEncoder().fit_transform(table) makes numbers of words, categories and gaps"


class Vocabulary(NamedTuple):
    """Labels, the codes of events among them, and features, a row for each label, or None."""

    ids: NDArray
    codes: NDArray[np.int64]
    features: NDArray[np.float32] | None


def learn_vocabulary(labels: NDArray | pd.Categorical, features: Any, *, axis: str, column: str) -> Vocabulary:
    """The labels of some events, or, where there is a table of features, those of its rows.

    Parameters
    ----------
    labels : array or Categorical of shape (n_events,)
    features : DataFrame, Table or None
        A row for each label, which stands in the index or in the column ``column``; all others are numbers.
    axis : {"user", "item"}
    column : str

    Raises
    ------
    ValueError, TypeError
        If a label of an event has no row, or a row no label of its own, or a feature is no finite number.
    """
    if features is None:
        encoder, codes = IdEncoder.learn(labels)
        return Vocabulary(encoder.ids, codes, None)
    name = f"{axis}_features"
    row_labels, table = _read_table(features, column, name)
    IdEncoder(row_labels, name=f"labels of {name}")  # which refuses those that occur twice
    encoder, places = IdEncoder.learn(row_labels)
    codes = encoder.encode_same_kind(labels, name=f"the {axis}s of the events, for which {name} has rows,")
    if (codes < 0).any():
        lacking = pd.unique(labels[codes < 0])
        raise ValueError(
            f"{name} must have a row for each {axis} with events, but {len(lacking)} have none: {as_list(lacking[:5])}"
        )
    return Vocabulary(encoder.ids, codes, table[np.argsort(places)])


def read_features(features: Any, size: int, axis: str) -> Any:
    """An array or CSR of finite numbers with a row for each code, or None."""
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


def _read_table(table: Any, column: str, name: str) -> tuple[NDArray, NDArray[np.float32]]:
    """The label of each row, and its numbers."""
    columns = column_names(table, name)
    if columns.count(column) == 1:
        labels = table[column]
    elif isinstance(table, pd.DataFrame) and not _merely_counts(table.index):
        labels = table.index
    else:
        raise ValueError(
            f"{name} has no labels: its index, or one column {column!r}, must say what each row is about; it has {columns[:8]}"
        )
    kept = [feature for feature in columns if feature != column]
    if not kept or len(set(kept)) < len(kept):
        raise ValueError(f"{name} must have columns of numbers, each with a name of its own, got {kept[:8]}")
    numbers = [_finite(np.asarray(table[feature]), f"column {feature!r} of {name}") for feature in kept]
    return as_labels(labels, name=f"labels of {name}"), np.stack(numbers, axis=1)


def _merely_counts(index: pd.Index) -> bool:
    """Whether it is the index that pandas gives to a table without one."""
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
