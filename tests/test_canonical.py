"""The one gate for what a user passes in: what it takes, case by case, and what it refuses in words."""

import copy
import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.data import Interactions, check_interactions, is_matrix


def events_of(data):
    return list(zip(data.users.tolist(), data.items.tolist(), data.values.tolist()))


# Matrices


def test_a_memory_map_is_read_in_place(tmp_path):
    np.save(tmp_path / "X.npy", np.eye(3))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert events_of(check_interactions(X)) == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]


def test_later_changes_of_a_matrix_do_not_reach_the_events():
    X = sp.csr_array(np.eye(3, dtype=np.float32))
    data = check_interactions(X)
    X.data[:], X.indices[:] = 9, 0
    assert events_of(data) == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]


def test_shapes_beyond_an_int32_are_read_without_overflow():
    ends = ([0, 99_999], [5, 99_999])
    data = check_interactions(sp.coo_array((np.ones(2), ends), shape=(100_000, 100_000)))
    assert data.pair_keys.tolist() == [5, 9_999_999_999]


def test_a_wide_matrix_of_few_entries_is_read_without_being_made_dense():
    X = sp.csr_array((np.ones(1), np.array([2**40]), np.array([0, 1])), shape=(1, 2**40 + 1))
    assert check_interactions(X).items.tolist() == [2**40]


def corrupt(form="csr", **arrays):
    """A valid 2 x 3 matrix with one array replaced."""
    X = getattr(sp, f"{form}_array")(np.array([[1.0, 0, 0], [0, 2, 0]]))
    for name, array in arrays.items():
        setattr(X, name, np.array(array))
    return X


def lil_outside():
    X = sp.lil_array((2, 3))
    X.rows[0], X.data[0] = [7], [1.0]
    return X


def dok_outside():
    X = sp.dok_array((2, 3))
    X._dict[5, 0] = 1.0
    return X


def test_spare_room_behind_the_entries_is_neither_read_nor_trimmed():
    X = corrupt(data=[1.0, 2.0, np.nan], indices=[0, 1, 99])
    assert events_of(check_interactions(X)) == [(0, 0, 1), (1, 1, 2)]
    assert len(X.data) == len(X.indices) == 3


