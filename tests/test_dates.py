"""Splits at moments that the user names: dates, datetimes, numbers; one or several."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import cross_val_score

from skrec import PopularityRecommender, get_scorer
from skrec.data import Interactions
from skrec.model_selection import TemporalSplit, train_test_split

DAYS = pd.date_range("2026-01-01", periods=10)
TABLE = pd.DataFrame({"user": np.arange(10) % 3, "item": np.arange(10), "timestamp": DAYS})
SECONDS = DAYS.as_unit("s").astype(np.int64)
NUMBERED = TABLE.assign(timestamp=SECONDS)
DATED = Interactions.from_frame(NUMBERED, timestamp_unit="s")

MOMENTS = {
    "text": "2026-01-08",
    "text with a time": "2026-01-07 00:00:01",
    "text with a zone": "2026-01-08T01:00+01:00",
    "date": datetime.date(2026, 1, 8),
    "datetime": datetime.datetime(2026, 1, 8),
    "datetime with a zone": datetime.datetime(2026, 1, 7, 19, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))),
    "numpy": np.datetime64("2026-01-08"),
    "numpy, ns": np.datetime64("2026-01-08", "ns"),
    "pandas": pd.Timestamp("2026-01-08"),
    "number": int(pd.Timestamp("2026-01-08").value // 1000),
    "numpy number": np.int64(pd.Timestamp("2026-01-08").value // 1000),
}


def parts(splitter, X):
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]


@pytest.mark.parametrize("at", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize(
    "X", [TABLE, pl.from_pandas(TABLE), pa.Table.from_pandas(TABLE), DATED], ids=lambda X: type(X).__module__
)
def test_every_form_of_a_moment_splits_every_form_of_events(at, X):
    assert parts(TemporalSplit(at=at), X) == [([*range(7)], [7, 8, 9])]
    assert parts(TemporalSplit(at=[at]), X) == [([*range(7)], [7, 8, 9])]


def test_a_number_is_in_the_unit_of_the_numbers():
    assert parts(TemporalSplit(at=int(SECONDS[3])), NUMBERED) == [([0, 1, 2], [*range(3, 10)])]
    assert parts(TemporalSplit(at=int(SECONDS[3]), test_window=86_400), NUMBERED) == [([0, 1, 2], [3])]


@pytest.mark.parametrize(
    "arguments", [{"at": "2026-01-08"}, {"train_window": "2D"}, {"test_window": datetime.timedelta(days=2)}], ids=str
)
def test_dates_need_a_known_unit(arguments):
    with pytest.raises(ValueError, match=r"unit of the timestamps is unknown.*timestamp_unit='s'"):
        parts(TemporalSplit(**arguments), NUMBERED)


@pytest.mark.parametrize("moments", [list, tuple, np.array, pd.Series, pd.DatetimeIndex], ids=lambda kind: kind.__name__)
def test_several_moments_are_an_expanding_window(moments):
    splitter = TemporalSplit(at=moments([pd.Timestamp("2026-01-04"), pd.Timestamp("2026-01-09")]))
    assert splitter.get_n_splits() == 2
    assert parts(splitter, TABLE) == [([0, 1, 2], [3, 4, 5, 6, 7]), ([*range(8)], [8, 9])]


@pytest.mark.parametrize(
    "window", ["3D", "72h", datetime.timedelta(days=3), np.timedelta64(3, "D"), pd.Timedelta("3D"), 3 * 86_400 * 10**6]
)
def test_windows_are_lengths_of_time(window):
    assert parts(TemporalSplit(at="2026-01-05", train_window=window, test_window=window), TABLE) == [([1, 2, 3], [4, 5, 6])]


def test_a_window_of_training_rolls_over_fractions_too():
    assert parts(TemporalSplit(2, test_size=0.2, train_window="3D"), TABLE) == [([3, 4, 5], [6, 7]), ([5, 6, 7], [8, 9])]


def test_a_test_window_ends_where_the_next_one_begins():
    assert parts(TemporalSplit(at=["2026-01-04", "2026-01-06"], test_window="3D"), TABLE) == [
        ([0, 1, 2], [3, 4]),
        ([*range(5)], [5, 6, 7]),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": "2025-12-31"}, "no events to train on before 2025-12-31.*: the events are from 2026-01-01T.* to 2026-01-10T"),
        ({"at": "2026-01-01"}, "no events to train on before 2026-01-01"),
        ({"at": "2026-01-10T00:00:01"}, "no events to test on from 2026-01-10T00:00:01"),
        ({"at": 5}, "no events to train on before 1970-01-01T00:00:00.000005"),
        ({"at": ["2026-01-03", "2027-01-01"]}, "no events to test on from 2027"),
        ({"at": "2026-01-03T12:00", "train_window": "1h"}, "no events to train on before 2026-01-03T12"),
        ({"at": ["2026-01-05", "2026-01-03"]}, "at must be strictly ascending"),
        ({"at": ["2026-01-05", "2026-01-05T00:00"]}, "at must be strictly ascending"),
    ],
)
def test_moments_that_cannot_split_the_data_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        parts(TemporalSplit(**arguments), TABLE)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"at": "soon"}, ValueError, "at must be a date such as '2026-01-31', .* got 'soon'"),
        ({"at": 0.5}, TypeError, "at must be a date, a datetime or a whole number, got 0.5"),
        ({"at": True}, TypeError, "got True"),
        ({"at": pd.NaT}, (TypeError, ValueError), "at must"),
        ({"at": []}, ValueError, "at least one time"),
        ({"at": "2026-01-05", "n_splits": 2}, ValueError, "at needs n_splits=None, or 1, .* got n_splits=2"),
        ({"at": "2026-01-05", "test_size": 0.2}, ValueError, "at needs .* test_size=None, got .* test_size=0.2"),
        ({"train_window": "a while"}, ValueError, "train_window must be a positive .* got 'a while'"),
        ({"train_window": 0}, ValueError, "train_window must be a positive"),
        ({"test_window": "-2D"}, ValueError, "test_window must be a positive"),
        ({"test_window": 0.5}, TypeError, "test_window must be a timedelta"),
        ({"test_window": False}, TypeError, "test_window must be a timedelta"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        TemporalSplit(**arguments)


def test_no_timestamps_no_moments():
    with pytest.raises(ValueError, match="needs timestamps"):
        parts(TemporalSplit(at="2026-01-05"), TABLE[["user", "item"]])


def test_a_splitter_prints_its_moments():
    printed = " ".join(repr(TemporalSplit(at="2026-01-05", train_window="3D")).split())
    assert printed == "TemporalSplit(at='2026-01-05', n_splits=1, test_size=None, test_window=None, train_window='3D')"


def test_train_test_split_at_a_date():
    train, test = train_test_split(TABLE, by="time", at="2026-01-08")
    assert (train["item"].tolist(), test["item"].tolist()) == ([*range(7)], [7, 8, 9])
    for arguments in ({"by": "random"}, {"by": "time", "test_size": 0.2}):
        with pytest.raises(ValueError, match="at needs by='time' and no test_size"):
            train_test_split(TABLE, at="2026-01-08", **arguments)


def test_rolling_windows_cross_validate():
    rng = np.random.default_rng(0)
    plays = {"user": rng.integers(0, 20, 400), "item": rng.integers(0, 30, 400)}
    plays = pd.DataFrame({**plays, "timestamp": pd.date_range("2026-01-01", periods=400, freq="h")}).drop_duplicates(
        ["user", "item"]
    )
    cv = TemporalSplit(at=["2026-01-08", "2026-01-12"], train_window="7D", test_window="4D")
    assert np.isfinite(cross_val_score(PopularityRecommender(), plays, scoring=get_scorer("recall@5"), cv=cv)).all()
