"""Metrics as functions of arrays: 1,000 random cases each against plain Python, and what must always hold."""

from functools import partial
from math import isnan, nan

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from metric_references import SLOW_LIST_METRICS, slow_auc, slow_mae, slow_rmse
from sklearn.metrics import ndcg_score, roc_auc_score

from skrec.metrics import (
    auc,
    average_precision,
    hit_rate,
    mae,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    rmse,
)

N_CASES = 1000
LIST_METRICS = {
    "ndcg": ndcg,
    "recall": recall,
    "recall_capped": partial(recall, denominator="capped"),
    "precision": precision,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}
every_list_metric = pytest.mark.parametrize("metric", LIST_METRICS.values(), ids=LIST_METRICS)


def random_pattern(rng, n_users, n_items):
    """CSR with repeated entries, explicit zeros, and rows without anything; and the sets that it stands for."""
    n = rng.integers(0, n_users * n_items + 1)
    rows, columns = rng.integers(0, n_users, n), rng.integers(0, n_items, n)
    values = np.where((rows + columns) % 3 == 0, 0.0, 1.0)
    order = np.argsort(rows, kind="stable")
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=n_users)))
    pattern = sp.csr_array((values[order], columns[order], indptr), shape=(n_users, n_items))
    pairs = {(int(row), int(column)) for row, column, value in zip(rows, columns, values) if value != 0}
    return pattern, [{item for user, item in pairs if user == row} for row in range(n_users)]


def random_ranking(rng):
    """Lists with padding and repeated items, often longer than the catalogue, and k beyond both."""
    n_users, n_items = rng.integers(1, 6), rng.integers(1, 12)
    pattern, sets = random_pattern(rng, n_users, n_items)
    lists = rng.integers(-1, n_items, (n_users, rng.integers(1, 15)))
    return lists, pattern, sets, int(rng.integers(1, rng.choice([4, 20])))


def random_scores(rng):
    """Scores with many ties, infinities and items that are no candidates."""
    pattern, sets = random_pattern(rng, n_users=rng.integers(1, 5), n_items=rng.integers(1, 10))
    return rng.choice([-np.inf, 0.0, 0.5, 1.0, np.inf, -3.0], pattern.shape).astype(np.float32), pattern, sets


# ---- against plain Python --------------------------------------------------------------------------------------------


def test_the_random_rankings_hold_what_is_hard():
    rng = np.random.default_rng(0)
    cases = [random_ranking(rng) for _ in range(N_CASES)]
    hard = {
        "users without relevant items": sum(not all(sets) for _, _, sets, _ in cases),
        "k above the catalogue": sum(k > pattern.shape[1] for _, pattern, _, k in cases),
        "padding": sum((lists < 0).any() for lists, *_ in cases),
        "repeated items": sum(any(len(set(row)) < len(row) for row in lists.tolist()) for lists, *_ in cases),
        "more relevant items than places": sum(any(len(items) > k for items in sets) for _, _, sets, k in cases),
    }
    assert min(hard.values()) > N_CASES / 10, hard


@pytest.mark.parametrize("name", LIST_METRICS)
def test_list_metrics_agree_with_the_slow_reference(name):
    metric, slow = LIST_METRICS[name], SLOW_LIST_METRICS[name]
    rng = np.random.default_rng(0)
    for _ in range(N_CASES):
        lists, pattern, sets, k = random_ranking(rng)
        expected = [slow(items, relevant, k) if relevant else nan for items, relevant in zip(lists.tolist(), sets)]
        np.testing.assert_allclose(metric(lists, pattern, k=k), expected, rtol=0, atol=1e-12)


def test_auc_agrees_with_the_slow_reference():
    rng = np.random.default_rng(1)
    n_undefined = n_tied = 0
    for _ in range(N_CASES):
        scores, pattern, sets = random_scores(rng)
        rows = [dict(enumerate(row)) for row in scores.tolist()]
        expected = [slow_auc(row, relevant) if relevant else nan for row, relevant in zip(rows, sets)]
        np.testing.assert_allclose(auc(scores, pattern), expected, rtol=0, atol=1e-12)
        n_undefined += any(map(isnan, expected))
        n_tied += any(len(set(row)) < len(row) for row in scores.tolist())
    assert min(n_undefined, n_tied) > N_CASES / 10


