"""Nearest neighbors among vectors."""

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_choice, check_flag, check_int
from skrec.base._allowed import read_items
from skrec.base._recommendations import SimilarItems, SimilarUsers
from skrec.data._vocabulary import decode, first_label
from skrec.topk import NO_CANDIDATE, BestColumns, check_list_length, column_blocks, row_blocks

Metric = Literal["cosine", "dot", "l2"]


def similar_items(
    self: Any,
    items: Any,
    *,
    k: int = 10,
    metric: Metric = "cosine",
    include_self: bool = False,
    exclude: Any = None,
    candidates: Any = None,
    min_count: int = 0,
) -> SimilarItems:
    """Find the k items nearest to each of some items: ``labels, scores = model.similar_items(...)``.

    Parameters
    ----------
    items : label or array-like of labels
        Known items.
    k : int, default=10
        Length of the lists.
    metric : {"cosine", "dot", "l2"}, default="cosine"
        How vectors of items are compared. Scores are higher for nearer items, so "l2" gives negative distances.
    include_self : bool, default=False
        Whether an item may be in its own list.
    exclude, candidates : array-like of labels, optional
        Items that must not be in the lists, and the only items that may be. Unknown excluded labels are ignored.
    min_count : int, default=0
        Minimum number of users of an item in the lists, among the events that the model learns from. The vectors of rare
        items are noisy.

    Returns
    -------
    SimilarItems
        Items without an event that the model learns from have an empty list and are in no other list, unless the model
        knows their features.

    Raises
    ------
    UnknownItemError
        If an item is unknown.
    """
    check_is_fitted(self)
    check_int(min_count, "min_count", at_least=0)
    allowed = (self.learned_counts_ >= min_count) & read_items(self.vocabulary_, exclude, candidates)
    codes, known = self.vocabulary_.item_codes(items, name="items"), self._learned_items
    vectors = _vectors(self, "_item_vectors")
    found, scores = nearest(vectors, codes, known, known & allowed, k=k, metric=metric, include_self=include_self)
    sample = first_label(self.item_ids_)
    return SimilarItems(decode(codes, self.item_ids_), decode(found, self.item_ids_), scores, found, sample, sample)


def similar_users(self: Any, users: Any, *, k: int = 10, metric: Metric = "cosine", include_self: bool = False) -> SimilarUsers:
    """Find the k known users nearest to each of some known users.

    Parameters
    ----------
    users : label or array-like of labels
        Known users.
    k, metric, include_self
        As for `similar_items`.

    Returns
    -------
    SimilarUsers

    Raises
    ------
    UnknownUserError
        If a user is unknown.
    """
    check_is_fitted(self)
    codes, known = self.vocabulary_.user_codes(users, name="users"), self._familiar_users(np.arange(self.n_users_))
    vectors = _vectors(self, "_user_vectors")
    found, scores = nearest(vectors, codes, known, known, k=k, metric=metric, include_self=include_self)
    sample = first_label(self.user_ids_)
    return SimilarUsers(decode(codes, self.user_ids_), decode(found, self.user_ids_), scores, found, sample, sample)


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
