"""The benchmarks' tables on users never seen in training: what is in each part, and what is asked of whom."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from metric_references import slow_ndcg, slow_recall_capped

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from held_out_users import cut_users
from protocols import new_users_part

from skrec import EASERecommender, PopularityRecommender
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.metrics import cut_histories


@pytest.fixture(scope="module")
def events():
    return Interactions.from_frame(make_interactions(120, 40, density=0.2, random_state=0).frame[["user", "item"]])


@pytest.fixture(scope="module")
def cut(events):
    return cut_users(events, n_validation=20, n_test=30)


def items_of_users(events):
    return events.to_frame().groupby("user")["item"].agg(set).to_dict()


def test_nobody_is_in_two_parts_and_everybody_with_five_items_is_in_one(events, cut):
    parts = [set(items_of_users(part)) for part in (cut.train, cut.validation, cut.test)]
    assert [len(part) for part in parts[1:]] == [20, 30]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert set.union(*parts) == {user for user, items in items_of_users(events).items() if len(items) >= 5}


def test_a_model_is_told_of_the_training_users_and_their_items_alone(cut):
    users, items = (set(cut.train.to_frame()[axis]) for axis in ("user", "item"))
    assert (set(cut.train.user_ids), set(cut.train.item_ids)) == (users, items)


def test_users_keep_their_items_in_the_part_where_they_are(events, cut):
    before = items_of_users(events)
    for part in (cut.train, cut.validation, cut.test):
        assert items_of_users(part) == {user: before[user] & set(cut.train.item_ids) for user in items_of_users(part)}


def test_items_of_no_training_user_are_dropped_and_so_is_who_has_less_than_five_others():
    # everybody has the items 0 to 3 in common; the fifth is one's own, and even users have a sixth that all even ones share
    pairs = [(user, item) for user in range(40) for item in [*range(4), 100 + user, *([50] if user % 2 == 0 else [])]]
    cut = cut_users(Interactions.from_frame(pd.DataFrame(pairs, columns=["user", "item"])), n_validation=8, n_test=12)
    held_out = set(range(40)) - set(cut.train.user_ids)
    assert len(held_out) == 20
    assert set(cut.validation.user_ids) | set(cut.test.user_ids) == {user for user in held_out if user % 2 == 0}
    assert set(cut.test.item_ids) == {0, 1, 2, 3, 50}
    assert cut.share_dropped == pytest.approx(20 / sum(6 if user % 2 == 0 else 5 for user in held_out))


def test_the_seed_draws_the_users(events, cut):
    def users(random_state):
        return cut_users(events, n_validation=20, n_test=30, random_state=random_state).test.user_ids.tolist()

    assert users(0) == cut.test.user_ids.tolist() == users(0)
    assert users(1) != users(0)


@pytest.mark.parametrize("model", [PopularityRecommender(), EASERecommender(regularization=10)])
def test_figures_are_those_of_the_lists_for_four_fifths_of_each_newcomers_items(cut, model):
    figures = new_users_part(cut.train, cut.test).measure(model.fit(cut.train))
    is_hidden = cut_histories(cut.test, ordered=False)
    shown, hidden = items_of_users(cut.test[~is_hidden]), items_of_users(cut.test[is_hidden])
    expected = {"Recall@20": [], "Recall@50": [], "NDCG@100": []}
    for user, asked in hidden.items():
        n = len(shown[user]) + len(asked)
        assert not shown[user] & asked and abs(len(asked) - n / 5) <= 1 / 2
        history = pd.DataFrame({"user": "somebody", "item": list(shown[user])})
        ranked = model.recommend(history, k=len(cut.train.item_ids)).items[0].tolist()
        expected["Recall@20"].append(slow_recall_capped(ranked, asked, 20))
        expected["Recall@50"].append(slow_recall_capped(ranked, asked, 50))
        expected["NDCG@100"].append(slow_ndcg(ranked, asked, 100))
    assert set(hidden) == set(items_of_users(cut.test))
    for name, values in expected.items():
        assert figures[name] == pytest.approx(np.mean(values), rel=0, abs=1e-6)
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
