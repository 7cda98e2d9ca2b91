"""The search for the largest products finds what sorting all scores finds, in tests that do so one number at a time."""

import contextlib
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from test_common import fast

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    ColdStartRecommender,
    EASERecommender,
    GRU4RecRecommender,
    ItemKNNRecommender,
    LightGCNRecommender,
    MFRecommender,
    MultVAERecommender,
    SASRecRecommender,
    SLIMRecommender,
    TwoTowerRecommender,
    UserKNNRecommender,
)
from skrec.base import _scoring
from skrec.topk import Products, ProductSearch, RowPattern, _products

INTEGERS = st.integers(-3, 3).map(float)  # products and sums of these are exact


def stairs(scores):
    """A rating that is the same for many scores."""
    return np.clip(np.round(scores / 4), -2, 2).astype(np.float32)


@contextlib.contextmanager
def tiles(height, width):
    with (
        patch.object(_products, "_HEIGHT", height),
        patch.object(_products, "_FIRST_WIDTH", width),
        patch.object(_products, "_TILE", height * width),
        patch.object(_products, "_LARGEST_WIDTH", 2 * width),
    ):
        yield


def arrays(draw, *shape):
    flat = draw(st.lists(INTEGERS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(flat, np.float32).reshape(shape)


@st.composite
def problems(draw):
    n_users, n_items, d = draw(st.integers(1, 6)), draw(st.integers(1, 14)), draw(st.integers(1, 3))
    users, items = arrays(draw, n_users, d), arrays(draw, n_items, d)
    constants = arrays(draw, n_users) if draw(st.booleans()) else None
    products = Products(
        items,
        lambda rows: users[rows],
        arrays(draw, n_items) if draw(st.booleans()) else None,
        None if constants is None else (lambda rows: constants[rows]),
        draw(st.sampled_from([None, stairs])),
    )
    cells = st.tuples(st.integers(0, n_users - 1), st.integers(0, n_items - 1))
    hidden = np.zeros((n_users, n_items))
    for cell in draw(st.lists(cells, max_size=20)):
        hidden[cell] = 1
    searched = draw(st.lists(st.booleans(), min_size=n_items, max_size=n_items))
    return products, np.arange(n_users), np.flatnonzero(searched), sp.csr_array(hidden), draw(st.integers(1, 16))


def slow_search(products, state, searched, hidden, k):
    scores = products.users(state) @ products.items.T
    if products.biases is not None:
        scores = scores + products.biases
    if products.constants is not None:
        scores = scores + products.constants(state)[:, None]
    if products.rating is not None:
        scores = products.rating(scores)
    found, best = np.full((len(scores), k), -1), np.full((len(scores), k), np.nan, np.float32)
    for user, row in enumerate(scores):
        left = [item for item in searched if not hidden[user, item]]
        for rank, item in enumerate(sorted(left, key=lambda item: (-row[item], item))[:k]):
            found[user, rank], best[user, rank] = item, row[item]
    return found, best


@given(problem=problems(), height=st.integers(1, 4), width=st.integers(1, 5))
def test_the_search_finds_what_sorting_every_row_finds(problem, height, width):
    products, state, searched, hidden, k = problem
    with tiles(height, width):
        found, best = ProductSearch(products, searched).best(state, k, RowPattern.of(hidden))
    expected, expected_best = slow_search(*problem)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(best, expected_best)


@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-25, 1e-3, 1.0, 1e15]),
    k=st.integers(1, 5),
    n_users=st.sampled_from([1, 9]),
)
def test_vectors_of_very_different_lengths_are_searched_exactly(seed, scale, k, n_users):
    rng = np.random.default_rng(seed)
    lengths = scale * 10.0 ** rng.integers(-3, 4, 60)
    items = (rng.standard_normal((60, 3)) * lengths[:, None]).astype(np.float32)
    users = rng.standard_normal((n_users, 3)).astype(np.float32)
    with tiles(4, 7):
        found, best = ProductSearch(Products(items, lambda rows: users[rows]), np.arange(60)).best(np.arange(n_users), k)
    scores = users.astype(np.float64) @ items.T.astype(np.float64)
    expected = -np.sort(-scores, axis=1)[:, :k]
    np.testing.assert_allclose(np.take_along_axis(scores, found, 1), expected, rtol=1e-5)
    np.testing.assert_allclose(best, expected, rtol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_vectors_whose_products_may_overflow_are_not_searched(value):
    items = np.ones((3, 2), np.float32)
    items[1, 0] = value
    assert ProductSearch(Products(items, lambda users: users), np.arange(3)).best(2 * np.ones((1, 2), np.float32), 1) is None


@pytest.mark.parametrize("n", [1, 2, 3])
def test_lists_do_not_depend_on_the_number_of_threads(n, monkeypatch):
    rng = np.random.default_rng(0)
    items, users = rng.standard_normal((3000, 16), np.float32), rng.standard_normal((1500, 16), np.float32)
    search = ProductSearch(Products(items, lambda rows: users[rows]), np.arange(3000))
    expected = search.best(np.arange(1500), 10)
    monkeypatch.setattr(_products, "n_threads", lambda n_jobs, work: n)
    found = search.best(np.arange(1500), 10)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


# Models

MODELS = {
    "ALS": fast(ALSRecommender),
    "BPR": fast(BPRRecommender),
    "MF": fast(MFRecommender),
    "MF cosines": fast(MFRecommender).set_params(loss="ccl"),
    "MF ratings": fast(MFRecommender).set_params(loss="mse"),
    "MF bounded ratings": fast(MFRecommender).set_params(loss="mse", y_range=(0, 5.5), learning_rate=0.5),
    "LightGCN": fast(LightGCNRecommender),
    "two towers": fast(TwoTowerRecommender),
    "SASRec": fast(SASRecRecommender),
    "GRU4Rec": fast(GRU4RecRecommender),
    "Mult-VAE": fast(MultVAERecommender),
    "AutoRec of items": fast(AutoRecRecommender).set_params(side="item"),
    "AutoRec of users": fast(AutoRecRecommender).set_params(side="user"),
    "EASE": fast(EASERecommender),
    "ItemKNN": fast(ItemKNNRecommender),
    "UserKNN": fast(UserKNNRecommender),
    "SLIM": fast(SLIMRecommender).set_params(regularization=0.01),
    "cold start": fast(ColdStartRecommender).set_params(estimator__positive_from=2),
}


def events():
    """40 users x 30 items; a few users without positive events, a few items that are only in test data or features."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 26)) < 0.3)
    values = np.where(users < 3, 1, rng.integers(3, 6, len(users)))
    table = pd.DataFrame({"user": users, "item": items, "rating": values, "timestamp": np.arange(len(users))})
    return table.sample(frac=1, random_state=0)


@pytest.fixture(scope="module", params=MODELS, ids=list(MODELS))
def model(request):
    from skrec import Interactions

    estimator = MODELS[request.param]
    if "max_epochs" in estimator.get_params():
        estimator.set_params(max_epochs=3)
    if "positive_from" in estimator.get_params() and not estimator._predicts_ratings:
        estimator.set_params(positive_from=2)
    features = pd.DataFrame({"x": np.linspace(0, 1, 30), "y": np.arange(30) % 2}, index=pd.Index(range(30), name="item"))
    return estimator.fit(Interactions.from_frame(events(), item_features=features))


NEW = pd.DataFrame({"user": [7, 7, 7, 8, 9], "item": [1, 2, 3, 4, 5], "rating": [5, 4, 5, 1, 5], "timestamp": [1, 2, 3, 4, 5]})
EACH = {user: [user % 26, 1, 2, 27] for user in range(40)}
QUERIES = {
    "everybody": {},
    "some, repeatedly": {"users": [5, 5, 0, 39, 1]},
    "all items": {"k": 30},
    "more than all items": {"k": 45},
    "with seen items": {"exclude_seen": False, "k": 12},
    "without some items": {"exclude": [0, 1, 2, 29]},
    "of few candidates": {"candidates": [3, 4, 5, 28, 29]},
    "of each user's candidates": {"candidates": EACH},
    "new users": {"users": NEW},
    "unknown users": {"users": [5, 1000, 6], "unknown": "popular"},
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_models_recommend_the_same_by_a_search(model, query):
    options = {"k": 5} | query
    with patch.object(_scoring, "COMPILED_FROM", np.inf):
        expected = model.recommend(**options)
    with patch.object(_scoring, "COMPILED_FROM", 0), tiles(4, 6):
        answer = model.recommend(**options)
    np.testing.assert_array_equal(np.isnan(answer.scores), np.isnan(expected.scores))
    finite = np.isfinite(expected.scores)
    np.testing.assert_array_equal(np.isfinite(answer.scores), finite)
    np.testing.assert_allclose(answer.scores[finite], expected.scores[finite], rtol=1e-4, atol=1e-5)
    moved = answer.codes != expected.codes
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(np.where(finite, expected.scores, np.inf), axis=1, prepend=np.inf, append=-np.inf))
        alone = (steps[:, :-1] > 1e-4) & (steps[:, 1:] > 1e-4)
    assert not (moved & (alone | ~finite)).any()


@pytest.mark.parametrize("query", [{}, QUERIES["unknown users"]], ids=["known users", "unknown users"])
def test_all_batches_of_lists_use_one_search(query):
    model = ALSRecommender(n_factors=4, max_epochs=2, positive_from=2, random_state=0).fit(events())
    with (
        patch.object(_scoring, "COMPILED_FROM", 0),
        patch.object(Products, "search", autospec=True, side_effect=Products.search) as search,
    ):
        batches = [batch.codes for batch in model.recommend_iter(**query, k=5, batch_size=2)]
        assert search.call_count == 1
        np.testing.assert_array_equal(np.concatenate(batches), model.recommend(**query, k=5).codes)


@pytest.mark.parametrize("compiled_from", [np.inf, 0], ids=["numpy", "compiled"])
def test_read_only_scores_are_ranked_and_kept(compiled_from):
    class OfATable(ItemKNNRecommender):
        def _score(self, state, items):
            return self.table_[: state.shape[0], items]

    model = OfATable(positive_from=2).fit(events())
    model.table_ = np.random.default_rng(0).random((40, model.n_items_), np.float32)
    expected, table = model.recommend(k=5).codes, model.table_.copy()
    table.flags.writeable, model.table_ = False, table
    with patch("skrec.topk._lists.COMPILED_FROM", compiled_from):
        np.testing.assert_array_equal(model.recommend(k=5).codes, expected)


def test_every_model_with_a_formula_is_searched(model):
    assert model._formula() is not None


@pytest.mark.parametrize("kind", [ALSRecommender, MFRecommender])
def test_a_model_with_other_scores_is_not_searched(kind):
    class Reversed(kind):
        def _score(self, state, items):
            return -super()._score(state, items)

    ours = Reversed(n_factors=4, max_epochs=2, positive_from=2, random_state=0).fit(events())
    theirs = kind(n_factors=4, max_epochs=2, positive_from=2, random_state=0).fit(events())
    assert ours._formula() is None and theirs._formula() is not None
    with patch.object(_scoring, "COMPILED_FROM", 0):
        worst = ours.recommend(k=30, exclude_seen=False).codes
        best = theirs.recommend(k=30, exclude_seen=False).codes
    assert (worst[10, :26] != best[10, :26]).any()
    assert worst[10, 0] == best[10, 25]


class Shifted:
    """A parent with scores of its own."""

    def _score(self, state, items):
        return super()._score(state, items) + 1


def test_the_formula_is_that_of_the_scores_in_the_order_of_inheritance():
    class FromAParent(Shifted, ALSRecommender):
        pass

    class Below(FromAParent):
        pass

    class OfOthers(ALSRecommender, Shifted):
        pass

    class WithBoth(Below):
        def _score(self, state, items):
            return ALSRecommender._score(self, state, items)

        def _formula(self):
            return ALSRecommender._formula(self)

    found = {}
    for kind in (FromAParent, Below, OfOthers, WithBoth):
        fitted = kind(n_factors=4, max_epochs=2, positive_from=2, random_state=0).fit(events())
        found[kind.__name__] = fitted._formula() is not None
    assert found == {"FromAParent": False, "Below": False, "OfOthers": True, "WithBoth": True}
