"""Where implicit's own evaluation gives our numbers, and where it does not: what the table in docs/evaluation.md says."""

from importlib.metadata import version

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from threadpoolctl import threadpool_limits

from skrec import ALSRecommender
from skrec.data import Interactions
from skrec.metrics import auc, average_precision, get_scorer, ndcg, precision, recall

pytestmark = pytest.mark.skipif(version("implicit") == "0.7.2", reason="its metrics cannot index matrices of scipy 1.15")


class Lists:
    """As much of a model of implicit as its metrics use: what it recommends is given."""

    def __init__(self, lists):
        self.lists = np.asarray(lists, dtype=np.int32)

    def recommend(self, users, user_items, N):
        return self.lists[users, :N], None


def implicit_metrics(model, train, test, k):
    return ranking_metrics_at_k(model, sp.csr_matrix(train), sp.csr_matrix(test), K=k, show_progress=False)


def of_lists(lists, relevant, k):
    relevant = sp.csr_matrix(np.asarray(relevant, dtype=np.float32))
    return implicit_metrics(Lists(lists), sp.csr_matrix(relevant.shape, dtype=np.float32), relevant, k)


# ---- the same --------------------------------------------------------------------------------------------------------


def random_lists(rng):
    """Lists without repetition; some users have no relevant item, none has all of them: there implicit divides by zero."""
    n_users, n_items = int(rng.integers(2, 8)), int(rng.integers(3, 12))
    lists = np.argsort(rng.random((n_users, n_items)), axis=1)
    relevant = rng.random((n_users, n_items)) < 0.3
    relevant[0, 0] = True
    relevant[relevant.all(axis=1), 1] = False
    return lists, relevant, int(rng.integers(1, n_items + 1))


def test_map_and_ndcg_are_the_same_and_its_precision_is_a_pooled_capped_recall():
    rng = np.random.default_rng(0)
    for _ in range(300):
        lists, relevant, k = random_lists(rng)
        found = of_lists(lists, relevant, k)
        possible = np.minimum(relevant.sum(axis=1), k)
        capped = np.nan_to_num(recall(lists, relevant, k=k, denominator="capped"))
        assert found["ndcg"] == pytest.approx(np.nanmean(ndcg(lists, relevant, k=k)), abs=1e-12)
        assert found["map"] == pytest.approx(np.nanmean(average_precision(lists, relevant, k=k)), abs=1e-12)
        assert found["precision"] == pytest.approx(np.average(capped, weights=possible), abs=1e-12)


def test_auc_is_the_same_for_lists_of_the_whole_catalogue_where_nothing_is_hidden():
    rng = np.random.default_rng(1)
    for _ in range(300):
        lists, relevant, _ = random_lists(rng)
        scores = -np.argsort(lists, axis=1)
        found = of_lists(lists, relevant, k=lists.shape[1])
        assert found["auc"] == pytest.approx(np.nanmean(auc(scores, relevant)), abs=1e-12)


def test_the_scorers_give_what_implicit_says_of_the_same_factors():
    rng = np.random.default_rng(2)
    train = sp.csr_matrix((rng.random((40, 30)) < 0.3).astype(np.float32))
    test = sp.csr_matrix(((rng.random((40, 30)) < 0.1) & (train.toarray() == 0)).astype(np.float32))
    model = ALSRecommender(n_factors=4, random_state=0, n_jobs=1).fit(Interactions.from_csr(train))
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(factors=4, num_threads=1)
        theirs.user_factors, theirs.item_factors = model.user_embeddings_, model.item_embeddings_
        found = implicit_metrics(theirs, train, test, k=5)
    for name in ("map", "ndcg"):
        assert get_scorer(f"{name}@5")(model, Interactions.from_csr(test)) == pytest.approx(found[name], abs=1e-12)


# ---- not the same ----------------------------------------------------------------------------------------------------


def test_its_precision_divides_by_what_could_be_hit_and_not_by_the_places():
    lists, relevant = [[0, 1, 2]], [[1, 1, 0, 0]]
    assert of_lists(lists, relevant, k=3)["precision"] == 1
    assert precision(lists, relevant, k=3).tolist() == [2 / 3]


def test_its_precision_counts_hits_and_not_users():
    # one hit of one for the first user, one of three for the second
    lists, relevant = [[0, 4, 5], [0, 4, 5]], [[1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    assert of_lists(lists, relevant, k=3)["precision"] == 2 / 4
    assert recall(lists, relevant, k=3, denominator="capped").mean() == pytest.approx((1 + 1 / 3) / 2)


def test_its_auc_looks_at_the_list_alone_and_takes_the_rest_for_a_draw():
    # the relevant item is the worst of six, which a list of two does not show
    lists, relevant = [[0, 1, 2, 3, 4, 5]], [[0, 0, 0, 0, 0, 1]]
    assert of_lists(lists, relevant, k=2)["auc"] == pytest.approx(0.5 * 3 / 5)
    assert auc([[5, 4, 3, 2, 1, 0]], relevant).tolist() == [0]


def test_its_auc_counts_the_training_items_among_the_candidates():
    # items 0 and 1 are training items: the list does not have them, but they lose to the hit on place 1
    assert of_lists([[2, 3]], [[0, 0, 1, 0]], k=1)["auc"] == 1
    assert of_lists([[3, 2]], [[0, 0, 1, 0]], k=2)["auc"] == pytest.approx(2 / 3)
    assert auc([[-np.inf, -np.inf, 0, 1]], [[0, 0, 1, 0]]).tolist() == [0]


def test_its_values_exceed_one_for_k_above_the_catalogue():
    relevant = sp.csr_matrix(np.array([[1, 0, 1]], dtype=np.float32))
    padded = [0, 2, 1, 0, 0]  # as implicit pads its lists: with item 0
    found = implicit_metrics(Lists([padded]), sp.csr_matrix((1, 3), dtype=np.float32), relevant, k=5)
    assert min(found["precision"], found["map"], found["ndcg"]) > 1
    assert ndcg([padded], relevant, k=5).tolist() == average_precision([padded], relevant, k=5).tolist() == [1]


def test_it_takes_stored_zeros_for_relevant():
    lists = [[0, 1]]
    stored = sp.csr_matrix(([0.0, 1.0], ([0, 0], [0, 1])), shape=(1, 3))
    assert implicit_metrics(Lists(lists), sp.csr_matrix((1, 3)), stored, k=1)["ndcg"] == 1
    assert ndcg(lists, stored, k=1).tolist() == [0]
