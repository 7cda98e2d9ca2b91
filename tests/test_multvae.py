"""Mult-VAE against its formulas in numpy: what it reads, draws, predicts and pays for."""

import numpy as np
import pytest
import torch
from small_models import N_ITEMS, N_USERS, likes, two_camps

from skrec import MultVAERecommender
from skrec.data import Interactions
from skrec.engine import RowBatches
from skrec.engine.losses._losses import LOSSES, batch_losses
from skrec.engine.networks._layers import build_seeded, set_generator
from skrec.engine.networks._multvae import MultVAE
from skrec.metrics import get_scorer
from skrec.model_selection import train_test_split

pytestmark = pytest.mark.usefixtures("one_thread")

N_FACTORS = 3
HIDDEN = [(6,), (7, 5)]


def model(**changes):
    settings = {"n_factors": N_FACTORS, "hidden_layer_sizes": (6,), "batch_size": 4, "max_epochs": 4, "random_state": 0}
    return MultVAERecommender(**settings | changes)


def network(*, hidden_layer_sizes=(6,), dropout=0.0, kl_weight=0.5, annealing=1):
    """A network of rows with weights, none of its numbers zero; and the rows."""
    values = np.random.default_rng(0).uniform(0.5, 2, 50)
    rows = likes().with_values(values.astype(np.float32)).to_csr()
    built = build_seeded(lambda: MultVAE(rows, N_FACTORS, hidden_layer_sizes, dropout, kl_weight, annealing), 0)
    generator = torch.Generator().manual_seed(1)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    return built, rows


def linear(layer, x):
    return x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()


