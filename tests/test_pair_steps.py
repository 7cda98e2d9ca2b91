"""Compiled steps for pairs: the same as autograd and torch's optimizers, for every loss."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from small_models import likes, model, ratings, weights_of

from skrec.engine.training._lightning import Training
from skrec.engine.training._pair_kernels import distinct
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


def fit(settings, data, *, compiled, monkeypatch):
    """The fitted model, after checking that its steps were made as they should be."""
    ways = []
    original = Training.minibatch_loss
    with monkeypatch.context() as patch:
        patch.setattr(Training, "minibatch_loss", lambda *arguments: (ways.append("autograd"), original(*arguments))[1])
        if not compiled:
            patch.setattr(PairSteps, "supports", staticmethod(lambda *arguments: False))
        fitted = model(**settings).fit(data)
    assert (len(ways) == 0) == compiled
    return fitted


@pytest.mark.parametrize("optimizer", ["adam", "row_adam"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_fit_is_the_same_as_with_autograd(name, weighted, optimizer, monkeypatch):
    data = (ratings if name in RATINGS else likes)()
    if weighted:
        data = replace(data, weights=np.random.default_rng(0).uniform(0.5, 2, len(data)).astype(np.float32))
    settings = CASES[name] | {"optimizer": optimizer}
    ours, reference = (fit(settings, data, compiled=way, monkeypatch=monkeypatch) for way in (True, False))
    np.testing.assert_allclose(ours.history_.train_loss, reference.history_.train_loss, rtol=1e-4)
    for weights, expected in zip(weights_of(ours), weights_of(reference), strict=True):
        torch.testing.assert_close(weights, expected, rtol=1e-3, atol=1e-4)


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
