"""A table of events with integer codes, and its conversions."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_choice
from skrec.data._arrays import read_values
from skrec.data._fields import read_fields
from skrec.data._pairs import Codes, Pairs, group_by, sorted_pairs

_CODES = {"users", "items", "n_users", "n_items"}


@dataclass(frozen=True, eq=False, repr=False)
class EventTable:
    """The checked fields of `Interactions`, with selection, ordering and conversion."""

    users: Codes
    items: Codes
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
    impression_ids: Any = None
    # With "rows", users without events count as users too.
    _origin: ClassVar[Literal["events", "rows", "some events"]] = "events"

    def __post_init__(self) -> None:
        vars(self).update(read_fields(**vars(self)))

    @classmethod
    def _trusted(cls, **fields: Any) -> Self:
        """Create a table from fields that need no casts and no checks."""
        data = object.__new__(cls)
        vars(data).update(fields)
        return data

    def _replace(self, **fields: Any) -> Self:
        """A copy with other fields, which are not checked. Codes of unknown items may be -1."""
        others = vars(self) | fields
        if not _CODES.isdisjoint(fields):
            others.pop("_pairs", None)
        return self._trusted(**others)

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shape(self) -> tuple[int, int]:
        """The tuple (n_events, 2), which scikit-learn needs to split events."""
        return len(self.users), 2

    def __getitem__(self, rows) -> Self:
        if isinstance(rows, tuple):  # scikit-learn passes (rows, Ellipsis)
            rows = rows[0]
        if isinstance(rows, int | np.integer):
            raise TypeError("Interactions must be indexed by a slice or an array of rows: use X[[row]] for one event")
        return self._replace(
            users=self.users[rows],
            items=self.items[rows],
            values=self.values[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            weights=None if self.weights is None else self.weights[rows],
            impressions=None if self.impressions is None else self.impressions[rows],
            _origin="some events",
        )

    def _followed_by(self, later: Self) -> Self:
        """These events, followed by later events of the same users and items.

        A column that only one of the two tables has is dropped. Missing weights are 1.
        """

        def joined(column: str) -> NDArray | None:
            parts = [getattr(part, column) for part in (self, later)]
            return None if any(part is None for part in parts) else np.concatenate(parts)

        weights = None
        if self.weights is not None or later.weights is not None:
            given = (np.ones(len(part), np.float32) if part.weights is None else part.weights for part in (self, later))
            weights = np.concatenate(list(given))
        return self._replace(
            **{column: joined(column) for column in ("users", "items", "values", "timestamps", "impressions")}, weights=weights
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} events", f"{self.n_users} users x {self.n_items} items"]
        if len(self) and self.values.min() != self.values.max():
            parts.append(f"values {self.values.min():g} to {self.values.max():g}")
        columns = ("timestamps", "weights", "impressions", "user_features", "item_features")
        parts += [name for name in columns if getattr(self, name) is not None]
        return f"{type(self).__name__}({', '.join(parts)})"

    def with_values(self, values: ArrayLike) -> Self:
        """Replace the values of the events.

        Parameters
        ----------
        values : array-like of float, shape (n_events,)
            The new values.

        Returns
        -------
        Interactions
            The same events with the new values.

        Raises
        ------
        ValueError, TypeError
            If the values are not finite numbers, or not one for each event.
        """
        return self._replace(values=read_values(values, n_events=len(self), name="y"))

    def time_order(self) -> NDArray[np.int64]:
        """Sort the events by time.

        Returns
        -------
        int64 array of shape (n_events,)
            Positions of the events. Events with equal times, and all events if there are no timestamps, keep their order.
        """
        if self.timestamps is None:
            return np.arange(len(self))
        return np.argsort(self.timestamps, kind="stable")

    def user_time_order(self) -> NDArray[np.int64]:
        """Sort the events by user, and by time for each user.

        Returns
        -------
        int64 array of shape (n_events,)
            Positions of the events. The events of one user are ordered as in `time_order`.
        """
        by_user = group_by(self.users, self.n_users)
        if not self._are_in_time(by_user):
            in_time = self.time_order()
            by_user = in_time[group_by(self.users[in_time], self.n_users)]
        return by_user.astype(np.int64, copy=False)

    def _are_in_time(self, by_user: Codes) -> bool:
        """Whether the events of each user are in order of time, for the positions of the events grouped by user."""
        if self.timestamps is None:
            return True
        times, users = self.timestamps[by_user], self.users[by_user]
        return bool(((times[1:] >= times[:-1]) | (users[1:] != users[:-1])).all())

    @property
    def pair_keys(self) -> NDArray[np.int64]:
        """An int64 key of the (user, item) pair of each event. Equal pairs have equal keys."""
        return self.users.astype(np.int64, copy=False) * self.n_items + self.items

    def last_of_each_pair(self, among: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Find the latest event of each (user, item) pair.

        Parameters
        ----------
        among : bool array of shape (n_events,), optional
            Which events are considered. If None, all events.

        Returns
        -------
        int64 array of shape (n_pairs,)
            Positions of the events, ascending. Pairs without a considered event have none.
        """
        pairs = sorted_pairs(self)
        if pairs.starts is None:
            return np.arange(len(self)) if among is None else np.flatnonzero(among)
        rows = self._last_rows(pairs, among)
        return np.sort(rows[rows >= 0])

    def _last_rows(self, pairs: Pairs, among: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Positions of the latest event of each pair, in the order of the pairs. -1 for a pair without a considered event."""
        positions = np.arange(len(self))
        if among is not None:
            positions[~among] = -1
        if self.timestamps is not None and pairs.starts is not None:  # else the event in the last row is the latest
            times = self.timestamps if among is None else np.where(among, self.timestamps, np.iinfo(np.int64).min)
            positions[times < pairs.spread(pairs.reduced(np.maximum, times))] = -1
        return pairs.reduced(np.maximum, positions)

    def to_csr(self, *, duplicates: Literal["sum", "last", "any"] = "sum") -> sp.csr_array:
        """Convert the events to a users x items matrix.

        Parameters
        ----------
        duplicates : {"sum", "last", "any"}, default="sum"
            Entry of a repeated pair: the sum of its values ("sum"), its latest value ("last"), or 1 for all pairs regardless of
            their values ("any").

        Returns
        -------
        CSR array of shape (n_users, n_items)
            Entries are float32. Indices are sorted, and int32 if they fit.

        Raises
        ------
        ValueError
            If ``duplicates`` is not one of the three.
        """
        check_choice(duplicates, "duplicates", ("sum", "last", "any"))
        pairs = sorted_pairs(self)
        if duplicates == "any":
            values = np.ones(len(pairs.items), np.float32)
        elif duplicates == "last":
            values = self.values[self._last_rows(pairs)]
        else:
            with np.errstate(over="ignore"):
                values = pairs.reduced(np.add, self.values)
        matrix = pairs.matrix(values)
        are_shared = isinstance(pairs.order, slice) or "_pairs" in vars(self)
        return matrix.copy() if are_shared else matrix

    def to_frame(self) -> pd.DataFrame:
        """Convert the events to a DataFrame of labels.

        Returns
        -------
        DataFrame
            One row per event, with the columns "user", "item" and "rating", and "timestamp", "weight" and "impression" if
            present. Timestamps with a known unit are datetimes in UTC without a time zone.
        """
        times = self.timestamps
        if times is not None and self.timestamp_unit is not None:
            times = times.astype(f"datetime64[{self.timestamp_unit}]")
        columns = {
            "user": self.users.astype(np.int64) if self.user_ids is None else self.user_ids[self.users],
            "item": self.items.astype(np.int64) if self.item_ids is None else self.item_ids[self.items],
            "rating": self.values,
            "timestamp": times,
            "weight": self.weights,
            "impression": self.impressions,
        }
        return pd.DataFrame({name: column for name, column in columns.items() if column is not None})
