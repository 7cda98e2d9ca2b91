"""A fitted model keeps the threshold of its fit: `set_params(positive_from=...)` has an effect on the next fit only."""

import numpy as np
import pandas as pd
import pytest
from test_common import fast

from skrec import ColdStartRecommender, MFRecommender, all_estimators
from skrec.engine import TorchRecommender

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore:X has weights")]


def ratings(n_users, first_user=0, seed=0):
    """Ratings from 1 to 5 of eight of twelve items by each user, in order of time."""
    rng = np.random.default_rng(seed)
    items = np.concatenate([rng.permutation(12)[:8] for _ in range(n_users)])
    users = np.repeat(first_user + np.arange(n_users), 8)
    return pd.DataFrame(
        {"user": users, "item": items, "rating": rng.integers(1, 6, len(users)), "timestamp": np.arange(len(users))}
    )


TRAIN, NEW = ratings(24), ratings(6, first_user=100, seed=1)
NEW.loc[NEW["user"] == 100, "rating"] = 2  # a user without a positive event


WITH_THRESHOLD = [kind for kind in all_estimators() if kind is ColdStartRecommender or "positive_from" in kind().get_params()]


def with_threshold(model, value):
    name = "estimator__positive_from" if isinstance(model, ColdStartRecommender) else "positive_from"
    return model.set_params(**{name: value})


def answers(model):
    lists = model.recommend(NEW, k=4)
    return [lists.items, lists.scores, model.score_items(NEW), model.recommend_users([3], k=5).scores, model.has_past_]


@pytest.mark.parametrize("kind", WITH_THRESHOLD, ids=lambda kind: kind.__name__)
def test_a_new_threshold_does_not_change_the_answers_of_a_fitted_model(kind):
    model = with_threshold(fast(kind), 4)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    if isinstance(model, TorchRecommender):
        model.set_params(max_epochs=2)
    model.fit(TRAIN)
    before, score = answers(model), model.score(NEW)
    with_threshold(model, 1)
    for expected, found in zip(before, answers(model), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert model.score(NEW) == score
    assert model.positive_from_ == 4


def test_partial_fit_uses_the_new_threshold():
    model = MFRecommender(n_factors=4, max_epochs=1, positive_from=4, random_state=0).fit(TRAIN)
    n_learned = model.learned_counts_.sum()
    model.set_params(positive_from=1).partial_fit(NEW)
    assert model.positive_from_ == 1
    assert n_learned == (TRAIN["rating"] >= 4).sum()
    assert model.learned_counts_.sum() == len(TRAIN) + len(NEW)


def test_a_failed_fit_keeps_the_threshold():
    model = MFRecommender(n_factors=4, max_epochs=1, positive_from=4, random_state=0).fit(TRAIN)
    with pytest.raises(ValueError, match="X has no positive event"):
        model.set_params(positive_from=9).fit(TRAIN)
    assert model.positive_from_ == 4
