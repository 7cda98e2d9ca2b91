"""Scorers on a model that needs neither torch nor training: everybody gets the same scores."""

import os
import pickle
import subprocess
import sys
from math import log2, sqrt

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skrec.data import IdEncoder, Interactions, check_interactions, is_matrix
from skrec.metrics import cut_histories, get_scorer, make_multi_scorer, make_ranking_scorer

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
    def _item_counts(self):
        return np.bincount(self.seen_.indices, minlength=self.n_items_)

    def _recode(self, X, y=None):
        data = check_interactions(X, y)
        users = self._codes(data.users, data.user_ids, self.user_ids_, self.n_users_)
        if is_matrix(X):
            users[:] = -1
        new = users < 0
        users[new] = self.n_users_ + np.unique(data.users[new], return_inverse=True)[1]
        items = self._codes(data.items, data.item_ids, self.item_ids_, self.n_items_)
        return Interactions(
            users,
            items,
            data.values,
            n_users=max(self.n_users_, users.max(initial=-1) + 1),
            n_items=self.n_items_,
            timestamps=data.timestamps,
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


# ---- known users -----------------------------------------------------------------------------------------------------

TRAIN = frame([("ann", "a"), ("ann", "b"), ("bob", "c"), ("cid", "d"), ("cid", "e")])
# by their scores the items are ranked a, b, c, d, e
MODEL_SCORES = (5, 4, 3, 2, 1)


@pytest.fixture
def model():
    return SameForAll(MODEL_SCORES).fit(TRAIN)


def test_known_users_are_ranked_without_their_training_items(model):
    # ann's list is c d e: a hit at place 2. bob's list is a b d e: hits at places 1 and 4
    test = frame([("ann", "d"), ("bob", "a"), ("bob", "e")])
    evaluation = get_scorer("ndcg@10").evaluate(model, test)
    ann, bob = 1 / log2(3), (1 + 1 / log2(5)) / (1 + 1 / log2(3))
    assert evaluation.users.tolist() == ["ann", "bob"]
    np.testing.assert_allclose(evaluation.per_user, [ann, bob], rtol=0, atol=1e-15)
    assert evaluation.value == pytest.approx((ann + bob) / 2, abs=1e-15)
    assert get_scorer("ndcg@10")(model, test) == evaluation.value
    assert (evaluation.n_users, evaluation.share_of_users_scored, evaluation.share_of_known_items) == (2, 1, 1)


@pytest.mark.parametrize(
    ("name", "bob"),
    [
        ("ndcg@2", 1 / (1 + 1 / log2(3))),
        ("recall@2", 1 / 3),
        ("recall_capped@2", 1 / 2),
        ("precision@2", 1 / 2),
        ("map@4", (1 + 2 / 4) / 3),
        ("mrr@2", 1),
        ("hit_rate@2", 1),
        ("auc", (2 + 0 + 0) / 6),
    ],
)
def test_each_name_is_the_metric_that_it_says(model, name, bob):
    # bob's list is a b d e, and b and d are the others; an item that the model does not know is behind both
    evaluation = get_scorer(name).evaluate(model, frame([("bob", "a"), ("bob", "e"), ("bob", "?")]))
    assert evaluation.value == pytest.approx(bob, abs=1e-15)


def test_the_training_data_itself_is_scored_by_how_well_it_is_reproduced(model):
    # lists are a, b, c for everybody: both of ann's items, bob's one, none of cid's
    evaluation = get_scorer("recall@3").evaluate(model, TRAIN)
    assert evaluation.per_user.tolist() == [1, 1, 0]
    assert "without those shown" not in evaluation.protocol


def test_repeats_of_training_pairs_count_nowhere(model):
    plain = frame([("ann", "d"), ("bob", "a")])
    repeats = frame([("ann", "d"), ("ann", "a"), ("ann", "b"), ("bob", "a"), ("cid", "e")])
    for name in ("ndcg@10", "recall@2", "auc"):
        with_repeats, without = (get_scorer(name).evaluate(model, test) for test in (repeats, plain))
        assert with_repeats.per_user.tolist() == without.per_user.tolist()
        assert with_repeats.share_of_users_scored == without.share_of_users_scored == 1


def test_items_unknown_to_the_model_are_misses_each_for_itself(model):
    test = frame([("bob", "a"), ("bob", "x"), ("bob", "y"), ("bob", "y"), ("ann", "c"), ("ann", "d")])
    evaluation = get_scorer("recall@1").evaluate(model, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"ann": 1 / 2, "bob": 1 / 3}
    assert evaluation.share_of_known_items == 3 / 6


def test_repeated_events_are_one_relevant_item(model):
    assert get_scorer("recall@1")(model, frame([("bob", "a")] * 3 + [("bob", "e")])) == 1 / 2


def test_only_values_from_the_threshold_on_are_relevant(model):
    test = frame([("ann", "c"), ("ann", "e"), ("bob", "a"), ("cid", "a")], rating=[3, 4, 5, 2.5])
    evaluation = get_scorer("mrr@5", positive_from=4).evaluate(model, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"ann": 1 / 3, "bob": 1}
    assert evaluation.share_of_users_scored == 1


def test_y_holds_the_values_of_events(model):
    test = frame([("ann", "c"), ("ann", "e")])
    assert get_scorer("mrr@5", positive_from=4)(model, test, [3, 4]) == 1 / 3


def test_codes_serve_where_there_are_no_labels():
    train, test = Interactions.from_arrays([0, 1, 0], [0, 1, 2]), Interactions.from_arrays([1], [2])
    evaluation = get_scorer("mrr@5").evaluate(SameForAll((3, 2, 1)).fit(train), test)
    assert (evaluation.users.tolist(), evaluation.value) == ([1], 1 / 2)


def test_k_beyond_the_catalogue_is_fine(model):
    assert get_scorer("precision@1000")(model, frame([("bob", "a")])) == 1 / 1000


# ---- new users -------------------------------------------------------------------------------------------------------

CATALOGUE = 12
ROWS = sp.csr_array(np.random.default_rng(0).random((20, CATALOGUE)) < 0.5, dtype=np.float32)
UNLABELLED = SameForAll(range(CATALOGUE)).fit(ROWS)


def test_rows_of_a_matrix_are_new_users_of_whom_a_part_is_hidden():
    visible, hidden = shown_and_hidden(ROWS)
    expected = []
    for user in range(20):
        ranked = [item for item in reversed(range(CATALOGUE)) if item not in visible[user]]
        expected.append(len(hidden[user].intersection(ranked[:4])) / len(hidden[user]))
    evaluation = get_scorer("recall@4").evaluate(UNLABELLED, ROWS)
    assert evaluation.users.tolist() == list(range(20))
    np.testing.assert_allclose(evaluation.per_user, expected, rtol=0, atol=1e-15)


def test_the_model_is_shown_the_visible_part_alone():
    model = clone(UNLABELLED).fit(ROWS)
    get_scorer("recall@4")(model, ROWS)
    (histories,) = model.queries_
    visible, _ = shown_and_hidden(ROWS)
    assert histories.n_users == 20
    assert (np.diff(histories.users) >= 0).all()
    assert {user: set(histories.items[histories.users == user].tolist()) for user in range(20)} == visible


def test_all_containers_are_scored_alike():
    as_events = Interactions.from_csr(ROWS)
    labels = [f"item {code:02d}" for code in range(CATALOGUE)]
    strangers = [f"user {code}" for code in range(100, 120)]
    labelled = SameForAll(range(CATALOGUE)).fit(Interactions.from_csr(ROWS, user_ids=range(20), item_ids=labels))
    named = Interactions.from_csr(ROWS, user_ids=strangers, item_ids=labels)
    unknown = Interactions.from_arrays(as_events.users + 20, as_events.items, n_items=CATALOGUE)
    values = {
        kind: get_scorer("ndcg@5")(model, X)
        for kind, model, X in [
            ("csr", UNLABELLED, ROWS),
            ("dense", UNLABELLED, ROWS.toarray()),
            ("codes", UNLABELLED, unknown),
        ]
    }
    assert len(set(values.values())) == 1
    # labels are another content than codes, and so may be cut in another way, but in the same one in every container
    assert get_scorer("ndcg@5")(labelled, named) == get_scorer("ndcg@5")(labelled, named.to_frame())


def test_known_and_new_users_are_told_apart_in_one_test_set(model):
    strangers = [("zoe", item) for item in "abcde"]
    evaluation = get_scorer("hit_rate@5").evaluate(model, frame([*strangers, ("bob", "a")]))
    assert evaluation.users.tolist() == ["bob", "zoe"]
    known, new = model.queries_
    assert known.tolist() == [1]
    assert len(new) == 4


def test_users_of_the_frame_without_training_events_are_new():
    train = Interactions.from_arrays([0, 0, 0, 0], [0, 1, 2, 3], n_users=2)
    test = Interactions.from_arrays([1, 1], [2, 3], n_users=2)
    model = SameForAll((0, 0, 1, 1)).fit(train)
    assert get_scorer("hit_rate@1")(model, test) == 1
    (histories,) = model.queries_
    assert isinstance(histories, Interactions), "one of the items is shown, the other is asked for"


def test_new_users_with_one_item_are_not_scored():
    rows = sp.csr_array([[1, 1, 0.0], [0, 1, 1], [0, 1, 0]])
    evaluation = get_scorer("ndcg@3").evaluate(SameForAll((1, 2, 3)).fit(rows), rows)
    assert evaluation.users.tolist() == [0, 1]
    assert evaluation.share_of_users_scored == 2 / 3


def test_unknown_items_are_never_shown_to_the_model(model):
    test = frame([(user, item) for user in ("yan", "zoe") for item in "abcdefghij"])
    evaluation = get_scorer("recall@5").evaluate(model, test)
    visible, hidden = shown_and_hidden(test)
    (histories,) = model.queries_
    assert [set(histories.items[histories.users == user].tolist()) for user in (0, 1)] == [
        {item for item in visible[user] if item < 5} for user in (0, 1)
    ]
    known = [len([item for item in hidden[user] if item < 5]) for user in (0, 1)]
    assert evaluation.per_user.tolist() == [n / 2 for n in known]  # two of ten items are hidden


def test_someone_who_is_shown_only_unknown_items_is_an_empty_history(model):
    test = frame([(f"user {n}", item) for n in range(8) for item in (f"unknown {n}", "a")])
    _, hidden = shown_and_hidden(test)
    n_shown = sum(0 not in items for items in hidden.values())
    assert 0 < n_shown < 8, "the test needs users of both kinds"
    evaluation = get_scorer("hit_rate@1").evaluate(model, test)
    (histories,) = model.queries_
    assert (histories.n_users, len(histories)) == (8, n_shown)
    assert evaluation.per_user.tolist() == [float(0 in hidden[user]) for user in range(8)]


def test_ordered_models_are_asked_for_the_last_event():
    test = frame([("zoe", item) for item in "abc"] + [("yan", item) for item in "eda"], timestamp=[3, 9, 4, 1, 2, 3])
    model = SameForAll(MODEL_SCORES, ordered=True).fit(TRAIN)
    evaluation = get_scorer("mrr@5").evaluate(model, test)
    # zoe's last is b, first of the list b d e; yan's last is a, first of a b c
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"yan": 1, "zoe": 1}
    (histories,) = model.queries_
    assert histories.items.tolist() == [4, 3, 0, 2]
    assert histories.timestamps.tolist() == [1, 2, 3, 4]


