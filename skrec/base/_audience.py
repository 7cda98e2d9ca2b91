"""The best users for an item: recommend, on the transpose."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_flag
from skrec.base._frame import Frame, decode
from skrec.base._recommendations import Audience
from skrec.topk import NO_CANDIDATE, as_array, check_list_length, row_blocks, top_k_of_columns


class AudienceMixin:
    """`recommend_users`."""

    frame_: Frame
    user_ids_: Any
    item_ids_: Any
    n_users_: int
    seen_: sp.csr_array
    _learned_items: Any
    _familiar_users: Callable[..., Any]
    _known_state: Callable[..., Any]
    _score: Callable[..., Any]

    def recommend_users(self, items: Any, *, k: int = 10, exclude_seen: bool = True) -> Audience:
        """The k known users with the highest scores for each item; ``users, scores = model.recommend_users(...)``.

        Parameters
        ----------
        items : label or array-like of labels
        k : int, default=10
        exclude_seen : bool, default=True
            Leave out users who have interacted with the item.

        Returns
        -------
        Audience
            Users without an event that the model learns from are nobody's audience, and items without one have no audience,
            unless the model knows them by their features.

        Notes
        -----
        A ranking loss teaches a model the order of items within a user; scores of different users share a scale only as far
        as the model's architecture gives them one.
        """
        check_is_fitted(self)
        check_flag(exclude_seen, "exclude_seen")
        codes = self.frame_.item_codes(items, name="items")
        check_list_length(k, len(codes), self.n_users_, "users")
        found, scores = np.full((len(codes), k), -1), np.full((len(codes), k), np.nan, np.float32)
        for rows in row_blocks(len(codes), self.n_users_):
            found[rows], scores[rows] = self._audience(codes[rows], k, exclude_seen=exclude_seen)
        return Audience(decode(codes, self.item_ids_), decode(found, self.user_ids_), scores, found)

    def _audience(
        self, codes: NDArray[np.int64], k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Codes and scores (n, k) of the best users for some items."""
        known, silent = self._familiar_users(np.arange(self.n_users_)), ~self._learned_items[codes]
        seen = self.seen_[:, codes].T.tocsr() if exclude_seen else None

        def score_block(users: slice):
            state = self._known_state(np.arange(users.start, users.stop))
            scores = np.empty((len(codes), users.stop - users.start), np.float32)
            for row, item in enumerate(codes):
                scores[row] = as_array(self._score(state, slice(item, item + 1)))[:, 0]
            scores[:, ~known[users]] = NO_CANDIDATE
            scores[silent] = NO_CANDIDATE
            return scores

        return top_k_of_columns(score_block, len(codes), self.n_users_, k, hidden=seen)
