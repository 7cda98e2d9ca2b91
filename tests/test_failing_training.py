"""Fits that are interrupted, diverge or need too much memory."""

import signal

import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from small_models import N_BATCHES, N_EPOCHS, likes, model, ratings

from skrec.engine.losses._losses import bpr


def failing(error):
    """A loss that is well for a while."""
    calls = []

    def loss(scores, target, mask=None, log_q=None):
        calls.append(1)
        if len(calls) == N_BATCHES + 2:
            error()
        return bpr(scores, target, mask, log_q)

    return loss


def raising(error):
    def act():
        raise error

    return act


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C, which a process started in the background is without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(
    "interrupt", (raising(KeyboardInterrupt()), lambda: signal.raise_signal(signal.SIGINT)), ids=("raised", "signal")
)
def test_an_interrupted_fit_is_a_keyboard_interrupt_and_changes_nothing(interrupt):
    estimator = model().fit(likes())
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt):
        estimator.set_params(loss=failing(interrupt)).fit(likes(70))
    assert vars(estimator) == before | {"loss": estimator.loss}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(estimator.set_params(loss="bpr").fit(likes(70)).history_) == N_EPOCHS


def test_an_interrupted_first_fit_leaves_an_unfitted_estimator():
    estimator = model(loss=failing(raising(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(likes())
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_a_diverging_loss_says_what_to_lower():
    with pytest.raises(ValueError, match=r"diverged in epoch \d+.*learning_rate .*1e\+20"):
        model(loss="mse", learning_rate=1e20, optimizer="sgd").fit(ratings())


def test_out_of_memory_says_what_to_halve():
    loss = failing(raising(torch.OutOfMemoryError("Tried to allocate 5 GiB")))
    with pytest.raises(MemoryError, match=r"5 GiB.*halve batch_size and double trainer\['accumulate_grad_batches'\]"):
        model(loss=loss).fit(likes())


def test_an_interrupted_bar_ends_its_line(capfd):
    with pytest.raises(KeyboardInterrupt):
        model(verbose=1, loss=failing(raising(KeyboardInterrupt()))).fit(likes())
    assert capfd.readouterr().err.endswith("\n")
