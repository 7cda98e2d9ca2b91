"""What a model knows of the users and items in its frame."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.base._frame import Query
from skrec.data import Interactions


class KnowledgeMixin:
    """Counts of the training data, and of whom a model can say more than these counts.

    Familiar are items with a training event and users with an event that the model learns from. A model that reads features
    says so of others too, by overriding ``_described_items`` and ``_familiar_users``.
    """

    n_users_: int
    n_items_: int
    seen_: sp.csr_array
    has_past_: NDArray[np.bool_]
    item_counts_: NDArray[np.int64]
    learned_counts_: NDArray[np.int64]
    popularity_: NDArray[np.float64]
    _informative: Callable[..., Any]

    def _count(self, data: Interactions) -> None:
        """Who has seen what, and what is known of users and items that have no or few events."""
        self.seen_ = data.to_csr(duplicates="any")
        self.item_counts_ = np.bincount(self.seen_.indices, minlength=data.n_items)
        pairs = data[self._informative(data)].to_csr(duplicates="any")
        self.learned_counts_ = np.bincount(pairs.indices, minlength=data.n_items)
        self.popularity_ = self.learned_counts_.astype(np.float64)
        self.has_past_ = np.diff(pairs.indptr) > 0

    @property
    def _known_users(self) -> NDArray[np.bool_]:
        return np.diff(self.seen_.indptr) > 0

    @property
    def _item_counts(self) -> NDArray[np.int64]:
        return self.item_counts_

    @property
    def _familiar_items(self) -> NDArray[np.bool_]:
        """Items (n_items_,) that have a place among the others; the rest come last."""
        return (self._item_counts > 0) | self._described_items

    @property
    def _described_items(self) -> NDArray[np.bool_]:
        """Items (n_items_,) that the model knows by more than their events."""
        return np.zeros(self.n_items_, bool)

    @property
    def _learned_items(self) -> NDArray[np.bool_]:
        """Items (n_items_,) of which something was learned: with an event that counts, or known by their features."""
        return (self.learned_counts_ > 0) | self._described_items

    def _familiar_users(self, query: Query) -> NDArray[np.bool_]:
        """Of the users asked for, those whom the model ranks for; the rest get the popular items."""
        if isinstance(query, Interactions):
            return np.bincount(query.users[self._informative(query)], minlength=query.n_users) > 0
        return self.has_past_[query]
