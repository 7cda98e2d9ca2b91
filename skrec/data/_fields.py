"""Conversion and checks of the fields of `Interactions`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int
from skrec.data._arrays import as_array, read_values, read_weights
from skrec.data._encoding import IdEncoder, as_labels
from skrec.data._features import read_features
from skrec.data._pairs import Codes, index_dtype
from skrec.data._times import Times, check_unit, read_times


def read_fields(
    *,
    users: Any,
    items: Any,
    values: Any,
    n_users: Any,
    n_items: Any,
    timestamps: Any,
    weights: Any,
    impressions: Any,
    user_ids: Any,
    item_ids: Any,
    user_features: Any,
    item_features: Any,
    timestamp_unit: Any,
    impression_ids: Any = None,
) -> dict[str, Any]:
    """Convert and check the fields. ``values``, ``n_users`` and ``n_items`` get defaults if None.

    Raises
    ------
    ValueError, TypeError
        If lengths differ, a code is not an integer or is out of range, or a value, weight or feature is not finite.
    """
    check_unit(timestamp_unit)
    users, items = read_codes(users, "users"), read_codes(items, "items")
    if len(users) != len(items):
        raise ValueError(f"users and items must have the same length, got {len(users)} and {len(items)}")
    n = len(users)
    vocabulary = read_vocabulary(users, items, n_users, n_items, user_ids, item_ids)
    times = Times(None, None)
    if timestamps is not None:
        times = read_times(timestamps, n_events=n, name="timestamps", unit=timestamp_unit)
    if impressions is not None:
        impressions = _read_impressions(impressions)
        if len(impressions) != n:
            raise ValueError(f"impressions must have the length of users, {n}, got {len(impressions)}")
    impression_ids = None if impressions is None else impression_ids
    if impression_ids is not None:
        impression_ids = as_labels(impression_ids, name="impression_ids")
        if len(impression_ids) <= impressions.max(initial=-1):
            raise ValueError(f"impression_ids must be a label for each number in impressions, got {len(impression_ids)} labels")
    codes = index_dtype(vocabulary["n_users"], vocabulary["n_items"])
    return {
        "users": users.astype(codes),
        "items": items.astype(codes),
        "values": np.ones(n, np.float32) if values is None else read_values(values, n_events=n, name="values"),
        "timestamps": times.numbers,
        "weights": None if weights is None else read_weights(weights, n_events=n, name="weights"),
        "impressions": impressions,
        "user_features": read_features(user_features, vocabulary["n_users"], "user"),
        "item_features": read_features(item_features, vocabulary["n_items"], "item"),
        "timestamp_unit": times.unit,
        "impression_ids": impression_ids,
        **vocabulary,
    }


def read_vocabulary(users: Codes, items: Codes, n_users: Any, n_items: Any, user_ids: Any, item_ids: Any) -> dict[str, Any]:
    """The checked fields ``n_users``, ``n_items``, ``user_ids`` and ``item_ids``."""
    user_ids = None if user_ids is None else IdEncoder(user_ids, name="user_ids").ids
    item_ids = None if item_ids is None else IdEncoder(item_ids, name="item_ids").ids
    n_users = read_axis_size("users", users, n_users, user_ids)
    n_items = read_axis_size("items", items, n_items, item_ids)
    if n_users * n_items >= 2**63:
        raise ValueError(
            f"n_users * n_items must be below 2**63, got {n_users} * {n_items}: codes are positions from 0. Pass other "
            "identifiers as labels to Interactions.from_frame"
        )
    return {"n_users": n_users, "n_items": n_items, "user_ids": user_ids, "item_ids": item_ids}


def read_codes(codes: ArrayLike, name: str) -> Codes:
    """Read non-negative integers below 2**63. The array may be the given one."""
    array = as_array(codes, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integer codes, got dtype {array.dtype}; pass labels to Interactions.from_frame")
    if array.size and (array.min() < 0 or array.max() >= 2**63):
        raise ValueError(f"{name} must be codes from 0, got {array.min() if array.min() < 0 else array.max()}")
    return array if array.size else np.empty(0, np.int64)


def _read_impressions(numbers: ArrayLike) -> NDArray[np.int64]:
    """Read non-negative integers, and -1 for NaN, None or -1, which mark events that belong to no impression."""
    array = as_array(numbers, "impressions")
    if array.ndim != 1:
        return read_codes(array, "impressions")
    present = np.flatnonzero(~pd.isna(array))
    given = as_labels(array[present], name="impressions")
    if given.dtype.kind == "f" and (given == np.floor(given)).all():
        given = given.astype(np.int64)
    if given.dtype.kind == "i":
        present, given = present[given != -1], given[given != -1]
    codes = np.full(len(array), -1, np.int64)
    codes[present] = read_codes(given, "impressions")
    return codes


def read_axis_size(axis: str, codes: Codes, size: int | None, ids: NDArray | None) -> int:
    """The number of users or items: as given, the number of labels, or the largest code plus 1."""
    largest = int(codes.max(initial=-1))
    if size is None:
        size = largest + 1 if ids is None else len(ids)
    size = check_int(size, f"n_{axis}", at_least=0)
    if ids is not None and len(ids) != size:
        raise ValueError(f"n_{axis} is {size} but there are {len(ids)} labels")
    if largest >= size:
        raise ValueError(f"{axis} has code {largest}, but n_{axis} is {size}")
    return size
