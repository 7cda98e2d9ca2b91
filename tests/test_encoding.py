import datetime as dt
import pickle
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from skrec import PopularityRecommender
from skrec.data import IdEncoder, Interactions

DAYS = pd.to_datetime(["2020-01-02", "2020-01-01"])
CHEZ_NOUS = DAYS.tz_localize("Europe/Paris")
UUIDS = [uuid.UUID(int=3), uuid.UUID(int=1)]

# Labels, none of them in order; and the vocabulary that they make.
VOCABULARIES = {
    "int": ([7, -3], [-3, 7]),
    "int of numpy": (np.array([7, 3], np.int8), [3, 7]),
    "int, big-endian": (np.array([7, 3], ">i4"), [3, 7]),
    "int, nullable": (pd.array([7, 3], dtype="Int64"), [3, 7]),
    "int beyond int64": ([2**63 + 1, 2**63], [2**63, 2**63 + 1]),
    "int beyond all types": ([2**70, -1], [-1, 2**70]),
    "uint64": (np.array([2**64 - 1, 2**63], np.uint64), [2**63, 2**64 - 1]),
    "bool": ([True, False], [False, True]),
    "float": ([2.5, 1.0], [1.0, 2.5]),
    "half float": (np.array([2.5, 1.0], np.float16), [1.0, 2.5]),
    "str": (["b", "a"], ["a", "b"]),
    "str of numpy": (np.array(["b", "a"]), ["a", "b"]),
    "str of pandas": (pd.Series(["b", "a"], index=[5, 5]), ["a", "b"]),
    "str of arrow in pandas": (pd.array(["b", "a"], dtype="string"), ["a", "b"]),
    "category": (pd.Categorical(["b", "a"], categories=["unused", "b", "a"]), ["a", "b"]),
    "category of ints": (pd.Series([7, 3], dtype="category"), [3, 7]),
    "bytes": ([b"b", b"a"], [b"a", b"b"]),
    "UUID": (UUIDS, UUIDS[::-1]),
    "date": ([dt.date(2020, 1, 2), dt.date(2020, 1, 1)], [dt.date(2020, 1, 1), dt.date(2020, 1, 2)]),
    "datetime": (DAYS, [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")]),
    "datetime with zone": (CHEZ_NOUS, list(CHEZ_NOUS[::-1])),
    "timedelta": (pd.to_timedelta([2, 1], unit="s"), [pd.Timedelta("1s"), pd.Timedelta("2s")]),
    "tuple": ([(1, 2), (0, 9)], [(0, 9), (1, 2)]),
    "range": (range(2), [0, 1]),
    "polars": (pl.Series(["b", "a"]), ["a", "b"]),
    "polars, categories": (pl.Series(["b", "a"], dtype=pl.Categorical), ["a", "b"]),
    "arrow": (pa.array(["b", "a"]), ["a", "b"]),
    "arrow, dictionary": (pa.chunked_array([pa.array(["b", "a"]).dictionary_encode()]), ["a", "b"]),
    "mixture that has no order": ([2, "a", 1.5], [2, "a", 1.5]),
}
if len(pd.unique(np.array(["a", "a\0"], object))) == 2:  # pandas with NumPy 1.26 takes these two for one
    VOCABULARIES["str, with an invisible end"] = (["a\0", "a"], ["a", "a\0"])


@pytest.mark.parametrize(("labels", "vocabulary"), VOCABULARIES.values(), ids=VOCABULARIES)
def test_learns_the_sorted_distinct_labels_and_gives_each_its_code(labels, vocabulary):
    encoder, codes = IdEncoder.learn(labels)
    assert len(encoder) == 2 + (len(vocabulary) > 2)
    assert pd.Index(encoder.ids, dtype=object).tolist() == vocabulary
    assert codes.dtype == np.int32
    assert encoder.encode(labels).tolist() == codes.tolist()
    assert encoder.encode(encoder.decode(codes)).tolist() == codes.tolist()
    assert encoder.encode(vocabulary).tolist() == list(range(len(vocabulary)))


distinct_labels = st.lists(
    st.integers() | st.text() | st.floats(allow_nan=False) | st.uuids() | st.dates(), min_size=1, max_size=20
)


@given(labels=distinct_labels)
def test_codes_are_those_of_a_dictionary(labels):
    encoder, codes = IdEncoder.learn(labels)
    positions = {label: position for position, label in enumerate(encoder.ids.tolist())}
    assert set(positions) == set(labels)
    assert codes.tolist() == [positions[label] for label in labels]
    assert encoder.encode(labels).tolist() == codes.tolist()


@given(numbers=st.lists(st.integers(-(2**64), 2**64) | st.integers(2**53 - 2, 2**53 + 2), min_size=1, unique=True))
def test_large_integers_are_never_rounded(numbers):
    known, unknown = numbers[::2], numbers[1::2]
    encoder = IdEncoder(known)
    assert encoder.encode(known).tolist() == list(range(len(known)))
    assert encoder.encode(unknown).tolist() == [-1] * len(unknown)


def test_a_label_keeps_its_code_whatever_its_type_and_other_labels_have_none():
    assert IdEncoder([-1, 2**63, 2**63 + 1]).encode([2**63 + 1, 2**63]).tolist() == [2, 1]
    snowflakes = IdEncoder([2**53, 2**53 + 1])
    assert snowflakes.encode([float(2**53)]).tolist() == [0]
    assert snowflakes.encode(np.array([2**53 + 1], np.uint64)).tolist() == [1]
    assert IdEncoder([float(2**53)]).encode([2**53 + 1]).tolist() == [-1]
    assert IdEncoder(np.array([2**64 - 1], np.uint64)).encode([-1]).tolist() == [-1]
    assert IdEncoder([1, 2]).encode([2.0, 1.5]).tolist() == [1, -1]
    assert IdEncoder([1, 2]).encode(["1", 2]).tolist() == [-1, 1]
    assert IdEncoder(["1"]).encode([1]).tolist() == [-1]
    assert IdEncoder(DAYS).encode([dt.datetime(2020, 1, 1), "2020-01-01"]).tolist() == [1, -1]
    assert IdEncoder(DAYS).encode(np.array(["2020-01-01"], "datetime64[D]")).tolist() == [1]
    assert IdEncoder(CHEZ_NOUS).encode(CHEZ_NOUS[:1].tz_convert("UTC")).tolist() == [0]


def test_a_mask_is_not_taken_for_labels_0_and_1():
    assert IdEncoder([0, 1]).encode([True, False]).tolist() == [-1, -1]
    assert IdEncoder([True, False]).encode([1, 0]).tolist() == [-1, -1]


def test_nothing_is_known_to_an_empty_vocabulary_and_no_label_has_no_code():
    assert IdEncoder([]).encode(["a", 1]).tolist() == [-1, -1]
    assert IdEncoder(["a"]).encode([]).tolist() == []


def test_labels_are_decoded_by_position():
    assert IdEncoder(["b", "a"]).decode([1, 0, 1]).tolist() == ["a", "b", "a"]


def test_survives_pickling():
    encoder = pickle.loads(pickle.dumps(IdEncoder(["b", 1])))
    assert encoder.encode([1, "b", "c"]).tolist() == [1, 0, -1]


REFUSED = {
    "None": (None, TypeError, "list or 1-D array of labels, got None"),
    "a number": (5, TypeError, "list or 1-D array of labels, got 5"),
    "a string": ("ab", TypeError, "list or 1-D array of labels, got 'ab'"),
    "bytes": (b"ab", TypeError, "list or 1-D array of labels, got b'ab'"),
    "a set": ({1}, TypeError, "list or 1-D array of labels, got {1}"),
    "a dict": ({1: 2}, TypeError, "list or 1-D array of labels, got {1: 2}"),
    "2-D": (np.ones((2, 2)), ValueError, "one-dimensional, got an array of shape (2, 2)"),
    "a frame": (pd.DataFrame({"a": [1]}), ValueError, "one-dimensional, got an array of shape (1, 1)"),
    "lists in a list": ([[1], [2]], TypeError, "hashable labels, such as integers or strings, but one is a list"),
    "complex": (np.array([1j]), TypeError, "integers, strings, dates or other labels, got dtype complex128"),
    "None in a list": (["a", None], ValueError, "must not be missing, but the label at position 1 is"),
    "NaN": ([1.0, np.nan], ValueError, "must not be missing, but the label at position 1 is"),
    "NaT": (pd.to_datetime([None, "2020"]), ValueError, "must not be missing, but the label at position 0 is"),
    "NA": (pd.array([1, None], dtype="Int64"), ValueError, "must not be missing, but the label at position 1 is"),
    "missing category": (pd.Categorical(["a", None]), ValueError, "but the label at position 1 is"),
    "null of polars": (pl.Series(["a", None]), ValueError, "must not be missing, but the label at position 1 is"),
    "null of arrow": (pa.array([1, None]), ValueError, "must not be missing, but the label at position 1 is"),
    "masked": (np.ma.masked_array([1, 2], [0, 1]), ValueError, "must not be missing, but the label at position 1 is"),
}


@pytest.mark.parametrize(("labels", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_labels_is_refused_by_name(labels, error, words):
    for read in (IdEncoder, IdEncoder.learn, IdEncoder(["a"]).encode):
        with pytest.raises(error) as caught:
            read(labels, name="films")
        assert str(caught.value).startswith("films must")
        assert words in str(caught.value)


def test_a_vocabulary_has_each_label_once():
    with pytest.raises(ValueError, match="films must be distinct labels, but 'a' occurs more than once"):
        IdEncoder(["a", "b", "a"], name="films")


def test_input_is_left_as_it_was():
    labels = np.array([3, 1, 2])
    labels.flags.writeable = False
    IdEncoder.learn(labels)
    assert labels.tolist() == [3, 1, 2]


INTEGERS = {
    "int8": np.array([7, 3], np.int8),
    "uint16": np.array([7, 3], np.uint16),
    "uint64": np.array([7, 3], np.uint64),
    "big-endian": np.array([7, 3], ">i4"),
    "objects": np.array([7, 3], object),
    "objects of numpy": np.array([np.int8(7), np.uint64(3)], object),
    "nullable": pd.array([7, 3], dtype="UInt8"),
    "Arrow in pandas": pd.array([7, 3], dtype="uint32[pyarrow]"),
    "polars": pl.Series([7, 3], dtype=pl.Int16),
    "Arrow": pa.array([7, 3], pa.uint8()),
    "category": pd.Categorical([7, 3]),
    "list": [7, np.int32(3)],
}


@pytest.mark.parametrize("labels", INTEGERS.values(), ids=INTEGERS)
def test_integers_of_every_width_are_int64(labels):
    encoder = IdEncoder(labels)
    assert encoder.ids.dtype == np.int64 and encoder.ids.tolist() == [7, 3]
    assert IdEncoder([3, 7]).encode(labels).tolist() == [1, 0]


def test_integers_that_do_not_fit_are_pythons():
    ids = IdEncoder(np.array([2**64 - 1, 1], np.uint64)).ids
    assert ids.dtype == object and list(map(type, ids)) == [int, int]


def test_objects_of_one_plain_type_have_that_type():
    assert IdEncoder(np.array([True, False], object)).ids.dtype == bool
    assert IdEncoder(np.array([0.5, np.float32(2)], object)).ids.dtype == np.float64
    assert IdEncoder(np.array([1, 0.5], object)).ids.dtype == object
    assert IdEncoder([0, 1]).encode(np.array([True, False], object)).tolist() == [-1, -1]


@pytest.mark.parametrize("labels", [iter("ba"), (label for label in "ba"), {"b": 1, "a": 2}.keys(), {1: "b", 2: "a"}.values()])
def test_labels_come_out_of_whatever_has_an_order(labels):
    assert IdEncoder(labels).ids.tolist() == ["b", "a"]


UNLIKE = [([1, 2], ["1"]), (["1"], [1]), ([1], [True]), ([1], [dt.date(2020, 1, 1)]), (DAYS, ["2020-01-01"]), (["a"], [b"a"])]
ALIKE = [
    ([1, 2], [3]),
    ([1, 2], [2.5]),
    ([1.5], [3]),
    (["a", 1], [7]),
    ([1], ["a", 2]),
    (DAYS, [dt.datetime(2021, 1, 1)]),
    ([], ["a"]),
]


@pytest.mark.parametrize(("known", "labels"), UNLIKE)
def test_labels_of_another_kind_cannot_be_meant(known, labels):
    assert IdEncoder(known).encode(labels).tolist() == [-1]
    with pytest.raises(TypeError, match="users must have labels like the known ones, such as"):
        IdEncoder(known).encode_same_kind(labels, name="users")


@pytest.mark.parametrize(("known", "labels"), ALIKE)
def test_unknown_labels_of_the_kind_are_merely_unknown(known, labels):
    assert (IdEncoder(known).encode_same_kind(labels, name="users") == -1).all()


@pytest.mark.parametrize(
    ("labels", "categories"),
    [
        (["b", "a", "b", "c"], ["c", "unused", "b", "a"]),
        ([7, 3, 7], [3, 5, 7]),
        (["b", 1, "b", "a"], [1, "a", "b"]),
        (list(DAYS), list(DAYS[::-1])),
        (list(CHEZ_NOUS), list(CHEZ_NOUS)),
        ([1.5, 2.5, 1.5], [2.5, 1.5]),
        ([True, False], [False, True]),
    ],
    ids=str,
)
def test_categories_make_the_vocabulary_of_their_values(labels, categories):
    category = pd.Categorical(labels, categories)
    (expected, codes), (found, found_codes) = IdEncoder.learn(np.asarray(category)), IdEncoder.learn(category)
    assert found.ids.tolist() == expected.ids.tolist() and found.ids.dtype == expected.ids.dtype
    assert found_codes.tolist() == codes.tolist() and found_codes.dtype == np.int32


def test_a_frame_of_categories_is_read_as_one_of_values():
    frame = pd.DataFrame({"user": ["b", "a", "b"], "item": [5, 5, 3], "rating": [1, 2, 3]})
    plain = Interactions.from_frame(frame)
    data = Interactions.from_frame(frame.astype({"user": "category", "item": "category"}))
    pd.testing.assert_frame_equal(data.to_frame(), plain.to_frame())
    with pytest.raises(ValueError, match="column 'user' of df must not be missing, but the label at position 1 is"):
        Interactions.from_frame(pd.DataFrame({"user": pd.Categorical(["a", None]), "item": [1, 2]}))


def test_a_model_gives_the_codes_of_labels():
    table = pd.DataFrame({"user": ["b", "a", "b"], "item": ["y", "x", "x"]})
    model = PopularityRecommender().fit(table)
    assert model.user_ids_[model.user_codes(["b", "a", "b"])].tolist() == ["b", "a", "b"]
    assert model.item_ids_[model.item_codes("x")].tolist() == ["x"]
    assert model.item_codes(["y"]).dtype == np.int64
    with pytest.raises(ValueError, match=r"'z'"):
        model.item_codes(["x", "z"])
    without_labels = PopularityRecommender().fit([[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    assert without_labels.user_codes([1, 0]).tolist() == [1, 0]
    with pytest.raises(NotFittedError):
        PopularityRecommender().item_codes(["x"])
