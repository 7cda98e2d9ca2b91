"""Nearest neighbors among vectors."""

from typing import Any, Literal, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag, check_int
from skrec.base._allowed import read_items, read_users
from skrec.base._prepared import prepared
from skrec.base._recommendations import SimilarItems, SimilarUsers
from skrec.base._training_data import check_fitted
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
        Whether each item is first in its own list, also before items with a higher dot product. An item that ``exclude``,
        ``candidates`` or ``min_count`` leaves out is not in its list.
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
    check_fitted(self)
    check_int(min_count, "min_count", at_least=0)
    allowed = (self.learned_counts_ >= min_count) & read_items(self.vocabulary_, exclude, candidates)
    codes, known = self.vocabulary_.item_codes(items, name="items"), self._learned_items
    found, scores = nearest(
        prepared(self, _items), codes, known, known & allowed, k=k, metric=metric, include_self=include_self
    )
    sample = first_label(self.item_ids_)
    return SimilarItems(decode(codes, self.item_ids_), decode(found, self.item_ids_), scores, found, sample, sample)


def similar_users(
    self: Any,
    users: Any,
    *,
    k: int = 10,
    metric: Metric = "cosine",
    include_self: bool = False,
    exclude: Any = None,
    candidates: Any = None,
) -> SimilarUsers:
    """Find the k known users nearest to each of some known users.

    Parameters
    ----------
    users : label or array-like of labels
        Known users.
    k, metric, include_self
        As for `similar_items`.
    exclude, candidates : array-like of labels, optional
        Users that must not be in the lists, and the only users that may be. Unknown excluded labels are ignored.

    Returns
    -------
    SimilarUsers

    Raises
    ------
    UnknownUserError
        If a user or a candidate is unknown.
    """
    check_fitted(self)
    codes, known = self.vocabulary_.user_codes(users, name="users"), self._familiar_users(np.arange(self.n_users_))
    allowed = read_users(self.vocabulary_, exclude, candidates)
    found, scores = nearest(
        prepared(self, _users), codes, known, known & allowed, k=k, metric=metric, include_self=include_self
    )
    sample = first_label(self.user_ids_)
    return SimilarUsers(decode(codes, self.user_ids_), decode(found, self.user_ids_), scores, found, sample, sample)


class Vectors(NamedTuple):
    """Vectors of users or of items that are compared.

    Attributes
    ----------
    rows : array or CSR of shape (n, d)
        The vectors.
    columns : array or CSR of shape (d, n)
        Their transpose.
    squares : float32 array of shape (n,)
        Their squared lengths.
    inverse_lengths : float32 array of shape (n,)
        1 for vectors of length 0.
    """

    rows: Any
    columns: Any
    squares: NDArray[np.float32]
    inverse_lengths: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: Any) -> Self:
        """Prepare an array or a sparse matrix (n, d)."""
        rows, columns = (vectors.tocsr(), vectors.T.tocsr()) if sp.issparse(vectors) else (vectors, vectors.T)
        squares = _squared_lengths(rows)
        inverse_lengths = np.where(squares > 0, squares, 1) ** -0.5
        return cls(rows, columns, squares, inverse_lengths.astype(np.float32))


def _items(model: Any) -> Vectors:
    return Vectors.of(_vectors(model, "_item_vectors"))


def _users(model: Any) -> Vectors:
    return Vectors.of(_vectors(model, "_user_vectors"))


def _vectors(model: Any, name: str) -> Any:
    """Vectors (n, d), dense or sparse, by which a model compares users or items."""
    if not hasattr(model, name):
        raise NotImplementedError(
            f"{type(model).__name__} has no vectors of users and items: it does not learn from who liked what"
        )
    return getattr(model, name)()


def nearest(
    vectors: Vectors,
    codes: NDArray[np.int64],
    known: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    *,
    k: int,
    metric: Metric,
    include_self: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Codes and scores (n, k) of the nearest vectors to the vectors ``codes``."""
    n, squares = len(vectors.squares), vectors.squares
    check_list_length(k, len(codes), n, "candidates")
    check_choice(metric, "metric", ("cosine", "dot", "l2"))
    check_flag(include_self, "include_self")
    rounding = 16 * np.finfo(np.float32).eps  # of squared distances, relative to what they are a difference of
    best, own_scores = BestColumns(len(codes), n, k), np.empty(len(codes), np.float32)
    for rows in row_blocks(len(codes), n):
        block = codes[rows]

        def score(columns: slice, block=block, own_scores=own_scores[rows]):
            of_columns = vectors.columns if columns == slice(0, n) else vectors.columns[:, columns]
            products = vectors.rows[block] @ of_columns
            similarity = np.asarray(products.toarray() if sp.issparse(products) else products, dtype=np.float32)
            if metric == "cosine":
                similarity *= vectors.inverse_lengths[block][:, None]
                similarity *= vectors.inverse_lengths[columns]
            if metric == "l2":
                squared = squares[block][:, None] + squares[columns] - 2 * similarity
                squared[squared < rounding * (squares[block][:, None] + squares[columns])] = 0
                similarity = -np.sqrt(squared).astype(np.float32)
            similarity[:, ~allowed[columns]] = NO_CANDIDATE
            similarity[~known[block]] = NO_CANDIDATE
            own = np.flatnonzero((block >= columns.start) & (block < columns.stop))
            own_scores[own] = similarity[own, block[own] - columns.start]
            is_listed = include_self & (own_scores[own] != NO_CANDIDATE)
            similarity[own, block[own] - columns.start] = np.where(is_listed, np.inf, NO_CANDIDATE)
            return similarity

        for columns in column_blocks(n):
            best.add(rows, columns, score(columns))
    found, scores = best.result()
    is_own = found[:, 0] == codes
    scores[is_own, 0] = own_scores[is_own]
    return found, scores


def _squared_lengths(vectors: Any) -> NDArray[np.float32]:
    squares = vectors.multiply(vectors).sum(axis=1) if sp.issparse(vectors) else np.einsum("ij,ij->i", vectors, vectors)
    return np.asarray(squares, dtype=np.float32).ravel()
