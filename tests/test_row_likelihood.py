"""The softmax of products with the whole catalogue, without the scores: equal to the one that has them."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec import MFRecommender, NewsRecommender, TwoTowerRecommender, all_estimators
from skrec.data import Interactions
from skrec.engine import DotProduct, Factors, RowTable, TorchRecommender
from skrec.engine.batches._batches import Batch
from skrec.engine.losses import _row_likelihood
from skrec.engine.losses._losses import batch_losses, softmax, total_loss
from skrec.engine.losses._row_likelihood import row_likelihood
from skrec.engine.networks._layers import set_generator

N_USERS, N_ITEMS, WIDTH = 23, 17, 5


def random_target(*, weighted=False, seed=0):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((N_USERS, N_ITEMS), density=0.2, random_state=rng, format="csr").astype(np.float32)
    matrix.data[:] = rng.random(matrix.nnz) + 0.5 if weighted else 1
    return RowTable(matrix)(torch.arange(N_USERS)), torch.tensor(matrix.toarray())


def random_factors(*, dtype=torch.float32, scale=1.0, biased=True):
    generator = torch.Generator().manual_seed(1)
    shapes = [(N_USERS, WIDTH), (1, N_ITEMS, WIDTH), (1, N_ITEMS)][: 2 + biased]
    return Factors(*[(scale * torch.randn(shape, generator=generator)).to(dtype).requires_grad_() for shape in shapes])


def by_scores(factors, dense):
    scores = factors.users @ factors.items[0].T + (0 if factors.biases is None else factors.biases)
    return softmax(scores, dense.to(scores.dtype)).sum()


def gradients(loss, factors):
    parts = [part for part in factors if part is not None and part.requires_grad]
    return torch.autograd.grad(3 * loss, parts)  # what comes from above is passed on


@pytest.mark.parametrize("floats", [1, 9 * N_ITEMS, 2**21], ids=["as many examples at once as factors", "nine", "all"])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_loss_and_gradients_are_those_of_the_scores(floats, biased, weighted, monkeypatch):
    monkeypatch.setattr(_row_likelihood, "_FLOATS_ON_CPU", floats)
    (target, dense), factors = random_target(weighted=weighted), random_factors(biased=biased)
    found, expected = row_likelihood(factors, target), by_scores(factors, dense)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(gradients(found, factors), gradients(expected, factors), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_gradients_are_the_slopes_of_the_loss():
    (target, _), factors = random_target(weighted=True), random_factors(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *parts: row_likelihood(Factors(*parts), target), factors[:3])


def test_scores_in_the_hundreds_do_not_overflow():
    (target, dense), factors = random_target(), random_factors(scale=30)
    found = row_likelihood(factors, target)
    torch.testing.assert_close(found, by_scores(factors, dense))
    assert all(part.isfinite().all() for part in gradients(found, factors))


def test_what_is_frozen_gets_no_gradient():
    (target, dense), factors = random_target(), random_factors()
    factors = factors._replace(items=factors.items.detach(), biases=factors.biases.detach())
    found = row_likelihood(factors, target)
    torch.testing.assert_close(gradients(found, factors), gradients(by_scores(factors, dense), factors))
    with torch.no_grad():
        assert row_likelihood(factors, target) == found


def test_low_precision_outside_does_not_cost_digits():
    (target, dense), factors = random_target(), random_factors()
    with torch.autocast("cpu", torch.bfloat16):
        found = row_likelihood(factors, target)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, by_scores(factors, dense))


def test_an_example_that_chose_nothing_says_nothing():
    empty = RowTable(sp.csr_array((N_USERS, N_ITEMS), dtype=np.float32))(torch.arange(N_USERS))
    factors = random_factors()
    found = row_likelihood(factors, empty)
    assert found == 0
    assert all((part == 0).all() for part in gradients(found, factors))


def likes(*, weights=None):
    rng = np.random.default_rng(2)
    users, items = (part.ravel() for part in np.nonzero(rng.random((N_USERS, N_ITEMS)) < 0.3))
    weights = rng.random(len(users)) + 0.5 if weights else None
    return Interactions.from_arrays(
        users, items, timestamps=np.arange(len(users)), weights=weights, n_users=N_USERS, n_items=N_ITEMS
    )


def takes_whole_catalogue(estimator):
    return issubclass(estimator, TorchRecommender) and estimator is not NewsRecommender


MODELS = [estimator() for estimator in all_estimators() if takes_whole_catalogue(estimator)]
VARIANTS = [MFRecommender(dropout=0.3), MFRecommender(temperature=0.2), TwoTowerRecommender(temperature=0.2)]


@pytest.mark.parametrize("weights", [False, True], ids=["plain", "weights"])
@pytest.mark.parametrize("model", [*MODELS, *VARIANTS], ids=repr)
def test_the_short_way_gives_every_network_the_loss_and_gradients_of_its_scores(model, weights):
    wanted = {"negatives": "all", "loss": "softmax", "max_epochs": 1, "random_state": 0}
    model.set_params(**{name: value for name, value in wanted.items() if name in model.get_params()})
    model.fit(likes(weights=weights))
    network, examples = model.module_, model.objective_.examples(model.events_)
    for training in (True, False):
        network.train(training)
        for batch in model.objective_.batches(examples, examples).epoch(torch.Generator().manual_seed(0)):
            found = []
            for way in (total_loss, lambda *arguments: batch_losses(*arguments).sum()):
                set_generator(network, torch.Generator().manual_seed(0))  # the same dropout
                network.zero_grad()
                loss = way(network, softmax, batch)
                if loss.requires_grad:
                    loss.backward()
                found.append([loss.detach()] + [p.grad.clone() for p in network.parameters() if p.grad is not None])
                if hasattr(network, "n_minibatches"):
                    network.n_minibatches.zero_()
            for ours, theirs in zip(*found, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_network_with_a_score_of_its_own_is_trained_by_it():
    class Doubled(DotProduct):
        has_factors = False

        def score(self, state, items):
            return 2 * super().score(state, items)

    network = Doubled(N_USERS, N_ITEMS, WIDTH, std=1, user_bias=False)
    target, dense = random_target()
    users, everything = torch.arange(N_USERS), torch.arange(N_ITEMS)[None]
    expected = softmax(network(users, everything), dense).sum()
    torch.testing.assert_close(total_loss(network, softmax, Batch(users, everything, target)), expected)
