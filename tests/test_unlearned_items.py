"""Items of which a model has learned nothing: they are similar to nothing, and nobody is their audience."""

import numpy as np
import pandas as pd
import pytest
from test_common import fast

from skrec import ALSRecommender, ColdStartRecommender, Interactions, MFRecommender, TwoTowerRecommender, all_estimators

RNG = np.random.default_rng(0)
PAIRS = np.argwhere((np.arange(20)[:, None] % 2 == np.arange(8) % 2) & (RNG.random((20, 8)) < 0.9))
LIKED = pd.DataFrame({"user": PAIRS[:, 0], "item": PAIRS[:, 1], "rating": 5.0})
DISLIKED = pd.DataFrame({"user": [0, 1, 2, 99], "item": [8, 8, 8, 8], "rating": 1.0})  # 99 likes nothing else
RATINGS = pd.concat([LIKED, DISLIKED])
WITH_VECTORS = [kind for kind in all_estimators() if kind not in (ColdStartRecommender,)]


@pytest.mark.filterwarnings("ignore:.*learns from events in order of time")
@pytest.mark.parametrize("kind", WITH_VECTORS)
def test_an_item_that_was_only_disliked_has_no_neighbors_and_no_audience(kind):
    model, data = fast(kind), RATINGS
    if "positive_from" in model.get_params():
        model.set_params(positive_from=4)
    else:
        data = RATINGS.assign(rating=(RATINGS.rating >= 4).astype(float))
    if "max_epochs" in model.get_params():
        model.set_params(max_epochs=2)
    model.fit(data)
    assert (model.recommend_users([8, 0], k=20).codes >= 0).sum(axis=1).tolist() == [0, 20 - (LIKED.item == 0).sum()]
    try:
        items = model.similar_items(range(9), k=9, include_self=True)
        users = model.similar_users([99, 0], k=30, include_self=True)
    except NotImplementedError:
        return
    assert (items.codes[8] == -1).all() and not (items.codes == 8).any() and (items.codes[:8, :8] >= 0).all()
    assert (users.codes >= 0).sum(axis=1).tolist() == [0, 20]


def test_a_rating_says_something_of_its_item_however_low():
    model = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0).fit(RATINGS)
    assert (model.similar_items([8], k=8).codes >= 0).all()
    assert (model.recommend_users([8], k=5).codes >= 0).all()


FEATURES = pd.DataFrame(
    {"even": [1.0, 0] * 5, "odd": [0, 1.0] * 5}, index=pd.Index(range(10), name="item")
)  # nobody has touched item 9


def test_what_is_known_by_features_has_neighbors_without_events():
    data = Interactions.from_frame(RATINGS, item_features=FEATURES)
    towers = TwoTowerRecommender(positive_from=4, n_factors=4, max_epochs=2, random_state=0).fit(data)
    assert (towers.similar_items([8, 9], k=9).codes >= 0).all()
    als = ALSRecommender(positive_from=4, n_factors=4, n_jobs=1, random_state=0)
    cold = ColdStartRecommender(estimator=als).fit(data)
    found = cold.similar_items([8, 9], k=9, include_self=True).codes
    assert (found[0] == -1).all(), "a disliked item keeps the vector of the estimator, which has learned nothing of it"
    assert set(found[1]) == {0, 1, 2, 3, 4, 5, 6, 7, 9}


def test_rare_items_are_left_out_of_the_answers_and_not_of_the_questions():
    rare = pd.concat([RATINGS, pd.DataFrame({"user": [0, 1], "item": [20, 20], "rating": [5.0, 1.0]})])
    model = ALSRecommender(positive_from=4, n_factors=4, n_jobs=1, random_state=0).fit(rare)
    everything = model.similar_items([0, 20], k=9)
    assert 20 in everything.labels[0]
    kept = model.similar_items([0, 20], k=9, min_count=2)
    for before, after in zip(everything.labels.tolist(), kept.labels.tolist(), strict=True):
        assert [label for label in after if label is not None] == [x for x in before if x not in (20, None)]
