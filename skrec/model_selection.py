"""Splitters for recommenders, usable as ``cv`` in scikit-learn, and the once-only split of a data set.

They split *events*: Interactions, or the rows of a DataFrame with the columns ``user``, ``item`` and, where time
matters, ``timestamp``. What each of them lets the model know:

* `TemporalSplit`: one moment for everybody. Nothing of the future leaks into training.
* `LeaveLastOut`: each user's last events. Other users' events from after that moment are in the training part, so an
  item's future popularity leaks; published results for next-item models nevertheless use it.
* `RandomHoldout`: random events. A user's own later events help to guess the earlier ones.
* `UserKFold`: whole users, as new ones. Their past is only seen by fold-in.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import _safe_indexing

from skrec._checks import check_choice, check_flag, check_fraction, check_int
from skrec.data import Interactions, check_interactions, is_matrix
from skrec.data._dates import ascending_times, check_duration, duration_in_unit, read_time_points
from skrec.data._random import as_generator
from skrec.data._splitting import (
    core_events,
    data_times,
    drop_unused_codes,
    hold_out_events,
    hold_out_last,
    hold_out_latest,
    hold_out_users,
    split_at_times,
    window_starts,
)

__all__ = ["LeaveLastOut", "RandomHoldout", "TemporalSplit", "UserKFold", "k_core", "train_test_split"]

Events = TypeVar("Events")
Seed = int | np.random.Generator | None
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


class _Splitter(BaseCrossValidator):
    """Yields positions for the masks that a splitter makes."""

    n_splits = 1

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of splits. The arguments are there for scikit-learn and not looked at."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Positions, Positions]]:
        """Yield the positions of training and of test events, each ascending.

        Parameters
        ----------
        X : Interactions, or DataFrame (pandas, polars, pyarrow) of events
        y, groups : object
            Ignored.

        Yields
        ------
        train, test : int64 arrays

        Raises
        ------
        ValueError
            If X is a matrix, whose rows are users and not events (`UserKFold` alone takes one), or cannot be split as
            asked for.
        """
        for train, test in self._masks(X):
            yield np.flatnonzero(train), np.flatnonzero(test)

    @abstractmethod
    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        """Yield which events are for training and which for testing."""


class TemporalSplit(_Splitter):
    """Train before a moment, test from it on, the same moment for all users.

    The one split without leaks in time: no training event is as late as any test event. The moments are given (``at``), or
    such that each test window holds a fraction of the events. The test window of one moment ends where that of the next
    begins, and the last one with the data; the training part grows from moment to moment (an expanding window), unless
    ``train_window`` makes it a rolling one.

    Parameters
    ----------
    n_splits : int, default=None
        If None, one, or as many as there are moments in ``at``.
    test_size : float, default=None
        The part of *all* events in each test window, which follow one another up to the end of the data. Events that share
        the timestamp at which a window begins all belong to that window, so its share is exact only up to ties. If None, 0.2,
        or without meaning where ``at`` is given.
    at : int, str, date, datetime, or list of these, default=None
        The moment at which the test part begins, or several in ascending order, one for each split. Whole numbers are in the
        unit of the timestamps. Dates, also as text (``"2026-01-31"``), are midnight, and UTC if they name no zone; they need
        timestamps of a known unit, see ``timestamp_unit`` of `Interactions`.
    train_window, test_window : int, str or timedelta, default=None
        How long before the moment training begins, and how long after it the test part ends at the latest: a timedelta, a text
        such as ``"30D"``, or a whole number in the unit of the timestamps. If None, there is no such limit.

    Raises
    ------
    TypeError, ValueError
        From the constructor, if an argument is out of range, or ``at`` is given together with ``test_size`` or another
        ``n_splits``. From ``split``, if X has no timestamps or none of a known unit where dates need one, or a training or test
        part has no events, as where ``at`` lies outside the data.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : the same idea by position, for rows that are already in order.

    Examples
    --------
    >>> from skrec.data import Interactions
    >>> events = Interactions.from_arrays([0, 1, 0, 1, 0], [0, 1, 2, 3, 4], timestamps=[10, 20, 30, 40, 50])
    >>> for train, test in TemporalSplit(n_splits=2).split(events):
    ...     print(train, test)
    [0 1 2] [3]
    [0 1 2 3] [4]
    >>> for train, test in TemporalSplit(at=[30, 50], train_window=20).split(events):
    ...     print(train, test)
    [0 1] [2 3]
    [2 3] [4]
    """

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        test_size: float | None = None,
        at: Any = None,
        train_window: Any = None,
        test_window: Any = None,
    ):
        n_moments = 1 if at is None else len(read_time_points(at, "at"))
        self.n_splits = n_moments if n_splits is None else check_int(n_splits, "n_splits", at_least=1)
        self.test_size: Any = 0.2 if test_size is None and at is None else test_size
        self.at, self.train_window, self.test_window = at, train_window, test_window
        if at is None and self.n_splits * check_fraction(self.test_size, "test_size") >= 1:
            raise ValueError(
                f"n_splits * test_size must be below 1 to leave a training part, got {self.n_splits} * {self.test_size}"
            )
        if at is not None and (self.n_splits != n_moments or test_size is not None):
            raise ValueError(
                f"at needs n_splits=None, or {n_moments}, its number of moments, and test_size=None, got "
                f"n_splits={n_splits!r} and test_size={test_size!r}"
            )
        for name, window in (("train_window", train_window), ("test_window", test_window)):
            check_duration(window, name)

    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        events = _events(X)
        times, unit = data_times(events), events.timestamp_unit
        train_window = duration_in_unit(unit, self.train_window, "train_window")
        test_window = duration_in_unit(unit, self.test_window, "test_window")
        if self.at is None:
            starts = window_starts(events, self.test_size, self.n_splits).tolist()
        else:
            starts = ascending_times(self.at, unit, "at")
        return split_at_times(times, starts, unit, train_window=train_window, test_window=test_window)


class LeaveLastOut(_Splitter):
    """Test on the last ``n`` events of each user, by (timestamp, original row).

    Equal timestamps keep the order of the rows; without timestamps that order counts alone. (A matrix has no times: in
    ``Interactions.from_csr(X)`` a user's last event is only the one in the last column.) Users with ``n`` events or
    fewer are in the training part only. For a validation and a test event apply it twice.

    This split leaks across users: the training part holds events of other users that happened after a test event. Where
    users repeat items, a test pair may also occur in training, and a scorer that hides the user's past cannot find it.
    `TemporalSplit` has no leak of the first kind.

    Parameters
    ----------
    n : int, default=1

    Examples
    --------
    >>> from skrec.data import Interactions
    >>> events = Interactions.from_arrays([0, 0, 1, 0], [0, 1, 2, 3], timestamps=[30, 10, 10, 20])
    >>> [(train.tolist(), test.tolist()) for train, test in LeaveLastOut().split(events)]
    [([1, 2, 3], [0])]
    """

    def __init__(self, n: int = 1):
        self.n = check_int(n, "n", at_least=1)

    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        test = hold_out_last(_events(X), self.n)
        yield ~test, test


class RandomHoldout(_Splitter):
    """Test on random events, drawn anew for each split.

    All events of one (user, item) pair are on one side: a repeat in training would give the test event away. (KFold and
    ShuffleSplit of scikit-learn part them.) Time is not looked at, so training holds events later than those tested.

    Parameters
    ----------
    test_size : float, default=0.2
        The part of the distinct pairs, between 0 and 1, both excluded. Each side gets at least one.
    n_splits : int, default=1
    random_state : int, Generator, RandomState or None, default=None
        With an int, every call of ``split`` yields the same.

    Examples
    --------
    >>> from skrec.data import Interactions
    >>> events = Interactions.from_arrays([0, 0, 0, 1], [5, 5, 6, 6])
    >>> [(train, test)] = RandomHoldout(0.3, random_state=0).split(events)
    >>> len(train) + len(test), set(events.pair_keys[train].tolist()) & set(events.pair_keys[test].tolist())
    (4, set())
    """

    def __init__(self, test_size: float = 0.2, *, n_splits: int = 1, random_state: Seed = None):
        self.test_size = check_fraction(test_size, "test_size")
        self.n_splits = check_int(n_splits, "n_splits", at_least=1)
        self.random_state = random_state

    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        events, rng = _events(X), as_generator(self.random_state)
        for _ in range(self.n_splits):
            test = hold_out_events(events, self.test_size, rng)
            yield ~test, test


class UserKFold(_Splitter):
    """K folds of users: all events of a user are on one side, and every user is tested once.

    What it measures is how a model serves people it has never seen. A matrix is split too: its rows are the users, as
    in scikit-learn's KFold.

    Parameters
    ----------
    n_splits : int, default=5
        At least 2. Folds differ by one user at most, not in the number of events.
    shuffle : bool, default=True
        Draw the folds; otherwise they are blocks of users in order of their codes (rows).
    random_state : int, Generator, RandomState or None, default=None
        Used with ``shuffle``. With an int, every call of ``split`` yields the same.

    Raises
    ------
    ValueError
        From ``split``, if there are fewer users than folds.

    Examples
    --------
    >>> from skrec.data import Interactions
    >>> events = Interactions.from_arrays([0, 1, 0, 2], [0, 1, 2, 3])
    >>> for train, test in UserKFold(3, shuffle=False).split(events):
    ...     print(train, test)
    [1 3] [0 2]
    [0 2 3] [1]
    [0 1 2] [3]
    """

    def __init__(self, n_splits: int = 5, *, shuffle: bool = True, random_state: Seed = None):
        check_flag(shuffle, "shuffle")
        self.n_splits = check_int(n_splits, "n_splits", at_least=2)
        self.shuffle = shuffle
        self.random_state = random_state

    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        data = check_interactions(X)
        owner = np.arange(data.n_users) if is_matrix(X) else np.unique(data.users, return_inverse=True)[1]
        n_users = int(owner.max()) + 1
        if n_users < self.n_splits:
            raise ValueError(f"n_splits={self.n_splits} is more than the number of users in X, {n_users}")
        users = as_generator(self.random_state).permutation(n_users) if self.shuffle else np.arange(n_users)
        for fold in np.array_split(users, self.n_splits):
            tested = np.zeros(n_users, dtype=bool)
            tested[fold] = True
            yield ~tested[owner], tested[owner]


def train_test_split(
    X: Events,
    *,
    test_size: float | None = None,
    by: Literal["random", "time", "last", "user"] = "random",
    at: Any = None,
    random_state: Seed = None,
) -> tuple[Events, Events]:
    """Split events once, into two containers of the type of X.

    Parameters
    ----------
    X : Interactions, or DataFrame (pandas, polars, pyarrow) of events
    test_size : float or int, optional
        A fraction of the distinct pairs (``by="random"``), the events ("time") or the users ("user"); default 0.2. With
        ``by="last"`` the number of events of each user; default 1. Not with ``at``.
    by : {"random", "time", "last", "user"}, default="random"
        As `RandomHoldout`, `TemporalSplit` (the only one that leaks nothing of the future), `LeaveLastOut` (leaks
        across users), or whole users as in `UserKFold`.
    at : int, str, date or datetime, optional
        With ``by="time"``, the moment at which the test part begins; see `TemporalSplit`.
    random_state : int, Generator, RandomState or None, default=None
        Used by "random" and "user".

    Returns
    -------
    train, test : of the type of X
        Events in their original order; Interactions keep the frame (all users and items).

    Raises
    ------
    ValueError
        If X is a matrix, an argument is out of range, a side would be empty, or times are needed and missing.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"user": ["a", "b", "a"], "item": ["x", "x", "y"], "timestamp": [3, 1, 2]})
    >>> train, test = train_test_split(df, by="time")
    >>> test.to_dict("records")
    [{'user': 'a', 'item': 'x', 'timestamp': 3}]
    """
    check_choice(by, "by", ("random", "time", "last", "user"))
    if at is not None and (by != "time" or test_size is not None):
        raise ValueError(f"at needs by='time' and no test_size, got by={by!r} and test_size={test_size!r}")
    test = _held_out(_events(X), by, test_size, random_state) if at is None else next(TemporalSplit(1, at=at)._masks(X))[1]
    return _rows(X, ~test), _rows(X, test)


def _held_out(events: Interactions, by: str, test_size: float | None, random_state: Seed) -> Mask:
    if by == "last":
        return hold_out_last(events, 1 if test_size is None else check_int(test_size, "test_size with by='last'", at_least=1))
    fraction = 0.2 if test_size is None else check_fraction(test_size, "test_size")
    if by == "time":
        return hold_out_latest(events, fraction)
    hold_out = hold_out_events if by == "random" else hold_out_users
    return hold_out(events, fraction, as_generator(random_state))


def k_core(X: Events, *, user: int = 5, item: int = 5) -> Events:
    """Keep the users with at least ``user`` items and the items with at least ``item`` users, until all of them are so.

    Dropping an item may leave a user short, and so on: what remains is the largest part in which every user and every
    item meets its bound. Distinct pairs are counted, so playing one song ten times is one. The counts look at the whole
    of X: make the core before splitting, and say so beside a result, for it makes the task easier.

    Parameters
    ----------
    X : Interactions, or DataFrame (pandas, polars, pyarrow) of events
    user, item : int, default=5
        At least 1.

    Returns
    -------
    of the type of X
        The remaining events, all repeats among them, in their original order. In Interactions the dropped users and
        items leave the frame and the side features too, and codes are numbered anew; the labels are the old ones, and
        if there were none, the old codes.

    Raises
    ------
    ValueError
        If X is a matrix, a bound is not a positive integer, or nothing remains.

    Examples
    --------
    >>> from skrec.data import Interactions
    >>> events = Interactions.from_arrays([0, 0, 1, 1, 2], [1, 2, 1, 2, 1])
    >>> core = k_core(events, user=2, item=2)
    >>> core, core.user_ids.tolist(), core.item_ids.tolist()
    (Interactions(4 events, 2 users x 2 items), [0, 1], [1, 2])
    """
    core = core_events(_events(X), user, item)
    if not core.any():
        raise ValueError(f"nothing remains of X with user={user}, item={item}: lower the bounds")
    kept: Any = _rows(X, core)
    if isinstance(X, Interactions):
        kept = drop_unused_codes(kept)
    return kept


def _events(X: Any) -> Interactions:
    if is_matrix(X):
        raise ValueError(
            f"X must be events, Interactions or a DataFrame with columns 'user' and 'item', got {type(X).__name__}. "
            "A matrix's rows are users: split those with KFold or UserKFold, or its events as Interactions.from_csr(X)"
        )
    return check_interactions(X)


def _rows(X: Any, mask: Mask) -> Any:
    return _safe_indexing(X, np.flatnonzero(mask))
