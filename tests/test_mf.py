"""Matrix factorisation, plain and neural: what the two models promise beyond what all recommenders do."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from scipy.sparse import csr_array
from scipy.special import expit, logit
from sklearn.metrics import r2_score
from small_models import two_camps
from torch import nn

from skrec import MFRecommender, MLPRecommender, NeuMFRecommender, TwoTowerRecommender
from skrec.data import Interactions
from skrec.engine import GMF, MLP, BranchNetwork, DotProduct
from skrec.metrics import get_scorer

LOSSES = ("softmax", "bpr", "bce", "warp")
MODELS = (MFRecommender, NeuMFRecommender)


def ratings(n_users=40, n_items=12, *, seed=0, noise=0.1):
    """Ratings around 3 from users' and items' biases and a taste of two factors; two thirds of them are kept."""
    rng = np.random.default_rng(seed)
    users, items = np.divmod(np.flatnonzero(rng.random(n_users * n_items) < 2 / 3), n_items)
    taste, nature = rng.normal(size=(n_users, 2)), rng.normal(size=(n_items, 2)) / 2
    kindness, quality = rng.normal(size=n_users) / 2, rng.normal(size=n_items) / 2
    values = 3 + kindness[users] + quality[items] + (taste[users] * nature[items]).sum(1)
    values += noise * rng.normal(size=len(users))
    return Interactions.from_arrays(users, items, values, n_users=n_users, n_items=n_items)


def rating_model(**changes):
    settings = {"loss": "mse", "n_factors": 4, "max_epochs": 30, "batch_size": 64, "learning_rate": 0.02}
    return MFRecommender(**settings | {"random_state": 0} | changes)


@pytest.fixture(scope="module")
def rated():
    return rating_model().fit(ratings())


def all_pairs(fitted):
    return np.divmod(np.arange(fitted.n_users_ * fitted.n_items_), fitted.n_items_)


def scores_of_all(fitted):
    """Stored users' scores of all items, (n_users, n_items)."""
    pairs = Interactions.from_arrays(*all_pairs(fitted))
    return fitted.predict(pairs).reshape(fitted.n_users_, fitted.n_items_)


# ---- what a score is made of -----------------------------------------------------------------------------------------


def test_a_rating_is_the_mean_and_two_biases_and_a_product(rated):
    product = rated.user_embeddings_ @ rated.item_embeddings_.T
    by_hand = rated.global_mean_ + rated.user_biases_[:, None] + rated.item_biases_ + product
    np.testing.assert_allclose(scores_of_all(rated), by_hand, atol=1e-5)
    assert rated.global_mean_ == pytest.approx(ratings().values.mean())
    assert np.ptp(rated.user_biases_) > 0.1 and np.ptp(rated.item_biases_) > 0.1


@pytest.mark.parametrize("loss", LOSSES)
def test_a_ranking_score_has_no_mean_and_no_bias_of_the_user(loss):
    fitted = MFRecommender(loss=loss, n_factors=3, max_epochs=3, random_state=0).fit(two_camps())
    by_hand = fitted.item_biases_ + fitted.user_embeddings_ @ fitted.item_embeddings_.T
    np.testing.assert_allclose(scores_of_all(fitted), by_hand, atol=1e-6)
    assert fitted.global_mean_ == 0 and not fitted.user_biases_.any()
    assert fitted.module_.user_biases is None


def test_a_bias_of_the_user_would_change_no_order():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        without = DotProduct(5, 30, 4, std=0.5, user_bias=False)
        with_bias = DotProduct(5, 30, 4, std=0.5, user_bias=True)
        with_bias.load_state_dict(without.state_dict(), strict=False)
        nn.init.normal_(with_bias.user_biases.weight)
    users, items = torch.arange(5), torch.arange(30)[None]
    assert not torch.allclose(with_bias(users, items), without(users, items))
    assert torch.equal(with_bias(users, items).argsort(1), without(users, items).argsort(1))


