"""Metrics as functions of arrays, worked by hand, and what they refuse."""

from math import log2, sqrt

import numpy as np
import pytest
import scipy.sparse as sp

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


def recall_capped(recommended, relevant, *, k=10):
    return recall(recommended, relevant, k=k, denominator="capped")


LIST_METRICS = [ndcg, recall, recall_capped, precision, average_precision, reciprocal_rank, hit_rate]


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


# ---- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to_relevant", [sp.csr_matrix, sp.coo_array, sp.csc_array, np.asarray, np.ndarray.tolist])
def test_relevant_may_have_any_format(to_relevant):
    relevant = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert recall([[1], [1]], to_relevant(relevant), k=1).tolist() == [1, 0]


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
    with pytest.raises(ValueError, match="'relevant', 'capped', got 'k'"):
        recall([[0]], [[1]], denominator="k")


def test_auc_refuses_nan_and_other_shapes():
    with pytest.raises(ValueError, match="NaN"):
        auc([[np.nan, 1.0]], [[1, 0]])
    with pytest.raises(ValueError, match=r"the same shape, got \(1, 2\) and \(1, 3\)"):
        auc([[0.0, 1.0]], [[1, 0, 0]])


# ---- ratings ---------------------------------------------------------------------------------------------------------


def test_errors_by_hand():
    assert rmse([1, 2, 5], [2, 2, 3]) == pytest.approx(sqrt(5 / 3), abs=1e-15)
    assert mae([1, 2, 5], [2, 2, 3]) == 1
    assert rmse([1, 2, 5], [2, 2, 3], weights=[0, 1, 3]) == pytest.approx(sqrt(3), abs=1e-15)
    assert mae([1, 2, 5], [2, 2, 3], weights=[0, 1, 3]) == 1.5


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
