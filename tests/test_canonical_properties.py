"""The one gate on drawn data, against plain Python: matrices of every format and type, tables of every library."""

import pickle
from collections import defaultdict
from contextlib import suppress

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.data import Interactions, check_interactions

N_USERS, N_ITEMS = 4, 5
DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64", ">f4", ">i8"]
KEEPS_EVENTS = ["coo", "csc", "csr"]  # other formats hold each pair once, or fill in zeros
ONCE_PER_PAIR = ["bsr", "dia", "dok", "lil"]


@st.composite
def triples(draw):
    """(user, item, value), pairs repeated, zeros among the values, in no order; exact in every type."""
    row = st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1), st.sampled_from([0, 1, 2, 0.5, -3, 10]))
    return draw(st.lists(row, min_size=1, max_size=20))


def values_of(rows, dtype):
    """The rows with values that the type can hold."""
    kind = np.dtype(dtype).kind
    clip = {"b": bool, "u": lambda value: int(abs(value)), "i": int, "f": float}[kind]
    return [(user, item, clip(value)) for user, item, value in rows]


def compressed(rows, major, minor, size):
    """Arrays of a CSR (major 0) or CSC (major 1), entries within a row as they come: unsorted, repeated."""
    rows = sorted(rows, key=lambda row: row[major])
    counts = np.bincount([row[major] for row in rows], minlength=size)
    return [row[2] for row in rows], [row[minor] for row in rows], np.concatenate([[0], np.cumsum(counts)])


def with_arrays(matrix, index_type, writeable, **arrays):
    """Put arrays into a matrix behind its constructor's back, as unpickling or native code do."""
    for name, array in arrays.items():
        array = array.astype(index_type if name != "data" else array.dtype)
        array.flags.writeable = writeable
        setattr(matrix, name, array)
    return matrix


def sparse(rows, form, dtype, index_type, writeable, kind):
    shape = (N_USERS, N_ITEMS)
    if form in ("csr", "csc"):
        major = 0 if form == "csr" else 1
        data, indices, indptr = compressed(rows, major, 1 - major, shape[major])
        arrays = {"data": np.array(data, dtype), "indices": np.array(indices), "indptr": indptr}
        return with_arrays(getattr(sp, f"{form}_{kind}")(shape), index_type, writeable, **arrays)
    users, items, values = (np.array(column) for column in zip(*rows))
    coo = getattr(sp, f"coo_{kind}")((values.astype(float), (users, items)), shape=shape)
    if form == "coo":
        return with_arrays(coo, index_type, writeable, data=values.astype(dtype))
    return coo.asformat(form)


sparse_kinds = {
    "dtype": st.sampled_from(DTYPES),
    "index_type": st.sampled_from([np.int32, np.int64]),
    "writeable": st.booleans(),
    "kind": st.sampled_from(["array", "matrix"]),
}


def events_of(data):
    return list(zip(data.users.tolist(), data.items.tolist(), data.values.tolist()))


# Matrices


@pytest.mark.parametrize("form", KEEPS_EVENTS)
@given(rows=triples(), options=st.fixed_dictionaries(sparse_kinds))
def test_every_stored_entry_is_an_event_in_order_of_users_and_items(form, rows, options):
    rows = values_of(rows, options["dtype"])
    X = sparse(rows, form, **options)
    before = pickle.dumps(X)
    data = check_interactions(X)
    assert pickle.dumps(X) == before
    assert events_of(data) == sorted(rows, key=lambda row: row[:2])
    assert (data.users.dtype, data.items.dtype, data.values.dtype) == (np.int32, np.int32, np.float32)
    assert (data.n_users, data.n_items, data.user_ids, data.item_ids) == (N_USERS, N_ITEMS, None, None)


@pytest.mark.parametrize("form", KEEPS_EVENTS)
@given(rows=triples(), options=st.fixed_dictionaries(sparse_kinds))
def test_repeated_entries_are_summed_or_the_last_or_just_there(form, rows, options):
    rows = values_of(rows, options["dtype"])
    values = defaultdict(list)
    for user, item, value in rows:
        values[user, item].append(value)
    data = check_interactions(sparse(rows, form, **options))
    for duplicates, meaning in {"sum": sum, "last": lambda v: v[-1], "any": lambda v: 1}.items():
        expected = np.zeros((N_USERS, N_ITEMS))
        for pair, found in values.items():
            expected[pair] = meaning(found)
        np.testing.assert_array_equal(data.to_csr(duplicates=duplicates).toarray(), expected)


