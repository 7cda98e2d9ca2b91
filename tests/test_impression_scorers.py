"""Scorers of what was shown together."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from metric_references import slow_impression_auc, slow_impression_mrr, slow_impression_ndcg
from same_for_all import SameForAll, frame
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score

from skrec import MFRecommender, PopularityRecommender, compare
from skrec.data import Interactions
from skrec.datasets import load_mind
from skrec.metrics import get_scorer, impression_auc, impression_mrr, impression_ndcg, make_multi_scorer
from skrec.model_selection import TemporalSplit

NAMES = ["impression_auc", "impression_mrr", "impression_ndcg@5", "impression_ndcg@10"]

# by their scores the items of `same_for_all` are ranked a, b, c, d, e
SHOWN = frame(
    [("ann", "a"), ("ann", "c"), ("ann", "e"), ("ann", "b"), ("ann", "d"), ("bob", "a"), ("bob", "b"), ("bob", "c")],
    rating=[0, 1, 0, 1, 0, 1, 0, 0],
    impression=[1, 1, 1, 4, 4, 2, 2, 3],
)


def slates(n=300, n_items=12, seed=0):
    """Impressions of five items; of those shown, users of one half click the lowest code and the others the highest."""
    rng = np.random.default_rng(seed)
    users, items = np.repeat(rng.integers(0, 20, n), 5), np.vstack([rng.permutation(n_items)[:5] for _ in range(n)])
    clicked = np.where(users[::5] < 10, items.argmin(1), items.argmax(1))[:, None] == np.arange(5)
    times = np.repeat(np.arange(n), 5)
    return Interactions.from_arrays(
        users, items.ravel(), clicked.ravel().astype(int), timestamps=times, impressions=np.repeat(np.arange(n), 5)
    )


def test_the_mean_is_over_impressions_and_each_user_has_their_own(same_for_all):
    evaluation = get_scorer("impression_auc").evaluate(same_for_all, SHOWN)
    # those of a table are numbered as they come; in the last there is nothing to choose from
    assert evaluation.impressions.tolist() == [0, 1, 2]
    assert evaluation.per_impression.tolist() == [1 / 2, 1, 1]
    assert evaluation.value == 2.5 / 3
    assert evaluation.users.tolist() == ["ann", "bob"]
    assert (evaluation.per_user.tolist(), evaluation.weights.tolist()) == ([3 / 4, 1], [2, 1])
    assert (evaluation.n_users, evaluation.share_of_users_scored, evaluation.share_of_known_items) == (2, 1, 1)
    low, high = evaluation.interval()
    assert low <= evaluation.value <= high
    assert "3 impressions" in evaluation.protocol and "value > 0" in evaluation.protocol


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("impression_auc", impression_auc),
        ("impression_mrr", impression_mrr),
        ("impression_ndcg@5", lambda *shown: impression_ndcg(*shown, k=5)),
        ("impression_ndcg@1", lambda *shown: impression_ndcg(*shown, k=1)),
    ],
)
def test_each_name_is_the_metric_of_what_predict_answers(name, metric):
    shown = slates()
    model = MFRecommender(negatives="slate", n_factors=4, max_epochs=2, random_state=0).fit(shown)
    expected = np.nanmean(metric(model.predict(shown), shown.values, shown.impressions))
    assert get_scorer(name)(model, shown) == pytest.approx(expected, abs=1e-12)


def test_y_and_the_threshold_say_what_was_clicked(same_for_all):
    plain = SHOWN.drop(columns="rating")
    assert get_scorer("impression_mrr")(same_for_all, plain, SHOWN["rating"]) == get_scorer("impression_mrr")(
        same_for_all, SHOWN
    )
    stars = SHOWN.assign(rating=[1, 5, 2, 5, 3, 4, 3, 3])
    assert get_scorer("impression_mrr", positive_from=4)(same_for_all, stars) == get_scorer("impression_mrr")(
        same_for_all, SHOWN
    )


def test_items_that_the_model_does_not_know_stand_behind_all_others():
    model = PopularityRecommender().fit(frame([("ann", "a"), ("bob", "a"), ("bob", "b")]))
    shown = frame([("ann", "a"), ("ann", "new"), ("bob", "b"), ("bob", "newer")], rating=[1, 0, 0, 1], impression=[1, 1, 2, 2])
    evaluation = get_scorer("impression_auc").evaluate(model, shown)
    assert (evaluation.per_impression.tolist(), evaluation.share_of_known_items) == ([1, 0], 1 / 2)
    with pytest.warns(UserWarning, match="100% .* have an impression .* scores for 0% of the clicked items") as said:
        get_scorer("impression_auc")(model, shown[2:])
    assert said[0].filename == __file__


def test_several_metrics_ask_the_model_once():
    class Asked(PopularityRecommender):
        def predict(self, X):
            asked.append(X)
            return super().predict(X)

    shown, asked = slates(), []
    model = Asked().fit(shown)
    found = make_multi_scorer([*NAMES, "ndcg@5"])(model, shown)
    assert len(asked) == 1
    assert list(found) == [*NAMES, "ndcg@5"]
    assert found["impression_mrr"] == get_scorer("impression_mrr")(model, shown)


def test_a_search_over_impressions_finds_what_explains_them():
    shown = slates()
    search = GridSearchCV(
        MFRecommender(negatives="slate", n_factors=4, learning_rate=0.05, batch_size=64, random_state=0),
        {"max_epochs": [1, 20]},
        scoring=make_multi_scorer(NAMES),
        refit="impression_auc",
        cv=GroupKFold(3),
    ).fit(shown, groups=shown.impressions)
    assert search.best_params_ == {"max_epochs": 20}
    popular = cross_val_score(PopularityRecommender(), shown, scoring=get_scorer("impression_auc"), cv=TemporalSplit())
    assert search.best_score_ > 0.85 > popular[0] + 0.1


def test_training_stops_by_an_impression_metric():
    settings = {"negatives": "slate", "n_factors": 4, "learning_rate": 0.05, "batch_size": 64, "max_epochs": 6}
    model = MFRecommender(early_stopping="impression_ndcg@5", random_state=0, **settings).fit(slates())
    assert model.history_["impression_ndcg@5"].idxmax() == model.best_epoch_


def test_models_are_compared_by_impressions():
    shown = slates()
    models = [PopularityRecommender(), MFRecommender(negatives="slate", max_epochs=1)]
    table = compare(models, shown[:1000], NAMES[:2], test=shown[1000:], baseline="PopularityRecommender")
    assert table["impression_auc_low"].lt(table["impression_auc"]).all()


def test_the_metrics_of_real_impressions_are_those_of_plain_python():
    if not os.environ.get("SKREC_DATA"):
        pytest.skip("SKREC_DATA does not say where the real data lie")
    mind = load_mind(Path(os.environ["SKREC_DATA"]) / "mind-small-sample" / "MINDsmall_train")
    shown = mind.interactions[mind.interactions.impressions < 1000]
    model = PopularityRecommender().fit(mind.events)
    scores = model.predict(shown)
    slow = {"impression_auc": slow_impression_auc, "impression_mrr": slow_impression_mrr}
    slow |= {f"impression_ndcg@{k}": partial(slow_impression_ndcg, k=k) for k in (5, 10)}
    expected = {name: [] for name in slow}
    starts = np.flatnonzero(np.diff(shown.impressions, prepend=-1))
    for first, stop in zip(starts, [*starts[1:], len(shown)]):
        slate, clicked = scores[first:stop].tolist(), shown.values[first:stop].astype(int).tolist()
        if 0 < sum(clicked) < len(clicked):
            for name in slow:
                expected[name].append(slow[name](slate, clicked))
    for name, evaluation in make_multi_scorer(list(slow)).evaluate(model, shown).items():
        np.testing.assert_allclose(evaluation.per_impression, expected[name], rtol=0, atol=1e-12)


def test_what_cannot_be_scored_is_refused(same_for_all):
    scorer = get_scorer("impression_auc")
    with pytest.raises(ValueError, match="pass an 'impression' column"):
        scorer(same_for_all, SHOWN.drop(columns="impression"))
    with pytest.raises(ValueError, match="matrix"):
        scorer(same_for_all, np.eye(5))
    with pytest.raises(ValueError, match="no impression in X can be scored"):
        scorer(same_for_all, SHOWN.assign(rating=1))
    with pytest.raises(ValueError, match="but 7 has events of several users"):
        scorer(same_for_all, SHOWN.assign(impression=7))
    with pytest.raises(TypeError, match="estimator must be a fitted recommender"):
        scorer(SameForAll, pd.DataFrame())
