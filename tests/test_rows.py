"""Sparse rows: what they hold, and their products, against scipy's and against dense ones."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.engine import Rows, RowTable, SparseMatrix

N_ROWS, N_COLUMNS, WIDTH = 15, 7, 4


def random_matrix(density=0.3, seed=0, shape=(N_ROWS, N_COLUMNS)):
    return sp.random_array(shape, density=density, random_state=np.random.default_rng(seed), format="csr").astype(np.float32)


def random_dense(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


EMPTY = sp.csr_array((2, N_COLUMNS), dtype=np.float32)
MATRICES = {
    "some entries": random_matrix(),
    "all entries": random_matrix(1.0),
    "empty rows at both ends": sp.vstack([EMPTY, random_matrix(), EMPTY], format="csr"),
    "no entry": sp.csr_array((N_ROWS, N_COLUMNS), dtype=np.float32),
    "stored zeros": sp.csr_array((np.array([0, 2, 0], np.float32), ([0, 0, 3], [1, 2, 6])), shape=(4, 7)),
}


@pytest.fixture(params=MATRICES.values(), ids=MATRICES)
def matrix(request):
    return request.param


# ---- some rows -------------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_matrix_in_the_order_asked_for(matrix):
    wanted = torch.tensor([3, 0, matrix.shape[0] - 1, 3])
    rows = RowTable(matrix)(wanted)
    assert rows.lengths.tolist() == np.diff(matrix.indptr)[wanted].tolist()
    np.testing.assert_array_equal(rows.dense(N_COLUMNS), matrix.toarray()[wanted])


@given(st.lists(st.integers(0, N_ROWS - 1), max_size=20), st.integers(0, 3))
def test_any_choice_of_rows_multiplies_as_scipys_rows_do(wanted, seed):
    matrix, x = random_matrix(0.2, seed), random_dense(N_COLUMNS, WIDTH)
    rows = RowTable(matrix)(torch.tensor(wanted, dtype=torch.int64))
    np.testing.assert_allclose(rows.times(x), matrix[wanted] @ x.numpy(), rtol=1e-5, atol=1e-6)


def test_the_index_names_the_row_of_each_entry():
    rows = Rows(torch.tensor([4, 1, 2]), torch.ones(3), torch.tensor([0, 2, 0, 1]))
    assert rows.index.tolist() == [1, 1, 3]


def test_scaled_rows_have_length_one_and_the_same_direction(matrix):
    rows = RowTable(matrix)(torch.arange(matrix.shape[0]))
    dense, scaled = rows.dense(N_COLUMNS).numpy(), rows.scaled().dense(N_COLUMNS).numpy()
    lengths = np.linalg.norm(dense, axis=1)
    np.testing.assert_allclose(scaled * lengths[:, None], dense, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), lengths > 0, rtol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_gradient_of_a_product_reaches_the_rows_that_were_read(sparse):
    matrix, wanted = random_matrix(), torch.tensor([2, 2, 9])
    x, weight = random_dense(N_COLUMNS, WIDTH).requires_grad_(), random_dense(3, WIDTH, seed=1)
    (RowTable(matrix)(wanted).times(x, sparse=sparse) * weight).sum().backward()
    assert x.grad.is_sparse == sparse
    found = x.grad.to_dense() if sparse else x.grad
    np.testing.assert_allclose(found, matrix[wanted.numpy()].T @ weight.numpy(), rtol=1e-5, atol=1e-6)
    assert 0 < (found != 0).any(1).sum() < N_COLUMNS


# ---- the whole matrix ------------------------------------------------------------------------------------------------


def test_products_with_a_matrix_and_its_transpose_are_scipys(matrix):
    of_rows, of_columns = random_dense(N_COLUMNS, WIDTH), random_dense(matrix.shape[0], WIDTH, seed=1)
    by_hand, by_hand_transposed = matrix @ of_rows.numpy(), matrix.T @ of_columns.numpy()
    sparse = SparseMatrix(matrix)
    np.testing.assert_allclose(RowTable(matrix).times(of_rows), by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sparse.times(of_rows), by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sparse.transposed_times(of_columns), by_hand_transposed, rtol=1e-5, atol=1e-6)


def test_gradients_of_products_are_those_of_dense_ones(matrix):
    """There and back through a function that is not linear, so that a gradient in the wrong place shows."""

    def there_and_back(times, transposed_times):
        x = random_dense(N_COLUMNS, WIDTH).requires_grad_()
        (transposed_times(times(x).tanh()) * random_dense(N_COLUMNS, WIDTH, seed=1)).sum().backward()
        return x.grad

    sparse, dense = SparseMatrix(matrix), torch.tensor(matrix.toarray())
    found = there_and_back(sparse.times, sparse.transposed_times)
    torch.testing.assert_close(found, there_and_back(lambda x: dense @ x, lambda x: dense.T @ x))


def test_a_gradient_that_is_not_contiguous_goes_back_too():
    matrix, x = random_matrix(), random_dense(N_COLUMNS, WIDTH).requires_grad_()
    SparseMatrix(matrix).times(x).sum().backward()  # the gradient of a sum is one number, expanded
    np.testing.assert_allclose(x.grad, (matrix.T @ np.ones((N_ROWS, WIDTH), np.float32)), rtol=1e-5)


def test_a_table_has_no_weights_and_is_not_saved_with_the_network():
    matrix = SparseMatrix(random_matrix())
    assert not list(matrix.parameters()) and not matrix.state_dict()
    assert len(list(matrix.buffers())) == 6


def test_later_changes_of_the_matrix_do_not_reach_the_table():
    matrix = random_matrix()
    table, before = RowTable(matrix), matrix.toarray()
    matrix.data[:], matrix.indices[:] = 9, 0
    np.testing.assert_array_equal(table(torch.arange(N_ROWS)).dense(N_COLUMNS), before)


def test_a_million_rows_and_columns_cost_what_their_entries_cost():
    rng, n = np.random.default_rng(0), 10**6
    pairs = rng.integers(0, n, (2, 1000))
    matrix = sp.csr_array((np.ones(1000, np.float32), tuple(pairs)), shape=(n, n))
    rows = RowTable(matrix)(torch.as_tensor(pairs[0][:5]))
    x = torch.arange(n, dtype=torch.float32)[:, None]
    np.testing.assert_allclose(rows.times(x)[:, 0], matrix[pairs[0][:5]] @ x[:, 0].numpy())
