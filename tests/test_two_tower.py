"""Two towers: what features tell of users and items, with and without events."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from skrec import Interactions, TwoTowerRecommender, get_scorer
from skrec.engine import build_seeded

pytestmark = pytest.mark.usefixtures("one_thread")

N_USERS, N_FILMS = 24, 16
CAMP_OF_USER, CAMP_OF_FILM = np.arange(N_USERS) % 2, np.arange(N_FILMS) % 2
GENRES = pd.DataFrame(np.eye(2)[CAMP_OF_FILM], index=[f"film {i:02}" for i in range(N_FILMS)], columns=["horror", "comedy"])
AGES = pd.DataFrame(np.eye(2)[CAMP_OF_USER], index=[f"user {u:02}" for u in range(N_USERS)], columns=["young", "old"])
NEW_FILMS = pd.DataFrame(np.eye(2), index=["new horror", "new comedy"], columns=GENRES.columns)
NEW_USERS = pd.DataFrame(np.eye(2), index=["new young", "new old"], columns=AGES.columns)


def likes():
    """Users like most films of their own camp, and none of the other."""
    rng = np.random.default_rng(0)
    liked = (CAMP_OF_USER[:, None] == CAMP_OF_FILM) & (rng.random((N_USERS, N_FILMS)) < 0.7)
    users, films = np.nonzero(liked)
    return pd.DataFrame({"user": AGES.index[users], "item": GENRES.index[films]})


def two_tower(**changes):
    settings = {"n_factors": 8, "max_epochs": 25, "batch_size": 32, "learning_rate": 0.03, "random_state": 0}
    return TwoTowerRecommender(**settings | changes)


def everything(*, user_features=AGES, item_features=GENRES):
    return Interactions.from_frame(likes(), user_features=user_features, item_features=item_features)


@pytest.fixture(scope="module")
def fitted():
    """Fitted without the new films and users; not to be changed."""
    return two_tower().fit(everything())


def camps(answer):
    """The camps of films, by their labels."""
    horror = {*GENRES.index[CAMP_OF_FILM == 0], "new horror"}
    return [[0 if film in horror else 1 for film in films] for films in answer.labels]


# ---- the four cases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"negatives": "uniform", "n_negatives": 4},
        {"negatives": "popularity", "n_negatives": 4},
        {"negatives": "all", "batch_size": 8},
        {"loss": "bpr", "negatives": "uniform"},
        {"loss": "bce", "negatives": "uniform"},
        {"temperature": 0.2},
        {"hidden_layer_sizes": (16,), "dropout": 0.1},
        {"id_dropout": 0.0},
    ],
    ids=str,
)
def test_new_films_reach_the_users_of_their_camp(changes):
    model = two_tower(**changes).fit(everything(item_features=pd.concat([GENRES, NEW_FILMS])))
    answer = model.recommend(AGES.index, k=1, candidates=NEW_FILMS.index)
    assert np.ravel(camps(answer)).tolist() == CAMP_OF_USER.tolist()


def test_films_added_after_the_fit_are_ranked_and_change_nothing_else(fitted):
    model = pickle.loads(pickle.dumps(fitted))
    before = fitted.recommend(AGES.index, k=5, candidates=GENRES.index)
    model.partial_fit(Interactions.from_features(item_features=NEW_FILMS))
    answer = model.recommend(AGES.index, k=1, candidates=NEW_FILMS.index)
    assert np.ravel(camps(answer)).tolist() == CAMP_OF_USER.tolist()
    after = model.recommend(AGES.index, k=5, candidates=GENRES.index)
    assert after.items.tolist() == before.items.tolist()
    np.testing.assert_allclose(after.scores, before.scores, rtol=1e-5)


def test_new_users_get_the_films_of_their_camp(fitted):
    answer = fitted.recommend(Interactions.from_features(user_features=NEW_USERS), k=4)
    assert answer.users.tolist() == ["new old", "new young"]
    assert camps(answer) == [[1] * 4, [0] * 4]


def test_new_users_get_new_films(fitted):
    model = pickle.loads(pickle.dumps(fitted))
    model.partial_fit(Interactions.from_features(user_features=NEW_USERS, item_features=NEW_FILMS))
    answer = model.recommend(NEW_USERS.index, k=1, candidates=NEW_FILMS.index)
    assert answer.items.tolist() == [["new horror"], ["new comedy"]]
    audience = model.recommend_users(["new horror"], k=1 + N_USERS // 2).labels[0]
    assert set(audience) == {"new young", *AGES.index[CAMP_OF_USER == 0]}
    pairs = pd.DataFrame({"user": ["new young", "new young"], "item": ["new horror", "new comedy"]})
    horror, comedy = model.predict(pairs)
    assert horror > comedy


def test_users_known_by_features_alone_answer_alike_known_or_not(fitted):
    model = pickle.loads(pickle.dumps(fitted)).partial_fit(Interactions.from_features(user_features=NEW_USERS))
    known = model.recommend(NEW_USERS.index.sort_values(), k=8)
    strangers = model.recommend(Interactions.from_features(user_features=NEW_USERS), k=8)
    assert known.items.tolist() == strangers.items.tolist()
    np.testing.assert_allclose(known.scores, strangers.scores, rtol=1e-5)


def test_events_of_new_users_are_predicted_by_who_they_are(fitted):
    films = GENRES.index[[0, -1, 1]]
    pairs = pd.DataFrame({"user": np.repeat(NEW_USERS.index, 3), "item": [*films, *films]})
    told = fitted.predict(Interactions.from_frame(pairs, user_features=NEW_USERS)).reshape(2, 3)
    listed = fitted.recommend(Interactions.from_features(user_features=NEW_USERS), k=len(GENRES))
    for row, (labels, scores) in enumerate(zip(listed.items, listed.scores)):
        expected = dict(zip(labels, scores))
        user = NEW_USERS.index.get_loc(listed.users[row])
        np.testing.assert_allclose(told[user], [expected[film] for film in films], rtol=1e-5)
    unknown = fitted.predict(pairs).reshape(2, 3)  # without features, what is popular
    np.testing.assert_array_equal(unknown[0], unknown[1])


def test_what_a_new_user_did_counts_more_than_their_age(fitted):
    horror_fan = pd.DataFrame({"user": "new old", "item": GENRES.index[CAMP_OF_FILM == 0][:5]})
    answer = fitted.recommend(Interactions.from_frame(horror_fan, user_features=NEW_USERS.loc[["new old"]]), k=3)
    assert camps(answer) == [[0, 0, 0]]


def test_without_features_new_users_are_folded_in_or_get_what_is_popular(fitted):
    comedy_fan = pd.DataFrame({"user": "somebody", "item": GENRES.index[CAMP_OF_FILM == 1][:3]})
    assert camps(fitted.recommend(comedy_fan, k=3)) == [[1, 1, 1]]
    plain = two_tower().fit(everything(user_features=None))
    unknown = Interactions.from_features(user_features=NEW_USERS)
    most_popular = plain.item_ids_[np.argsort(-plain.popularity_, kind="stable")[:5]]
    assert plain.recommend(unknown, k=5).items.tolist() == [most_popular.tolist()] * 2


def test_films_are_similar_to_those_of_their_kind_before_anybody_has_touched_them():
    model = two_tower().fit(everything(item_features=pd.concat([GENRES, NEW_FILMS])))
    assert camps(model.similar_items(NEW_FILMS.index, k=5)) == [[0] * 5, [1] * 5]
    assert "new horror" in model.similar_items(GENRES.index[[0]], k=8).labels[0]


def test_users_are_similar_to_those_of_their_age():
    model = two_tower().fit(everything(user_features=pd.concat([AGES, NEW_USERS])))
    similar = model.similar_users(["new young"], k=5).labels[0]
    assert set(similar) <= set(AGES.index[CAMP_OF_USER == 0])


def test_a_new_film_learns_from_its_first_events(fitted):
    model = pickle.loads(pickle.dumps(fitted))
    model.partial_fit(Interactions.from_features(item_features=NEW_FILMS))
    comedy_lovers = AGES.index[CAMP_OF_USER == 1]
    seen = pd.DataFrame({"user": comedy_lovers[:8], "item": "new horror"})  # against its genre
    asked = pd.DataFrame({"user": comedy_lovers[8:], "item": "new horror"})
    before = model.predict(asked)
    model.partial_fit(Interactions.from_frame(seen, user_features=AGES, item_features=pd.concat([GENRES, NEW_FILMS])))
    assert (model.predict(asked) > before).all()


# ---- what the towers are -----------------------------------------------------------------------------------------------


def test_a_film_without_events_is_what_its_features_tell():
    model = two_tower().fit(everything(item_features=pd.concat([GENRES, NEW_FILMS])))
    codes = model.vocabulary_.item_codes(NEW_FILMS.index, name="items")
    reader = model.module_.items.reader
    told = NEW_FILMS.to_numpy(np.float32) @ reader.weight.detach().numpy() + reader.bias.detach().numpy()
    np.testing.assert_allclose(model.item_embeddings_[codes], told, rtol=1e-5)


@pytest.mark.parametrize("negatives", ["in_batch", "uniform", "all"])
def test_films_that_nobody_could_choose_take_no_part_in_training(negatives):
    western = pd.DataFrame([[0, 0, 1.0]], index=["a western"], columns=[*GENRES.columns, "western"])
    data = everything(item_features=pd.concat([GENRES.assign(western=0.0), western]))
    model = two_tower(negatives=negatives, max_epochs=3).fit(data)
    untrained = build_seeded(lambda: model._build(data), model.seed_)
    weights, first = (network.items.reader.weight.detach().numpy() for network in (model.module_, untrained))
    np.testing.assert_array_equal(weights[2], first[2])
    assert (weights[:2] != first[:2]).all()


@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])
def test_sparse_features_are_the_same_features(hidden_layer_sizes):
    dense = everything()
    as_csr = Interactions.from_arrays(
        dense.users,
        dense.items,
        user_features=sp.csr_array(dense.user_features),
        item_features=sp.csr_array(dense.item_features),
    )
    as_arrays = Interactions.from_arrays(
        dense.users, dense.items, user_features=dense.user_features, item_features=dense.item_features
    )
    models = [two_tower(hidden_layer_sizes=hidden_layer_sizes, max_epochs=3).fit(data) for data in (as_csr, as_arrays)]
    scores = [model.recommend(k=N_FILMS, exclude_seen=False).scores for model in models]
    np.testing.assert_allclose(*scores, rtol=1e-3, atol=1e-3)
    unknown = sp.csr_array(NEW_USERS.to_numpy())
    strangers = Interactions.from_arrays([], [], n_users=2, n_items=N_FILMS, user_features=unknown)
    assert models[0].recommend(strangers, k=3).codes.shape == (2, 3)


def test_without_features_it_is_matrix_factorisation_by_in_batch_softmax():
    model = two_tower().fit(likes())
    assert camps(model.recommend(AGES.index, k=3, exclude_seen=False)) == [[camp] * 3 for camp in CAMP_OF_USER]
    assert model.module_.users.reader is None and model.module_.items.reader is None


def test_scores_are_products_of_the_embeddings(fitted):
    answer = fitted.recommend(AGES.index[:3], k=N_FILMS, exclude_seen=False)
    products = fitted.user_embeddings_[:3] @ fitted.item_embeddings_.T
    np.testing.assert_allclose(np.take_along_axis(products, answer.codes, 1), answer.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fitted.transform(AGES.index[:3]), fitted.user_embeddings_[:3], rtol=1e-5)


def test_ratings_can_be_predicted_of_films_that_nobody_has_rated():
    pairs = pd.MultiIndex.from_product([AGES.index, GENRES.index], names=["user", "item"]).to_frame(index=False)
    ratings = np.where(CAMP_OF_USER[:, None] == CAMP_OF_FILM, 5.0, 1.0).ravel()
    data = Interactions.from_frame(
        pairs.assign(rating=ratings), user_features=AGES, item_features=pd.concat([GENRES, NEW_FILMS])
    )
    model = two_tower(loss="mse", max_epochs=40).fit(data)
    of_new = model.predict(pd.DataFrame({"user": AGES.index[[0, 0]], "item": NEW_FILMS.index}))
    np.testing.assert_allclose(of_new, [5, 1], atol=0.5)


def test_numbers_of_half_the_length_will_do():
    model = two_tower(max_epochs=1).fit(everything(item_features=pd.concat([GENRES, NEW_FILMS])))
    with_events, without = model.vocabulary_.item_codes([GENRES.index[0], NEW_FILMS.index[0]], name="items")
    scores = model.module_.half().train()(torch.tensor([0]), torch.tensor([[with_events, without]]))
    assert torch.isfinite(scores).all() and scores[0, 1] < scores[0, 0] - 1e4


def test_held_out_films_without_training_events_can_be_scored():
    data = everything()
    is_new = data.items >= N_FILMS - 4
    model = two_tower().fit(data[~is_new])
    codes = np.arange(N_FILMS - 4, N_FILMS)
    answer = model.recommend(AGES.index, k=2, candidates=data.item_ids[codes])
    assert camps(answer) == [[camp] * 2 for camp in CAMP_OF_USER]


def test_new_users_are_scored_by_their_features(fitted):
    """Where the one known film of two is hidden, nothing but features is left to tell one user from another."""
    newcomers = [f"new {number:02}" for number in range(N_FILMS)]
    events = pd.DataFrame({"user": np.repeat(newcomers, 2), "item": "unheard of"})
    events.loc[::2, "item"] = GENRES.index
    ages = AGES[:N_FILMS].set_axis(newcomers)
    with_features, without = (Interactions.from_frame(events, user_features=table) for table in (ages, None))
    scorer = get_scorer("recall@8")
    with pytest.warns(UserWarning, match="could be scored"):
        assert scorer(fitted, with_features) > 1.3 * scorer(fitted, without) > 0


def test_new_films_are_scored_without_a_warning():
    model = two_tower().fit(everything(item_features=pd.concat([GENRES, NEW_FILMS])))
    later = pd.DataFrame({"user": AGES.index, "item": NEW_FILMS.index[CAMP_OF_USER]})
    assert get_scorer("ndcg@16")(model, later) > 0.3


def test_checkpoints_and_early_stopping_know_the_features(tmp_path):
    data = everything()
    model = two_tower(early_stopping="ndcg@10", max_epochs=6, checkpoint_dir=tmp_path).fit(data)
    again = two_tower(early_stopping="ndcg@10", max_epochs=6, checkpoint_dir=tmp_path).fit(data)
    assert model.recommend(k=3).items.tolist() == again.recommend(k=3).items.tolist()
    assert get_scorer("ndcg@10")(two_tower().fit(data[::2]), data[1::2]) > 0.3


# ---- errors ------------------------------------------------------------------------------------------------------------


def test_features_of_another_width_are_refused(fitted):
    wide = pd.DataFrame(np.ones((1, 3)), index=["somebody"], columns=list("abc"))
    with pytest.raises(ValueError, match="user_features must have the 2 columns that the model was fitted with, got 3"):
        fitted.recommend(Interactions.from_features(user_features=wide))
    with pytest.raises(ValueError, match="user_features of X must be like the known ones"):
        fitted.partial_fit(Interactions.from_features(user_features=wide))


def test_a_new_film_without_features_is_refused_where_the_others_have_them(fitted):
    with pytest.raises(ValueError, match="the known events have item_features, but X has none"):
        fitted.partial_fit(pd.DataFrame({"user": ["user 00"], "item": ["nameless"]}))


BAD = {
    "hidden_layer_sizes": ({"hidden_layer_sizes": 8}, TypeError, "hidden_layer_sizes must be a tuple of layer widths"),
    "a width": ({"hidden_layer_sizes": (0,)}, ValueError, "a width in hidden_layer_sizes must be an integer of at least 1"),
    "id_dropout": ({"id_dropout": 1}, ValueError, "id_dropout must be a finite number of at least 0 and below 1"),
    "temperature": ({"temperature": 0}, ValueError, "temperature must be a finite number above 0"),
    "ratings": ({"loss": "mse", "temperature": 0.1}, ValueError, "temperature must be None for loss='mse'"),
}


@pytest.mark.parametrize(("parameters", "error", "words"), BAD.values(), ids=BAD)
def test_parameters_out_of_range_are_refused(parameters, error, words):
    with pytest.raises(error, match=words):
        TwoTowerRecommender(**parameters).fit(everything())


def test_the_wider_share_of_a_network_is_the_features_not_a_copy_of_them(fitted):
    names = set(fitted.module_.state_dict())
    assert not [name for name in names if "features" in name or "final" in name]
    assert isinstance(fitted.module_.items.features.features, torch.Tensor)


@pytest.mark.parametrize("negatives", ["in_batch", "all"])
def test_items_without_events_are_no_choice_that_a_new_user_turned_down(negatives):
    """The history of a training user, as that of somebody new, brings up the same new items as for that user."""
    rng, n_users, n_known, n_new = np.random.default_rng(0), 150, 40, 400
    tastes, natures = rng.normal(size=(n_users, 3)), rng.normal(size=(n_known + n_new, 3))
    worth = tastes @ natures[:n_known].T + rng.gumbel(size=(n_users, n_known))
    items = np.argsort(-worth, axis=1)[:, :8].ravel()
    pairs = Interactions.from_arrays(np.repeat(np.arange(n_users), 8), items, n_users=n_users, n_items=n_known + n_new)
    features = natures + 0.1 * rng.normal(size=natures.shape)
    fitted = two_tower(negatives=negatives).fit(replace(pairs, item_features=features))
    known, folded = (fitted.recommend(users, k=10).codes for users in (np.arange(n_users), pairs))
    assert (known >= n_known).mean() > 0.9
    assert np.mean([len({*a} & {*b}) for a, b in zip(known, folded)]) > 8.5
