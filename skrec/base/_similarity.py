"""Nearest neighbors among vectors."""

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag
from skrec.base._recommendations import SimilarItems, SimilarUsers
from skrec.data._vocabulary import decode
from skrec.topk import NO_CANDIDATE, BestColumns, check_list_length, column_blocks, row_blocks

Metric = Literal["cosine", "dot", "l2"]


def find_similar_items(
    model: Any, items: Any, allowed: NDArray[np.bool_], *, k: int, metric: Metric, include_self: bool
) -> SimilarItems:
    """The nearest allowed items to items with these labels."""
    codes, known = model.vocabulary_.item_codes(items, name="items"), model._learned_items
    vectors, allowed = _vectors(model, "_item_vectors"), known & allowed
    found, scores = nearest(vectors, codes, known, allowed, k=k, metric=metric, include_self=include_self)
    return SimilarItems(decode(codes, model.item_ids_), decode(found, model.item_ids_), scores, found)


def find_similar_users(model: Any, users: Any, *, k: int, metric: Metric, include_self: bool) -> SimilarUsers:
    """The nearest users to users with these labels."""
    codes, known = model.vocabulary_.user_codes(users, name="users"), model._familiar_users(np.arange(model.n_users_))
    vectors = _vectors(model, "_user_vectors")
    found, scores = nearest(vectors, codes, known, known, k=k, metric=metric, include_self=include_self)
    return SimilarUsers(decode(codes, model.user_ids_), decode(found, model.user_ids_), scores, found)


def _vectors(model: Any, name: str) -> Any:
    """Vectors (n, d), dense or CSR, by which a model compares users or items."""
    if not hasattr(model, name):
        raise NotImplementedError(
            f"{type(model).__name__} has no vectors of users and items: it does not learn from who liked what"
        )
    return getattr(model, name)()


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
    best = BestColumns(len(codes), n, k)
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
            return similarity

        for columns in column_blocks(n):
            best.add(rows, columns, score(columns))
    return best.result()


def _squared_lengths(vectors: Any) -> NDArray[np.float32]:
    squares = vectors.multiply(vectors).sum(axis=1) if sp.issparse(vectors) else np.einsum("ij,ij->i", vectors, vectors)
    return np.asarray(squares, dtype=np.float32).ravel()


def _scaled_rows(vectors: Any, scale: NDArray) -> Any:
    if sp.issparse(vectors):
        return (sp.diags_array(scale) @ vectors).tocsr()
    return vectors * scale[:, None]
