"""Interactions of users with items: who, what, with which value, and when."""

import csv
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from skrec._checks import read_path
from skrec.data._csv import read_csv
from skrec.data._features import learn_vocabulary
from skrec.data._fields import read_fields, read_vocabulary
from skrec.data._matrix import Entries, read_matrix
from skrec.data._reading import Columns, read_frame, unused_numbers, warn_about_unused_columns
from skrec.data._table import EventTable
from skrec.data._text import Text


@dataclass(frozen=True, eq=False, repr=False)
class Interactions(EventTable):
    """A frozen table of user-item events with integer codes.

    All events are kept, including events with value 0 and repeated (user, item) pairs. Indexing selects events and keeps the
    users and items, so scikit-learn's splitters split *events*. Use `from_frame`, `from_csr`, `from_csv`, `from_arrays` or
    `from_features` to create a table. The constructor casts and checks its arguments as `from_arrays` does.

    Parameters
    ----------
    users, items : int array of shape (n_events,)
        Codes of the users and items, from 0. Both are int32, or int64 if there are 2**31 users or items or more.
    values : float32 array of shape (n_events,)
        Ratings, counts or clicks. 1 for each event if no values were given.
    n_users, n_items : int
        Number of users and items. Users and items without events are included.
    timestamps : int64 array of shape (n_events,), default=None
        Times of the events. Datetimes, and integers with a known unit, are stored as microseconds since 1970, UTC. Integers
        with an unknown unit are stored unchanged.
    weights : float32 array of shape (n_events,), default=None
        Weight of each event in a loss.
    impressions : int64 array of shape (n_events,), default=None
        Impression number of each event. Events with the same number were shown together to one user, and a value above 0
        marks the items that were chosen. -1 marks an event that belongs to no impression.
    user_ids, item_ids : array of shape (n_users,) or (n_items,), default=None
        Labels of the users and items. If None, the codes are the labels.
    user_features, item_features : array or CSR matrix with one row per code, default=None
        Numeric features of the users and items.
    timestamp_unit : {"us"}, default=None
        "us" if the timestamps are microseconds since 1970, UTC. None if there are no timestamps or their unit is unknown.
    impression_ids : array of labels, default=None
        Label of each impression number. If None, the numbers are the labels.

    Raises
    ------
    ValueError, TypeError
        As in `from_arrays`.

    Examples
    --------
    >>> plays = Interactions.from_arrays([0, 0, 1], [0, 2, 2], [1.0, 3.0, 2.0])
    >>> plays
    Interactions(3 events, 2 users x 3 items, values 1 to 3)
    >>> plays[[0, 2]].shape, plays[[0, 2]].n_items
    ((2, 2), 3)
    """

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
        """Create interactions from integer codes.

        Parameters
        ----------
        users, items : array-like of int, shape (n_events,)
            Codes from 0.
        values : array-like of float, shape (n_events,), optional
            Ratings, counts or clicks. If None, each event has the value 1.
        timestamps : array-like of shape (n_events,), optional
            Datetimes or integers. Datetimes are stored as microseconds since 1970, UTC.
        weights : array-like of float, shape (n_events,), optional
            Non-negative weight of each event in a loss.
        impressions : array-like of int, shape (n_events,), optional
            Impression number of each event. -1, None or NaN marks an event that belongs to no impression.
        n_users, n_items : int, optional
            Number of users and items. If None, the number of labels if there are labels, and the largest code plus 1 otherwise.
        user_ids, item_ids : array-like of labels, optional
            Distinct labels of the users and items, one for each code. If None, the codes are the labels.
        user_features, item_features : array or sparse matrix with one row per code, optional
            Numeric features of the users and items.
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            Unit of integer timestamps since 1970, UTC. They are converted to microseconds, as datetimes are. If None, integers
            are stored unchanged.

        Returns
        -------
        Interactions
            The events in the given order.

        Raises
        ------
        ValueError, TypeError
            If lengths differ, a code is not an integer or is out of range, or a value, weight or feature is not finite.
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
        """Create interactions from a users x items matrix, with one event per stored entry.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_users, n_items)
            A scipy sparse matrix of any format, or a dense 2-D array. Explicit zeros of a sparse matrix are events. Zeros of a
            dense array are not.
        user_ids, item_ids : array-like of labels, optional
            Distinct labels of the rows and columns. If None, the positions are the labels.

        Returns
        -------
        Interactions
            The events, ordered by row and column.

        Raises
        ------
        ValueError, TypeError
            If X is not a valid matrix of finite numbers, or labels are missing, repeated or of the wrong number.
        """
        return cls.from_entries(read_matrix(X, name="X"), user_ids=user_ids, item_ids=item_ids)

    @classmethod
    def from_entries(cls, entries: Entries, *, user_ids: ArrayLike | None = None, item_ids: ArrayLike | None = None) -> Self:
        """Create interactions from the entries of a matrix that has been read and checked.

        Parameters
        ----------
        entries : Entries
            The stored entries of a users x items matrix.
        user_ids, item_ids : array-like of labels, optional
            As in `from_csr`.

        Returns
        -------
        Interactions
            One event for each entry.
        """
        vocabulary = read_vocabulary(entries.rows, entries.columns, *entries.shape, user_ids, item_ids)
        return cls._trusted(users=entries.rows, items=entries.columns, values=entries.values, **vocabulary, _origin="rows")

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
        """Create interactions from a table with one row per event.

        Parameters
        ----------
        df : DataFrame or Table
            A pandas or polars DataFrame, or a pyarrow Table. The labels in its user and item columns become `user_ids` and
            `item_ids`.
        user, item : str, default="user", "item"
            Names of the columns with the labels of users and items.
        rating : str, default=None
            Name of the column with the values. If None, the column "rating", "value", "plays" or "count" is used if it is
            present.
        timestamp : str, default=None
            Name of the column with the times: integers, dates or datetimes. Dates and datetimes are stored as microseconds
            since 1970, UTC. Parameters in the unit of the timestamps, such as a half-life, are then in microseconds: one day is
            86_400_000_000. If None, the column "timestamp" is used if it is present.
        weight : str, default=None
            Name of the column with the weights. If None, the column "weight" is used if it is present.
        impression : str, default=None
            Name of the column with the labels of the impressions. If None, the column "impression" is used if it is present.
        user_features, item_features : DataFrame or Table, optional
            Numeric features, one row for each label. The labels are in the index or in the column named by ``user`` or
            ``item``. Users and items that have a row but no event are included. `skrec.FeatureEncoder` converts text and
            categories to numbers.
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            Unit of integer timestamps, as in `from_arrays`.

        Returns
        -------
        Interactions
            The events in the order of the rows.

        Raises
        ------
        ValueError, TypeError
            If ``df`` is not a table in memory, if a column is missing or repeated, if a label or time is missing, if a value or
            feature is not finite, if a weight is negative, or if a user or item with events has no row of features.

        Warns
        -----
        UserWarning
            If there is no column with values, and the table has numeric columns that are not used.

        Examples
        --------
        >>> import pandas as pd
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
        if columns.values is None:
            warn_about_unused_columns(unused_numbers(df, user, item, timestamp, weight, impression), "df")
        return cls.from_columns(columns, user_features=user_features, item_features=item_features, user=user, item=item)

    @classmethod
    def from_features(
        cls, *, user_features: Any = None, item_features: Any = None, user: str = "user", item: str = "item"
    ) -> Self:
        """Create users and items that have features and no events.

        Parameters
        ----------
        user_features, item_features : DataFrame or Table, optional
            Numeric features, one row for each label. At least one of the two is required.
        user, item : str, default="user", "item"
            Names of the columns with the labels. If a table has no such column, its index has the labels.

        Returns
        -------
        Interactions
            A table without events.

        Raises
        ------
        ValueError, TypeError
            If neither table is given, or a table is not valid for `from_frame`.
        """
        if user_features is None and item_features is None:
            raise ValueError("user_features or item_features must be given")
        no_labels = np.empty(0, object)
        columns = Columns(no_labels, no_labels, None, None, None, None)
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
        """Create interactions from the columns of a table that has been read and checked.

        Parameters
        ----------
        columns : Columns
            The columns of the table.
        user_features, item_features : DataFrame or Table, optional
            As in `from_frame`. The labels are those of the features if they are given, and those of the events otherwise.
        user, item : str, default="user", "item"
            Names of the columns with the labels in the tables of features.

        Returns
        -------
        Interactions
            The events in the order of the rows.
        """
        users = learn_vocabulary(columns.users, user_features, axis="user", column=user)
        items = learn_vocabulary(columns.items, item_features, axis="item", column=item)
        n = len(columns.users)
        return cls._trusted(
            users=users.codes,
            items=items.codes,
            values=np.ones(n, np.float32) if columns.values is None else columns.values,
            timestamps=columns.timestamps,
            weights=columns.weights,
            impressions=columns.impressions,
            impression_ids=columns.impression_ids,
            n_users=len(users.ids),
            n_items=len(items.ids),
            user_ids=users.ids,
            item_ids=items.ids,
            user_features=users.features,
            item_features=items.features,
            timestamp_unit=columns.timestamp_unit,
        )

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike,
        *,
        user: str | int = "user",
        item: str | int = "item",
        rating: str | int | None = None,
        timestamp: str | int | None = None,
        weight: str | int | None = None,
        impression: str | int | None = None,
        sep: str = ",",
        header: int | None = 0,
        quoting: int | None = csv.QUOTE_MINIMAL,
        encoding: str = "utf-8",
        decimal: str = ".",
        on_bad_lines: Literal["raise", "skip"] = "raise",
        labels: Literal["auto", "text"] = "auto",
        timestamp_unit: str | None = None,
        max_bytes: int | None = None,
    ) -> Self:
        r"""Create interactions from a text file with one line per event, optionally compressed with gzip.

        Each line must be a valid event. Blank lines are skipped. A quoted field may contain separators, doubled quotes and line
        breaks, but not a line that is a valid event.

        Parameters
        ----------
        path : str or os.PathLike
            Path of the file. A file whose name ends with ".gz" is decompressed.
        user, item : str or int, default="user", "item"
            Names or positions (from 0) of the columns with the labels of users and items.
        rating : str or int, default=None
            Name or position of the column with the values. If None, the column "rating", "value", "plays" or "count" is used if
            it is present.
        timestamp : str or int, default=None
            Name or position of the column with the times. Times are integers, or ISO 8601 dates or times with or without a time
            zone, such as 2018-09-20, 2018-09-20 14:30 or 2018-09-20T14:30:05Z. They are stored as in `from_frame`. If None, the
            column "timestamp" is used if it is present.
        weight : str or int, default=None
            Name or position of the column with the weights. If None, the column "weight" is used if it is present.
        impression : str or int, default=None
            Name or position of the column with the labels of the impressions. An empty field, -1, NaN, NA, N/A, <NA>, None or
            null marks an event that belongs to no impression. If None, the column "impression" is used if it is present.
        sep : str, default=","
            Separator of one or more characters, such as "::". r"\s+" means any number of blanks and tabs, and quotes are then
            ordinary characters.
        header : int or None, default=0
            Line with the column names, counted from 0 without blank lines. None if the file has no such line.
        quoting : int or None, default=csv.QUOTE_MINIMAL
            With ``csv.QUOTE_NONE`` or None, quotes are ordinary characters. The other constants of the csv module are
            equivalent.
        encoding : str, default="utf-8"
            Name of the encoding of the file.
        decimal : str, default="."
            Character of the decimal point.
        on_bad_lines : {"raise", "skip"}, default="raise"
            "raise" makes a malformed line an error. "skip" skips such lines and warns with their number.
        labels : {"auto", "text"}, default="auto"
            With "auto", a column of labels is read as integers if all labels are written as int64 without signs or leading
            zeros. Otherwise all its labels are text as written, including 007, 1.10, NA and True. With "text", all labels are
            text.
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            Unit of integer timestamps, as in `from_arrays`.
        max_bytes : int, default=None
            Maximum decompressed size of a gzip file. If None, 100 times the size of the file, and at least 64 MiB.

        Returns
        -------
        Interactions
            The events in the order of the lines.

        Raises
        ------
        OSError
            If the file does not exist or cannot be read.
        ValueError, TypeError
            If a line is malformed. The message contains the name of the file and the number of the line.

        Warns
        -----
        UserWarning
            If lines are skipped, or if there is no column with values and the header names numeric columns that are not used.
        """
        columns = read_csv(
            Text(read_path(path, "path"), sep, encoding, quoting, decimal),
            {
                "user": user,
                "item": item,
                "rating": rating,
                "timestamp": timestamp,
                "weight": weight,
                "impression": impression,
            },
            header=header,
            on_bad_lines=on_bad_lines,
            labels=labels,
            timestamp_unit=timestamp_unit,
            max_bytes=max_bytes,
        )
        return cls.from_columns(columns)
