"""AutoRec, of users' rows and of items' columns, against the paper's equations in numpy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import root_mean_squared_error
from small_models import N_ITEMS, N_USERS, likes, ratings, scores_of_all, two_camps

from skrec import AutoRecRecommender
from skrec.engine.networks._layers import set_generator

pytestmark = pytest.mark.usefixtures("one_thread")

SIDES = ("user", "item")
ACTIVATIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "identity": lambda x: x,
}


def model(**changes):
    settings = {"loss": "mse", "n_factors": 5, "batch_size": 4, "max_epochs": 5, "learning_rate": 0.02, "random_state": 0}
    return AutoRecRecommender(**settings | changes)


def by_the_paper(fitted, matrix, is_rated):
    """mean + f((ratings - mean) W + b) V + c, row by row: eq. 3, or eq. 2 on the transpose; (n_users, n_items)."""
    network, mean = fitted.module_, float(fitted.module_.mean)
    tables = (
        network.input_layer.table.weight,
        network.input_layer.bias,
        network.output_layer.vectors.weight,
        network.output_layer.biases.weight,
    )
    inward, bias, outward, biases = (tensor.detach().double().numpy() for tensor in tables)
    differences = np.where(is_rated, matrix - mean, 0)
    rows = differences if fitted.side == "user" else differences.T
    hidden = ACTIVATIONS[fitted.activation](rows @ inward + bias)
    predicted = mean + hidden @ outward.T + biases[:, 0]
    return predicted if fitted.side == "user" else predicted.T


# ---- what is predicted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("side", SIDES)
def test_predictions_are_those_of_the_papers_equations(side, activation):
    data = ratings()
    fitted = model(side=side, activation=activation).fit(data)
    is_rated = likes().to_csr().toarray() > 0
    by_hand = by_the_paper(fitted, data.to_csr().toarray(), is_rated)
    heard = is_rated.any(0)  # an item without a rating is predicted like all others together
    np.testing.assert_allclose(scores_of_all(fitted)[:, heard], by_hand[:, heard], atol=1e-5)
    assert float(fitted.module_.mean) == pytest.approx(data.values.mean())


@pytest.mark.parametrize("side", SIDES)
def test_rankings_read_ones_and_have_no_mean(side):
    fitted = model(loss="softmax", side=side).fit(likes())
    matrix = likes().to_csr().toarray()
    np.testing.assert_allclose(scores_of_all(fitted), by_the_paper(fitted, matrix, matrix > 0), atol=1e-5)
    assert float(fitted.module_.mean) == 0


@pytest.mark.parametrize("side", SIDES)
def test_embeddings_are_hidden_vectors_of_one_side_and_weights_of_the_other(side):
    fitted = model(loss="softmax", side=side).fit(likes())
    network, matrix = fitted.module_, likes().to_csr().toarray()
    rows = torch.tensor(matrix if side == "user" else matrix.T, dtype=torch.float32)
    hidden = torch.sigmoid(rows @ network.input_layer.table.weight + network.input_layer.bias).detach()
    parts = (hidden, network.output_layer.vectors.weight.detach())
    users, items = parts if side == "user" else parts[::-1]
    np.testing.assert_allclose(fitted.user_embeddings_, users, atol=1e-6)
    np.testing.assert_allclose(fitted.item_embeddings_, items, atol=1e-6)
    biases = network.output_layer.biases.weight.detach().numpy()
    np.testing.assert_array_equal(fitted.item_biases_, biases[:, 0] if side == "user" else np.zeros(N_ITEMS))


@pytest.mark.parametrize("side", SIDES)
def test_ratings_may_be_bounded(side):
    fitted = model(side=side, y_range=(2, 4), max_epochs=60, regularization=0).fit(ratings())
    scores = np.concatenate([scores_of_all(fitted), fitted.predict(ratings(seed=3).to_csr())])
    assert scores.min() >= 2 and scores.max() <= 4 and np.ptp(scores) > 1


@pytest.mark.parametrize("side", SIDES)
def test_dropout_leaves_out_entries_that_are_read_and_in_training_only(side):
    network = model(side=side, dropout=0.5).fit(ratings()).module_.train()
    set_generator(network, torch.Generator().manual_seed(0))
    users, items = torch.arange(N_USERS), torch.arange(N_ITEMS)[None]
    assert not torch.equal(network(users, items), network(users, items))
    network.eval()
    assert torch.equal(network(users, items), network(users, items))


# ---- what is learned from --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_the_loss_is_the_squared_error_of_what_was_rated_by_weight(side):
    weights = np.random.default_rng(0).uniform(0.2, 3, 50).astype(np.float32)
    data = replace(ratings(), weights=weights)
    fitted = model(side=side, batch_size=100, max_epochs=1, learning_rate=1e-12).fit(data)
    errors = scores_of_all(fitted)[data.users, data.items] - data.values
    assert fitted.train_loss_ == pytest.approx(np.average(errors**2, weights=weights), rel=1e-5)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("loss", ["mse", "softmax"])
def test_weights_of_events_change_what_is_learned(loss, side):
    data = ratings() if loss == "mse" else likes()
    weights = np.random.default_rng(0).uniform(0.2, 3, 50).astype(np.float32)
    plain, ones, weighted = (
        scores_of_all(model(loss=loss, side=side).fit(replace(data, weights=w)))
        for w in (None, np.ones(50, np.float32), weights)
    )
    np.testing.assert_allclose(ones, plain, atol=1e-5)
    assert np.abs(weighted - plain).max() > 1e-3


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("loss", ["mse", "softmax"])
def test_items_whose_events_all_weigh_nothing_do_not_spoil_the_rest(loss, side):
    data = ratings() if loss == "mse" else likes()
    weights = (data.items != 3).astype(np.float32)
    fitted = model(loss=loss, side=side, batch_size=1).fit(replace(data, weights=weights))
    assert np.isfinite(scores_of_all(fitted)).all()


@pytest.mark.parametrize("side", SIDES)
def test_a_likelihood_of_events_one_by_one_has_no_weights(side):
    with pytest.raises(
        ValueError, match="weights of events require loss='softmax' if whole rows are predicted, got loss='bce'"
    ):
        model(loss="bce", side=side).fit(replace(likes(), weights=np.full(50, 2, np.float32)))


@pytest.mark.parametrize("batch_size", [1, 11])
@pytest.mark.parametrize("side", SIDES)
def test_the_penalty_on_rows_shrinks_them_whatever_the_last_minibatch_holds(side, batch_size):
    def length(regularization):
        fitted = model(side=side, batch_size=batch_size, regularization=regularization, max_epochs=20).fit(ratings())
        return float(fitted.module_.output_layer.vectors.weight.detach().norm())

    assert length(1.0) < 0.85 * length(0.0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("loss", ["softmax", "bce"])
def test_the_item_withheld_from_each_member_of_a_camp_is_recommended(loss, side):
    fitted = model(loss=loss, side=side, batch_size=6, n_factors=8, max_epochs=150, weight_decay=0.1).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))
    for members in (np.arange(6), np.arange(6, 12)):  # as new users
        assert fitted.recommend(two_camps()[members], k=1).items[:, 0].tolist() == members.tolist()


@pytest.mark.parametrize("side", SIDES)
def test_the_likelihood_of_events_one_by_one_is_that_of_every_user_and_item(side):
    fitted = model(loss="bce", side=side, batch_size=100, max_epochs=1, learning_rate=1e-12).fit(likes())
    liked, scores = likes().to_csr().toarray(), scores_of_all(fitted).astype(float)
    heard = liked.any(0) if side == "item" else slice(None)  # there is no row of an item that nobody has
    losses = np.logaddexp(0, scores) - liked * scores
    assert fitted.train_loss_ == pytest.approx(losses[:, heard].sum(1).mean(), rel=1e-5)


# ---- new users -------------------------------------------------------------------------------------------------------


def test_rows_of_new_users_are_read_as_those_of_known_ones_are():
    data, others = ratings(), ratings(seed=5)
    fitted = model().fit(data)
    by_hand = by_the_paper(fitted, others.to_csr().toarray(), likes(seed=5).to_csr().toarray() > 0)
    np.testing.assert_allclose(fitted.predict(others.to_csr()), by_hand, atol=1e-5)
    np.testing.assert_allclose(fitted.predict(data.to_csr()), scores_of_all(fitted), atol=1e-5)


def test_columns_leave_a_ridge_regression_for_new_users():
    fitted, others = model(side="item", max_epochs=30).fit(ratings()), ratings(seed=5)
    root = fitted.prior_.root.double().numpy()
    precision, center = np.linalg.inv(root @ root.T), fitted.prior_.mean.double().numpy()
    features = np.column_stack([fitted.item_embeddings_, np.ones(N_ITEMS)]).astype(float)
    found = fitted.predict(others.to_csr())
    for user in range(N_USERS):
        mine = others.users == user
        known, targets = features[others.items[mine]], others.values[mine] - float(fitted.module_.mean)
        gram = known.T @ known / fitted.train_loss_ + precision
        solved = np.linalg.solve(gram, known.T @ targets / fitted.train_loss_ + precision @ center)
        np.testing.assert_allclose(found[user], float(fitted.module_.mean) + features @ solved, atol=1e-3)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("loss", ["mse", "softmax"])
def test_partial_fit_reads_what_is_new_and_keeps_what_was_learned(loss, side):
    data = ratings() if loss == "mse" else likes()
    matrix = data.to_csr()
    fitted = model(loss=loss, side=side, max_epochs=30).fit(matrix[:8])
    before, folded = scores_of_all(fitted), fitted.predict(matrix[8:])
    fitted.set_params(learning_rate=1e-30).partial_fit(matrix[8:])
    after = scores_of_all(fitted)
    assert after.shape == (N_USERS, N_ITEMS)
    np.testing.assert_allclose(after[:8], before, atol=1e-4)  # newcomers say nothing about items before they are trained
    np.testing.assert_allclose(after[8:], folded, atol=1e-3)


# ---- what is refused, and how well ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"side": "both"}, ValueError),
        ({"n_factors": 0}, ValueError),
        ({"n_factors": 5.0}, TypeError),
        ({"activation": "step"}, ValueError),
        ({"dropout": 1}, ValueError),
        ({"dropout": None}, TypeError),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_name(changes, error):
    with pytest.raises(error, match=next(iter(changes))):
        model(**changes).fit(ratings())


def test_ratings_of_movielens_are_predicted_better_than_published_svd(movielens_100k):
    """On u1 the means of users and items together have an RMSE of .977, Surprise's SVD .951."""
    train, test = movielens_100k.folds[0]
    data = movielens_100k.interactions
    settings = {"n_factors": 100, "weight_decay": 5, "learning_rate": 0.01, "max_epochs": 10, "random_state": 0}
    fitted = AutoRecRecommender(loss="mse", side="item", **settings).fit(data[train])
    assert root_mean_squared_error(data[test].values, fitted.predict(data[test]).clip(1, 5)) < 0.942
