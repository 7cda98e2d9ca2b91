"""Nearest neighbors of items and of users, against a slow reference on dense arrays and by hand."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import ParameterGrid

from skrec import ItemKNNRecommender, PopularityRecommender, UserKNNRecommender, get_scorer
from skrec.model_selection import RandomHoldout
from skrec.testing import parametrize_recommender_checks

BOTH = [ItemKNNRecommender, UserKNNRecommender]
WEIGHTINGS = {"weighting": [None, "tfidf", "bm25"]}
GRID = [WEIGHTINGS | {"normalize": [True], "shrinkage": [0.0, 3.0], "asymmetry": [0.0, 0.6, -1.0]}]
GRID = list(ParameterGrid([*GRID, WEIGHTINGS | {"normalize": [False], "shrinkage": [3.0], "asymmetry": [0.6]}]))
pytestmark = pytest.mark.usefixtures("one_thread")


def random_rows(n_users, n_items, seed, density=0.3):
    """Ones; every user and every item has some."""
    rows = (np.random.default_rng(seed).random((n_users, n_items)) < density).astype(float)
    rows[np.arange(max(n_users, n_items)) % n_users, np.arange(max(n_users, n_items)) % n_items] = 1
    return rows


# ---- the slow reference ----------------------------------------------------------------------------------------------


def slow_weight(row, item, train, weighting):
    """The weight of an item in a row of ones and zeros: items are documents, their users words."""
    if weighting is None:
        return 1.0
    n_items = train.shape[1]
    idf = math.log(n_items / (1 + sum(row)))
    if weighting == "tfidf":
        return idf
    lengths = train.sum(axis=0)
    return idf * 2.2 / (1.2 * (0.25 + 0.75 * lengths[item] / (sum(lengths) / n_items)) + 1)


def slow_weights(rows, train, weighting):
    """Weights (n_users, n_items) of the pairs in some rows, which may be new."""
    weights = [[slow_weight(row, item, train, weighting) if there else 0.0 for item, there in enumerate(row)] for row in rows]
    return np.array(weights)


def slow_similarity(one, other, normalize, asymmetry, shrinkage):
    """Of one to the other, the one being whose neighbors are sought."""
    product = sum(a * b for a, b in zip(one, other))
    lengths = math.hypot(*one) ** (1 - asymmetry) * math.hypot(*other) ** (1 + asymmetry)
    return product / (lengths + shrinkage if normalize else 1) if product else 0.0


def slow_neighbors(vector, vectors, itself, n_neighbors, **settings):
    """Similarities to all vectors, those beyond the nearest being 0."""
    similarities = [slow_similarity(vector, other, **settings) for other in vectors]
    if itself is not None:
        similarities[itself] = 0.0
    nearest = sorted(range(len(vectors)), key=lambda other: (-round(similarities[other], 6), other))[:n_neighbors]
    return [max(similarity, 0.0) if other in nearest else 0.0 for other, similarity in enumerate(similarities)]


def slow_item_scores(train, rows, users, weighting, **settings):
    items = slow_weights(train, train, weighting).T
    similarities = [slow_neighbors(item, items, position, **settings) for position, item in enumerate(items)]
    return rows @ np.array(similarities).T


def slow_user_scores(train, rows, users, weighting, **settings):
    known, asked = slow_weights(train, train, weighting), slow_weights(rows, train, weighting)
    return np.array([slow_neighbors(row, known, user, **settings) for row, user in zip(asked, users)]) @ train


def slow_reverse_scores(train, rows, users, weighting, **settings):
    """Each known user looks for their nearest; a new user is one more to look at, behind the others."""
    known, asked = slow_weights(train, train, weighting), slow_weights(rows, train, weighting)
    scores = []
    for row, user in zip(asked, users):
        vectors, position = (known, user) if user is not None else (np.vstack([known, row]), len(known))
        found = [slow_neighbors(vector, vectors, other, **settings)[position] for other, vector in enumerate(known)]
        scores.append(found @ train)
    return np.array(scores)


REVERSE = {"neighborhood": "reverse"}
MODELS = [(ItemKNNRecommender, {}, slow_item_scores), (UserKNNRecommender, {}, slow_user_scores)]
MODELS += [(UserKNNRecommender, REVERSE, slow_reverse_scores)]


def scores_of_known(model):
    pairs = np.indices((model.n_users_, model.n_items_)).reshape(2, -1)
    events = model.events_.from_arrays(*pairs, n_users=model.n_users_, n_items=model.n_items_)
    return model.predict(events).reshape(model.n_users_, model.n_items_)


@pytest.mark.filterwarnings("ignore:.* has no effect on this fit")
@pytest.mark.parametrize(("model", "direction", "slow"), MODELS, ids=["items", "users", "users, reverse"])
@pytest.mark.parametrize("settings", GRID, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_slow_reference(model, direction, slow, settings, seed):
    train, new = random_rows(14, 11, seed), random_rows(5, 11, seed + 100)
    settings = settings | {"n_neighbors": 4}
    fitted = model(**direction, **settings).fit(csr_array(train))
    np.testing.assert_allclose(scores_of_known(fitted), slow(train, train, range(14), **settings), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.predict(csr_array(new)), slow(train, new, [None] * 5, **settings), rtol=1e-5, atol=1e-6)


# ---- by hand ---------------------------------------------------------------------------------------------------------

# items 0 and 1 have two users in common, of two and three; items 1 and 2 one, of three and one
HAND = csr_array([[1, 1, 0], [1, 1, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        ({"shrinkage": 0}, 2 / 6**0.5, 1 / 3**0.5),
        ({"shrinkage": 2}, 2 / (6**0.5 + 2), 1 / (3**0.5 + 2)),
        ({"normalize": False}, 2, 1),
        ({"shrinkage": 0, "n_neighbors": 1}, 2 / 6**0.5, 1 / 3**0.5),
    ],
)
def test_similarities_of_items_by_hand(settings, first, second):
    weights = ItemKNNRecommender(**settings).fit(HAND).item_weights_
    only_one = settings.get("n_neighbors") == 1  # item 1 is nearest to both others, but item 0 is nearest to it
    expected = [[0, first, 0], [first, 0, second], [0, 0 if only_one else second, 0]]
    np.testing.assert_allclose(weights.toarray(), expected, rtol=1e-6)


def test_scores_of_users_by_hand():
    model = UserKNNRecommender(shrinkage=0).fit(HAND)
    # user 2 shares item 1 with both others, each having two items
    np.testing.assert_allclose(model.predict(csr_array([[0, 1, 0]])), [[2 * 0.5**0.5, 3 * 0.5**0.5, 0.5**0.5]], rtol=1e-6)
    np.testing.assert_allclose(scores_of_known(model), [[1, 1.5, 0.5], [1, 1.5, 0.5], [1, 1, 0]], rtol=1e-6)


def test_a_known_user_is_no_neighbor_of_their_own_but_a_new_row_alike_has_them():
    rows = csr_array(np.eye(3))
    model = UserKNNRecommender(shrinkage=0).fit(rows)
    np.testing.assert_array_equal(scores_of_known(model), np.zeros((3, 3)))
    np.testing.assert_array_equal(model.predict(rows), np.eye(3))


@pytest.mark.parametrize(("n_neighbors", "nearest"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2])])
def test_of_equally_similar_ones_the_first_are_neighbors(n_neighbors, nearest):
    rows = csr_array(np.ones((1, 5)))
    weights = ItemKNNRecommender(n_neighbors=n_neighbors).fit(rows).item_weights_
    assert weights[:, [4]].toarray()[:, 0].nonzero()[0].tolist() == nearest
    model = UserKNNRecommender(n_neighbors=n_neighbors).fit(rows.T)
    assert model._known_state(np.array([4])).indices.tolist() == nearest


def test_similarities_that_differ_by_rounding_alone_are_equal():
    # item 2 has six users: three of the nine of item 0, the only one of item 1
    rows = np.zeros((12, 3))
    rows[:9, 0] = rows[11, 1] = rows[6:, 2] = 1
    assert 3 / (9 * 6) ** 0.5 < 1 / (1 * 6) ** 0.5  # in floating point only
    nearest = ItemKNNRecommender(n_neighbors=1, shrinkage=0).fit(csr_array(rows)).item_weights_[:, [2]]
    assert nearest.toarray()[:, 0].nonzero()[0].tolist() == [0]


def test_asymmetry_favours_the_popular():
    # of the three users of item 1, two have item 0; both users of item 0 have item 1
    weights = ItemKNNRecommender(asymmetry=1, shrinkage=0).fit(HAND).item_weights_.toarray()
    np.testing.assert_allclose(weights, [[0, 1, 0], [2 / 3, 0, 1 / 3], [0, 1, 0]], rtol=1e-6)


def test_a_user_is_spoken_for_by_those_whose_nearest_they_are():
    # users 1 and 2 are nearest to user 0, to whom user 1 is nearest; nobody has user 2 nearest
    rows = csr_array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    model = UserKNNRecommender(n_neighbors=1, shrinkage=0, neighborhood="reverse").fit(rows)
    near, far = 2 / 6**0.5, 1 / 6**0.5
    expected = near * rows.toarray()[[1, 0]]
    expected[0] += far * rows.toarray()[2]
    np.testing.assert_allclose(scores_of_known(model), [*expected, np.zeros(4)], rtol=1e-6)


@pytest.mark.parametrize(
    ("new", "similarities"),
    [
        ([0, 0, 0, 1], [0, 0, 1 / 2**0.5]),
        ([1, 1, 1, 1], [3 / 12**0.5, 0, 2 / 8**0.5]),
        ([1, 1, 0, 0], [0, 1, 0]),  # as near to user 0 as user 1 is, who was there before
    ],
)
def test_a_new_user_is_taken_up_by_those_to_whom_they_are_nearer_than_whom_they_have(new, similarities):
    # users 0 and 1 have one another, at 2 / 6**.5; user 2 has user 0, at 1 / 6**.5
    rows = csr_array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    model = UserKNNRecommender(n_neighbors=1, shrinkage=0, neighborhood="reverse").fit(rows)
    np.testing.assert_allclose(model.predict(csr_array([new])), [similarities @ rows], rtol=1e-6)


# ---- what must not matter --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [*BOTH, partial(UserKNNRecommender, **REVERSE)])
@pytest.mark.parametrize("weighting", [None, "bm25"])
def test_blocks_of_the_search_change_nothing(model, weighting, monkeypatch):
    rows, new = csr_array(random_rows(40, 30, seed=1)), csr_array(random_rows(9, 30, seed=2))
    at_once = model(n_neighbors=5, weighting=weighting).fit(rows)
    known, unknown = scores_of_known(at_once), at_once.predict(new)
    monkeypatch.setattr("skrec._memory.BLOCK_BYTES", 1)  # one row at a time
    one_by_one = model(n_neighbors=5, weighting=weighting).fit(rows)
    np.testing.assert_array_equal(scores_of_known(one_by_one), known)
    np.testing.assert_array_equal(one_by_one.predict(new), unknown)


@pytest.mark.parametrize("model", [*BOTH, partial(UserKNNRecommender, **REVERSE)])
def test_more_neighbors_than_there_are_means_all(model):
    rows = csr_array(random_rows(10, 8, seed=2))
    few, many = (scores_of_known(model(n_neighbors=n).fit(rows)) for n in (10, 1000))
    np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("weighting", [None, "bm25"])
def test_among_all_users_both_directions_are_the_same(weighting):
    rows, new = csr_array(random_rows(10, 8, seed=2)), csr_array(random_rows(4, 8, seed=3))
    nearest, reverse = (
        UserKNNRecommender(weighting=weighting, neighborhood=which).fit(rows) for which in ("nearest", "reverse")
    )
    np.testing.assert_allclose(scores_of_known(reverse), scores_of_known(nearest), rtol=1e-6)
    np.testing.assert_allclose(reverse.predict(new), nearest.predict(new), rtol=1e-6)


@parametrize_recommender_checks([UserKNNRecommender(n_neighbors=8, **REVERSE)])
def test_contract_in_the_reverse_direction(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", BOTH)
def test_who_has_everything_says_nothing_of_what_is_like_what(model):
    # with tfidf: users who have all items but one, ln(n / (1 + n - 1)) = 0
    rows = np.array([[1.0, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    fitted = model(weighting="tfidf", shrinkage=0).fit(csr_array(rows))
    np.testing.assert_array_equal(scores_of_known(fitted), np.zeros((4, 4)))


def test_contributions_add_up_to_the_score():
    rows = random_rows(20, 12, seed=3)
    model = ItemKNNRecommender(n_neighbors=6, weighting="bm25").fit(csr_array(rows))
    explained = model.explain(7, 2, k=12)
    assert sorted(explained["item"]) == rows[7].nonzero()[0].tolist()
    assert explained["contribution"].is_monotonic_decreasing
    assert explained["contribution"].sum() == pytest.approx(scores_of_known(model)[7, 2], rel=1e-5)


def test_a_bad_neighborhood_is_named():
    with pytest.raises(ValueError, match="neighborhood must be one of 'nearest', 'reverse', got 'own'"):
        UserKNNRecommender(neighborhood="own").fit(HAND)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be an integer of at least 1, got 0"),
        ({"n_neighbors": 2.0}, TypeError, "n_neighbors must be an integer of at least 1, got 2.0"),
        ({"weighting": "none"}, ValueError, "weighting must be one of None, 'tfidf', 'bm25', got 'none'"),
        ({"normalize": 1}, TypeError, "normalize must be True or False, got 1"),
        ({"shrinkage": -1}, ValueError, "shrinkage must be a finite number of at least 0, got -1"),
        ({"asymmetry": 1.5}, ValueError, "asymmetry must be a finite number of at least -1 and at most 1, got 1.5"),
        ({"shrinkage": "10"}, TypeError, "shrinkage must be a finite number of at least 0, got '10'"),
    ],
)
def test_bad_parameters_are_named(model, settings, error, words):
    with pytest.raises(error) as raised:
        model(**settings).fit(HAND)
    assert str(raised.value) == words


# ---- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "at_least"), [(ItemKNNRecommender(), 0.325), (UserKNNRecommender(), 0.323)], ids=repr)
def test_neighbors_on_movielens(movielens_100k, model, at_least):
    """NDCG@10 over the whole catalogue, of a fifth of all likes (4 stars and more); the popular items have .171."""
    likes = movielens_100k.interactions
    ((train, test),) = RandomHoldout(0.2, random_state=0).split(likes)
    model.set_params(positive_from=4)
    ndcg = get_scorer("ndcg@10", positive_from=4)
    found = ndcg(model.fit(likes[train]), likes[test])
    popular = ndcg(PopularityRecommender(positive_from=4).fit(likes[train]), likes[test])
    assert found > at_least and found > 1.8 * popular