NOT_A_MATRIX = "X must be a users x items matrix (scipy sparse or 2-D array), a DataFrame of events or Interactions, got "
BAD_MATRICES = {
    "None": (None, TypeError, NOT_A_MATRIX + "NoneType"),
    "a string": ("abc", TypeError, NOT_A_MATRIX + "str"),
    "a number": (5, TypeError, NOT_A_MATRIX + "int"),
    "a set": ({1, 2}, TypeError, NOT_A_MATRIX + "set"),
    "a dict": ({"user": [1]}, TypeError, NOT_A_MATRIX + "dict"),
    "a generator": (iter([1]), TypeError, NOT_A_MATRIX + "list_iterator"),
    "1-D": ([1, 2, 3], ValueError, "Expected 2D array for X, got 1D array instead"),
    "a Series": (pd.Series([1, 2]), ValueError, "Expected 2D array for X, got 1D array instead"),
    "3-D": (np.ones((2, 2, 2)), ValueError, "Expected 2D array for X, got 3D array instead"),
    "ragged": ([[1, 2], [3]], ValueError, "X cannot be read as an array"),
    "no rows": (np.ones((0, 3)), ValueError, "0 sample(s) (shape=(0, 3)) while a minimum of 1 is required: X needs"),
    "no columns": (np.ones((3, 0)), ValueError, "0 feature(s) (shape=(3, 0)) while a minimum of 1 is required: X needs"),
    "NaN": ([[1, np.nan, 0]], ValueError, "X must hold finite numbers, got NaN"),
    "infinity": ([[1, -np.inf, 0]], ValueError, "X must hold finite numbers, got infinity"),
    "too large for float32": ([[1e300, 1, 0]], ValueError, "got infinity or a value too large for float32"),
    "complex": ([[1j, 0, 0]], ValueError, "Complex data not supported: X has dtype complex128"),
    "strings": (np.array([["a", "b", "c"]]), ValueError, "X must hold numbers, got dtype <U1"),
    "numbers in words": (np.array([["1", 2, 3]], object), ValueError, "X must hold numbers, got '1'"),
    "objects": (np.array([[{}, 2, 3]], object), TypeError, "X must hold numbers: float() argument must be a string or a"),
    "datetimes": (np.array([["2020"]], "datetime64[s]"), ValueError, "X must hold numbers, got dtype datetime64[s]"),
    "integer pairs": (np.array([[0, 1], [3, 2]]), ValueError, "looks like (user, item) pairs. Pass a DataFrame"),
    "hidden entries": (np.ma.masked_array([[1.0, 2, 3]], [[0, 1, 0]]), ValueError, "X is a masked array with masked"),
    "torch with gradient": (torch.ones(2, 3, requires_grad=True), ValueError, "X cannot be read as an array"),
    "sparse torch": (torch.eye(3).to_sparse(), (TypeError, ValueError), "X cannot be read as an array"),
    "sparse without rows": (sp.csr_array((0, 3)), ValueError, "0 sample(s) (shape=(0, 3))"),
    "sparse NaN": (corrupt(data=[1, np.nan]), ValueError, "X must hold finite numbers, got NaN"),
    "sparse infinity": (corrupt("coo", data=[1, np.inf]), ValueError, "X must hold finite numbers, got infinity"),
    "sparse too large": (corrupt("csc", data=[1, 1e39]), ValueError, "too large for float32"),
    "sparse complex": (corrupt(data=[1j, 1]), ValueError, "Complex data not supported: X has dtype complex128"),
    "CSR, negative index": (corrupt(indices=[-1, 1]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, index outside": (corrupt(indices=[0, 3]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, float index": (corrupt(indices=[0.0, 1.0]), ValueError, "indices must be integers, got dtype float64"),
    "CSR, falling indptr": (corrupt(indptr=[0, 2, 1]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, indptr from 1": (corrupt(indptr=[1, 1, 2]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, short indptr": (corrupt(indptr=[0, 2]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, indptr beyond": (corrupt(indptr=[0, 1, 9]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSR, short data": (corrupt(data=[1.0]), ValueError, "X is not a valid CSR matrix of shape (2, 3)"),
    "CSC, index outside": (corrupt("csc", indices=[0, 2]), ValueError, "X is not a valid CSC matrix of shape (2, 3)"),
    "BSR, index outside": (corrupt("bsr", indices=[0, 9]), ValueError, "X is not a valid BSR matrix of shape (2, 3)"),
    "COO, index outside": (corrupt("coo", row=[0, 2]), ValueError, "X has index 2 on axis 0, outside 0..1"),
    "COO, negative index": (corrupt("coo", col=[-1, 0]), ValueError, "X has index -1 on axis 1, outside 0..2"),
    "LIL, index outside": (lil_outside(), ValueError, "X is not a valid LIL matrix of shape (2, 3)"),
    "DOK, index outside": (dok_outside(), ValueError, "X is not a valid DOK matrix of shape (2, 3)"),
}
if sp.coo_array([1.0, 0, 2]).ndim == 1:  # before SciPy 1.13 it had two dimensions
    message = "X must have two dimensions, users x items, got shape (3,)"
    BAD_MATRICES["sparse 1-D"] = (sp.coo_array([1.0, 0, 2]), ValueError, message)


@pytest.mark.parametrize(("X", "error", "words"), BAD_MATRICES.values(), ids=BAD_MATRICES)
def test_what_is_no_matrix_is_refused_by_name(X, error, words):
    with pytest.raises(error) as caught:
        check_interactions(X)
    assert words in str(caught.value)
    with pytest.raises(error) as caught:
        check_interactions(X, name="validation")
    assert words.replace("X ", "validation ").replace("for X,", "for validation,") in str(caught.value)


# Tables of events

ROWS = {"user": ["b", "a", "b"], "item": [7, 3, 7], "rating": [1.0, 0.0, 2.5], "timestamp": [3, 1, 2]}
LIBRARIES = {
    "pandas": pd.DataFrame,
    "pandas, repeated index": lambda rows: pd.DataFrame(rows, index=[4, 4, 4]),
    "pandas, object columns": lambda rows: pd.DataFrame(rows).astype(object),
    "pandas, nullable": lambda rows: pd.DataFrame(rows).convert_dtypes(),
    "pandas, arrow": lambda rows: pd.DataFrame(rows).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": lambda rows: pd.DataFrame(rows).astype({"user": "category", "item": "category"}),
    "pandas, other columns too": lambda rows: pd.DataFrame(rows | {"note": "x", 0: 1}),
    "pandas, value for rating": lambda rows: pd.DataFrame(rows).rename(columns={"rating": "value"}),
    "polars": pl.DataFrame,
    "polars, categories": lambda rows: pl.DataFrame(rows).with_columns(pl.col("user").cast(pl.Categorical)),
    "polars, decimals": lambda rows: pl.DataFrame(rows).with_columns(pl.col("rating").cast(pl.Decimal(5, 2))),
    "arrow table": pa.table,
    "arrow batch": pa.RecordBatch.from_pydict,
    "arrow dictionary": lambda rows: pa.table(rows | {"user": pa.array(rows["user"]).dictionary_encode()}),
}


@pytest.mark.parametrize("make", LIBRARIES.values(), ids=LIBRARIES)
def test_a_table_of_any_library_holds_events(make):
    frame = make(ROWS)
    before = copy.deepcopy(frame)
    data = check_interactions(frame)
    assert frame.equals(before)
    assert not is_matrix(frame)
    assert events_of(data) == [(1, 1, 1), (0, 0, 0), (1, 1, 2.5)]
    assert (data.user_ids.tolist(), data.item_ids.tolist()) == (["a", "b"], [3, 7])
    assert data.timestamps.tolist() == [3, 1, 2]
    assert data.last_of_each_pair().tolist() == [0, 1]
    assert (data.weights, data.impressions) == (None, None)


def test_weights_and_impressions_are_columns_too():
    frame = pd.DataFrame({"user": [1, 1], "item": [2, 3], "weight": [0.5, 2], "impression": ["x9", "a1"]})
    data = check_interactions(frame)
    assert data.weights.tolist() == [0.5, 2]
    assert data.impressions.tolist() == [0, 1]
    assert data.values.tolist() == [1, 1]


def test_columns_of_other_names_are_named():
    frame = pd.DataFrame({0: ["a"], "film": ["b"], "stars": [4], "when": [9], "rating": [1], "w": [2], "shown": [5]})
    data = Interactions.from_frame(frame, user=0, item="film", rating="stars", timestamp="when", weight="w", impression="shown")
    assert data.to_frame().to_dict("list") == {
        "user": ["a"], "item": ["b"], "rating": [4], "timestamp": [9], "weight": [2], "impression": [0]
    }  # fmt: skip


PAIR = {"user": ["a", "b"], "item": [1, 2]}
FRAME = pd.DataFrame(PAIR)
NO_COLUMNS = "X is a DataFrame without the columns 'user' and 'item'; it has "
BAD_FRAMES = {
    "wide": (pd.DataFrame(np.eye(3)), ValueError, NO_COLUMNS + "[0, 1, 2]. A DataFrame is a table of events"),
    "wide, to a matrix": (pd.DataFrame(np.eye(3)), ValueError, "A users x items table is a matrix: pass df.to_numpy()"),
    "renamed": (FRAME.rename(columns={"user": "who"}), ValueError, NO_COLUMNS + "['who', 'item']"),
    "in the index": (FRAME.set_index("user"), ValueError, NO_COLUMNS + "['item']"),
    "two levels": (pd.concat([FRAME], axis=1, keys=["x"]), ValueError, NO_COLUMNS + "[('x', 'user'), ('x', 'item')]"),
    "no rows": (FRAME[:0], ValueError, "X is a DataFrame without rows, at least one is required"),
    "a column twice": (pd.concat([FRAME, FRAME], axis=1), ValueError, "X has more than one column 'user'"),
    "ratings twice": (pd.DataFrame([[1, 2, 3, 4]], columns=["user", "item", "rating", "rating"]), ValueError,
                      "X has more than one column 'rating'"),
    "an arrow column twice": (pa.table([[1], [2], [3]], names=["user", "item", "user"]), ValueError,
                              "X has more than one column 'user'"),
    "lazy": (pl.DataFrame(PAIR).lazy(), TypeError, "X is a LazyFrame, whose rows are not in memory"),
    "user None": (FRAME.assign(user=["a", None]), ValueError, "column 'user' of X must not be missing, but the label at"),
    "item NaN": (FRAME.assign(item=[1, np.nan]), ValueError, "column 'item' of X must not be missing, but the label at"),
    "user NaT": (FRAME.assign(user=pd.to_datetime(["2020", None])), ValueError, "column 'user' of X must not be missing"),
    "polars null": (pl.DataFrame({"user": ["a", None], "item": [1, 2]}), ValueError, "column 'user' of X must not be missing"),
    "arrow null": (pa.table({"user": [None, 1], "item": [1, 2]}), ValueError, "column 'user' of X must not be missing, but the "
                   "label at position 0 is"),
    "arrow, all null": (pa.table({"user": [None, None], "item": [1, 2]}), ValueError, "column 'user' of X must not be"),
    "lists as users": (FRAME.assign(user=[[1], [2]]), TypeError, "column 'user' of X must be hashable labels"),
    "polars lists": (pl.DataFrame({"user": [[1], [2]], "item": [1, 2]}), TypeError, "column 'user' of X must be hashable"),
    "rating NaN": (FRAME.assign(rating=[1, np.nan]), ValueError, "column 'rating' of X must hold finite numbers"),
    "value infinite": (FRAME.assign(value=[1, np.inf]), ValueError, "column 'value' of X must hold finite numbers"),
    "rating null": (pl.DataFrame(PAIR | {"rating": [1, None]}), ValueError, "column 'rating' of X must hold finite numbers"),
    "rating in words": (FRAME.assign(rating=["4", "5"]), ValueError, "column 'rating' of X must hold numbers, got '4'"),
    "rating a date": (FRAME.assign(rating=pd.to_datetime("2020")), ValueError, "column 'rating' of X must hold numbers"),
    "weight negative": (FRAME.assign(weight=[1, -2]), ValueError, "column 'weight' of X must not be negative"),
    "weight NaN": (FRAME.assign(weight=[1, np.nan]), ValueError, "column 'weight' of X must hold finite numbers, got NaN"),
    "impression a list": (FRAME.assign(impression=[["x"], ["y"]]), TypeError, "column 'impression' of X must be hashable"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "error", "words"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_table_that_holds_no_events_is_refused_by_name(frame, error, words):
    with pytest.raises(error) as caught:
        check_interactions(frame)
    assert words in str(caught.value)


def test_a_named_column_must_be_there_and_the_table_be_one():
    with pytest.raises(ValueError, match=r"df has no column 'stars' \(rating\); it has \['user', 'item'\]"):
        Interactions.from_frame(FRAME, rating="stars")
    with pytest.raises(ValueError, match="df is a DataFrame without the columns 'who' and 'item'"):
        Interactions.from_frame(FRAME, user="who")
    with pytest.raises(TypeError, match=r"df must be a DataFrame or Table \(pandas, polars, pyarrow\), got list"):
        Interactions.from_frame([[1, 2]])


# Times


def times_of(times):
    return Interactions.from_arrays([0, 1], [0, 1], timestamps=times).timestamps


SECOND, DAY = 10**6, 86_400 * 10**6
GOOD_TIMES = {
    "int": ([5, -3], [5, -3]),
    "large int": ([2**62, 2**62 + 1], [2**62, 2**62 + 1]),
    "whole floats": ([5.0, -3.0], [5, -3]),
    "nullable int": (pd.array([5, 3], dtype="Int64"), [5, 3]),
    "int in objects": (np.array([5, 3], object), [5, 3]),
    "int, big-endian": (np.array([5, 3], ">i4"), [5, 3]),
    "datetimes": (np.array(["1970-01-02T00:00:00.000001", "1969-12-31T23:59:59"], "datetime64[ns]"), [DAY + 1, -SECOND]),
    "years far away": (np.array(["9999-01-01", "0001-01-01"], "datetime64[s]"), [253370764800 * SECOND, -62135596800 * SECOND]),
    "Python datetimes": ([dt.datetime(1970, 1, 1, 0, 0, 1), dt.datetime(1970, 1, 2)], [SECOND, DAY]),
    "Python dates": ([dt.date(1970, 1, 2), dt.date(1970, 1, 1)], [DAY, 0]),
    "with a zone": (pd.Series(pd.to_datetime(["1970-01-01 01:00", "1970-01-02 00:00"])).dt.tz_localize("Europe/Paris"),
                    [0, DAY - 3600 * SECOND]),
    "of several zones": ([pd.Timestamp(0, tz="UTC"), pd.Timestamp("1970-01-01 01:00", tz="Europe/Paris")], [0, 0]),
    "polars": (pl.Series([dt.datetime(1970, 1, 2), dt.datetime(1970, 1, 1)]), [DAY, 0]),
    "polars dates": (pl.Series([dt.date(1970, 1, 2), dt.date(1970, 1, 1)]), [DAY, 0]),
    "arrow, nanoseconds": (pa.array([1999, 2000], pa.timestamp("ns", tz="UTC")), [1, 2]),
    "arrow dates": (pa.array([1, 0], pa.date32()), [DAY, 0]),
}  # fmt: skip


@pytest.mark.parametrize(("times", "expected"), GOOD_TIMES.values(), ids=GOOD_TIMES)
def test_times_are_integers_as_given_or_microseconds(times, expected):
    assert times_of(times).dtype == np.int64
    assert times_of(times).tolist() == expected


@pytest.mark.parametrize("resolution", ["s", "ms", "us", "ns"])
def test_the_unit_of_datetimes_does_not_depend_on_the_resolution_of_the_column(resolution):
    assert times_of(pd.to_datetime(["1970-01-02", "1970-01-03"]).as_unit(resolution)).tolist() == [DAY, 2 * DAY]


ZONED = [dt.datetime(2020, 5, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))), dt.datetime(2020, 5, 1, 11)]
IN_UTC = pd.Series(pd.to_datetime(["2020-05-01 10:00", "2020-05-01 11:00"]))
LIKE_ZONED = {
    "objects": ZONED,
    "pandas' objects": pd.Series([pd.Timestamp(time) for time in ZONED], dtype=object),
    "numpy's objects": np.array([np.datetime64(time) for time in IN_UTC], dtype=object),
    "categories": IN_UTC.dt.tz_localize("UTC").astype("category"),
} | {
    f"{backing}, {unit}": make(unit)
    for unit in ("s", "ms", "us", "ns")
    for backing, make in {
        "pandas": lambda unit: IN_UTC.dt.as_unit(unit).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        "Arrow in pandas": lambda unit: IN_UTC.dt.tz_localize("UTC").astype(pd.ArrowDtype(pa.timestamp(unit, "Asia/Tokyo"))),
        "Arrow in pandas, no zone": lambda unit: IN_UTC.astype(pd.ArrowDtype(pa.timestamp(unit))),
        "Arrow": lambda unit: pa.chunked_array([pa.array(IN_UTC, pa.timestamp(unit, "Asia/Tokyo"))]),
        "polars": lambda unit: pl.Series(IN_UTC).cast(pl.Datetime("us" if unit == "s" else unit, "Asia/Kolkata")),
    }.items()
}


@pytest.mark.parametrize("times", LIKE_ZONED.values(), ids=LIKE_ZONED)
def test_times_with_a_zone_are_the_same_in_every_backing(times):
    assert times_of(times).tolist() == [1588327200 * SECOND, 1588330800 * SECOND]


@pytest.mark.parametrize(
    "days",
    [
        pa.array([dt.date(1970, 1, 2)] * 2),
        pd.Series([dt.date(1970, 1, 2)] * 2, dtype="date32[pyarrow]"),
        pl.Series([dt.date(1970, 1, 2)] * 2),
    ],
)
def test_days_are_the_same_in_every_backing(days):
    assert times_of(days).tolist() == [DAY, DAY]


@pytest.mark.parametrize(
    ("unit", "numbers"),
    [("D", [1, 2]), ("h", [24, 48]), ("min", [1440, 2880]), ("s", [86400.0, 172800.0]), ("ns", [DAY * 1000, DAY * 2000])],
)
def test_whole_numbers_of_a_known_unit_are_microseconds(unit, numbers):
    data = Interactions.from_arrays([0, 1], [0, 1], timestamps=numbers, timestamp_unit=unit)
    assert (data.timestamps.tolist(), data.timestamp_unit) == ([DAY, 2 * DAY], "us")
    assert check_interactions(data.to_frame()).timestamps.tolist() == [DAY, 2 * DAY]


def test_the_unit_of_times_is_kept_and_whole_numbers_have_none():
    dates = Interactions.from_frame(FRAME.assign(timestamp=pd.to_datetime("2020")))
    assert dates[:1].timestamp_unit == dates.with_values(np.ones(len(dates))).timestamp_unit == "us"
    assert dataclasses.replace(dates, values=np.ones(len(dates))).timestamps.tolist() == dates.timestamps.tolist()
    assert dataclasses.replace(dates, timestamps=None).timestamp_unit is None
    assert Interactions.from_arrays([0], [0], timestamps=[5]).timestamp_unit is None


@given(times=st.lists(st.datetimes(), min_size=2, max_size=2))
def test_datetimes_keep_their_order_within_a_second(times):
    first, second = times_of(times).tolist()
    assert (first < second, first == second) == (times[0] < times[1], times[0] == times[1])


BAD_TIMES = {
    "too few": ([1], "timestamps must be one time for each of the 2 events, got shape (1,)"),
    "one for all": (5, "timestamps must be one time for each of the 2 events, got shape ()"),
    "2-D": ([[1, 2]], "timestamps must be one time for each of the 2 events, got shape (1, 2)"),
    "None": ([None, 1], "timestamps must not be missing, but the one at position 0 is"),
    "NaN": ([1, np.nan], "timestamps must not be missing, but the one at position 1 is"),
    "NaT": (pd.to_datetime(["2020", None]), "timestamps must not be missing, but the one at position 1 is"),
    "masked": (np.ma.masked_array([1, 2], [0, 1]), "timestamps is a masked array with masked entries"),
    "fractions": ([1.5, 2], "timestamps must be datetimes, or whole numbers that int64 holds exactly, got 1.5"),
    "infinite": ([1, np.inf], "timestamps must be datetimes, or whole numbers that int64 holds exactly, got inf"),
    "rounded floats": ([2.0**60, 1], "timestamps must be datetimes, or whole numbers that int64 holds exactly, got 1.15"),
    "beyond int64": (np.array([2**63, 1], np.uint64), "whole numbers that int64 holds exactly, got 9223372036854775808"),
    "far away": (
        np.array(["2020", "20000"], "datetime64[Y]"),
        "timestamps must lie in the years 1 to 9999 in UTC, got 20000-01-01",
    ),
    "beyond, in UTC": (
        [dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=5)))] * 2,
        "timestamps must lie in the",
    ),
    "times of day": ([dt.time(1), dt.time(2)], "timestamps must be whole numbers or datetimes, got datetime.time(1, 0)"),
    "months": (pd.period_range("2020-01", periods=2, freq="M"), "timestamps must be whole numbers or datetimes, got Period("),
    "words": (
        ["2020-01-01", "2021-01-01"],
        "timestamps must be whole numbers or datetimes, got '2020-01-01' at position 0; pd.to_datetime",
    ),
    "bool": ([True, False], "timestamps must be whole numbers or datetimes, got True"),
    "durations": (pd.to_timedelta([1, 2]), "timestamps must be whole numbers or datetimes, got Timedelta"),
}


@pytest.mark.parametrize(("times", "words"), BAD_TIMES.values(), ids=BAD_TIMES)
def test_what_is_no_time_is_refused_by_name(times, words):
    with pytest.raises(ValueError) as caught:
        times_of(times)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([5, 6, 2.5], "got 2.5 at position 2"),
        ([5, 6, "x", 7], "must be whole numbers or datetimes, got 'x' at position 2; pd.to_datetime parses dates in text"),
        ([dt.date(2020, 1, 1), 6, "x"], "must be whole numbers or datetimes, got 'x' at position 2; pd.to_datetime"),
        ([dt.date(2020, 1, 1), 5, dt.date(2020, 1, 2)], "got 5 at position 1, a number among others"),
        ([5, 6, pd.Timestamp("2020"), 7], "got Timestamp('2020-01-01 00:00:00') at position 2, a date among others"),
        ([5, dt.timedelta(1)], "got datetime.timedelta(days=1) at position 1"),
        ([5, 2**70], "got 1180591620717411303424 at position 1"),
    ],
)
def test_the_time_that_does_not_fit_is_named_with_its_position(times, words):
    for column in (times, pd.Series(times, dtype=object)):
        with pytest.raises(ValueError) as caught:
            Interactions.from_arrays(range(len(times)), range(len(times)), timestamps=column)
        assert words in str(caught.value)
    with pytest.raises(ValueError) as caught:
        times_of(pd.Series([5, True], dtype=object))
    assert "got True at position 1" in str(caught.value)


def test_the_times_of_a_table_are_named_as_its_own():
    with pytest.raises(ValueError, match="column 'timestamp' of X must not be missing"):
        check_interactions(FRAME.assign(timestamp=pd.to_datetime(["2020", None])))


# Values given apart: y

GOOD_Y = {
    "list": [1, 2.5],
    "one column": [[1], [2.5]],
    "Series of another index": pd.Series([1, 2.5], index=[9, 9]),
    "big-endian": np.array([1, 2.5], ">f8"),
    "nullable": pd.array([1, 2.5], dtype="Float64"),
    "polars": pl.Series([1.0, 2.5]),
    "arrow": pa.array([1, 2.5]),
    "torch": torch.tensor([1, 2.5]),
    "objects": np.array([1, 2.5], object),
}


@pytest.mark.parametrize("y", GOOD_Y.values(), ids=GOOD_Y)
def test_y_takes_the_place_of_the_values(y):
    for X in (FRAME, FRAME.assign(rating=9), Interactions.from_arrays([0, 1], [0, 1])):
        assert check_interactions(X, y).values.tolist() == [1, 2.5]


def test_y_of_a_matrix_is_ignored():
    assert check_interactions(np.eye(3), [7, 8, 9]).values.tolist() == [1, 1, 1]


BAD_Y = {
    "too few": ([1], ValueError, "y must be one number for each of the 2 events, got shape (1,)"),
    "a number": (5, ValueError, "y must be one number for each of the 2 events, got shape ()"),
    "a string": ("ab", ValueError, "y must be one number for each of the 2 events, got shape ()"),
    "2-D": ([[1, 2], [3, 4]], ValueError, "y must be one number for each of the 2 events, got shape (2, 2)"),
    "ragged": ([[1], [2, 3]], ValueError, "y cannot be read as an array"),
    "sparse": (sp.csr_array([[1], [2]]), TypeError, "y must be a 1-D array of numbers, got a sparse matrix"),
    "NaN": ([1, np.nan], ValueError, "y must hold finite numbers, got NaN"),
    "None": ([1, None], ValueError, "y must hold finite numbers, got NaN"),
    "NA": (pd.array([1, None], dtype="Int64"), ValueError, "y must hold finite numbers, got NaN"),
    "null": (pl.Series([1, None]), ValueError, "y must hold finite numbers, got NaN"),
    "infinity": ([1, np.inf], ValueError, "y must hold finite numbers, got infinity"),
    "too large": ([1, 1e39], ValueError, "too large for float32"),
    "words": (["a", "b"], ValueError, "y must hold numbers, got dtype <U1"),
    "numbers in words": (pd.Series(["1", "2"]), ValueError, "y must hold numbers, got '1'"),
    "complex": ([1j, 2], ValueError, "Complex data not supported: y has dtype complex128"),
    "datetimes": (pd.to_datetime(["2020", "2021"]), ValueError, "y must hold numbers, got dtype datetime64"),
    "masked": (np.ma.masked_array([1, 2], [0, 1]), ValueError, "y is a masked array with masked entries"),
}


@pytest.mark.parametrize(("y", "error", "words"), BAD_Y.values(), ids=BAD_Y)
def test_what_is_no_y_is_refused_by_name(y, error, words):
    for X in (FRAME, Interactions.from_arrays([0, 1], [0, 1])):
        with pytest.raises(error) as caught:
            check_interactions(X, y)
        assert words in str(caught.value)


# Interactions


def test_interactions_pass_as_they_are():
    data = Interactions.from_arrays([0], [0])
    assert check_interactions(data) is data
    assert not is_matrix(data)


def test_interactions_without_events_are_refused():
    with pytest.raises(ValueError, match=r"0 sample\(s\): X has no events, at least one is required"):
        check_interactions(Interactions.from_arrays([], [], n_users=2, n_items=2))
