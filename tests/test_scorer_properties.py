"""Scorers through fitted models, in 1,260 random worlds: from events to lists to numbers, as plain Python has them."""

import warnings
from collections import Counter
from math import isnan
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from metric_references import SLOW_LIST_METRICS
from scorer_references import Event, World, ask, nearness, past_of, scores_of, slow_rankings, slow_ratings

from skrec.base import HistoryRecommender
from skrec.data import Interactions
from skrec.metrics import get_scorer, make_multi_scorer

N_CASES = 420  # of each kind; the AUC is defined in 1,000 of all
KINDS = ["frame", "codes", "matrix"]


class Near(HistoryRecommender):
    """Adds up how near an item is to those of the user's past: whole numbers, many of them equal."""

    def _fit(self, data):
        self._keep_rows(data)
        codes = np.arange(data.n_items)
        self.nearness_ = nearness(codes, codes[:, None]).astype(np.float32)

    def _score(self, rows, items):
        return rows @ self.nearness_[:, items]


class NearInOrder(Near):
    _ordered: ClassVar[bool] = True


# ---- random worlds ---------------------------------------------------------------------------------------------------


def random_world(rng, kind):
    """Few users and items, repeats, zeros; users and items without training events, and some that no one has heard of."""
    n_users, n_items = int(rng.integers(2, 6)), int(rng.integers(2, 12))
    train = random_events(rng, kind, n_users, n_items, int(rng.integers(1, 20)))
    train[0] = train[0]._replace(value=2.0)  # or there may be nothing to learn from
    if rng.random() < 0.05 and kind != "matrix":
        test = [train[row] for row in rng.integers(0, len(train), 5)]  # how well is it reproduced?
    else:
        n_unheard = int(rng.integers(0, 3)) if kind == "frame" else 0
        n_strangers = 0 if kind == "matrix" else int(rng.integers(0, 3))
        test = random_events(rng, kind, n_users + n_strangers, n_items + n_unheard, int(rng.integers(1, 25)))
    return World(
        train=train,
        test=test,
        catalogue=sorted({event.item for event in train}) if kind == "frame" else list(range(n_items)),
        learns_from=[None, 1.0, 2.0][rng.integers(3)],
        positive_from=[None, 1.0, 2.0][rng.integers(3)],
        in_order=bool(rng.random() < 0.3),
        all_users_are_new=kind == "matrix",
    )


def random_events(rng, kind, n_users, n_items, n):
    pairs = zip(rng.integers(0, n_users, n).tolist(), rng.integers(0, n_items, n).tolist())
    values = rng.choice([0.0, 1.0, 2.0], n, p=[0.15, 0.25, 0.6]).tolist()
    if kind == "frame":
        return [Event(f"user {user}", f"item {item}", value) for (user, item), value in zip(pairs, values)]
    events = [Event(user, item, value) for (user, item), value in zip(pairs, values)]
    if kind == "matrix":
        return sorted({event[:2]: event for event in events}.values())
    return events


def as_input(kind, events, world):
    """The container that a user would pass in."""
    users, items, values = (list(column) for column in zip(*events))
    if kind == "frame":
        return pd.DataFrame({"user": users, "item": items, "rating": values})
    if kind == "codes":
        return Interactions.from_arrays(users, items, values, n_users=8, n_items=len(world.catalogue))
    return sp.csr_array((values, (users, items)), shape=(8, len(world.catalogue)))


def fitted(kind, world):
    model = NearInOrder if world.in_order else Near
    return model(positive_from=world.learns_from).fit(as_input(kind, world.train, world))


def random_lengths(rng, world):
    """A k for each metric, up to twice the catalogue."""
    return {metric: int(rng.integers(1, 2 * len(world.catalogue) + 1)) for metric in SLOW_LIST_METRICS}


