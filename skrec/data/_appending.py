"""Append events to a data set that already has codes and labels."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data._encoding import IdEncoder, as_objects, concatenate_labels
from skrec.data._interactions import Interactions

_COLUMNS = {"timestamps": "", "impressions": "; a missing label or -1 marks an event that belongs to no impression"}


def append_events(known: Interactions, new: Interactions, *, as_new_users: bool, name: str = "X") -> Interactions:
    """Append new events to known ones.

    Known users and items keep their codes. New labels get the next codes.

    Parameters
    ----------
    known, new : Interactions
        Either both or neither must have labels for users, and likewise for items. Without labels, equal codes are the same user
        or item.
    as_new_users : bool
        If True, the users of ``new`` are different from those of ``known``. Used for matrices, which have no user labels.
    name : str, default="X"
        Name of ``new`` in error messages.

    Returns
    -------
    Interactions
        The events of both, the known ones first.

    Raises
    ------
    ValueError, TypeError
        If only one of the two has timestamps or impressions, if timestamps are in different units, or if labels are of
        different kinds. ``new`` needs neither timestamps nor impressions if it has no events.
    """
    if as_new_users:
        new = new._replace(users=new.users.astype(np.int64) + known.n_users, n_users=known.n_users + new.n_users)
    user_ids, users = _joint_codes(known.user_ids, known.n_users, new.user_ids, new.n_users, f"users of {name}")
    item_ids, items = _joint_codes(known.item_ids, known.n_items, new.item_ids, new.n_items, f"items of {name}")
    n_users, n_items = max(known.n_users, users.max(initial=-1) + 1), max(known.n_items, items.max(initial=-1) + 1)
    later = new._replace(users=users[new.users], items=items[new.items], impressions=_later_impressions(known, new))
    _check_columns(known, new, name)
    together = known._followed_by(later) if len(new) else known
    return together._replace(
        impression_ids=_impression_ids(known, new),
        n_users=int(n_users),
        n_items=int(n_items),
        user_ids=user_ids,
        item_ids=item_ids,
        user_features=_features(known.user_features, new.user_features, users, int(n_users), "user", name),
        item_features=_features(known.item_features, new.item_features, items, int(n_items), "item", name),
    )


def _joint_codes(known_ids: Any, n_known: int, ids: Any, n: int, what: str) -> tuple[Any, NDArray[np.int64]]:
    """The joint labels, and the joint code of each code of the new events."""
    if (known_ids is None) != (ids is None):
        raise ValueError(f"the {what} must have labels if and only if the known ones have")
    if known_ids is None or known_ids is ids:
        return known_ids, np.arange(n)
    codes = IdEncoder(known_ids).encode(ids)
    is_new = codes < 0
    if not is_new.any():
        return known_ids, codes
    codes[is_new] = n_known + np.arange(is_new.sum())
    return concatenate_labels(known_ids, ids, is_new, name=f"the {what}"), codes


def _check_columns(known: Interactions, new: Interactions, name: str) -> None:
    """Check that both or neither have timestamps and impressions, and that the units of time agree."""
    check_same_unit(known, new, name)
    for column, hint in _COLUMNS.items():
        before, after = getattr(known, column), getattr(new, column)
        if len(new) and (before is None) != (after is None):
            has, lacks = ("the known events have", name) if after is None else (f"{name} has", "the known events")
            raise ValueError(f"{has} {column}, but {lacks} {'has' if after is None else 'have'} none{hint}")


def check_same_unit(known: Interactions, new: Interactions, name: str, *, known_name: str = "the known events") -> None:
    """Raise ValueError if timestamps are microseconds since 1970 in one and of an unknown unit in the other."""
    both_have = known.timestamps is not None and new.timestamps is not None
    if both_have and len(new) and known.timestamp_unit != new.timestamp_unit:
        raise ValueError(
            f"timestamps of {name} are {_unit(new)}, but those of {known_name} are {_unit(known)}: pass datetimes in both, or "
            "set the unit of the numbers, as in Interactions.from_frame(df, timestamp_unit='s')"
        )


def _unit(data: Interactions) -> str:
    return "whole numbers of an unknown unit" if data.timestamp_unit is None else "datetimes, in microseconds since 1970"


def _later_impressions(known: Interactions, new: Interactions) -> NDArray | None:
    """Impression numbers of the new events, offset so that they differ from the known ones."""
    if known.impressions is None or new.impressions is None:
        return new.impressions
    return np.where(new.impressions < 0, new.impressions, new.impressions + _n_impressions(known))


def _n_impressions(data: Interactions) -> int:
    """An upper bound on the impression numbers."""
    if data.impression_ids is not None:
        return len(data.impression_ids)
    return 0 if data.impressions is None else int(data.impressions.max(initial=-1)) + 1


def _impression_ids(known: Interactions, new: Interactions) -> NDArray | None:
    """The impression labels of both. Impressions without labels are labeled by their number."""
    if len(new) == 0 or (known.impression_ids is None and new.impression_ids is None):
        return known.impression_ids
    labels = [np.arange(_n_impressions(part)) if part.impression_ids is None else part.impression_ids for part in (known, new)]
    return np.concatenate([as_objects(part) for part in labels])


def _features(known: Any, new: Any, codes: NDArray[np.int64], n: int, axis: str, name: str) -> Any:
    """One row of features for each code: the known rows, and rows of the new events for new codes."""
    if known is None and new is None:
        return None
    if known is None or (n > known.shape[0] and new is None):
        has, lacks = ("the known events have", name) if new is None else (f"{name} has", "the known events")
        raise ValueError(f"{has} {axis}_features, but {lacks} {'has' if new is None else 'have'} none")
    rows = np.flatnonzero(codes >= known.shape[0])
    if len(rows) == 0:
        return known
    if sp.issparse(known) != sp.issparse(new) or known.shape[1] != new.shape[1]:
        raise ValueError(f"{axis}_features of {name} must be like the known ones, {_describe(known)}, got {_describe(new)}")
    return sp.vstack([known, new[rows]], format="csr") if sp.issparse(known) else np.vstack([known, new[rows]])


def _describe(features: Any) -> str:
    return f"a {'sparse matrix' if sp.issparse(features) else 'dense array'} with {features.shape[1]} columns"
