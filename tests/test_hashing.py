"""Numbers that stand for labels: of their values alone."""

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skrec.data._hashing import hash_labels

DAYS = pd.to_datetime(["2020-01-01", "2021-05-05"])
MOMENT = pd.Timestamp("2020-01-01 12:00", tz="Europe/Paris")

EQUAL = {
    "int32": ([1, -2], np.array([1, -2], np.int32)),
    "uint64": ([1, 2], np.array([1, 2], np.uint64)),
    "objects": ([1, -2], np.array([1, -2], object)),
    "objects of numpy": ([1, 2], np.array([np.int8(1), np.uint16(2)], object)),
    "nullable": ([1, 2], pd.array([1, 2], dtype="Int64")),
    "Arrow": ([1, 2], pd.array([1, 2], dtype="int64[pyarrow]")),
    "category": ([1, 2], pd.Categorical([1, 2])),
    "floats": ([1, 2], [1.0, 2.0]),
    "Decimals": ([1, 2], [Decimal(1), Decimal("2.0")]),
    "float32": ([0.5, 0.25], np.array([0.5, 0.25], np.float32)),
    "beyond int64": ([2**63, 2**64 - 1], np.array([2**63, 2**64 - 1], np.uint64)),
    "numpy's strings": (["a", "b"], np.array(["a", "b"])),
    "pandas' strings": (["a", "b"], pd.array(["a", "b"], dtype="string")),
    "categories of strings": (["a", "b"], pd.Categorical(["a", "b"])),
    "datetimes": (DAYS, DAYS.to_pydatetime()),
    "datetimes of another unit": (DAYS, DAYS.to_numpy().astype("datetime64[D]")),
    "one moment in two zones": ([MOMENT, MOMENT], [MOMENT.tz_convert("Asia/Tokyo"), MOMENT.to_pydatetime()]),
}


@pytest.mark.parametrize(("labels", "others"), EQUAL.values(), ids=EQUAL)
def test_equal_labels_have_equal_numbers(labels, others):
    assert hash_labels(labels).tolist() == hash_labels(others).tolist()


def test_the_other_labels_do_not_matter():
    labels = [1, "a", 2.5, b"a", dt.date(2020, 1, 1), uuid.UUID(int=3), (1, 2), 2**70, True]
    together = hash_labels(labels)
    assert together.tolist() == [hash_labels([label])[0] for label in labels]


def test_different_labels_have_different_numbers():
    labels = [1, "1", 1.5, "1.5", dt.date(2020, 1, 1), "a", -1, 2**63, -(2**63), 2**64 + 1, float("inf")]
    assert len(set(hash_labels(labels).tolist())) == len(labels)
    assert len(hash_labels([])) == 0


def test_the_numbers_are_the_same_for_ever():
    """Scores of new users depend on them."""
    assert hash_labels([0, 1, 196]).tolist() == pd.util.hash_array(np.array([0, 1, 196])).tolist()
    assert hash_labels(["Fargo (1996)"]).tolist() == pd.util.hash_array(np.array(["Fargo (1996)"], object)).tolist()
