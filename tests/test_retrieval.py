"""Indexes of vectors: exact answers, approximate ones with the required recall, and errors in arguments."""

import pickle
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from forked import in_a_fork
from hypothesis import given
from hypothesis import strategies as st

from skrec.retrieval import ExactIndex, IVFIndex
from skrec.retrieval import _ivf as ivf


def clustered(n=3000, d=8, n_clusters=30, seed=0):
    """Vectors in clusters, with lengths that differ, and queries near the clusters."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(n_clusters, d))
    vectors = centers[rng.integers(0, n_clusters, n)] + 0.3 * rng.normal(size=(n, d))
    queries = centers[rng.integers(0, n_clusters, 400)] + 0.3 * rng.normal(size=(400, d))
    return (vectors * rng.lognormal(0, 0.5, (n, 1))).astype(np.float32), queries.astype(np.float32)


VECTORS, QUERIES = clustered()
RNG = np.random.default_rng(1)
EXCLUDE = sp.csr_array(RNG.random((400, 3000)) < RNG.choice([0, 0.001, 0.1], size=(400, 1)))


@pytest.fixture(scope="module")
def index():
    return IVFIndex(recall=0.9, random_state=0).build(VECTORS, QUERIES)


def sorted_products(vectors, queries, k, exclude=None):
    """The answers by sorting all products of each query."""
    products = queries @ vectors.T
    if exclude is not None:
        products[exclude.nonzero()] = np.nan
    found, best = np.full((len(queries), k), -1), np.full((len(queries), k), np.nan, np.float32)
    for row, of_query in enumerate(products):
        order = sorted(np.flatnonzero(~np.isnan(of_query)), key=lambda j: (-of_query[j], j))[:k]
        found[row, : len(order)], best[row, : len(order)] = order, of_query[order]
    return found, best


def recall_of(found, best):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, best)])


SMALL_INTEGERS = st.integers(-2, 2).map(float)


@st.composite
def problems(draw):
    n, d, n_queries = draw(st.integers(1, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    vectors = np.array(draw(st.lists(SMALL_INTEGERS, min_size=n * d, max_size=n * d))).reshape(n, d)
    queries = np.array(draw(st.lists(SMALL_INTEGERS, min_size=n_queries * d, max_size=n_queries * d))).reshape(n_queries, d)
    exclude = np.zeros((n_queries, n), bool)
    for row, column in draw(st.lists(st.tuples(st.integers(0, n_queries - 1), st.integers(0, n - 1)), max_size=20)):
        exclude[row, column] = True
    return vectors, queries, draw(st.integers(1, 14)), sp.csr_array(exclude)


@given(problem=problems(), n_lists=st.integers(1, 12))
def test_searches_in_all_lists_find_what_sorting_finds(problem, n_lists):
    vectors, queries, k, exclude = problem
    expected = sorted_products(vectors, queries, k, exclude)
    for index in (ExactIndex(), IVFIndex(recall=1.0, n_lists=min(n_lists, len(vectors)), random_state=0)):
        found, products = index.build(vectors).search(queries, k, exclude=exclude)
        np.testing.assert_array_equal(products, expected[1])
        # faiss selects arbitrary ones of the vectors with the last product of a list that ends before all are listed
        is_above = expected[1] > np.nanmin(expected[1], axis=1, initial=np.inf)[:, None]
        complete = np.isnan(expected[1][:, -1:]) | isinstance(index, ExactIndex)
        is_compared = is_above | complete
        np.testing.assert_array_equal(found[is_compared], expected[0][is_compared])


@pytest.mark.parametrize("exclude", [None, EXCLUDE], ids=["all", "with exclusions"])
def test_the_required_recall_is_reached_and_reported(exclude):
    index = IVFIndex(recall=0.9, k=5, random_state=0).build(VECTORS, QUERIES, exclude)
    report = index.recall_report()
    best, _ = ExactIndex().build(VECTORS).search(QUERIES, 5, exclude=exclude)
    found, _ = index.search(QUERIES, 5, exclude=exclude)
    assert report.recall == pytest.approx(recall_of(found[1::2], best[1::2]), abs=1e-9)
    assert recall_of(found[::2], best[::2]) >= 0.9
    assert 0.88 <= report.recall < 1 and report.n_queries == 200
    assert report.n_probes < report.n_lists / 4 and report.share_compared < 0.25


def test_a_higher_recall_takes_more_lists():
    probes = [IVFIndex(recall, random_state=0).build(VECTORS, QUERIES).recall_report().n_probes for recall in (0.5, 0.9, 1.0)]
    assert probes[0] < probes[1] < probes[2] == 110


def test_products_and_exclusions_of_an_approximate_search_are_exact(index):
    found, products = index.search(QUERIES, 10, exclude=EXCLUDE)
    assert (found >= 0).all()
    np.testing.assert_allclose(products, np.einsum("nkd,nd->nk", VECTORS[found], QUERIES), rtol=1e-5)
    assert (np.diff(products, axis=1) <= 0).all()
    assert not EXCLUDE.toarray()[np.arange(400)[:, None], found].any()
    assert all(len(set(row)) == 10 for row in found)


def test_lists_that_the_probed_vectors_do_not_fill_are_completed(index):
    everything_but_some = np.ones((3, 3000), bool)
    everything_but_some[:, [5, 700, 2999]] = False
    found, products = index.search(QUERIES[:3], 5, exclude=sp.csr_array(everything_but_some))
    expected = sorted_products(VECTORS, QUERIES[:3], 5, sp.csr_array(everything_but_some))
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_allclose(products, expected[1], rtol=1e-5)


@pytest.mark.parametrize("make", [ExactIndex, lambda: IVFIndex(recall=0.9, random_state=0)], ids=["exact", "ivf"])
def test_answers_are_the_same_alone_in_a_copy_and_after_another_build(make):
    index = make().build(VECTORS, QUERIES)
    found, products = index.search(QUERIES, 10, exclude=EXCLUDE)
    for row in (0, 1, 7, 399):
        alone, _ = index.search(QUERIES[[row]], 10, exclude=EXCLUDE[[row]])
        np.testing.assert_array_equal(alone[0], found[row])
    for other in (pickle.loads(pickle.dumps(index)), make().build(VECTORS[:50]).build(VECTORS, QUERIES)):
        np.testing.assert_array_equal(other.search(QUERIES, 10, exclude=EXCLUDE)[0], found)
        np.testing.assert_array_equal(other.search(QUERIES, 10, exclude=EXCLUDE)[1], products)
        assert other.recall_report() == index.recall_report()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_number_of_threads_does_not_change_answers(n, index, monkeypatch):
    expected = index.search(QUERIES, 10, exclude=EXCLUDE)
    monkeypatch.setattr(ivf, "n_threads", lambda n_jobs, work: n)
    for other in (index, IVFIndex(recall=0.9, random_state=0).build(VECTORS, QUERIES)):
        found, products = other.search(QUERIES, 10, exclude=EXCLUDE)
        np.testing.assert_array_equal(found, expected[0])
        np.testing.assert_array_equal(products, expected[1])


def test_an_index_is_searched_and_built_after_a_fork(index):
    def answers():
        return [
            each.search(QUERIES[:20], 5)[0].tolist() for each in (index, IVFIndex(0.9, random_state=0).build(VECTORS, QUERIES))
        ]

    assert in_a_fork(answers) == [index.search(QUERIES[:20], 5)[0].tolist()] * 2


def test_a_build_leaves_global_states_and_arguments_as_they_were(capfd):
    import faiss

    vectors, queries, threads = VECTORS.copy(), QUERIES.copy(), faiss.omp_get_max_threads()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    IVFIndex(random_state=0).build(vectors, queries).search(queries, 3)
    IVFIndex(random_state=0).build(vectors[:2])
    np.testing.assert_array_equal(vectors, VECTORS)
    np.testing.assert_array_equal(queries, QUERIES)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert faiss.omp_get_max_threads() == threads
    assert capfd.readouterr() == ("", "")


def test_without_examples_the_vectors_are_the_examples():
    index = IVFIndex(recall=0.9, random_state=0).build(VECTORS)
    assert index.recall_report().n_queries == 1000
    best = ExactIndex().build(VECTORS).search(VECTORS, 10)[0]
    assert recall_of(index.search(VECTORS, 10)[0], best) >= 0.89


def test_few_vectors_and_no_queries():
    for index in (ExactIndex(), IVFIndex(random_state=0)):
        found, products = index.build([[2.0, 1.0]]).search([[1.0, 1.0]], 3)
        assert found.tolist() == [[0, -1, -1]] and products[0, 0] == 3 and np.isnan(products[0, 1:]).all()
        found, products = index.search(np.empty((0, 2)), 3)
        assert found.shape == products.shape == (0, 3)
    assert IVFIndex(random_state=0).build(VECTORS[:20], VECTORS[:0]).recall_report().n_probes == 9


BAD_CALLS = {
    "one-dimensional vectors": (
        lambda: ExactIndex().build([1.0, 2.0]),
        ValueError,
        r"vectors must be an array of shape \(n, d\)",
    ),
    "text": (lambda: ExactIndex().build([["a"]]), ValueError, "vectors must be an array of numbers"),
    "no columns": (lambda: IVFIndex().build(np.empty((3, 0))), ValueError, "vectors must have at least one column"),
    "NaN": (lambda: IVFIndex().build([[np.nan]]), ValueError, "vectors must be finite"),
    "no vectors": (lambda: IVFIndex().build(np.empty((0, 2))), ValueError, "vectors must have at least one row"),
    "recall": (lambda: IVFIndex(recall=1.5).build(VECTORS), ValueError, "recall must be .* at most 1, got 1.5"),
    "k of the recall": (lambda: IVFIndex(k=0).build(VECTORS), ValueError, "k must be .* at least 1, got 0"),
    "too many lists": (lambda: IVFIndex(n_lists=9).build(VECTORS[:8]), ValueError, "n_lists must be at most .* 8, got 9"),
    "no number of lists": (lambda: IVFIndex(n_lists=2.5).build(VECTORS), TypeError, "n_lists must be an integer"),
    "seed": (lambda: IVFIndex(random_state="a").build(VECTORS), ValueError, "random_state must be"),
    "width of examples": (lambda: IVFIndex().build(VECTORS, QUERIES[:, :3]), ValueError, "queries must have as many columns"),
    "exclusions of examples": (lambda: IVFIndex().build(VECTORS, QUERIES, EXCLUDE[:3]), ValueError, "exclude must be"),
    "search before build": (lambda: ExactIndex().search(QUERIES, 3), ValueError, "ExactIndex has no vectors yet"),
    "ivf search before build": (lambda: IVFIndex().search(QUERIES, 3), ValueError, "IVFIndex has no vectors yet"),
    "report before build": (lambda: IVFIndex().recall_report(), ValueError, "IVFIndex has no vectors yet"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD_CALLS.values(), ids=list(BAD_CALLS))
def test_wrong_arguments_of_build_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


BAD_SEARCHES = {
    "width": ((QUERIES[:, :3], 3), {}, "queries must have as many columns as the vectors, 8"),
    "NaN": ((np.full((1, 8), np.nan), 3), {}, "queries must be finite"),
    "overflow": ((np.full((1, 8), 3e38), 3), {}, "queries must be finite numbers whose products"),
    "k": ((QUERIES, 0), {}, "k must be"),
    "dense exclusions": ((QUERIES, 3), {"exclude": EXCLUDE.toarray()}, "exclude must be None or a sparse matrix"),
    "shape of exclusions": ((QUERIES, 3), {"exclude": EXCLUDE[:5]}, r"exclude must be .* shape \(400, 3000\)"),
}


@pytest.mark.parametrize(("arguments", "options", "message"), BAD_SEARCHES.values(), ids=list(BAD_SEARCHES))
def test_wrong_arguments_of_a_search_are_refused(arguments, options, message, index):
    for each in (index, ExactIndex().build(VECTORS)):
        with pytest.raises(ValueError, match=message):
            each.search(*arguments, **options)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install skrec\[faiss\]"):
        IVFIndex().build(VECTORS)


def test_names_are_shown_with_their_parameters():
    assert repr(ExactIndex()) == "ExactIndex()"
    assert repr(IVFIndex(0.99, k=5)) == "IVFIndex(recall=0.99, k=5, n_lists=None, random_state=None)"
