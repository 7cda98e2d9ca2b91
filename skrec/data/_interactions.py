"""Events: who did what, with what value, when."""

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
    """A frozen table of events with integer codes, in a frame of ``n_users`` x ``n_items``.

    Every event is kept, zeros and repeats too. Slicing takes events and keeps the frame, so scikit-learn's splitters
    split *events*. Build one with `from_frame`, `from_csr`, `from_csv`, `from_arrays` or `from_features`; the constructor casts
    and checks its arguments as `from_arrays` does.

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
    impression_ids : array of labels, or None
        What a table calls the impressions, by their numbers; None where the numbers are the labels.
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
            Timestamps are datetimes, kept as microseconds since 1970, UTC, or whole numbers.
        n_users, n_items : int, optional
            The frame; by default the number of labels, or the largest code and one.
        user_ids, item_ids : array-like of labels, optional
        user_features, item_features : array or sparse matrix with a row for each code, optional
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            What timestamps that are whole numbers count since 1970, UTC; they become microseconds, as datetimes do. If None,
            they are kept as they are.

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
        """From a table of events (pandas, polars or pyarrow), one row for each; its labels become the vocabulary.

        Parameters
        ----------
        df : DataFrame or Table
        user, item, rating, timestamp, weight, impression : str
            Column names. The columns ``rating`` (or ``value``, ``plays``, ``count``), ``timestamp``, ``weight`` and
            ``impression`` are used when present. Timestamps are whole numbers, or dates or datetimes, kept as microseconds
            since 1970, UTC: whatever is measured in their unit, such as a half-life, is then in microseconds, a day
            86_400_000_000.
        user_features, item_features : DataFrame or Table of numbers, optional
            A row for each label, which stands in the index or in the column ``user`` or ``item``. Users and items without
            events come in by their rows. `skrec.FeatureEncoder` makes numbers of words and categories.
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            As for `from_arrays`.

        Raises
        ------
        ValueError, TypeError
            If ``df`` is no table in memory, lacks a column or has it twice, a label or time is missing, a value or feature
            is not finite, a weight is negative, a user or item has events but no features.

        Warns
        -----
        UserWarning
            If no column has values, and there are columns of numbers that are not used.

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
            impression_ids=columns.impression_ids,
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
        r"""From a text file, one line for each event, also gzipped (``.gz``).

        Every line is an event or an error; blank lines are left out. A quoted field may hold separators, doubled quotes and
        the ends of lines, but no line that is an event by itself.

        Parameters
        ----------
        path : path
        user, item, rating, timestamp, weight, impression : str or int
            Names of columns, or their positions from 0. The columns ``rating`` (or ``value``, ``plays``, ``count``),
            ``timestamp``, ``weight`` and ``impression`` are used when present. Timestamps are whole numbers, or dates or
            times in ISO 8601, with or without a zone, such as 2018-09-20, 2018-09-20 14:30 or 2018-09-20T14:30:05Z; as for
            `from_frame`. An impression that is empty, -1, NaN, NA, N/A, <NA>, None or null says that an event was in none.
        sep : str, default=","
            One or more characters, such as "::", or r"\s+" for any number of blanks and tabs, where quotes have no meaning.
        header : int or None, default=0
            The line with the names, counted from 0 without blank lines; None if there is none.
        quoting : int or None, default=csv.QUOTE_MINIMAL
            With ``csv.QUOTE_NONE`` or None quotes are characters like any other; the other values of the csv module are alike.
        encoding : str, default="utf-8"
        decimal : str, default="."
            The decimal point.
        on_bad_lines : {"raise", "skip"}, default="raise"
            Whether a line that is no event is an error, or left out; a warning has the number of such lines.
        labels : {"auto", "text"}, default="auto"
            With "auto" a column of labels holds integers if all of them are written as int64 is, without signs or leading
            zeros; else all are text, as they are written: 007, 1.10, NA and True too. With "text" all are text.
        timestamp_unit : {"D", "h", "min", "s", "ms", "us", "ns"}, default=None
            As for `from_arrays`.
        max_bytes : int, default=None
            The largest number of bytes that a gzipped file may unpack to. If None, 100 times its own size, at least 64 MiB.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError, TypeError
            If a line is malformed; the message has the file and the line.

        Warns
        -----
        UserWarning
            If lines are left out; if no column has values, and the header names columns of numbers that are not used.
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
