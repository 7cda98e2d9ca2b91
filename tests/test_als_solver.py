"""Alternating least squares against dense linear systems, the library implicit, and the same in tensors."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from als_references import alternate, loss_of, penalties, solve_rows
from hypothesis import given
from hypothesis import strategies as st
from small_models import likes

from skrec import ALS, MFRecommender
from skrec.data import Interactions
from skrec.engine.als import _batched_rows, _compiled_rows
from skrec.engine.batches import _least_squares
from skrec.engine.batches._least_squares import Side, _nth_absent

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = {"unobserved_weight": 0.2, "regularization": 0.05, "exponent": 1.0}
ENOUGH_STEPS = 100


def side_of(weights, settings, rows=None):
    matrix = sp.csr_array(weights.astype(np.float32))
    return Side(
        np.flatnonzero(np.diff(matrix.indptr)) if rows is None else rows,
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data,
        weights.sum(1),
        penalties(weights, **settings).astype(np.float32),
    )


def improved(x, y, side, n_steps, unobserved_weight):
    """The vectors after half an epoch, and their loss."""
    x = x.copy()
    value = _compiled_rows.improve(x, y, side, unobserved_weight=unobserved_weight, n_steps=n_steps, n_jobs=1)
    return x, value


def tables(n_rows, n_columns, d, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.3, (n, d)).astype(np.float32) for n in (n_rows, n_columns))


@st.composite
def problems(draw):
    """Weights of positive pairs with empty rows, and other weights than 1."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows, n_columns, d = draw(st.integers(1, 12)), draw(st.integers(1, 30)), draw(st.sampled_from([1, 3, 8, 19]))
    weights = (rng.random((n_rows, n_columns)) < draw(st.floats(0.05, 0.95))).astype(float)
    if draw(st.booleans()):
        weights *= rng.uniform(0.1, 4, weights.shape)
    weights[rng.random(n_rows) < 0.2] = 0
    settings = {
        "unobserved_weight": draw(st.sampled_from([0.01, 0.3, 2.0])),
        "regularization": draw(st.sampled_from([0.01, 0.5])),
        "exponent": draw(st.sampled_from([0.0, 0.5, 1.0])),
    }
    return weights, *tables(n_rows, n_columns, d, draw(st.integers(0, 9))), settings


@given(problems())
def test_half_an_epoch_with_enough_steps_solves_the_linear_systems(problem):
    weights, x, y, settings = problem
    has_entries = weights.sum(1) > 0
    found, _ = improved(x, y, side_of(weights, settings), ENOUGH_STEPS, settings["unobserved_weight"])
    expected = solve_rows(weights, y.astype(float), **settings)
    np.testing.assert_allclose(found[has_entries], expected[has_entries], atol=2e-4)
    np.testing.assert_array_equal(found[~has_entries], x[~has_entries])


@given(problems(), st.integers(1, 3))
def test_half_an_epoch_never_raises_the_loss_and_returns_it(problem, n_steps):
    weights, x, y, settings = problem
    x[weights.sum(1) == 0] = 0
    found, value = improved(x, y, side_of(weights, settings), n_steps, settings["unobserved_weight"])
    of_columns = penalties(weights.T, **settings) @ (y.astype(float) ** 2).sum(1)
    before, after = (loss_of(weights, vectors.astype(float), y.astype(float), **settings) for vectors in (x, found))
    assert after <= before * (1 + 1e-5)
    assert value == pytest.approx(after - of_columns, rel=1e-4, abs=1e-4)


@given(problems(), st.integers(1, 4))
def test_tensors_are_improved_in_the_same_way_as_by_compiled_code(problem, n_steps):
    weights, x, y, settings = problem
    side, unobserved_weight = side_of(weights, settings), settings["unobserved_weight"]
    expected, value = improved(x, y, side, n_steps, unobserved_weight)
    found, columns = torch.tensor(x), torch.tensor(y)
    tensors = Side(*map(torch.as_tensor, side))
    total = _batched_rows.improve(found, columns, tensors, unobserved_weight=unobserved_weight, n_steps=n_steps)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-3 if n_steps > 2 else 2e-4)
    assert total == pytest.approx(value, rel=1e-4, abs=1e-4)


