"""Metrics as functions of arrays: against slow references, worked by hand, and by what must always hold."""

from math import log2, sqrt

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.metrics import mean_absolute_error, mean_squared_error, roc_auc_score

from skrec.metrics import (
    auc,
    average_precision,
    bootstrap_interval,
    hit_rate,
    mae,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    rmse,
    sampled_leave_one_out,
)


def recall_capped(recommended, relevant, *, k=10):
    return recall(recommended, relevant, k=k, denominator="capped")


LIST_METRICS = [ndcg, recall, recall_capped, precision, average_precision, reciprocal_rank, hit_rate]


# ---- slow references: one user at a time, in plain Python ------------------------------------------------------------


def hits_of(items, relevant, k):
    """1 or 0 for each of the first k places."""
    found, hits = set(), []
    for item in items[:k]:
        hits.append(1 if item in relevant and item not in found else 0)
        found.add(item)
    return hits


def slow_ndcg(items, relevant, k):
    gain = sum(hit / log2(place + 1) for place, hit in enumerate(hits_of(items, relevant, k), 1))
    return gain / sum(1 / log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))


def slow_recall(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / len(relevant)


def slow_recall_capped(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / min(k, len(relevant))


def slow_precision(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / k


def slow_average_precision(items, relevant, k):
    hits = hits_of(items, relevant, k)
    return sum(sum(hits[:place]) / place for place, hit in enumerate(hits, 1) if hit) / min(k, len(relevant))


def slow_reciprocal_rank(items, relevant, k):
    return next((1 / place for place, hit in enumerate(hits_of(items, relevant, k), 1) if hit), 0)


def slow_hit_rate(items, relevant, k):
    return max(hits_of(items, relevant, k))


def slow_auc(scores, relevant):
    others = [score for item, score in enumerate(scores) if item not in relevant and score > -np.inf]
    if not others:
        return np.nan
    wins = [(scores[item] > other) + (scores[item] == other) / 2 for item in relevant for other in others]
    return sum(wins) / len(wins)


SLOW = dict(
    zip(
        LIST_METRICS,
        [
            slow_ndcg,
            slow_recall,
            slow_recall_capped,
            slow_precision,
            slow_average_precision,
            slow_reciprocal_rank,
            slow_hit_rate,
        ],
    )
)


def random_pattern(rng, n_users, n_items):
    """CSR with repeated entries, explicit zeros, and rows without anything; and the sets that it stands for."""
    n = rng.integers(0, n_users * n_items + 1)
    rows, columns = rng.integers(0, n_users, n), rng.integers(0, n_items, n)
    values = np.where((rows + columns) % 3 == 0, 0.0, rng.choice([1.0, 2.5, -1.0], n))
    order = np.argsort(rows, kind="stable")
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=n_users)))
    pattern = sp.csr_array((values[order], columns[order], indptr), shape=(n_users, n_items))
    stored = zip(rows, columns, values)
    pairs = {(int(row), int(column)) for row, column, value in stored if value != 0}
    return pattern, [{item for user, item in pairs if user == row} for row in range(n_users)]


def random_ranking(rng):
    """Lists with padding and repeated items, often longer than the catalogue, and k beyond both."""
    n_users, n_items = rng.integers(1, 6), rng.integers(1, 12)
    pattern, sets = random_pattern(rng, n_users, n_items)
    lists = rng.integers(-1, n_items, (n_users, rng.integers(1, 15)))
    return lists, pattern, sets, int(rng.integers(1, 20))


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_agrees_with_the_slow_reference_in_1000_random_cases(metric):
    rng = np.random.default_rng(0)
    for _ in range(1000):
        lists, pattern, sets, k = random_ranking(rng)
        expected = [SLOW[metric](items, relevant, k) if relevant else np.nan for items, relevant in zip(lists.tolist(), sets)]
        np.testing.assert_allclose(metric(lists, pattern, k=k), expected, rtol=0, atol=1e-12)


def test_auc_agrees_with_the_slow_reference_in_1000_random_cases():
    rng = np.random.default_rng(1)
    for _ in range(1000):
        pattern, sets = random_pattern(rng, n_users=rng.integers(1, 5), n_items=rng.integers(1, 10))
        scores = rng.choice([-np.inf, 0.0, 0.5, 1.0, np.inf, -3.0], pattern.shape).astype(np.float32)
        expected = [slow_auc(row, relevant) if relevant else np.nan for row, relevant in zip(scores.tolist(), sets)]
        np.testing.assert_allclose(auc(scores, pattern), expected, rtol=0, atol=1e-12)


def test_auc_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    relevant, scores = rng.random((20, 30)) < 0.3, rng.integers(0, 5, (20, 30))
    expected = [roc_auc_score(wanted, row) for wanted, row in zip(relevant, scores)]
    np.testing.assert_allclose(auc(scores, relevant), expected, rtol=0, atol=1e-12)


