"""Answers as tables of pandas, polars and pyarrow, and the columns of items beside them."""

import datetime as dt
import sys
from functools import cache
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skrec import EASERecommender, ItemKNNRecommender

N = 6
BACKENDS = ("pandas", "polars", "pyarrow")
LABELS = {
    "int": lambda i: i + 100,
    "str": lambda i: f"film {i}",
    "float": lambda i: i + 0.5,
    "date": lambda i: dt.date(2020, 1, 1 + i),
    "Timestamp": lambda i: pd.Timestamp(2020, 1, 1 + i),
    "datetime64": lambda i: np.datetime64("2020-01-01") + np.timedelta64(i, "D"),
    "UUID": lambda i: UUID(int=i),
    "bytes": lambda i: bytes([65 + i]),
}
TITLES = pd.DataFrame({"title": [f"Title {i}" for i in range(N)], "year": 1990 + np.arange(N)})


@cache
def fitted(kind):
    label, pairs = LABELS[kind], [(i, j) for i in range(N) for j in range(N) if (i + j) % 3]
    return EASERecommender().fit(pd.DataFrame({"user": [label(i) for i, _ in pairs], "item": [label(j) for _, j in pairs]}))


@cache
def of_codes():
    return ItemKNNRecommender().fit(np.array([[(i + j) % 3 > 0 for j in range(N)] for i in range(N)], float))


def types(table):
    return dict(zip(names(table), table.schema.types if isinstance(table, pa.Table) else table.dtypes, strict=True))


def names(table):
    return table.column_names if isinstance(table, pa.Table) else list(table.columns)


def values(table, name):
    return table[name].to_pylist() if isinstance(table, pa.Table) else table[name].to_list()


def in_library(frame, backend):
    return {"pandas": frame, "polars": pl.DataFrame(frame), "pyarrow": pa.Table.from_pandas(frame)}[backend]


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_types_of_columns_depend_neither_on_the_rows_nor_on_padding(kind, backend):
    model = fitted(kind)
    full = model.recommend(k=N, exclude_seen=False).to_frame(backend=backend)
    some = model.user_ids_[:1]
    others = [
        model.recommend(k=N),  # padded
        model.recommend(some, candidates=model.item_ids_[:0]),  # without rows
        model.recommend(some[:0]),  # without users
        next(model.recommend_iter(some, k=1)),
        model.recommend(pd.DataFrame({"user": some, "item": model.item_ids_[:1]}), k=N),
    ]
    assert [types(answer.to_frame(backend=backend)) for answer in others] == [types(full)] * len(others)
    neighbors = model.similar_items(model.item_ids_[:2], k=2)
    nobody = model.similar_items(model.item_ids_[:2], k=2, candidates=model.item_ids_[:0])
    assert types(nobody.to_frame(backend=backend)) == types(neighbors.to_frame(backend=backend))
    assert names(neighbors.to_frame(backend=backend)) == ["item", "similar_item", "score", "rank"]


def test_types_by_name():
    answer = fitted("str").recommend(k=1)
    assert types(answer.to_frame(backend="polars")) == {
        "user": pl.String, "item": pl.String, "score": pl.Float32, "rank": pl.Int64,
    }  # fmt: skip
    assert types(answer.to_frame(backend="pyarrow")) == {
        "user": pa.string(), "item": pa.string(), "score": pa.float32(), "rank": pa.int64(),
    }  # fmt: skip
    assert types(of_codes().recommend(k=1).to_frame()) == {
        "user": np.int64, "item": np.int64, "score": np.float32, "rank": np.int64,
    }  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_libraries_get_the_same_rows(backend):
    answer = fitted("str").recommend(k=N)
    expected, table = answer.to_frame(), answer.to_frame(backend=backend)
    assert names(table) == ["user", "item", "score", "rank"]
    assert [values(table, name) for name in names(table)] == [expected[name].tolist() for name in expected]


def test_labels_of_new_users_may_be_of_another_kind():
    history = pd.DataFrame({"user": "me", "item": [100, 101]})
    table = fitted("int").recommend(history, k=2).to_frame(backend="pyarrow")
    assert table.schema.types[:2] == [pa.string(), pa.int64()]


def test_labels_without_a_common_type_are_a_column_of_pandas_only():
    events = pd.DataFrame({"user": [1, "a", 1, "a"], "item": [1, 2, 3, 3]})
    answer = EASERecommender().fit(events).recommend(k=1)
    assert answer.to_frame()["user"].tolist() == [1, "a"]
    for backend in ("polars", "pyarrow"):
        with pytest.raises(ValueError, match=f"labels must have a common type in a table of {backend}"):
            answer.to_frame(backend=backend)


def test_a_file_without_rows_has_typed_columns(tmp_path):
    model = fitted("str")
    model.recommend_to_parquet(tmp_path / "none.parquet", model.user_ids_[:2], candidates=model.item_ids_[:0])
    model.recommend_to_parquet(tmp_path / "some.parquet", model.user_ids_[:2], batch_size=1)
    none, some = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("none", "some"))
    assert len(none) == 0 < len(some) and none.schema == some.schema


