"""`predict` of pairs, in which models score what is asked for alone: the same numbers as in whole rows of scores."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from test_common import ALL, RATING, VARIANTS

from skrec import ColdStartRecommender, MFRecommender, SLIMRecommender, UserKNNRecommender
from skrec.base._pairs import dense_products, sparse_products
from skrec.base._queries import known_users
from skrec.base._scoring import all_scores
from skrec.data import Interactions

pytestmark = pytest.mark.usefixtures("one_thread")

N_USERS, N_ITEMS = 30, 20


def events():
    """The last user and the last two items have nothing; one user has nothing but dislikes."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation((N_USERS - 1) * (N_ITEMS - 2))[:200]
    users, items = np.divmod(pairs, N_ITEMS - 2)
    values = np.where(users == 3, 1, rng.integers(1, 6, len(pairs)))
    return Interactions.from_arrays(users, items, values, timestamps=np.arange(200), n_users=N_USERS, n_items=N_ITEMS)


def events_for(estimator):
    """The events, with clicks as values for models without a threshold of positive values."""
    has_threshold = "positive_from" in estimator.get_params() or "estimator" in estimator.get_params()
    return events() if has_threshold else events().with_values((events().values >= 3).astype(np.float32))


def quick(estimator):
    wanted = {
        "max_epochs": 2,
        "random_state": 0,
        "positive_from": 3,
        "estimator__random_state": 0,
        "estimator__positive_from": 3,
    }
    known = estimator.get_params()
    if known.get("loss") == "mse":
        del wanted["positive_from"]
    return clone(estimator).set_params(**{name: value for name, value in wanted.items() if name in known})


OTHERS = [
    SLIMRecommender(n_jobs=1, n_neighbors=2),
    UserKNNRecommender(neighborhood="reverse", weighting="bm25", n_neighbors=5),
    ColdStartRecommender(estimator=MFRecommender(n_factors=8, max_epochs=2)),
]


@pytest.mark.parametrize("estimator", [*ALL, *VARIANTS, *RATING, *OTHERS], ids=repr)
@pytest.mark.parametrize("has_features", [False, True], ids=["plain", "with item features"])
def test_pairs_are_scored_as_in_whole_rows(estimator, has_features):
    features = np.random.default_rng(3).random((N_ITEMS, 4)) if has_features else None
    model = quick(estimator).fit(events_for(estimator)._replace(item_features=features))
    rows = all_scores(model, known_users(model.vocabulary_, None, name="users"), exclude_seen=False)
    users, items = np.divmod(np.random.default_rng(1).permutation(N_USERS * N_ITEMS), N_ITEMS)
    scores = model.predict(Interactions.from_arrays(users, items, n_users=N_USERS, n_items=N_ITEMS))
    if model._predicts_ratings:  # what is unknown has a rule of its own there
        told = model.has_past_[users] & model._familiar_items[items]
        users, items, scores = users[told], items[told], scores[told]
    expected = rows[users, items]
    np.testing.assert_array_equal(np.isneginf(scores), np.isneginf(expected))
    finite = np.isfinite(expected)
    np.testing.assert_allclose(scores[finite], expected[finite], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_no_pairs_at_all_have_no_scores(estimator):
    model = quick(estimator).fit(events_for(estimator))
    assert model._score_pairs(np.empty(0, np.int64), np.empty(0, np.int64)).shape == (0,)
    assert np.isneginf(model._score_pairs(np.array([0, N_USERS]), np.array([-1, -1]))).all() or model._predicts_ratings


@pytest.mark.parametrize("is_sparse", [True, False])
def test_products_of_pairs_are_entries_of_the_product(is_sparse, monkeypatch):
    monkeypatch.setattr("skrec._memory.BLOCK_BYTES", 256)  # many blocks
    rng = np.random.default_rng(2)
    left, right = rng.random((9, 7)) * (rng.random((9, 7)) < 0.5), rng.random((7, 8)) * (rng.random((7, 8)) < 0.5)
    rows, columns = rng.integers(0, 9, 50), rng.integers(0, 8, 50)
    expected = (left @ right)[rows, columns]
    np.testing.assert_allclose(
        sparse_products(csr_array(left), csr_array(right) if is_sparse else right, rows, columns), expected
    )
    np.testing.assert_allclose(dense_products(left, right.T, rows, columns), expected, rtol=1e-6)
