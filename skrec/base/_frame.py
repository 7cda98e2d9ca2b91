"""The users and items that a model knows, and everything a user passes in put into their codes."""

import reprlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.data import IdEncoder, Interactions, append_events, check_interactions, is_matrix
from skrec.data._reading import as_array

Query = NDArray[np.int64] | Interactions
"""Codes of known users, or the histories of new ones (users coded from 0, events in order of users)."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The frame of the training data: sizes, and arrays of labels, or None where there are none."""

    n_users: int
    n_items: int
    user_ids: Any
    item_ids: Any
    model: str
    """Its class, for messages."""

    @cached_property
    def _users(self) -> IdEncoder:
        return IdEncoder(self.user_ids, name="user_ids")

    @cached_property
    def _items(self) -> IdEncoder:
        return IdEncoder(self.item_ids, name="item_ids")

    def recode(self, X: Any, y: ArrayLike | None = None, *, name: str) -> Interactions:
        """X in the model's codes: -1 for unknown items, codes from ``n_users`` for unknown users.

        Every row of a matrix is an unknown user: the position of a row does not say who it is.
        """
        data = check_interactions(X, y, name=name)
        items = self._item_codes(data, X, name)
        if is_matrix(X):
            return self._framed(data, data.users + self.n_users, items, self.n_users + data.n_users)
        if data.user_ids is self.user_ids:
            users = data.users
        else:
            _check_same_kind(data.user_ids, self.user_ids, "user", name)
            known = self._users.encode(data.user_ids)
            n_unknown = int((known < 0).sum())
            known[known < 0] = self.n_users + np.arange(n_unknown)
            users = known[data.users]
        return self._framed(data, users, items, max(self.n_users, int(users.max(initial=-1)) + 1))

    def extend(self, events: Interactions, X: Any, y: ArrayLike | None = None, *, name: str) -> Interactions:
        """The training events and then those of X, whose new users and items get codes of their own.

        The rows of a matrix are new users. Users and items may also come by their features alone, without events.
        """
        new = check_interactions(X, y, name=name)
        if len(new) == 0 and is_matrix(X):
            raise ValueError(f"{name} has no events: at least one stored (sparse) or non-zero (dense) entry is required")
        if is_matrix(X):
            self._check_width(new, name)
        for ids, own_ids, axis in ((new.user_ids, self.user_ids, "user"), (new.item_ids, self.item_ids, "item")):
            if (ids is None) != (own_ids is None):
                _check_same_kind(ids, own_ids, axis, name)
        return append_events(events, new, as_new_users=is_matrix(X), name=name)

    def histories(self, X: Any, *, name: str) -> tuple[Interactions, NDArray]:
        """Events of new users, of whom only X counts, in order of users; and the labels of these users.

        Asked for are the rows of a matrix, the users with events, or all whose features X has.
        """
        data = check_interactions(X, name=name)
        items = self._item_codes(data, X, name)
        if is_matrix(X):
            labels, rows = np.arange(data.n_users), data.users
        elif data.user_features is not None:
            labels, rows = decode(np.arange(data.n_users), data.user_ids), data.users
        else:
            present, rows = np.unique(data.users, return_inverse=True)
            labels = decode(present, data.user_ids)
        events = in_order_of_users(self._framed(data, rows, items, len(labels)))
        return replace(events, user_features=data.user_features), labels

    def query(self, users: Any, *, name: str) -> tuple[Query, NDArray]:
        """What was asked for, and the labels of its users: all known users, ids of some, or interactions of new ones."""
        if users is None or _are_labels(users):
            codes = np.arange(self.n_users) if users is None else self.user_codes(users, name=name)
            return codes, decode(codes, self.user_ids)
        return self.histories(users, name=name)

    def user_codes(self, labels: Any, *, name: str) -> NDArray[np.int64]:
        """Codes of labels of known users; ValueError for others."""
        hint = ". Reshape your data to a matrix if these are the values of a new user's row"
        return _known_codes(labels, None if self.user_ids is None else self._users, self.n_users, name, hint)

    def item_codes(self, labels: Any, *, name: str) -> NDArray[np.int64]:
        """Codes of labels of known items; ValueError for others."""
        return _known_codes(labels, None if self.item_ids is None else self._items, self.n_items, name)

    def _item_codes(self, data: Interactions, X: Any, name: str) -> NDArray[np.int64]:
        if is_matrix(X):
            self._check_width(data, name)
        if data.item_ids is self.item_ids:
            if data.n_items != self.n_items:
                raise ValueError(
                    f"{name} has a frame of {data.n_items} items, but the model was fitted with {self.n_items}: pass "
                    f"n_items={self.n_items} to Interactions.from_arrays"
                )
            return data.items
        _check_same_kind(data.item_ids, self.item_ids, "item", name)
        return self._items.encode(data.item_ids)[data.items]

    def _check_width(self, matrix: Interactions, name: str) -> None:
        if matrix.n_items != self.n_items:
            raise ValueError(
                f"{name} has {matrix.n_items} features, but {self.model} is expecting {self.n_items} features as input: one "
                "column for each item of the training data"
            )

    def _framed(self, data: Interactions, users: NDArray, items: NDArray, n_users: int) -> Interactions:
        return replace(
            data,
            users=users,
            items=items,
            n_users=n_users,
            n_items=self.n_items,
            user_ids=None,
            item_ids=self.item_ids,
            user_features=None,
            item_features=None,
        )


