"""The sampled protocol of older papers: worked by hand, and 1,000 random cases against plain Python."""

from math import log2

import numpy as np
import pandas as pd
import pytest
from metric_references import slow_sampled
from sklearn.base import BaseEstimator

from skrec.metrics import sampled_leave_one_out


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
        ({"users": []}, "at least 1 of each"),
        ({"positives": [0, 1]}, r"got \(1,\), \(2,\) and \(1, 1\)"),
        ({"negatives": [1]}, r"and \(1,\)"),
        ({"k": 0}, "k must be an integer of at least 1"),
    ],
)
def test_sampled_protocol_refuses_arguments_that_do_not_fit(changed, message):
    arguments = {"users": [0], "positives": [0], "negatives": [[1]]} | changed
    with pytest.raises(ValueError, match=message):
        sampled_leave_one_out(Lookup([[0.0, 1.0]]), **arguments)


@pytest.mark.parametrize("ties", ["for", "half", "against"])
def test_the_sampled_protocol_agrees_with_the_slow_reference(ties):
    rng = np.random.default_rng(8)
    for _ in range(1000):
        n_users, n_items = rng.integers(1, 6), rng.integers(1, 9)
        table = rng.integers(0, 4, (n_users, n_items))
        users = rng.integers(0, n_users, rng.integers(1, 8))
        positives = rng.integers(0, n_items, len(users))
        negatives = rng.integers(0, n_items, (len(users), rng.integers(1, 7)))
        k = int(rng.integers(1, 10))
        rows = [dict(enumerate(table[user].tolist())) for user in users]
        expected = slow_sampled(rows, positives.tolist(), negatives.tolist(), k, ties)
        answer = sampled_leave_one_out(Lookup(table), users, positives, negatives, k=k, ties=ties)
        assert answer == pytest.approx(expected, rel=0, abs=1e-12)