@pytest.mark.parametrize("y_range", [None, (0.5, 5.5)])
@pytest.mark.parametrize("biases", ["none", "item", "both", "auto"])
def test_biases_choose_the_terms_beside_the_product(biases, y_range):
    fitted = rating_model(biases=biases, y_range=y_range, max_epochs=3).fit(ratings())
    has_items, has_users = biases != "none", biases in ("both", "auto")
    assert [fitted.item_biases_.any(), fitted.user_biases_.any()] == [has_items, has_users]
    mean = ratings().values.mean() if has_items else 0
    assert fitted.global_mean_ == pytest.approx(mean)
    center = mean if y_range is None or not has_items else logit((mean - 0.5) / 5)
    sums = center + fitted.user_biases_[:, None] + fitted.item_biases_
    sums = sums + fitted.user_embeddings_ @ fitted.item_embeddings_.T
    expected = sums if y_range is None else 0.5 + 5 * expit(sums)
    np.testing.assert_allclose(scores_of_all(fitted), expected, atol=1e-5)
    new = fitted.predict(ratings().to_csr()[:2])  # fold-in has the same terms
    assert new.shape == (2, 12) and np.isfinite(new).all()


@pytest.mark.parametrize("estimator", [MFRecommender, MLPRecommender, NeuMFRecommender, TwoTowerRecommender])
def test_an_untrained_model_predicts_the_mean_within_its_range(estimator):
    skewed = ratings()._replace(values=np.clip(ratings().values + 2, 1, 5))
    fitted = estimator(loss="mse", y_range=(0, 5.5), max_epochs=1, learning_rate=1e-9, random_state=0).fit(skewed)
    np.testing.assert_allclose(fitted.predict(skewed), skewed.values.mean(), atol=0.3)


def test_a_mean_at_the_end_of_the_range_is_learned_from():
    highest = ratings()._replace(values=np.full(len(ratings()), 5.0))
    fitted = rating_model(y_range=(1, 5), max_epochs=20).fit(highest)
    assert np.isfinite(fitted.item_biases_).all()
    np.testing.assert_allclose(fitted.predict(highest), 5, atol=0.1)


def test_biases_of_a_loss_that_ranks_are_those_of_items_or_none():
    without = MFRecommender(biases="none", n_factors=3, max_epochs=3, random_state=0).fit(two_camps())
    assert without.module_.item_biases is None and not without.item_biases_.any()
    np.testing.assert_allclose(scores_of_all(without), without.user_embeddings_ @ without.item_embeddings_.T, atol=1e-6)
    with_both = MFRecommender(biases="both", n_factors=3, max_epochs=1)
    with pytest.raises(ValueError, match="biases must be 'auto', 'none' or 'item' for a loss that ranks, got 'both'"):
        with_both.fit(two_camps())
    with pytest.raises(ValueError, match="biases must be one of"):
        MFRecommender(biases=True).fit(two_camps())


@pytest.mark.parametrize("settings", [{"loss": "ccl"}, {"solver": "als"}])
def test_biases_have_no_effect_on_a_model_without_them(settings):
    with pytest.warns(UserWarning, match="biases='item' has no effect"):
        fitted = MFRecommender(biases="item", n_factors=3, max_epochs=1, **settings).fit(two_camps())
    assert fitted.module_.item_biases is None


def test_embeddings_have_the_documented_shapes(rated):
    assert rated.user_embeddings_.shape == (40, 4) and rated.item_embeddings_.shape == (12, 4)
    assert rated.user_biases_.shape == (40,) and rated.item_biases_.shape == (12,)
    for array in (rated.user_embeddings_, rated.item_embeddings_, rated.user_biases_, rated.item_biases_):
        assert array.dtype == np.float32
    assert isinstance(rated.global_mean_, float)
    np.testing.assert_array_equal(rated.transform([3, 0]), rated.user_embeddings_[[3, 0]])