def test_only_the_chosen_rows_are_improved():
    weights = likes().to_csr().toarray().astype(float)
    x, y = tables(*weights.shape, 4)
    all_rows, _ = improved(x, y, side_of(weights, SETTINGS), 2, 0.2)
    found, _ = improved(x, y, side_of(weights, SETTINGS, rows=np.array([1, 5])), 2, 0.2)
    np.testing.assert_allclose(found[[1, 5]], all_rows[[1, 5]], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.delete(found, [1, 5], axis=0), np.delete(x, [1, 5], axis=0))


def test_without_any_penalty_the_vectors_stay_finite():
    weights = np.ones((3, 2))
    settings = SETTINGS | {"regularization": 0.0}
    x, _ = tables(3, 2, 5)
    y = np.zeros((2, 5), np.float32)
    y[:, 0] = 1
    found, _ = improved(x, y, side_of(weights, settings), 3, 0.2)
    np.testing.assert_allclose(found[:, 0], 2 / 2.4, rtol=1e-5)
    assert np.isfinite(found).all()


def test_initial_vectors_have_no_negative_entries_and_are_zero_without_events():
    model = MFRecommender(solver="als", n_factors=4, max_epochs=1, random_state=0)
    data = Interactions.from_arrays([0, 1, 3], [0, 2, 2], n_users=4, n_items=3)
    network = model.fit(data)._new_network(data)
    for table, empty in ((network.user_embeddings.weight, 2), (network.item_embeddings.weight, 1)):
        assert (np.delete(table.detach().numpy(), empty, axis=0) > 0).all()
        assert (table[empty] == 0).all()


