"""EASE, and the inverse in place that it rests on."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import EASERecommender
from skrec.data import Interactions
from skrec.models._inverse import invert_in_place

pytestmark = pytest.mark.usefixtures("one_thread")

BLOCK = 8


def positive_definite(n, *, ridge=1.0):
    factor = np.random.default_rng(n).normal(size=(n, n))
    return factor @ factor.T / n + ridge * np.eye(n)


def random_rows(n_users, n_items, density=0.1):
    return sp.csr_array((np.random.default_rng(0).random((n_users, n_items)) < density).astype(np.float32))


def plain_ease(rows, regularization):
    dense = rows.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + regularization * np.eye(dense.shape[1]))
    weights = np.eye(len(inverse)) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def assert_close_to_the_largest(found, expected, relative_error):
    assert np.abs(found - expected).max() <= relative_error * np.abs(expected).max()


@pytest.mark.parametrize("n", [1, 2, 43, 511, 512, 513, 1025])
@pytest.mark.parametrize(("dtype", "relative_error"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_inverse_in_place_equals_numpys(n, dtype, relative_error):
    matrix = positive_definite(n).astype(dtype)
    expected = np.linalg.inv(matrix.astype(np.float64))
    invert_in_place(matrix)
    assert_close_to_the_largest(matrix, expected, relative_error)


def test_inverse_in_place_is_symmetric_bit_by_bit():
    matrix = positive_definite(1100).astype(np.float32)
    invert_in_place(matrix)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_inverse_in_place_reads_the_lower_triangle_alone():
    whole = positive_definite(3 * BLOCK + 1)
    lower = np.tril(whole) + np.triu(np.full_like(whole, 1e9), 1)
    invert_in_place(whole)
    invert_in_place(lower)
    np.testing.assert_array_equal(lower, whole)


def test_inverse_in_place_of_an_ill_conditioned_matrix_is_right_in_float64():
    matrix = positive_definite(3 * BLOCK, ridge=0)
    matrix -= (np.linalg.eigvalsh(matrix)[0] - 1e-7) * np.eye(len(matrix))
    expected = np.linalg.inv(matrix)
    invert_in_place(matrix)
    assert_close_to_the_largest(matrix, expected, 1e-6)


@pytest.mark.parametrize("spoilt", [-1.0, np.nan, np.inf], ids=["indefinite", "not a number", "infinite"])
@pytest.mark.parametrize("position", [0, 2 * BLOCK])
def test_inverse_in_place_refuses_what_is_not_positive_definite(spoilt, position):
    matrix = positive_definite(2 * BLOCK + 1)
    matrix[position, position] = spoilt
    with pytest.raises(np.linalg.LinAlgError, match=r"positive definite|finite"):
        invert_in_place(matrix)


def test_inverse_in_place_takes_no_second_matrix():
    matrix = positive_definite(1500)
    tracemalloc.start()
    invert_in_place(matrix)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * matrix.nbytes + 2**20


@pytest.mark.parametrize("regularization", [1e-2, 1, 30, 500, 1e5])
@pytest.mark.parametrize("shape", [(40, 90), (700, 530)], ids=["fewer users than items", "several blocks"])
def test_weights_are_those_of_the_plain_closed_form(shape, regularization):
    rows = random_rows(*shape)
    model = EASERecommender(regularization=regularization).fit(rows)
    assert model.item_weights_.dtype == np.float32
    np.testing.assert_array_equal(np.diag(model.item_weights_), 0)
    assert_close_to_the_largest(model.item_weights_, plain_ease(rows, regularization), 1e-4)


@pytest.mark.parametrize("regularization", [1e-2, 1, 100, 500])
def test_weights_of_movielens_are_right_to_a_ten_thousandth_of_the_largest(movielens_100k, regularization):
    rows = movielens_100k.interactions.to_csr(duplicates="any")
    model = EASERecommender(regularization=regularization, positive_from=0).fit(movielens_100k.interactions)
    assert_close_to_the_largest(model.item_weights_, plain_ease(rows, regularization), 1e-4)


@pytest.mark.parametrize("shape", [(20, 10), (10, 20)])
def test_immense_regularization_leaves_no_weights(shape):
    weights = EASERecommender(regularization=1e300).fit(random_rows(*shape, density=0.5)).item_weights_
    np.testing.assert_array_equal(weights, 0)


@pytest.mark.parametrize("regularization", [1e-18, 1e-308])
def test_regularization_that_is_lost_in_rounding_is_refused(regularization):
    model = EASERecommender(regularization=regularization)
    with pytest.raises(ValueError, match=r"regularization=.* is too small"):
        model.fit(random_rows(10, 30, density=0.5))


@pytest.mark.parametrize("n_users", [300, 3000])
def test_one_matrix_of_all_pairs_is_all_the_memory_that_fitting_takes(n_users):
    rows, n_items = random_rows(n_users, 3000, density=0.01), 3000
    tracemalloc.start()
    try:
        weights = EASERecommender(regularization=500).fit(rows).item_weights_
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert weights.nbytes == 4 * n_items**2
    assert peak < 1.9 * weights.nbytes


def test_too_many_items_for_any_memory_are_refused_with_the_bytes():
    n_items = 12_000_000
    data = Interactions.from_arrays([0, 1], [0, n_items - 1], [1.0, 1.0], n_users=2, n_items=n_items)
    with pytest.raises(MemoryError, match=f"{n_items} items needs a matrix of {4 * n_items**2} bytes"):
        EASERecommender(regularization=5000).fit(data)