def test_a_bounded_model_stays_within_its_range_and_reaches_for_the_ends():
    users, items = np.divmod(np.arange(80), 8)
    extreme = Interactions.from_arrays(users, items, np.where((users + items) % 2, 5.0, 1.0))
    bounded, free = (
        rating_model(y_range=y_range, learning_rate=0.3, max_epochs=60, lr_schedule=None, regularization=0).fit(extreme)
        for y_range in ((1.5, 4.5), None)
    )
    scores = scores_of_all(bounded)
    assert scores.min() >= 1.5 and scores.max() <= 4.5
    assert scores.min() < 1.6 and scores.max() > 4.4
    assert scores_of_all(free).min() < 1.5 and scores_of_all(free).max() > 4.5
    new = bounded.predict(extreme.to_csr())
    assert new.min() >= 1.5 and new.max() <= 4.5


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_the_item_withheld_from_each_member_of_a_camp_is_recommended(loss):
    fitted = MFRecommender(loss=loss, n_factors=4, max_epochs=200, learning_rate=0.02, random_state=0).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("negatives", ("uniform", "popularity", "in_batch", "all"))
def test_so_it_is_with_each_kind_of_negatives(negatives):
    settings = {"n_factors": 4, "max_epochs": 200, "learning_rate": 0.02, "random_state": 0}
    fitted = MFRecommender(negatives=negatives, **settings).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("loss", ("bce", "softmax", "bpr"))
def test_so_it_is_with_a_network(loss):
    settings = {"n_factors": 4, "hidden_layer_sizes": (8,), "max_epochs": 60, "learning_rate": 0.02, "random_state": 0}
    fitted = NeuMFRecommender(loss=loss, **settings).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("estimator", MODELS)
def test_held_out_ratings_are_predicted(estimator):
    data = ratings(100, 20)
    held_out = np.arange(len(data)) % 8 == 0
    fitted = estimator(
        loss="mse", n_factors=4, max_epochs=30, batch_size=128, learning_rate=0.03, regularization=1e-3, random_state=0
    ).fit(data[~held_out])
    assert fitted.score(data[held_out]) > 0.9


def test_a_repeated_rating_counts_by_its_latest_value():
    data = ratings()
    contradicted = Interactions.from_arrays(
        np.concatenate([data.users, data.users]),
        np.concatenate([data.items, data.items]),
        np.concatenate([6 - data.values, data.values]),
    )
    once = rating_model().fit(data)
    with pytest.warns(UserWarning, match=rf"^{len(data)} earlier ratings of the same user and item are left out"):
        twice = rating_model().fit(contradicted)
    np.testing.assert_array_equal(scores_of_all(once), scores_of_all(twice))


def shown_and_chosen(n_slates=400, seed=0):
    """Users of two kinds are shown five of twelve items and choose one of their kind; item 0 is always shown, never chosen."""
    rng = np.random.default_rng(seed)
    kinds, users = np.arange(12) % 2, rng.integers(0, 20, n_slates)
    items = np.array([np.append(rng.permutation(np.arange(1, 12))[:4], 0) for _ in range(n_slates)])
    liked = (kinds[items] == users[:, None] % 2) & (items > 0)
    chosen = np.arange(5) == liked.argmax(1)[:, None]
    has_choice = liked.any(1)
    return Interactions.from_arrays(
        users[has_choice].repeat(5),
        items[has_choice].ravel(),
        chosen[has_choice].astype(float).ravel(),
        impressions=np.arange(has_choice.sum()).repeat(5),
        n_items=12,
    )


@pytest.mark.parametrize("estimator", MODELS)
def test_slates_teach_what_is_chosen_among_what_is_shown(estimator):
    settings = {"loss": "softmax", "negatives": "slate", "n_factors": 4, "max_epochs": 60, "batch_size": 64}
    fitted = estimator(**settings, random_state=0).fit(shown_and_chosen())
    own_kind = np.arange(12) % 2 == np.arange(20)[:, None] % 2
    own_kind[:, 0] = False
    scores = scores_of_all(fitted)
    assert (np.where(own_kind, scores, np.inf).min(1) > np.where(own_kind, -np.inf, scores).max(1)).mean() > 0.9


def test_popularity_counts_what_was_chosen_not_what_was_shown():
    data = shown_and_chosen()
    fitted = MFRecommender(negatives="slate", max_epochs=1, random_state=0).fit(data)
    chosen = data[data.values > 0]
    n_users = [len(np.unique(chosen.users[chosen.items == item])) for item in range(12)]
    assert fitted.popularity_.tolist() == n_users and n_users[0] == 0