# ---- worked by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (ndcg, (1 / log2(2) + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))),
        (recall, 2 / 4),
        (recall_capped, 2 / 3),
        (precision, 2 / 3),
        (average_precision, (1 / 1 + 2 / 3) / 3),
        (reciprocal_rank, 1),
        (hit_rate, 1),
    ],
)
def test_two_hits_among_three_places_of_four_relevant_items(metric, expected):
    assert metric([[5, 0, 6, 7]], [[0, 0, 0, 0, 1, 1, 1, 1]], k=3) == pytest.approx([expected], abs=1e-15)


def test_reciprocal_rank_is_that_of_the_first_hit():
    assert reciprocal_rank([[0, 1, 2, 3], [3, 2, 1, 0]], [[0, 0, 1, 1], [1, 0, 0, 0]], k=3).tolist() == [1 / 3, 0]


def test_precision_divides_by_k_and_not_by_the_number_of_relevant_items():
    assert precision([[0, 1, 2]], [[1, 1, 0]], k=3).tolist() == [2 / 3]


def test_a_list_longer_than_the_catalogue_stays_within_one():
    lists = np.append(np.arange(3), np.full(7, -1))[None]
    everything = np.ones((1, 3))
    assert [metric(lists, everything, k=10)[0] for metric in LIST_METRICS] == [1, 1, 1, 0.3, 1, 1, 1]


@pytest.mark.parametrize("metric", [ndcg, average_precision, recall, precision])
def test_a_repeated_item_is_a_miss_the_second_time(metric):
    relevant = [[1, 1, 0, 0]]
    assert metric([[0, 0, 1]], relevant, k=3) == metric([[0, 2, 1]], relevant, k=3)


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_padding_is_a_place_without_a_hit(metric):
    # -1 must neither count from the end of a row nor reach into the row of the user before
    assert metric([[-1, -1], [-1, -1]], [[0, 0, 1], [1, 0, 0]], k=2).tolist() == [0, 0]


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_a_user_without_relevant_items_is_nan(metric):
    explicit_zero = sp.csr_array(([0.0, 1.0], ([0, 1], [0, 0])), shape=(2, 2))
    assert np.isnan(metric([[0, 1], [0, 1]], explicit_zero)).tolist() == [True, False]


def test_auc_of_an_item_hidden_from_the_ranking_is_zero():
    assert auc([[-np.inf, 1.0, 2.0]], [[1, 0, 0]]).tolist() == [0]


def test_auc_leaves_out_what_is_no_candidate():
    assert auc([[1.0, -np.inf, 0.0, 2.0]], [[1, 0, 0, 0]]).tolist() == [0.5]


def test_auc_without_other_candidates_is_nan():
    assert np.isnan(auc([[1.0, -np.inf]], [[1, 0]])).all()


# ---- what must always hold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", LIST_METRICS)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_are_in_the_unit_interval_and_move_with_their_users(metric, seed):
    rng = np.random.default_rng(seed)
    lists, pattern, _, k = random_ranking(rng)
    values, order = metric(lists, pattern, k=k), rng.permutation(len(lists))
    assert values.dtype == np.float64
    assert np.nanmin(values, initial=0) >= 0
    assert np.nanmax(values, initial=1) <= 1
    np.testing.assert_array_equal(metric(lists[order], pattern[order], k=k), values[order])


@pytest.mark.parametrize("metric", [ndcg, recall_capped, average_precision, reciprocal_rank, hit_rate])
@given(n_relevant=st.integers(1, 40), k=st.integers(1, 50))
def test_a_perfect_list_is_exactly_one(metric, n_relevant, k):
    assert metric([np.arange(40)], [np.arange(40) < n_relevant], k=k).tolist() == [1]


@given(seed=st.integers(0, 2**32 - 1))
def test_auc_of_negated_scores_is_the_complement(seed):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.integers(-3, 3, (4, 9)), rng.random((4, 9)) < 0.4
    is_defined = relevant.any(1) & ~relevant.all(1)
    np.testing.assert_allclose(auc(scores, relevant) + auc(-scores, relevant), np.where(is_defined, 1, np.nan))


@pytest.mark.parametrize("to_relevant", [sp.csr_matrix, sp.coo_array, sp.csc_array, np.asarray, np.ndarray.tolist])
def test_relevant_may_have_any_format(to_relevant):
    relevant = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    assert recall([[1], [1]], to_relevant(relevant), k=1).tolist() == [1, 0]


def test_arguments_are_not_changed():
    rng = np.random.default_rng(3)
    lists, pattern, _, _ = random_ranking(rng)
    scores = rng.random(pattern.shape)
    arrays = lists, pattern.data, pattern.indices, pattern.indptr, scores
    before = [array.copy() for array in arrays]
    for metric in LIST_METRICS:
        metric(lists, pattern)
    auc(scores, pattern)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, before))


