"""Labels to codes and back."""

import datetime as dt
from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

_KINDS: tuple[tuple[str, Any], ...] = (
    ("bool", bool | np.bool_),
    ("timedelta", dt.timedelta | np.timedelta64),  # which numpy calls an integer
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
_KIN = {"integer": "number", "float": "number"}  # which are compared by value
_LARGEST = np.iinfo(np.int64).max


class IdEncoder:
    """A vocabulary: distinct labels, and the code (position) of each.

    Parameters
    ----------
    ids : array-like of shape (n,)
        Distinct labels: integers, strings, dates, UUIDs, or a mixture. The label at position ``c`` has code ``c``.
    name : str, default="ids"
        What to call the labels in error messages.

    Attributes
    ----------
    ids : array of shape (n,)
        The labels. Integers of any width are int64 where all of them fit.

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
    def learn(cls, labels: ArrayLike | pd.Categorical, *, name: str = "ids") -> tuple[Self, NDArray[np.int64]]:
        """Learn the vocabulary of some labels: sorted where they can be compared, else by first appearance.

        Returns
        -------
        encoder : IdEncoder
        codes : int64 array of shape (n,)
            The code of each of the given labels.
        """
        if isinstance(labels, pd.Categorical) and (labels.codes >= 0).all():
            present = pd.unique(labels.codes)
            encoder, codes = cls.learn(labels.categories[present], name=name)
            of_category = np.empty(len(labels.categories), np.int64)
            of_category[present] = codes
            return encoder, of_category[labels.codes]
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
        index, wanted = self._index, as_index(array)
        kinds = {index.dtype.kind, array.dtype.kind}
        if len(kinds) == 2 and "b" not in kinds:  # pandas would round large integers to floats, and take words for dates
            index, wanted = index.astype(object), wanted.astype(object)
        return index.get_indexer(wanted).astype(np.int64)

    def encode_same_kind(self, labels: ArrayLike, *, name: str) -> NDArray[np.int64]:
        """`encode`, and TypeError if no label is of a kind that the vocabulary has, such as strings among integers.

        Numbers are compared by value, so integers and floats count as one kind.
        """
        array = as_labels(labels, name=name)
        codes = self.encode(array, name=name)
        if (codes < 0).all():
            given, expected = ({_KIN.get(kind, kind) for kind in kinds_of(some)} for some in (array, self.ids))
            if given and expected and not given & expected:
                raise TypeError(_unlike(name, self.ids, array[:1]))
        return codes

    def decode(self, codes: ArrayLike) -> NDArray:
        """Labels of codes."""
        return self.ids[np.asarray(codes)]


def as_labels(labels: Any, *, name: str) -> NDArray:
    """A 1-D array of labels, none of them missing.

    Integers of any width are int64 if all of them fit, else Python's integers. Strings and mixtures are objects, so that 1
    stays 1.
    """
    if isinstance(labels, str | bytes | Mapping | set | frozenset) or not isinstance(labels, Iterable):
        raise TypeError(f"{name} must be a list or 1-D array of labels, got {labels!r}")
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
    """What an array of labels holds, such as {"integer"} or {"integer", "string"}."""
    if labels.dtype != object:
        return {_kind_of(labels.dtype.type)} if len(labels) else set()
    return set(map(_kind_of, set(map(type, labels))))


def concatenate_labels(known: NDArray, labels: NDArray, is_new: NDArray[np.bool_], *, name: str) -> NDArray:
    """A vocabulary followed by those of some labels that are new.

    Raises
    ------
    TypeError
        If none of the labels is of a kind that the known ones have, or a new one is not where the known ones are all of one
        plain type: integers stay integers.
    """
    new = labels[is_new]
    if len(known) == 0:
        return new
    if known.dtype.kind == "i" and new.dtype.kind == "f" and (np.abs(new) < 2**53).all() and (new == np.floor(new)).all():
        new = new.astype(np.int64)  # a gap elsewhere in a column makes floats of integers
    strange = kinds_of(new) - kinds_of(known)
    if strange and (known.dtype != object or strange == kinds_of(labels)):
        is_strange = [_kind_of(type(label)) in strange for label in as_list(new)]
        raise TypeError(_unlike(name, known, new[is_strange]))
    parts = [known, new]
    if len({part.dtype == object for part in parts}) == 2:  # numpy would turn datetimes into numbers
        parts = [as_index(part).astype(object).to_numpy() for part in parts]
    return np.concatenate(parts)


def as_list(labels: NDArray) -> list:
    """The labels as Python's or pandas' own objects: numpy's ``tolist`` turns datetimes into numbers."""
    return as_index(labels).tolist()


def as_objects(labels: NDArray) -> NDArray:
    """A copy of the labels as an array of the objects that `as_list` gives."""
    return np.array(as_index(labels), dtype=object)


def _unlike(name: str, known: NDArray, labels: NDArray) -> str:
    known_label, label = (as_list(some[:1])[0] for some in (known, labels))
    return f"{name} must have labels like those known, such as {known_label!r}, got {label!r}"


def _kind_of(kind: type) -> str:
    return next((name for name, kinds in _KINDS if issubclass(kind, kinds)), kind.__name__)


def _from_sequence(labels: Any) -> NDArray:
    """A list as an array of the same labels: numpy would turn [1, "a"] into strings."""
    is_of_times = {type(label) for label in labels} in ({np.datetime64}, {np.timedelta64})
    return np.asarray(labels) if is_of_times else np.fromiter(labels, dtype=object, count=len(labels))


def _in_plain_type(labels: NDArray) -> NDArray:
    """Integers, floats and bools in numpy's widest type, whatever type they came in; others as they are."""
    kinds = kinds_of(labels)
    if len(kinds) != 1 or not kinds <= _PLAIN_TYPES.keys():
        return labels if labels.dtype.isnative else labels.astype(labels.dtype.newbyteorder("="))
    if kinds == {"integer"} and not -_LARGEST - 1 <= labels.min() <= labels.max() <= _LARGEST:
        return _from_sequence(list(map(int, labels)))
    return labels.astype(_PLAIN_TYPES[kinds.pop()], copy=False)


def as_index(array: NDArray) -> pd.Index:
    """An index with the array's own type: pandas would guess that objects are dates."""
    return pd.Index(array, dtype=array.dtype if array.dtype == object else None)


def _check_hashable(array: NDArray, name: str) -> None:
    for kind in set(map(type, array)):
        if kind.__hash__ is None:
            raise TypeError(f"{name} must be hashable labels, such as integers or strings, but one is a {kind.__name__}")
