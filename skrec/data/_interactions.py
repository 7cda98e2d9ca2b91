"""Events: who did what, with what value, when."""

from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.data._arrays import read_values
from skrec.data._features import learn_vocabulary
from skrec.data._fields import read_fields
from skrec.data._matrix import Entries, read_matrix
from skrec.data._reading import Columns, read_frame
from skrec.data._text import read_text


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """A frozen table of events with integer codes, in a frame of ``n_users`` x ``n_items``.

    Every event is kept, zeros and repeats too. Slicing takes events and keeps the frame, so scikit-learn's splitters
    split *events*. Build one with `from_frame`, `from_csr`, `from_csv`, `from_arrays` or `from_features`.

    Attributes
    ----------
    users, items : int64 arrays of shape (n_events,)
        Codes: positions in the frame.
    values : float32 array of shape (n_events,)
        Ratings, counts, clicks; ones where nothing was given.
    timestamps : int64 array of shape (n_events,) or None
        Datetimes, and whole numbers of a known unit, as microseconds since 1970, UTC; other whole numbers as they were given.
    weights : float32 array of shape (n_events,) or None
        How much an event counts in a loss.
    impressions : int64 array of shape (n_events,) or None
        Events with one number were shown together, to one user; a value above 0 marks what was chosen. -1 stands for an event
        that was in no impression.
    n_users, n_items : int
        The frame.
    user_ids, item_ids : arrays of shape (n_users,), (n_items,) or None
        Labels; None where the codes are the labels.
    user_features, item_features : array or CSR with a row for each code, or None
        What is known of them beside events, as numbers.
    timestamp_unit : {"us"} or None
        "us" where the timestamps are microseconds since 1970, UTC; None where their unit is not known, or there are none.

    Examples
    --------
    >>> plays = Interactions.from_arrays([0, 0, 1], [0, 2, 2], [1.0, 3.0, 2.0])
    >>> plays
    Interactions(3 events, 2 users x 3 items, values 1 to 3)
    >>> plays[[0, 2]].shape, plays[[0, 2]].n_items
    ((2, 2), 3)
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    values: NDArray[np.float32]
    n_users: int
    n_items: int
    timestamps: NDArray[np.int64] | None = None
    weights: NDArray[np.float32] | None = None
    impressions: NDArray[np.int64] | None = None
    user_ids: Any = None
    item_ids: Any = None
    user_features: Any = None
    item_features: Any = None
    timestamp_unit: str | None = None
    _made_of: ClassVar[Literal["events", "rows", "some events"]] = "events"

    def __post_init__(self) -> None:
        vars(self).update(read_fields(**vars(self)))

    @classmethod
    def _trusted(cls, **fields: Any) -> Self:
        """From fields that need neither casts nor checks."""
        data = object.__new__(cls)
        vars(data).update(fields)
        return data

    def _replace(self, **fields: Any) -> Self:
        """The same with other fields, which are not checked: codes may be -1 where an item is unknown."""
        return self._trusted(**(vars(self) | fields))

    @classmethod
    def from_arrays(
        cls,
        users: ArrayLike,
        items: ArrayLike,
        values: ArrayLike | None = None,
        *,
        timestamps: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        impressions: ArrayLike | None = None,
        n_users: int | None = None,
        n_items: int | None = None,
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        user_features: Any = None,
        item_features: Any = None,
        timestamp_unit: str | None = None,
    ) -> Self:
        """From integer codes.

        Parameters
        ----------
        users, items : array-like of int, shape (n_events,)
            Codes from 0.
        values, timestamps, weights, impressions : array-like of shape (n_events,), optional
            Timestamps are whole numbers, kept in their own unit, or datetimes, kept as microseconds since 1970.
        n_users, n_items : int, optional
            The frame; by default the number of labels, or the largest code and one.
        user_ids, item_ids : array-like of labels, optional
        user_features, item_features : array or sparse matrix with a row for each code, optional

        Raises
        ------
        ValueError, TypeError
            If lengths differ, a code is no integer or lies outside the frame, a value or feature is not finite.
        """
        return cls._trusted(
            **read_fields(
                users=users,
                items=items,
                values=values,
                n_users=n_users,
                n_items=n_items,
                timestamps=timestamps,
                weights=weights,
                impressions=impressions,
                user_ids=user_ids,
                item_ids=item_ids,
                user_features=user_features,
                item_features=item_features,
                timestamp_unit=timestamp_unit,
            )
        )

    @classmethod
    def from_csr(cls, X: Any, *, user_ids: ArrayLike | None = None, item_ids: ArrayLike | None = None) -> Self:
        """From a users x items matrix (any scipy format, or dense): one event for each stored entry."""
        return cls.from_entries(read_matrix(X, name="X"), user_ids=user_ids, item_ids=item_ids)

    @classmethod
    def from_entries(cls, entries: Entries, *, user_ids: ArrayLike | None = None, item_ids: ArrayLike | None = None) -> Self:
        """From the entries of a matrix that has been read."""
        return cls.from_arrays(
            entries.rows,
            entries.columns,
            entries.values,
            n_users=entries.shape[0],
            n_items=entries.shape[1],
            user_ids=user_ids,
            item_ids=item_ids,
        )._replace(_made_of="rows")

    @classmethod
    def from_frame(
        cls,
        df: Any,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
        weight: str | None = None,
        impression: str | None = None,
        user_features: Any = None,
        item_features: Any = None,
        timestamp_unit: str | None = None,
    ) -> Self:
        """From a table of events (pandas, polars or pyarrow), one row for each; its labels become the vocabulary.

        Parameters
        ----------
        df : DataFrame or Table
        user, item, rating, timestamp, weight, impression : str
            Column names. The columns ``rating`` (or ``value``), ``timestamp``, ``weight`` and ``impression`` are used
            when present. Timestamps are whole numbers, kept in their own unit (Unix seconds, mostly), or dates or
            datetimes, kept as microseconds since 1970, UTC: whatever is measured in their unit, such as a half-life, is
            then in microseconds, a day 86_400_000_000.
        user_features, item_features : DataFrame or Table of numbers, optional
            A row for each label, which stands in the index or in the column ``user`` or ``item``. Users and items without
            events come in by their rows. `skrec.FeatureEncoder` makes numbers of words and categories.

        Raises
        ------
        ValueError, TypeError
            If ``df`` is no table in memory, lacks a column or has it twice, a label or time is missing, a value or feature
            is not finite, a weight is negative, a user or item has events but no features.

        Examples
        --------
        >>> df = pd.DataFrame({"who": ["ann", "bob"], "item": ["Alien", "Brazil"], "rating": [5, 3]})
        >>> Interactions.from_frame(df, user="who").item_ids.tolist()
        ['Alien', 'Brazil']
        >>> years = pd.DataFrame({"year": [1979, 1985, 2026]}, index=["Alien", "Brazil", "Unseen"])
        >>> Interactions.from_frame(df, user="who", item_features=years)
        Interactions(2 events, 2 users x 3 items, values 3 to 5, item_features)
        """
        columns = read_frame(
            df,
            name="df",
            user=user,
            item=item,
            rating=rating,
            timestamp=timestamp,
            weight=weight,
            impression=impression,
            timestamp_unit=timestamp_unit,
        )
        return cls.from_columns(columns, user_features=user_features, item_features=item_features, user=user, item=item)

    @classmethod
    def from_features(
        cls, *, user_features: Any = None, item_features: Any = None, user: str = "user", item: str = "item"
    ) -> Self:
        """Users and items of whom nothing is known but features: a frame without events.

        Parameters
        ----------
        user_features, item_features, user, item
            As for `from_frame`.

        Raises
        ------
        ValueError, TypeError
            If neither is given, or a table is not as `from_frame` needs it.
        """
        if user_features is None and item_features is None:
            raise ValueError("user_features or item_features must be given")
        nothing = np.empty(0, object)
        columns = Columns(nothing, nothing, None, None, None, None)
        return cls.from_columns(columns, user_features=user_features, item_features=item_features, user=user, item=item)

    @classmethod
    def from_columns(
        cls,
        columns: Columns,
        *,
        user_features: Any = None,
        item_features: Any = None,
        user: str = "user",
        item: str = "item",
    ) -> Self:
        """From the columns of a frame that has been read; learns the vocabulary, from the tables of features if given."""
        of_users = learn_vocabulary(columns.users, user_features, axis="user", column=user)
        of_items = learn_vocabulary(columns.items, item_features, axis="item", column=item)
        n = len(columns.users)
        return cls._trusted(
            users=of_users.codes,
            items=of_items.codes,
            values=np.ones(n, np.float32) if columns.values is None else columns.values,
            timestamps=columns.timestamps,
            weights=columns.weights,
            impressions=columns.impressions,
            n_users=len(of_users.ids),
            n_items=len(of_items.ids),
            user_ids=of_users.ids,
            item_ids=of_items.ids,
            user_features=of_users.features,
            item_features=of_items.features,
            timestamp_unit=columns.timestamp_unit,
        )

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
        sep: str = ",",
    ) -> Self:
        """From a text file, UTF-8, also gzipped (``.gz``), with a header line; see `from_frame` for the columns.

        Labels that are all whole numbers are read as such, so that 7 and 007 are one; any other word, NA and null too, is a
        label. Numbers must be there in every line.

        Parameters
        ----------
        path : path
        user, item, rating, timestamp : str
            Column names.
        sep : str, default=","
            One character.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError, TypeError
            If a line is malformed; the message has the file and the line.
        """
        return cls.from_columns(read_text(path, user=user, item=item, rating=rating, timestamp=timestamp, sep=sep))

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_events, 2): what scikit-learn needs in order to split events."""
        return len(self.users), 2

    def __getitem__(self, rows) -> Self:
        if isinstance(rows, tuple):  # scikit-learn asks for (rows, Ellipsis)
            rows = rows[0]
        if isinstance(rows, int | np.integer):
            raise TypeError("Interactions are sliced by several rows: use X[[row]] for one event")
        return self._replace(
            users=self.users[rows],
            items=self.items[rows],
            values=self.values[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            weights=None if self.weights is None else self.weights[rows],
            impressions=None if self.impressions is None else self.impressions[rows],
            _made_of="some events",
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} events", f"{self.n_users} users x {self.n_items} items"]
        if len(self) and self.values.min() != self.values.max():
            parts.append(f"values {self.values.min():g} to {self.values.max():g}")
        columns = ("timestamps", "weights", "impressions", "user_features", "item_features")
        parts += [name for name in columns if getattr(self, name) is not None]
        return f"Interactions({', '.join(parts)})"

    def with_values(self, values: ArrayLike) -> Self:
        """The same events with other values."""
        return self._replace(values=read_values(values, n_events=len(self), name="y"))

    def time_order(self) -> NDArray[np.int64]:
        """Positions of the events in order of time; equal times, or all without times, keep their order of rows."""
        if self.timestamps is None:
            return np.arange(len(self))
        return np.argsort(self.timestamps, kind="stable")

    def user_time_order(self) -> NDArray[np.int64]:
        """Positions of the events user by user, each user's as in `time_order`."""
        in_time = self.time_order()
        return in_time[np.argsort(self.users[in_time], kind="stable")]

    @property
    def pair_keys(self) -> NDArray[np.int64]:
        """One int64 for each event that is equal exactly for equal (user, item)."""
        return self.users * self.n_items + self.items

    def last_of_each_pair(self) -> NDArray[np.int64]:
        """Positions, ascending, of each (user, item)'s latest event."""
        keys = self.pair_keys
        order = np.argsort(keys, kind="stable")
        if self.timestamps is not None:
            times, starts = self.timestamps[order], np.flatnonzero(np.diff(keys[order], prepend=-1))
            latest = np.maximum.reduceat(times, starts) if len(starts) else times
            order = order[times == np.repeat(latest, np.diff(starts, append=len(times)))]
        is_last = np.zeros(len(self), dtype=bool)
        is_last[order[np.diff(keys[order], append=-1) != 0]] = True
        return np.flatnonzero(is_last)

    def to_csr(self, *, duplicates: Literal["sum", "last", "any"] = "sum") -> sp.csr_array:
        """The users x items matrix, float32, indices sorted.

        Parameters
        ----------
        duplicates : {"sum", "last", "any"}, default="sum"
            What a repeated pair becomes: the sum of its values, its latest value, or, with "any", a one for every pair
            whatever its values.
        """
        if duplicates == "last":
            return self[self.last_of_each_pair()].to_csr()
        if duplicates not in ("sum", "any"):
            raise ValueError(f"duplicates must be 'sum', 'last' or 'any', got {duplicates!r}")
        matrix = sp.coo_array((self.values, (self.users, self.items)), shape=(self.n_users, self.n_items)).tocsr()
        matrix.sum_duplicates()
        if duplicates == "any":
            matrix.data[:] = 1
        return matrix

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of labels with the columns user, item, rating and whatever else the events carry."""
        columns = {
            "user": self.users if self.user_ids is None else self.user_ids[self.users],
            "item": self.items if self.item_ids is None else self.item_ids[self.items],
            "rating": self.values,
            "timestamp": self.timestamps,
            "weight": self.weights,
            "impression": self.impressions,
        }
        return pd.DataFrame({name: column for name, column in columns.items() if column is not None})
