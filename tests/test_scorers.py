"""Scorers of rankings, of users who are known to the model and of new ones."""

from math import log2

import numpy as np
import pytest
import scipy.sparse as sp
from same_for_all import CATALOGUE, MODEL_SCORES, ROWS, TRAIN, UNLABELLED, SameForAll, frame, shown_and_hidden
from sklearn.base import clone

from skrec.data import Interactions
from skrec.metrics import get_scorer, make_multi_scorer, ndcg

# ---- known users -----------------------------------------------------------------------------------------------------


def test_known_users_are_ranked_without_their_training_items(same_for_all):
    # ann's list is c d e: a hit at place 2. bob's list is a b d e: hits at places 1 and 4
    test = frame([("ann", "d"), ("bob", "a"), ("bob", "e")])
    evaluation = get_scorer("ndcg@10").evaluate(same_for_all, test)
    ann, bob = 1 / log2(3), (1 + 1 / log2(5)) / (1 + 1 / log2(3))
    assert evaluation.users.tolist() == ["ann", "bob"]
    np.testing.assert_allclose(evaluation.per_user, [ann, bob], rtol=0, atol=1e-15)
    assert evaluation.value == pytest.approx((ann + bob) / 2, abs=1e-15)
    assert get_scorer("ndcg@10")(same_for_all, test) == evaluation.value
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
def test_each_name_is_the_metric_that_it_says(same_for_all, name, bob):
    # bob's list is a b d e, and b and d are the others; an item that the model does not know is behind both
    evaluation = get_scorer(name).evaluate(same_for_all, frame([("bob", "a"), ("bob", "e"), ("bob", "?")]))
    assert evaluation.value == pytest.approx(bob, abs=1e-15)


def test_the_training_data_itself_is_scored_by_how_well_it_is_reproduced(same_for_all):
    # lists are a, b, c for everybody: both of ann's items, bob's one, none of cid's
    evaluation = get_scorer("recall@3").evaluate(same_for_all, TRAIN)
    assert evaluation.per_user.tolist() == [1, 1, 0]
    assert "without those shown" not in evaluation.protocol


def test_repeats_of_training_pairs_count_nowhere(same_for_all):
    plain = frame([("ann", "d"), ("bob", "a")])
    repeats = frame([("ann", "d"), ("ann", "a"), ("ann", "b"), ("bob", "a"), ("cid", "e")])
    for name in ("ndcg@10", "recall@2", "auc"):
        without = get_scorer(name).evaluate(same_for_all, plain)
        with pytest.warns(UserWarning, match="60% of the relevant events in X repeat pairs"):
            with_repeats = get_scorer(name).evaluate(same_for_all, repeats)
        assert with_repeats.per_user.tolist() == without.per_user.tolist()
        assert with_repeats.share_of_users_scored == without.share_of_users_scored == 1


def test_items_unknown_to_the_model_are_misses_each_for_itself(same_for_all):
    test = frame([("bob", "a"), ("bob", "x"), ("bob", "y"), ("bob", "y"), ("ann", "c"), ("ann", "d")])
    evaluation = get_scorer("recall@1").evaluate(same_for_all, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"ann": 1 / 2, "bob": 1 / 3}
    assert evaluation.share_of_known_items == 3 / 6


def test_repeated_events_are_one_relevant_item(same_for_all):
    assert get_scorer("recall@1")(same_for_all, frame([("bob", "a")] * 3 + [("bob", "e")])) == 1 / 2


def test_only_values_from_the_threshold_on_are_relevant(same_for_all):
    test = frame([("ann", "c"), ("ann", "e"), ("bob", "a"), ("cid", "a")], rating=[3, 4, 5, 2.5])
    evaluation = get_scorer("mrr@5", positive_from=4).evaluate(same_for_all, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"ann": 1 / 3, "bob": 1}
    assert evaluation.share_of_users_scored == 1


def test_y_holds_the_values_of_events(same_for_all):
    test = frame([("ann", "c"), ("ann", "e")])
    assert get_scorer("mrr@5", positive_from=4)(same_for_all, test, [3, 4]) == 1 / 3


def test_codes_serve_where_there_are_no_labels():
    train, test = Interactions.from_arrays([0, 1, 0], [0, 1, 2]), Interactions.from_arrays([1], [2])
    evaluation = get_scorer("mrr@5").evaluate(SameForAll((3, 2, 1)).fit(train), test)
    assert (evaluation.users.tolist(), evaluation.value) == ([1], 1 / 2)


def test_k_beyond_the_catalogue_is_fine(same_for_all):
    assert get_scorer("precision@1000")(same_for_all, frame([("bob", "a")])) == 1 / 1000


# ---- new users -------------------------------------------------------------------------------------------------------


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
    known = [f"user {code}" for code in range(20)]
    labelled = SameForAll(range(CATALOGUE)).fit(Interactions.from_csr(ROWS, user_ids=known, item_ids=labels))
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


def test_known_and_new_users_are_told_apart_in_one_test_set(same_for_all):
    strangers = [("zoe", item) for item in "abcde"]
    test = frame([*strangers, ("bob", "a")])
    evaluation = get_scorer("hit_rate@5").evaluate(same_for_all, test)
    assert evaluation.users.tolist() == ["bob", "zoe"] and evaluation.n_new_users == 1
    known, new = same_for_all.queries_
    assert known.tolist() == ["bob"]
    assert len(new) == 4
    for kind, users in (("known", ["bob"]), ("new", ["zoe"])):
        one_kind = get_scorer("hit_rate@5", users=kind).evaluate(same_for_all, test)
        assert one_kind.users.tolist() == users and one_kind.n_new_users == (kind == "new")
        assert one_kind.share_of_users_scored == 1
        several = make_multi_scorer(["hit_rate@5", "recall@5"], users=kind).evaluate(same_for_all, test)
        assert several["recall@5"].users.tolist() == users


