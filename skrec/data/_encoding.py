"""Labels as integer codes."""

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from numbers import Number
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skrec._memory import blocks
from skrec.data._pairs import Codes, index_dtype

_KINDS: tuple[tuple[str, Any], ...] = (
    ("bool", bool | np.bool_),
    ("timedelta", dt.timedelta | np.timedelta64),  # numpy's timedelta64 is a subclass of integer
    ("integer", int | np.integer),
    ("float", float | np.floating),
    ("number", Number),  # Decimals and fractions
    ("string", str),
    ("bytes", bytes),
    ("datetime", dt.datetime | np.datetime64),
    ("date", dt.date),
    ("tuple", tuple),
)
_PLAIN_TYPES = {"bool": np.bool_, "integer": np.int64, "float": np.float64}
_COMPARED_AS = {"integer": "number", "float": "number"}  # numbers are compared by value
_LARGEST = np.iinfo(np.int64).max
_BLOCK = 2**16  # labels at a time, which fit into a cache


class IdEncoder:
    """A mapping between distinct labels and integer codes.

    Parameters
    ----------
    ids : array-like of shape (n_ids,)
        Distinct labels: integers, strings, dates, UUIDs, or a mixture. The label at position ``c`` has the code ``c``.
    name : str, default="ids"
        Name of the labels in error messages.

    Attributes
    ----------
    ids : array of shape (n_ids,)
        The labels. Integers of any width are int64 if all of them fit.

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
        self._index = as_index(self.ids)
        if not self._index.is_unique:
            twice = self._index[self._index.duplicated()][0]
            raise ValueError(f"{name} must be distinct labels, but {twice!r} occurs more than once")

    @classmethod
    def learn(cls, labels: ArrayLike | pd.Categorical, *, name: str = "ids") -> tuple[Self, Codes]:
        """Create an encoder from labels that may repeat.

        The distinct labels are sorted if they can be compared. Otherwise they are in order of first appearance.

        Parameters
        ----------
        labels : array-like or Categorical of shape (n_labels,)
            Labels, none of them missing.
        name : str, default="ids"
            Name of the labels in error messages.

        Returns
        -------
        encoder : IdEncoder
            Encoder of the distinct labels.
        codes : int array of shape (n_labels,)
            Code of each label: int32, or int64 for 2**31 labels or more.
        """
        if isinstance(labels, pd.Categorical) and (labels.codes >= 0).all():
            present = pd.unique(labels.codes)
            encoder, codes = cls.learn(labels.categories[present], name=name)
            category_codes = np.empty(len(labels.categories), codes.dtype)
            category_codes[present] = codes
            return encoder, category_codes[labels.codes]
        array = as_labels(labels, name=name)
        if array.dtype == np.int64 and len(array) and int(array.max()) - int(array.min()) < len(array):
            ids, codes = _rank_integers(array)
            return cls(ids, name=name), codes
        places, ids = pd.factorize(array)
        rank = np.arange(len(ids), dtype=index_dtype(len(ids)))
        with suppress(TypeError):
            order = np.argsort(ids, kind="stable")
            ids = ids[order]
            rank[order] = np.arange(len(ids))
        return cls(ids, name=name), rank[places]

    def __len__(self) -> int:
        return len(self.ids)

    def encode(self, labels: ArrayLike, *, name: str = "labels") -> NDArray[np.int64]:
        """Convert labels to codes.

        Parameters
        ----------
        labels : array-like of shape (n_labels,)
            Labels, none of them missing.
        name : str, default="labels"
            Name of the labels in error messages.

        Returns
        -------
        int64 array of shape (n_labels,)
            Codes, and -1 for unknown labels.
        """
        return self._find(as_labels(labels, name=name))

    def _find(self, array: NDArray) -> NDArray[np.int64]:
        index, wanted = self._index, as_index(array)
        kinds = {index.dtype.kind, array.dtype.kind}
        if len(kinds) == 2 and "b" not in kinds:  # pandas would round large integers and parse strings as dates
            index, wanted = index.astype(object), wanted.astype(object)
        return index.get_indexer(wanted).astype(np.int64)

    def encode_same_kind(self, labels: ArrayLike, *, name: str) -> NDArray[np.int64]:
        """Convert labels to codes, and check that they are of the same kind as the known labels.

        Numbers are compared by value, so integers and floats are one kind.

        Parameters
        ----------
        labels : array-like of shape (n_labels,)
            Labels, none of them missing.
        name : str
            Name of the labels in error messages.

        Returns
        -------
        int64 array of shape (n_labels,)
            Codes, and -1 for unknown labels.

        Raises
        ------
        TypeError
            If no label is of a kind that the known labels have, such as strings among integers.
        """
        array = as_labels(labels, name=name)
        codes = self._find(array)
        if (codes < 0).all():
            given, expected = ({_COMPARED_AS.get(kind, kind) for kind in kinds_of(some)} for some in (array, self.ids))
            if given and expected and not given & expected:
                raise TypeError(_kind_error(name, self.ids, array[:1]))
        return codes

    def decode(self, codes: ArrayLike) -> NDArray:
        """Convert codes to labels.

        Parameters
        ----------
        codes : array-like of int
            Codes from 0, in an array of any shape.

        Returns
        -------
        array
            Labels, in the shape of ``codes``.
        """
        return self.ids[np.asarray(codes)]


def as_labels(labels: Any, *, name: str) -> NDArray:
    """Convert to a 1-D array of labels, and check that none is missing.

    Integers of any width are int64 if all of them fit, and Python integers otherwise. Strings and mixtures are objects, so that
    the label 1 does not become "1".
    """
    if isinstance(labels, str | bytes | Mapping | set | frozenset) or not isinstance(labels, Iterable):
        raise TypeError(f"{name} must be a list or 1-D array of labels, got {labels!r}")
    if isinstance(labels, list) and (array := _from_plain_list(labels)) is not None:
        return array
    if not hasattr(labels, "__len__"):
        labels = list(labels)
    array = np.asarray(labels) if hasattr(labels, "__array__") else _from_sequence(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got an array of shape {array.shape}")
    if array.dtype.kind not in "biufmMOUS":
        raise TypeError(f"{name} must be integers, strings, dates or other labels, got dtype {array.dtype}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    missing = pd.isna(array)
    if isinstance(labels, np.ma.MaskedArray):
        missing |= np.ma.getmaskarray(labels)
    if missing.any():
        raise ValueError(f"{name} must not be missing, but the label at position {int(missing.argmax())} is")
    if array.dtype == object:
        _check_hashable(array, name)
    return _in_plain_type(array)


def kinds_of(labels: NDArray) -> set[str]:
    """The kinds of labels in an array, such as {"integer"} or {"integer", "string"}."""
    if labels.dtype != object:
        return {_kind_of(labels.dtype.type)} if len(labels) else set()
    return set(map(_kind_of, set(map(type, labels))))


def concatenate_labels(known: NDArray, labels: NDArray, is_new: NDArray[np.bool_], *, name: str) -> NDArray:
    """Known labels, followed by new ones.

    Raises
    ------
    TypeError
        If no label is of a kind that the known ones have, or if the known labels have one plain type and a new one does not:
        integers stay integers.
    """
    new = labels[is_new]
    if len(known) == 0:
        return new
    if known.dtype.kind == "i" and new.dtype.kind == "f" and (np.abs(new) < 2**53).all() and (new == np.floor(new)).all():
        new = new.astype(np.int64)  # a missing value elsewhere makes a column of integers float
    strange = kinds_of(new) - kinds_of(known)
    if strange and (known.dtype != object or strange == kinds_of(labels)):
        is_strange = [_kind_of(type(label)) in strange for label in as_list(new)]
        raise TypeError(_kind_error(name, known, new[is_strange]))
    parts = [known, new]
    if len({part.dtype == object for part in parts}) == 2:  # numpy would convert datetimes to numbers
        parts = [as_index(part).astype(object).to_numpy() for part in parts]
    return np.concatenate(parts)


def as_list(labels: NDArray) -> list:
    """The labels as Python or pandas objects. numpy's ``tolist`` would convert datetimes to numbers."""
    return as_index(labels).tolist()