def in_order_of_users(data: Interactions) -> Interactions:
    """Events sorted by user, stable, without those of unknown items."""
    order = np.argsort(data.users, kind="stable")
    return data[order[data.items[order] >= 0]]


def take(query: Query, users: slice) -> Query:
    """A range of the users of a query."""
    if not isinstance(query, Interactions):
        return query[users]
    start, stop = np.searchsorted(query.users, [users.start, users.stop])
    part = query[start:stop]
    features = None if part.user_features is None else part.user_features[users]
    return replace(part, users=part.users - users.start, n_users=users.stop - users.start, user_features=features)


def take_some(histories: Interactions, users: NDArray[np.int64]) -> Interactions:
    """Some of the users of histories that are in order of users; ``users`` is ascending."""
    place = np.full(histories.n_users, -1)
    place[users] = np.arange(len(users))
    part = histories[place[histories.users] >= 0]
    features = None if part.user_features is None else part.user_features[users]
    return replace(part, users=place[part.users], n_users=len(users), user_features=features)


def size(query: Query) -> int:
    """How many users a query asks for."""
    return query.n_users if isinstance(query, Interactions) else len(query)


def decode(codes: NDArray[np.int64], ids: NDArray | None) -> NDArray:
    """Labels of codes: the codes themselves without a vocabulary; with one, None for -1."""
    if ids is None:
        return codes
    labels = ids[np.maximum(codes, 0)]
    if (codes < 0).any():
        labels = labels.astype(object)
        labels[codes < 0] = None
    return labels


def _check_same_kind(ids, own_ids, axis: str, name: str) -> None:
    if ids is None:
        raise ValueError(
            f"{name} has no labels for its {axis}s, but the model was fitted with labels: pass a DataFrame of events, or "
            f"give the labels, as in Interactions.from_csr(X, {axis}_ids=model.{axis}_ids_)"
        )
    if own_ids is None:
        raise ValueError(
            f"{name} has labels for its {axis}s, but the model was fitted without: pass a matrix or "
            "Interactions.from_arrays(users, items), whose codes are the positions in the training data"
        )


def _are_labels(users: Any) -> bool:
    if not is_matrix(users) or sp.issparse(users):
        return False
    if isinstance(users, list | tuple):
        return not any(isinstance(user, list | tuple | np.ndarray) for user in users)
    return (users if hasattr(users, "ndim") else np.asarray(users)).ndim < 2


def _known_codes(labels: Any, encoder: IdEncoder | None, n: int, name: str, hint: str = "") -> NDArray[np.int64]:
    if sp.issparse(labels) or isinstance(labels, Interactions):
        raise TypeError(f"{name} must be a label or a list or 1-D array of labels, got {type(labels).__name__}")
    if isinstance(labels, str | bytes) or not hasattr(labels, "__len__"):
        labels = [labels]
    elif isinstance(labels, np.ndarray):
        labels = np.atleast_1d(labels)
    if len(labels) == 0:
        return np.empty(0, np.int64)
    if encoder is not None:
        codes = encoder.encode(labels, name=name)
        if (codes < 0).any():
            unknown = [label for label, code in zip(labels, codes, strict=True) if code < 0]
            raise ValueError(f"{name} holds labels that the model does not know: {unknown[:5]}, {len(unknown)} in all")
        return codes
    codes = as_array(labels, name)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be integer codes, since the model was fitted without labels, got {reprlib.repr(labels)}{hint}"
        )
    if codes.min() < 0 or codes.max() >= n:
        raise ValueError(f"{name} must be codes in 0..{n - 1}, got {codes[(codes < 0) | (codes >= n)][0]}")
    return codes.astype(np.int64)
