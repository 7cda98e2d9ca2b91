"""Labels to codes and back."""

from collections.abc import Mapping, Set
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


class IdEncoder:
    """A vocabulary: distinct labels, and the code (position) of each.

    Parameters
    ----------
    ids : array-like of shape (n,)
        Distinct labels: integers, strings, dates, UUIDs, or a mixture. The label at position ``c`` has code ``c``.
    name : str, default="ids"
        What to call the labels in error messages.

    Raises
    ------
    ValueError
        If a label is missing (None, NaN, NaT) or occurs twice.

    Examples
    --------
    >>> films = IdEncoder(["Alien", "Brazil"])
    >>> films.encode(["Brazil", "Casablanca"]).tolist()
    [1, -1]
    >>> films.decode([1, 0]).tolist()
    ['Brazil', 'Alien']
    """

    def __init__(self, ids: ArrayLike, *, name: str = "ids"):
        self.ids = as_labels(ids, name=name)
        self._index = _index_of(self.ids)
        if not self._index.is_unique:
            twice = self._index[self._index.duplicated()][0]
            raise ValueError(f"{name} must be distinct labels, but {twice!r} occurs more than once")

    @classmethod
    def learn(cls, labels: ArrayLike, *, name: str = "ids") -> tuple[Self, NDArray[np.int64]]:
        """Learn the vocabulary of some labels: sorted where they can be compared, else by first appearance.

        Returns
        -------
        encoder : IdEncoder
        codes : int64 array of shape (n,)
            The code of each of the given labels.
        """
        array = as_labels(labels, name=name)
        codes, ids = pd.factorize(array)
        try:
            order = np.argsort(ids, kind="stable")
        except TypeError:
            return cls(ids, name=name), codes.astype(np.int64)
        rank = np.empty(len(ids), dtype=np.int64)
        rank[order] = np.arange(len(ids))
        return cls(ids[order], name=name), rank[codes]

    def __len__(self) -> int:
        return len(self.ids)

    def encode(self, labels: ArrayLike, *, name: str = "labels") -> NDArray[np.int64]:
        """Codes of labels, -1 for those that are not in the vocabulary; ``name`` is for messages."""
        array = as_labels(labels, name=name)
        index, wanted = self._index, _index_of(array)
        kinds = {index.dtype.kind, array.dtype.kind}
        if len(kinds) == 2 and "b" not in kinds:  # pandas would round large integers to floats, and take words for dates
            index, wanted = index.astype(object), wanted.astype(object)
        return index.get_indexer(wanted).astype(np.int64)

    def decode(self, codes: ArrayLike) -> NDArray:
        """Labels of codes."""
        return self.ids[np.asarray(codes)]


def as_labels(labels: ArrayLike, *, name: str) -> NDArray:
    """A 1-D array of labels, none of them missing; strings and mixtures are objects, so that 1 stays 1."""
    if isinstance(labels, str | bytes | Mapping | Set) or not hasattr(labels, "__len__"):
        raise TypeError(f"{name} must be a list or 1-D array of labels, got {labels!r}")
    array = np.asarray(labels) if hasattr(labels, "__array__") else _from_sequence(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got an array of shape {array.shape}")
    if array.dtype.kind not in "biufmMOUS":
        raise TypeError(f"{name} must be integers, strings, dates or other labels, got dtype {array.dtype}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.float16:  # pandas has no index of these
        array = array.astype(np.float64)
    missing = pd.isna(array)
    if isinstance(labels, np.ma.MaskedArray):
        missing |= np.ma.getmaskarray(labels)
    if missing.any():
        raise ValueError(f"{name} must not be missing, but the label at position {int(missing.argmax())} is")
    if array.dtype == object:
        _check_hashable(array, name)
    return array


def _from_sequence(labels: Any) -> NDArray:
    """A list as an array of the same labels: numpy would turn [1, "a"] into strings and [-1, 2**63] into floats."""
    objects = np.fromiter(labels, dtype=object, count=len(labels))
    kinds = set(map(type, labels))
    if kinds == {int}:
        return objects if max(labels) >= 2**63 or min(labels) < -(2**63) else objects.astype(np.int64)
    one_kind = len(kinds) == 1 and issubclass(next(iter(kinds)), np.generic | bool | float)
    return np.asarray(labels) if one_kind else objects


def _index_of(array: NDArray) -> pd.Index:
    """An index with the array's own type: pandas would guess that objects are dates."""
    return pd.Index(array, dtype=array.dtype if array.dtype == object else None)


def _check_hashable(array: NDArray, name: str) -> None:
    for kind in set(map(type, array)):
        if kind.__hash__ is None:
            raise TypeError(f"{name} must be hashable labels, such as integers or strings, but one is a {kind.__name__}")