def test_a_last_event_that_repeats_the_visible_past_counts_nowhere():
    test = frame([("zoe", item) for item in "aba"] + [("yan", item) for item in "cde"])
    model = SameForAll(MODEL_SCORES, ordered=True).fit(TRAIN)
    evaluation = get_scorer("mrr@5").evaluate(model, test)
    assert evaluation.users.tolist() == ["yan"]


def test_scores_do_not_depend_on_the_order_of_rows_and_events():
    rows = np.random.default_rng(1).permutation(20)
    plain = get_scorer("ndcg@5").evaluate(UNLABELLED, ROWS)
    permuted = get_scorer("ndcg@5").evaluate(UNLABELLED, ROWS[rows])
    np.testing.assert_array_equal(permuted.per_user, plain.per_user[rows])


@pytest.mark.parametrize("ordered", [False, True])
def test_the_protocol_is_said_in_words(ordered):
    model = SameForAll(range(CATALOGUE), ordered=ordered).fit(ROWS)
    protocol = get_scorer("ndcg@5", positive_from=1).evaluate(model, ROWS).protocol
    for part in ("ndcg@5", "full ranking", "positive_from=1", "last event" if ordered else "a fifth of the items"):
        assert part in protocol


# ---- cutting histories -----------------------------------------------------------------------------------------------

EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 15)), min_size=1, max_size=60)


def interactions(events, **columns):
    users, items = np.array(events).T
    return Interactions.from_arrays(users, items, n_users=6, n_items=16, **columns)


@pytest.mark.parametrize(("n_items", "n_hidden"), [(1, 0), (2, 1), (7, 1), (8, 2), (12, 2), (13, 3), (100, 20)])
def test_a_fifth_of_the_items_and_at_least_one_is_hidden(n_items, n_hidden):
    data = Interactions.from_arrays([0] * n_items, range(n_items))
    assert cut_histories(data, ordered=False).sum() == n_hidden


@given(EVENTS)
def test_all_events_of_an_item_are_on_one_side_and_something_stays_visible(events):
    visible, hidden = shown_and_hidden(interactions(events))
    for user in {user for user, _ in events}:
        assert not visible[user] & hidden[user]
        assert visible[user]


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_cut_depends_on_the_set_of_items_alone(events, random):
    repeated = events + random.choices(events, k=5)
    random.shuffle(repeated)
    other_users = random.sample(range(6), 6)
    before = shown_and_hidden(interactions(events))
    after = shown_and_hidden(interactions([(other_users[user], item) for user, item in repeated]))
    for sets_before, sets_after in zip(before, after):
        assert {other_users[user]: items for user, items in sets_before.items()} == sets_after