@pytest.mark.parametrize("backend", ["arrow", None, "Pandas"])
def test_a_backend_is_one_of_three(backend):
    with pytest.raises(ValueError, match="backend must be one of 'pandas', 'polars', 'pyarrow'"):
        of_codes().recommend(k=1).to_frame(backend=backend)


@pytest.mark.parametrize(("backend", "extra"), [("polars", "polars"), ("pyarrow", "parquet")])
def test_a_library_that_is_missing_is_named(backend, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, backend, None)
    with pytest.raises(ImportError, match=rf"needs {backend}: pip install 'skrec\[{extra}\]'"):
        of_codes().recommend(k=1).to_frame(backend=backend)


# ---- columns of items ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int", "str", "datetime64"])
@pytest.mark.parametrize("source", BACKENDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_columns_of_items_are_appended(kind, source, backend):
    model = fitted(kind)
    items = in_library(TITLES.assign(item=model.item_ids_).iloc[::-1], source)
    answer = model.recommend(k=3)
    table = answer.to_frame(backend=backend, items=items)
    assert names(table) == ["user", "item", "score", "rank", "title", "year"]
    codes = answer.codes[answer.codes >= 0]
    assert values(table, "title") == [f"Title {code}" for code in codes]
    assert values(table, "year") == (1990 + codes).tolist()


@pytest.mark.parametrize("backend", BACKENDS)
def test_items_may_be_missing(backend):
    items = TITLES.set_index(pd.Index(fitted("str").item_ids_)).drop(index="film 0")
    table = fitted("str").recommend(k=N, exclude_seen=False).to_frame(backend=backend, items=items)
    missing = [value is None or value != value for value in values(table, "year")]
    assert missing == [item == "film 0" for item in values(table, "item")]
    assert [title for title, is_missing in zip(values(table, "title"), missing) if not is_missing] == [
        f"Title {item[-1]}" for item in values(table, "item") if item != "film 0"
    ]


def test_every_answer_about_items_has_their_columns():
    model = fitted("str")
    titles = pd.Series(TITLES["title"].to_numpy(), index=model.item_ids_, name="title")
    neighbors = model.similar_items(["film 1"], k=2).to_frame(items=titles)
    assert neighbors["title"].str[-1].tolist() == neighbors["similar_item"].str[-1].tolist()
    audience = model.recommend_users(["film 1"], k=2).to_frame(items=titles)
    assert audience["title"].tolist() == ["Title 1"] * len(audience)
    with pytest.raises(ValueError, match="items must be None for SimilarUsers"):
        model.similar_users(model.user_ids_[:1]).to_frame(items=titles)


def test_codes_are_the_labels_of_items_without_labels():
    table = of_codes().recommend([0], k=2).to_frame(items=TITLES)
    assert table["year"].tolist() == (1990 + table["item"]).tolist()


def test_answers_without_rows_have_the_columns_of_items():
    model = fitted("str")
    answer = model.recommend(model.user_ids_[:1], candidates=[])
    assert names(answer.to_frame(items=TITLES.assign(item=model.item_ids_))) == [
        "user",
        "item",
        "score",
        "rank",
        "title",
        "year",
    ]


def test_a_table_of_items_stays_as_it_was():
    items = TITLES.assign(item=fitted("str").item_ids_)
    before = items.copy()
    fitted("str").recommend(k=1).to_frame(items=items)
    pd.testing.assert_frame_equal(items, before)


BAD_ITEMS = {
    "positions": (TITLES, ValueError, "items must have the labels of items in a column 'item' or as its index"),
    "positions in polars": (pl.DataFrame(TITLES), ValueError, "items must have the labels of items in a column 'item'"),
    "other labels": (TITLES.assign(item=np.arange(N)), ValueError, "the items of the answers, such as 'film .', got labels"),
    "no rows": (TITLES.assign(item=0)[:0], ValueError, "rows for the items of the answers, such as 'film .', got no rows"),
    "twice": (TITLES.assign(item="film 1"), ValueError, "column 'item' of items must be distinct labels, but 'film 1'"),
    "twice in the index": (TITLES.set_index(pd.Index(["film 1"] * N)), ValueError, "index of items must be distinct labels"),
    "missing": (TITLES.assign(item=None), ValueError, "column 'item' of items must not be missing"),
    "a score": (TITLES.assign(item="a", score=1), ValueError, "items must not have the columns of .* answers, .* 'score'"),
    "lazy": (pl.LazyFrame({"item": ["film 1"]}), TypeError, "items is a LazyFrame"),
    "a dict": ({"film 1": "Title 1"}, TypeError, "items must be a DataFrame or Table"),
}  # fmt: skip


@pytest.mark.parametrize(("items", "error", "message"), BAD_ITEMS.values(), ids=BAD_ITEMS.keys())
def test_tables_that_are_not_of_the_items_are_refused(items, error, message):
    with pytest.raises(error, match=message):
        fitted("str").recommend(k=1).to_frame(items=items)