# ---- new users -------------------------------------------------------------------------------------------------------


def ridge_in_numpy(fitted, items, values):
    """A new user's vector and bias: least squares on what was rated, plus the distance from what trained users are like."""
    prior_mean, root = fitted.prior_.mean.double().numpy(), fitted.prior_.root.double().numpy()
    features = np.column_stack([fitted.item_embeddings_[items], np.ones(len(items))]).astype(float)
    targets = values - fitted.global_mean_ - fitted.item_biases_[items]
    precision = np.linalg.inv(root @ root.T)
    gram = features.T @ features / fitted.train_loss_ + precision
    return np.linalg.solve(gram, features.T @ targets / fitted.train_loss_ + precision @ prior_mean)


def test_folding_in_ratings_is_a_ridge_regression(rated):
    histories = ratings(8, 12, seed=5)
    found = rated.predict(histories.to_csr())
    for user in range(8):
        mine = histories.users == user
        solved = ridge_in_numpy(rated, histories.items[mine], histories.values[mine])
        by_hand = rated.global_mean_ + rated.item_biases_ + rated.item_embeddings_ @ solved[:-1] + solved[-1]
        np.testing.assert_allclose(found[user], by_hand, atol=1e-3)


def test_the_prior_of_new_users_is_centred_on_the_trained_ones(rated):
    np.testing.assert_allclose(rated.prior_.mean[:-1], rated.user_embeddings_.mean(0), atol=1e-6)
    np.testing.assert_allclose(rated.prior_.mean[-1], rated.user_biases_.mean(), atol=1e-6)
    nobody = rated.predict(csr_array((1, 12)))
    mean_user = rated.global_mean_ + rated.user_biases_.mean() + rated.item_biases_
    np.testing.assert_allclose(nobody[0], mean_user + rated.item_embeddings_ @ rated.user_embeddings_.mean(0), atol=1e-5)


def test_training_rows_folded_in_predict_about_what_the_stored_users_do(rated):
    assert np.corrcoef(rated.predict(ratings().to_csr()).ravel(), scores_of_all(rated).ravel())[0, 1] > 0.9


KINDS = [
    {"loss": "mse"},
    {"loss": "softmax"},
    {"loss": "softmax", "negatives": "in_batch"},
    {"loss": "bpr", "n_negatives": 3},
    {"loss": "bpr", "negatives": "in_batch"},
    {"loss": "bce", "negatives": "popularity"},
]


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [(estimator, kind) for estimator in MODELS for kind in KINDS] + [(MFRecommender, {"loss": "mse", "y_range": (0, 6)})],
)
def test_a_user_folded_in_among_others_is_as_if_alone(estimator, settings):
    data = ratings().with_values(np.ones(len(ratings()))) if settings["loss"] != "mse" else ratings()
    fitted = estimator(n_factors=4, max_epochs=10, random_state=0, **settings).fit(data)
    histories = data[data.users < 6].to_csr()[:7]  # the last one is empty
    together = fitted.predict(histories)
    for row in range(7):
        np.testing.assert_allclose(fitted.predict(histories[[row]])[0], together[row], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("negatives", ("uniform", "popularity", "in_batch"))
@pytest.mark.parametrize("loss", LOSSES)
def test_a_long_history_folded_in_ranks_as_the_stored_user_does(loss, negatives):
    rng = np.random.default_rng(0)
    taste = np.kron(np.eye(3), np.full((20, 40), 0.5)) + 0.03
    likes = csr_array((rng.random(taste.shape) < taste).astype(float))
    settings = {"n_factors": 8, "max_epochs": 30, "batch_size": 256, "init_std": 0.1, "random_state": 0}
    fitted = MFRecommender(loss=loss, negatives=negatives, **settings).fit(likes)
    stored, folded = fitted.recommend(k=10).codes, fitted.recommend(Interactions.from_csr(likes), k=10).codes
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(stored, folded)]) >= 0.6