def test_auc_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    relevant, scores = rng.random((20, 30)) < 0.3, rng.integers(0, 5, (20, 30))
    expected = [roc_auc_score(wanted, row) for wanted, row in zip(relevant, scores)]
    np.testing.assert_allclose(auc(scores, relevant), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("metric", "slow"), [(rmse, slow_rmse), (mae, slow_mae)])
@pytest.mark.parametrize("weighted", [True, False])
def test_errors_agree_with_the_slow_reference(metric, slow, weighted):
    rng = np.random.default_rng(4)
    for _ in range(N_CASES):
        true, predicted = rng.normal(size=(2, rng.integers(1, 30)))
        weights = rng.integers(0, 3, len(true)) + np.eye(1, len(true))[0] if weighted else None  # some of them 0, not all
        expected = slow(true.tolist(), predicted.tolist(), [1] * len(true) if weights is None else weights.tolist())
        assert metric(true, predicted, weights=weights) == pytest.approx(expected, rel=0, abs=1e-12)


# ---- what must always hold -------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


@every_list_metric
@given(seed=seeds)
def test_values_are_in_the_unit_interval_and_move_with_their_users(metric, seed):
    rng = np.random.default_rng(seed)
    lists, pattern, _, k = random_ranking(rng)
    values, order = metric(lists, pattern, k=k), rng.permutation(len(lists))
    assert values.dtype == np.float64
    assert np.nanmin(values, initial=0) >= 0
    assert np.nanmax(values, initial=1) <= 1
    np.testing.assert_array_equal(metric(lists[order], pattern[order], k=k), values[order])


@every_list_metric
@given(seed=seeds)
def test_what_the_items_are_called_does_not_matter(metric, seed):
    rng = np.random.default_rng(seed)
    lists, pattern, _, k = random_ranking(rng)
    names = rng.permutation(pattern.shape[1])
    renamed = np.where(lists < 0, -1, names[lists])
    np.testing.assert_array_equal(metric(renamed, pattern[:, np.argsort(names)], k=k), metric(lists, pattern, k=k))


@every_list_metric
@given(seed=seeds)
def test_places_behind_the_first_k_do_not_matter(metric, seed):
    lists, pattern, _, k = random_ranking(np.random.default_rng(seed))
    np.testing.assert_array_equal(metric(lists[:, :k], pattern, k=k), metric(lists, pattern, k=k))


@pytest.mark.parametrize("name", ["ndcg", "recall_capped", "map", "mrr", "hit_rate"])
@given(n_relevant=st.integers(1, 40), k=st.integers(1, 50))
def test_a_perfect_list_is_exactly_one(name, n_relevant, k):
    assert LIST_METRICS[name]([np.arange(40)], [np.arange(40) < n_relevant], k=k).tolist() == [1]


@given(seed=seeds)
def test_auc_of_negated_scores_is_the_complement(seed):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.integers(-3, 3, (4, 9)), rng.random((4, 9)) < 0.4
    is_defined = relevant.any(1) & ~relevant.all(1)
    np.testing.assert_allclose(auc(scores, relevant) + auc(-scores, relevant), np.where(is_defined, 1, np.nan))


@given(seed=seeds)
def test_the_error_of_an_average_is_between_those_of_its_parts(seed):
    rng = np.random.default_rng(seed)
    true, one, other = rng.normal(size=(3, rng.integers(1, 20)))
    for error in (mae, rmse):
        assert error(true, (one + other) / 2) <= max(error(true, one), error(true, other)) + 1e-12
    assert mae(true, one) <= rmse(true, one) + 1e-12


def test_arguments_are_not_changed():
    rng = np.random.default_rng(3)
    lists, pattern, _, _ = random_ranking(rng)
    scores = rng.random(pattern.shape)
    arrays = lists, pattern.data, pattern.indices, pattern.indptr, scores
    before = [array.copy() for array in arrays]
    for metric in LIST_METRICS.values():
        metric(lists, pattern)
    auc(scores, pattern)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, before))