def quietly(function, *arguments):
    """The answer, and whether there was a warning of poor coverage."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = function(*arguments)
    return answer, any("could be scored" in str(warning.message) for warning in caught)


# ---- rankings --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:X is a matrix")
@pytest.mark.parametrize("kind", KINDS)
def test_rankings_agree_with_the_slow_reference(kind):
    rng, n_scored = np.random.default_rng(KINDS.index(kind)), 0
    while n_scored < N_CASES:
        world = random_world(rng, kind)
        model, X, ks = fitted(kind, world), as_input(kind, world.test, world), random_lengths(rng, world)
        expected = slow_rankings(world, ks)
        names = [f"{metric}@{k}" for metric, k in ks.items()]
        if expected is None:
            with pytest.raises(ValueError, match=r"no user in X can be scored|are unknown to the model"):
                quietly(get_scorer(names[0], positive_from=world.positive_from).evaluate, model, X)
            continue
        n_scored += 1
        names += ["auc"] if expected.defined("auc") else []
        found, warned = quietly(make_multi_scorer(names, positive_from=world.positive_from).evaluate, model, X)
        assert warned == (min(expected.share_of_users_scored, expected.share_of_known_items) < 0.5)
        for name, evaluation in found.items():
            check(evaluation, expected, name)
        name = names[n_scored % len(names)]
        assert quietly(get_scorer(name, positive_from=world.positive_from), model, X)[0] == found[name].value


def check(evaluation, expected, name):
    per_user = expected.defined(name)
    assert set(evaluation.users.tolist()) == set(per_user), name
    np.testing.assert_allclose(
        evaluation.per_user, [per_user[user] for user in evaluation.users.tolist()], rtol=0, atol=1e-12, err_msg=name
    )
    assert evaluation.value == pytest.approx(expected.value(name), rel=0, abs=1e-12)
    assert evaluation.n_users == len(per_user)
    assert evaluation.share_of_users_scored == pytest.approx(expected.share_of_users_scored, rel=0, abs=1e-12)
    assert evaluation.share_of_known_items == pytest.approx(expected.share_of_known_items, rel=0, abs=1e-12)


def test_auc_without_any_other_candidate_is_refused_as_the_slow_reference_has_it():
    world = World([Event("u", "a", 1.0), Event("v", "b", 1.0)], [Event("u", "b", 1.0)], ["a", "b"], None, None, False)
    assert isnan(slow_rankings(world, {"ndcg": 1}).per_user["auc"]["u"])
    with pytest.raises(ValueError, match="auc is not defined"):
        get_scorer("auc")(fitted("frame", world), as_input("frame", world.test, world))


@pytest.mark.parametrize("kind", KINDS)
def test_the_random_worlds_hold_what_is_hard(kind):
    rng, found = np.random.default_rng(KINDS.index(kind)), Counter()
    for _ in range(N_CASES):
        world = random_world(rng, kind)
        ks, trained = random_lengths(rng, world), {event.item for event in world.train}
        asked = ask(world)
        found["k above the catalogue"] += max(ks.values()) > len(world.catalogue)
        found["ties"] += any(has_ties(scores_of(world, one.shown)) for one in asked.values())
        found["histories that say nothing"] += any(not past_of(world, one.shown) for one in asked.values())
        found["new users"] += any(one.is_new for one in asked.values())
        found["users without an event that counts"] += any(
            all(event.value == 0 for event in one.hidden) for one in asked.values()
        )
        found["known users"] += not all(one.is_new for one in asked.values())
        found["repeats of what was shown"] += any(
            {event.item for event in one.shown} & {event.item for event in one.hidden} for one in asked.values()
        )
        found["items without training events"] += any(event.item not in trained for event in world.test)
        found["nothing to score"] += slow_rankings(world, ks) is None
    absent = {"known users", "repeats of what was shown"} if kind == "matrix" else set()
    assert {name for name, n in found.items() if n < N_CASES / 50} == absent, found


def has_ties(scores):
    return len(set(scores.values())) < len(scores)


# ---- ratings ---------------------------------------------------------------------------------------------------------


def rated_world(rng, kind):
    """As above, with stars in halves; asked only for items with training events, and for some of different values."""
    while True:
        world = random_world(rng, kind)
        trained = {event.item for event in world.train}
        stars = iter(rng.integers(-2, 11, len(world.test)) / 2)
        world.test = [event._replace(value=float(next(stars))) for event in world.test if event.item in trained]
        if len({event.value for event in world.test}) > 1:
            return world


@pytest.mark.parametrize("kind", ["frame", "codes"])
def test_errors_of_events_agree_with_the_slow_reference(kind):
    rng = np.random.default_rng(10)
    for number in range(N_CASES):
        world = rated_world(rng, kind)
        X, y = as_input(kind, world.test, world), None
        if number % 2:  # the values in y instead
            X = as_input(kind, [event._replace(value=1.0) for event in world.test], world)
            y = [event.value for event in world.test]
        check_ratings(fitted(kind, world), X, y, *slow_ratings(world, hide=False))


@pytest.mark.filterwarnings("ignore:X is a matrix")
def test_errors_of_hidden_entries_of_a_matrix_agree_with_the_slow_reference():
    rng, n_scored = np.random.default_rng(11), 0
    while n_scored < N_CASES:
        world = rated_world(rng, "matrix")
        model, X = fitted("matrix", world), as_input("matrix", world.test, world)
        expected = slow_ratings(world, hide=True)
        if expected is None:
            with pytest.raises(ValueError, match="no user in X can be scored"):
                get_scorer("neg_rmse")(model, X)
        elif isnan(expected[0]["r2"]):
            with pytest.raises(ValueError, match="r2 is not defined"):
                quietly(get_scorer("r2"), model, X)
        else:
            check_ratings(model, X, None, *expected)
            n_scored += 1


def check_ratings(model, X, y, of_all, of_users):
    for name in ("neg_rmse", "neg_mae", "r2"):
        evaluation, _ = quietly(get_scorer(name).evaluate, model, X, y)
        assert evaluation.value == pytest.approx(of_all[name], rel=1e-12, abs=1e-12)
        assert set(evaluation.users.tolist()) == set(of_users)
        expected = [of_users[user][name] for user in evaluation.users.tolist()]
        np.testing.assert_allclose(evaluation.per_user, expected, rtol=1e-12, atol=1e-12)
