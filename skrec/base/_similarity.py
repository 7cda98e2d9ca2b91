"""Nearest neighbours among vectors."""

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag
from skrec.topk import NO_CANDIDATE, as_tensor, check_list_length, row_blocks, top_k_of_columns

Metric = Literal["cosine", "dot", "l2"]


def nearest(
    vectors: Any,
    codes: NDArray[np.int64],
    known: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    *,
    k: int,
    metric: Metric,
    include_self: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Codes and scores (n, k) of the nearest rows of ``vectors`` (dense or CSR) to the rows ``codes``."""
    check_list_length(k, len(codes), vectors.shape[0], "candidates")
    check_choice(metric, "metric", ("cosine", "dot", "l2"))
    check_flag(include_self, "include_self")
    squares = _squared_lengths(vectors)
    if metric == "cosine":
        vectors = _scaled_rows(vectors, 1 / np.sqrt(np.where(squares > 0, squares, 1)))
    n = vectors.shape[0]
    rounding = 16 * np.finfo(np.float32).eps  # of squared distances, relative to what they are a difference of
    found, scores = np.full((len(codes), k), -1, np.int64), np.full((len(codes), k), np.nan, np.float32)
    for rows in row_blocks(len(codes), n):
        block = codes[rows]

        def score(columns: slice, block=block):
            products = vectors[block] @ vectors[columns].T
            similarity = np.array(products.todense() if sp.issparse(products) else products, dtype=np.float32)
            if metric == "l2":
                squared = squares[block][:, None] + squares[columns] - 2 * similarity
                squared[squared < rounding * (squares[block][:, None] + squares[columns])] = 0
                similarity = -np.sqrt(squared).astype(np.float32)
            similarity[:, ~allowed[columns]] = NO_CANDIDATE
            similarity[~known[block]] = NO_CANDIDATE
            if not include_self:
                own = (block >= columns.start) & (block < columns.stop)
                similarity[own.nonzero()[0], block[own] - columns.start] = NO_CANDIDATE
            return as_tensor(similarity)

        found[rows], scores[rows] = top_k_of_columns(score, len(block), n, k)
    return found, scores


def _squared_lengths(vectors: Any) -> NDArray[np.float32]:
    squares = vectors.multiply(vectors).sum(axis=1) if sp.issparse(vectors) else np.einsum("ij,ij->i", vectors, vectors)
    return np.asarray(squares, dtype=np.float32).ravel()


def _scaled_rows(vectors: Any, scale: NDArray) -> Any:
    if sp.issparse(vectors):
        return (sp.diags_array(scale) @ vectors).tocsr()
    return vectors * scale[:, None]
