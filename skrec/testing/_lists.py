"""Checks of `recommend` for users of the training data."""

import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.base import BaseRecommender
from skrec.testing._data import labeled, likes
from skrec.testing._fitting import assert_raises, assert_same_answers, fitted, rows, score_matrix

REFUSED_K = (0, -1, 2.5, True, None, "10")


def check_recommend_known_users(estimator: BaseRecommender) -> None:
    """`recommend` ranks all users by default, or some ids in the given order, or a single id.

    The results are arrays of shape (n_users, k), which can be unpacked as a pair of items and scores.
    """
    model = fitted(estimator, likes)
    all_users = model.recommend(k=4)
    assert all_users.items.shape == all_users.scores.shape == all_users.codes.shape == (45, 4)
    assert all_users.scores.dtype == np.float32 and all_users.codes.dtype == np.int64
    assert all_users.users.tolist() == list(range(45))
    items, scores = all_users
    assert items is all_users.items and scores is all_users.scores
    some = model.recommend([30, 2, 30], k=4)
    assert some.users.tolist() == [30, 2, 30]
    np.testing.assert_array_equal(some.codes, all_users.codes[[30, 2, 30]], err_msg="other lists for a subset of users")
    for form in ((30, 2, 30), np.array([30, 2, 30]), pd.Series([30, 2, 30])):
        assert model.recommend(form, k=4).codes.tolist() == some.codes.tolist(), f"ids as a {type(form).__name__}"
    assert model.recommend(7, k=4).codes.tolist() == all_users.codes[[7]].tolist()
    assert model.recommend(np.empty(0, int), k=4).codes.shape == (0, 4)


def check_one_user_equals_the_batch(estimator: BaseRecommender) -> None:
    """The list of a user does not depend on the other requested users."""
    model = fitted(estimator, likes)
    together = model.recommend(k=6)
    for user in (0, 5, 9, 44):
        assert_same_answers(model.recommend([user], k=6), rows(together, [user]), f"user {user} alone")


def check_seen_items_and_duplicates_are_excluded(estimator: BaseRecommender) -> None:
    """`exclude_seen` excludes exactly the user's seen items, and no list has duplicates."""
    model, seen = fitted(estimator, likes), likes().toarray() > 0
    for user, codes in enumerate(model.recommend(k=24).codes):
        found = codes[codes >= 0]
        assert sorted(found) == np.flatnonzero(~seen[user]).tolist(), f"user {user}: not every unseen item once"
    for codes in model.recommend(k=24, exclude_seen=False).codes:
        assert sorted(codes) == list(range(24)), "with exclude_seen=False, not every item once"


def check_best_first_with_ties_by_item_code(estimator: BaseRecommender) -> None:
    """Scores decrease along a list, and ties are broken by item code."""
    codes, scores = (getattr(fitted(estimator, likes).recommend(k=24), name) for name in ("codes", "scores"))
    left, right, both = scores[:, :-1], scores[:, 1:], codes[:, 1:] >= 0
    assert (left[both] >= right[both]).all(), "a score is higher than the one before"
    ties = both & (left == right)
    assert ties.any(), "items without events should tie"
    assert (codes[:, :-1][ties] < codes[:, 1:][ties]).all(), "equal scores are not in the order of the item codes"


def check_items_without_events_come_last(estimator: BaseRecommender) -> None:
    """Items without events have a score of minus infinity and come last."""
    answer = fitted(estimator, likes).recommend(k=24, exclude_seen=False)
    assert (answer.codes[:, -3:] == [3, 13, 23]).all(), "items without events are not the last three"
    assert np.isneginf(answer.scores[:, -3:]).all() and np.isfinite(answer.scores[:, :-3]).all()


def check_lists_are_padded(estimator: BaseRecommender) -> None:
    """Short lists are padded with -1, NaN and None for labels. `to_frame` leaves the padding out."""
    unseen = 24 - np.diff(likes().indptr)
    model = fitted(estimator, likes)
    for answer in (model.recommend(k=30), fitted(estimator, labeled).recommend(k=30)):
        beyond = np.arange(30) >= unseen[:, None]
        assert (answer.codes[beyond] == -1).all() and (answer.codes[~beyond] >= 0).all()
        assert np.isnan(answer.scores[beyond]).all() and not np.isnan(answer.scores[~beyond]).any()
        frame = answer.to_frame()
        assert list(frame.columns) == ["user", "item", "score", "rank"]
        assert len(frame) == unseen.sum() and frame.notna().all(axis=None)
        assert (frame.groupby("user")["rank"].max().loc[answer.users] == unseen).all()
    assert all(label is None for label in answer.items[beyond]), "labels beyond the end of a list are not None"
    np.testing.assert_array_equal(model.recommend(k=1000).codes[:, :30], model.recommend(k=30).codes)