@given(EVENTS, st.permutations(range(16)))
def test_the_cut_of_labelled_items_does_not_depend_on_the_vocabulary(events, codes):
    labels = np.array([f"item {number}" for number in range(16)], object)
    sorted_ids = interactions(events, item_ids=labels)
    shuffled_ids = interactions([(user, codes[item]) for user, item in events], item_ids=labels[np.argsort(codes)])
    np.testing.assert_array_equal(cut_histories(sorted_ids, ordered=False), cut_histories(shuffled_ids, ordered=False))


@given(EVENTS, st.data())
def test_the_last_event_is_hidden_in_order(events, draw):
    times = draw.draw(st.lists(st.integers(0, 9), min_size=len(events), max_size=len(events)))
    expected = [False] * len(events)
    for user in range(6):
        rows = [row for row, event in enumerate(events) if event[0] == user]
        if len({events[row] for row in rows}) > 1:
            expected[max(rows, key=lambda row: (times[row], row))] = True
    data = interactions(events, timestamps=times)
    assert cut_histories(data, ordered=True).tolist() == expected


def test_every_item_has_the_same_chance_to_be_hidden():
    rng = np.random.default_rng(2)
    rows = np.argsort(rng.random((4000, 20)), axis=1)[:, :10]
    data = Interactions.from_arrays(np.repeat(np.arange(4000), 10), rows.ravel())
    hidden = cut_histories(data, ordered=False)
    share = np.bincount(data.items[hidden], minlength=20) / np.bincount(data.items, minlength=20)
    # 2,000 rows hold an item: the standard deviation of a share of .2 is .009
    assert np.abs(share - 0.2).max() < 0.036


