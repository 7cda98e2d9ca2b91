"""A model that is not derived from any class of the package, since scorers need documented methods only; and data for it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skrec.base import RecommenderTags
from skrec.base._tags import with_recommender_tags
from skrec.data import IdEncoder, Interactions, check_interactions
from skrec.metrics import cut_histories


class SameForAll(BaseEstimator):
    """Scores every item alike for all users: by a list of scores, or by its events in training, times a sign.

    It keeps what it was asked in ``queries_``.
    """

    def __init__(self, scores=None, *, sign=1, ordered=False):
        self.scores, self.sign, self.ordered = scores, sign, ordered

    def fit(self, X, y=None):
        data = check_interactions(X, y)
        self.n_users_, self.n_items_, self.user_ids_, self.item_ids_ = (
            data.n_users,
            data.n_items,
            data.user_ids,
            data.item_ids,
        )
        self.seen_ = data.to_csr(duplicates="any")
        counts = np.bincount(data.items, minlength=data.n_items)
        self.scores_ = self.sign * np.asarray(counts if self.scores is None else self.scores, np.float32)
        self.queries_ = []
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        return with_recommender_tags(tags, RecommenderTags(ordered=self.ordered))

    def score_items(self, users, *, exclude_seen=False):
        is_new = isinstance(users, Interactions)
        codes = users if is_new or self.user_ids_ is None else IdEncoder(self.user_ids_).encode(users)
        seen = users.to_csr(duplicates="any") if is_new else self.seen_[codes]
        scores = np.tile(self.scores_, (seen.shape[0], 1))
        if exclude_seen:
            scores[seen.toarray() > 0] = -np.inf
        return scores

    def recommend(self, users, *, k, exclude_seen=True):
        self.queries_.append(users)
        scores = self.score_items(users, exclude_seen=exclude_seen)
        codes = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(scores, codes, axis=1)
        return SimpleNamespace(codes=np.where(best > -np.inf, codes, -1))

    def predict(self, X):
        data = check_interactions(X)
        codes = IdEncoder(self.item_ids_).encode(data.item_ids) if data.item_ids is not None else np.arange(data.n_items)
        return self.scores_[codes[data.items]]


def frame(pairs, **columns):
    users, items = zip(*pairs)
    return pd.DataFrame({"user": list(users), "item": list(items), **columns})


def shown_and_hidden(X, *, ordered=False):
    """The visible and the hidden items of each user of some labelled or unlabelled events."""
    data = check_interactions(X)
    hidden = cut_histories(data, ordered=ordered)
    sets = [{user: set() for user in range(data.n_users)} for _ in range(2)]
    for user, item, is_hidden in zip(data.users.tolist(), data.items.tolist(), hidden.tolist()):
        sets[is_hidden][user].add(item)
    return sets


TRAIN = frame([("ann", "a"), ("ann", "b"), ("bob", "c"), ("cid", "d"), ("cid", "e")])
# by their scores the items are ranked a, b, c, d, e
MODEL_SCORES = (5, 4, 3, 2, 1)
# what they did later
RATED = frame([("ann", "c"), ("ann", "d"), ("bob", "a"), ("cid", "a")], rating=[1, 3, 4, 5])

CATALOGUE = 12
ROWS = sp.csr_array(np.random.default_rng(0).random((20, CATALOGUE)) < 0.5, dtype=np.float32)
UNLABELLED = SameForAll(range(CATALOGUE)).fit(ROWS)
