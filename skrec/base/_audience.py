"""The best users for an item: recommendations on the transpose."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec.base._recommendations import Audience
from skrec.data._vocabulary import decode
from skrec.topk import NO_CANDIDATE, as_array, check_list_length, row_blocks, top_k_of_columns


def find_audience(model: Any, items: Any, k: int, *, exclude_seen: bool) -> Audience:
    """The best known users for items with these labels."""
    codes_of_items = model.vocabulary_.item_codes(items, name="items")
    check_list_length(k, len(codes_of_items), model.n_users_, "users")
    codes, scores = best_users(model, codes_of_items, k, exclude_seen=exclude_seen)
    return Audience(decode(codes_of_items, model.item_ids_), decode(codes, model.user_ids_), scores, codes)


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
