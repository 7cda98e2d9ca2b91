"""Matrix factorisation with a temperature: scores are cosines; and the losses and negatives that go with them."""

from functools import partial

import numpy as np
import pytest
import torch
from small_models import scores_of_all, two_camps

from skrec import CosineContrastiveLoss, MFRecommender
from skrec.data import Interactions
from skrec.engine import DotProduct, build_seeded
from skrec.engine.networks._layers import set_generator

pytestmark = pytest.mark.usefixtures("one_thread")

LOSSES = ("softmax", "bpr", "warp", "ccl")
NEGATIVES = ("uniform", "popularity", "hard", "in_batch")
TEMPERATURE = 0.2


def model(**changes):
    settings = {"temperature": TEMPERATURE, "n_factors": 4, "max_epochs": 100, "learning_rate": 0.02, "random_state": 0}
    return MFRecommender(**settings | changes)


def for_cosines(loss):
    """Losses with a margin want cosines as they are; "ccl" takes no others."""
    return {"loss": loss, "temperature": {"ccl": None, "warp": 1}.get(loss, TEMPERATURE), "n_negatives": 4}


def network_of(temperature, **settings):
    build = partial(DotProduct, 5, 7, 3, std=1, user_bias=False, temperature=temperature, **settings)
    return build_seeded(build, 0)


@pytest.fixture(scope="module")
def fitted(one_thread):
    return model(max_epochs=20).fit(two_camps())


# ---- what a score is -------------------------------------------------------------------------------------------------


def test_a_score_is_the_cosine_over_the_temperature_and_a_bias(fitted):
    users, items = (table.weight.detach().numpy() for table in (fitted.module_.user_embeddings, fitted.module_.item_embeddings))
    lengths = np.outer(np.linalg.norm(users, axis=1), np.linalg.norm(items, axis=1))
    cosines, scores = users @ items.T / lengths, scores_of_all(fitted)
    np.testing.assert_allclose(scores, cosines / TEMPERATURE + fitted.item_biases_, atol=1e-5)
    assert np.abs(cosines).max() > 0.5
    assert np.abs(fitted.item_biases_).max() > 1e-3


def test_embeddings_are_vectors_whose_product_is_the_score_but_for_the_bias(fitted):
    products = fitted.user_embeddings_ @ fitted.item_embeddings_.T
    np.testing.assert_allclose(products + fitted.item_biases_, scores_of_all(fitted), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(fitted.item_embeddings_, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(fitted.user_embeddings_, axis=1), 1 / TEMPERATURE, rtol=1e-5)
    np.testing.assert_array_equal(fitted.transform([3, 0]), fitted.user_embeddings_[[3, 0]])


def test_scores_of_new_users_are_cosines_over_the_temperature_too(fitted):
    likes = two_camps()
    vectors, scores = fitted.transform(likes), fitted.predict(likes)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1 / TEMPERATURE, rtol=1e-5)
    np.testing.assert_allclose(scores, vectors @ fitted.item_embeddings_.T + fitted.item_biases_, atol=1e-5)
    assert np.abs(scores).max() > 0.5 / TEMPERATURE


def test_users_have_no_bias(fitted):
    assert fitted.user_biases_.tolist() == [0] * 12 and fitted.global_mean_ == 0


def test_how_long_a_vector_is_does_not_matter():
    network = network_of(0.5)
    users, items = torch.arange(5), torch.arange(7)[None]
    before = network(users, items)
    with torch.no_grad():
        network.user_embeddings.weight[2] *= 10
        network.item_embeddings.weight[3] *= 0.1
    torch.testing.assert_close(network(users, items), before)


def test_half_the_temperature_is_twice_the_score():
    warm, cold = network_of(0.5), network_of(0.25)
    users, items = torch.arange(5), torch.arange(7)[None]
    torch.testing.assert_close(cold(users, items), 2 * warm(users, items))


def test_a_network_of_cosines_scores_pairs_lists_and_shared_lists_alike():
    network = network_of(0.5)
    users, items = torch.tensor([0, 4, 2]), torch.arange(7)
    shared = network(users, items[None])
    torch.testing.assert_close(network(users, items.expand(3, 7)), shared)
    torch.testing.assert_close(torch.stack([network(users, item.expand(3)) for item in items], 1), shared)


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_item_withheld_from_each_member_of_a_camp_is_recommended(loss, negatives):
    likes = two_camps()
    settings = for_cosines(loss) | ({"n_negatives": 1} if negatives == "in_batch" else {})
    fitted = model(**settings, negatives=negatives).fit(likes)
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))
    folded_in = fitted.recommend(Interactions.from_csr(likes), k=1).items[:, 0]
    # between two equal camps the mean user, where fold-in begins, has hardly any direction: one stranger may go astray
    assert (folded_in == np.arange(12)).sum() >= 11


