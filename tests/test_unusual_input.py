"""What is odd but legal: a table of forms, each of which is read like the plain one and gives the same answers."""

import datetime as dt
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from skrec import EASERecommender, MFRecommender, PopularityRecommender
from skrec.data import Interactions
from skrec.metrics import get_scorer

MAKERS = {
    "popularity": PopularityRecommender,
    "EASE": EASERecommender,
    "MF": lambda: MFRecommender(max_epochs=1, random_state=0),
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def answers(model, X, y=None):
    """All that is asked of a fitted model about X, in codes."""
    everybody, strangers = model.recommend(k=3), model.recommend(X, k=3, exclude_seen=False)
    return [
        everybody.codes,
        everybody.scores,
        strangers.codes,
        strangers.scores,
        model.predict(X),
        get_scorer("ndcg@2")(model, X, y),
    ]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# Matrices

DENSE = np.array([[1, 0, 1, 0, 1], [0, 1, 1, 0, 0], [1, 1, 0, 0, 1], [0, 0, 1, 1, 0]])
PLAIN = sp.csr_array(DENSE.astype(np.float32))


def with_arrays(matrix, **arrays):
    """Put arrays in behind the constructor's back, as unpickling does: it would convert some and refuse others."""
    for name, array in arrays.items():
        setattr(matrix, name, np.asarray(array))
    return matrix


def memory_map(folder):
    np.save(folder / "X.npy", DENSE)
    return np.load(folder / "X.npy", mmap_mode="r")


def read_only(folder):
    X = PLAIN.copy()
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    return X


def unsorted(folder):
    """The entries of each row backwards."""
    X = PLAIN.copy()
    order = np.concatenate([np.arange(*ends)[::-1] for ends in zip(X.indptr, X.indptr[1:])])
    return with_arrays(X, indices=X.indices[order], data=X.data[order])


def repeated(folder):
    coo = PLAIN.tocoo()
    rows, columns = (np.repeat(codes, 2) for codes in (coo.row, coo.col))
    return sp.coo_array((np.ones(len(rows)), (rows, columns)), shape=PLAIN.shape)


DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble object >f4 <f8 >i8".split()
MATRICES = {
    "a list of lists": lambda folder: DENSE.tolist(),
    **{f"dense {dtype}": lambda folder, dtype=dtype: DENSE.astype(dtype) for dtype in DTYPES},
    **{f"sparse {dtype}": lambda folder, dtype=dtype: with_arrays(PLAIN.copy(), data=PLAIN.data.astype(dtype))
       for dtype in DTYPES if dtype != "object"},
    **{f"{form}_array": lambda folder, form=form: sp.coo_array(PLAIN).asformat(form)
       for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")},
    **{f"{form}_matrix": lambda folder, form=form: sp.coo_matrix(PLAIN).asformat(form)
       for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")},
    "int64 indices": lambda folder: with_arrays(
        PLAIN.copy(), indices=PLAIN.indices.astype(np.int64), indptr=PLAIN.indptr.astype(np.int64)
    ),
    "unsorted indices": unsorted,
    "every entry twice": repeated,
    "read-only arrays": read_only,
    "a read-only memory map": memory_map,
    "in columns": lambda folder: np.asfortranarray(DENSE),
    "masked, nothing hidden": lambda folder: np.ma.masked_array(DENSE),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:users is a matrix of exactly the shape")
@pytest.mark.parametrize("form", MATRICES.values(), ids=MATRICES)
def test_a_matrix_in_an_unusual_form_is_the_plain_one(make, form, tmp_path):
    X = form(tmp_path)
    assert_same(answers(make().fit(X), X), answers(make().fit(PLAIN), PLAIN))


@pytest.mark.parametrize("form", ["dense bool", "csc_matrix", "unsorted indices", "every entry twice", "dense >i8"])
def test_so_it_is_for_more_of_them(make, form, tmp_path):
    X = MATRICES[form](tmp_path)
    assert_same(answers(make().fit(PLAIN).partial_fit(X), X), answers(make().fit(PLAIN).partial_fit(PLAIN), PLAIN))


def test_an_explicit_zero_is_an_event_of_value_zero(make):
    X = sp.csr_array((np.array([1.0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.array([0, 2, 4])), shape=(2, 3))
    events = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 2], [1, 0, 1, 1], n_users=2, n_items=3)
    matrix, table = make().fit(X), make().fit(events)
    assert_same(matrix.recommend(k=3).codes, table.recommend(k=3).codes)
    assert matrix.recommend([0], k=3).items[0].tolist() == [2, -1, -1]
    with pytest.warns(UserWarning, match="matrix of exactly the shape of the training data"):
        of_rows = matrix.recommend(X, k=3)
    assert_same(of_rows.scores, table.recommend(events, k=3).scores)


# Tables of events

ROWS = {"user": [0, 0, 1, 1, 2, 2, 3], "item": [0, 1, 1, 2, 0, 3, 4], "rating": [5.0, 3, 5, 3, 4, 4, 1]}
EVENTS = pd.DataFrame(ROWS)
NO_WARNING = {"positive_from": 0}
TIMES = pd.to_datetime(["2020-03-01", "2020-01-01", "2020-02-01", "2020-01-01", "2021-01-01", "2019-01-01", "2020-03-01"])
TABLES = {
    "a repeated index": EVENTS.set_axis([4] * 7),
    "other columns too": EVENTS.assign(title="?", when=dt.date(2020, 1, 1)),
    "columns in another order": EVENTS[["rating", "item", "user"]],
    "value for rating": EVENTS.rename(columns={"rating": "value"}),
    "rating float16": EVENTS.astype({"rating": "float16"}),
    "rating int8": EVENTS.astype({"rating": "int8"}),
    "rating big-endian": EVENTS.assign(rating=EVENTS["rating"].to_numpy().astype(">f8")),
    "users int8": EVENTS.astype({"user": "int8"}),
    "items big-endian": EVENTS.assign(item=EVENTS["item"].to_numpy().astype(">i4")),
    "objects": EVENTS.astype(object),
    "nullable": EVENTS.convert_dtypes(),
    "categories": EVENTS.astype({"user": "category", "item": "category"}),
    "categories without events": EVENTS.assign(item=pd.Categorical(EVENTS["item"], categories=[9, 4, 3, 2, 1, 0])),
    "rows twice": pd.concat([EVENTS, EVENTS]),
    "times in no order": EVENTS.assign(timestamp=[5, 3, 9, 9, -1, 0, 7]),
    "times with a zone": EVENTS.assign(timestamp=TIMES.tz_localize("Asia/Tokyo")),
    "one time for all": EVENTS.assign(timestamp=0),
    "polars": pl.DataFrame(ROWS),
    "arrow": pa.table(ROWS),
}


@pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
def test_a_table_in_an_unusual_form_is_the_plain_one(make, X):
    model, plain = (make().set_params(**NO_WARNING).fit(table) for table in (X, EVENTS))
    assert_same(model.recommend(k=3).codes, plain.recommend(k=3).codes)
    assert_same(model.recommend(X, k=3, exclude_seen=False).scores, plain.recommend(EVENTS, k=3, exclude_seen=False).scores)
    assert_same(model.predict(X)[:7], plain.predict(EVENTS))
    scorer = get_scorer("ndcg@2", positive_from=0)
    assert scorer(model, X) == scorer(plain, EVENTS)


LABELS = {
    "int from below 0": lambda n: n - 3,
    "int beyond int64": lambda n: 2**63 + n,
    "int beyond uint64": lambda n: 2**70 + n,
    "float": lambda n: n / 4,
    "str": "abcde".__getitem__,
    "str, numbers": str,
    "str, the empty one": ["", "a", "b", "c", "d"].__getitem__,
    "bytes": lambda n: b"abcde"[n : n + 1],
    "UUID": lambda n: uuid.UUID(int=2**100 + n),
    "date": lambda n: dt.date(2020, 1, 1 + n),
    "datetime with a zone": lambda n: pd.Timestamp(2020, 1, 1 + n, tz="Europe/Paris"),
    "int and str": [0, "a", 2, "b", "c"].__getitem__,
    "1 and '1'": ["0", 1, "1", 2, "2"].__getitem__,
}


def labelled(label):
    return EVENTS.assign(**{axis: np.fromiter(map(label, ROWS[axis]), object) for axis in ("user", "item")})


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_labels_of_every_kind_come_back_as_they_went_in(make, label):
    X, plain = labelled(label), labelled(lambda n: n)
    model, expected = (make().set_params(**NO_WARNING).fit(table) for table in (X, plain))
    users, items = ([label(n) for n in codes] for codes in ([3, 0], [1, 4]))
    answer, known = model.recommend(users, k=2, candidates=items), expected.recommend([3, 0], k=2, candidates=[1, 4])
    assert answer.users.tolist() == users
    assert answer.to_frame()["item"].tolist() == [label(n) for n in known.to_frame()["item"]]
    assert_same(answer.scores, known.scores)
    assert_same(model.predict(X), expected.predict(plain))
    audience = model.recommend_users(items, k=2).to_frame()
    assert audience["user"].tolist() == [label(n) for n in expected.recommend_users([1, 4], k=2).to_frame()["user"]]


# The smallest and the widest: case, X, then known users and how many items are left for them
ODD = {
    "one user, one item": ([[1.0]], [0], [0]),
    "one user": ([[1.0, 0, 1]], [0], [1]),
    "one item": ([[1.0], [1]], [0, 1], [0, 0]),
    "a user without events": ([[1.0, 0], [0, 0], [0, 1]], [0, 1], [1, 2]),
    "an item without events": ([[1.0, 0, 1], [0, 0, 1]], [1], [2]),
    "a single event": (pd.DataFrame({"user": [2**40], "item": ["x"]}), [2**40], [0]),
    "one pair many times": (pd.DataFrame({"user": [1, 1, 1, 2], "item": ["x", "x", "x", "y"]}), [1], [1]),
}


@pytest.mark.parametrize(("X", "users", "n_left"), ODD.values(), ids=ODD)
def test_the_smallest_data_are_learned_from(make, X, users, n_left):
    answer = make().fit(X).recommend(users, k=5)
    assert (answer.codes >= 0).sum(axis=1).tolist() == n_left


def test_more_pairs_than_an_int32_counts():
    ends = ([0, 0, 69_999, 69_999, 5], [7, 69_999, 69_999, 3, 69_999])
    model = PopularityRecommender().fit(sp.coo_array((np.ones(5), ends), shape=(70_000, 70_000)))
    assert model.recommend([0, 69_999, 5], k=2).items.tolist() == [[3, 0], [7, 0], [3, 7]]
    assert model.predict(Interactions.from_arrays([69_999], [69_999], n_items=70_000)).tolist() == [3]


# Lists: case, keywords of recommend, items for user 1 of EVENTS
LISTS = {
    "longer than the catalogue": ({"k": 1000}, [0, 3, 4]),
    "k of numpy": ({"k": np.int8(2)}, [0, 3]),
    "a flag of numpy": ({"k": 5, "exclude_seen": np.False_}, [2, 1, 3, 0, 4]),
    "one candidate": ({"k": 5, "candidates": 4}, [4]),
    "candidates twice": ({"k": 5, "candidates": [4, 0, 4]}, [0, 4]),
    "no candidates": ({"k": 5, "candidates": []}, []),
    "candidates of numpy, big-endian": ({"k": 5, "candidates": np.array([4, 0], ">i8")}, [0, 4]),
    "nothing excluded": ({"k": 5, "exclude": []}, [3, 0, 4]),
    "all excluded": ({"k": 5, "exclude": range(5)}, []),
    "excluded and a candidate": ({"k": 5, "exclude": [0], "candidates": [0, 4]}, [4]),
}


@pytest.mark.parametrize(("options", "items"), LISTS.values(), ids=LISTS)
def test_lists_may_be_asked_for_in_unusual_ways(options, items):
    answer = PopularityRecommender(positive_from=0).fit(EVENTS).recommend(1, **options)
    assert sorted(answer.to_frame()["item"]) == sorted(items)
    assert len(answer.codes[0]) == options["k"]


def test_nobody_gets_nothing():
    answer = PopularityRecommender().fit(PLAIN).recommend([], k=4)
    assert answer.items.shape == answer.scores.shape == (0, 4)