def read(built, rows):
    """Mean and log-variance of the latent vector of some dense rows."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    table, bias = built.input_layer.table.weight.detach().double().numpy(), built.input_layer.bias.detach().double().numpy()
    x = (rows / np.where(lengths > 0, lengths, 1)) @ table + bias
    for layer in [layer for layer in built.encoder if isinstance(layer, torch.nn.Linear)]:
        x = linear(layer, np.tanh(x))
    return x[:, :N_FACTORS], x[:, N_FACTORS:]


def predict(built, latent):
    """Scores of all items."""
    for layer in [layer for layer in built.decoder if isinstance(layer, torch.nn.Linear)]:
        latent = np.tanh(linear(layer, latent))
    vectors, biases = (t.weight.detach().double().numpy() for t in (built.output_layer.vectors, built.output_layer.biases))
    return latent @ vectors.T + biases[:, 0]


def distance(mean, log_variance):
    """Kullback-Leibler divergence from the standard normal distribution, for each row."""
    return 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1)


USERS, ITEMS = torch.arange(N_USERS), torch.arange(N_ITEMS)[None]


# ---- outside training ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden_layer_sizes", HIDDEN)
def test_scores_are_decoded_from_the_mean(hidden_layer_sizes):
    built, rows = network(hidden_layer_sizes=hidden_layer_sizes, dropout=0.5)
    built.eval()
    mean, _ = read(built, rows.toarray())
    by_hand = predict(built, mean)
    np.testing.assert_allclose(built(USERS, ITEMS).detach(), by_hand, atol=1e-4)
    assert torch.equal(built(USERS, ITEMS), built(USERS, ITEMS))
    assert np.ptp(by_hand) > 1


def test_stored_scores_and_those_of_the_same_rows_anew_are_products_of_the_embeddings():
    fitted = model().fit(likes())
    product = fitted.user_embeddings_ @ fitted.item_embeddings_.T + fitted.item_biases_
    pairs = Interactions.from_arrays(*np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS))
    np.testing.assert_allclose(fitted.predict(pairs).reshape(N_USERS, N_ITEMS), product, atol=1e-5)
    np.testing.assert_allclose(fitted.predict(likes().to_csr()), product, atol=1e-5)
    assert fitted.user_embeddings_.shape == (N_USERS, 6) and fitted.item_embeddings_.shape == (N_ITEMS, 6)


def test_a_row_counts_by_its_direction():
    fitted = model().fit(likes())

    def vector(weights):
        return fitted.transform(Interactions.from_arrays([0] * 3, [2, 5, 7], weights=weights, n_users=1, n_items=N_ITEMS))

    np.testing.assert_allclose(vector([2, 2, 2]), vector(None), atol=1e-6)
    assert np.abs(vector([3, 1, 1]) - vector(None)).max() > 1e-4


# ---- in training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden_layer_sizes", HIDDEN)
def test_the_loss_is_minus_the_likelihood_of_the_row_plus_the_weighted_distance(hidden_layer_sizes):
    built, rows = network(hidden_layer_sizes=hidden_layer_sizes)
    built.train()
    set_generator(built, torch.Generator().manual_seed(5))
    (batch,) = RowBatches(rows, batch_size=100, negatives=None).epoch(torch.Generator())
    losses = batch_losses(built, LOSSES["softmax"], batch).detach()
    dense = rows.toarray()[batch.query.numpy()]
    mean, log_variance = read(built, dense)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(5)).numpy()
    scores = predict(built, mean + np.exp(log_variance / 2) * noise)
    log_likelihood = (dense * (scores - np.log(np.exp(scores).sum(1, keepdims=True)))).sum(1)
    np.testing.assert_allclose(losses, -log_likelihood + 0.5 * distance(mean, log_variance), rtol=1e-4)


@pytest.mark.parametrize(("annealing", "shares"), [(1, [1, 1, 1]), (2, [1 / 2, 1, 1]), (8, [1 / 8, 2 / 8, 3 / 8])])
def test_the_weight_of_the_distance_rises_by_minibatches_and_stays(annealing, shares):
    built, rows = network(kl_weight=0.5, annealing=annealing)
    set_generator(built, torch.Generator().manual_seed(0))
    by_hand = distance(*read(built, rows.toarray()))
    for share in shares:
        built.train()
        _, added = built(USERS, ITEMS)
        np.testing.assert_allclose(added.detach(), 0.5 * share * by_hand, rtol=1e-4)
        built.eval()
        built(USERS, ITEMS)  # asking for scores is no minibatch


@pytest.mark.parametrize(("kl_warmup_fraction", "n_minibatches"), [(0, 1), (0.25, 3), (0.5, 6), (2, 24)])
def test_the_warmup_is_a_fraction_of_all_epochs(kl_warmup_fraction, n_minibatches):
    assert len(np.unique(likes().users)) == 12  # three minibatches in each of four epochs
    fitted = model(kl_warmup_fraction=kl_warmup_fraction).fit(likes())
    assert fitted.module_.annealing == n_minibatches and int(fitted.module_.n_minibatches) == 12


def test_the_distance_draws_rows_towards_the_standard_normal_distribution():
    def mean_distance(kl_weight):
        warmup = {"kl_warmup_fraction": 0} if kl_weight else {}
        fitted = model(kl_weight=kl_weight, max_epochs=150, dropout=0, **warmup).fit(two_camps())
        return distance(*read(fitted.module_, two_camps().toarray())).mean()

    assert mean_distance(10.0) < 0.1 < 1 < mean_distance(0.0)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_noise_and_dropout_are_drawn_from_the_runs_own_generator(dropout):
    built, _ = network(dropout=dropout)
    built.train()

    def scores(seed):
        set_generator(built, torch.Generator().manual_seed(seed))
        return built(USERS, ITEMS)[0].detach()

    state = torch.get_rng_state()
    assert torch.equal(scores(0), scores(0))
    assert not torch.allclose(scores(0), scores(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_leaves_out_entries_of_the_row():
    (plain, _), (thinned, _) = network(), network(dropout=0.5)
    set_generator(thinned, torch.Generator().manual_seed(0))
    means = [built.train().posterior(built.rows(USERS))[0] for built in (plain, thinned)]
    assert not torch.allclose(*means)
    means = [built.eval().posterior(built.rows(USERS))[0] for built in (plain, thinned)]
    torch.testing.assert_close(*means)


def test_the_item_withheld_from_each_member_of_a_camp_is_recommended():
    settings = {"hidden_layer_sizes": (16,), "batch_size": None, "learning_rate": 0.02, "max_epochs": 150}
    fitted = model(**settings).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


def test_partial_fit_goes_on_with_the_full_weight_of_the_distance():
    fitted = model(max_epochs=40, learning_rate=0.02).fit(two_camps()[:10])
    before, n_minibatches = fitted.predict(two_camps()), int(fitted.module_.n_minibatches)
    fitted.set_params(learning_rate=1e-30).partial_fit(two_camps()[10:])
    assert fitted.n_users_ == 12 and n_minibatches >= fitted.module_.annealing
    assert int(fitted.module_.n_minibatches) > n_minibatches
    np.testing.assert_allclose(fitted.predict(two_camps()), before, atol=1e-4)


# ---- what is refused, and how well -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"n_factors": 0}, ValueError),
        ({"hidden_layer_sizes": ()}, TypeError),
        ({"hidden_layer_sizes": (6, 0)}, ValueError),
        ({"dropout": 1}, ValueError),
        ({"kl_weight": -0.1}, ValueError),
        ({"kl_weight": None}, TypeError),
        ({"kl_warmup_fraction": -0.1}, ValueError),
        ({"kl_warmup_fraction": "slow"}, TypeError),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_name(changes, error):
    with pytest.raises(error, match=next(iter(changes))):
        model(**changes).fit(likes())


@pytest.mark.parametrize("name", ["loss", "half_life", "optimizer", "weight_decay"])
def test_what_the_model_fixes_is_no_parameter(name):
    with pytest.raises(TypeError, match=f"MultVAERecommender: got an unexpected keyword argument '{name}'"):
        MultVAERecommender(**{name: None})
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}'"):
        model().set_params(**{name: None})


def test_movielens_is_ranked_well(movielens_100k):
    """EASE reaches .363 on this split, popularity .171."""
    train, test = train_test_split(movielens_100k.interactions, test_size=0.2, random_state=0)
    fitted = MultVAERecommender(n_factors=50, hidden_layer_sizes=(200,), positive_from=4, random_state=0).fit(train)
    assert get_scorer("ndcg@10", positive_from=4)(fitted, test) > 0.33
