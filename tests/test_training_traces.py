"""What a fit leaves behind: nothing unasked; log, bar, lines and history as asked for."""

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from small_models import N_BATCHES, N_EPOCHS, close, likes, model, ratings, weights_of

from skrec import EarlyStopping, NeuMFRecommender
from skrec.data import Interactions
from skrec.engine.losses._losses import bpr

# ---- no trace --------------------------------------------------------------------------------------------------------

LOGGERS = ("", "pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero", "torch", "skrec")


def state_of_the_process():
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "random": random.getstate(),
        "numpy": (kind, keys.tolist(), *rest),
        "torch": torch.get_rng_state().tolist(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "levels": [logging.getLogger(name).level for name in LOGGERS],
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty current folder."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "cwd"


def test_fit_leaves_no_files_no_output_and_no_changed_state(workplace, capfd):
    model().fit(likes())  # the first fit imports Lightning
    capfd.readouterr()
    before = state_of_the_process()
    model(dropout=0.2, early_stopping="ndcg@10").fit(likes())
    NeuMFRecommender(hidden_layer_sizes=(4,), dropout=0.2, pretrain=True, max_epochs=2, random_state=0).fit(likes())
    assert state_of_the_process() == before
    assert capfd.readouterr() == ("", "")
    assert list(workplace.iterdir()) == []


def test_the_first_fit_imports_lightning_silently(workplace):
    script = """
import sys, numpy as np, skrec
from sklearn.base import clone
model = clone(skrec.MFRecommender(max_epochs=1, solver='gradient'))
assert "pytorch_lightning" not in sys.modules
model.fit(np.eye(3))
assert "pytorch_lightning" in sys.modules
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert list(workplace.iterdir()) == []


def test_fits_in_two_threads_overlap_and_give_what_they_give_alone():
    """The first to begin ends first, so each would restore what the other had changed."""
    first_runs, second_runs, first_done = threading.Event(), threading.Event(), threading.Event()

    def first_loss(*args):
        first_runs.set()
        assert second_runs.wait(30)
        return bpr(*args)

    def second_loss(*args):
        second_runs.set()
        assert first_done.wait(30)
        return bpr(*args)

    found = {}

    def run_first():
        found["first"] = model(loss=first_loss).fit(likes())
        first_done.set()

    def run_second():
        assert first_runs.wait(30)
        found["second"] = model(loss=second_loss, random_state=1).fit(likes(seed=1))

    model().fit(likes())
    before = state_of_the_process()
    threads = [threading.Thread(target=target) for target in (run_first, run_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state_of_the_process() == before
    assert close(weights_of(found["first"]), weights_of(model().fit(likes())))
    assert close(weights_of(found["second"]), weights_of(model(random_state=1).fit(likes(seed=1))))


# ---- what was asked for ----------------------------------------------------------------------------------------------


def test_verbose_1_shows_one_bar_on_stderr(capfd):
    model().fit(likes())
    capfd.readouterr()
    model(verbose=1, checkpoint_dir=None).fit(likes())
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and f"{N_EPOCHS * N_BATCHES}/{N_EPOCHS * N_BATCHES}" in err.split("\r")[-1]


def test_callbacks_of_the_users_own_go_beside_the_bar(capfd):
    from pytorch_lightning import Callback

    class Counter(Callback):
        n_epochs = 0

        def on_train_epoch_end(self, trainer, training):
            self.n_epochs += 1

    counter = Counter()
    model(verbose=1, trainer={"callbacks": counter}).fit(likes())
    assert counter.n_epochs == N_EPOCHS and "fit: 100%" in capfd.readouterr().err


def test_verbose_2_prints_a_line_for_each_epoch(capfd):
    fitted = model(verbose=2, early_stopping=EarlyStopping("valid_loss", patience=30)).fit(likes())
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == N_EPOCHS
    for line, row in zip(lines, fitted.history_.to_dict("records")):
        assert line.startswith(f"epoch {row['epoch']}") and f"valid_loss {row['valid_loss']:.5g}" in line


def test_history_has_the_documented_columns():
    history = model(early_stopping="ndcg@10").fit(likes()).history_
    figures = ["epoch", "train_loss", "train_pairwise_accuracy", "learning_rate", "seconds", "valid_loss"]
    figures += ["valid_pairwise_accuracy", "ndcg@10", "memory_mb"]
    assert history.columns.tolist() == figures
    assert history.train_pairwise_accuracy.between(0, 1).all() and (history.seconds > 0).all()


def test_pairwise_accuracy_is_the_share_of_positives_above_unknown_items():
    blocks = Interactions.from_csr(np.kron(np.eye(2), np.ones((4, 4))))
    history = model(max_epochs=200, learning_rate=0.1).fit(blocks).history_
    assert history.train_pairwise_accuracy.iloc[0] < 0.9
    assert history.train_pairwise_accuracy.iloc[-1] == 1
    assert "train_pairwise_accuracy" not in model(loss="mse").fit(ratings()).history_
