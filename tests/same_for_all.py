"""A model that needs neither torch nor training, since everybody gets the same scores; and data for it."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skrec.data import IdEncoder, Interactions, check_interactions, is_matrix
from skrec.metrics import cut_histories

BLOCK = 3


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

    @property
    def _ordered(self):
        return self.ordered

    @property
    def _known_users(self):
        return np.diff(self.seen_.indptr) > 0

    @property
    def _familiar_items(self):
        return np.bincount(self.seen_.indices, minlength=self.n_items_) > 0

    def _recode(self, X, y=None):
        data = check_interactions(X, y)
        users = self._codes(data.users, data.user_ids, self.user_ids_, self.n_users_)
        if is_matrix(X):
            users[:] = -1
        new = users < 0
        users[new] = self.n_users_ + np.unique(data.users[new], return_inverse=True)[1]
        items = self._codes(data.items, data.item_ids, self.item_ids_, self.n_items_)
        return data._replace(
            users=users,
            items=items,
            n_users=max(self.n_users_, users.max(initial=-1) + 1),
            n_items=self.n_items_,
            user_ids=None,
            item_ids=self.item_ids_,
        )

    @staticmethod
    def _codes(codes, ids, own_ids, own_size):
        return np.where(codes < own_size, codes, -1) if ids is None else IdEncoder(own_ids).encode(ids)[codes]

    def _score_blocks(self, query, *, exclude_seen=True):
        is_new = isinstance(query, Interactions)
        seen = query.to_csr(duplicates="any") if is_new else self.seen_[query]
        for start in range(0, seen.shape[0], BLOCK):
            rows = slice(start, min(start + BLOCK, seen.shape[0]))
            scores = np.tile(self.scores_, (rows.stop - rows.start, 1))
            if exclude_seen:
                scores[seen[rows].toarray() > 0] = -np.inf
            yield rows, scores

    def _top(self, query, k, *, exclude_seen=True):
        self.queries_.append(query)
        scores = np.concatenate([block for _, block in self._score_blocks(query, exclude_seen=exclude_seen)])
        codes = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(scores, codes, axis=1)
        return np.where(best > -np.inf, codes, -1), best

    def predict(self, X):
        return self.scores_[self._recode(X).items]


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
