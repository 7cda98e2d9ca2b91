"""Weights of events, those given and those of age."""

import datetime
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    EASERecommender,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    NewsRecommender,
    PopularityRecommender,
    RandomRecommender,
    all_estimators,
)
from skrec.data import Interactions, apply_half_life, read_half_life
from skrec.datasets import make_interactions
from skrec.model_selection import TemporalSplit

EVENTS = replace(make_interactions(50, 30, density=0.2, random_state=0).interactions, user_ids=None, item_ids=None)
LIKES = EVENTS.with_values(np.ones(len(EVENTS)))
HEAVY = np.random.default_rng(0).uniform(0.5, 2, len(LIKES)).astype(np.float32)
WEIGHTED = replace(LIKES, weights=HEAVY)
WEEK = 7 * 86_400

NETWORKS = {
    "rows": MFRecommender(n_factors=4, max_epochs=3, random_state=0),
    "bpr": MFRecommender(loss="bpr", n_factors=4, max_epochs=3, random_state=0),
    "warp": MFRecommender(loss="warp", n_factors=4, max_epochs=3, n_negatives=3, random_state=0),
    "bce in batches": MFRecommender(loss="bce", negatives="in_batch", n_factors=4, max_epochs=3, random_state=0),
    "ratings": MFRecommender(loss="mse", n_factors=4, max_epochs=3, random_state=0),
    "bounded ratings": MFRecommender(loss="mse", y_range=(0, 6), n_factors=4, max_epochs=3, random_state=0),
    "NeuMF": NeuMFRecommender(n_factors=4, hidden_layer_sizes=(4,), max_epochs=3, random_state=0),
    "MLP": MLPRecommender(n_factors=4, hidden_layer_sizes=(4,), max_epochs=20, learning_rate=0.03, random_state=0),
    "cosines": MFRecommender(temperature=0.2, n_factors=4, max_epochs=3, random_state=0),
    "contrast": MFRecommender(loss="ccl", n_factors=4, max_epochs=3, n_negatives=3, random_state=0),
    "hard": MFRecommender(loss="bpr", negatives="hard", n_factors=4, max_epochs=3, n_negatives=3, random_state=0),
    "read rows": AutoRecRecommender(n_factors=4, max_epochs=3, random_state=0),
    "read columns": AutoRecRecommender(side="item", n_factors=4, max_epochs=3, random_state=0),
    "read columns of ratings": AutoRecRecommender(loss="mse", side="item", n_factors=4, max_epochs=3, random_state=0),
    "MultVAE": MultVAERecommender(n_factors=4, hidden_layer_sizes=(6,), max_epochs=3, random_state=0),
    "LightGCN": LightGCNRecommender(n_factors=4, max_epochs=3, random_state=0),
}

AGING = {name: model for name, model in NETWORKS.items() if "half_life" in model.get_params()}
READERS = ["read rows", "read columns", "read columns of ratings", "MultVAE", "LightGCN"]


def events_for(model):
    return EVENTS if getattr(model, "loss", None) == "mse" else LIKES


def test_an_event_weighs_half_for_each_half_life_between_it_and_its_users_latest():
    events = Interactions.from_arrays([0, 0, 0, 1], [0, 1, 2, 0], timestamps=[10, 30, 20, 5])
    assert apply_half_life(events, 10).weights.tolist() == [0.25, 1, 0.5, 1]
    assert apply_half_life(replace(events, weights=np.float32([4, 3, 2, 1])), 10).weights.tolist() == [1, 3, 1, 1]


@pytest.mark.parametrize("model", [*AGING.values(), ALSRecommender(n_factors=4, n_jobs=1, random_state=0)], ids=repr)
def test_a_half_life_is_a_weight_of_events(model):
    events = events_for(model)
    by_age = type(model)(**model.get_params() | {"half_life": WEEK}).fit(events)
    by_hand = type(model)(**model.get_params()).fit(apply_half_life(events, WEEK))
    np.testing.assert_array_equal(by_age.user_embeddings_, by_hand.user_embeddings_)
    np.testing.assert_array_equal(by_age.item_embeddings_, by_hand.item_embeddings_)


@pytest.mark.parametrize("model", [NETWORKS["rows"], ALSRecommender(n_factors=4), PopularityRecommender()], ids=repr)
def test_a_half_life_needs_times(model):
    timeless = replace(LIKES, timestamps=None)
    with pytest.raises(ValueError, match="half_life=5 needs timestamps, and X has none"):
        type(model)(**model.get_params() | {"half_life": 5}).fit(timeless)


DATED = replace(LIKES, timestamp_unit="s")
LENGTHS = ["7 days", datetime.timedelta(days=7), np.timedelta64(7, "D"), pd.Timedelta("168h")]