@pytest.mark.parametrize("form", ONCE_PER_PAIR)
@given(rows=triples(), kind=sparse_kinds["kind"])
def test_other_sparse_formats_hold_the_same_matrix(form, rows, kind):
    X = sparse(rows, form, float, np.int32, True, kind)
    before = pickle.dumps(X)
    data = Interactions.from_csr(X)
    assert pickle.dumps(X) == before
    assert len(set(data.pair_keys.tolist())) == len(data)
    if form in ("bsr", "dia"):  # whose zeros fill blocks and diagonals
        assert data.values.all()
    np.testing.assert_array_equal(data.to_csr().toarray(), X.toarray())


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "list": np.ndarray.tolist,
    "object": lambda array: array.astype(object),
    "masked, nothing hidden": np.ma.masked_array,
    "torch": lambda array: torch.as_tensor(array.astype(float)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@given(rows=triples(), dtype=st.sampled_from(DTYPES), writeable=st.booleans())
def test_the_entries_of_a_dense_array_that_are_not_zero_are_its_events(layout, rows, dtype, writeable):
    array = np.zeros((N_USERS, N_ITEMS), dtype)
    for user, item, value in values_of(rows, dtype):
        array[user, item] = value
    array.flags.writeable = writeable
    X = LAYOUTS[layout](array)
    before = pickle.dumps(X)
    data = Interactions.from_csr(X)
    assert pickle.dumps(X) == before
    expected = [(u, i, float(array[u, i])) for u in range(N_USERS) for i in range(N_ITEMS) if array[u, i]]
    assert events_of(data) == expected


# Tables of events

LIBRARIES = {
    "pandas": lambda columns: pd.DataFrame(columns, index=[3] * len(columns["user"])),
    "pandas, objects": lambda columns: pd.DataFrame(columns).astype(object),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}
numbers, words = st.integers(-(2**62), 2**62) | st.integers(-2, 2), st.text("ab\u00e9\U0001f3ac ", max_size=3)
one_kind = st.sampled_from([numbers, words])


@st.composite
def columns(draw, labels):
    """The columns of a table: events in any order, repeated, with or without what may be there."""
    n = draw(st.integers(1, 12))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    some = {"user": column(draw(labels)), "item": column(draw(labels))}
    optional = {
        draw(st.sampled_from(["rating", "value"])): st.sampled_from([0.0, -1.5, 3.0, 2.0**-20]),
        "timestamp": st.integers(-(2**62), 2**62),
        "weight": st.sampled_from([0.0, 0.25, 7.0]),
        "impression": draw(labels),
        "note": words,
    }
    names = draw(st.lists(st.sampled_from(sorted(optional)), unique=True))
    return some | {name: column(optional[name]) for name in names}


def slow_codes(labels):
    """The vocabulary, sorted where that can be, else by first appearance; and the place of each label in it."""
    ids = list(dict.fromkeys(labels))
    with suppress(TypeError):
        ids = sorted(ids)
    return ids, [ids.index(label) for label in labels]


def check_table(table, held):
    n, values = len(held["user"]), held.get("rating", held.get("value"))
    data = check_interactions(table)
    for name, ids, codes, size in [("user", data.user_ids, data.users, data.n_users),
                                   ("item", data.item_ids, data.items, data.n_items)]:  # fmt: skip
        vocabulary, expected = slow_codes(held[name])
        assert (ids.tolist(), codes.tolist(), size) == (vocabulary, expected, len(vocabulary))
    assert data.values.tolist() == ([1.0] * n if values is None else values)
    shown = [label for label in dict.fromkeys(held.get("impression", ())) if label != -1]
    expected = {
        "timestamps": held.get("timestamp"),
        "weights": held.get("weight"),
        "impressions": [shown.index(label) if label in shown else -1 for label in held["impression"]]
        if "impression" in held
        else None,
    }
    assert {name: None if (kept := getattr(data, name)) is None else kept.tolist() for name in expected} == expected


@pytest.mark.parametrize("library", LIBRARIES)
@given(held=columns(one_kind))
def test_rows_of_a_table_are_events_in_their_order(library, held):
    table = LIBRARIES[library](held)
    before = pickle.dumps(table)
    check_table(table, held)
    assert pickle.dumps(table) == before


@given(held=columns(st.just(numbers | words)))
def test_labels_of_mixed_kinds_keep_their_kind(held):
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in held.items()})
    check_table(frame, held)


@given(held=columns(one_kind))
def test_a_table_made_of_events_holds_the_same_events(held):
    data = check_interactions(pd.DataFrame(held))
    again = check_interactions(data.to_frame())
    for name in ("users", "items", "values", "timestamps", "weights", "impressions", "user_ids", "item_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))


@given(held=columns(one_kind), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_no_code_of_labels_that_can_be_sorted(held, seed):
    order = np.random.default_rng(seed).permutation(len(held["user"]))
    data = check_interactions(pd.DataFrame(held))
    shuffled = check_interactions(pd.DataFrame(held).iloc[order])
    assert events_of(shuffled) == [events_of(data)[row] for row in order]