@pytest.mark.parametrize("k", [True, 2.0, "10", None])
def test_k_must_be_an_integer(k):
    with pytest.raises(TypeError, match="k must be an integer"):
        ndcg([[0]], [[1]], k=k)


def test_k_must_be_at_least_one():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ndcg([[0]], [[1]], k=0)


@pytest.mark.parametrize(
    ("lists", "error", "message"),
    [
        ([[0.0, 1.0]], TypeError, "integer item codes, got dtype float64"),
        ([[0, 3]], ValueError, "below 3 or -1, got 0 to 3"),
        ([[-2, 0]], ValueError, "below 3 or -1, got -2 to 0"),
        ([[0], [1]], ValueError, r"shape \(1, at least 1\), as relevant has, got \(2, 1\)"),
        ([0, 1], ValueError, r"got \(2,\)"),
        (np.empty((1, 0), int), ValueError, r"got \(1, 0\)"),
    ],
)
def test_lists_that_do_not_fit_are_refused(lists, error, message):
    with pytest.raises(error, match=message):
        ndcg(lists, [[1, 0, 0]])


def test_recall_names_its_denominators():
    with pytest.raises(ValueError, match="'relevant' or 'capped', got 'k'"):
        recall([[0]], [[1]], denominator="k")


def test_auc_refuses_nan_and_other_shapes():
    with pytest.raises(ValueError, match="NaN"):
        auc([[np.nan, 1.0]], [[1, 0]])
    with pytest.raises(ValueError, match=r"one shape, got \(1, 2\) and \(1, 3\)"):
        auc([[0.0, 1.0]], [[1, 0, 0]])


# ---- ratings ---------------------------------------------------------------------------------------------------------


def test_errors_by_hand():
    assert rmse([1, 2, 5], [2, 2, 3]) == pytest.approx(sqrt(5 / 3), abs=1e-15)
    assert mae([1, 2, 5], [2, 2, 3]) == 1
    assert rmse([1, 2, 5], [2, 2, 3], weights=[0, 1, 3]) == pytest.approx(sqrt(3), abs=1e-15)
    assert mae([1, 2, 5], [2, 2, 3], weights=[0, 1, 3]) == 1.5


def test_errors_agree_with_scikit_learn():
    rng = np.random.default_rng(4)
    for _ in range(1000):
        true, predicted, weights = rng.normal(size=(3, rng.integers(1, 30)))
        weights = np.abs(weights)
        assert rmse(true, predicted, weights=weights) == pytest.approx(
            sqrt(mean_squared_error(true, predicted, sample_weight=weights)), abs=1e-12
        )
        assert mae(true, predicted, weights=weights) == pytest.approx(
            mean_absolute_error(true, predicted, sample_weight=weights), abs=1e-12
        )


def test_errors_of_float32_are_summed_in_float64():
    true = np.full(10**6, 0.1, np.float32)
    assert mae(true, np.zeros_like(true)) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least 1, got 0 and 0"),
        (([1, 2], [1]), "got 2 and 1"),
        (([1, np.nan], [1, 1]), "y_true must be finite"),
        (([1, 1], [1, np.inf]), "y_pred must be finite"),
        (([[1]], [[1]]), "y_true must be one-dimensional"),
        (([1, 1], [1, 1], [1]), "weights must have the length of y_true, 2, got 1"),
        (([1, 1], [1, 1], [1, -1]), "weights must not be negative"),
        (([1, 1], [1, 1], [0, 0]), "not all be zero"),
    ],
)
@pytest.mark.parametrize("error", [rmse, mae])
def test_errors_refuse_what_cannot_be_compared(error, arguments, message):
    true, predicted, *weights = arguments
    with pytest.raises(ValueError, match=message):
        error(true, predicted, weights=weights[0] if weights else None)


# ---- intervals -------------------------------------------------------------------------------------------------------


def test_interval_is_that_of_the_normal_distribution_for_many_users():
    values = np.random.default_rng(5).normal(3, 2, 2000)
    half = 1.96 * values.std() / sqrt(2000)
    low, high = bootstrap_interval(values, n_resamples=4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_interval_of_a_constant_is_a_point():
    assert bootstrap_interval([0.25] * 7) == (0.25, 0.25)


def test_interval_of_weighted_values_lies_around_the_weighted_mean():
    values, weights = np.repeat([0.0, 1.0], 500), np.repeat([1.0, 9.0], 500)
    low, high = bootstrap_interval(values, weights)
    assert 0.88 < low < 0.9 < high < 0.92


def test_interval_is_reproducible_and_widens_with_its_level():
    values = np.random.default_rng(6).random(50)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, random_state=1)
    inner, outer = bootstrap_interval(values, level=0.5), bootstrap_interval(values, level=0.99)
    assert outer[0] < inner[0] < inner[1] < outer[1]