@pytest.mark.parametrize(
    "estimator", [c for c in all_estimators() if "half_life" in c().get_params()], ids=lambda c: c.__name__
)
def test_a_timedelta_is_the_same_half_life_as_a_number_of_microseconds(estimator):
    accepted = estimator().get_params()
    small = {"n_factors": 4, "max_epochs": 1, "n_jobs": 1, "random_state": 0}
    settings = {name: value for name, value in small.items() if name in accepted}
    expected = estimator(**settings, half_life=WEEK * 10**6).fit(DATED)
    unweighted = estimator(**settings).fit(DATED)
    assert (expected.score_items() != unweighted.score_items()).any()
    found = clone(expected).set_params(half_life="7 days").fit(DATED)
    for users in (None, DATED[:30]):
        np.testing.assert_array_equal(found.score_items(users), expected.score_items(users))
    with pytest.raises(
        ValueError, match=r"half_life is a timedelta, 7 days 00:00:00, but the unit of the timestamps is unknown"
    ):
        estimator(**settings, half_life="7 days").fit(LIKES)
    with pytest.raises(ValueError, match="half_life='7 days' needs timestamps, and X has none"):
        estimator(**settings, half_life="7 days").fit(replace(LIKES, timestamps=None))


@pytest.mark.parametrize("length", [*LENGTHS, np.timedelta64(1, "W"), "7D", "P7D", WEEK * 10**6, np.float32(WEEK * 10**6)])
def test_all_kinds_of_timedeltas_are_read(length):
    assert read_half_life(length, DATED) == pytest.approx(WEEK * 10**6, rel=1e-7)
    assert read_half_life(datetime.timedelta(microseconds=3), DATED) == 3.0


def test_a_timedelta_as_the_half_life_of_items_is_the_same_as_a_number_of_microseconds():
    settings = {"n_factors": 4, "max_epochs": 2, "negatives": "uniform", "random_state": 0}
    number, timedelta = (
        NewsRecommender(item_half_life=half_life, **settings).fit(DATED).score_items() for half_life in (WEEK * 10**6, "7 days")
    )
    np.testing.assert_array_equal(number, timedelta)
    plain = NewsRecommender(**settings).fit(DATED).score_items()
    assert (number != plain).any()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_fit_with_a_timedelta_can_have_checkpoints(length, tmp_path):
    settings = {"n_factors": 4, "max_epochs": 1, "random_state": 0, "half_life": length}
    plain, saved = (MFRecommender(checkpoint_dir=path, **settings).fit(DATED) for path in (None, tmp_path))
    np.testing.assert_array_equal(plain.item_embeddings_, saved.item_embeddings_)


def test_a_search_may_compare_timedeltas_with_numbers():
    lengths = [None, WEEK * 10**6, *LENGTHS]
    search = GridSearchCV(PopularityRecommender(), {"half_life": lengths}, cv=TemporalSplit(), refit=False, error_score="raise")
    scores = search.fit(DATED).cv_results_["mean_test_score"]
    assert (scores[1:] == scores[1]).all()


BAD_LENGTHS = [0, -1.5, np.nan, np.inf, "30", "7 moons", "", "-7 days", datetime.timedelta(0), np.timedelta64("NaT"),
               np.timedelta64(1, "M")]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (PopularityRecommender(), "half_life"),
        (ALSRecommender(), "half_life"),
        (MFRecommender(), "half_life"),
        (NewsRecommender(), "half_life"),
        (NewsRecommender(), "item_half_life"),
    ],
    ids=["popularity", "ALS", "MF", "news", "news, items"],
)
def test_what_is_no_half_life_is_refused_in_the_same_words(model, name):
    accepted = "a positive number, in the unit of the timestamps, a positive timedelta or text for one, such as '30 days'"
    for length in BAD_LENGTHS:
        with pytest.raises(ValueError, match=re.escape(f"{name} must be {accepted}, got {length!r}") + "$"):
            clone(model).set_params(**{name: length}).fit(DATED)
    for length in (True, [7], datetime.date(2026, 1, 1), pd.NaT):
        with pytest.raises(TypeError, match=re.escape(f"{name} must be {accepted}, got {length!r}") + "$"):
            clone(model).set_params(**{name: length}).fit(DATED)


def test_a_timedelta_is_read_for_new_users_and_for_further_events():
    number, timedelta = (
        ALSRecommender(n_factors=4, n_jobs=1, random_state=0, half_life=half_life).fit(DATED[:200])
        for half_life in (WEEK * 10**6, "7 days")
    )
    without_likes = DATED[:9].with_values(np.zeros(9))
    for users in (DATED[200:260], without_likes, np.eye(30)[:2]):
        np.testing.assert_array_equal(timedelta.score_items(users), number.score_items(users))
    for model in (number, timedelta):
        model.partial_fit(DATED[200:])
    np.testing.assert_array_equal(timedelta.score_items(), number.score_items())


