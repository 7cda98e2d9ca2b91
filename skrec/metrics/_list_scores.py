"""Scores beside accuracy of the lists that a fitted model recommends to the users of test data."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.metrics._beyond_accuracy import (
    PerUser,
    coverage,
    diversity,
    gini,
    incidence,
    lift_of_users,
    novelty,
    unexpected_hits,
)


class ListScores(NamedTuple):
    """A score, and that of each user. The latter are NaN for scores of all lists together."""

    value: float
    per_user: PerUser
    weights: NDArray[np.float64] | None = None

    @classmethod
    def mean(cls, per_user: PerUser, weights: NDArray[np.float64] | None = None) -> "ListScores":
        """The mean over the users with a score, weighted by ``weights``."""
        defined = ~np.isnan(per_user)
        if not defined.any():
            return cls(float("nan"), per_user, weights)
        return cls(
            float(np.average(per_user[defined], weights=None if weights is None else weights[defined])), per_user, weights
        )


class RankedLists:
    """Recommended lists, and what they are compared with.

    Parameters
    ----------
    codes : int64 array of shape (n_users, length)
        Recommended items, padded with -1.
    relevant : CSR of shape (n_users, n_columns)
        Ones at the relevant items. Items that the model does not know are behind the first ``n_items`` columns.
    read_histories : callable
        Returns a CSR of shape (n_users, n_items). Stored entries are the items that the model was shown of each user.
    seen : CSR of shape (n_training_users, n_items)
        Stored entries are the training pairs.
    exclude_seen : bool
        Whether the lists are without the items of the history.
    """

    def __init__(
        self,
        codes: NDArray[np.int64],
        relevant: sp.csr_array,
        read_histories: Callable[[], sp.csr_array],
        seen: sp.csr_array,
        *,
        exclude_seen: bool,
    ):
        self.codes, self.relevant, self.read_histories, self.seen = codes, relevant, read_histories, seen
        self.exclude_seen = exclude_seen

    @cached_property
    def histories(self) -> sp.csr_array:
        """What ``read_histories`` returns."""
        return self.read_histories()

    @property
    def n_items(self) -> int:
        """Number of items of the model."""
        return self.seen.shape[1]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Training users of each item."""
        return np.bincount(self.seen.indices, minlength=self.n_items)

    @cached_property
    def n_training_users(self) -> int:
        """Number of users with training events."""
        return int(np.count_nonzero(np.diff(self.seen.indptr)))

    def first_unexpected_rank(self, k: int) -> NDArray[np.int64]:
        """Rank in the order of popularity, from 0, that follows the k most popular items that may be in each list."""
        if not self.exclude_seen:
            return np.full(len(self.codes), k)
        rows = np.repeat(np.arange(len(self.codes)), np.diff(self.histories.indptr))
        ranks = self.popularity_ranks[self.histories.indices]
        order = np.lexsort((ranks, rows))
        place = np.arange(len(rows)) - self.histories.indptr[rows]
        is_before = ranks[order] - place < k  # fewer than k other items are more popular
        return k + np.bincount(rows[is_before], minlength=len(self.codes))

    @cached_property
    def popularity_ranks(self) -> NDArray[np.int64]:
        """Place of each item in the order of popularity, from 0. Equally popular items are in the order of their codes."""
        ranks = np.empty(self.n_items, np.int64)
        ranks[np.argsort(-self.counts, kind="stable")] = np.arange(self.n_items)
        return ranks


def _coverage(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    return ListScores(coverage(lists.codes, lists.n_items, k=k), np.full(len(lists.codes), np.nan))


def _neg_gini(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    index = gini(lists.codes, lists.n_items, k=k) if lists.n_items > 1 else float("nan")
    return ListScores(-index, np.full(len(lists.codes), np.nan))


def _novelty(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    shares = np.maximum(lists.counts, 1) / max(lists.n_training_users, 1)
    return ListScores.mean(novelty(lists.codes, shares, k=k))


def _diversity(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    vectors = sp.csr_array(lists.seen.T, dtype=np.float64) if features is None else features
    return ListScores.mean(diversity(lists.codes, vectors, k=k))


def _serendipity(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    listed = incidence(lists.codes[:, :k], lists.relevant.shape[1])
    rows = np.repeat(np.arange(len(lists.codes)), np.diff(listed.indptr))
    is_expected = lists.popularity_ranks[listed.indices] < lists.first_unexpected_rank(k)[rows]
    listed.data = np.where(is_expected, 0.0, 1.0)
    return ListScores.mean(unexpected_hits(listed, lists.relevant, k))


def _neg_popularity_lift(lists: RankedLists, k: int, features: sp.csr_array | None) -> ListScores:
    lifts, weights = lift_of_users(incidence(lists.codes[:, :k], lists.n_items), lists.histories, lists.counts)
    return ListScores.mean(-lifts, weights)


LIST_SCORES: dict[str, Callable[[RankedLists, int, sp.csr_array | None], ListScores]] = {
    "coverage": _coverage,
    "neg_gini": _neg_gini,
    "novelty": _novelty,
    "diversity": _diversity,
    "serendipity": _serendipity,
    "neg_popularity_lift": _neg_popularity_lift,
}
"""Scores of lists by name, of the lists, their length, and features of items or None. Greater is better."""
