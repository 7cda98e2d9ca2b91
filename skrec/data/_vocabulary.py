"""The users and items of the training data, and their codes for any input."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.data._appending import append_events
from skrec.data._canonical import check_interactions, is_matrix
from skrec.data._encoding import IdEncoder, as_labels, as_list, as_objects, kinds_of
from skrec.data._histories import sort_by_user
from skrec.data._interactions import Interactions
from skrec.data._unknown import UnknownItemError, UnknownUserError, check_known


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The users and items that a model knows.

    Parameters
    ----------
    n_users, n_items : int
        Number of users and items.
    user_ids, item_ids : arrays of labels of shape (n_users,) and (n_items,), or None
        If None, the codes are the labels.
    model : str
        Name of the class of the model, for messages.
    """

    n_users: int
    n_items: int
    user_ids: Any
    item_ids: Any
    model: str

    @property
    def _users(self) -> IdEncoder:
        return self._encoder("user_ids")

    @property
    def _items(self) -> IdEncoder:
        return self._encoder("item_ids")

    def _encoder(self, name: str) -> IdEncoder:
        """The encoder of some labels, created on first use.

        `cached_property` is not used, since it has a lock in Python 3.11, which a forked child could inherit in the locked
        state.
        """
        made = self.__dict__.setdefault("_encoders", {})
        if name not in made:
            made[name] = IdEncoder(getattr(self, name), name=name)
        return made[name]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_encoders"}

    def recode(self, X: Any, y: ArrayLike | None = None, *, name: str) -> Interactions:
        """Convert X to the model's codes: -1 for unknown items, and codes from ``n_users`` for unknown users.

        Each row of a matrix is an unknown user, since its position does not identify a user.
        """
        data = check_interactions(X, y, name=name)
        items = self._item_codes(data, X, name)
        if is_matrix(X):
            return self._in_codes(data, data.users.astype(np.int64) + self.n_users, items, self.n_users + data.n_users)
        if data.user_ids is self.user_ids:
            users = data.users
        else:
            _check_both_labelled(data.user_ids, self.user_ids, "user", name)
            known = self._users.encode_same_kind(data.user_ids, name=f"the users of {name}")
            n_unknown = int((known < 0).sum())
            known[known < 0] = self.n_users + np.arange(n_unknown)
            users = known[data.users]
        return self._in_codes(data, users, items, max(self.n_users, int(users.max(initial=-1)) + 1))

    def extend(self, events: Interactions, X: Any, y: ArrayLike | None = None, *, name: str) -> Interactions:
        """Append the events of X to the training events. New users and items get the next codes.

        The rows of a matrix are new users. X may also contain users and items with features and without events.
        """
        new = check_interactions(X, y, name=name)
        if len(new) == 0 and is_matrix(X):
            raise ValueError(f"{name} has no events: at least one stored (sparse) or non-zero (dense) entry is required")
        if is_matrix(X):
            self._check_width(new, name)
        for ids, own_ids, axis in ((new.user_ids, self.user_ids, "user"), (new.item_ids, self.item_ids, "item")):
            if (ids is None) != (own_ids is None):
                _check_both_labelled(ids, own_ids, axis, name)
        return append_events(events, new, as_new_users=is_matrix(X), name=name)

    def histories(self, X: Any, *, name: str) -> tuple[Interactions, NDArray]:
        """The events of new users, sorted by user, and the labels of these users.

        The users are all rows of a matrix, all users of X if it has their features or no events, and the users with events
        otherwise.
        """
        has_no_events = isinstance(X, Interactions) and len(X) == 0 < X.n_users and X._origin != "some events"
        data = X if has_no_events else check_interactions(X, name=name)
        items = self._item_codes(data, X, name)
        if is_matrix(X):
            labels, rows = np.arange(data.n_users), data.users
        elif data.user_features is not None or data._origin == "rows" or has_no_events:
            labels, rows = decode(np.arange(data.n_users), data.user_ids), data.users
        else:
            present, rows = np.unique(data.users, return_inverse=True)
            labels = decode(present, data.user_ids)
        events = sort_by_user(self._in_codes(data, rows, items, len(labels)))
        return events._replace(user_features=data.user_features), labels

    def without_events(self, n_users: int) -> Interactions:
        """The histories of new users without events."""
        nothing = Interactions.from_arrays([], [], n_users=n_users, n_items=self.n_items)
        return nothing._replace(item_ids=self.item_ids)

    def find_users(self, labels: NDArray, *, name: str) -> NDArray[np.int64]:
        """Codes of user labels, -1 if unknown. Raise TypeError if no label is of the kind of the known ones."""
        hint = ". Reshape your data to a matrix if these are the values of a new user's row"
        return _find(labels, None if self.user_ids is None else self._users, self.n_users, name, hint)

    def find_items(self, labels: NDArray, *, name: str) -> NDArray[np.int64]:
        """Codes of item labels, as in `find_users`."""
        return _find(labels, None if self.item_ids is None else self._items, self.n_items, name)

    def user_codes(self, labels: Any, *, name: str) -> NDArray[np.int64]:
        """Codes of user labels. Raise UnknownUserError if one is unknown."""
        labels = read_labels(labels, name)
        codes = self.find_users(labels, name=name)
        self.check_known_users(codes, labels, name=name)
        return codes

    def check_known_users(self, codes: NDArray[np.int64], labels: NDArray, *, name: str) -> None:
        """Raise UnknownUserError if a code is -1."""
        check_known(labels[codes < 0], UnknownUserError, name, self.n_users if self.user_ids is None else None)

    def item_codes(self, labels: Any, *, name: str) -> NDArray[np.int64]:
        """Codes of item labels. Raise UnknownItemError if one is unknown."""
        labels = read_labels(labels, name)
        codes = self.find_items(labels, name=name)
        self.check_known_items(codes, labels, name=name)
        return codes

    def check_known_items(self, codes: NDArray[np.int64], labels: NDArray, *, name: str) -> None:
        """Raise UnknownItemError if a code is -1."""
        check_known(labels[codes < 0], UnknownItemError, name, self.n_items if self.item_ids is None else None)

    def _item_codes(self, data: Interactions, X: Any, name: str) -> NDArray[np.int64]:
        if is_matrix(X):
            self._check_width(data, name)
        if data.item_ids is self.item_ids:
            if data.n_items != self.n_items:
                raise ValueError(
                    f"{name} has n_items={data.n_items}, but the model was fitted with {self.n_items} items: pass "
                    f"n_items={self.n_items} to Interactions.from_arrays"
                )
            return data.items
        _check_both_labelled(data.item_ids, self.item_ids, "item", name)
        return self._items.encode_same_kind(data.item_ids, name=f"the items of {name}")[data.items]

    def _check_width(self, matrix: Interactions, name: str) -> None:
        if matrix.n_items != self.n_items:
            raise ValueError(
                f"{name} has {matrix.n_items} features, but {self.model} is expecting {self.n_items} features as input: one "
                "column for each item of the training data"
            )

    def _in_codes(self, data: Interactions, users: NDArray, items: NDArray, n_users: int) -> Interactions:
        return data._replace(  # int64, so that keys of pairs do not overflow
            users=users.astype(np.int64, copy=False),
            items=items.astype(np.int64, copy=False),
            n_users=n_users,
            n_items=self.n_items,
            user_ids=None,
            item_ids=self.item_ids,
            user_features=None,
            item_features=None,
        )