def test_equal_ratings_leave_a_new_user_with_nothing_but_the_mean():
    events = Interactions.from_arrays(np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6), np.full(24, 3.0))
    for y_range in (None, (1, 5)):
        fitted = rating_model(y_range=y_range, max_epochs=60, regularization=0.5).fit(events)
        np.testing.assert_allclose(fitted.predict(events.to_csr()[:2]), 3, atol=0.1)


def test_ratings_are_not_learned_by_heart_unless_asked_for():
    noisy = ratings(n_users=100, n_items=30, noise=1.0)
    part = np.random.default_rng(1).random(len(noisy)) < 0.8
    train, held_out = noisy[part], noisy[~part]

    def error(**settings):
        fitted = rating_model(n_factors=32, **settings).fit(train)
        return np.mean((fitted.predict(held_out) - held_out.values) ** 2)

    assert error() < 0.9 * error(regularization=0)
    assert error(weight_decay=0.01) == error(weight_decay=0.01, regularization=0)


# ---- the network of NeuMF --------------------------------------------------------------------------------------------


def seeded(build):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def test_the_split_first_layer_is_one_over_both_embeddings_side_by_side():
    branch = seeded(lambda: MLP(5, 7, (3, 3), (8, 4)))
    whole = nn.Linear(6, 8)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([branch.of_user.weight, branch.of_item.weight], 1))
        whole.bias.copy_(branch.of_user.bias)
    users, items = torch.tensor([0, 4, 2]), torch.tensor([6, 6, 1])
    together = torch.cat([branch.users(users), branch.items(items)], 1)
    relu, _, second, *_ = branch.layers
    expected = second(relu(whole(together))).relu()
    torch.testing.assert_close(branch(branch.users(users), items, torch.eye(4)), expected)


@pytest.mark.parametrize("name", ("dot product", "bounded", "neumf"))
def test_a_network_scores_pairs_lists_and_shared_lists_alike(name):
    def build():
        if name == "neumf":
            return BranchNetwork([GMF(5, 7, 3), MLP(5, 7, (2, 2), (8, 4))])
        network = DotProduct(5, 7, 3, std=1, user_bias=True)
        network.y_range = torch.tensor([1.0, 5.0]) if name == "bounded" else None
        return network

    network = seeded(build).eval()
    users, items = torch.tensor([0, 4, 2]), torch.arange(7)
    shared = network(users, items[None])
    assert shared.shape == (3, 7)
    torch.testing.assert_close(network(users, items.expand(3, 7)), shared)
    torch.testing.assert_close(torch.stack([network(users, item.expand(3)) for item in items], 1), shared)
    torch.testing.assert_close(network.score(network.encode(users), items[None]), shared)


def test_pretraining_starts_from_equal_parts_of_both_trained_halves():
    starts, ends = [], []

    class Watched(NeuMFRecommender):
        def _run(self, network, *rest):
            starts.append(copy.deepcopy(network))
            device = super()._run(network, *rest)
            ends.append(copy.deepcopy(network))
            return device

    Watched(n_factors=3, hidden_layer_sizes=(6, 4), pretrain=True, max_epochs=5, random_state=0).fit(two_camps())
    users, items = torch.arange(12), torch.arange(12)[None]
    gmf, mlp, fused = ends[0], ends[1], starts[2]
    assert [len(network.branches) for network in (gmf, mlp, fused)] == [1, 1, 2]
    assert isinstance(gmf.branches[0], GMF) and isinstance(mlp.branches[0], MLP)
    torch.testing.assert_close(fused(users, items), (gmf(users, items) + mlp(users, items)) / 2)
    assert not torch.allclose(gmf(users, items), starts[0](users, items))
    assert not torch.allclose(ends[2](users, items), fused(users, items))


@pytest.mark.parametrize(("optimizer", "used"), [("auto", "sgd"), ("adam", "adam"), (torch.optim.AdamW, "AdamW")])
def test_after_pretraining_the_optimizer_is_plain_gradient_descent_unless_one_is_named(optimizer, used):
    fitted = NeuMFRecommender(
        n_factors=3, hidden_layer_sizes=(6,), pretrain=True, max_epochs=1, optimizer=optimizer, random_state=0
    )
    assert fitted.fit(two_camps()).optimizer_ == used
    assert fitted.pretrained_


