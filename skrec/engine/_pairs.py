"""Scores of pairs of a user and an item."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.base._queries import KnownUsers
from skrec.base._scoring import score_blocks
from skrec.topk import as_array


def score_pairs(model: Any, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
    """Predict the scores of pairs with a fitted `TorchRecommender`.

    Parameters
    ----------
    model : TorchRecommender
    users : int64 array of shape (n,)
        User codes. Codes of unknown users are ``n_users_`` or larger.
    items : int64 array of shape (n,)
        Item codes. -1 for unknown items.

    Returns
    -------
    float32 array of shape (n,)
        Scores of the network if user and item are known. A ranking model returns the popularity of the item for unknown users,
        and minus infinity for unknown items. A model of ratings returns the rating of the mean user for unknown users, and the
        user's mean over the known items for unknown items.
    """
    known_user = users < model.n_users_
    known_user[known_user] = model._familiar_users(users[known_user])
    known_item = items >= 0
    known_item[known_item] = model._familiar_items[items[known_item]]
    both = known_user & known_item
    scores = np.full(len(users), -np.inf, np.float32)
    scores[both] = model._forward(users[both], items[both])
    if both.all():
        return scores
    if not model._predicts_ratings:
        scores[~known_user & known_item] = model.popularity_[items[~known_user & known_item]]
        return scores
    mean_user = model.prior_.state(torch.zeros_like(model.prior_.mean)[None])
    of_items = as_array(model._score(mean_user, slice(0, model.n_items_)))[0]
    scores[~known_user & known_item] = of_items[items[~known_user & known_item]]
    scores[~known_user & ~known_item] = _mean_of_known_items(model, of_items[None])[0]
    of_unknown_items = np.flatnonzero(known_user & ~known_item)
    distinct, rows = np.unique(users[of_unknown_items], return_inverse=True)
    for block, block_scores in score_blocks(model, KnownUsers(distinct, distinct), exclude_seen=False):
        here = (rows >= block.start) & (rows < block.stop)
        scores[of_unknown_items[here]] = _mean_of_known_items(model, block_scores)[rows[here] - block.start]
    return scores


def _mean_of_known_items(model: Any, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    return scores[:, model._item_counts > 0].mean(1, dtype=np.float64)  # a sum of large ratings overflows float32