def as_objects(labels: NDArray) -> NDArray:
    """A copy of the labels as an array of the objects of `as_list`."""
    return np.array(as_index(labels), dtype=object)


def _rank_integers(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], Codes]:
    """The distinct integers, ascending, and the code of each one, by a table of all integers in their range."""
    low, n = labels.min(), int(labels.max()) - int(labels.min()) + 1
    is_present = np.zeros(n, bool)
    for rows in blocks(len(labels), _BLOCK):
        is_present[labels[rows] - low] = True
    rank = np.cumsum(is_present, dtype=index_dtype(n)) - 1
    codes = np.empty(len(labels), rank.dtype)
    for rows in blocks(len(labels), _BLOCK):
        codes[rows] = rank[labels[rows] - low]
    return np.flatnonzero(is_present) + low, codes


def _kind_error(name: str, known: NDArray, labels: NDArray) -> str:
    known_label, label = (as_list(some[:1])[0] for some in (known, labels))
    return f"{name} must have labels like the known ones, such as {known_label!r}, got {label!r}"


def _kind_of(kind: type) -> str:
    return next((name for name, kinds in _KINDS if issubclass(kind, kinds)), kind.__name__)


def _from_sequence(labels: Any) -> NDArray:
    """An array of the same labels. numpy would convert [1, "a"] to strings."""
    holds_times = {type(label) for label in labels} in ({np.datetime64}, {np.timedelta64})
    return np.asarray(labels) if holds_times else np.fromiter(labels, dtype=object, count=len(labels))


def _from_plain_list(labels: list[Any]) -> NDArray | None:
    """The array of a list of Python integers or of strings, which need no checks. None for another list."""
    kinds = set(map(type, labels))
    if kinds == {str}:
        return np.fromiter(labels, dtype=object, count=len(labels))
    if kinds == {int}:
        with suppress(OverflowError):
            return np.array(labels, np.int64)
    return None


def _in_plain_type(labels: NDArray) -> NDArray:
    """Integers, floats and bools in numpy's widest type. Other labels are unchanged."""
    kinds = kinds_of(labels)
    if len(kinds) != 1 or not kinds <= _PLAIN_TYPES.keys():
        return labels if labels.dtype.isnative else labels.astype(labels.dtype.newbyteorder("="))
    if kinds == {"integer"} and not -_LARGEST - 1 <= labels.min() <= labels.max() <= _LARGEST:
        return _from_sequence(list(map(int, labels)))
    return labels.astype(_PLAIN_TYPES[kinds.pop()], copy=False)


def as_index(array: NDArray) -> pd.Index:
    """A pandas Index with the dtype of the array. pandas would convert objects to dates."""
    return pd.Index(array, dtype=array.dtype if array.dtype == object else None)


def _check_hashable(array: NDArray, name: str) -> None:
    for kind in set(map(type, array)):
        if kind.__hash__ is None:
            raise TypeError(f"{name} must be hashable labels, such as integers or strings, but one is a {kind.__name__}")
