"""How much a score rests on, and what is said where that is little or nothing."""

import pytest
from same_for_all import RATED, SameForAll, frame

from skrec.data import Interactions
from skrec.metrics import get_scorer, make_multi_scorer


def test_a_warning_says_how_few_users_could_be_scored(same_for_all):
    strangers = [(f"stranger {number}", "a") for number in range(3)]
    with pytest.warns(UserWarning, match=r"25% of the users .* 100% of the scored events .*shuffle") as caught:
        get_scorer("ndcg@5")(same_for_all, frame([*strangers, ("bob", "a")]))
    assert len(caught) == 1


def test_a_warning_says_how_few_items_are_known(same_for_all):
    with pytest.warns(UserWarning, match=r"100% of the users .* 33% of the scored events .*shuffle"):
        get_scorer("ndcg@5")(same_for_all, frame([("bob", item) for item in "axy"]))


def test_items_of_the_frame_without_training_events_are_not_known():
    train = Interactions.from_arrays([0, 0, 1], [0, 1, 0], n_items=4)
    test = Interactions.from_arrays([1, 1], [1, 3], n_items=4)
    evaluation = get_scorer("recall@4").evaluate(SameForAll((4, 3, 2, 1)).fit(train), test)
    assert evaluation.share_of_known_items == 1 / 2


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (frame([("yan", "a"), ("zoe", "b")]), "two distinct items"),
        (frame([("ann", "a"), ("yan", "b")]), "no user in X can be scored: 1 of 2 events"),
        (frame([("bob", "x"), ("ann", "y")]), "all items of the 2 relevant events"),
        (frame([("bob", "a")], rating=[3]), "0 of 1 events are relevant"),
    ],
)
def test_nothing_to_score_is_an_error(same_for_all, test, message):
    with pytest.raises(ValueError, match=message):
        get_scorer("ndcg@5", positive_from=None if "rating" not in test else 4)(same_for_all, test)


@pytest.mark.parametrize("scorer", [get_scorer("ndcg@5"), make_multi_scorer(["ndcg@5", "recall@5", "auc"])])
def test_ratings_without_a_threshold_warn_once_in_a_call(same_for_all, scorer):
    with pytest.warns(UserWarning, match="positive_from=4") as caught:
        scorer(same_for_all, RATED)
    assert len(caught) == 1


def test_auc_leaves_out_users_for_whom_it_is_not_defined(same_for_all):
    # nothing but relevant items is left for ann, so her AUC has no other item to compare with
    test = frame([("ann", "c"), ("ann", "d"), ("ann", "e"), ("bob", "a")])
    evaluation = get_scorer("auc").evaluate(same_for_all, test)
    assert (evaluation.users.tolist(), evaluation.n_users, evaluation.value) == (["bob"], 1, 1)
    with pytest.raises(ValueError, match="auc is not defined for any user"):
        get_scorer("auc")(same_for_all, test[test["user"] == "ann"])
