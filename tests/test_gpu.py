"""Models trained on a GPU: they answer there as their copies on the CPU do, in all that depends on the device.

Run with `pytest -m gpu` on a machine with a CUDA GPU.
"""

import copy
import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from small_news import HOUR, slates

from skrec import (
    AutoRecRecommender,
    CaserRecommender,
    ColdStartRecommender,
    EarlyStopping,
    GRU4RecRecommender,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    NewsRecommender,
    SASRecRecommender,
    TwoTowerRecommender,
)
from skrec.data import Interactions

DEVICE = "cuda"
N_USERS, N_ITEMS, N_FACTORS = 60, 40, 8
TOLERANCE = 1e-3  # relative to the largest number
ITEM_FEATURES = np.random.default_rng(3).normal(size=(N_ITEMS, 4)).astype(np.float32)

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def full_precision(monkeypatch):
    """Recurrent and convolutional layers round to 10 bits on a GPU by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def draw(n_users=N_USERS, seed=0, n_items=N_ITEMS, n_liked=12, **features):
    """Each user has events with some items, all of which have events."""
    rng = np.random.default_rng(seed)
    items = np.concatenate([rng.permutation(n_items)[:n_liked] for _ in range(n_users)])
    users, times = np.repeat(np.arange(n_users), n_liked), np.arange(len(items))
    return Interactions.from_arrays(users, items, timestamps=times, n_users=n_users, n_items=n_items, **features)


def likes(**features):
    return draw(**features)


def ratings():
    return likes().with_values((1 + likes().items % 5).astype(np.float32))


def featured():
    users = np.random.default_rng(4).normal(size=(N_USERS, 3)).astype(np.float32)
    return likes(item_features=ITEM_FEATURES, user_features=users)


def new_users():
    return draw(n_users=7, seed=1, n_liked=6)


def clicks():
    return slates()


def mf(**settings):
    return MFRecommender(**{"n_factors": N_FACTORS, "batch_size": 64} | settings)


def sequences(estimator_class):
    return estimator_class(n_factors=N_FACTORS, batch_size=16)


# unfitted models and their data
MODELS = {
    "MF softmax": (mf(batch_size=16), likes),
    "MF cosines": (mf(batch_size=16, temperature=0.2), likes),
    "MF bpr": (mf(loss="bpr"), likes),
    "MF bce, popular negatives": (mf(loss="bce", negatives="popularity", n_negatives=3), likes),
    "MF warp, hard negatives": (mf(loss="warp", negatives="hard", n_negatives=3), likes),
    "MF ccl": (mf(loss="ccl", n_negatives=5), likes),
    "MF in the minibatch": (mf(negatives="in_batch"), likes),
    "MF row_adam": (mf(loss="bpr", optimizer="row_adam"), likes),
    "MF als": (MFRecommender(solver="als", n_factors=N_FACTORS), likes),
    "MF ratings": (mf(loss="mse"), ratings),
    "MF ratings in a range": (mf(loss="mse", y_range=(0.5, 5.5)), ratings),
    "NeuMF": (NeuMFRecommender(n_factors=N_FACTORS, hidden_layer_sizes=(8, 4), batch_size=64), likes),
    "NeuMF pre-trained": (NeuMFRecommender(n_factors=N_FACTORS, hidden_layer_sizes=(8,), pretrain=True), likes),
    "MLP ratings": (MLPRecommender(loss="mse", n_factors=N_FACTORS, hidden_layer_sizes=(8,), batch_norm=True), ratings),
    "AutoRec of users": (AutoRecRecommender(n_factors=N_FACTORS), likes),
    "AutoRec of items": (AutoRecRecommender(side="item", n_factors=N_FACTORS), likes),
    "AutoRec ratings": (AutoRecRecommender(loss="mse", side="item", n_factors=N_FACTORS), ratings),
    "MultVAE": (MultVAERecommender(n_factors=4, hidden_layer_sizes=(N_FACTORS,)), likes),
    "LightGCN": (LightGCNRecommender(n_factors=N_FACTORS), likes),
    "TwoTower": (TwoTowerRecommender(n_factors=N_FACTORS, hidden_layer_sizes=(6,)), featured),
    "SASRec": (sequences(SASRecRecommender), likes),
    "GRU4Rec": (sequences(GRU4RecRecommender), likes),
    "Caser": (sequences(CaserRecommender), likes),
    "News": (NewsRecommender(n_factors=N_FACTORS, item_half_life=5 * HOUR), clicks),
    "News, drawn negatives": (NewsRecommender(n_factors=N_FACTORS, item_half_life=HOUR, negatives="uniform"), clicks),
}
# one of each family of networks
FAMILIES = [
    "MF softmax",
    "MF als",
    "MF ratings",
    "NeuMF",
    "AutoRec of items",
    "MultVAE",
    "LightGCN",
    "TwoTower",
    "SASRec",
    "News",
]
each_model = pytest.mark.parametrize("name", MODELS)
each_family = pytest.mark.parametrize("name", FAMILIES)


def on_device(model, **settings):
    """The same model with other settings, to be trained on the GPU."""
    settings = {"max_epochs": 2, "random_state": 0, "trainer": {"accelerator": DEVICE}} | settings
    return copy.deepcopy(model).set_params(**settings)


@cache
def fitted(name):
    """A model that is not to be changed."""
    model, data = MODELS[name]
    return on_device(model).fit(data())


def on_cpu(model):
    return pickle.loads(pickle.dumps(model))


def is_on(model, device):
    tensors = [*model.module_.parameters(), *model.module_.buffers(), model.prior_.mean, model.prior_.root]
    return model.device_.startswith(device) and {tensor.device.type for tensor in tensors} == {device}


def histories_for(model):
    return slates(seed=1) if isinstance(model, NewsRecommender) else new_users()


def assert_close(found, expected):
    assert found.shape == expected.shape and np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def assert_same_lists(model, other, users=None, **options):
    """Lists of two models are equal, up to an exchange of items with almost equal scores."""
    found, expected = (each.recommend(users, k=5, **options) for each in (model, other))
    np.testing.assert_array_equal(found.codes < 0, expected.codes < 0)
    assert all(len(set(codes)) == len(codes) for codes in (row[row >= 0].tolist() for row in found.codes))
    scores, is_there = other.score_items(users), expected.codes >= 0
    assert_close(*(np.take_along_axis(scores, lists.codes, axis=1)[is_there] for lists in (found, expected)))
    assert_close(found.scores[is_there], expected.scores[is_there])


def assert_same_answers(model, other):
    """Two models give the same answers for known and for new users."""
    assert_close(model.score_items(), other.score_items())
    assert_same_lists(model, other)
    histories = histories_for(model)
    assert_close(model.transform(histories), other.transform(histories))
    assert_same_lists(model, other, histories)
    pairs = model.events_[:20]
    assert_close(model.predict(pairs), other.predict(pairs))


# ---- answers -------------------------------------------------------------------------------------------------------------


@each_model
def test_a_model_answers_as_its_pickle_on_the_cpu(name):
    model = fitted(name)
    other = on_cpu(model)
    assert is_on(model, DEVICE) and is_on(other, "cpu")
    assert_same_answers(model, other)


@each_model
def test_a_copy_stays_on_the_device_and_gives_the_same_answers(name):
    model = fitted(name)
    for other in (copy.copy(model), copy.deepcopy(model)):
        assert is_on(other, DEVICE)
        assert_same_answers(model, other)


@each_family
def test_embeddings_and_lists_of_neighbors_and_of_users_are_the_same(name):
    model, other = fitted(name), on_cpu(fitted(name))
    if name != "NeuMF":  # which has no single vector of a user
        assert_close(model.user_embeddings_, other.user_embeddings_)
        assert_close(model.item_embeddings_, other.item_embeddings_)
        assert_close(*(each.similar_items([0, 1], k=3).scores for each in (model, other)))
    assert_close(*(each.recommend_users([0, 1], k=3, exclude_seen=False).scores for each in (model, other)))


@each_family
def test_candidates_and_excluded_items_are_the_same(name):
    model, other = fitted(name), on_cpu(fitted(name))
    assert_same_lists(model, other, [0, 1, 2], exclude=[0, 1], exclude_seen=False)
    assert_same_lists(model, other, [0, 1], candidates={0: [3, 4, 5], 1: [6]}, exclude_seen=False)


@pytest.mark.parametrize("name", ["MF ratings", "MF ratings in a range", "MLP ratings", "AutoRec ratings"])
def test_ratings_of_unknown_users_and_items_are_the_same(name):
    events = ratings()
    frame = pd.DataFrame({"user": events.users, "item": events.items, "rating": events.values})
    model = on_device(MODELS[name][0]).fit(frame)
    pairs = pd.DataFrame({"user": [0, -1, 0, -1], "item": [0, 0, -1, -1]})
    assert_close(model.predict(pairs), on_cpu(model).predict(pairs))


def test_lists_from_a_catalog_of_several_blocks_are_the_same():
    n_items = 70_000
    model = on_device(mf(loss="bpr", batch_size=1024)).fit(draw(n_users=50, n_items=n_items, n_liked=2_000))
    other = on_cpu(model)
    assert_same_lists(model, other)
    assert_same_lists(model, other, draw(n_users=3, seed=1, n_items=n_items))


def test_news_at_a_time_are_the_same():
    model, other = fitted("News"), on_cpu(fitted("News"))
    found, expected = (each.recommend([0, 1], k=3, at=10 * HOUR).scores for each in (model, other))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert_close(found[~np.isnan(found)], expected[~np.isnan(expected)])


def test_new_users_with_features_are_the_same():
    model = fitted("TwoTower")
    features = np.random.default_rng(6).normal(size=(7, 3)).astype(np.float32)
    histories = new_users()._replace(user_features=features)
    assert_same_lists(model, on_cpu(model), histories)


def test_predicted_vectors_of_items_without_events_are_the_same():
    events = likes(item_features=ITEM_FEATURES)
    estimator = on_device(mf(batch_size=16))
    model = ColdStartRecommender(estimator=estimator).fit(events[events.items < N_ITEMS - 5])
    other = on_cpu(model)
    assert is_on(model.estimator_, DEVICE) and is_on(other.estimator_, "cpu")
    assert_close(model.score_items(), other.score_items())
    assert_close(model.score_items(new_users()), other.score_items(new_users()))


# ---- training ------------------------------------------------------------------------------------------------------------

# all examples are in one minibatch, so the order of examples makes no difference, and no negatives are drawn
WITHOUT_CHANCE = {
    "MF softmax": (mf(batch_size=N_USERS), likes),
    "MF row_adam": (mf(batch_size=N_USERS, optimizer="row_adam"), likes),
    "MF cosines": (mf(batch_size=N_USERS, temperature=0.2), likes),
    "MF ratings": (mf(loss="mse", batch_size=1_000, y_range=(0.5, 5.5)), ratings),
    "MLP ratings": (MLPRecommender(loss="mse", n_factors=N_FACTORS, hidden_layer_sizes=(8,), batch_size=1_000), ratings),
    "AutoRec of items": (AutoRecRecommender(side="item", n_factors=N_FACTORS, batch_size=N_ITEMS), likes),
    "AutoRec of users": (AutoRecRecommender(n_factors=N_FACTORS, batch_size=N_USERS), likes),
    "LightGCN": (LightGCNRecommender(loss="softmax", n_factors=N_FACTORS, batch_size=N_USERS), likes),
    "SASRec": (SASRecRecommender(negatives="all", dropout=0.0, n_factors=N_FACTORS, batch_size=N_USERS), likes),
    "GRU4Rec": (GRU4RecRecommender(negatives="all", dropout=0.0, n_factors=N_FACTORS, batch_size=N_USERS), likes),
}


@pytest.mark.parametrize("name", WITHOUT_CHANCE)
def test_training_without_random_numbers_is_the_same_as_on_the_cpu(name):
    model, data = WITHOUT_CHANCE[name]
    settings = {"max_epochs": 8, "learning_rate": 0.05, "lr_schedule": None}
    first, second = (on_device(model, **settings, trainer={"accelerator": each}).fit(data()) for each in (DEVICE, "cpu"))
    assert_close(first.history_["train_loss"].to_numpy(), second.history_["train_loss"].to_numpy())
    assert first.history_["train_loss"].iloc[-1] < first.history_["train_loss"].iloc[0]


@pytest.mark.parametrize("name", ["MF bpr", "MF row_adam", "NeuMF", "MultVAE", "SASRec", "News"])
def test_loss_with_random_numbers_is_close_to_that_on_the_cpu(name):
    model, data = MODELS[name]
    settings = {"max_epochs": 8, "lr_schedule": None}
    first, second = (on_device(model, **settings, trainer={"accelerator": each}).fit(data()) for each in (DEVICE, "cpu"))
    assert first.history_["train_loss"].mean() == pytest.approx(second.history_["train_loss"].mean(), rel=0.1)


@each_family
def test_the_same_seed_gives_the_same_model(name):
    model, data = MODELS[name]
    assert_close(on_device(model).fit(data()).score_items(), fitted(name).score_items())


@pytest.mark.parametrize("optimizer", ["adam", "row_adam", "sgd", "adagrad", torch.optim.AdamW])
def test_each_optimizer_lowers_the_loss(optimizer):
    settings = {"optimizer": optimizer, "max_epochs": 5, "init_std": 0.3, "learning_rate": 0.05, "lr_schedule": None}
    losses = on_device(mf(loss="bpr"), **settings).fit(likes()).history_["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]


def test_the_choice_of_the_optimizer_does_not_rely_on_compiled_steps():
    chosen = {each: on_device(mf(loss="bpr", batch_size=4), trainer={"accelerator": each}) for each in (DEVICE, "cpu")}
    assert {each: model.fit(likes()).optimizer_ for each, model in chosen.items()} == {DEVICE: "adam", "cpu": "row_adam"}


@pytest.mark.parametrize("optimizer", ["adam", "row_adam"])
@pytest.mark.parametrize(
    "options",
    [{"gradient_clip_val": 0.1}, {"accumulate_grad_batches": 2}, {"precision": "bf16-mixed"}, {"precision": "16-mixed"}],
    ids=str,
)
def test_options_of_the_trainer_are_followed(options, optimizer):
    model = on_device(mf(loss="bpr", optimizer=optimizer), trainer={"accelerator": DEVICE} | options).fit(likes())
    assert_same_lists(model, on_cpu(model))


@each_family
@pytest.mark.parametrize("scorer", ["ndcg@5", "valid_loss"])
def test_early_stopping_keeps_the_best_epoch(name, scorer):
    model, data = MODELS[name]
    stopping = EarlyStopping(scorer, patience=10)
    model = on_device(model, max_epochs=4, early_stopping=stopping).fit(data())
    values = model.history_[scorer].to_numpy()
    assert model.best_epoch_ == (values.argmin() if scorer == "valid_loss" else values.argmax())
    assert is_on(model, DEVICE)
    assert_same_answers(model, on_cpu(model))


@each_family
def test_partial_fit_continues_on_the_device(name):
    if name == "News":
        more = slates(seed=2)
    else:
        features = {} if name != "TwoTower" else {"item_features": ITEM_FEATURES, "user_features": np.ones((N_USERS + 5, 3))}
        later = draw(n_users=N_USERS + 5, seed=2, n_liked=4, **features)
        more = later._replace(timestamps=later.timestamps + 10_000)
    model = copy.deepcopy(fitted(name)).partial_fit(more)
    assert is_on(model, DEVICE) and model.n_users_ == more.n_users
    assert_same_answers(model, on_cpu(model))


class Interruption(pl.Callback):
    def on_train_epoch_end(self, trainer, training):
        if trainer.current_epoch == 1:
            raise RuntimeError("interrupted")


@pytest.mark.parametrize("name", ["MF softmax", "MF row_adam", "SASRec", "MultVAE"])
def test_an_interrupted_fit_continues_on_the_device(name, tmp_path):
    model, data = MODELS[name]
    settings = {"max_epochs": 4, "checkpoint_dir": tmp_path, "early_stopping": EarlyStopping("valid_loss", patience=4)}
    whole = on_device(model, **settings | {"checkpoint_dir": None}).fit(data())
    with pytest.raises(RuntimeError, match="interrupted"):
        on_device(model, **settings, trainer={"accelerator": DEVICE, "callbacks": [Interruption()]}).fit(data())
    continued = on_device(model, **settings).fit(data())
    assert len(continued.history_) == 4 and is_on(continued, DEVICE)
    assert_close(continued.score_items(), whole.score_items())


def test_peak_memory_in_the_history_is_that_of_the_device():
    peak = fitted("MF softmax").history_["memory_mb"]
    assert (peak > 0).all() and (peak <= torch.cuda.max_memory_allocated() / 2**20).all()