def check_exclude_and_candidates(estimator: BaseRecommender) -> None:
    """`exclude` and `candidates` filter the full ranking."""
    model = fitted(estimator, likes)
    ranked = model.recommend(k=24).codes

    def kept(allowed: list[int]) -> list[list[int]]:
        lists = [[code for code in codes if code in allowed] for codes in ranked.tolist()]
        return [codes + [-1] * (24 - len(codes)) for codes in lists]

    def codes(**options) -> list[list[int]]:
        return model.recommend(k=24, **options).codes.tolist()

    assert codes(exclude=[0, 7, 8]) == kept(sorted(set(range(24)) - {0, 7, 8}))
    assert codes(candidates=[1, 2, 3]) == kept([1, 2, 3])
    assert codes(candidates=[1, 2, 3], exclude=[2]) == kept([1, 3])
    assert codes(candidates=[]) == kept([])


def check_candidates_of_each_user(estimator: BaseRecommender) -> None:
    """Candidates of each user, as a mapping or a table, filter the ranking of known and new users."""
    model, rng = fitted(estimator, likes), np.random.default_rng(0)
    own = {user: rng.choice(24, 6, replace=False).tolist() for user in range(40)}
    pairs = pd.DataFrame([(user, item) for user, items in own.items() for item in items], columns=["user", "item"])
    for users in ([30, 2, 44, 30, 5], likes()[:44]):
        ranked = model.recommend(users, k=24)
        expected = [
            [code for code in codes if code in own.get(user, []) and code != 0]
            for user, codes in zip(ranked.users.tolist(), ranked.codes.tolist())
        ]
        for candidates in (own, pairs):
            answer = model.recommend(users, k=6, candidates=candidates, exclude=[0])
            found = [codes[codes >= 0].tolist() for codes in answer.codes]
            assert found == expected, f"candidates of each user as a {type(candidates).__name__}"
        pieces = model.recommend_iter(users, k=6, candidates=own, exclude=[0], batch_size=3)
        assert [codes[codes >= 0].tolist() for piece in pieces for codes in piece.codes] == expected


def check_unknown_users_get_the_popular_items_on_request(estimator: BaseRecommender) -> None:
    """With ``unknown="popular"``, unknown ids get the list of a new user without events.

    The lists of known users do not change.
    """
    model, named = fitted(estimator, likes), fitted(estimator, labeled)
    nothing = model.recommend(sp.csr_array((1, 24), dtype=np.float32), k=8)
    own = model.recommend([30, 0], k=8)
    for requested, target in (([45, 30, -1, 0], model), (["nobody", "user 69", "no one", "user 99"], named)):
        answer = target.recommend(requested, k=8, unknown="popular")
        assert answer.users.tolist() == requested
        assert_same_answers(rows(answer, [1, 3]), own, "the known among unknown users")
        for unknown in (0, 2):
            assert_same_answers(rows(answer, [unknown]), nothing, "an unknown user")
        pieces = list(target.recommend_iter(requested, k=8, unknown="popular", batch_size=3))
        np.testing.assert_array_equal(np.concatenate([piece.codes for piece in pieces]), answer.codes)
    every, some = list(range(24)), [8, 7]
    candidates = {"nobody": named.item_ids_[some], "user 69": named.item_ids_[every]}
    answer = named.recommend(["nobody", "user 69"], k=24, unknown="popular", candidates=candidates)
    assert sorted(answer.codes[0, :2]) == [7, 8] and (answer.codes[0, 2:] == -1).all()
    assert answer.codes[1].tolist() == model.recommend([30], k=24).codes[0].tolist()


def check_recommend_iter_equals_recommend(estimator: BaseRecommender) -> None:
    """The batches of `recommend_iter` add up to the result of `recommend`."""
    model = fitted(estimator, likes)
    for users in (None, [30, 2, 9, 5], likes()[:44]):
        whole = model.recommend(users, k=5, candidates=range(20))
        pieces = list(model.recommend_iter(users, k=5, candidates=range(20), batch_size=7))
        assert [len(piece) for piece in pieces[:-1]] == [7] * (len(pieces) - 1)
        assert np.concatenate([piece.users for piece in pieces]).tolist() == whole.users.tolist()
        names = ("users", "items", "scores", "codes")
        joined = type(whole)(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))
        assert_same_answers(joined, whole, "recommend_iter")


