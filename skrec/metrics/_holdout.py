"""Which test events are hidden from the model, with one rule for matrices, DataFrames and Interactions."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_flag
from skrec.data import Interactions, check_interactions, is_matrix
from skrec.data._callers import depth_of_caller
from skrec.data._hashing import hash_labels, splitmix64
from skrec.data._histories import slice_users
from skrec.data._ordering import warn_about_item_order
from skrec.data._vocabulary import decode
from skrec.metrics._estimators import Users, encode, known_items, known_users, read_traits
from skrec.metrics._ranking import are_stored

Mask = NDArray[np.bool_]


class CoverageWarning(UserWarning):
    """Warning that a score is based on a small part of the test data."""


class Coverage(NamedTuple):
    """The shares of the test data that a score is based on."""

    share_of_users_scored: float
    share_of_known_items: float
    share_of_repeats: float

    def check(self) -> None:
        """Warn if less than half of the users or items are covered."""
        if min(self.share_of_users_scored, self.share_of_known_items) < 0.5:
            _warn(
                f"{self.share_of_users_scored:.0%} of the users with relevant events in X could be scored, and "
                f"{self.share_of_known_items:.0%} of the scored events have items seen in training. Consider a shuffled "
                "split, as in KFold(shuffle=True), longer test histories, or test items from the training data"
            )

    def check_repeats(self) -> None:
        """Warn if at least half of the relevant events are repeats."""
        if self.share_of_repeats == 1:
            _warn(
                "all events in X repeat training pairs, so the lists include items seen in training. The score measures how "
                "well training data are reproduced, and not how well new items are found. Test on other pairs. RandomHoldout "
                "and train_test_split keep all events of a pair on one side"
            )
        elif self.share_of_repeats >= 0.5:
            _warn(
                f"{self.share_of_repeats:.0%} of the relevant events in X repeat pairs that the model was shown. They are left "
                "out of the score. Test on new pairs. RandomHoldout and train_test_split keep all events of a pair on one side"
            )


def _warn(message: str) -> None:
    warnings.warn(message, CoverageWarning, stacklevel=depth_of_caller())


class UserGroup(NamedTuple):
    """Users of one kind, known or new, and their relevant events."""

    query: Users  # labels of known users, or visible histories of new users
    users: NDArray  # labels in the test data
    codes: NDArray[np.int64]  # codes of known users in the model
    rows: NDArray[np.int64]  # position of the user of each relevant event, ascending
    columns: NDArray[np.int64]  # its item; items unknown to the model follow those of the catalog
    values: NDArray[np.float32]
    n_columns: int
    is_new: bool

    @property
    def are_new(self) -> Mask:
        """Whether each user is new, (n_users,)."""
        return np.full(len(self.users), self.is_new)

    @property
    def relevant(self) -> sp.csr_array:
        """A matrix with ones at the relevant pairs."""
        ones = np.ones(len(self.rows))
        pattern = sp.csr_array((ones, (self.rows, self.columns)), shape=(len(self.users), self.n_columns))
        pattern.data[:] = 1  # scipy sums repeated pairs
        return pattern

    @property
    def grades(self) -> sp.coo_array:
        """A matrix with the values of the relevant events. A pair may be stored several times."""
        return sp.coo_array(
            (self.values.astype(np.float64), (self.rows, self.columns)), shape=(len(self.users), self.n_columns)
        )

    def histories(self, seen: sp.csr_array) -> sp.csr_array:
        """The items of each user that the model was shown, (n_users, n_items): known users' rows of ``seen``, or histories."""
        shown = self.query(slice(0, len(self.users)))
        return shown.to_csr(duplicates="any") if isinstance(shown, Interactions) else seen[self.codes]


def _all_events(data: Interactions) -> Mask:
    """A mask that selects all events."""
    return np.ones(len(data), dtype=bool)


