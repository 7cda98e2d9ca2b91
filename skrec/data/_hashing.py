"""Hashes of labels that depend on their values only."""

import datetime as dt
from math import isfinite
from numbers import Integral, Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data._encoding import as_labels


def hash_labels(labels: NDArray) -> NDArray[np.uint64]:
    """Hash each label by its value, independent of the type of the array and of the other labels.

    Equal labels have equal hashes: 7, 7.0 and an int32 of 7 have the same hash, and the text "7" has another. Hashes are the
    same in all processes.
    """
    labels = as_labels(labels, name="labels")
    if labels.dtype == np.int64 or set(map(type, labels)) == {str}:
        return pd.util.hash_array(labels, categorize=False)
    plain = list(map(_plain, pd.Index(labels, dtype=object)))
    types = np.array([type(label).__name__ for label in plain], dtype=object)
    hashes = np.empty(len(labels), np.uint64)
    for name, dtype in (("int", np.int64), ("float", np.float64), ("str", object), ("bytes", object)):
        members = np.flatnonzero(types == name)
        hashes[members] = pd.util.hash_array(np.fromiter((plain[i] for i in members), dtype, len(members)), categorize=False)
    return hashes


def splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of the SplitMix64 generator (Steele, Lea and Flood, 2014), a bijection that mixes all bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _plain(label: Any) -> int | float | str | bytes:
    """Convert equal labels to the same int, float, str or bytes."""
    if isinstance(label, str):
        return str(label)
    if isinstance(label, bytes):
        return bytes(label)
    if isinstance(label, dt.datetime):
        return pd.Timestamp(label).tz_convert("UTC").isoformat() if label.tzinfo else pd.Timestamp(label).isoformat()
    if isinstance(label, Number) and not isinstance(label, bool | np.bool_ | np.timedelta64 | complex):
        return _plain_number(label)
    return str(label)


def _plain_number(number: Any) -> int | float | str:
    if not isinstance(number, Integral) and not (isfinite(number) and number == int(number)):
        return float(number)
    return int(number) if -(2**63) <= number < 2**63 else str(int(number))