@pytest.mark.parametrize("loss", ["softmax", "bce"])
@pytest.mark.parametrize("temperature", [None, TEMPERATURE])
def test_so_it_is_with_the_whole_catalogue(loss, temperature):
    fitted = model(loss=loss, negatives="all", temperature=temperature).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))
    assert fitted.recommend(Interactions.from_csr(two_camps()), k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_hard_negatives_without_cosines_teach_it_too(loss):
    fitted = model(loss=loss, negatives="hard", n_negatives=4, temperature=None).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_hardest_of_several_negatives_is_another_lesson_than_all_of_them(loss):
    hard, uniform = (
        model(**for_cosines(loss), negatives=negatives, max_epochs=3).fit(two_camps()).item_embeddings_
        for negatives in ("hard", "uniform")
    )
    assert np.abs(hard - uniform).max() > 1e-3


def test_the_contrast_of_cosines_is_of_plain_cosines_whether_said_or_not():
    unsaid, said = (model(loss="ccl", temperature=temperature, max_epochs=5).fit(two_camps()) for temperature in (None, 1))
    np.testing.assert_array_equal(scores_of_all(unsaid), scores_of_all(said))
    assert 0.1 < np.abs(scores_of_all(unsaid)).max() <= 1 + 1e-5
    assert not unsaid.item_biases_.any()


def test_margin_and_weight_of_negatives_change_what_is_learned():
    def learn(**changes):
        return model(**for_cosines("ccl") | changes, max_epochs=5).fit(two_camps()).item_embeddings_

    standard = learn()
    np.testing.assert_array_equal(learn(loss=CosineContrastiveLoss(margin=0.5, negative_weight=10.0)), standard)
    for changes in ({"margin": 0.0}, {"negative_weight": 2.0}):
        assert np.abs(learn(loss=CosineContrastiveLoss(**changes)) - standard).max() > 1e-3


def test_partial_fit_goes_on_and_knows_the_newcomers():
    likes = two_camps()
    fitted = model(max_epochs=60).fit(likes[:10])
    before = fitted.user_embeddings_.copy()
    fitted.partial_fit(likes[10:])
    assert fitted.user_embeddings_.shape == (12, 4)
    np.testing.assert_allclose(np.linalg.norm(fitted.user_embeddings_, axis=1), 1 / TEMPERATURE, rtol=1e-5)
    cosines = (fitted.user_embeddings_[:10] * before).sum(1) * TEMPERATURE**2
    assert cosines.min() > 0.9
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


def test_newcomers_point_where_fold_in_says():
    likes = two_camps()
    fitted = model(max_epochs=60).fit(likes[:10])
    folded = fitted.transform(likes[10:])
    fitted.set_params(learning_rate=1e-30).partial_fit(likes[10:])
    placed = fitted.user_embeddings_[10:]
    np.testing.assert_allclose(placed, folded, atol=1e-4)


def test_dropout_acts_in_training_only():
    network = network_of(1.0, dropout=0.5)
    set_generator(network, torch.Generator().manual_seed(0))
    users, items = torch.arange(5), torch.arange(7)[None]
    assert not torch.equal(network(users, items), network(users, items))
    network.eval()
    assert torch.equal(network(users, items), network(users, items))


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0}, "temperature must be .* got 0"),
        ({"temperature": -1.0}, "temperature must be .* got -1.0"),
        ({"temperature": "cold"}, "temperature must be .* got 'cold'"),
        ({"loss": "mse"}, "temperature must be None for loss='mse', got 0.2"),
        ({"loss": CosineContrastiveLoss(margin=2)}, "margin must be .* got 2"),
        ({"loss": CosineContrastiveLoss(margin=-1.5)}, "margin must be .* got -1.5"),
        ({"loss": CosineContrastiveLoss(negative_weight=0)}, "negative_weight must be .* got 0"),
        ({"loss": "ccl"}, "temperature must be None or 1 for loss='ccl', got 0.2"),
        ({"loss": CosineContrastiveLoss()}, "temperature must be None or 1 for loss='ccl', got 0.2"),
        (
            {"loss": "ccl", "temperature": 1, "negatives": "all"},
            "loss must be 'softmax' or 'bce' for .* with negatives='all', since whole rows are predicted, got",
        ),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_name(changes, words):
    with pytest.raises((TypeError, ValueError), match=words):
        model(**changes).fit(two_camps())
