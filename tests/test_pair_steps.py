"""Compiled steps for pairs: the same as autograd and torch's optimizers, for every loss."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from small_models import likes, model, ratings

from skrec import MLPRecommender, NeuMFRecommender
from skrec.engine.training._lightning import Training
from skrec.engine.training._pair_kernels import adam, distinct
from skrec.engine.training._pair_steps import PairSteps

RANKINGS = {
    "bpr": {"loss": "bpr"},
    "several negatives": {"loss": "bpr", "n_negatives": 3},
    "masked negatives": {"loss": "bpr", "n_negatives": 3, "negatives": "popularity"},
    "bce": {"loss": "bce"},
    "corrected bce": {"loss": "bce", "n_negatives": 2, "negatives": "popularity"},
    "softmax": {"loss": "softmax", "negatives": "uniform", "n_negatives": 4},
    "corrected softmax": {"loss": "softmax", "negatives": "popularity", "n_negatives": 4},
    "warp": {"loss": "warp", "n_negatives": 3},
    "masked warp": {"loss": "warp", "n_negatives": 3, "negatives": "popularity"},
    "penalty": {"loss": "bpr", "regularization": 0.3, "n_negatives": 2},
    "masked penalty": {"loss": "bpr", "regularization": 0.3, "n_negatives": 2, "negatives": "popularity"},
    "schedule with momentum": {"loss": "bpr", "lr_schedule": "one_cycle"},
}
RATINGS = {
    "mse": {"loss": "mse"},
    "bounded": {"loss": "mse", "y_range": (0, 6)},
    "without penalty": {"loss": "mse", "regularization": 0.0},
}
CASES = RANKINGS | RATINGS


SMALL = {"max_epochs": 2, "batch_size": 8, "lr_schedule": None, "random_state": 0}


def neumf(**changes):
    return NeuMFRecommender(**SMALL | {"n_factors": 3, "mlp_factors": 5, "hidden_layer_sizes": (6, 4)} | changes)


def mlp(**changes):
    return MLPRecommender(**SMALL | {"hidden_layer_sizes": (6,)} | changes)


NETWORKS = {
    "NeuMF": (neumf, {}),
    "NeuMF with three layers": (neumf, {"hidden_layer_sizes": (7, 5, 3)}),
    "NeuMF with one layer": (neumf, {"hidden_layer_sizes": (4,)}),
    "NeuMF, bpr": (neumf, {"loss": "bpr", "n_negatives": 2}),
    "NeuMF, softmax": (neumf, {"loss": "softmax", "negatives": "popularity"}),
    "NeuMF, warp": (neumf, {"loss": "warp", "n_negatives": 3}),
    "NeuMF, penalty": (neumf, {"regularization": 0.3, "negatives": "popularity", "n_negatives": 3}),
    "NeuMF, mse": (neumf, {"loss": "mse"}),
    "NeuMF, bounded": (neumf, {"loss": "mse", "y_range": (0, 6)}),
    "pretrained NeuMF": (neumf, {"pretrain": True, "optimizer": "adam"}),
    "MLP": (mlp, {}),
    "MLP with two layers": (mlp, {"hidden_layer_sizes": (8, 4), "regularization": 0.1}),
    "MLP, mse": (mlp, {"loss": "mse"}),
}


def fit(settings, data, *, compiled, monkeypatch, make=model):
    """The fitted model, after checking that its steps were made as they should be."""
    ways = []
    original = Training.minibatch_loss
    with monkeypatch.context() as patch:
        patch.setattr(Training, "minibatch_loss", lambda *arguments: (ways.append("autograd"), original(*arguments))[1])
        if not compiled:
            patch.setattr(PairSteps, "supports", staticmethod(lambda *arguments: False))
        fitted = make(**settings).fit(data)
    assert (len(ways) == 0) == compiled
    return fitted


@pytest.mark.parametrize("optimizer", ["adam", "row_adam"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_fit_is_the_same_as_with_autograd(name, weighted, optimizer, monkeypatch):
    data = (ratings if name in RATINGS else likes)()
    if weighted:
        data = replace(data, weights=np.random.default_rng(0).uniform(0.5, 2, len(data)).astype(np.float32))
    check_both_ways(CASES[name] | {"optimizer": optimizer}, data, model, monkeypatch)


@pytest.mark.parametrize("optimizer", ["adam", "row_adam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_fit_of_a_network_is_the_same_as_with_autograd(name, optimizer, monkeypatch):
    make, settings = NETWORKS[name]
    data = (ratings if settings.get("loss") == "mse" else likes)()
    data = replace(data, weights=np.random.default_rng(0).uniform(0.5, 2, len(data)).astype(np.float32))
    check_both_ways({"optimizer": optimizer} | settings, data, make, monkeypatch)


def check_both_ways(settings, data, make, monkeypatch):
    ours, reference = (fit(settings, data, compiled=way, monkeypatch=monkeypatch, make=make) for way in (True, False))
    np.testing.assert_allclose(ours.history_.train_loss, reference.history_.train_loss, rtol=1e-4)
    for (name, weights), expected in zip(ours.module_.named_parameters(), reference.module_.parameters(), strict=True):
        # losses of differences do not depend on the common bias, so Adam divides its rounding error by eps
        tolerance = 1e-3 if name == "head.bias" else 1e-4
        torch.testing.assert_close(weights, expected, rtol=1e-3, atol=tolerance)


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "ccl"},
        {"temperature": 0.2},
        {"dropout": 0.5},
        {"weight_decay": 0.1},
        {"optimizer": "sgd"},
        {"negatives": "hard", "n_negatives": 3},
        {"negatives": "in_batch"},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_other_fits_use_autograd(settings, monkeypatch):
    fit({"optimizer": "adam", **settings}, likes(), compiled=False, monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (neumf, {"dropout": 0.5}),
        (neumf, {"pretrain": True, "optimizer": "sgd"}),
        (mlp, {"embedding_dropout": 0.5}),
        (mlp, {"batch_norm": True}),
    ],
)
def test_other_networks_use_autograd(make, settings, monkeypatch):
    fit({"optimizer": "adam", **settings}, likes(), compiled=False, monkeypatch=monkeypatch, make=make)


def test_rows_without_a_gradient_do_not_slow_down_later_steps():
    """Numbers near the smallest one of float32 take a hundred times as long to compute with."""
    table, moments = np.ones((1, 4), np.float32), np.full((2, 1, 4), 1e-29, np.float32)
    numbers = np.array([0.9, 0.99, 1e-3, 1, 1e-5], np.float32)
    for _ in range(2000):
        adam(np.zeros(1, int), np.full(1, -1), table, table, *moments, numbers)
    assert (moments == 0).all()
    assert (table == 1).all()


@dataclass
class SquaresOfScores:
    """A loss that has no hash."""

    factor: float = 1.0

    def __call__(self, scores, target, mask=None, log_q=None):
        return self.factor * scores.square().sum(-1)


def test_a_loss_without_a_hash_uses_autograd(monkeypatch):
    fit({"loss": SquaresOfScores()}, likes(), compiled=False, monkeypatch=monkeypatch)


@pytest.mark.parametrize("codes", [[], [5], [3, 3, 3], [0, 2**40, 0, 7, 2**40], list(range(1000)) * 2])
def test_distinct_codes_in_order_of_appearance(codes):
    codes = np.array(codes, np.int64)
    rows, slots = np.empty_like(codes), np.empty_like(codes)
    n = distinct(codes, slots, rows)
    assert rows[:n].tolist() == list(dict.fromkeys(codes.tolist()))
    assert (rows[slots] == codes).all()