def test_a_mean_over_known_and_new_users_is_described(same_for_all):
    test = frame([*(("zoe", item) for item in "abcde"), ("bob", "a")])
    mixed = get_scorer("hit_rate@5").evaluate(same_for_all, test)
    assert "1 of 2 users have no training events" in mixed.protocol
    known = get_scorer("hit_rate@5").evaluate(same_for_all, test[test.user == "bob"])
    assert known.n_new_users == 0 and "no training events" not in known.protocol
    with pytest.raises(ValueError, match="no user in X can be scored"):
        get_scorer("hit_rate@5", users="new")(same_for_all, test[test.user == "bob"])


@pytest.mark.parametrize("gains", ["linear", "exponential"])
def test_gains_are_those_of_the_values_of_test_events(gains):
    train = Interactions.from_arrays([0, 1, 1, *[2] * 6], [4, 4, 5, *range(6)], n_items=6)
    test = Interactions.from_arrays([0, 0, 0, 1, 1], [0, 1, 2, 3, 0], [5.0, 1, 3, 2, 4], n_users=3, n_items=6)
    model = SameForAll((1, 2, 0, 3, 4, 5)).fit(train)
    lists = model.recommend([0, 1], k=3)
    rated = test.to_csr()[:2]
    expected = ndcg(lists.codes, rated, k=3, gains=gains)
    found = get_scorer("ndcg@3", gains=gains).evaluate(model, test)
    np.testing.assert_allclose(found.per_user, expected)
    assert f"{gains} gains" in found.protocol and found.value != get_scorer("ndcg@3", positive_from=0)(model, test)
    from_three = get_scorer("ndcg@3", gains=gains, positive_from=3)(model, test)
    relevant = rated.multiply(rated >= 3)
    assert from_three == pytest.approx(ndcg(lists.codes, relevant, k=3, gains=gains).mean())
    several = make_multi_scorer(["ndcg@3", "recall@3"], gains=gains, positive_from=3)
    assert several(model, test)["ndcg@3"] == from_three
    assert repr(get_scorer("ndcg@3", gains=gains)) == f"get_scorer('ndcg@3', gains='{gains}')"


def test_gains_and_users_that_cannot_be_used_are_refused(same_for_all):
    for arguments, words in [
        (("recall@3", {"gains": "linear"}), "gains must be 'binary' for 'recall'"),
        (("ndcg@3", {"gains": "square"}), "gains must be"),
        (("ndcg@3", {"users": "some"}), "users must be"),
        (("neg_rmse", {"users": "new"}), "must have their defaults for 'neg_rmse'"),
        (("impression_auc", {"gains": "linear"}), "must have their defaults"),
    ]:
        with pytest.raises(ValueError, match=words):
            get_scorer(arguments[0], **arguments[1])
    with pytest.raises(ValueError, match="gains must be 'linear' or 'binary' for values above 1000"):
        ndcg([[0, 1]], [[2000.0, 1]], gains="exponential")
    assert ndcg([[1, 0]], [[2000.0, 1]], gains="binary") == 1


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


def test_unknown_items_are_never_shown_to_the_model(same_for_all):
    test = frame([(user, item) for user in ("yan", "zoe") for item in "abcdefghij"])
    evaluation = get_scorer("recall@5").evaluate(same_for_all, test)
    visible, hidden = shown_and_hidden(test)
    (histories,) = same_for_all.queries_
    assert [set(histories.items[histories.users == user].tolist()) for user in (0, 1)] == [
        {item for item in visible[user] if item < 5} for user in (0, 1)
    ]
    known = [len([item for item in hidden[user] if item < 5]) for user in (0, 1)]
    assert evaluation.per_user.tolist() == [n / 2 for n in known]  # two of ten items are hidden


def test_someone_who_is_shown_only_unknown_items_is_an_empty_history(same_for_all):
    test = frame([(f"user {n}", item) for n in range(8) for item in (f"unknown {n}", "a")])
    _, hidden = shown_and_hidden(test)
    n_shown = sum(0 not in items for items in hidden.values())
    assert 0 < n_shown < 8, "the test needs users of both kinds"
    evaluation = get_scorer("hit_rate@1").evaluate(same_for_all, test)
    (histories,) = same_for_all.queries_
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


def test_ordered_models_are_asked_for_the_last_event_that_is_relevant():
    test = frame([("zoe", item) for item in "abcd"] + [("yan", item) for item in "de"], rating=[5, 5, 2, 1, 4, 1])
    model = SameForAll(MODEL_SCORES, ordered=True).fit(TRAIN)
    evaluation = get_scorer("mrr@5", positive_from=4).evaluate(model, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"zoe": 1}  # before yan's d there is nothing to see
    (histories,) = model.queries_
    assert histories.items.tolist() == [0]  # c and d came after b


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


@pytest.mark.filterwarnings("ignore:X is a matrix:UserWarning")
@pytest.mark.parametrize("ordered", [False, True])
def test_the_protocol_is_said_in_words(ordered):
    model = SameForAll(range(CATALOGUE), ordered=ordered).fit(ROWS)
    protocol = get_scorer("ndcg@5", positive_from=1).evaluate(model, ROWS).protocol
    for part in ("ndcg@5", "full ranking", "positive_from=1", "last relevant event" if ordered else "a fifth of the items"):
        assert part in protocol
