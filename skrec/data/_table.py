"""A table of events with integer codes."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_choice
from skrec.data._arrays import read_values
from skrec.data._fields import read_fields


def index_dtype(*sizes: int) -> type[np.int32] | type[np.int64]:
    """The smaller type of integers that can count so many things."""
    return np.int32 if max(sizes) < 2**31 else np.int64


@dataclass(frozen=True, eq=False, repr=False)
class EventTable:
    """The fields of `Interactions`, cast and checked; parts of them, their order, and other forms of them."""

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
    impression_ids: Any = None
    # of "rows" all users are asked about, empty ones too; of others those with events
    _origin: ClassVar[Literal["events", "rows", "some events"]] = "events"

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
            _origin="some events",
        )

    def _followed_by(self, later: Self) -> Self:
        """These events and, behind them, later ones of the same users and items.

        A column that only one of both has is dropped; weights that are not given are 1.
        """

        def of_both(column: str) -> NDArray | None:
            parts = [getattr(part, column) for part in (self, later)]
            return None if any(part is None for part in parts) else np.concatenate(parts)

        weights = None
        if self.weights is not None or later.weights is not None:
            given = (np.ones(len(part), np.float32) if part.weights is None else part.weights for part in (self, later))
            weights = np.concatenate(list(given))
        return self._replace(
            **{column: of_both(column) for column in ("users", "items", "values", "timestamps", "impressions")}, weights=weights
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} events", f"{self.n_users} users x {self.n_items} items"]
        if len(self) and self.values.min() != self.values.max():
            parts.append(f"values {self.values.min():g} to {self.values.max():g}")
        columns = ("timestamps", "weights", "impressions", "user_features", "item_features")
        parts += [name for name in columns if getattr(self, name) is not None]
        return f"{type(self).__name__}({', '.join(parts)})"

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
        return self.users.astype(np.int64, copy=False) * self.n_items + self.items

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
        """The users x items matrix, float32, indices sorted and of 32 bits if they fit.

        Parameters
        ----------
        duplicates : {"sum", "last", "any"}, default="sum"
            What a repeated pair becomes: the sum of its values, its latest value, or, with "any", a one for every pair
            whatever its values.
        """
        check_choice(duplicates, "duplicates", ("sum", "last", "any"))
        if duplicates == "last":
            return self[self.last_of_each_pair()].to_csr()
        codes = index_dtype(self.n_users, self.n_items, len(self))
        coordinates = self.users.astype(codes, copy=False), self.items.astype(codes, copy=False)
        matrix = sp.coo_array((self.values, coordinates), shape=(self.n_users, self.n_items)).tocsr()
        matrix.sum_duplicates()
        if duplicates == "any":
            matrix.data[:] = 1
        return matrix

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of labels with the columns user, item, rating and whatever else the events carry.

        Timestamps are datetimes in UTC, without a zone, if their unit is known.
        """
        times = self.timestamps
        if times is not None and self.timestamp_unit is not None:
            times = times.astype(f"datetime64[{self.timestamp_unit}]")
        columns = {
            "user": self.users if self.user_ids is None else self.user_ids[self.users],
            "item": self.items if self.item_ids is None else self.item_ids[self.items],
            "rating": self.values,
            "timestamp": times,
            "weight": self.weights,
            "impression": self.impressions,
        }
        return pd.DataFrame({name: column for name, column in columns.items() if column is not None})