def test_partial_fit_has_no_pretraining_and_uses_the_optimizer_of_other_models():
    fitted = NeuMFRecommender(n_factors=3, hidden_layer_sizes=(6,), pretrain=True, max_epochs=1, random_state=0)
    fitted.fit(two_camps()).partial_fit(two_camps()[:2])
    assert (fitted.optimizer_, fitted.pretrained_) == ("adam", False)
    assert fitted.fit(two_camps()).optimizer_ == "sgd"


def test_embeddings_of_neumf_are_those_of_both_paths_side_by_side():
    fitted = NeuMFRecommender(n_factors=3, mlp_factors=5, hidden_layer_sizes=(6,), max_epochs=1, random_state=0).fit(
        two_camps()
    )
    assert fitted.user_embeddings_.shape == fitted.item_embeddings_.shape == (12, 8)
    gmf, mlp = fitted.module_.branches
    np.testing.assert_array_equal(fitted.user_embeddings_[:, :3], gmf.users.weight.detach())
    np.testing.assert_array_equal(fitted.item_embeddings_[:, 3:], mlp.items.weight.detach())
    np.testing.assert_array_equal(fitted.transform([3, 0]), fitted.user_embeddings_[[3, 0]])


def test_mlp_factors_are_by_default_as_wide_as_the_first_layer():
    fitted = NeuMFRecommender(n_factors=3, hidden_layer_sizes=(6, 2), max_epochs=1, random_state=0).fit(two_camps())
    assert fitted.user_embeddings_.shape == (12, 3 + 6)


# ---- score, threads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", MODELS)
def test_score_is_r2_for_ratings(estimator):
    data = ratings()
    fitted = estimator(loss="mse", max_epochs=5, random_state=0).fit(data[::2])
    held_out = data[1::2]
    assert fitted.score(held_out) == pytest.approx(r2_score(held_out.values, fitted.predict(held_out)), abs=1e-5)


@pytest.mark.parametrize("estimator", MODELS)
def test_score_is_ndcg_for_rankings(estimator):
    data = ratings()
    fitted = estimator(positive_from=3, max_epochs=5, random_state=0).fit(data[::2])
    ndcg = get_scorer("ndcg@10", positive_from=3)(fitted, data[1::2])
    assert fitted.score(data[1::2]) == ndcg and 0 < ndcg < 1


@pytest.fixture
def restored_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize("estimator", MODELS)
@pytest.mark.parametrize("loss", ("softmax", "bce", "mse"))
def test_the_number_of_threads_does_not_change_the_scores(estimator, loss):
    data = ratings(100, 30)
    data = data if loss == "mse" else data.with_values(np.ones(len(data)))
    scores = []
    torch.set_num_threads(2)
    for n_jobs in (1, 2):
        with parallel_config(n_jobs=n_jobs):
            scores.append(scores_of_all(estimator(loss=loss, max_epochs=3, random_state=0).fit(data)))
    np.testing.assert_allclose(*scores, atol=1e-6)


# ---- penalties of ratings ----------------------------------------------------------------------------------------------


def many_and_few(*, seed=0, scale=1.0):
    """Ratings of users with two to forty items, from biases alone."""
    rng = np.random.default_rng(seed)
    n_of_users = np.repeat([2, 8, 40], 60)
    users = np.repeat(np.arange(180), n_of_users)
    items = np.concatenate([rng.permutation(60)[:n] for n in n_of_users])
    kindness, quality = rng.normal(size=180) / 2, rng.normal(size=60) / 2
    values = 3.5 + kindness[users] + quality[items] + 0.8 * rng.normal(size=len(users))
    return Interactions.from_arrays(users, items, scale * values, n_users=180, n_items=60), scale * kindness


