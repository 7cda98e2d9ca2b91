from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec import topk
from skrec.topk import RowPattern, as_tensor, column_blocks, hide, row_blocks, top_k_of_columns

KINDS = {
    "numpy float32": lambda scores: np.array(scores, np.float32),
    "numpy float64": lambda scores: np.array(scores, np.float64),
    "torch float32": lambda scores: torch.tensor(scores, dtype=torch.float32),
    "torch float64": lambda scores: torch.tensor(scores, dtype=torch.float64),
    "torch bfloat16": lambda scores: torch.tensor(scores, dtype=torch.bfloat16),
}


@st.composite
def score_matrices(draw):
    """Many ties, signed zeros, infinities; and entries to hide."""
    n_rows, n_columns = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    few = st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.5, -np.inf, np.inf])
    scores = draw(st.lists(st.lists(few, min_size=n_columns, max_size=n_columns), min_size=n_rows, max_size=n_rows))
    hidden = draw(st.lists(st.tuples(st.integers(0, n_rows - 1), st.integers(0, n_columns - 1)), max_size=10))
    return scores, sorted(set(hidden))


def slow_top_k(scores, k, hidden=()):
    """One entry at a time: best first, equal scores by column."""
    columns = np.full((len(scores), k), -1)
    best = np.full((len(scores), k), np.nan)
    for row, row_scores in enumerate(scores):
        left = [c for c, score in enumerate(row_scores) if score > -np.inf and (row, c) not in hidden]
        for rank, column in enumerate(sorted(left, key=lambda c: (-row_scores[c], c))[:k]):
            columns[row, rank], best[row, rank] = column, row_scores[column]
    return columns, best


def matrix_of(pairs, shape):
    rows, columns = zip(*pairs) if pairs else ([], [])
    return sp.csr_array((np.ones(len(pairs)), (rows, columns)), shape=shape)


WAYS = {
    "numpy": {"COMPILED_FROM": 10**7},
    "compiled": {"COMPILED_FROM": 0},
    "another device": {"is_on_device": lambda scores: isinstance(scores, torch.Tensor)},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@given(matrix=score_matrices(), k=st.integers(1, 14), width=st.integers(1, 14))
def test_finds_what_sorting_every_row_finds(make, way, matrix, k, width):
    scores, hidden = matrix
    shape = len(scores), len(scores[0])
    with patch.object(topk._blocks, "_LARGEST_WIDTH", width), patch.multiple(topk._lists, **way):
        found, best = top_k_of_columns(
            lambda columns: make([row[columns] for row in scores]), *shape, k, hidden=matrix_of(hidden, shape)
        )
    expected, expected_best = slow_top_k(scores, k, hidden)
    assert (found.dtype, best.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(best, expected_best)


@given(matrix=score_matrices(), k=st.integers(1, 14))
def test_scores_are_compared_before_they_are_rounded_to_float32(matrix, k):
    scores = np.array(matrix[0]) + np.arange(len(matrix[0][0])) * 1e-12
    found, _ = top_k_of_columns(lambda columns: scores[:, columns].copy(), *scores.shape, k)
    np.testing.assert_array_equal(found, slow_top_k(scores.tolist(), k)[0])


def test_thousands_of_ties_at_the_last_place_are_broken_by_column():
    scores = np.zeros((3, 50_000), np.float32)
    scores[1, 40_000] = 1
    found, _ = top_k_of_columns(lambda columns: scores[:, columns].copy(), *scores.shape, 3)
    assert found.tolist() == [[0, 1, 2], [40_000, 0, 1], [0, 1, 2]]


@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (0, 0)])
def test_nothing_to_rank_is_padding(shape):
    found, best = top_k_of_columns(lambda columns: np.zeros((shape[0], columns.stop - columns.start)), *shape, 2)
    assert found.shape == best.shape == (shape[0], 2)
    assert (found == -1).all()
    assert np.isnan(best).all()


def test_rows_without_candidates_are_padding():
    found, best = top_k_of_columns(lambda columns: np.full((1, 3), -np.inf), 1, 3, 2)
    assert found.tolist() == [[-1, -1]]
    assert np.isnan(best).all()


@given(n_rows=st.integers(0, 50), n_columns=st.integers(0, 40), block_bytes=st.integers(1, 2000))
def test_blocks_cover_all_rows_in_order_under_the_budget(n_rows, n_columns, block_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skrec._memory.BLOCK_BYTES", block_bytes)
        blocks = list(row_blocks(n_rows, n_columns))
    assert [row for block in blocks for row in range(block.start, block.stop)] == list(range(n_rows))
    for block in blocks:
        height = block.stop - block.start
        assert height == 1 or 4 * height * n_columns <= block_bytes


@pytest.mark.parametrize("n_columns", [0, 1, 2**16, 2**16 + 1, 200_000])
def test_columns_come_in_blocks_of_bounded_width_and_rows_use_what_that_leaves(n_columns):
    blocks = list(column_blocks(n_columns))
    assert sum(block.stop - block.start for block in blocks) == n_columns
    assert all(block.stop - block.start <= 2**16 for block in blocks)
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    assert next(row_blocks(10**6, 200_000)).stop == next(row_blocks(10**6, 2**16)).stop


@given(matrix=score_matrices(), start=st.integers(0, 11), width=st.integers(1, 12))
def test_hiding_writes_minus_infinity_over_the_stored_entries_of_a_block_and_nothing_else(matrix, start, width):
    scores, hidden = matrix
    n_columns = len(scores[0])
    columns = slice(min(start, n_columns - 1), min(start + width, n_columns))
    block = torch.tensor(scores)[:, columns]
    hide(block, RowPattern.of(matrix_of(hidden, (len(scores), n_columns))), columns)
    expected = [
        [-np.inf if (row, column) in hidden else scores[row][column] for column in range(columns.start, columns.stop)]
        for row in range(len(scores))
    ]
    assert block.tolist() == expected


def test_a_stored_zero_is_hidden_too():
    found, _ = top_k_of_columns(
        lambda columns: np.ones((1, 2)), 1, 2, 1, hidden=sp.csr_array(([0.0], ([0], [0])), shape=(1, 2))
    )
    assert found.tolist() == [[1]]


def test_a_tensor_shares_the_memory_of_its_array():
    scores = np.zeros((1, 2), np.float32)
    as_tensor(scores)[0, 1] = 5
    assert scores.tolist() == [[0, 5]]
