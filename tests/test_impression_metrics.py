"""Impression metrics: against examples by hand, slow references and other libraries."""

from functools import partial
from math import inf, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_references import slow_impression_auc, slow_impression_mrr, slow_impression_ndcg
from sklearn.metrics import ndcg_score, roc_auc_score

from skrec.metrics import impression_auc, impression_mrr, impression_ndcg

METRICS = {
    "auc": (impression_auc, slow_impression_auc),
    "mrr": (impression_mrr, slow_impression_mrr),
    "ndcg@1": (partial(impression_ndcg, k=1), partial(slow_impression_ndcg, k=1)),
    "ndcg@5": (partial(impression_ndcg, k=5), partial(slow_impression_ndcg, k=5)),
    "ndcg@100": (partial(impression_ndcg, k=100), partial(slow_impression_ndcg, k=100)),
}
every_metric = pytest.mark.parametrize("metric", [fast for fast, _ in METRICS.values()], ids=METRICS)

# scores of what was shown together, a few of them equal, and which of these were clicked
SLATE = st.lists(st.tuples(st.sampled_from([-inf, -1.5, 0, 0.5, 2]), st.booleans()), min_size=1, max_size=12)


def minds_own(scores, clicked, k):
    """MRR and nDCG@k as MIND's evaluate.py computes them, where no two scores are equal."""
    in_order = np.take(clicked, np.argsort(scores)[::-1])
    gains = [2.0**click - 1 for click in in_order]
    ideal = [2.0**click - 1 for click in sorted(clicked, reverse=True)]
    dcg, best = (sum(gain / log2(place + 2) for place, gain in enumerate(part[:k])) for part in (gains, ideal))
    return sum(click / (place + 1) for place, click in enumerate(in_order)) / sum(clicked), dcg / best


def test_an_impression_by_hand():
    # by score: b (clicked), a, d, c (clicked), e
    scores, clicked, numbers = [4, 5, 2, 3, 1], [0, 1, 1, 0, 0], [8] * 5
    assert impression_auc(scores, clicked, numbers) == [(3 + 1) / 6]
    assert impression_mrr(scores, clicked, numbers) == [(1 + 1 / 4) / 2]
    np.testing.assert_allclose(impression_ndcg(scores, clicked, numbers, k=5), [(1 + 1 / log2(5)) / (1 + 1 / log2(3))])
    np.testing.assert_allclose(impression_ndcg(scores, clicked, numbers, k=3), [1 / (1 + 1 / log2(3))])


def test_equal_scores_by_hand():
    # the clicked item shares places 2 and 3 with another
    scores, clicked, numbers = [5, 3, 3, 1], [0, 1, 0, 0], [8] * 4
    assert impression_auc(scores, clicked, numbers) == [(1 + 1 / 2) / 3]
    assert impression_mrr(scores, clicked, numbers) == [(1 / 2 + 1 / 3) / 2]
    np.testing.assert_allclose(impression_ndcg(scores, clicked, numbers, k=2), [1 / log2(3) / 2])


@pytest.mark.parametrize("name", METRICS)
@given(slates=st.lists(SLATE, min_size=1, max_size=6), seed=st.integers(0, 99))
def test_ragged_impressions_agree_with_the_slow_reference(name, slates, seed):
    fast, slow = METRICS[name]
    rows = [(score, click, 3 * number) for number, slate in enumerate(slates) for score, click in slate]
    shuffled = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
    expected = [
        slow(*map(list, zip(*slate))) if 0 < sum(click for _, click in slate) < len(slate) else np.nan for slate in slates
    ]
    np.testing.assert_allclose(fast(*zip(*shuffled)), expected, rtol=0, atol=1e-12)


def test_without_ties_the_numbers_are_those_of_mind():
    rng = np.random.default_rng(0)
    for n in (2, 3, 10, 200):
        scores, clicked = rng.permutation(n) / 7, rng.permutation(np.arange(n) < max(1, n // 3)).astype(int)
        expected = minds_own(scores, clicked, k=5)
        found = [metric(scores, clicked, np.zeros(n, int))[0] for metric in (impression_mrr, METRICS["ndcg@5"][0])]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_scikit_learn_agrees_ties_and_all():
    rng = np.random.default_rng(1)
    for n in (2, 5, 40):
        scores, clicked = rng.integers(0, 4, n), rng.permutation(np.arange(n) < max(1, n // 4)).astype(int)
        assert impression_auc(scores, clicked, np.zeros(n, int))[0] == pytest.approx(roc_auc_score(clicked, scores))
        expected = ndcg_score(clicked[None], scores[None], k=5)
        assert impression_ndcg(scores, clicked, np.zeros(n, int), k=5)[0] == pytest.approx(expected)


@every_metric
def test_one_value_for_each_impression_in_order_of_their_numbers(metric):
    scores, clicked, numbers = [1, 0, 0, 1, 0, 1], [1, 0, 1, 0, 0, 0], [9, 9, -4, -4, 5, 5]
    worst, undefined, best = metric(scores, clicked, numbers)
    assert best == 1 and worst < 1 and np.isnan(undefined)


@every_metric
def test_impressions_without_a_click_or_with_nothing_else_say_nothing(metric):
    assert np.isnan(metric([1, 2, 3, 4, 5], [0, 0, 1, 1, 1], [0, 0, 1, 1, 2])).all()
    assert metric([], [], []).shape == (0,)


@every_metric
def test_only_the_order_within_an_impression_counts(metric):
    rng = np.random.default_rng(2)
    scores, clicked, numbers = rng.normal(size=60), rng.random(60) < 0.3, rng.integers(0, 9, 60)
    expected = metric(scores, clicked, numbers)
    np.testing.assert_array_equal(metric(np.exp(scores) + 1000 * numbers, clicked, numbers), expected)
    order = rng.permutation(60)
    np.testing.assert_allclose(metric(scores[order], clicked[order], numbers[order]), expected, rtol=1e-12)


@every_metric
def test_what_cannot_be_read_is_refused(metric):
    with pytest.raises(ValueError, match="one entry for each shown item"):
        metric([1, 2], [1, 0], [0])
    with pytest.raises(ValueError, match="must not be NaN"):
        metric([1, np.nan], [1, 0], [0, 0])
    with pytest.raises(ValueError, match="scores must hold numbers"):
        metric(["high", "low"], [1, 0], [0, 0])
    with pytest.raises(TypeError, match="impressions must hold integers"):
        metric([1, 2], [1, 0], [0.5, 0.5])


def test_k_is_checked():
    with pytest.raises(ValueError, match="k must be an integer of at least 1"):
        impression_ndcg([1, 2], [1, 0], [0, 0], k=0)


@pytest.mark.parametrize("metric", [impression_auc, impression_mrr, impression_ndcg])
@pytest.mark.parametrize("value", [2, 0.5, -1])
def test_a_click_is_one_or_zero(metric, value):
    with pytest.raises(ValueError, match=f"clicked must hold 0 and 1 .* got {value:g}"):
        metric([0.5, 0.1, 0.2], [0, 1, value], [0, 0, 0])
