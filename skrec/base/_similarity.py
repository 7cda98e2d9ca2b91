"""Neighbours in the space of vectors that a model has learned."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_choice, check_flag, check_int
from skrec.base._allowed import read_items
from skrec.base._frame import Frame, decode
from skrec.base._recommendations import SimilarItems, SimilarUsers
from skrec.topk import NO_CANDIDATE, as_tensor, check_list_length, row_blocks, top_k_of_columns

Metric = Literal["cosine", "dot", "l2"]


class SimilarityMixin:
    """`similar_items` and `similar_users` of models that write ``_item_vectors`` and ``_user_vectors``."""

    frame_: Frame
    _learned_items: Any
    learned_counts_: NDArray[np.int64]
    _familiar_users: Callable[..., Any]

    def _item_vectors(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no vectors of items: it does not learn from who liked what")

    def _user_vectors(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no vectors of users: it does not learn from who liked what")

    def similar_items(
        self,
        items: Any,
        *,
        k: int = 10,
        metric: Metric = "cosine",
        include_self: bool = False,
        exclude: Any = None,
        candidates: Any = None,
        min_count: int = 0,
    ) -> SimilarItems:
        """The k items nearest to each of some items; ``labels, scores = model.similar_items(...)``.

        Parameters
        ----------
        items : label or array-like of labels
        k : int, default=10
        metric : {"cosine", "dot", "l2"}, default="cosine"
            Of the items' vectors; scores are higher for nearer items, so for "l2" they are negative distances.
        include_self : bool, default=False
        exclude, candidates : array-like of labels, optional
            Items that must not, or that alone may be among the answers. Excluded labels that the model does not know are
            ignored.
        min_count : int, default=0
            Leave out of the answers items with fewer users, among the events that the model learns from: the vectors of rare
            items are mostly noise. Applies to the answers and not to ``items``.

        Returns
        -------
        SimilarItems
            An item without an event that the model learns from, such as one with values below ``positive_from`` alone, is
            similar to nothing, unless the model knows it by its features: its list is empty, and it is in no other's.
        """
        check_is_fitted(self)
        check_int(min_count, "min_count", at_least=0)
        frame, known = self.frame_, self._learned_items
        codes = frame.item_codes(items, name="items")
        allowed = known & (self.learned_counts_ >= min_count) & read_items(frame, exclude, candidates)
        found, scores = nearest(self._item_vectors(), codes, known, allowed, k=k, metric=metric, include_self=include_self)
        return SimilarItems(decode(codes, frame.item_ids), decode(found, frame.item_ids), scores, found)

    def similar_users(self, users: Any, *, k: int = 10, metric: Metric = "cosine", include_self: bool = False) -> SimilarUsers:
        """The k known users nearest to each of some known users; see `similar_items`."""
        check_is_fitted(self)
        frame = self.frame_
        codes = frame.user_codes(users, name="users")
        known = self._familiar_users(np.arange(frame.n_users))
        found, scores = nearest(self._user_vectors(), codes, known, known, k=k, metric=metric, include_self=include_self)
        return SimilarUsers(decode(codes, frame.user_ids), decode(found, frame.user_ids), scores, found)


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
