"""Checkpoints: what is written, and that a fit that was interrupted goes on as if it had not been."""

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from small_models import likes, ratings, same, weights_of
from small_models import model as small_model

from skrec import (
    AutoRecRecommender,
    CaserRecommender,
    CosineContrastiveLoss,
    CosineRestarts,
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
from skrec.engine.training import _checkpoint_files, _checkpoints, _history

N_EPOCHS, INTERRUPTED_AFTER = 6, 3


def model(**changes):
    return small_model(**{"max_epochs": N_EPOCHS, "lr_schedule": "one_cycle"} | changes)


def content(path):
    """What torch saved behind the header."""
    return torch.load(io.BytesIO(path.read_bytes()[_checkpoint_files._HEADER.size :]), weights_only=True)


def files(folder):
    return sorted(path.name for path in folder.rglob("*"))


def fit_interrupted(estimator, data, monkeypatch, *, network=1, **given):
    """Fit until Ctrl-C while the nth network is trained: after the figures of an epoch, before its checkpoint."""
    take_in, recorders = _history.TrainingHistory.__call__, []

    def then_stop(recorder, row, device):
        stops = take_in(recorder, row, device)
        if recorder not in recorders:
            recorders.append(recorder)
        if len(recorders) == network and row["epoch"] == INTERRUPTED_AFTER:
            raise KeyboardInterrupt
        return stops

    with monkeypatch.context() as patch:
        patch.setattr(_history.TrainingHistory, "__call__", then_stop)
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(data, **given)


def epochs_trained(estimator, data, monkeypatch, **given):
    """Fit, and say which epochs were trained for it."""
    epochs, take_in = [], _history.TrainingHistory.__call__

    def and_note(recorder, row, device):
        epochs.append(row["epoch"])
        return take_in(recorder, row, device)

    with monkeypatch.context() as patch:
        patch.setattr(_history.TrainingHistory, "__call__", and_note)
        estimator.fit(data, **given)
    return epochs


SETTINGS = {
    "pairs": {},
    "whole rows": {"loss": "softmax", "batch_size": 4, "dropout": 0.3},
    "ratings": {"loss": "mse"},
    "in groups of three": {"trainer": {"accumulate_grad_batches": 3}, "lr_schedule": CosineRestarts(cycle_len=2)},
    "sgd": {"optimizer": "sgd"},
    "adagrad": {"optimizer": "adagrad"},
    "row_adam": {"optimizer": "row_adam"},
    "early stopping": {"early_stopping": EarlyStopping("ndcg@10", patience=4, validation_fraction=0.3)},
    "restarts": {"lr_schedule": CosineRestarts(cycle_mult=1.1)},
    "a schedule of one's own": {"lr_schedule": lambda epochs: 1 / (1 + epochs)},
    "a loss of one's own": {"loss": lambda scores, target, mask=None, log_q=None: (scores - target).square().sum(-1)},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_an_interrupted_fit_goes_on_to_the_same_result(tmp_path, monkeypatch, settings):
    uninterrupted = model(**settings).fit(likes())
    fit_interrupted(model(**settings, checkpoint_dir=tmp_path), likes(), monkeypatch)
    resumed = model(**settings, checkpoint_dir=tmp_path)
    assert epochs_trained(resumed, likes(), monkeypatch)[0] == INTERRUPTED_AFTER
    assert same(weights_of(resumed), weights_of(uninterrupted))
    figures = [name for name in uninterrupted.history_ if name not in ("seconds", "memory_mb")]
    assert resumed.history_[figures].equals(uninterrupted.history_[figures])
    assert resumed.best_epoch_ == uninterrupted.best_epoch_


OTHER_MODELS = {
    "cosines": (MFRecommender, {"temperature": 0.2}),
    "contrast": (MFRecommender, {"loss": "ccl", "negatives": "hard", "n_negatives": 3}),
    "contrast of another margin": (MFRecommender, {"loss": CosineContrastiveLoss(margin=0.2), "n_negatives": 3}),
    "batch norm": (MLPRecommender, {"batch_norm": True, "embedding_dropout": 0.3, "hidden_layer_sizes": (4, 3)}),
    "rows of ratings": (AutoRecRecommender, {"loss": "mse", "dropout": 0.3}),
    "columns of ratings": (AutoRecRecommender, {"loss": "mse", "side": "item"}),
    "columns": (AutoRecRecommender, {"side": "item"}),
    "warmup of the divergence": (MultVAERecommender, {"hidden_layer_sizes": (5,), "kl_warmup_fraction": 1}),
    "graph": (LightGCNRecommender, {"n_layers": 2}),
    "attention": (SASRecRecommender, {}),
    "recurrent": (GRU4RecRecommender, {"loss": "bce", "negatives": "uniform", "n_negatives": 1}),
    "convolutions": (CaserRecommender, {"negatives": "shared", "n_negatives": 3}),
    "two towers": (TwoTowerRecommender, {"id_dropout": 0.3}),
    "news": (NewsRecommender, {"pooling": "attention"}),
}


@pytest.mark.parametrize(("estimator", "settings"), OTHER_MODELS.values(), ids=OTHER_MODELS)
def test_whatever_a_network_remembers_is_in_its_checkpoints(tmp_path, monkeypatch, estimator, settings):
    settings = {"n_factors": 4, "batch_size": 4, "max_epochs": N_EPOCHS, "random_state": 0} | settings
    data = ratings() if settings.get("loss") == "mse" else likes()
    uninterrupted = estimator(**settings).fit(data)
    fit_interrupted(estimator(**settings, checkpoint_dir=tmp_path), data, monkeypatch)
    resumed = estimator(**settings, checkpoint_dir=tmp_path)
    assert epochs_trained(resumed, data, monkeypatch)[0] == INTERRUPTED_AFTER
    found, expected = (fitted.module_.state_dict() for fitted in (resumed, uninterrupted))
    assert found.keys() == expected.keys()
    assert same(found.values(), expected.values())
    np.testing.assert_array_equal(resumed.predict(data), uninterrupted.predict(data))


def test_validation_data_are_part_of_the_run(tmp_path, monkeypatch):
    given = {"validation": likes(seed=1)}
    uninterrupted = model().fit(likes(), **given)
    fit_interrupted(model(checkpoint_dir=tmp_path), likes(), monkeypatch, **given)
    assert epochs_trained(model(checkpoint_dir=tmp_path), likes(), monkeypatch, validation=likes(seed=2))[0] == 0
    resumed = model(checkpoint_dir=tmp_path)
    assert epochs_trained(resumed, likes(), monkeypatch, **given)[0] == INTERRUPTED_AFTER
    assert same(weights_of(resumed), weights_of(uninterrupted))


def test_without_a_seed_the_run_goes_on_with_its_own(tmp_path, monkeypatch):
    fit_interrupted(model(checkpoint_dir=tmp_path, random_state=None), likes(), monkeypatch)
    seeds = {content(path)["skrec"]["seed"] for path in tmp_path.rglob("*.ckpt")}
    resumed = model(checkpoint_dir=tmp_path, random_state=None)
    assert epochs_trained(resumed, likes(), monkeypatch)[0] == INTERRUPTED_AFTER
    assert {resumed.seed_} == seeds


def test_a_network_that_starts_from_trained_parts_does_not_train_them_again(tmp_path, monkeypatch):
    settings = {"n_factors": 4, "hidden_layer_sizes": (4,), "pretrain": True, "max_epochs": N_EPOCHS, "random_state": 0}
    uninterrupted = NeuMFRecommender(**settings).fit(likes())
    fit_interrupted(NeuMFRecommender(**settings, checkpoint_dir=tmp_path), likes(), monkeypatch, network=3)
    resumed = NeuMFRecommender(**settings, checkpoint_dir=tmp_path)
    assert epochs_trained(resumed, likes(), monkeypatch) == list(range(INTERRUPTED_AFTER, N_EPOCHS))
    assert same(weights_of(resumed), weights_of(uninterrupted))


def times(factor, power=2):
    return lambda scores, target, mask=None, log_q=None: factor * (scores - target).abs().pow(power).sum(-1)


def scaled(scores, target, mask=None, log_q=None, *, factor):
    return factor * (scores - target).square().sum(-1)


OTHER_LOSSES = {
    "a value it encloses": (times(1.0), times(2.0)),
    "a constant": (
        lambda s, t, m=None, q=None: 1.0 * (s - t).square().sum(-1),
        lambda s, t, m=None, q=None: 2.0 * (s - t).square().sum(-1),
    ),
    "a default": (times(1.0), times(1.0, power=1)),
    "a given argument": (partial(scaled, factor=1.0), partial(scaled, factor=2.0)),
}


@pytest.mark.parametrize(("loss", "other"), OTHER_LOSSES.values(), ids=OTHER_LOSSES)
def test_another_loss_is_another_run_however_small_the_difference(tmp_path, monkeypatch, loss, other):
    fit_interrupted(model(checkpoint_dir=tmp_path, loss=loss), likes(), monkeypatch)
    assert epochs_trained(model(checkpoint_dir=tmp_path, loss=other), likes(), monkeypatch)[0] == 0
    assert epochs_trained(model(checkpoint_dir=tmp_path, loss=loss), likes(), monkeypatch)[0] == INTERRUPTED_AFTER


@pytest.mark.parametrize(
    "changes", [{"positive_from": 1.0}, {"learning_rate": np.float64(0.01)}, {"random_state": np.int64(0)}]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_equal_numbers_are_equal_whatever_their_type(tmp_path, monkeypatch, changes, is_first):
    settings = {"checkpoint_dir": tmp_path, "positive_from": 1}
    first, second = (settings | changes, settings) if is_first else (settings, settings | changes)
    fit_interrupted(model(**first), likes(), monkeypatch)
    assert epochs_trained(model(**second), likes(), monkeypatch)[0] == INTERRUPTED_AFTER


OTHER_RUNS = {
    "another learning rate": ({"learning_rate": 0.02}, likes()),
    "another seed": ({"random_state": 1}, likes()),
    "another of numpy's seeds": ({"random_state": np.int64(1)}, likes()),
    "a state of random numbers": ({"random_state": np.random.RandomState(0)}, likes()),
    "another schedule": ({"lr_schedule": CosineRestarts()}, likes()),
    "groups of minibatches": ({"trainer": {"accumulate_grad_batches": 2}}, likes()),
    "more epochs": ({"max_epochs": N_EPOCHS + 1}, likes()),
    "other data": ({}, likes(seed=1)),
    "other values": ({}, likes().with_values(np.full(50, 2))),
    "weights": ({}, replace(likes(), weights=np.ones(50, np.float32))),
}


@pytest.mark.parametrize(("settings", "data"), OTHER_RUNS.values(), ids=OTHER_RUNS)
def test_another_fit_starts_afresh_and_leaves_the_interrupted_one_alone(tmp_path, monkeypatch, settings, data):
    fit_interrupted(model(checkpoint_dir=tmp_path), likes(), monkeypatch)
    assert epochs_trained(model(**settings, checkpoint_dir=tmp_path), data, monkeypatch)[0] == 0
    assert epochs_trained(model(checkpoint_dir=tmp_path), likes(), monkeypatch)[0] == INTERRUPTED_AFTER


@pytest.mark.parametrize("settings", [{"verbose": 2}, {"logger": None}, {"trainer": {"accelerator": "cpu"}}], ids=str)
def test_what_does_not_change_the_result_does_not_hinder_going_on(tmp_path, monkeypatch, settings):
    fit_interrupted(model(checkpoint_dir=tmp_path), likes(), monkeypatch)
    assert epochs_trained(model(**settings, checkpoint_dir=tmp_path), likes(), monkeypatch)[0] == INTERRUPTED_AFTER


def test_a_finished_fit_is_done_afresh(tmp_path, monkeypatch):
    assert len(epochs_trained(model(checkpoint_dir=tmp_path), likes(), monkeypatch)) == N_EPOCHS
    assert len(epochs_trained(model(checkpoint_dir=tmp_path), likes(), monkeypatch)) == N_EPOCHS


def test_a_checkpoint_that_cannot_be_read_is_left_out_with_a_warning(tmp_path, monkeypatch):
    uninterrupted = model().fit(likes())
    fit_interrupted(model(checkpoint_dir=tmp_path), likes(), monkeypatch)
    (newest,) = tmp_path.rglob("epoch=2.ckpt")
    newest.write_bytes(newest.read_bytes()[:100])
    resumed = model(checkpoint_dir=tmp_path)
    with pytest.warns(UserWarning, match="epoch=2.ckpt cannot be read"):
        epochs = epochs_trained(resumed, likes(), monkeypatch)
    assert epochs[0] == 2
    assert same(weights_of(resumed), weights_of(uninterrupted))


# ---- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "n_steps"), [(1, 7), (3, 3)])
def test_every_epoch_is_saved_and_the_last_two_are_kept(tmp_path, group, n_steps, monkeypatch):
    saved, rename = [], os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (rename(old, new), saved.append(os.path.basename(new))))
    fitted = model(checkpoint_dir=tmp_path / "runs", trainer={"accumulate_grad_batches": group}, max_epochs=4).fit(likes())
    assert saved == [f"epoch={epoch}.ckpt" for epoch in range(4)]
    (folder,) = (tmp_path / "runs").iterdir()
    assert files(folder) == ["epoch=2.ckpt", "epoch=3.ckpt"]
    for epoch in (2, 3):
        checkpoint = content(folder / f"epoch={epoch}.ckpt")
        assert checkpoint["global_step"] == (epoch + 1) * n_steps
    assert same(weights_of(fitted), [weight for weight in checkpoint["state_dict"].values() if weight.ndim])


# ---- kill -9 ---------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np, torch
from skrec import MFRecommender
from skrec.datasets import make_interactions
torch.set_num_threads(1)
data = make_interactions(400, 200, density=0.2, random_state=0).interactions
settings = dict(loss="bpr", n_factors=8, max_epochs=100, batch_size=64, random_state=0)
np.save(sys.argv[1] + ".npy", MFRecommender(**settings, checkpoint_dir=sys.argv[1]).fit(data).item_embeddings_)
"""


def newest(folder):
    return max((_checkpoints._epoch(path) for path in folder.rglob("*.ckpt")), default=-1)


@pytest.mark.faults
def test_kills_at_any_moment_leave_a_run_that_goes_on_to_the_same_result(tmp_path):
    def start(folder):
        return subprocess.Popen([sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder)])

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait(300) == 0
    rng = np.random.default_rng(0)
    for _ in range(5):
        before, process = newest(killed), start(killed)
        while process.poll() is None and newest(killed) == before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(killed).wait(300) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))
    assert not [name for name in files(killed) if name.startswith(".")]
