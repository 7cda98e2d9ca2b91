"""A network over embeddings, against one written in numpy; its widths, normalisation, dropout, and what it learns."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from sklearn.metrics import root_mean_squared_error
from small_models import N_ITEMS, N_USERS, likes, ratings

from skrec import MLPRecommender
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.engine import MLP, BranchNetwork, build_seeded
from skrec.engine.networks._layers import set_generator
from skrec.models._mlp import embedding_width

pytestmark = pytest.mark.usefixtures("one_thread")


def model(**changes):
    return MLPRecommender(
        **{"n_factors": 4, "hidden_layer_sizes": (6, 3), "max_epochs": 3, "batch_size": 16, "random_state": 0} | changes
    )


def pairs_of_all():
    return Interactions.from_arrays(*np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS))


def plain_forward(network, users, items):
    """What anybody would write: both embeddings side by side, through one layer after the other."""
    (branch,), weight = (
        network.branches,
        {name: tensor.detach().double().numpy() for name, tensor in network.state_dict().items()},
    )
    x = np.hstack([weight["branches.0.users.weight"][users], weight["branches.0.items.weight"][items]])
    first = np.hstack([weight["branches.0.of_user.weight"], weight["branches.0.of_item.weight"]])
    x = x @ first.T + weight["branches.0.of_user.bias"]
    for place, layer in enumerate(branch.layers):
        name = f"branches.0.layers.{place}."
        if isinstance(layer, torch.nn.ReLU):
            x = np.maximum(x, 0)
        elif isinstance(layer, torch.nn.BatchNorm1d):
            x = (x - weight[name + "running_mean"]) / np.sqrt(weight[name + "running_var"] + layer.eps)
            x = x * weight[name + "weight"] + weight[name + "bias"]
        elif isinstance(layer, torch.nn.Linear):
            x = x @ weight[name + "weight"].T + weight[name + "bias"]
    return (x @ weight["head.weight"].T + weight["head.bias"])[:, 0]


# ---- the score -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("hidden_layer_sizes", [(6,), (6, 3), (8, 6, 4)])
def test_a_score_is_a_plain_network_over_both_embeddings(hidden_layer_sizes, batch_norm):
    fitted = model(hidden_layer_sizes=hidden_layer_sizes, batch_norm=batch_norm, learning_rate=0.05).fit(likes())
    pairs = pairs_of_all()
    by_hand = plain_forward(fitted.module_, pairs.users, pairs.items)
    np.testing.assert_allclose(fitted.predict(pairs), by_hand, atol=1e-5)
    assert np.ptp(by_hand) > 0.01


@pytest.mark.parametrize("y_range", [None, (1, 5)])
def test_a_rating_is_moved_by_the_mean_or_squeezed_into_its_range(y_range):
    fitted = model(loss="mse", y_range=y_range).fit(ratings())
    pairs = pairs_of_all()
    plain = plain_forward(fitted.module_, pairs.users, pairs.items)
    mean = ratings().values.mean()
    by_hand = plain + mean if y_range is None else 1 + 4 * expit(plain + logit((mean - 1) / 4))
    np.testing.assert_allclose(fitted.predict(pairs), by_hand, atol=1e-5)


def test_bounded_ratings_stay_within_their_range():
    fitted = model(loss="mse", y_range=(2, 4), learning_rate=0.05, max_epochs=60).fit(ratings())
    scores = np.concatenate([fitted.predict(pairs_of_all()), fitted.predict(ratings(seed=3).to_csr()).ravel()])
    assert scores.min() >= 2 and scores.max() <= 4 and np.ptp(scores) > 1.5


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_score_of_a_pair_does_not_depend_on_those_beside_it(batch_norm):
    fitted = model(batch_norm=batch_norm, dropout=0.3, embedding_dropout=0.3).fit(likes())
    pairs = pairs_of_all()
    together, alone = fitted.predict(pairs), [fitted.predict(pairs[[place]])[0] for place in (0, 7, 50)]
    np.testing.assert_allclose(alone, together[[0, 7, 50]], atol=1e-6)
    np.testing.assert_array_equal(fitted.predict(pairs), together)


# ---- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"embedding_dropout": 0.5}], ids=str)
def test_dropout_acts_in_training_only(settings):
    network = build_seeded(lambda: BranchNetwork([MLP(5, 7, (3, 3), (16,), **settings)]), 0)
    set_generator(network, torch.Generator().manual_seed(0))
    users, items = torch.arange(5), torch.arange(5)
    assert not torch.equal(network(users, items), network(users, items))
    network.eval()
    assert torch.equal(network(users, items), network(users, items))


@pytest.mark.parametrize("side", ["users", "items"])
def test_embeddings_of_both_sides_are_dropped(side):
    branch = build_seeded(lambda: MLP(50, 50, (3, 3), (8,), embedding_dropout=0.5), 0)
    other = {"users": branch.items, "items": branch.users}[side]
    torch.nn.init.zeros_(other.weight)
    set_generator(branch, torch.Generator().manual_seed(0))
    everybody = torch.arange(50)
    thinned = branch(branch.users(everybody), everybody, torch.eye(8))
    assert not torch.equal(thinned, branch.eval()(branch.users(everybody), everybody, torch.eye(8)))


def test_normalisation_is_over_all_pairs_of_a_minibatch():
    branch = build_seeded(lambda: MLP(5, 7, (3, 3), (8,), batch_norm=True), 0)
    torch.nn.init.normal_(branch.users.weight, std=3, generator=torch.Generator().manual_seed(0))
    normalised = branch.layers[:2](
        branch.of_user(branch.users(torch.arange(5)))[:, None] + branch.of_item(branch.items.weight[:4])
    )
    assert normalised.shape == (5, 4, 8)
    flat = normalised.detach().flatten(0, 1)
    torch.testing.assert_close(flat.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    is_constant = flat.std(0) < 1e-6
    torch.testing.assert_close(
        flat.var(0, unbiased=False)[~is_constant], torch.ones(int((~is_constant).sum())), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("loss", ["mse", "bce"])
@pytest.mark.parametrize("batch_size", [1, 49])
def test_one_event_left_for_the_last_minibatch_is_normalised_too(loss, batch_size):
    data = ratings() if loss == "mse" else likes()
    fitted = model(loss=loss, batch_norm=True, batch_size=batch_size).fit(data)
    assert np.isfinite(fitted.history_.train_loss).all() and np.isfinite(fitted.predict(data)).all()


@pytest.mark.parametrize(
    "changes", [{"batch_norm": True}, {"dropout": 0.4}, {"embedding_dropout": 0.4}, {"hidden_layer_sizes": (6, 4)}]
)
def test_each_parameter_of_the_network_changes_what_is_learned(changes):
    assert not np.allclose(model(**changes).fit(likes()).predict(likes()), model().fit(likes()).predict(likes()), atol=1e-5)


# ---- widths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "width"), [(1, 2), (944, 74), (1635, 101), (39_000, 596), (40_000, 600), (10**7, 600)])
def test_widths_grow_more_slowly_than_what_is_embedded(n, width):
    assert embedding_width(n) == width


def test_embeddings_have_a_width_for_users_and_one_for_items():
    fitted = model(n_factors=None).fit(likes())
    assert fitted.embedding_widths_ == (embedding_width(N_USERS), embedding_width(N_ITEMS)) == (6, 5)
    assert fitted.user_embeddings_.shape == (N_USERS, 6) and fitted.item_embeddings_.shape == (N_ITEMS, 5)
    np.testing.assert_array_equal(fitted.transform([3, 0]), fitted.user_embeddings_[[3, 0]])
    assert fitted.transform([]).shape == (0, 6) and fitted.transform(likes().to_csr()).shape == (N_USERS, 6)
    assert model(n_factors=3).fit(likes()).embedding_widths_ == (3, 3)


def test_partial_fit_keeps_the_widths_and_a_new_fit_chooses_them_again():
    larger = make_interactions(60, 40, density=0.2, random_state=0).interactions.to_csr(duplicates="any")
    fitted = model(n_factors=None).fit(larger[:10])
    widths = fitted.embedding_widths_
    fitted.partial_fit(larger[10:])
    assert fitted.embedding_widths_ == widths == (embedding_width(10), embedding_width(40))
    assert fitted.user_embeddings_.shape == (60, widths[0])
    assert fitted.fit(larger).embedding_widths_ == (embedding_width(60), widths[1])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"n_factors": 0}, ValueError),
        ({"n_factors": 4.0}, TypeError),
        ({"hidden_layer_sizes": ()}, TypeError),
        ({"hidden_layer_sizes": 64}, TypeError),
        ({"hidden_layer_sizes": (8, 0)}, ValueError),
        ({"dropout": 1}, ValueError),
        ({"embedding_dropout": 1}, ValueError),
        ({"embedding_dropout": "much"}, TypeError),
        ({"batch_norm": 1}, TypeError),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_name(changes, error):
    with pytest.raises(error, match=next(iter(changes))):
        model(**changes).fit(likes())


# ---- how well --------------------------------------------------------------------------------------------------------


def test_what_is_no_product_is_learned():
    """Ratings that are high where the groups of user and item are equal, of three groups: a bias says nothing of them."""
    users, items = np.divmod(np.arange(60 * 45), 45)
    data = Interactions.from_arrays(users, items, np.where(users % 3 == items % 3, 5.0, 2.0))
    held_out = np.random.default_rng(0).random(len(data)) < 0.2
    settings = {
        "loss": "mse",
        "n_factors": 8,
        "hidden_layer_sizes": (16,),
        "max_epochs": 30,
        "batch_size": 128,
        "learning_rate": 0.02,
    }
    assert model(**settings).fit(data[~held_out]).score(data[held_out]) > 0.95


def test_ratings_of_movielens_are_predicted_better_than_by_means_of_users_and_items(movielens_100k):
    """These means together have an RMSE of .977 on u1, Surprise's SVD .951."""
    train, test = movielens_100k.folds[0]
    data = movielens_100k.interactions
    fitted = MLPRecommender(
        loss="mse",
        y_range=(0, 5.5),
        hidden_layer_sizes=(64,),
        dropout=0.2,
        embedding_dropout=0.2,
        batch_size=512,
        max_epochs=4,
        learning_rate=3e-3,
        weight_decay=1,
        random_state=0,
    ).fit(data[train])
    assert fitted.embedding_widths_ == (74, 102)
    assert root_mean_squared_error(data[test].values, fitted.predict(data[test]).clip(1, 5)) < 0.953