def test_the_cut_is_the_same_in_every_process():
    program = (
        "import numpy as np; from skrec.data import Interactions; from skrec.metrics import cut_histories;"
        "data = Interactions.from_arrays([0] * 30, range(30), item_ids=[f'item {i}' for i in range(30)]);"
        "print(np.flatnonzero(cut_histories(data, ordered=False)).tolist())"
    )
    answers = {
        subprocess.check_output([sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2")
    }
    assert len(answers) == 1


# ---- how much a score rests on ---------------------------------------------------------------------------------------


def test_a_warning_says_how_few_users_could_be_scored(model):
    strangers = [(f"stranger {number}", "a") for number in range(3)]
    with pytest.warns(UserWarning, match=r"25% of the users .* item of 100% .*shuffle") as caught:
        get_scorer("ndcg@5")(model, frame([*strangers, ("bob", "a")]))
    assert len(caught) == 1


def test_a_warning_says_how_few_items_are_known(model):
    with pytest.warns(UserWarning, match=r"100% of the users .* item of 33% .*shuffle"):
        get_scorer("ndcg@5")(model, frame([("bob", item) for item in "axy"]))


def test_items_of_the_frame_without_training_events_are_not_known():
    train = Interactions.from_arrays([0, 0, 1], [0, 1, 0], n_items=4)
    test = Interactions.from_arrays([1, 1], [1, 3], n_items=4)
    evaluation = get_scorer("recall@4").evaluate(SameForAll((4, 3, 2, 1)).fit(train), test)
    assert evaluation.share_of_known_items == 1 / 2


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (frame([("yan", "a"), ("zoe", "b")]), "two distinct items"),
        (frame([("ann", "a"), ("yan", "b")]), "nothing to score: 1 of its 2 events"),
        (frame([("bob", "x"), ("ann", "y")]), "none of the items of the 2 relevant events"),
        (frame([("bob", "a")], rating=[3]), "0 of its 1 events are relevant"),
    ],
)
def test_nothing_to_score_is_an_error(model, test, message):
    with pytest.raises(ValueError, match=message):
        get_scorer("ndcg@5", positive_from=None if "rating" not in test else 4)(model, test)


RATED = frame([("ann", "c"), ("ann", "d"), ("bob", "a"), ("cid", "a")], rating=[1, 3, 4, 5])


@pytest.mark.parametrize("scorer", [get_scorer("ndcg@5"), make_multi_scorer(["ndcg@5", "recall@5", "auc"])])
def test_ratings_without_a_threshold_warn_once_in_a_call(model, scorer):
    with pytest.warns(UserWarning, match="positive_from=4") as caught:
        scorer(model, RATED)
    assert len(caught) == 1


def test_auc_leaves_out_users_for_whom_it_is_not_defined(model):
    # nothing but relevant items is left for ann, so her AUC has no other item to compare with
    test = frame([("ann", "c"), ("ann", "d"), ("ann", "e"), ("bob", "a")])
    evaluation = get_scorer("auc").evaluate(model, test)
    assert (evaluation.users.tolist(), evaluation.n_users, evaluation.value) == (["bob"], 1, 1)
    with pytest.raises(ValueError, match="auc is not defined for any user"):
        get_scorer("auc")(model, test[test["user"] == "ann"])


# ---- several metrics at once -----------------------------------------------------------------------------------------


def test_many_scorers_answer_as_each_alone(model):
    names = ["ndcg@2", "recall@4", "auc", "rmse", "hit_rate@1"]
    test = RATED.assign(user=["ann", "ann", "bob", "bob"], item=["c", "d", "a", "e"])
    multi = make_multi_scorer(names, positive_from=3)
    alone = {name: get_scorer(name, positive_from=3)(model, test) for name in names}
    assert multi(model, test) == alone
    assert list(multi(model, test)) == names
    evaluations = multi.evaluate(model, test)
    assert {name: evaluation.value for name, evaluation in evaluations.items()} == alone
    assert [name in evaluations[name].protocol for name in names] == [True] * len(names)


def test_many_scorers_rank_once(model):
    make_multi_scorer(["ndcg@2", "recall@4", "map@3"])(model, frame([("bob", "a")]))
    assert len(model.queries_) == 1


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("ndcg@10", TypeError, "list of names"),
        ([], ValueError, "at least one name"),
        (["auc", "auc"], ValueError, "each of them once"),
        (["ndcg"], ValueError, "ndcg@k"),
    ],
)
def test_names_of_many_scorers_are_checked(names, error, message):
    with pytest.raises(error, match=message):
        make_multi_scorer(names)


# ---- ratings ---------------------------------------------------------------------------------------------------------

