"""Labels and values of parameters in files of models."""

import datetime as dt
import uuid
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skrec import Interactions, MFRecommender, PopularityRecommender, RandomRecommender, load
from skrec.persistence._errors import NotStorable
from skrec.persistence._labels import read_object, write_object
from skrec.persistence._values import ValueReader, ValueWriter

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = pd.date_range("2026-10-24", periods=4, freq="12h")  # with the change to winter time
LABELS = {
    "strings": ["a", "", "ä\0\1", "\0"],
    "integers": [3, -1, 2**40, 0],
    "large integers": [2**63, 2**70, -(2**80), 5],
    "floats": [0.5, -1.25, 1e300, float("inf")],
    "booleans": [True, False],
    "bytes": [b"", b"\0\xff", b"a", b"b"],
    "UUIDs": [uuid.UUID(int=number) for number in (0, 1, 2**127, 7)],
    "datetimes": DAYS.tolist(),
    "datetimes of numpy": DAYS.to_numpy(),
    "days of numpy": np.array(["2026-01-01", "1999-12-31"], "datetime64[D]"),
    "durations of numpy": np.array([1, 2, 3], "timedelta64[s]"),
    "datetimes with a zone": DAYS.tz_localize(BERLIN).tolist(),
    "datetimes with an offset": [dt.datetime(2026, 1, day, tzinfo=dt.timezone(dt.timedelta(hours=5.5))) for day in (1, 2, 3)],
    "datetimes of Python": [dt.datetime(2026, 10, day, 2, 30, fold=day - 24, tzinfo=BERLIN) for day in (24, 25)],
    "dates": [dt.date(2026, 1, 1), dt.date(1, 1, 1)],
    "times of the day": [dt.time(1, 2, 3), dt.time(4, 5, 6, 7)],
    "times of the day with a zone": [
        dt.time(1, 2, tzinfo=BERLIN),
        dt.time(3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=-3))),
    ],
    "durations": [dt.timedelta(days=1), dt.timedelta(microseconds=-1)],
    "numbers": [Decimal("1.10"), Fraction(1, 3), Decimal("7"), 1 + 2j],
    "tuples": [("a", 1), ("a", 2), (), (("b", None), b"c", 0.5)],
    "a mixture": [1, "1", 1.5, b"1", ("1",), dt.date(2026, 1, 1)],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_all_kinds(labels, tmp_path):
    labels = labels if isinstance(labels, np.ndarray) else np.fromiter(labels, object, len(labels))
    data = Interactions.from_csr(csr_array(np.eye(len(labels))), user_ids=labels, item_ids=labels[::-1])
    model = PopularityRecommender().fit(data)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    for found, expected in ((loaded.user_ids_, model.user_ids_), (loaded.item_ids_, model.item_ids_)):
        assert found.dtype == expected.dtype and found.tolist() == expected.tolist()
        assert list(map(type, found)) == list(map(type, expected))
        assert repr(found.tolist()) == repr(expected.tolist())
    answer, same = (some.recommend(model.user_ids_[:2], k=1, exclude_seen=False) for some in (model, loaded))
    assert answer.items.tolist() == same.items.tolist()


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)  # surrogates too


@given(st.lists(ANY_TEXT, unique=True, max_size=6))
def test_any_strings(strings):
    assert roundtrip(np.fromiter(strings, object, len(strings))).tolist() == strings


@given(st.lists(st.text("\0\1", max_size=8), unique=True, max_size=12))
def test_strings_of_the_characters_of_separators(strings):
    assert roundtrip(np.fromiter(strings, object, len(strings))).tolist() == strings


def test_all_characters_as_labels():
    labels = np.fromiter(map(chr, range(0, 0x110000, 7)), object)
    np.testing.assert_array_equal(roundtrip(labels), labels)


def nested(label, depth):
    return label if depth == 0 else (nested(label, depth - 1),)


def test_zones_of_times_of_the_day_are_kept():
    for zone in (BERLIN, dt.UTC, dt.timezone(dt.timedelta(hours=5.5))):
        found = read_object(write_object(dt.time(1, 2, tzinfo=zone)))
        assert found == dt.time(1, 2, tzinfo=zone) and found.tzinfo == zone
    assert read_object(["time", "01:02:00+02:00"]).utcoffset() == dt.timedelta(hours=2)  # of earlier files