def test_the_confidence_of_als_is_value_times_weight():
    settings = {"n_factors": 4, "n_jobs": 1, "random_state": 0}
    weighted, valued = (ALSRecommender(**settings).fit(data) for data in (WEIGHTED, LIKES.with_values(HEAVY)))
    np.testing.assert_array_equal(weighted.item_embeddings_, valued.item_embeddings_)


def test_popularity_is_a_sum_of_weights():
    model = PopularityRecommender().fit(WEIGHTED)
    np.testing.assert_allclose(model.item_scores_, np.bincount(LIKES.items, HEAVY, 30))


@pytest.mark.parametrize("model", [EASERecommender(), BPRRecommender(n_factors=4, max_epochs=1), RandomRecommender()], ids=repr)
def test_a_model_that_does_not_use_weights_says_so(model):
    with pytest.warns(UserWarning, match=f"X has weights of events, which {type(model).__name__} does not use"):
        model.fit(WEIGHTED)


@pytest.mark.parametrize("model", [NETWORKS["rows"], NETWORKS["ratings"], ALSRecommender(n_factors=4)], ids=repr)
def test_weights_that_are_all_zero_are_refused(model):
    with pytest.raises(ValueError, match="the weights in X must not all be 0"):
        model.fit(replace(events_for(model), weights=np.zeros(len(EVENTS), np.float32)))


def test_the_popular_items_of_somebody_unknown_are_those_of_everybody():
    model = PopularityRecommender(half_life=WEEK).fit(LIKES)
    everybody, stranger = model.recommend([0], k=30, exclude_seen=False), model.recommend(np.zeros((1, 30)), k=30)
    np.testing.assert_array_equal(stranger.items, everybody.items)
    np.testing.assert_allclose(stranger.scores, everybody.scores, rtol=1e-6)


@pytest.mark.parametrize("name", ["bpr", "ratings", "hard", "contrast", "read columns of ratings", "LightGCN"])
def test_losses_are_means_by_weight(name):
    settings, events = NETWORKS[name].get_params() | {"learning_rate": 1e-12}, events_for(NETWORKS[name])
    heavy = replace(events, weights=np.full(len(events), 7, np.float32))
    plain, weighted = (type(NETWORKS[name])(**settings).fit(data, validation=data[:40]).history_ for data in (events, heavy))
    for loss in ("train_loss", "valid_loss"):
        np.testing.assert_allclose(plain[loss], weighted[loss], rtol=1e-4)


# ---- fold-in ---------------------------------------------------------------------------------------------------------


def history(weights, timestamps=None):
    frame = {"n_users": 1, "n_items": 30}
    return Interactions.from_arrays([0] * 3, [2, 5, 7], [5, 1, 3], weights=weights, timestamps=timestamps, **frame)


@pytest.mark.parametrize("model", NETWORKS.values(), ids=NETWORKS)
def test_weights_of_a_new_users_events_count(model):
    model.fit(events_for(model))
    plain, ones, other = (model.transform(history(weights)) for weights in (None, [1, 1, 1], [0.1, 3, 1]))
    np.testing.assert_allclose(ones, plain, atol=1e-4)
    assert np.abs(other - plain).max() > 1e-3 * np.abs(plain).max()


@pytest.mark.parametrize("name", ["rows", "ratings", "bounded ratings", "cosines", *READERS])
def test_an_event_without_weight_says_nothing(name):
    model = NETWORKS[name].fit(events_for(NETWORKS[name]))
    without = Interactions.from_arrays([0, 0], [2, 7], [5, 3], n_users=1, n_items=30)
    np.testing.assert_allclose(model.transform(history([1, 0, 1])), model.transform(without), atol=1e-4)


@pytest.mark.parametrize("name", ["rows", "bpr", "ratings", "cosines", "read rows", "LightGCN"])
def test_a_half_life_counts_in_fold_in_where_the_history_has_times(name):
    model = type(NETWORKS[name])(**NETWORKS[name].get_params() | {"half_life": WEEK}).fit(events_for(NETWORKS[name]))
    by_age = model.transform(history(None, timestamps=[0, WEEK, 2 * WEEK]))
    np.testing.assert_allclose(by_age, model.transform(history([0.25, 0.5, 1])), atol=1e-5)


def test_a_table_may_have_a_weight_column():
    table = LIKES.to_frame().assign(weight=HEAVY)
    as_events, as_table = (NETWORKS["rows"].fit(data).item_embeddings_ for data in (WEIGHTED, table))
    np.testing.assert_array_equal(as_events, as_table)
    newcomer = pd.DataFrame({"user": "me", "item": [2, 5], "weight": [1.0, 0.2]})
    assert NETWORKS["rows"].recommend(newcomer, k=3).items.shape == (1, 3)