def test_interval_does_not_depend_on_the_size_of_its_pieces(monkeypatch):
    values = np.random.default_rng(7).random(40)
    whole = bootstrap_interval(values, n_resamples=101)
    monkeypatch.setattr("skrec.metrics._intervals._DRAWS_AT_ONCE", 100)
    assert bootstrap_interval(values, n_resamples=101) == whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": []}, "at least one user"),
        ({"values": [1.0], "level": 1.0}, "level must be between 0 and 1"),
        ({"values": [1.0], "n_resamples": 0}, "n_resamples must be at least 1"),
        ({"values": [1.0, 2.0], "weights": [1.0, 0.0]}, "weights must be 2 positive numbers"),
    ],
)
def test_interval_refuses_what_it_cannot_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**arguments)


# ---- the sampled protocol --------------------------------------------------------------------------------------------


class Lookup(BaseEstimator):
    """A fitted model without labels whose scores are a table."""

    user_ids_ = item_ids_ = None

    def __init__(self, table):
        self.table_ = np.asarray(table, dtype=np.float32)
        self.n_users_, self.n_items_ = self.table_.shape

    def fit(self, X):
        return self

    def predict(self, X):
        return self.table_[X.users, X.items]


class LabelledLookup(Lookup):
    user_ids_ = np.array(["ann", "bob"], object)
    item_ids_ = np.array(["a", "b", "c"], object)

    def predict(self, X):
        users, items = pd.Index(self.user_ids_), pd.Index(self.item_ids_)
        return self.table_[users.get_indexer(X["user"]), items.get_indexer(X["item"])]


def test_sampled_places_by_hand():
    model = Lookup([[5, 4, 3, 2, 1], [1, 2, 3, 4, 5]])
    # user 0: item 2 behind item 1 alone; user 1: item 0 behind all three
    answer = sampled_leave_one_out(model, [0, 1], [2, 0], [[1, 3, 4], [1, 2, 3]], k=2)
    assert answer == {"hit_rate": 0.5, "ndcg": pytest.approx(1 / log2(3) / 2, abs=1e-15)}


@pytest.mark.parametrize(("ties", "place"), [("for", 0), ("half", 1), ("against", 2)])
def test_sampled_ties_are_broken_as_asked(ties, place):
    model = Lookup([[1, 1, 1, 0]])
    answer = sampled_leave_one_out(model, [0], [0], [[1, 2, 3]], k=3, ties=ties)
    assert answer == {"hit_rate": 1, "ndcg": pytest.approx(1 / log2(place + 2), abs=1e-15)}


def test_sampled_half_of_one_tie_is_half_a_place():
    model = Lookup([[1, 1, 2]])
    answer = sampled_leave_one_out(model, [0], [0], [[1, 2]], k=2)
    assert answer["ndcg"] == pytest.approx(1 / log2(1.5 + 2), abs=1e-15)


def test_sampled_candidates_are_a_set():
    # by hand: the positive's own copy is no rival, and the better item 1 is one rival, however often it was drawn
    model = Lookup([[1, 2, 0]])
    answer = sampled_leave_one_out(model, [0], [0], [[0, 1, 1, 2]], k=2, ties="against")
    assert answer == {"hit_rate": 1, "ndcg": pytest.approx(1 / log2(3), abs=1e-15)}


def test_sampled_protocol_takes_labels():
    model = LabelledLookup([[3, 2, 1], [1, 2, 3]])
    answer = sampled_leave_one_out(model, ["bob", "ann"], ["b", "b"], [["c", "a"], ["c", "c"]], k=1)
    assert answer == {"hit_rate": 0.5, "ndcg": 0.5}


def test_sampled_protocol_refuses_a_model_that_answers_nan():
    with pytest.raises(ValueError, match="NaN"):
        sampled_leave_one_out(Lookup([[np.nan, 1.0]]), [0], [0], [[1]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ties": "random"}, "ties must be one of 'for', 'half', 'against', got 'random'"),
        ({"users": []}, "n being at least 1"),
        ({"positives": [0, 1]}, r"got \(1,\), \(2,\) and \(1, 1\)"),
        ({"negatives": [1]}, r"and \(1,\)"),
        ({"k": 0}, "k must be an integer of at least 1"),
    ],
)
def test_sampled_protocol_refuses_arguments_that_do_not_fit(changed, message):
    arguments = {"users": [0], "positives": [0], "negatives": [[1]]} | changed
    with pytest.raises(ValueError, match=message):
        sampled_leave_one_out(Lookup([[0.0, 1.0]]), **arguments)