NAMED_RATINGS = frame([("ann", "c"), ("ann", "d"), ("bob", "a"), ("zoe", "e")], rating=[2.0, 2.0, 1.0, 1.0])
# predicted are 3, 2, 5, 1: misses of 1, 0, 4, 0


@pytest.mark.parametrize(
    ("name", "value", "per_user"),
    [
        ("rmse", -sqrt(17 / 4), [-sqrt(1 / 2), -4, 0]),
        ("neg_rmse", -sqrt(17 / 4), [-sqrt(1 / 2), -4, 0]),
        ("mae", -5 / 4, [-1 / 2, -4, 0]),
        ("neg_mae", -5 / 4, [-1 / 2, -4, 0]),
        ("r2", 1 - 17, [1 - 0.5 / 0.25, 1 - 16 / 0.25, 1]),
    ],
)
@pytest.mark.parametrize("values_in", ["X", "y"])
def test_predicted_ratings_of_events_by_hand(model, name, value, per_user, values_in):
    X, y = (NAMED_RATINGS, None) if values_in == "X" else (NAMED_RATINGS[["user", "item"]], NAMED_RATINGS["rating"])
    evaluation = get_scorer(name).evaluate(model, X, y)
    assert get_scorer(name)(model, X, y) == evaluation.value == pytest.approx(value, abs=1e-14)
    assert evaluation.users.tolist() == ["ann", "bob", "zoe"]
    np.testing.assert_allclose(evaluation.per_user, per_user, rtol=0, atol=1e-13)


def test_hidden_ratings_of_a_matrix_are_predicted_from_the_rest():
    ratings = ROWS * 3
    data = check_interactions(ratings)
    items = data.items[cut_histories(data, ordered=False)]
    assert get_scorer("mae")(UNLABELLED, ratings) == -np.abs(items - 3.0).mean()


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_the_interval_of_ratings_is_around_the_value_of_all_events(name):
    rng = np.random.default_rng(3)
    model = SameForAll(range(CATALOGUE)).fit(ROWS)
    test = Interactions.from_arrays(rng.integers(0, 20, 300), rng.integers(0, CATALOGUE, 300), rng.random(300) * 11)
    evaluation = get_scorer(name).evaluate(model, test)
    low, high = evaluation.interval()
    assert low < evaluation.value < high
    assert high - low < abs(evaluation.value)


def test_r2_of_constant_ratings_is_an_error(model):
    with pytest.raises(ValueError, match="r2 is not defined where all true values are equal, here 3"):
        get_scorer("r2")(model, NAMED_RATINGS.assign(rating=3))


def test_predictions_that_are_not_finite_are_an_error():
    model = SameForAll((np.nan, np.inf, 0, 0, 0)).fit(TRAIN)
    with pytest.raises(ValueError, match="predictions must be finite, but 1 are not"):
        get_scorer("rmse")(model, NAMED_RATINGS)


# ---- as objects ------------------------------------------------------------------------------------------------------

SCORERS = [
    get_scorer("ndcg@10"),
    get_scorer("recall_capped@20", positive_from=3.5),
    get_scorer("auc", positive_from=4),
    get_scorer("rmse"),
    make_multi_scorer(["ndcg@10", "mae"], positive_from=4),
]


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_copies_of_scorers_are_equal(scorer):
    copies = pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False), eval(repr(scorer))
    assert all(copy == scorer and hash(copy) == hash(scorer) for copy in copies)
    assert joblib.hash(scorer) == joblib.hash(copies[0])


def test_different_scorers_differ():
    assert len({*SCORERS, get_scorer("ndcg@11"), get_scorer("ndcg@10", positive_from=0)}) == len(SCORERS) + 2


def test_a_scorer_shows_how_it_is_made():
    assert [repr(scorer) for scorer in SCORERS] == [
        "get_scorer('ndcg@10')",
        "get_scorer('recall_capped@20', positive_from=3.5)",
        "get_scorer('auc', positive_from=4.0)",
        "get_scorer('neg_rmse')",
        "make_multi_scorer(['ndcg@10', 'mae'], positive_from=4.0)",
    ]


def test_both_ways_to_a_ranking_scorer_lead_to_the_same():
    assert make_ranking_scorer() == get_scorer("ndcg@10")
    assert make_ranking_scorer("map", k=np.int64(5), positive_from=4) == get_scorer("map@5", positive_from=4.0)
    assert make_ranking_scorer("auc", k=7) == get_scorer("auc")