def least_squares_biases(events, of_users, of_items):
    """Biases of users with the same penalty for each of them, by alternating least squares."""
    b, c, rest = np.zeros(events.n_users), np.zeros(events.n_items), events.values - events.values.mean()
    for _ in range(50):
        c = np.bincount(events.items, rest - b[events.users]) / (np.bincount(events.items) + of_items)
        b = np.bincount(events.users, rest - c[events.items]) / (np.bincount(events.users) + of_users)
    return b


def test_biases_of_ratings_are_those_of_a_normal_prior():
    events, kindness = many_and_few()
    fitted = MFRecommender(loss="mse", random_state=0).fit(events)
    by_squares = least_squares_biases(events, 0.8**2 / 0.5**2, 0.8**2 / 0.5**2)
    assert np.corrcoef(fitted.user_biases_, by_squares)[0, 1] > 0.98
    assert np.abs(fitted.user_biases_ - by_squares).mean() < 0.1
    assert np.square(fitted.user_biases_ - kindness).mean() < 1.1 * np.square(by_squares - kindness).mean()


def test_noise_is_not_fitted_by_vectors():
    events, _ = many_and_few()
    fitted = MFRecommender(loss="mse", random_state=0).fit(events)
    assert np.abs(fitted.user_embeddings_ @ fitted.item_embeddings_.T).mean() < 0.05


def test_the_default_penalty_of_ratings_depends_on_their_spread_and_number():
    events, _ = many_and_few()
    settings = {"loss": "mse", "max_epochs": 1, "random_state": 0}
    of_events = MFRecommender(**settings).fit(events).regularization_
    of_users, of_items = len(events) / events.n_users, len(events) / events.n_items
    assert of_events == pytest.approx(2 * events.values.std() / (of_users * of_items) ** 0.3)
    assert MFRecommender(**settings).fit(many_and_few(scale=2)[0]).regularization_ == pytest.approx(2 * of_events)
    assert MFRecommender(**settings, regularization=0.3).fit(events).regularization_ == 0.3
    assert MFRecommender(**settings, weight_decay=0.1).fit(events).regularization_ == 0
    np.testing.assert_array_equal(
        MFRecommender(**settings).fit(events).user_embeddings_,
        MFRecommender(**settings, regularization=of_events).fit(events).user_embeddings_,
    )


@pytest.mark.parametrize("values", [[3, 3, 3, 3], [1, 5, 1, 5]])
@pytest.mark.parametrize(
    ("users", "items"), [([0, 1, 2, 3], [0, 1, 2, 3]), ([0, 0, 0, 0], [0, 1, 2, 3]), ([0, 0, 1, 1], [0, 1, 0, 1])]
)
def test_few_or_equal_ratings_are_learned_from(users, items, values):
    events = Interactions.from_arrays(users, items, np.array(values, float))
    for y_range in (None, (0, 6)):
        fitted = MFRecommender(loss="mse", y_range=y_range, n_factors=2, max_epochs=3, random_state=0).fit(events)
        assert np.isfinite(fitted.predict(events)).all()


def test_small_data_of_ratings_have_small_minibatches():
    assert rating_model(batch_size=None, max_epochs=1).fit(ratings()).batch_size_ == 16
    events, _ = many_and_few()
    assert MFRecommender(loss="mse", max_epochs=1, random_state=0).fit(events).batch_size_ == len(events) // 100
    assert rating_model(batch_size=64, max_epochs=1).fit(events).batch_size_ == 64


def test_unknown_users_and_items_get_means():
    events, _ = many_and_few()
    events = events._replace(user_ids=np.arange(180), item_ids=np.arange(60))
    fitted = MFRecommender(loss="mse", random_state=0).fit(events)
    unknown_item = fitted.predict(pd.DataFrame({"user": np.arange(180), "item": 999}))
    np.testing.assert_allclose(unknown_item, fitted.global_mean_ + fitted.user_biases_, atol=0.25)
    unknown_user = fitted.predict(pd.DataFrame({"user": 999, "item": np.arange(60)}))
    np.testing.assert_allclose(unknown_user, fitted.global_mean_ + fitted.item_biases_, atol=0.25)
    assert fitted.predict(pd.DataFrame({"user": [999], "item": [999]})) == pytest.approx(fitted.global_mean_, abs=0.25)