def check_recommend_to_parquet(estimator: BaseRecommender) -> None:
    """The Parquet file has the same table as `recommend`, also if it is empty."""
    if find_spec("pyarrow") is None:
        raise SkipTest("pyarrow is not installed")
    model = fitted(estimator, labeled)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lists.parquet"
        model.recommend_to_parquet(path, k=4, batch_size=10)
        expected = model.recommend(k=4).to_frame()
        pd.testing.assert_frame_equal(pd.read_parquet(path), expected, check_dtype=False)
        model.recommend_to_parquet(path, [], k=4)
        assert list(pd.read_parquet(path).columns) == list(expected.columns)
        assert os.listdir(folder) == ["lists.parquet"]


def check_bad_arguments_are_refused(estimator: BaseRecommender) -> None:
    """Unknown labels and invalid list lengths raise errors that name the argument."""
    model, named = fitted(estimator, likes), fitted(estimator, labeled)
    errors = (ValueError, TypeError)
    for k in REFUSED_K:
        assert_raises(errors, lambda k=k: model.recommend([0], k=k), "k must be")
    assert_raises(errors, lambda: model.recommend([45]), "users", "45")
    assert_raises(errors, lambda: model.recommend([-1]), "users", "-1")
    assert_raises(errors, lambda: model.recommend(["nobody"]), "users")
    assert_raises(errors, lambda: named.recommend(["nobody"]), "users", "nobody")
    assert_raises(errors, lambda: model.recommend([0], candidates=[-1]), "candidates", "-1")
    assert_raises(errors, lambda: named.recommend(candidates=[-1]), "candidates", "-1")
    assert_raises(errors, lambda: model.recommend([0], unknown="ignore"), "unknown", "ignore")
    for argument in ("candidates", "exclude"):
        assert_raises(TypeError, lambda argument=argument: named.recommend(**{argument: ["900"]}), argument, "'900'")
    assert_raises(TypeError, lambda: named.recommend([99]), "users", "99")
    assert_raises(errors, lambda: model.recommend([0], exclude_seen=1), "exclude_seen")


def check_audience(estimator: BaseRecommender) -> None:
    """`recommend_users` ranks users by the score of the item. Users without events are left out."""
    model, seen = fitted(estimator, likes), likes().toarray() > 0
    scores, active = score_matrix(model), seen.any(axis=1)
    items = np.array([8, 0, 3])
    for exclude_seen in (True, False):
        answer = model.recommend_users(items, k=50, exclude_seen=exclude_seen)
        assert answer.items.tolist() == items.tolist() and answer.users.shape == answer.scores.shape == (3, 50)
        for item, codes, found in zip(items, answer.codes, answer.scores):
            n = (codes >= 0).sum()
            assert (codes[n:] == -1).all() and np.isnan(found[n:]).all()
            eligible = active & ~seen[:, item] if exclude_seen else active
            if item == 3:
                assert n == 0, "an item without events has an audience"
                continue
            assert sorted(codes[:n]) == np.flatnonzero(eligible).tolist(), "not every eligible user once"
            np.testing.assert_allclose(found[:n], scores[codes[:n], item], rtol=1e-4, atol=1e-5)
            falls = np.diff(found[:n]) < 0
            assert (falls | (np.diff(found[:n]) == 0) & (np.diff(codes[:n]) > 0)).all(), "not best first, ties by user code"


def check_audience_with_labels(estimator: BaseRecommender) -> None:
    """`recommend_users` takes and returns labels. A list does not depend on the other requested items."""
    model, data = fitted(estimator, labeled), labeled()
    answer = model.recommend_users(data.item_ids[[8, 3, 0]], k=50)
    plain = fitted(estimator, likes).recommend_users([8, 3, 0], k=50)
    np.testing.assert_array_equal(answer.codes, plain.codes, err_msg="with labels: other users")
    users, scores = answer
    assert users is answer.users and scores is answer.scores and answer.items.tolist() == data.item_ids[[8, 3, 0]].tolist()
    there = answer.codes >= 0
    assert (users[there] == data.user_ids[answer.codes[there]]).all() and all(label is None for label in users[~there])
    frame = answer.to_frame()
    assert len(frame) == there.sum() and frame["user"].isin(data.user_ids).all()
    alone = model.recommend_users(data.item_ids[8], k=50)
    assert_same_answers(alone, rows(answer, [0]), "an item alone")
    assert_raises(ValueError, lambda: model.recommend_users([-1]), "items", "-1")
    assert_raises(TypeError, lambda: model.recommend_users(["nothing"]), "items", "nothing")
    assert_raises((ValueError, TypeError), lambda: model.recommend_users(data.item_ids[:1], k=0), "k must be")