@pytest.mark.parametrize("name", ["ndcg", "ndcg@", "ndcg@x", "ndcg@1.5", "ndcg@-1", "auc@10", "rmse@10", "dcg@10", ""])
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"name must be one of ndcg@k, .*hit_rate@k .* auc, rmse, mae, r2, got"):
        get_scorer(name)


def test_other_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match="k must be an integer of at least 1, got 0"):
        get_scorer("ndcg@0")
    with pytest.raises(TypeError, match="k must be an integer of at least 1, got True"):
        make_ranking_scorer(k=True)
    with pytest.raises(ValueError, match=r"metric must be one of 'ndcg', .* got 'ndgc'"):
        make_ranking_scorer("ndgc")
    with pytest.raises(TypeError, match="name must be a string"):
        get_scorer(10)


@pytest.mark.parametrize("threshold", [np.nan, np.inf, "4", True])
@pytest.mark.parametrize(
    "make",
    [
        lambda threshold: get_scorer("ndcg@10", positive_from=threshold),
        lambda threshold: make_ranking_scorer(positive_from=threshold),
        lambda threshold: make_multi_scorer(["ndcg@10"], positive_from=threshold),
    ],
)
def test_the_threshold_is_a_finite_number(make, threshold):
    with pytest.raises((ValueError, TypeError), match="positive_from must be a finite number or None"):
        make(threshold)


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_only_fitted_recommenders_are_scored(scorer):
    with pytest.raises(NotFittedError):
        scorer(SameForAll(), ROWS)
    with pytest.raises(TypeError, match="must be a recommender of skrec, got LinearRegression"):
        scorer(LinearRegression(), ROWS)


def test_an_evaluation_prints_its_figures_and_not_its_arrays(model):
    text = repr(get_scorer("hit_rate@5").evaluate(model, frame([("bob", "a")])))
    assert text.startswith("Evaluation(value=1.0, n_users=1, share_of_users_scored=1.0, share_of_known_items=1.0")
    assert "array" not in text


# ---- inside scikit-learn ---------------------------------------------------------------------------------------------


def popular_events():
    """Events of 30 users on 20 items, of which the first are the most popular by far."""
    rng = np.random.default_rng(4)
    rows = rng.random((30, 20)) < np.linspace(0.9, 0.1, 20)
    return Interactions.from_csr(sp.csr_array(rows, dtype=float))


@pytest.mark.parametrize("kind", ["events", "frame", "rows"])
def test_grid_search_chooses_by_a_scorer_whatever_n_jobs(kind):
    events = popular_events()
    X = {"events": events, "frame": events.to_frame(), "rows": events.to_csr()}[kind]
    folds = KFold(3, shuffle=True, random_state=0)
    searches = [
        GridSearchCV(SameForAll(), {"sign": [-1, 1]}, scoring=get_scorer("ndcg@5"), cv=folds, n_jobs=n_jobs).fit(X)
        for n_jobs in (1, 2)
    ]
    assert [search.best_params_ for search in searches] == [{"sign": 1}] * 2
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)


def test_grid_search_takes_a_dict_of_metrics():
    scoring, folds = make_multi_scorer(["ndcg@5", "recall@3"]), KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(SameForAll(), {"sign": [-1, 1]}, scoring=scoring, cv=folds, refit="recall@3")
    search.fit(popular_events())
    assert search.best_params_ == {"sign": 1}
    alone = cross_val_score(SameForAll(), popular_events(), scoring=get_scorer("ndcg@5"), cv=folds)
    assert search.cv_results_["mean_test_ndcg@5"][1] == pytest.approx(alone.mean(), abs=1e-15)


def test_a_fitted_search_is_scored_by_its_best_estimator(model):
    class Search:
        best_estimator_ = model

    test = frame([("ann", "c"), ("bob", "a")])
    for scorer in (get_scorer("ndcg@3"), make_multi_scorer(["ndcg@3", "recall@3"])):
        assert scorer(Search(), test) == scorer(model, test)
