"""Errors about labels that a model does not know: their type, words and labels."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import skrec
from skrec import ALSRecommender, UnknownItemError, UnknownUserError
from skrec.metrics import sampled_leave_one_out

FRAME = pd.DataFrame({"user": list("aabbcc"), "item": list("xyyzzx")})
CODES = csr_array(np.ones((3, 4)))


@pytest.fixture(scope="module")
def named():
    return ALSRecommender(n_factors=2, random_state=0).fit(FRAME)


@pytest.fixture(scope="module")
def coded():
    return ALSRecommender(n_factors=2, random_state=0).fit(CODES)


CALLS = {
    "recommend": (lambda m: m.recommend(["a", "q"]), UnknownUserError, ["q"]),
    "recommend_iter": (lambda m: m.recommend_iter(["q"]), UnknownUserError, ["q"]),
    "score_items": (lambda m: m.score_items(["q", "r", "a"]), UnknownUserError, ["q", "r"]),
    "transform": (lambda m: m.transform(["q", "a"]), UnknownUserError, ["q"]),
    "similar_users": (lambda m: m.similar_users(["q"]), UnknownUserError, ["q"]),
    "explain a user": (lambda m: m.explain("q", "x"), UnknownUserError, ["q"]),
    "candidates": (lambda m: m.recommend(["a"], candidates=["x", "w"]), UnknownItemError, ["w"]),
    "candidates of users": (lambda m: m.recommend(["a"], candidates={"a": ["w"]}), UnknownItemError, ["w"]),
    "similar_items": (lambda m: m.similar_items(["w", "x", "v"]), UnknownItemError, ["w", "v"]),
    "candidates of similar_items": (lambda m: m.similar_items("x", candidates=["w"]), UnknownItemError, ["w"]),
    "recommend_users": (lambda m: m.recommend_users("w"), UnknownItemError, ["w"]),
    "explain an item": (lambda m: m.explain("a", "w"), UnknownItemError, ["w"]),
    "sampled users": (lambda m: sampled_leave_one_out(m, ["q"], ["x"], [["y"]]), UnknownUserError, ["q"]),
    "sampled items": (lambda m: sampled_leave_one_out(m, ["a"], ["w"], [["y"]]), UnknownItemError, ["w"]),
}


@pytest.mark.parametrize(("call", "kind", "labels"), CALLS.values(), ids=CALLS)
def test_unknown_labels_are_named_by_the_error(named, call, kind, labels):
    with pytest.raises(kind, match=repr(labels[0])) as raised:
        call(named)
    assert raised.value.labels == labels


@pytest.mark.parametrize("family", [ValueError, KeyError, LookupError, skrec.UnknownUserError])
def test_an_unknown_user_is_a_value_error_and_a_key_error(named, family):
    with pytest.raises(family):
        named.recommend(["q"])


def test_the_message_has_no_quotes_around_it(named):
    with pytest.raises(KeyError) as raised:
        named.recommend(["q"])
    assert str(raised.value) == "users contains labels that the model does not know: ['q'], 1 in all"


def test_codes_out_of_range_are_unknown_labels(coded):
    with pytest.raises(UnknownUserError, match=r"users must be codes in 0\.\.2, got 7") as raised:
        coded.recommend([0, 7, -1])
    assert raised.value.labels == [7, -1]
    with pytest.raises(UnknownItemError, match=r"items must be codes in 0\.\.3, got 4"):
        coded.similar_items(4)


def test_labels_are_python_objects(coded):
    with pytest.raises(UnknownUserError) as raised:
        coded.recommend(np.array([9], np.int32))
    assert type(raised.value.labels[0]) is int


@pytest.mark.parametrize("kind", [UnknownUserError, UnknownItemError])
def test_the_errors_can_be_pickled_and_copied(kind):
    error = kind("users contains ...", ["q", 3])
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind and str(other) == "users contains ..." and other.labels == ["q", 3]


def test_labels_of_another_kind_stay_type_errors(named):
    with pytest.raises(TypeError):
        named.recommend([1])
