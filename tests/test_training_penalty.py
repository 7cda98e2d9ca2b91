"""The penalty of new users is the one that training puts on the trained users."""

import numpy as np
import pytest
import torch

from skrec import BPRRecommender, MFRecommender, MLPRecommender
from skrec.datasets import make_interactions
from skrec.engine.fold_in import Prior, learn_prior
from skrec.engine.fold_in._penalty import balanced_prior

WIDTH = 4
WIDE = Prior(torch.ones(WIDTH), 3 * torch.eye(WIDTH), (WIDTH,))


def some_users(n=200):
    rng = np.random.default_rng(0)
    return torch.tensor(rng.normal(size=(n, WIDTH)) * [3, 2, 1, 0.5]), torch.tensor(rng.integers(1, 300, n))


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_a_known_penalty_is_measured(exponent):
    states, n_events = some_users()
    prior = balanced_prior(WIDE, states, 2.5 * n_events[:, None] ** exponent * states, n_events)
    assert prior.exponent == exponent and prior.widths == WIDE.widths and not prior.mean.any()
    torch.testing.assert_close(torch.linalg.inv(prior.root @ prior.root.T), 2.5 * torch.eye(WIDTH))


def test_axes_with_larger_pulls_have_larger_penalties():
    states, n_events = some_users()
    pulls = states * torch.tensor([1.0, 1, 1, 9])
    prior = balanced_prior(WIDE, states, pulls, n_events)
    penalties = torch.linalg.inv(prior.root @ prior.root.T).diagonal()
    assert 1.0 <= penalties[0] < 1.2 and 2 < penalties[3] < 4  # between the common penalty and their own


@pytest.mark.parametrize("pull", [-1.0, 0.0, float("nan")])
def test_pulls_towards_zero_leave_a_small_penalty(pull):
    states, n_events = some_users()
    prior = balanced_prior(WIDE, states, pull * states, n_events)
    penalties = torch.linalg.inv(prior.root @ prior.root.T).diagonal()
    assert prior.root.isfinite().all() and (penalties > 0).all() and (penalties < 0.1).all()


def test_users_at_zero_and_few_users_have_a_finite_penalty():
    for states in (torch.zeros(5, WIDTH).double(), torch.ones(1, WIDTH).double()):
        assert balanced_prior(WIDE, states, states + 1, torch.ones(len(states))).root.isfinite().all()


PENALTIES = {
    "softmax": MFRecommender(positive_from=0, n_factors=8, regularization=1.0, max_epochs=30, random_state=0),
    "bpr": MFRecommender(positive_from=0, n_factors=8, loss="bpr", regularization=0.05, max_epochs=20, random_state=0),
    "bce": MFRecommender(
        positive_from=0, n_factors=8, loss="bce", n_negatives=4, regularization=0.05, max_epochs=20, random_state=0
    ),
}


@pytest.mark.parametrize("model", PENALTIES.values(), ids=PENALTIES)
def test_folded_in_users_have_the_lists_and_scores_of_trained_ones(model):
    events = make_interactions(200, 120, density=0.15, random_state=0).interactions
    model.fit(events)
    stored, folded = model.recommend(k=20).codes, model.recommend(events, k=20).codes
    assert np.mean([np.isin(own, other).mean() for own, other in zip(stored, folded)]) >= 0.9
    spreads = [scores.std(1) for scores in (model.score_items(), model.score_items(events))]
    assert 0.9 <= np.median(spreads[1] / spreads[0]) <= 1.1


@pytest.mark.parametrize(
    "model",
    [
        MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0),
        MFRecommender(positive_from=0, loss="bce", negatives="in_batch", n_factors=4, max_epochs=2, random_state=0),
        MLPRecommender(positive_from=0, n_factors=4, hidden_layer_sizes=(4,), max_epochs=2, random_state=0),
    ],
    ids=["ratings", "negatives of the minibatch", "layers"],
)
def test_other_models_have_the_distribution_of_the_trained_users(model):
    events = make_interactions(30, 20, density=0.3, random_state=0).interactions
    model.fit(events)
    expected = learn_prior([model.module_.encode(torch.arange(30))])
    assert model.prior_.exponent == 0
    torch.testing.assert_close(model.prior_.root, expected.root.detach())


def test_the_penalty_is_saved(tmp_path):
    from skrec import load

    events = make_interactions(60, 40, density=0.2, random_state=0).interactions
    for model in (PENALTIES["bpr"], BPRRecommender(positive_from=0, n_factors=4, max_epochs=3, random_state=0)):
        model.fit(events).save(tmp_path / "model.skrec", include_events=False)
        assert load(tmp_path / "model.skrec").prior_.exponent == model.prior_.exponent
