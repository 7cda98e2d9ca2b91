"""What a fitted model keeps of its training data, and how to leave that out."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skrec import (
    ALSRecommender,
    ColdStartRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MFRecommender,
    NewsRecommender,
    PopularityRecommender,
)
from skrec.data import Interactions

N_EVENTS = 200_000
LIKES = sp.random_array((60, 20), density=0.3, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
FRAME = pd.DataFrame({"user": [f"user {u}" for u in (0, 0, 1, 1, 2)], "item": list("abacb")})


@pytest.fixture(scope="module")
def many():
    return sp.random_array((10_000, 2_000), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))


def test_a_fitted_model_keeps_less_than_17_bytes_an_event(many):
    assert many.nnz == N_EVENTS
    model = PopularityRecommender().fit(many)
    assert len(pickle.dumps(model)) < 18 * N_EVENTS + 200_000


def test_a_fit_takes_less_than_45_bytes_an_event_on_its_way(many):
    PopularityRecommender().fit(many[:100])
    tracemalloc.start()
    try:
        PopularityRecommender().fit(many)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 45 * N_EVENTS + 500_000


@pytest.mark.parametrize("X", [LIKES, FRAME], ids=["matrix", "table"])
def test_codes_have_32_bits_and_the_events_are_the_same(X):
    model = ItemKNNRecommender().fit(X)
    for array in (model.events_.users, model.events_.items, model.seen_.indices, model.rows_.indices):
        assert array.dtype == np.int32
    expected = Interactions.from_csr(X) if sp.issparse(X) else Interactions.from_frame(X)
    pd.testing.assert_frame_equal(model.events_.to_frame(), expected.to_frame(), check_dtype=False)
    np.testing.assert_array_equal(model.events_.pair_keys, expected.pair_keys)


def test_arrays_of_the_same_pairs_are_shared_and_stay_so_in_a_pickle():
    fitted = EASERecommender().fit(LIKES)
    for model in (fitted, pickle.loads(pickle.dumps(fitted))):
        assert model.rows_.indices is model.seen_.indices is model.events_.items
        assert model.rows_.indptr is model.seen_.indptr


def test_pairs_of_codes_of_32_bits_do_not_overflow():
    events = Interactions.from_arrays([0, 60_000], [5, 5], n_users=100_000, n_items=100_000)
    assert PopularityRecommender().fit(events).events_.pair_keys.tolist() == [5, 6_000_000_005]


@pytest.mark.parametrize(
    "estimator",
    [
        PopularityRecommender(),
        ALSRecommender(n_factors=2, n_jobs=1, random_state=0),
        MFRecommender(n_factors=2, max_epochs=1, random_state=0),
        ColdStartRecommender(estimator=ALSRecommender(n_factors=2, n_jobs=1, random_state=0)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
class TestWithoutEvents:
    def test_answers_are_the_same(self, estimator):
        model, slim = (type(estimator)(**estimator.get_params(deep=False) | {"keep_events": keep}) for keep in (True, False))
        model.fit(FRAME), slim.fit(FRAME)
        assert len(model.events_) == 5 and len(slim.events_) == 0
        for users in (None, ["user 1"], FRAME.assign(user="new")):
            np.testing.assert_array_equal(slim.recommend(users, k=3).items, model.recommend(users, k=3).items)

    def test_partial_fit_says_what_it_needs(self, estimator):
        model = type(estimator)(**estimator.get_params(deep=False) | {"keep_events": False}).fit(FRAME)
        with pytest.raises(ValueError, match=r"partial_fit requires the training events, .* keep_events=True"):
            model.partial_fit(FRAME)

    def test_an_anonymized_copy_knows_users_by_code(self, estimator):
        model = type(estimator)(**estimator.get_params(deep=False)).fit(FRAME)
        copy = model.anonymized()
        assert b"user 1" in pickle.dumps(model) and b"user 1" not in pickle.dumps(copy)
        assert len(copy.events_) == 0 and len(model.events_) == 5
        np.testing.assert_array_equal(copy.recommend([1], k=3).items, model.recommend(["user 1"], k=3).items)
        new = FRAME.assign(user="new")
        np.testing.assert_array_equal(copy.recommend(new, k=3).items, model.recommend(new, k=3).items)
        with pytest.raises(ValueError, match="partial_fit requires the training events"):
            copy.partial_fit(FRAME)


def test_units_of_time_are_compared_without_events_too():
    times = pd.date_range("2026-01-01", periods=5)
    model = ALSRecommender(n_factors=2, half_life=1e9, n_jobs=1, random_state=0, keep_events=False)
    model.fit(FRAME.assign(timestamp=times))
    with pytest.raises(ValueError, match="whole numbers of an unknown unit"):
        model.recommend(FRAME.assign(timestamp=range(5)))


def test_news_keeps_its_events_always():
    with pytest.raises(TypeError, match="NewsRecommender: got an unexpected keyword argument 'keep_events'"):
        NewsRecommender(keep_events=False)
    model = NewsRecommender(n_factors=2, max_epochs=1, random_state=0).fit(FRAME.assign(timestamp=range(5)))
    assert len(model.events_) == 5
    with pytest.raises(ValueError, match="NewsRecommender needs its training events"):
        model.anonymized()


def test_keep_events_must_be_a_flag():
    with pytest.raises(TypeError, match="keep_events must be True or False, got 'no'"):
        PopularityRecommender(keep_events="no").fit(LIKES)


def test_the_estimator_of_a_cold_start_model_keeps_no_events_either():
    data = Interactions.from_arrays(np.arange(12) % 4, np.arange(12) % 6, item_features=np.eye(6))
    model = ColdStartRecommender(estimator=ALSRecommender(n_factors=2, random_state=0), keep_events=False).fit(data)
    assert len(model.events_) == len(model.estimator_.events_) == 0
    assert model.recommend(k=2).items.shape == (4, 2)


def test_the_events_of_a_fit_have_the_pairs_of_its_input():
    events = Interactions.from_arrays([0, 1, 0], [2, 0, 2], [1, 2, 3])
    model = PopularityRecommender().fit(events)
    assert model.seen_.indices.tolist() == [2, 0] and model.seen_.indptr.tolist() == [0, 1, 2]
    assert model.item_counts_.tolist() == [1, 0, 1] and len(model.events_) == 3