def test_labels_are_nested_as_deep_in_files_as_they_can_be_read(tmp_path):
    for depth, is_refused in ((8, False), (9, True)):
        events = Interactions.from_arrays(
            [0, 1], [0, 1], item_ids=np.fromiter([nested("a", depth), nested("b", depth)], object, 2)
        )
        model = PopularityRecommender().fit(events)
        if is_refused:
            with pytest.raises(TypeError, match="nested more than 8 deep"):
                model.save(tmp_path / "model.skrec")
        else:
            model.save(tmp_path / "model.skrec")
            assert load(tmp_path / "model.skrec").item_ids_.tolist() == events.item_ids.tolist()


def test_a_label_of_another_class_cannot_be_saved(tmp_path):
    class Title:
        pass

    data = Interactions.from_csr(np.eye(2), item_ids=[Title(), Title()])
    with pytest.raises(TypeError, match=r"a label of the type .*Title"):
        PopularityRecommender().fit(data).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def roundtrip(value):
    writer = ValueWriter()
    node = writer.value(value)
    return ValueReader(writer.tensors).value(node)


VALUES = [
    *(None, True, 3, -(2**100), 0.1, -0.0, "text", "\ud800", (1, (2, "a")), [1.5, None], {"a": 1, 2: (3,)}, {1, 2}),
    *(frozenset({"a"}), np.float32(0.1), np.int64(7), np.bool_(True), dt.timedelta(days=3, microseconds=5)),
    *(pd.Timedelta("30 days"), dt.date(2026, 1, 1), Path("a") / "b", Decimal("0.1"), float("inf"), np.datetime64("2026", "D")),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_of_parameters(value):
    found = roundtrip(value)
    assert type(found) is type(value) and found == value and repr(found) == repr(value)


def test_nan_and_text_of_numpy():
    assert np.isnan(roundtrip(float("nan")))
    assert roundtrip(np.str_("bpr")) == "bpr"


@pytest.mark.parametrize(
    "array",
    [
        np.full((), 3, np.float32),
        np.zeros((0, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.array([True, False]),
        np.arange(3, dtype=np.float16),
    ],
    ids=["scalar", "empty", "column-major", "strided", "flags", "half"],
)
def test_arrays(array):
    found = roundtrip(array)
    np.testing.assert_array_equal(found, array, strict=True)
    assert found.flags.f_contiguous == array.flags.f_contiguous and found.flags.writeable


def test_arrays_are_aligned_for_torch(tmp_path):
    PopularityRecommender().fit(np.eye(5)).save(tmp_path / "model")
    assert load(tmp_path / "model").item_counts_.ctypes.data % 64 == 0


@pytest.mark.parametrize("name", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
@pytest.mark.parametrize("made", [np.random.Generator, np.random.RandomState])
def test_random_states_continue(name, made, tmp_path):
    model = RandomRecommender(random_state=made(getattr(np.random, name)(5)))
    model.random_state.normal(size=3)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.random_state.normal(size=9), model.random_state.normal(size=9))


@pytest.mark.parametrize(
    "value", [object(), len, np.array([[object()]]), PopularityRecommender], ids=lambda value: type(value).__name__
)
def test_other_values_are_refused(value):
    with pytest.raises(NotStorable):
        ValueWriter().value(value)


def test_parameters_of_many_kinds(tmp_path):
    model = MFRecommender(
        half_life=dt.timedelta(days=30),
        checkpoint_dir=Path("runs"),
        trainer={"precision": "32-true", "devices": [0]},
        random_state=np.random.default_rng(3),
        y_range=(0.5, np.float64(5.5)),
    )
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    names = ("half_life", "checkpoint_dir", "trainer", "y_range")
    assert [getattr(loaded, name) for name in names] == [getattr(model, name) for name in names]
    assert loaded.random_state.random() == model.random_state.random()


@pytest.mark.parametrize(
    "node",
    [
        ["fraction", "1e99999999"],
        ["fraction", "1/0"],
        ["decimal", "sNaN"],
        ["datetime", "2020-01-01T00:00:00+00:00|America"],
        ["datetime", "2020-01-01T00:00:00+00:00|" + "a" * 300],
        ["int", "1" * 10**6 + "x"],
    ],
    ids=lambda node: f"{node[0]}-{node[1][:12]}-{len(node[1])}",
)
def test_hostile_labels_are_refused_at_once(node):
    with pytest.raises((ValueError, ArithmeticError)):  # which load turns into a ModelFormatError
        read_object(node)