def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(_compiled_rows, "n_threads", lambda n_jobs, work: n_jobs)
    monkeypatch.setattr(_compiled_rows, "_BLOCK_COST", 50)
    monkeypatch.setattr(_compiled_rows, "TABLE_ROWS", 16)
    monkeypatch.setattr(_least_squares, "TABLE_ROWS", 16)
    rng = np.random.default_rng(0)
    data = sp.random_array((60, 40), density=0.2, rng=rng, format="csr")
    one, three = (
        MFRecommender(solver=ALS(n_jobs=n), n_factors=5, max_epochs=3, random_state=0).fit(data).user_embeddings_
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_negatives_are_drawn_from_the_items_without_an_event_of_the_user(seed, n_items):
    rng = np.random.default_rng(seed)
    weights = sp.csr_array((rng.random((6, n_items)) < 0.6).astype(np.float32))
    rows = np.repeat(np.arange(6), n_items - np.diff(weights.indptr))
    ranks = np.concatenate([np.arange(n) for n in n_items - np.diff(weights.indptr)])
    expected = [item for row in weights.toarray() for item in np.flatnonzero(row == 0)]
    if weights.nnz:
        assert _nth_absent(weights, rows, ranks).tolist() == expected


# ---- whole fits ----------------------------------------------------------------------------------------------------------


def model(**changes):
    solver = ALS(
        unobserved_weight=SETTINGS["unobserved_weight"],
        regularization_exponent=changes.pop("exponent", SETTINGS["exponent"]),
        n_steps=changes.pop("n_steps", ENOUGH_STEPS),
    )
    settings = {
        "n_factors": 3,
        "max_epochs": 6,
        "init_std": 0.3,
        "regularization": SETTINGS["regularization"],
        "random_state": 0,
    }
    return MFRecommender(solver=solver, **settings | changes)


def weights_matrix(data):
    values = np.ones(len(data)) if data.weights is None else data.weights
    return sp.coo_array((values, (data.users, data.items)), shape=(data.n_users, data.n_items)).toarray().astype(float)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_are_those_of_dense_alternating_least_squares(exponent, weighted):
    data = likes()
    if weighted:
        data = data._replace(weights=np.random.default_rng(1).uniform(0.2, 3, len(data)).astype(np.float32))
    settings = SETTINGS | {"exponent": exponent}
    first, later = (model(exponent=exponent, max_epochs=n).fit(data) for n in (1, 6))
    x, y = (table.astype(float) for table in (first.user_embeddings_, first.item_embeddings_))
    weights = weights_matrix(data)
    x, y = alternate(weights, x, y, 5, **settings)
    np.testing.assert_allclose(later.user_embeddings_, x, atol=2e-3)
    np.testing.assert_allclose(later.item_embeddings_, y, atol=2e-3)
    expected = loss_of(weights, x, y, **settings) / weights.sum()
    assert later.history_.train_loss.iloc[-1] == pytest.approx(expected, rel=1e-4)


def test_few_steps_reach_the_loss_of_exact_solutions():
    few, exact = (model(n_steps=n, max_epochs=60).fit(likes()) for n in (1, ENOUGH_STEPS))
    assert few.history_.train_loss.iloc[-1] == pytest.approx(exact.history_.train_loss.iloc[-1], rel=1e-3)


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_the_training_loss_never_rises(n_steps):
    losses = model(n_steps=n_steps, max_epochs=30).fit(likes()).history_.train_loss
    assert (losses.diff()[1:] < 1e-6 * losses.iloc[0]).all()


def test_the_library_implicit_reaches_the_same_loss():
    """Its confidence and regularization are another way to write the same loss, up to the lengths of the vectors."""
    from implicit.cpu.als import AlternatingLeastSquares

    alpha, regularization = 6.0, 2.0
    data = likes()
    theirs = AlternatingLeastSquares(factors=3, alpha=alpha, regularization=regularization, iterations=300, random_state=0)
    theirs.fit(sp.csr_matrix(data.to_csr()), show_progress=False)
    ours = MFRecommender(
        solver=ALS(unobserved_weight=1 / (alpha - 1), regularization_exponent=0.0),
        n_factors=3, regularization=regularization / alpha, max_epochs=300, init_std=0.3, random_state=0,
    ).fit(data)  # fmt: skip
    settings = {"unobserved_weight": 1 / (alpha - 1), "regularization": regularization / alpha, "exponent": 0.0}
    scale = np.sqrt((alpha - 1) / alpha)  # their target of a positive pair is alpha / (alpha - 1)
    of_theirs = loss_of(weights_matrix(data), theirs.user_factors * scale, theirs.item_factors * scale, **settings)
    of_ours = loss_of(weights_matrix(data), ours.user_embeddings_, ours.item_embeddings_, **settings)
    assert of_ours == pytest.approx(of_theirs, rel=2e-3)


def test_weights_are_repetitions_in_the_loss():
    data = likes()
    doubled = data._replace(weights=np.full(len(data), 2, np.float32))
    fitted = model().fit(doubled)
    weights = 2.0 * weights_matrix(data)
    x, y = (table.astype(float) for table in (fitted.user_embeddings_, fitted.item_embeddings_))
    np.testing.assert_allclose(solve_rows(weights, y, **SETTINGS), x, atol=1e-4)


def test_events_of_weight_zero_are_like_unobserved_pairs():
    data = likes()
    weights = np.ones(len(data), np.float32)
    weights[::5] = 0
    fitted, without = (model(max_epochs=100).fit(events) for events in (data._replace(weights=weights), data[weights > 0]))
    assert fitted.history_.train_loss.iloc[-1] == pytest.approx(without.history_.train_loss.iloc[-1], rel=1e-3)


def test_a_repeated_pair_counts_once():
    data = likes()
    repeated = Interactions.from_arrays(
        np.r_[data.users, data.users[:9]], np.r_[data.items, data.items[:9]], n_users=data.n_users, n_items=data.n_items
    )
    np.testing.assert_array_equal(model().fit(repeated).user_embeddings_, model().fit(data).user_embeddings_)