def decode(codes: NDArray[np.int64], ids: NDArray | None) -> NDArray:
    """Labels of codes. If there are no labels, the codes. Otherwise None for code -1."""
    if ids is None:
        return codes.astype(np.int64, copy=False)
    labels = ids[np.maximum(codes, 0)]
    if (codes < 0).any():
        labels = as_objects(labels.ravel()).reshape(codes.shape)
        labels[codes < 0] = None
    return labels


def first_label(ids: NDArray | None) -> NDArray | None:
    """The first label, shape (1,), or None if there are no labels."""
    return None if ids is None else ids[:1]


def _check_both_labelled(ids, own_ids, axis: str, name: str) -> None:
    if ids is None:
        raise ValueError(
            f"{name} has no labels for its {axis}s, but the model was fitted with labels: pass a DataFrame of events, or "
            f"pass the labels, as in Interactions.from_csr(X, {axis}_ids=model.{axis}_ids_)"
        )
    if own_ids is None:
        raise ValueError(
            f"{name} has labels for its {axis}s, but the model was fitted without: pass a matrix or "
            "Interactions.from_arrays(users, items), whose codes are the positions in the training data"
        )


def are_labels(users: Any) -> bool:
    """Whether the argument ``users`` contains labels of known users and not interactions of new ones."""
    if not is_matrix(users) or sp.issparse(users):
        return False
    if isinstance(users, list | tuple):
        return not any(isinstance(user, list | tuple | np.ndarray) for user in users)
    return (users if hasattr(users, "ndim") else np.asarray(users)).ndim < 2


def read_labels(labels: Any, name: str) -> NDArray:
    """Convert a label, or an array, list, set or generator of labels, to an array."""
    if sp.issparse(labels) or isinstance(labels, Interactions):
        raise TypeError(f"{name} must be a label or a list or 1-D array of labels, got {type(labels).__name__}")
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        labels = [labels]
    elif isinstance(labels, np.ndarray):
        labels = np.atleast_1d(labels)
    elif isinstance(labels, set | frozenset):
        labels = list(labels)
    return as_labels(labels, name=name)


def _find(labels: NDArray, encoder: IdEncoder | None, n: int, name: str, hint: str = "") -> NDArray[np.int64]:
    if encoder is not None:
        return encoder.encode_same_kind(labels, name=name)
    if kinds_of(labels) - {"integer"}:
        given = reprlib.repr(as_list(labels))
        raise ValueError(f"{name} must be integer codes, since the model was fitted without labels, got {given}{hint}")
    codes, inside = np.full(len(labels), -1), (labels >= 0) & (labels < n)
    codes[inside] = labels[inside]
    return codes
