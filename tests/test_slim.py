"""SLIM: every item's weights are the optimum of its own elastic net."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

from skrec import SLIMRecommender, get_scorer
from skrec.model_selection import train_test_split

pytestmark = pytest.mark.usefixtures("one_thread")

PENALTIES = [(0.03, 1.0), (0.1, 0.3), (0.5, 0.02), (0.05, 1e-5)]


def random_rows(n_users=60, n_items=25, density=0.3):
    """Ones at random; the first items like one another, so that there is something to find."""
    rng = np.random.default_rng(0)
    taste = rng.random((n_users, 1)) < 0.5
    likely = np.where((np.arange(n_items) < n_items // 2) == taste, 2 * density, density / 3)
    return sp.csr_array((rng.random((n_users, n_items)) < likely).astype(np.float32))


def fit(rows, **parameters):
    model = SLIMRecommender(n_jobs=1, **{"tol": 1e-9, "max_iter": 100_000, **parameters})
    return model.fit(rows)


def dense_weights(rows, **parameters):
    return fit(rows, **parameters).item_weights_.toarray().astype(np.float64)


@pytest.mark.parametrize(("regularization", "l1_ratio"), PENALTIES)
def test_weights_are_those_of_scikit_learns_elastic_net_fitted_item_by_item(regularization, l1_ratio):
    rows = random_rows()
    weights, dense = dense_weights(rows, regularization=regularization, l1_ratio=l1_ratio), rows.toarray().astype(np.float64)
    for item in range(dense.shape[1]):
        others = np.delete(dense, item, axis=1)
        net = ElasticNet(
            alpha=regularization, l1_ratio=l1_ratio, positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000
        )
        expected = np.insert(net.fit(others, dense[:, item]).coef_, item, 0)
        np.testing.assert_allclose(weights[:, item], expected, atol=2e-5)
    assert weights.any()


@pytest.mark.parametrize(("regularization", "l1_ratio"), PENALTIES)
def test_no_weight_can_be_changed_for_the_better(regularization, l1_ratio):
    """Karush-Kuhn-Tucker: the objective's slope is 0 at weights above 0, and not below 0 elsewhere."""
    rows = random_rows().toarray()
    weights = dense_weights(sp.csr_array(rows), regularization=regularization, l1_ratio=l1_ratio)
    slopes = (
        rows.T @ (rows @ weights - rows) / len(rows) + regularization * l1_ratio + regularization * (1 - l1_ratio) * weights
    )
    np.fill_diagonal(slopes, 0)
    assert (weights >= 0).all()
    assert np.abs(slopes[weights > 0]).max() < 2e-5
    assert slopes[weights == 0].min() > -2e-5


def test_an_item_says_nothing_of_itself():
    np.testing.assert_array_equal(fit(random_rows()).item_weights_.diagonal(), 0)


def test_weights_are_sparse_float32_without_stored_zeros():
    weights = fit(random_rows(), l1_ratio=0.3).item_weights_
    assert weights.format == "csr"
    assert weights.dtype == np.float32
    assert (weights.data > 0).all()
    assert weights.nnz < 25 * 24


def test_the_largest_weights_of_each_item_are_kept_as_they_are():
    rows = random_rows()
    everything, kept = dense_weights(rows, l1_ratio=1e-5), dense_weights(rows, l1_ratio=1e-5, n_neighbors=3)
    assert ((everything > 0).sum(0) > 3).any()
    for whole, part in zip(everything.T, kept.T):
        expected = np.zeros_like(whole)
        largest = np.argsort(-whole)[:3]
        expected[largest] = whole[largest]
        np.testing.assert_array_equal(part, expected)


def test_penalty_larger_than_what_items_share_leaves_no_weights():
    model = fit(random_rows(), regularization=1, l1_ratio=1)
    assert model.item_weights_.shape == (25, 25)
    assert model.item_weights_.nnz == 0


def test_an_item_without_events_has_no_part():
    rows = random_rows().toarray()
    rows[:, 7] = 0
    weights = dense_weights(sp.csr_array(rows))
    assert not weights[7].any()
    assert not weights[:, 7].any()


def test_threads_change_nothing():
    rows = random_rows()
    np.testing.assert_array_equal(
        dense_weights(rows), SLIMRecommender(n_jobs=2).set_params(tol=1e-9).fit(rows).item_weights_.toarray()
    )


def test_items_that_do_not_converge_are_counted_in_one_warning():
    with pytest.warns(ConvergenceWarning, match=r"The weights of \d+ of 25 items did not converge") as said:
        fit(random_rows(), max_iter=1)
    assert len(said) == 1
    assert said[0].filename == __file__


def test_progress_is_shown_where_it_is_asked_for(capsys):
    fit(random_rows(), verbose=1)
    assert "25/25" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"regularization": 0}, ValueError),
        ({"regularization": np.nan}, ValueError),
        ({"regularization": "much"}, TypeError),
        ({"l1_ratio": 0}, ValueError),
        ({"l1_ratio": 1.01}, ValueError),
        ({"n_neighbors": 0}, ValueError),
        ({"n_neighbors": 2.5}, TypeError),
        ({"max_iter": 0}, ValueError),
        ({"tol": 0}, ValueError),
        ({"n_jobs": 0}, ValueError),
        ({"verbose": -1}, ValueError),
    ],
)
def test_bad_parameter_is_named(parameters, error):
    name = next(iter(parameters))
    with pytest.raises(error, match=f"^{name} must be "):
        SLIMRecommender(**parameters).fit(random_rows())


def test_movielens_is_ranked_well(movielens_100k):
    """EASE reaches .363 on this split, popularity .171."""
    train, test = train_test_split(movielens_100k.interactions, test_size=0.2, random_state=0)
    model = SLIMRecommender(positive_from=4, n_jobs=1).fit(train)
    assert get_scorer("ndcg@10", positive_from=4)(model, test) > 0.355
