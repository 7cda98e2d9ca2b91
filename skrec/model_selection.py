"""Splitters for recommenders, usable as ``cv`` in scikit-learn, and functions that split a data set once.

They split *events*: Interactions, or the rows of a DataFrame with the columns "user", "item" and, if times are used,
"timestamp". The splitters differ in what the training data reveal about the test data:

* `TemporalSplit` has one time for all users. Training has no events from the future.
* `LeaveLastOut` tests on the last events of each user. Training has later events of other users, which reveal the future
  popularity of items. Published results for next-item models often use it.
* `RandomHoldout` tests on random events. Training has later events of the same user.
* `UserKFold` tests on whole users, as new users. The model sees their history by fold-in only.
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
    renumbered,
    split_at_times,
    window_starts,
)

__all__ = ["LeaveLastOut", "RandomHoldout", "TemporalSplit", "UserKFold", "k_core", "train_test_split"]

Events = TypeVar("Events")
Seed = int | np.random.Generator | None
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


class _Splitter(BaseCrossValidator):
    """Base class that converts the masks of a splitter to positions."""

    n_splits = 1

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object
            Ignored. Present for compatibility with scikit-learn.

        Returns
        -------
        int
            Number of splits.
        """
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Positions, Positions]]:
        """Yield the positions of training and test events.

        Parameters
        ----------
        X : Interactions, DataFrame or Table
            Events. A DataFrame or Table (pandas, polars, pyarrow) has the columns "user" and "item", and "timestamp" if times
            are used. `UserKFold` also accepts a matrix.
        y, groups : object
            Ignored. Present for compatibility with scikit-learn.

        Yields
        ------
        train, test : int64 arrays
            Positions of the events, ascending.

        Raises
        ------
        ValueError
            If X is a matrix, whose rows are users and not events (except for `UserKFold`), or if X cannot be split.
        """
        for train, test in self._masks(X):
            yield np.flatnonzero(train), np.flatnonzero(test)

    @abstractmethod
    def _masks(self, X: Any) -> Iterator[tuple[Mask, Mask]]:
        """Yield masks of the training and test events."""


