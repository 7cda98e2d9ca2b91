"""The best users for an item: recommendations on the transpose."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_flag
from skrec.base._recommendations import Audience
from skrec.data._vocabulary import decode, first_label
from skrec.topk import NO_CANDIDATE, as_array, check_list_length, row_blocks, top_k_of_columns


def recommend_users(self: Any, items: Any, *, k: int = 10, exclude_seen: bool = True) -> Audience:
    """Find the k known users with the highest scores for each item: ``users, scores = model.recommend_users(...)``.

    Models that are trained to order the items of each user may have scores that are not comparable between users.

    Parameters
    ----------
    items : label or array-like of labels
        Known items.
    k : int, default=10
        Length of the lists.
    exclude_seen : bool, default=True
        Whether users who have interacted with the item are left out.

    Returns
    -------
    Audience
        Users without an event that the model learns from are not included, unless the model knows their features. The list
        of such an item is empty.

    Raises
    ------
    UnknownItemError
        If an item is unknown.
    """
    check_is_fitted(self)
    check_flag(exclude_seen, "exclude_seen")
    codes_of_items = self.vocabulary_.item_codes(items, name="items")
    check_list_length(k, len(codes_of_items), self.n_users_, "users")
    codes, scores = best_users(self, codes_of_items, k, exclude_seen=exclude_seen)
    samples = first_label(self.item_ids_), first_label(self.user_ids_)
    return Audience(decode(codes_of_items, self.item_ids_), decode(codes, self.user_ids_), scores, codes, *samples)


def best_users(
    model: Any, items: NDArray[np.int64], k: int, *, exclude_seen: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Codes and scores (n_items, k) of the best known users for some items, padded with -1 and NaN."""
    codes, scores = np.full((len(items), k), -1), np.full((len(items), k), np.nan, np.float32)
    for rows in row_blocks(len(items), model.n_users_):
        codes[rows], scores[rows] = _best_users_of_block(model, items[rows], k, exclude_seen=exclude_seen)
    return codes, scores


def _best_users_of_block(
    model: Any, items: NDArray[np.int64], k: int, *, exclude_seen: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    is_familiar, is_unlearned = model._familiar_users(np.arange(model.n_users_)), ~model._learned_items[items]
    seen = model.seen_[:, items].T.tocsr() if exclude_seen else None

    def score_block(users: slice):
        state = model._known_state(np.arange(users.start, users.stop))
        scores = np.empty((len(items), users.stop - users.start), np.float32)
        for row, item in enumerate(items):
            scores[row] = as_array(model._score(state, slice(item, item + 1)))[:, 0]
        scores[:, ~is_familiar[users]] = NO_CANDIDATE
        scores[is_unlearned] = NO_CANDIDATE
        return scores

    return top_k_of_columns(score_block, len(items), model.n_users_, k, hidden=seen)