# ---- grades ----------------------------------------------------------------------------------------------------------


def random_grades(rng):
    """Scores without ties, the ranking by them, and grades, among them users without any above 0."""
    n_users, n_items = rng.integers(1, 6), rng.integers(2, 15)
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=float), (n_users, 1)), axis=1)
    grades = rng.choice([0.0, 0.0, 0.5, 1.0, 2.0, 5.0, 1e-3, 7e5], (n_users, n_items))
    return scores, np.argsort(-scores, axis=1), grades, int(rng.integers(1, n_items + 3))


def test_ndcg_of_grades_is_that_of_scikit_learn():
    rng = np.random.default_rng(5)
    for _ in range(N_CASES):
        scores, lists, grades, k = random_grades(rng)
        has_any = grades.any(axis=1)
        values = ndcg(lists, sp.csr_array(grades), k=k)
        assert np.isnan(values[~has_any]).all()
        for user in np.flatnonzero(has_any):
            expected = ndcg_score(grades[[user]], scores[[user]], k=k)
            assert values[user] == pytest.approx(expected, rel=0, abs=1e-12)


def test_ndcg_of_exponential_gains_is_that_of_scikit_learn():
    rng = np.random.default_rng(6)
    grades, scores = rng.integers(0, 5, (30, 12)), rng.permuted(np.tile(np.arange(12.0), (30, 1)), axis=1)
    gains = 2.0**grades - 1
    assert np.nanmean(ndcg(np.argsort(-scores, axis=1), gains, k=5)) == pytest.approx(ndcg_score(gains, scores, k=5), abs=1e-12)


def test_the_best_order_of_grades_is_exactly_one_and_no_other_is_above():
    rng = np.random.default_rng(7)
    for _ in range(N_CASES):
        _, lists, grades, k = random_grades(rng)
        grades[:, 0] = 0.3
        assert (ndcg(np.argsort(-grades, axis=1, kind="stable"), grades, k=k) == 1).all()
        assert (ndcg(lists, grades, k=k) <= 1).all()


def test_ndcg_of_ones_is_the_binary_one_whatever_their_type():
    lists, relevant = [[2, 3, 0], [1, 0, 3]], np.array([[1, 0, 1, 0], [0, 1, 0, 0]])
    forms = (relevant.astype(bool), relevant.astype(np.int8), sp.csr_array(relevant), sp.csr_array(relevant.astype(bool)))
    for form in forms:
        assert ndcg(lists, form, k=3).tolist() == ndcg(lists, relevant * 1.0, k=3).tolist()


def test_an_entry_that_is_stored_twice_counts_with_its_largest_gain():
    twice = sp.coo_array(([1.0, 3.0, 2.0], ([0, 0, 0], [1, 1, 0])), shape=(1, 3))
    assert ndcg([[0, 1]], twice).tolist() == ndcg([[0, 1]], [[2.0, 3.0, 0.0]]).tolist()


BINARY_METRICS = [partial(metric, [[0, 1]]) for name, metric in LIST_METRICS.items() if name != "ndcg"]


@pytest.mark.parametrize("metric", [*BINARY_METRICS, partial(auc, [[0.5, 0.1, 0.2]])])
@pytest.mark.parametrize("value", [2.0, 0.5, 5])
def test_grades_are_refused_by_metrics_that_do_not_count_them(metric, value):
    with pytest.raises(ValueError, match=f"relevant must hold 0 and 1 .* got {value:g}"):
        metric([[1, 0, value]])


@pytest.mark.parametrize(
    "metric", [*(partial(metric, [[0, 1]]) for metric in LIST_METRICS.values()), partial(auc, [[1.0, 2.0]])]
)
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_gains_that_are_no_gains_are_refused(metric, value):
    with pytest.raises(ValueError, match="relevant must not be NaN, negative or infinite"):
        metric([[1.0, value]])
