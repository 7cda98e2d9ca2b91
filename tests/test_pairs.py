"""Counting sorts of the pairs of events, and what is derived from them, against slow references."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec import MFRecommender, PopularityRecommender
from skrec.data import IdEncoder, Interactions
from skrec.data._pairs import group_by, remembering_pairs, sorted_pairs
from skrec.data._positives import look_like_ratings
from skrec.engine.batches._batches import spread_sample
from skrec.engine.batches._negatives import UniformNegatives
from skrec.model_selection import k_core, train_test_split

SIZES = st.sampled_from([(5, 6), (5, 2**40), (2**31, 6), (2**22, 2**14)])


@st.composite
def coded_events(draw):
    """Events with repeated pairs and unused codes, of few or of many possible codes, sorted by pair or not."""
    n_users, n_items = draw(SIZES)
    codes = [st.sampled_from([0, 1, 3, n - 2]) for n in (n_users, n_items)]
    rows = draw(st.lists(st.tuples(*codes, st.integers(-2, 3)), max_size=25))
    if draw(st.booleans()):
        rows.sort(key=lambda row: row[:2])
    users, items, times = zip(*rows) if rows else ([], [], [])
    times = np.array(times, np.int64) if draw(st.booleans()) else None
    return Interactions.from_arrays(users, items, range(len(rows)), timestamps=times, n_users=n_users, n_items=n_items)


def pairs_of(data):
    return list(zip(data.users.tolist(), data.items.tolist()))


@given(data=coded_events())
def test_events_are_sorted_by_pair_and_row(data):
    pairs, events = sorted_pairs(data), pairs_of(data)
    expected = sorted(range(len(data)), key=lambda row: (events[row], row))
    assert np.arange(len(data))[pairs.order].tolist() == expected
    assert (pairs.starts is None) == (len(set(events)) == len(events))
    assert pairs.items.tolist() == [item for _, item in sorted(set(events))]


@pytest.mark.parametrize("compiled_from", [0, 2**25], ids=["compiled", "scipy"])
@pytest.mark.parametrize(("n_users", "n_items"), [(3, 5000), (5000, 3), (2000, 3000), (20, 10**6)])
def test_many_events_are_sorted_as_by_numpy(compiled_from, n_users, n_items, monkeypatch):
    monkeypatch.setattr("skrec.data._pairs._COMPILED_FROM", compiled_from)
    rng, n_events = np.random.default_rng(0), 20_000
    users, items = rng.integers(n_users, size=n_events), (n_items * rng.random(n_events) ** 3).astype(np.int64)
    pairs = sorted_pairs(Interactions.from_arrays(users, items, n_users=n_users, n_items=n_items))
    np.testing.assert_array_equal(pairs.order, np.lexsort((items, users)))
    assert pairs.items.dtype == np.int32
    matrix = sp.coo_array((np.ones(n_events), (users, items)), shape=(n_users, n_items)).tocsr()
    matrix.sum_duplicates()
    np.testing.assert_array_equal(pairs.items, matrix.indices)
    np.testing.assert_array_equal(pairs.indptr, matrix.indptr)


@given(data=coded_events())
def test_columns_of_pairs_and_of_events_are_converted(data):
    pairs, events = sorted_pairs(data), pairs_of(data)
    of_pairs = {pair: max(row for row, other in enumerate(events) if other == pair) for pair in events}
    latest = pairs.reduced(np.maximum, np.arange(len(data)))
    assert latest.tolist() == [of_pairs[pair] for pair in sorted(of_pairs)]
    assert pairs.spread(latest).tolist() == [of_pairs[pair] for pair in events]


@given(data=coded_events())
def test_the_last_of_each_pair_is_its_latest_row(data):
    events = pairs_of(data)
    times = [0] * len(data) if data.timestamps is None else data.timestamps.tolist()
    last = {events[row]: row for row in sorted(range(len(data)), key=lambda row: times[row])}
    assert data.last_of_each_pair().tolist() == sorted(last.values())


@given(data=coded_events(), modulus=st.integers(1, 4))
def test_the_last_of_each_pair_is_found_among_some_events(data, modulus):
    among = np.arange(len(data)) % modulus == 0
    rows = np.flatnonzero(among)
    assert data.last_of_each_pair(among).tolist() == rows[data[rows].last_of_each_pair()].tolist()


@given(data=coded_events())
def test_events_are_ordered_by_user_and_time(data):
    times = [0] * len(data) if data.timestamps is None else data.timestamps.tolist()
    expected = sorted(range(len(data)), key=lambda row: (data.users[row], times[row]))
    assert data.user_time_order().tolist() == expected
    assert data.user_time_order().dtype == np.int64


@given(data=coded_events(), seed=st.integers(0, 5))
def test_pairs_are_held_out_as_by_a_permutation_of_all_pairs(data, seed):
    different = sorted(set(pairs_of(data)))
    if len(different) < 2:
        return
    drawn = np.random.default_rng(seed).permutation(len(different))[
        : min(max(1, round(0.4 * len(different))), len(different) - 1)
    ]
    expected = {different[place] for place in drawn}
    _, test = train_test_split(data, test_size=0.4, random_state=seed)
    assert pairs_of(test) == [pair for pair in pairs_of(data) if pair in expected]


@given(codes=st.lists(st.sampled_from([0, 1, 2, 9]), max_size=30), n=st.sampled_from([10, 2**33]))
def test_codes_are_grouped_in_stable_order(codes, n):
    assert group_by(np.array(codes, np.int64), n).tolist() == sorted(range(len(codes)), key=codes.__getitem__)


@pytest.mark.parametrize("code", [-1, 3])
def test_codes_out_of_range_are_refused(code):
    events = Interactions.from_arrays([0, 1], [2, 1])._replace(items=np.array([2, code]))
    for sort in (sorted_pairs, lambda data: group_by(data.items, data.n_items)):
        with pytest.raises(ValueError, match=r"codes must be in 0\.\.2"):
            sort(events)


@pytest.mark.parametrize("duplicates", ["sum", "last", "any"])
@pytest.mark.parametrize("wrap", [lambda events: events, remembering_pairs])
def test_a_matrix_can_be_changed_without_effect_on_the_events(duplicates, wrap):
    events = wrap(Interactions.from_csr(sp.csr_array([[1.0, 0, 2], [0, 3, 0]])))
    matrix = events.to_csr(duplicates=duplicates)
    matrix.data[:], matrix.indices[:], matrix.indptr[:] = 0, 1, 0
    assert (events.users.tolist(), events.items.tolist(), events.values.tolist()) == ([0, 0, 1], [0, 2, 1], [1, 2, 3])
    assert events.to_csr().toarray().tolist() == [[1, 0, 2], [0, 3, 0]]


def test_sums_beyond_float32_are_infinite():
    events = Interactions.from_arrays([0, 0, 1], [1, 1, 0], [3e38, 3e38, 1])
    assert events.to_csr().toarray().tolist() == [[0, np.inf], [1, 0]]


def test_pairs_are_kept_for_the_same_codes_only():
    events = remembering_pairs(Interactions.from_arrays([1, 0, 1], [0, 1, 0]))
    assert sorted_pairs(events) is sorted_pairs(events.with_values([1, 2, 3]))
    assert sorted_pairs(events[:2]).items.tolist() == [1, 0]
    other = Interactions.from_arrays([1, 0], [0, 1])
    assert sorted_pairs(other) is not sorted_pairs(other)


@pytest.mark.parametrize("estimator", [PopularityRecommender(), MFRecommender(n_factors=2, max_epochs=1, random_state=0)])
def test_a_fit_leaves_no_sorted_pairs_behind(estimator):
    events = Interactions.from_arrays([1, 0, 1], [0, 1, 2])
    fitted = estimator.fit(events)
    assert "_pairs" not in vars(events) | vars(fitted.events_)
    assert len(pickle.dumps(events)) == len(pickle.dumps(Interactions.from_arrays([1, 0, 1], [0, 1, 2])))


def test_read_only_events_can_be_learned_from():
    events = Interactions.from_csr(sp.random_array((20, 10), density=0.4, format="csr", rng=np.random.default_rng(0)))
    for array in (events.users, events.items, events.values):
        array.flags.writeable = False
    MFRecommender(n_factors=2, max_epochs=1, loss="bpr", negatives="uniform", random_state=0).fit(events)


# Codes have 32 bits where they fit


@pytest.mark.parametrize("n", [2**31 - 1, 2**31])
def test_codes_are_int32_below_2_to_the_31(n):
    expected = np.int32 if n < 2**31 else np.int64
    for sizes in ({"n_users": n}, {"n_items": n}):
        events = Interactions.from_arrays([0, 1], [1, 0], **{"n_users": 2, "n_items": 2} | sizes)
        assert events.users.dtype == events.items.dtype == expected


def test_codes_that_are_labels_are_int64():
    events = Interactions.from_arrays([0, 2], [1, 0])
    assert events.to_frame().dtypes[["user", "item"]].tolist() == [np.int64] * 2
    lists = PopularityRecommender().fit(events).recommend(events, k=1)
    assert lists.users.dtype == lists.items.dtype == np.int64


@pytest.mark.parametrize("kind", ["frame", "csr", "coo", "dense", "arrays"])
def test_events_do_not_share_memory_with_their_source(kind):
    users, items = np.array([0, 1], np.int32), np.array([1, 0], np.int32)
    values, times = np.array([1, 2], np.float32), np.array([5, 6])
    coo = sp.coo_array((values, (users, items)))
    sources = {
        "frame": lambda: Interactions.from_frame(
            pd.DataFrame({"user": users, "item": items, "rating": values, "timestamp": times})
        ),
        "csr": lambda: Interactions.from_csr(sp.csr_array((values, items, np.array([0, 1, 2], np.int32)))),
        "coo": lambda: Interactions.from_csr(coo),
        "dense": lambda: Interactions.from_csr(np.array([[0, 0.5], [1.5, 0]])),
        "arrays": lambda: Interactions.from_arrays(users, items, values, timestamps=times),
    }
    data = sources[kind]()
    for given_array in (users, items, values, times, coo.row, coo.col, coo.data):
        for column in (data.users, data.items, data.values, data.timestamps):
            assert column is None or not np.shares_memory(column, given_array)


# Labels


@given(labels=st.lists(st.integers(-4, 4), min_size=1, max_size=20), offset=st.sampled_from([0, 2**62, -(2**62)]))
def test_integers_close_to_each_other_get_the_codes_of_their_order(labels, offset):
    labels = [label + offset for label in labels]
    encoder, codes = IdEncoder.learn(np.array(labels))
    assert encoder.ids.tolist() == sorted(set(labels))
    assert encoder.decode(codes).tolist() == labels


def test_the_extreme_integers_are_labels():
    encoder, codes = IdEncoder.learn(np.array([2**63 - 1, -(2**63), 2**63 - 1]))
    assert encoder.ids.tolist() == [-(2**63), 2**63 - 1] and codes.tolist() == [1, 0, 1]


def text_tables(users):
    """One column of text in the memory of several libraries."""
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    chunks, items = pa.chunked_array([users[:2], users[2:]], type=pa.string()), ["x"] * len(users)
    frame = pd.DataFrame({"user": pd.Series(users, dtype=object), "item": items})
    return {
        "objects": frame,
        "str": frame.astype({"user": "str"}) if None not in users else frame,
        "string": frame.astype({"user": "string"}),
        "ArrowDtype": frame.astype({"user": pd.ArrowDtype(pa.large_string())}),
        "category": frame.astype({"user": "category"}),
        "arrow": pa.table({"user": chunks, "item": items}),
        "arrow, one chunk": pa.table({"user": pa.array(users, pa.large_string()), "item": items}),
        "arrow, dictionary": pa.table({"user": chunks.dictionary_encode(), "item": items}),
        "polars": pl.DataFrame({"user": users, "item": items}),
        "polars, categories": pl.DataFrame({"user": users, "item": items}).with_columns(pl.col("user").cast(pl.Categorical)),
    }


def test_text_has_the_same_codes_in_the_memory_of_every_library():
    for table in text_tables(["b", "c", "a", "b"]).values():
        events = Interactions.from_frame(table)
        assert events.user_ids.tolist() == ["a", "b", "c"] and events.user_ids.dtype == object
        assert events.users.tolist() == [1, 2, 0, 1]


def test_missing_text_is_refused_in_the_memory_of_every_library():
    for table in text_tables(["b", "c", None, "b"]).values():
        with pytest.raises(ValueError, match=r"column 'user' of df must not be missing, but the label at position 2 is"):
            Interactions.from_frame(table)


# Values


def looked_like_ratings(values):
    """The definition, with all levels and their counts."""
    if len(values) == 0 or values.min() < 0 or not 4 <= values.max() <= 100:
        return False
    levels, counts = np.unique(values[values > 0], return_counts=True)
    step = 1.0 if levels[-1] == 100 else 0.5
    on_a_scale = (levels[-1] <= 10 or levels[-1] == 100) and bool((levels % step == 0).all())
    if not on_a_scale or len(levels) < 3:
        return False
    mean = np.average(levels, weights=counts)
    are_low = counts[0] > counts[1:].max() and mean < levels[0] + 0.4 * (levels[-1] - levels[0])
    return bool(not are_low and counts[-1] >= counts.max() / 50)


@given(st.lists(st.sampled_from([-1, 0, 0.5, 1, 2, 3, 3.5, 4, 5, 7.25, 10, 50, 100, 101]), max_size=30))
def test_ratings_are_recognized_by_their_levels(values):
    values = np.array(values, np.float32)
    assert look_like_ratings(values) == looked_like_ratings(values)


# Negatives


@given(data=coded_events(), seed=st.integers(0, 3))
def test_the_drawn_negative_is_the_item_at_its_place_among_the_others(data, seed):
    events = data._replace(users=np.minimum(data.users, 4), items=np.minimum(data.items, 5), n_users=5, n_items=6)
    users = torch.arange(5).repeat_interleave(4)
    drawn, mask = UniformNegatives(events).draw(users, 2, torch.Generator().manual_seed(seed))
    uniform = torch.rand(len(users), 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    known = set(pairs_of(events))
    for row, user in enumerate(users.tolist()):
        others = [item for item in range(6) if (user, item) not in known]
        if others:
            assert drawn[row].tolist() == [others[int(place * len(others))] for place in uniform[row].tolist()]
        assert mask is None or mask[row].tolist() == [bool(others)] * 2


@given(n=st.integers(0, 50), size=st.integers(1, 60), seed=st.integers(0, 5))
def test_a_spread_sample_has_a_position_in_each_section(n, size, seed):
    drawn = spread_sample(n, size, torch.Generator().manual_seed(seed)).tolist()
    if n <= size:
        assert drawn == list(range(n))
    else:
        assert len(drawn) == size and all(n * s // size <= drawn[s] < n * (s + 1) / size for s in range(size))


def test_each_position_is_as_likely_in_a_spread_sample():
    generator = torch.Generator().manual_seed(0)
    counts = np.bincount(torch.cat([spread_sample(7, 3, generator) for _ in range(7_000)]), minlength=7)
    np.testing.assert_allclose(counts, 3_000, rtol=0.06)


# Cores


def test_a_chain_loses_its_ends_one_by_one_until_nothing_is_left():
    n = 2_000
    chain = Interactions.from_arrays(np.repeat(np.arange(n), 2)[1:], np.repeat(np.arange(n), 2)[:-1])
    with pytest.raises(ValueError, match="nothing remains"):
        k_core(chain, user=2, item=2)
    circle = Interactions.from_arrays(np.repeat(np.arange(n), 2), (np.repeat(np.arange(n), 2) + np.tile([0, 1], n)) % n)
    assert len(k_core(circle, user=2, item=2)) == 2 * n
