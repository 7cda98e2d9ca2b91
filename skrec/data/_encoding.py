"""Labels to codes and back."""

from typing import Self

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
        self._index = pd.Index(self.ids)
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

    def encode(self, labels: ArrayLike) -> NDArray[np.int64]:
        """Codes of labels, -1 for those that are not in the vocabulary."""
        return self._index.get_indexer(pd.Index(as_labels(labels, name="labels"))).astype(np.int64)

    def decode(self, codes: ArrayLike) -> NDArray:
        """Labels of codes."""
        return self.ids[np.asarray(codes)]


def as_labels(labels: ArrayLike, *, name: str) -> NDArray:
    """A 1-D array of labels, none of them missing; mixtures and strings become objects, so that 1 stays 1."""
    if isinstance(labels, str) or not hasattr(labels, "__len__"):
        raise TypeError(f"{name} must be a list or 1-D array of labels, got {labels!r}")
    if isinstance(labels, pd.Categorical) or getattr(labels, "dtype", None) == "category":
        labels = np.asarray(labels)
    array = labels if hasattr(labels, "dtype") else _from_sequence(labels)
    array = np.asarray(array)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got an array of shape {array.shape}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    missing = pd.isna(array)
    if missing.any():
        raise ValueError(f"{name} must not be missing, but the label at position {int(missing.argmax())} is")
    return array


def _from_sequence(labels) -> NDArray:
    """A list as an array, without numpy's habit of turning [1, "a"] into ["1", "a"]."""
    kinds = {type(label) for label in labels}
    if len(kinds) <= 1 and not kinds & {tuple, list}:
        return np.asarray(labels)
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array