class TemporalSplit(_Splitter):
    """Train on events before a time, and test on events from that time on, with the same time for all users.

    This split has no leak in time: all training events are earlier than all test events. The times are given by ``at``, or
    chosen such that each test window has a fraction of the events. Each test window ends where the next one begins, and the
    last one at the end of the data. The training part grows from split to split (expanding window), unless ``train_window`` is
    given (rolling window).

    Parameters
    ----------
    n_splits : int, default=None
        Number of splits. If None, the number of times in ``at``, or 1 if ``at`` is None.
    test_size : float, default=None
        Fraction of *all* events in each test window. The windows are consecutive and end at the end of the data. All events at
        the time at which a window begins belong to it, so its size is exact only up to ties. If None, 0.2. Must be None if
        ``at`` is given.
    at : int, str, date, datetime, or list of these, default=None
        Start of the test part, or several strictly ascending starts with one for each split. Integers are in the unit of the
        timestamps. Dates, and text such as ``"2026-01-31"``, mean midnight, in UTC if they have no time zone. They require
        timestamps with a known unit, see ``timestamp_unit`` of `Interactions`.
    train_window, test_window : int, str or timedelta, default=None
        Length of the training part before each start, and maximum length of the test part after it: a timedelta, text such as
        ``"30D"``, or an integer in the unit of the timestamps. If None, the length is not limited.

    Raises
    ------
    TypeError, ValueError
        By the constructor, if an argument is out of range, or if ``at`` is given together with ``test_size`` or a different
        ``n_splits``. By ``split``, if X has no timestamps, if dates are given and the unit of the timestamps is unknown, or if
        a training or test part has no events, for example because ``at`` is outside the data.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Similar splits by position, for rows sorted by time.

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
        n_times = 1 if at is None else len(read_time_points(at, "at"))
        self.n_splits = n_times if n_splits is None else check_int(n_splits, "n_splits", at_least=1)
        self.test_size: Any = 0.2 if test_size is None and at is None else test_size
        self.at, self.train_window, self.test_window = at, train_window, test_window
        if at is None and self.n_splits * check_fraction(self.test_size, "test_size") >= 1:
            raise ValueError(
                f"n_splits * test_size must be below 1 to leave a training part, got {self.n_splits} * {self.test_size}"
            )
        if at is not None and (self.n_splits != n_times or test_size is not None):
            raise ValueError(
                f"at needs n_splits=None, or {n_times}, its number of times, and test_size=None, got "
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
    """Test on the last ``n`` events of each user, by timestamp and row.

    Events with equal timestamps keep the order of their rows. Without timestamps, the order of the rows is used. A matrix has
    no times: in ``Interactions.from_csr(X)``, the last event of a user is the one in the last column. All events of users with
    at most ``n`` events are in the training part. Apply the splitter twice to get a validation and a test event.

    This split leaks across users: the training part has events of other users that are later than a test event. If users repeat
    items, a test pair may also be in the training part, and scorers that exclude seen items cannot find it. `TemporalSplit` has
    no leak of the first kind.

    Parameters
    ----------
    n : int, default=1
        Number of test events per user. Must be at least 1.

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
    """Test on random events, with new random events in each split.

    All events of one (user, item) pair are on the same side. Otherwise a repeat in the training part would reveal the test
    event, as with KFold and ShuffleSplit of scikit-learn. Times are ignored, so the training part has events that are later
    than test events.

    Parameters
    ----------
    test_size : float, default=0.2
        Fraction of the distinct pairs, between 0 and 1, exclusive. Each side gets at least one pair.
    n_splits : int, default=1
        Number of splits. Must be at least 1.
    random_state : int, Generator, RandomState or None, default=None
        Seed or generator. With an int, each call of ``split`` yields the same events.

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
    """K-fold split of users: all events of a user are on the same side, and each user is in one test part.

    This measures how well a model serves new users. A matrix is also accepted. Its rows are the users, as in KFold of
    scikit-learn.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds. Must be at least 2. The numbers of users of two folds differ by at most 1.
    shuffle : bool, default=True
        Whether folds are random. If False, folds are blocks of users in the order of their codes or rows.
    random_state : int, Generator, RandomState or None, default=None
        Seed or generator, used if ``shuffle`` is True. With an int, each call of ``split`` yields the same folds.

    Raises
    ------
    ValueError
        By ``split``, if there are fewer users than folds.

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
        owner = np.arange(data.n_users) if is_matrix(X) else renumbered(data.users, data.n_users)[1]
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
    X : Interactions, DataFrame or Table
        Events. A DataFrame or Table (pandas, polars, pyarrow) has the columns "user" and "item", and "timestamp" if times are
        used.
    test_size : float or int, optional
        Fraction of the distinct pairs (``by="random"``), events (``by="time"``) or users (``by="user"``). If None, 0.2. With
        ``by="last"``, the number of events per user. If None, 1. Must be None if ``at`` is given.
    by : {"random", "time", "last", "user"}, default="random"
        "random" splits as `RandomHoldout`, "time" as `TemporalSplit` (the only one without leaks from the future), "last" as
        `LeaveLastOut` (leaks across users), and "user" holds out whole users as `UserKFold` does.
    at : int, str, date or datetime, optional
        Start of the test part with ``by="time"``, as in `TemporalSplit`.
    random_state : int, Generator, RandomState or None, default=None
        Seed or generator. Used by "random" and "user".

    Returns
    -------
    train, test : same type as X
        Events in their original order. Interactions keep all users and items.

    Raises
    ------
    ValueError, TypeError
        If X is a matrix, if an argument is out of range, if a side would be empty, or if timestamps are needed and missing.

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
    """Keep users with at least ``user`` items and items with at least ``item`` users.

    The result is the largest part in which all users and items meet these minimums. Dropping an item can leave a user with too
    few items, so the selection is repeated until nothing changes. Distinct pairs are counted: repeated events of a pair count
    once. The counts use all of X. Apply the function before a split, and report it with results, since it makes the task
    easier.

    Parameters
    ----------
    X : Interactions, DataFrame or Table
        Events. A DataFrame or Table (pandas, polars, pyarrow) has the columns "user" and "item", and "timestamp" if times are
        used.
    user, item : int, default=5
        Minimum number of distinct items per user, and of distinct users per item. Must be at least 1.

    Returns
    -------
    same type as X
        The remaining events, including repeats, in their original order. Interactions are renumbered to the remaining users and
        items, with their labels and features. If there were no labels, the old codes become labels.

    Raises
    ------
    ValueError, TypeError
        If X is a matrix, if a minimum is not a positive integer, or if nothing remains.

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
        raise ValueError(f"nothing remains of X with user={user}, item={item}: use smaller minimums")
    kept: Any = _rows(X, core)
    if isinstance(X, Interactions):
        kept = drop_unused_codes(kept)
    return kept


def _events(X: Any) -> Interactions:
    if is_matrix(X):
        raise ValueError(
            f"X must be events, Interactions or a DataFrame with columns 'user' and 'item', got {type(X).__name__}. "
            "The rows of a matrix are users: split them with KFold or UserKFold, or split events as Interactions.from_csr(X)"
        )
    return check_interactions(X)


def _rows(X: Any, mask: Mask) -> Any:
    return _safe_indexing(X, np.flatnonzero(mask))
