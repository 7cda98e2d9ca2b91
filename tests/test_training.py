"""Training through Lightning: the same as a plain loop, and without a trace."""

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import nullcontext
from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skrec import MFRecommender, NeuMFRecommender
from skrec.data import Interactions
from skrec.engine import DotProduct
from skrec.engine._batches import PairBatches, RowBatches
from skrec.engine._losses import LOSSES, bpr
from skrec.engine._negatives import UniformNegatives
from skrec.engine._optimizers import RowAdam, choose_optimizer
from skrec.engine._schedules import constant, cosine, one_cycle
from skrec.metrics import get_scorer

N_USERS, N_ITEMS, N_FACTORS = 12, 9, 4
BATCH_SIZE = 8
N_BATCHES, N_EPOCHS = 7, 3  # 50 events: the last minibatch of an epoch has two


def likes(n=50, seed=0):
    """Distinct pairs."""
    pairs = np.random.default_rng(seed).permutation(N_USERS * N_ITEMS)[:n]
    return Interactions.from_arrays(pairs // N_ITEMS, pairs % N_ITEMS, n_users=N_USERS, n_items=N_ITEMS)


def ratings(n=50, seed=0):
    rng = np.random.default_rng(seed + 1)
    return likes(n, seed).with_values(rng.integers(1, 6, n).astype(np.float32))


def model(**changes):
    settings = {"loss": "bpr", "n_factors": N_FACTORS, "max_epochs": N_EPOCHS, "batch_size": BATCH_SIZE}
    settings |= {"init_std": 0.1, "learning_rate": 0.01, "lr_schedule": None, "random_state": 0}
    return MFRecommender(**settings | changes)


def weights_of(fitted):
    return [weight.detach().clone() for weight in fitted.module_.parameters()]


def same(weights, others):
    return all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


# ---- the plain loop --------------------------------------------------------------------------------------------------


def new_network(seed, *, mean=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DotProduct(N_USERS, N_ITEMS, N_FACTORS, std=0.1, user_bias=mean is not None)
    if mean is not None:
        network.mean.fill_(mean)
    return network


def plain_adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-5, fused=True)


def plain_loop(network, batches, loss, *, seed, schedule=constant, group=1, clip=None, n_epochs=N_EPOCHS):
    """What anybody would write without Lightning; answers with the mean loss of each epoch."""
    optimizer, n_steps, train_losses = plain_adam(network.parameters()), 0, []
    for epoch in range(n_epochs):
        epoch_seed = np.random.SeedSequence([seed, epoch + 1]).generate_state(1)[0]
        minibatches = list(batches.epoch(torch.Generator().manual_seed(int(epoch_seed))))
        seen = []
        for start in range(0, len(minibatches), group):
            members = minibatches[start : start + group]
            optimizer.zero_grad()
            for batch in members:
                losses = loss(network(batch.query, batch.items), batch.target, batch.mask, batch.log_q)
                seen += losses.tolist()
                (losses.mean() / len(members)).backward()
            rate = schedule(n_steps)
            for parameters in optimizer.param_groups:
                parameters["lr"] = 0.01 * rate.factor
                if rate.momentum is not None:
                    parameters["betas"] = (rate.momentum, 0.99)
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            n_steps += 1
        train_losses.append(np.mean(seen))
    return train_losses


def pair_batches(events, batch_size=BATCH_SIZE):
    return PairBatches(events, batch_size=batch_size, negatives=UniformNegatives(events))


@pytest.fixture(params=(1, 3, 16))
def chunk(request, monkeypatch):
    """How many minibatches Lightning sees as one: 7 in an epoch make seven chunks, three of which one is partial, or one."""
    from skrec.engine._lightning import Training

    monkeypatch.setitem(Training.__init__.__kwdefaults__, "chunk", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("group", (1, 3, 4))
def test_fit_gives_the_weights_of_a_plain_loop(group):
    events = likes()
    fitted = model(accumulate_grad_batches=group).fit(events)
    network = new_network(fitted.seed_)
    losses = plain_loop(network, pair_batches(events), bpr, seed=fitted.seed_, group=group)
    assert same(weights_of(fitted), network.parameters())
    assert fitted.history_.epoch.tolist() == [0, 1, 2]
    np.testing.assert_allclose(fitted.history_.train_loss, losses, rtol=1e-5)


def test_several_chunks_in_an_epoch_give_the_weights_of_a_plain_loop():
    events = likes()
    fitted = model(batch_size=1).fit(events)  # 50 minibatches: three chunks of 16 and one of 2
    network = new_network(fitted.seed_)
    plain_loop(network, pair_batches(events, batch_size=1), bpr, seed=fitted.seed_)
    assert same(weights_of(fitted), network.parameters())


def test_whole_rows_and_ratings_are_trained_on_like_that_too():
    events = likes()
    fitted = model(loss="softmax", batch_size=5).fit(events)
    network = new_network(fitted.seed_)
    rows = RowBatches(events.to_csr(), batch_size=5, negatives=UniformNegatives(events))
    plain_loop(network, rows, LOSSES["softmax"], seed=fitted.seed_)
    assert same(weights_of(fitted), network.parameters())

    events = ratings()
    fitted = model(loss="mse").fit(events)
    network = new_network(fitted.seed_, mean=events.values.mean())
    plain_loop(network, PairBatches(events, batch_size=BATCH_SIZE, negatives=None), LOSSES["mse"], seed=fitted.seed_)
    assert same(weights_of(fitted), network.parameters())


def test_gradients_are_clipped_as_in_a_plain_loop():
    events = likes()
    fitted = model(trainer={"gradient_clip_val": 0.01}).fit(events)
    network = new_network(fitted.seed_)
    plain_loop(network, pair_batches(events), bpr, seed=fitted.seed_, clip=0.01)
    assert same(weights_of(fitted), network.parameters())
    assert not same(weights_of(fitted), weights_of(model().fit(events)))


@pytest.mark.parametrize("optimizer", ("adam", "sgd"))
@pytest.mark.parametrize("clip", (None, 0.01))
def test_a_gradient_scaler_changes_no_step(optimizer, clip):
    """What half precision needs on an accelerator, here without the half precision: scaling by a power of two is exact."""
    from pytorch_lightning.plugins.precision import MixedPrecision

    class ScalingAlone(MixedPrecision):
        def autocast_context_manager(self):
            return nullcontext()

    scaling = ScalingAlone("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=1024.0))
    scaled, plain = (
        model(optimizer=optimizer, trainer={"gradient_clip_val": clip} | more).fit(likes())
        for more in ({"plugins": scaling}, {})
    )
    for a, b in zip(weights_of(scaled), weights_of(plain)):
        torch.testing.assert_close(a, b)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("group", (1, 3, 4))
@pytest.mark.parametrize(
    ("changes", "schedule"),
    [
        ({"lr_schedule": "one_cycle"}, lambda epoch: one_cycle(N_EPOCHS * epoch)),
        ({"lr_schedule": "cosine"}, lambda epoch: cosine(cycle_steps=N_EPOCHS * epoch, cycle_mult=1)),
        (
            {"lr_schedule": "cosine", "cycle_len": 1, "cycle_mult": 2},
            lambda epoch: cosine(cycle_steps=epoch, cycle_mult=2),
        ),
    ],
)
def test_every_step_has_the_rate_of_the_schedule(changes, schedule, group):
    rates = []

    class Recording(torch.optim.Adam):
        def step(self, closure=None):
            rates.append((self.param_groups[0]["lr"], self.param_groups[0]["betas"][0]))
            return super().step(closure)

    model(optimizer=Recording, accumulate_grad_batches=group, **changes).fit(likes())
    n_steps = ceil(N_BATCHES / group)
    expected = [schedule(n_steps)(step) for step in range(N_EPOCHS * n_steps)]
    assert rates == [(0.01 * rate.factor, rate.momentum or 0.9) for rate in expected]


# ---- optimisers and penalties ----------------------------------------------------------------------------------------


def one_step_by_hand(network, events, *, lr, regularization, weight_decay):
    """Gradient descent on (rating - prediction)² and the squared lengths of an event's rows, event by event."""
    p, q = network.user_embeddings.weight.detach().numpy(), network.item_embeddings.weight.detach().numpy()
    b, c, mean, n = np.zeros(N_USERS), np.zeros(N_ITEMS), events.values.mean(), len(events)
    new_p, new_q, new_b, new_c = ((1 - lr * weight_decay) * table for table in (p, q, b, c))
    for u, i, rating in zip(events.users, events.items, events.values):
        error = p[u] @ q[i] + mean - rating
        new_p[u] -= lr * 2 * (error * q[i] + regularization * p[u]) / n
        new_q[i] -= lr * 2 * (error * p[u] + regularization * q[i]) / n
        new_b[u] -= lr * 2 * error / n
        new_c[i] -= lr * 2 * error / n
    return new_p, new_q, new_b, new_c


@pytest.mark.parametrize(("regularization", "weight_decay"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.3), (0.7, 0.3)])
def test_a_step_with_both_penalties_is_the_one_by_hand(regularization, weight_decay):
    events = ratings()
    fitted = model(
        loss="mse",
        optimizer="sgd",
        max_epochs=1,
        batch_size=len(events),
        learning_rate=0.5,
        regularization=regularization,
        weight_decay=weight_decay,
    ).fit(events)
    p, q, b, c = one_step_by_hand(
        new_network(fitted.seed_), events, lr=0.5, regularization=regularization, weight_decay=weight_decay
    )
    np.testing.assert_allclose(fitted.user_embeddings_, p, atol=1e-6)
    np.testing.assert_allclose(fitted.item_embeddings_, q, atol=1e-6)
    np.testing.assert_allclose(fitted.user_biases_, b, atol=1e-6)
    np.testing.assert_allclose(fitted.item_biases_, c, atol=1e-6)


def test_regularization_of_whole_rows_adds_up_to_the_mean_over_users():
    """All users in one minibatch, or some in each: an epoch's penalty is the mean over users of all squared lengths."""
    network, events = new_network(0), likes()
    by_hand = sum(table.weight.square().sum() for table in (network.user_embeddings, network.item_embeddings))
    for batch_size in (3, 4, N_USERS):
        batches = RowBatches(events.to_csr(), batch_size=batch_size, negatives=None)
        epoch = list(batches.epoch(torch.Generator().manual_seed(0)))
        penalties = [network.penalty(batch.query, batch.items, batch.item_share) for batch in epoch]
        torch.testing.assert_close(torch.stack(penalties).mean(), by_hand / N_USERS)


def test_regularization_does_not_count_the_padding_of_a_slate():
    """A slate of two items beside one of five: every row was looked up once, so all shrink alike."""
    shown = Interactions.from_arrays(
        [0, 0, 1, 1, 1, 1, 1],
        np.arange(7),
        [1, 0, 1, 0, 0, 0, 0],
        impressions=[0, 0, 1, 1, 1, 1, 1],
        n_users=N_USERS,
        n_items=N_ITEMS,
    )
    settings = {"negatives": "slate", "optimizer": "sgd", "max_epochs": 1, "learning_rate": 0.1, "regularization": 1.0}
    fitted = model(loss=lambda scores, *rest: 0 * scores.sum(1), batch_size=2, **settings).fit(shown)
    start = new_network(fitted.seed_)
    for table, before, n_touched in (
        (fitted.user_embeddings_, start.user_embeddings, 2),
        (fitted.item_embeddings_, start.item_embeddings, 7),
    ):
        shrunk = before.weight.detach().numpy().copy()
        shrunk[:n_touched] *= 1 - 2 * 0.1 * 1.0 / 2  # the mean over two examples
        np.testing.assert_allclose(table, shrunk, rtol=1e-5)


def test_an_optimizer_may_be_a_name_or_a_callable():
    by_name = model(optimizer="sgd").fit(likes())
    by_class = model(optimizer=torch.optim.SGD).fit(likes())
    assert (by_name.optimizer_, by_class.optimizer_) == ("sgd", "SGD")
    assert same(weights_of(by_name), weights_of(by_class))
    assert not same(weights_of(by_name), weights_of(model(optimizer="adagrad").fit(likes())))


def test_auto_is_adam_until_there_are_many_rows():
    assert model().fit(likes()).optimizer_ == "adam"
    assert choose_optimizer(150_000, 50_000, 0) == "adam"
    assert choose_optimizer(150_000, 50_001, 0) == "row_adam"
    assert choose_optimizer(150_000, 50_001, 0.1) == "adam"


def test_row_adam_moves_touched_rows_as_adam_does_and_leaves_others_alone():
    dense, sparse = torch.nn.Embedding(5, 3), torch.nn.Embedding(5, 3, sparse=True)
    sparse.load_state_dict(dense.state_dict())
    start = dense.weight.detach().clone()
    adam, row_adam = plain_adam(dense.parameters()), RowAdam(sparse.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-5)
    for rows in ([0, 1, 1], [1, 0, 0], [0, 1, 0]):
        for table, optimizer in ((dense, adam), (sparse, row_adam)):
            optimizer.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(sparse.weight, dense.weight)
    assert torch.equal(sparse.weight[2:], start[2:]) and not torch.equal(sparse.weight[:2], start[:2])
    row_adam.zero_grad()
    moved = sparse.weight.detach().clone()
    sparse(torch.tensor([4])).sum().backward()
    row_adam.step()
    assert torch.equal(sparse.weight[:4], moved[:4]) and not torch.equal(sparse.weight[4], moved[4])


def test_row_adam_trains_like_adam_where_every_row_is_touched_at_every_step():
    every_pair = likes(N_USERS * N_ITEMS)
    settings = {"loss": "mse", "batch_size": len(every_pair)}
    lazy, adam = (model(optimizer=name, **settings).fit(every_pair) for name in ("row_adam", "adam"))
    for a, b in zip(weights_of(lazy), weights_of(adam)):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("changes", ({"regularization": 0.1}, {"trainer": {"gradient_clip_val": 0.1}}))
def test_row_adam_takes_penalties_and_clipping(changes):
    assert model(optimizer="row_adam", **changes).fit(likes()).history_.train_loss.is_monotonic_decreasing


# ---- validation ------------------------------------------------------------------------------------------------------


def exaggerated():
    """Training ratings with twice the contrast of the held-out ones: a model passes the truth on its way, then overshoots."""
    users, items = np.divmod(np.arange(40), 2)
    train = Interactions.from_arrays(users, items, np.where(items == 0, 5.0, 1.0))
    return train, train.with_values(np.where(items == 0, 4.0, 2.0))


def overshooting(**changes):
    return MFRecommender(loss="mse", n_factors=2, learning_rate=0.1, lr_schedule=None, random_state=0, **changes)


def test_the_best_epochs_weights_are_kept():
    train, held_out = exaggerated()
    fitted = overshooting(max_epochs=30).fit(train, validation=held_out)
    losses = fitted.history_.valid_loss
    assert len(losses) == 30 and 0 < fitted.best_epoch_ < 29
    assert fitted.best_epoch_ == losses.argmin()
    errors = fitted.predict(held_out) - held_out.values
    assert np.mean(errors**2) == pytest.approx(losses.min(), rel=1e-5)
    shorter = overshooting(max_epochs=fitted.best_epoch_ + 1).fit(train)
    assert same(weights_of(fitted), weights_of(shorter))


@pytest.mark.parametrize("patience", (1, 4))
def test_early_stopping_waits_for_patience_epochs(patience):
    train, held_out = exaggerated()
    fitted = overshooting(max_epochs=30, early_stopping="valid_loss", patience=patience).fit(train, validation=held_out)
    assert len(fitted.history_) == fitted.best_epoch_ + 1 + patience < 30
    assert fitted.best_epoch_ == fitted.history_.valid_loss.argmin()


def test_early_stopping_by_a_ranking_keeps_the_best_ranking():
    train, held_out = likes(60), likes(90)[60:]
    fitted = model(early_stopping="ndcg@10", max_epochs=60, learning_rate=0.1).fit(train, validation=held_out)
    ndcg = fitted.history_["ndcg@10"]
    assert len(ndcg) == fitted.best_epoch_ + 1 + 3 < 60
    assert fitted.best_epoch_ == ndcg.argmax()
    assert get_scorer("ndcg@10")(fitted, held_out) == pytest.approx(ndcg.max())


def test_validation_may_be_a_table_with_labels():
    events = likes(80)
    table = pd.DataFrame({"user": [f"u{u}" for u in events.users], "item": [f"i{i}" for i in events.items]})
    for early_stopping in (None, "ndcg@10"):
        fitted = model(early_stopping=early_stopping).fit(table[:60], validation=table[60:])
        assert fitted.history_.valid_loss.notna().all()


def test_rows_of_a_validation_matrix_are_new_users():
    rows = likes().to_csr()
    fitted = model(early_stopping="recall@5").fit(rows[:9], validation=rows[9:])
    assert "valid_loss" not in fitted.history_ and fitted.history_["recall@5"].between(0, 1).all()
    with pytest.raises(ValueError, match="validation has no event of a known user"):
        model().fit(rows[:9], validation=rows[9:])


def counting(counts):
    """A loss that notes how many examples it is shown, in training and in validation."""

    def loss(scores, target, mask=None, log_q=None):
        counts[torch.is_grad_enabled()] += len(scores)
        return bpr(scores, target, mask, log_q)

    return loss


@pytest.mark.parametrize("fraction", (0.1, 0.4))
def test_validation_fraction_is_the_share_of_events_held_out(fraction):
    counts = {True: 0, False: 0}
    fitted = model(loss=counting(counts), early_stopping="valid_loss", validation_fraction=fraction, max_epochs=1).fit(likes())
    assert counts == {True: 50 - 50 * fraction, False: 50 * fraction}
    assert fitted.seen_.nnz == 50  # what was held out is still the user's past


def test_without_early_stopping_every_event_is_trained_on():
    counts = {True: 0, False: 0}
    model(loss=counting(counts)).fit(likes())
    assert counts == {True: 50 * N_EPOCHS, False: 0}


def test_early_stopping_never_parts_what_was_shown_together():
    rng = np.random.default_rng(0)
    slates = Interactions.from_arrays(
        rng.integers(0, 20, 100).repeat(5),
        rng.permuted(np.tile(np.arange(10), (100, 1)), axis=1)[:, :5].ravel(),
        np.tile([1.0, 0, 0, 0, 0], 100),
        impressions=np.arange(100).repeat(5),
    )
    sizes = set()

    def loss(scores, target, mask=None, log_q=None):
        sizes.update(mask.sum(1).tolist())
        return bpr(scores, target, mask, log_q)

    model(loss=loss, negatives="slate", early_stopping="valid_loss").fit(slates)
    assert sizes == {5}


# ---- failures --------------------------------------------------------------------------------------------------------


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
    with pytest.raises(MemoryError, match=r"5 GiB.*halve batch_size and double accumulate_grad_batches"):
        model(loss=loss).fit(likes())


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
    NeuMFRecommender(hidden=(4,), dropout=0.2, pretrain=True, max_epochs=2, random_state=0).fit(likes())
    assert state_of_the_process() == before
    assert capfd.readouterr() == ("", "")
    assert list(workplace.iterdir()) == []


def test_the_first_fit_imports_lightning_silently(workplace):
    script = """
import sys, numpy as np, skrec
from sklearn.base import clone
model = clone(skrec.MFRecommender(max_epochs=1))
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
    assert same(weights_of(found["first"]), weights_of(model().fit(likes())))
    assert same(weights_of(found["second"]), weights_of(model(random_state=1).fit(likes(seed=1))))


def test_the_seed_decides_the_model():
    first, again, other = (model(random_state=seed).fit(likes()) for seed in (3, 3, 4))
    assert same(weights_of(first), weights_of(again))
    assert not same(weights_of(first), weights_of(other))
    assert same(weights_of(first), weights_of(first.fit(likes())))


# ---- what was asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "negatives",
    ["uniform", "in_batch", "all", "slate"],
)
def test_weights_of_events_count(negatives):
    events, alternating = likes(), np.tile([1, 1, 5, 5, 1], 10).astype(np.float32)
    chosen = replace(events, values=np.tile([1, 0], 25).astype(np.float32), impressions=np.arange(50) // 5)
    events = chosen if negatives == "slate" else events
    weighted = replace(events, weights=alternating)
    first, second = (model(negatives=negatives, loss="softmax").fit(data) for data in (events, weighted))
    assert not same(weights_of(first), weights_of(second))


def test_a_logger_receives_each_epochs_row_of_the_history():
    from pytorch_lightning.loggers import Logger

    class Notebook(Logger):
        name, version = "notebook", 0

        def __init__(self):
            super().__init__()
            self.rows = []

        def log_metrics(self, metrics, step):
            self.rows.append((step, metrics))

        def log_hyperparams(self, *args, **kwargs):
            pass

    notebooks = []

    def factory():
        notebooks.append(Notebook())
        return notebooks[-1]

    fitted = model(logger=factory, early_stopping="ndcg@10").fit(likes())
    (notebook,) = notebooks
    assert notebook.rows == list(enumerate(fitted.history_.to_dict("records")))


def test_a_logger_by_name_writes_into_the_current_folder(workplace):
    fitted = model(logger="csv").fit(likes())
    (path,) = workplace.rglob("metrics.csv")
    np.testing.assert_allclose(pd.read_csv(path).train_loss, fitted.history_.train_loss, rtol=1e-6)


def test_verbose_1_shows_one_bar_on_stderr(capfd):
    model().fit(likes())
    capfd.readouterr()
    model(verbose=1, checkpoint_dir=None).fit(likes())
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and f"{N_EPOCHS * N_BATCHES}/{N_EPOCHS * N_BATCHES}" in err.split("\r")[-1]


def test_an_interrupted_bar_ends_its_line(capfd):
    with pytest.raises(KeyboardInterrupt):
        model(verbose=1, loss=failing(raising(KeyboardInterrupt()))).fit(likes())
    assert capfd.readouterr().err.endswith("\n")


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
    fitted = model(verbose=2, early_stopping="valid_loss", patience=30).fit(likes())
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == N_EPOCHS
    for line, row in zip(lines, fitted.history_.to_dict("records")):
        assert line.startswith(f"epoch {row['epoch']}") and f"valid_loss {row['valid_loss']:.5g}" in line


def test_history_has_the_documented_columns():
    history = model(early_stopping="ndcg@10").fit(likes()).history_
    figures = ["epoch", "train_loss", "pairwise_accuracy", "seconds", "valid_loss", "ndcg@10", "peak_memory_mb"]
    assert history.columns.tolist() == figures
    assert history.pairwise_accuracy.between(0, 1).all() and (history.seconds > 0).all()


def test_pairwise_accuracy_is_the_share_of_positives_above_unknown_items():
    blocks = Interactions.from_csr(np.kron(np.eye(2), np.ones((4, 4))))
    history = model(max_epochs=200, learning_rate=0.1).fit(blocks).history_
    assert history.pairwise_accuracy.iloc[0] < 0.9
    assert history.pairwise_accuracy.iloc[-1] == 1
    assert model(loss="mse").fit(ratings()).history_.pairwise_accuracy.isna().all()


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ("accelerator", "accumulate_grad_batches", "enable_checkpointing", "logger", "max_epochs"))
def test_trainer_must_not_contradict_a_parameter(name):
    with pytest.raises(ValueError, match=f"trainer must not hold '{name}': use the parameter"):
        model(trainer={name: 1}).fit(likes())


BAD = [
    ("loss", "hinge", ValueError),
    ("loss", None, ValueError),
    ("positive_from", "4", ValueError),
    ("positive_from", np.nan, ValueError),
    ("max_epochs", 0, ValueError),
    ("max_epochs", 2.5, TypeError),
    ("max_epochs", True, TypeError),
    ("batch_size", 0, ValueError),
    ("batch_size", "all", TypeError),
    ("learning_rate", 0, ValueError),
    ("learning_rate", np.inf, ValueError),
    ("learning_rate", "fast", TypeError),
    ("regularization", -0.1, ValueError),
    ("regularization", None, TypeError),
    ("weight_decay", -1, ValueError),
    ("weight_decay", [0.1], TypeError),
    ("optimizer", "lion", ValueError),
    ("lr_schedule", "linear", ValueError),
    ("cycle_len", 0, ValueError),
    ("cycle_len", 1.5, TypeError),
    ("cycle_mult", 0.5, ValueError),
    ("cycle_mult", "2", TypeError),
    ("accumulate_grad_batches", 0, ValueError),
    ("n_negatives", 0, ValueError),
    ("n_negatives", 1.0, TypeError),
    ("negatives", "hard", ValueError),
    ("early_stopping", "ndgc@10", ValueError),
    ("early_stopping", 3, ValueError),
    ("validation_fraction", 0, ValueError),
    ("validation_fraction", 1, ValueError),
    ("validation_fraction", "some", TypeError),
    ("patience", 0, ValueError),
    ("patience", None, TypeError),
    ("accelerator", "abacus", ValueError),
    ("logger", "diary", ValueError),
    ("checkpoint_dir", 3, TypeError),
    ("verbose", 3, ValueError),
    ("verbose", True, ValueError),
    ("random_state", "today", ValueError),
    ("random_state", -1, ValueError),
    ("trainer", [("precision", 32)], TypeError),
    ("trainer", {"devices": 2}, ValueError),
    ("trainer", {"gradient_clip_val": "a lot"}, (TypeError, ValueError)),
    ("trainer", {"gradient_clip_algorithm": "value"}, ValueError),
    ("n_factors", 0, ValueError),
    ("n_factors", 8.0, TypeError),
    ("dropout", 1, ValueError),
    ("dropout", -0.1, ValueError),
]
BAD_FOR_MF = [
    ("init_std", 0, ValueError),
    ("init_std", "small", TypeError),
    ("y_range", (1, 5), ValueError),  # with a ranking loss
]
BAD_FOR_NEUMF = [
    ("hidden", (), (TypeError, ValueError)),
    ("hidden", 64, TypeError),
    ("hidden", (64, 0), ValueError),
    ("hidden", (64.0,), TypeError),
    ("mlp_factors", 0, ValueError),
    ("pretrain", 1, TypeError),
]


@pytest.mark.parametrize(
    ("estimator", "name", "value", "error"),
    [(MFRecommender, *case) for case in BAD + BAD_FOR_MF] + [(NeuMFRecommender, *case) for case in BAD + BAD_FOR_NEUMF],
)
def test_a_bad_parameter_is_refused_by_name(estimator, name, value, error):
    with pytest.raises(error, match=name):
        estimator(**{name: value}).fit(likes())


@pytest.mark.parametrize("y_range", ((5, 1), (1, 1), (1,), 5, ("low", "high")))
def test_a_bad_rating_range_is_refused(y_range):
    with pytest.raises((TypeError, ValueError), match="y_range"):
        model(loss="mse", y_range=y_range).fit(ratings())


@pytest.mark.parametrize("loss", ("bpr", "warp"))
def test_losses_of_one_positive_cannot_take_the_whole_catalogue(loss):
    with pytest.raises(ValueError, match=f"negatives='all' needs .* got loss='{loss}'"):
        model(loss=loss, negatives="all").fit(likes())


def test_slates_need_impressions():
    with pytest.raises(ValueError, match=r"negatives='slate'.*impression"):
        model(negatives="slate").fit(likes())