@dataclass(frozen=True, eq=False)
class Holdout:
    """Test events, and which of them are hidden from the model.

    Attributes
    ----------
    given, data : Interactions
        The events with the codes of X, and with the codes of the model.
    user_ids, item_ids : arrays of labels or None
        Labels of the model.
    known : bool array of shape (n_events,)
        Events of users with training events. All of these are hidden.
    rankable : bool array of shape (n_events,)
        Events with items that the model ranks.
    relevant : bool array of shape (n_events,)
        Relevant events.
    hidden : bool array of shape (n_events,)
        Hidden events.
    cut : str
        Description of what is hidden of users without training events.
    """

    given: Interactions
    data: Interactions
    user_ids: Any
    item_ids: Any
    known: Mask
    is_known_item: Mask
    relevant: Mask
    hidden: Mask
    cut: str

    @classmethod
    def of(cls, estimator: Any, X: Any, y: ArrayLike | None, is_relevant: Callable[[Interactions], Mask] = _all_events) -> Self:
        """Split the test data for a fitted estimator."""
        given = check_interactions(X, y)
        relevant = is_relevant(given)
        data, ordered = encode(estimator, X if is_matrix(X) else given), read_traits(estimator).ordered
        is_known_user = np.zeros(data.n_users, dtype=bool)
        is_known_user[: estimator.n_users_] = known_users(estimator)
        hidden = known = is_known_user[data.users]
        if not known.all():
            if ordered:
                warn_about_item_order(given[~known], from_matrix=is_matrix(X), model=type(estimator).__name__)
            hidden = known.copy()
            hidden[~known] = cut_histories(given[~known], ordered=ordered, relevant=relevant[~known])
        last = "the last relevant event and all later events"
        cut = last if ordered else "a fifth of the items, drawn by a hash of the history"
        is_known_item = (data.items >= 0) & known_items(estimator)[data.items]
        return cls(given, data, estimator.user_ids_, estimator.item_ids_, known, is_known_item, relevant, hidden, cut)

    def users_are(self, kind: str) -> Mask:
        """Which events are of users of a kind: "known", "new" or "all"."""
        return self.known if kind == "known" else ~self.known if kind == "new" else np.ones(len(self.known), bool)

    def repeats(self, seen: sp.csr_array) -> Mask:
        """Hidden events with a (user, item) pair that the model was shown, in training or in the visible part."""
        visible = self.given[~self.hidden].to_csr(duplicates="any")
        repeats, in_visible = training_repeats(self.data, seen), self.hidden & ~self.known
        repeats[in_visible] = are_stored(visible, self.given.users[in_visible], self.given.items[in_visible])
        return repeats

    def is_all_of(self, seen: sp.csr_array) -> bool:
        """Whether the events, which all repeat training pairs, contain all training pairs."""
        return len(np.unique(self.data.pair_keys)) == seen.nnz

    def coverage(self, target: Mask, relevant: Mask, repeats: Mask) -> Coverage:
        """The shares of users that can be scored, of relevant events with rankable items, and of repeats.

        Raises
        ------
        ValueError
            If nothing can be scored, or no relevant item is known.
        """
        if not relevant.any():
            raise ValueError(
                f"no user in X can be scored: {target.sum()} of {len(self.data)} events are relevant and do not repeat "
                "training events. Users without training events need at least two distinct items"
            )
        if self.data.items[relevant].max() < 0:
            raise ValueError(f"all items of the {relevant.sum()} relevant events in X are unknown to the model")
        n_scored, n_users = (np.count_nonzero(np.bincount(self.data.users[events])) for events in (relevant, target))
        coverage = Coverage(
            share_of_users_scored=float(n_scored / n_users),
            share_of_known_items=float(self.is_known_item[relevant].mean()),
            share_of_repeats=float(repeats[self.relevant].mean()),
        )
        coverage.check()
        return coverage

    def parts(self, relevant: Mask) -> list[UserGroup]:
        """The users with relevant events: users known to the model first, then new users."""
        parts = (self._part(relevant & self.known, new=False), self._part(relevant & ~self.known, new=True))
        return [part for part in parts if len(part.users)]

    def labels(self, users: NDArray[np.int64]) -> NDArray:
        """The labels of these users in X."""
        codes = self._given_codes(users)
        return codes if self.given.user_ids is None else self.given.user_ids[codes]

    def _given_codes(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        given_code = np.empty(self.data.n_users, dtype=np.int64)
        given_code[self.data.users] = self.given.users
        return given_code[users]

    def _part(self, relevant: Mask, *, new: bool) -> UserGroup:
        users, rows = np.unique(self.data.users[relevant], return_inverse=True)
        order = np.argsort(rows, kind="stable")
        items, given_items = self.data.items[relevant], self.given.items[relevant]
        return UserGroup(
            query=partial(slice_users, self._visible(users)) if new else decode(users, self.user_ids).__getitem__,
            users=self.labels(users),
            codes=users,
            rows=rows[order],
            columns=np.where(items >= 0, items, self.data.n_items + given_items)[order],
            values=self.data.values[relevant][order],
            n_columns=self.data.n_items + self.given.n_items,
            is_new=new,
        )

    def _visible(self, users: NDArray[np.int64]) -> Interactions:
        """The visible histories of new users, sorted by user, including users without visible events."""
        position = np.full(self.data.n_users, -1)
        position[users] = np.arange(len(users))
        rows = position[self.data.users]
        shown = np.flatnonzero(~self.hidden & (self.data.items >= 0) & (rows >= 0))
        features = None if self.given.user_features is None else self.given.user_features[self._given_codes(users)]
        events = self.data._replace(users=rows, n_users=len(users), user_ids=None, user_features=features)
        return events[shown[np.argsort(rows[shown], kind="stable")]]._replace(item_ids=self.item_ids, _origin="rows")


def training_repeats(data: Interactions, seen: sp.csr_array) -> Mask:
    """Whether each event, in the codes of a model, repeats a (user, item) pair stored in ``seen``."""
    repeats = np.zeros(len(data), dtype=bool)
    in_range = (data.users < seen.shape[0]) & (data.items >= 0)
    repeats[in_range] = are_stored(seen, data.users[in_range], data.items[in_range])
    return repeats


def cut_histories(data: Interactions, *, ordered: bool, relevant: Mask | None = None) -> Mask:
    """Choose the events of new users to hide.

    Parameters
    ----------
    data : Interactions
        Histories of the users.
    ordered : bool
        If True, hide the last relevant event of each user, by timestamp and row, and all later events. If False, hide about a
        fifth of the user's distinct items, at least one, with all their events.
    relevant : bool array of shape (n_events,), optional
        Relevant events, used if ``ordered`` is True. If None, all events are relevant.

    Returns
    -------
    bool array of shape (n_events,)
        True for hidden events. Nothing is hidden of users with fewer than two distinct items, and of users without visible
        events otherwise. If ``ordered`` is True, nothing is hidden of users without relevant events.

    Raises
    ------
    TypeError
        If ``data`` is not Interactions or ``ordered`` is not a bool.

    Notes
    -----
    If ``ordered`` is False, items are drawn by a hash of the set of items in the history. The hash uses labels if there are
    labels, and codes otherwise. Equal histories are cut in the same way, independent of the user, of the position in the data,
    and of the model, fold or process. Scores therefore do not depend on ``n_jobs``.

    Examples
    --------
    >>> plays = Interactions.from_arrays([0, 0, 0, 1], [3, 1, 2, 0], timestamps=[10, 30, 20, 10])
    >>> cut_histories(plays, ordered=True).tolist()
    [False, True, False, False]
    >>> int(cut_histories(plays, ordered=False).sum())
    1
    """
    if not isinstance(data, Interactions):
        raise TypeError(f"data must be Interactions, got {type(data).__name__}; use check_interactions for other tables")
    check_flag(ordered, "ordered")
    pairs, pair_of_event = np.unique(data.pair_keys, return_inverse=True)
    users, items = np.divmod(pairs, max(data.n_items, 1))
    n_distinct = np.bincount(users, minlength=data.n_users)
    if ordered:
        return _hide_from_last(data, _all_events(data) if relevant is None else relevant) & (n_distinct[data.users] >= 2)
    keys = _draw_keys(users, _item_hashes(data)[items], data.n_users)
    order = np.lexsort((keys, users))
    place = np.arange(len(pairs)) - (np.cumsum(n_distinct) - n_distinct)[users]
    n_hidden = np.where(n_distinct >= 2, np.maximum((n_distinct + 2) // 5, 1), 0)
    hidden = np.empty(len(pairs), dtype=bool)
    hidden[order] = place < n_hidden[users]
    return hidden[pair_of_event]


def _hide_from_last(data: Interactions, relevant: Mask) -> Mask:
    """Hide each user's last relevant event and all later events, unless nothing would be visible."""
    order = data.time_order()
    place, last = np.empty(len(data), np.int64), np.full(data.n_users, len(data))
    place[order] = np.arange(len(data))
    candidates = order[relevant[order]]
    last[data.users[candidates]] = place[candidates]  # the last assignment to each user remains
    hidden = place >= last[data.users]
    is_shown = np.bincount(data.users[~hidden], minlength=data.n_users) > 0
    return hidden & is_shown[data.users]


def _draw_keys(users: NDArray[np.int64], item_hashes: NDArray[np.uint64], n_users: int) -> NDArray[np.uint64]:
    """A key for each pair that depends on its item and on the set of the user's items. Keys of one user are distinct."""
    history = np.zeros(n_users, dtype=np.uint64)
    np.add.at(history, users, item_hashes)  # the sum does not depend on the order, and wraps around
    return splitmix64(item_hashes ^ splitmix64(history)[users])


def _item_hashes(data: Interactions) -> NDArray[np.uint64]:
    return splitmix64(np.arange(data.n_items, dtype=np.uint64) if data.item_ids is None else hash_labels(data.item_ids))
