"""Training through Lightning: the same as a plain loop, by the seed and the weights of events."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from math import ceil

import numpy as np
import pytest
import torch
from small_models import BATCH_SIZE, N_BATCHES, N_EPOCHS, close, likes, model, ratings, same, weights_of
from training_references import new_network, plain_loop

from skrec import CosineRestarts
from skrec.engine.batches._batches import PairBatches, RowBatches
from skrec.engine.batches._negatives import UniformNegatives
from skrec.engine.losses._losses import LOSSES, bpr, softmax
from skrec.engine.training._schedules import Rate, cosine, one_cycle


def pair_batches(events, batch_size=BATCH_SIZE):
    return PairBatches(events, batch_size=batch_size, negatives=UniformNegatives(events))


@pytest.fixture(params=(1, 3, 16))
def chunk(request, monkeypatch):
    """How many minibatches Lightning sees as one: 7 in an epoch make seven chunks, three of which one is partial, or one."""
    from skrec.engine.training._lightning import Training

    monkeypatch.setitem(Training.__init__.__kwdefaults__, "chunk", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("group", (1, 3, 4))
def test_fit_gives_the_weights_of_a_plain_loop(group):
    events = likes()
    fitted = model(trainer={"accumulate_grad_batches": group}).fit(events)
    network = new_network(fitted.seed_)
    losses = plain_loop(network, pair_batches(events), bpr, seed=fitted.seed_, group=group)
    assert close(weights_of(fitted), network.parameters())
    assert fitted.history_.epoch.tolist() == [0, 1, 2]
    np.testing.assert_allclose(fitted.history_.train_loss, losses, rtol=1e-5)


def test_several_chunks_in_an_epoch_give_the_weights_of_a_plain_loop():
    events = likes()
    fitted = model(batch_size=1, optimizer="adam").fit(events)  # 50 minibatches: three chunks of 16 and one of 2
    network = new_network(fitted.seed_)
    plain_loop(network, pair_batches(events, batch_size=1), bpr, seed=fitted.seed_)
    assert close(weights_of(fitted), network.parameters())


def test_whole_rows_are_trained_on_like_that_too():
    events = likes()
    by_scores = model(loss=partial(softmax), negatives="all", batch_size=5).fit(events)
    network = new_network(by_scores.seed_)
    rows = RowBatches(events.to_csr(), batch_size=5, negatives=UniformNegatives(events))
    plain_loop(network, rows, softmax, seed=by_scores.seed_)
    assert same(weights_of(by_scores), network.parameters())
    by_factors = model(loss="softmax", batch_size=5).fit(events)  # the same sums in another order
    for ours, theirs in zip(weights_of(by_factors), weights_of(by_scores), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_ratings_are_trained_on_like_that_too():
    events = ratings()
    fitted = model(loss="mse", regularization=0).fit(events)
    network = new_network(fitted.seed_, mean=0.0)
    fitted.objective_.initialize(network, events)
    plain_loop(network, PairBatches(events, batch_size=BATCH_SIZE, negatives=None), LOSSES["mse"], seed=fitted.seed_)
    assert close(weights_of(fitted), network.parameters())


def test_gradients_are_clipped_as_in_a_plain_loop():
    events = likes()
    fitted = model(trainer={"gradient_clip_val": 0.01}).fit(events)
    network = new_network(fitted.seed_)
    plain_loop(network, pair_batches(events), bpr, seed=fitted.seed_, clip=0.01)
    assert close(weights_of(fitted), network.parameters())
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


RESTARTS = CosineRestarts(cycle_mult=2)


def falling(epochs):
    """A schedule that is given as a function of the number of epochs so far."""
    return 1 / (1 + epochs)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("group", (1, 3, 4))
@pytest.mark.parametrize(
    ("changes", "schedule"),
    [
        ({"lr_schedule": "one_cycle"}, lambda epoch: one_cycle(N_EPOCHS * epoch)),
        ({"lr_schedule": "cosine"}, lambda epoch: cosine(N_EPOCHS * epoch)),
        ({"lr_schedule": RESTARTS}, lambda epoch: lambda step: Rate(RESTARTS(step / epoch))),
        ({"lr_schedule": falling}, lambda epoch: lambda step: Rate(falling(step / epoch))),
    ],
)
def test_every_step_has_the_rate_of_the_schedule(changes, schedule, group):
    rates = []

    class Recording(torch.optim.Adam):
        def step(self, closure=None):
            rates.append((self.param_groups[0]["lr"], self.param_groups[0]["betas"][0]))
            return super().step(closure)

    model(optimizer=Recording, trainer={"accumulate_grad_batches": group}, **changes).fit(likes())
    n_steps = ceil(N_BATCHES / group)
    expected = [schedule(n_steps)(step) for step in range(N_EPOCHS * n_steps)]
    assert rates == [(0.01 * rate.factor, rate.momentum or 0.9) for rate in expected]


def test_the_seed_decides_the_model():
    first, again, other = (model(random_state=seed).fit(likes()) for seed in (3, 3, 4))
    assert same(weights_of(first), weights_of(again))
    assert not same(weights_of(first), weights_of(other))
    assert same(weights_of(first), weights_of(first.fit(likes())))


@pytest.mark.parametrize(
    "negatives",
    ["uniform", "in_batch", "all", "slate"],
)
def test_weights_of_events_count(negatives):
    events, alternating = likes(), np.tile([1, 1, 5, 5, 1], 10).astype(np.float32)
    chosen = replace(events, values=np.tile([1, 0], 25).astype(np.float32), impressions=events.users)
    events = chosen if negatives == "slate" else events
    weighted = replace(events, weights=alternating)
    first, second = (model(negatives=negatives, loss="softmax").fit(data) for data in (events, weighted))
    assert not same(weights_of(first), weights_of(second))
