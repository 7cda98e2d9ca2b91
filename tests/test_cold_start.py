"""Items without events in factor models: vectors predicted from features."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold

from skrec import (
    ALSRecommender,
    BPRRecommender,
    ColdStartRecommender,
    EASERecommender,
    Interactions,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    PopularityRecommender,
    SASRecRecommender,
    get_scorer,
    load,
)
from skrec.datasets import make_interactions

pytestmark = pytest.mark.usefixtures("one_thread")

N_USERS, N_FILMS = 24, 16
CAMP_OF_USER, CAMP_OF_FILM = np.arange(N_USERS) % 2, np.arange(N_FILMS) % 2
GENRES = np.eye(2)[[*CAMP_OF_FILM, 0, 1]]  # the last two are new
HORROR, COMEDY = N_FILMS, N_FILMS + 1
ALS = ALSRecommender(n_factors=4, n_jobs=1, random_state=0)
MODELS = {
    "ALS": ALS,
    "BPR": BPRRecommender(n_factors=4, learning_rate=0.1, random_state=0),
    "MF": MFRecommender(n_factors=4, max_epochs=30, learning_rate=0.03, random_state=0),
    "cosine MF": MFRecommender(n_factors=4, max_epochs=30, learning_rate=0.03, temperature=0.3, random_state=0),
    "LightGCN": LightGCNRecommender(n_factors=4, max_epochs=30, random_state=0),
}


def likes(**features):
    rng = np.random.default_rng(0)
    users, films = np.nonzero((CAMP_OF_USER[:, None] == CAMP_OF_FILM) & (rng.random((N_USERS, N_FILMS)) < 0.7))
    return Interactions.from_arrays(users, films, n_users=N_USERS, n_items=N_FILMS + 2, **features)


@pytest.fixture(scope="module")
def fitted():
    return ColdStartRecommender(estimator=ALS).fit(likes(item_features=GENRES))


@pytest.mark.parametrize("name", MODELS)
def test_new_films_reach_the_users_of_their_camp_whatever_the_model(name):
    model = ColdStartRecommender(estimator=MODELS[name]).fit(likes(item_features=GENRES))
    answer = model.recommend(k=1, candidates=[HORROR, COMEDY]).items[:, 0]
    assert answer.tolist() == np.where(CAMP_OF_USER == 0, HORROR, COMEDY).tolist()


def test_new_films_reach_new_users(fitted):
    history = sp.csr_array(([1.0, 1, 1], ([0, 0, 0], [1, 3, 5])), shape=(1, N_FILMS + 2))
    assert fitted.recommend(history, k=1, candidates=[HORROR, COMEDY]).items.tolist() == [[COMEDY]]


def test_the_vectors_are_those_of_a_ridge_regression(fitted):
    known = slice(0, N_FILMS)
    weight = np.sqrt(fitted.item_counts_[known])
    ridge = Ridge(alpha=1.0).fit(GENRES[known], fitted.estimator_.item_embeddings_[known], weight)
    np.testing.assert_allclose(fitted.item_embeddings_[N_FILMS:], ridge.predict(GENRES[N_FILMS:]), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(fitted.item_embeddings_[known], fitted.estimator_.item_embeddings_[known])


def test_films_with_events_keep_their_scores(fitted):
    plain, items = clone(ALS).fit(likes()), np.arange(N_FILMS)
    answers = [model.recommend(k=8, candidates=items) for model in (fitted, plain)]
    assert answers[0].codes.tolist() == answers[1].codes.tolist()
    np.testing.assert_array_equal(answers[0].scores, answers[1].scores)


def test_scores_of_new_films_are_products_too(fitted):
    scores = fitted.predict(Interactions.from_arrays(np.arange(N_USERS), np.full(N_USERS, COMEDY), n_items=N_FILMS + 2))
    np.testing.assert_allclose(scores, fitted.user_embeddings_ @ fitted.item_embeddings_[COMEDY], rtol=1e-5, atol=1e-6)


def test_a_new_film_is_similar_to_those_of_its_kind(fitted):
    assert (CAMP_OF_FILM[fitted.similar_items([COMEDY], k=5).codes] == 1).all()


def test_more_penalty_brings_new_films_nearer_to_the_mean_film():
    data = likes(item_features=GENRES)
    spread = []
    for regularization in (0.1, 10.0, 1e6):
        model = ColdStartRecommender(estimator=ALS, regularization=regularization).fit(data)
        spread.append(np.linalg.norm(model.item_embeddings_[HORROR] - model.item_embeddings_[COMEDY]))
    assert spread[0] > spread[1] > 1000 * spread[2]


def test_sparse_features_are_the_same_features(fitted):
    model = ColdStartRecommender(estimator=ALS).fit(likes(item_features=sp.csr_array(GENRES)))
    np.testing.assert_allclose(model.item_embeddings_, fitted.item_embeddings_, rtol=1e-3, atol=1e-4)


def test_films_come_in_later_and_grow_up():
    known, new = pd.DataFrame(GENRES[:N_FILMS]), pd.DataFrame(GENRES[N_FILMS:])
    films = [f"film {i:02}" for i in range(N_FILMS)]
    data = likes()
    events = pd.DataFrame({"user": data.users, "item": np.array(films)[data.items]})
    model = ColdStartRecommender(estimator=ALS).fit(Interactions.from_frame(events, item_features=known.set_axis(films)))
    model.partial_fit(Interactions.from_features(item_features=new.set_axis(["horror", "comedy"])))
    camps = np.where(CAMP_OF_USER == 0, "horror", "comedy").tolist()
    assert model.recommend(k=1, candidates=["horror", "comedy"]).items[:, 0].tolist() == camps
    model.partial_fit(pd.DataFrame({"user": np.arange(1, 24, 2), "item": "horror"}))  # the comedy camp likes it after all
    horror, comedy = (model.item_ids_.tolist().index(film) for film in ("horror", "comedy"))
    own = model.estimator_.item_embeddings_
    assert (model.item_embeddings_[horror] == own[horror]).all() and (model.item_embeddings_[comedy] != own[comedy]).any()
    scores = model.user_embeddings_ @ model.item_embeddings_[horror]
    assert scores[CAMP_OF_USER == 1].mean() > scores[CAMP_OF_USER == 0].mean()


def test_the_inner_model_is_tuned_by_grid_search():
    data = likes(item_features=GENRES)
    grid = {"estimator__n_factors": [2, 4], "regularization": [0.1, 1.0]}
    search = GridSearchCV(ColdStartRecommender(estimator=ALS), grid, cv=KFold(2, shuffle=True, random_state=0)).fit(data)
    assert search.best_estimator_.item_embeddings_.shape[1] == search.best_params_["estimator__n_factors"]
    assert ALS.n_factors == 4 and not hasattr(ALS, "item_embeddings_")


def test_it_survives_a_pickle(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.recommend(k=3).items.tolist() == fitted.recommend(k=3).items.tolist()


def test_users_whose_events_the_inner_model_held_out_are_ranked_for_as_new_users_with_these_events():
    users, films = np.arange(60), np.arange(60) % 5  # one event each, and some of these are held out
    data = Interactions.from_arrays(users, films, n_items=7, item_features=np.eye(7))
    inner = MFRecommender(n_factors=2, max_epochs=1, early_stopping="valid_loss", random_state=0)
    model = ColdStartRecommender(estimator=inner).fit(data)
    inner = model.estimator_
    held_out = inner.objective_.hold_out(data, 0.1, np.random.default_rng(inner.seed_))
    unread = np.flatnonzero(held_out)
    known = model.recommend(unread, k=7, exclude_seen=False)
    new = model.recommend(Interactions.from_arrays(np.arange(len(unread)), films[unread], n_items=7), k=7, exclude_seen=False)
    np.testing.assert_allclose(known.scores, new.scores, atol=0.05 * np.ptp(known.scores))


def test_without_features_it_is_the_model_itself():
    model = ColdStartRecommender(estimator=ALS).fit(likes())
    assert model.regression_ is None
    assert not {HORROR, COMEDY} & set(model.recommend(k=N_FILMS - 8).items.ravel().tolist())


def test_what_the_inner_model_counts_is_what_counts():
    ratings = likes(item_features=GENRES).with_values(np.full(len(likes()), 5.0))
    model = ColdStartRecommender(estimator=clone(ALS).set_params(positive_from=6))
    with pytest.raises(ValueError, match="positive_from=6"):
        model.fit(ratings)


BAD = {
    "a class": (ALSRecommender, TypeError, "estimator must be a recommender with embeddings"),
    "no embeddings": (PopularityRecommender(), TypeError, "estimator must be a recommender with embeddings"),
    "no vectors": (EASERecommender(), TypeError, "estimator must be a recommender with embeddings"),
    "no products": (
        MLPRecommender(n_factors=2, hidden_layer_sizes=(4,), max_epochs=1),
        ValueError,
        "estimator must score by products",
    ),
    "ratings": (MFRecommender(loss="mse", n_factors=2, max_epochs=1), ValueError, "estimator must score by products"),
}


@pytest.mark.parametrize(("estimator", "error", "words"), BAD.values(), ids=BAD)
def test_a_model_without_products_of_vectors_is_refused(estimator, error, words):
    with pytest.raises(error, match=words):
        ColdStartRecommender(estimator=estimator).fit(likes(item_features=GENRES))


def test_a_negative_penalty_is_refused():
    with pytest.raises(ValueError, match="regularization must be a finite number of at least 0, got -1"):
        ColdStartRecommender(estimator=ALS, regularization=-1).fit(likes(item_features=GENRES))


@pytest.mark.filterwarnings("ignore:X (is a matrix|has no timestamps)")
def test_a_model_of_sequences_stays_one():
    """Of new users the last event is asked for, not a drawn one."""
    plays, users = likes(item_features=GENRES), np.repeat(np.arange(4), 3)
    histories = Interactions.from_arrays(users, np.tile([0, 2, 4], 4), timestamps=np.tile([3, 1, 2], 4), n_items=N_FILMS + 2)
    model = ColdStartRecommender(estimator=SASRecRecommender(n_factors=8, max_epochs=2, random_state=0)).fit(plays)
    evaluated = get_scorer("hit_rate@10").evaluate(model, histories.to_csr())
    assert "the last relevant event" in evaluated.protocol


def test_the_default_is_a_matrix_factorization(tmp_path):
    films = make_interactions(60, 30, density=0.3, random_state=0).interactions
    films = films.with_values(np.ones(len(films)))
    default = ColdStartRecommender().fit(films)
    given = ColdStartRecommender(estimator=MFRecommender(random_state=0)).fit(films)
    np.testing.assert_array_equal(default.recommend(k=5).items, given.recommend(k=5).items)
    default.save(tmp_path / "model.skrec")
    np.testing.assert_array_equal(load(tmp_path / "model.skrec").recommend(k=5).items, given.recommend(k=5).items)
