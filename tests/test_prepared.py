"""What a model computes for its first answer and keeps: it is the same for later ones, and goes with the model."""

import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.sparse import csr_array

from skrec import (
    ALSRecommender,
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MFRecommender,
    NeuMFRecommender,
    SASRecRecommender,
    SLIMRecommender,
    UserKNNRecommender,
)
from skrec.base._prepared import prepared

RNG = np.random.default_rng(0)
LIKES = csr_array((RNG.random((30, 20)) < 0.4).astype(np.float32))
OTHERS = csr_array((RNG.random((30, 20)) < 0.3).astype(np.float32))
NEW = csr_array((RNG.random((4, 20)) < 0.3).astype(np.float32))
SMALL = {"n_factors": 4, "max_epochs": 2, "random_state": 0}
MODELS = {
    "ALS": ALSRecommender(**SMALL),
    "MF": MFRecommender(**SMALL),
    "cosine MF": MFRecommender(**SMALL, temperature=0.2),
    "BPR": BPRRecommender(**SMALL),
    "EASE": EASERecommender(),
    "ItemKNN": ItemKNNRecommender(),
    "UserKNN": UserKNNRecommender(),
    "SLIM": SLIMRecommender(),
    "NeuMF": NeuMFRecommender(**SMALL, hidden_layer_sizes=(4,)),
}
of_models = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
pytestmark = pytest.mark.usefixtures("one_thread")


def fresh(model, X=LIKES):
    return type(model)(**model.get_params(deep=False)).fit(X)


def answers(model):
    """Lists and scores of known users, new users, and items."""
    rankings = [model.recommend([0, 3], k=5), model.recommend(NEW, k=5)]
    if not isinstance(model, NeuMFRecommender):
        rankings.append(model.similar_items([2, 7], k=5))
    return [array for ranking in rankings for array in (ranking.codes, ranking.scores)]


def assert_same_answers(model, expected):
    for found, wanted in zip(answers(model), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@of_models
def test_a_model_answers_alike_whether_it_is_pickled_before_or_after_its_first_answer(model):
    fitted = fresh(model)
    before = pickle.dumps(fitted)
    expected = answers(fitted)
    assert pickle.dumps(fitted) == before
    assert_same_answers(pickle.loads(before), expected)
    assert_same_answers(fitted, expected)
    assert_same_answers(fitted.anonymized(), expected)


@of_models
def test_a_second_fit_and_partial_fit_forget_the_first(model):
    refitted, expected = fresh(model), answers(fresh(model, OTHERS))
    answers(refitted)
    assert_same_answers(refitted.fit(OTHERS), expected)
    asked, silent = fresh(model), fresh(model)
    answers(asked)
    asked.partial_fit(OTHERS), silent.partial_fit(OTHERS)
    assert_same_answers(asked, answers(silent))


@of_models
def test_a_model_that_has_answered_is_freed(model):
    fitted = fresh(model)
    answers(fitted)
    reference = weakref.ref(fitted)
    del fitted
    gc.collect()
    assert reference() is None


@of_models
def test_eight_threads_that_ask_first_get_the_same(model):
    fitted, expected = fresh(model), answers(fresh(model))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: answers(fitted), range(16)):
            for array, wanted in zip(found, expected, strict=True):
                np.testing.assert_array_equal(array, wanted)


def test_answers_leave_no_attributes():
    fitted = fresh(MODELS["MF"])
    before = dict(vars(fitted))
    answers(fitted)
    assert vars(fitted) == before


def count_of_users(model):
    return [model.n_users_]


def test_a_value_is_kept_until_an_attribute_is_set():
    model = fresh(MODELS["EASE"])
    first = prepared(model, count_of_users)
    assert prepared(model, count_of_users) is first == [30]
    model.set_params(regularization=3.0)
    assert prepared(model, count_of_users) is not first
    second = prepared(model, count_of_users)
    model.n_users_ = 31
    assert prepared(model, count_of_users) == [31] and second == [30]


def test_a_scorer_that_folds_in_users_in_each_epoch_uses_the_network_of_that_epoch():
    settings = SMALL | {"max_epochs": 3, "early_stopping": "ndcg@10"}
    held_out = csr_array((RNG.random((30, 20)) < 0.2).astype(np.float32))
    by_epoch = MFRecommender(**settings).fit(LIKES, validation=held_out).history_["ndcg@10"]
    assert by_epoch.nunique() == 3


def test_the_states_of_sequence_models_are_those_of_the_last_fit():
    times = csr_array(LIKES)
    with pytest.warns(UserWarning, match="order"):
        model = SASRecRecommender(max_epochs=1, n_factors=4, random_state=0).fit(times)
        first = model.recommend([0], k=5)
        model.fit(times)
    np.testing.assert_array_equal(model.recommend([0], k=5).codes, first.codes)
