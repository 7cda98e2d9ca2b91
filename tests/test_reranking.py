"""Re-rankers: hand-computed lists, plain Python, and recommenders with re-ranked lists."""

from math import log

import numpy as np
import pandas as pd
import pytest
from list_references import cosine
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skrec import EASERecommender, compare, get_scorer
from skrec.base import Recommendations
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.metrics import make_multi_scorer
from skrec.model_selection import RandomHoldout
from skrec.reranking import CalibratedReranker, MMRReranker, RerankedRecommender

GENRES = pd.DataFrame({"horror": [1, 1, 0, 0, 0], "comedy": [0, 0, 1, 1, 0]}, index=list("abcde"))


def candidates(rows, scores):
    codes = np.array(rows)
    labels = np.array([*"abcde", None], object)[codes]
    return Recommendations(np.array(["ann", "bob"][: len(codes)]), labels, np.array(scores, np.float32), codes)


def listed(recommendations):
    return ["".join(label for label in row if label is not None) for row in recommendations.items]


def test_mmr_by_hand():
    # relevances 1, 0.9, 0.3, 0: after a, b gains 0.5 * 0.9 - 0.5, c gains 0.5 * 0.3, d gains 0
    one = candidates([[0, 1, 2, 3]], [[10, 9, 3, 0]])
    assert listed(MMRReranker(item_features=GENRES, weight=0.5).rerank(one, k=2)) == ["ac"]
    assert listed(MMRReranker(item_features=GENRES, weight=0.1).rerank(one, k=2)) == ["ab"]


def test_calibration_by_hand():
    one = candidates([[0, 1, 2, 3]], [[10, 9, 3, 0]])
    comedies = pd.DataFrame({"user": "ann", "item": ["c", "d"]})
    both = pd.DataFrame({"user": "ann", "item": ["a", "d", "d"]})  # d counts once
    calibrated = CalibratedReranker(item_features=GENRES, weight=0.9)
    assert listed(calibrated.rerank(one, comedies, k=2)) == ["cd"]
    assert listed(calibrated.rerank(one, both, k=2)) == ["ac"]


def slow_mmr(codes, relevance, features, weight, k):
    chosen = []
    while len(chosen) < min(k, len(codes)):
        rest = [place for place in range(len(codes)) if place not in chosen]

        def gain(place):
            nearest = max((cosine(features[codes[place]], features[codes[other]]) for other in chosen), default=0)
            return (1 - weight) * relevance[place] - weight * nearest

        chosen.append(max(rest, key=lambda place: round(gain(place), 9)))
    return [codes[place] for place in chosen]


def shares_of(items, features):
    rows = [[x / sum(features[item]) for x in features[item]] for item in items if sum(features[item])]
    sums = [sum(column) for column in zip(*rows)]
    return [x / sum(sums) for x in sums]


def slow_calibrated(codes, relevance, features, history, weight, smoothing, k):
    goal = shares_of(history, features)
    chosen = []
    if not goal:
        return codes[:k]
    while len(chosen) < min(k, len(codes)):
        rest = [place for place in range(len(codes)) if place not in chosen]

        def gain(place):
            places = [*chosen, place]
            shares = shares_of([codes[place] for place in places], features) or [0] * len(goal)
            terms = [p * log(p / ((1 - smoothing) * q + smoothing * p)) for p, q in zip(goal, shares) if p]
            return (1 - weight) * sum(relevance[place] for place in places) - weight * sum(terms)

        chosen.append(max(rest, key=lambda place: round(gain(place), 9)))
    return [codes[place] for place in chosen]


@pytest.mark.parametrize("seed", range(20))
def test_both_agree_with_plain_python(seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (12, 4)).astype(float)
    codes = np.array([rng.permutation(12)[:9] for _ in range(3)])
    codes[1, 6:] = -1
    scores = np.sort(rng.normal(size=(3, 9)), axis=1)[:, ::-1].astype(np.float32)
    scores[codes < 0] = np.nan
    given, k, weight = Recommendations(np.arange(3), codes, scores, codes), 7, rng.random()
    history = Interactions.from_arrays([0, 0, 0, 1, 1], [*rng.permutation(12)[:3], *rng.permutation(12)[:2]], n_items=12)
    diverse = MMRReranker(item_features=features, weight=weight).rerank(given, k=k)
    calibrated = CalibratedReranker(item_features=features, weight=weight).rerank(given, history, k=k)
    for user in range(3):
        row = [code for code in codes[user].tolist() if code >= 0]
        of_row = scores[user, : len(row)].astype(float)
        relevance = (of_row - of_row.min()) / (of_row.max() - of_row.min())
        liked = [item for owner, item in zip(history.users, history.items) if owner == user]
        padding = [-1] * (k - len(row))
        assert diverse.codes[user].tolist() == slow_mmr(row, relevance, features, weight, k) + padding
        expected = slow_calibrated(row, relevance, features, liked, weight, 0.01, k)
        assert calibrated.codes[user].tolist() == expected + padding


@pytest.mark.parametrize("kind", [MMRReranker, CalibratedReranker])
def test_a_weight_of_0_keeps_the_order(kind):
    given = candidates([[4, 2, 0, 1], [3, 0, -1, -1]], [[4, 3, 3, 1], [2, 1, np.nan, np.nan]])
    events = pd.DataFrame({"user": ["ann", "bob"], "item": ["a", "c"]})
    found = kind(item_features=GENRES, weight=0).rerank(given, events, k=3)
    assert listed(found) == ["eca", "da"]
    assert found.codes.tolist() == [[4, 2, 0], [3, 0, -1]]
    np.testing.assert_array_equal(found.scores, [[4, 3, 3], [2, 1, np.nan]])
    assert found.users.tolist() == ["ann", "bob"]


def test_items_without_a_finite_score_stay_last():
    given = candidates([[0, 1, 2, 3]], [[2, 1, -np.inf, -np.inf]])
    assert listed(MMRReranker(item_features=GENRES, weight=1).rerank(given, k=4)) == ["abcd"]


def test_users_without_a_history_keep_their_order():
    given = candidates([[0, 1, 2], [1, 0, 2]], [[3, 2, 1], [3, 2, 1]])
    events = pd.DataFrame({"user": ["bob"], "item": ["e"]})  # an item without a genre
    assert listed(CalibratedReranker(item_features=GENRES, weight=1).rerank(given, events, k=2)) == ["ab", "ba"]


def test_k_beyond_the_candidates_gives_all_of_them():
    assert MMRReranker(item_features=GENRES).rerank(candidates([[0, 1]], [[2, 1]]), k=9).codes.tolist() == [[0, 1]]


GIVEN = candidates([[0, 1]], [[2, 1]])
EVENTS = pd.DataFrame({"user": ["ann"], "item": ["c"]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MMRReranker(item_features=GENRES, weight=1.5).rerank(GIVEN), "weight must be a finite number"),
        (lambda: MMRReranker(item_features=GENRES).rerank(GIVEN, k=0), "k must be an integer of at least 1, got 0"),
        (lambda: MMRReranker(item_features=GENRES.loc[["a"]]).rerank(GIVEN), r"recommendations, but 1 have none: \['b'\]"),
        (lambda: MMRReranker(item_features=np.ones((1, 2))).rerank(GIVEN), "up to code 1, got shape"),
        (lambda: MMRReranker(item_features=GENRES * np.nan).rerank(GIVEN), "must hold finite numbers"),
        (lambda: CalibratedReranker(item_features=-GENRES).rerank(GIVEN, EVENTS), "must not be negative, got -1"),
        (lambda: CalibratedReranker(item_features=GENRES).rerank(GIVEN, None), "histories must be events"),
        (lambda: CalibratedReranker(item_features=GENRES, smoothing=0).rerank(GIVEN, EVENTS), "smoothing must be"),
        (
            lambda: CalibratedReranker(item_features=GENRES[:2]).rerank(GIVEN, EVENTS),
            r"each item of histories, but 1 have none: \['c'\]",
        ),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- recommenders with re-ranked lists -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def films():
    data = make_interactions(80, 40, density=0.3, random_state=0).interactions
    genres = np.random.default_rng(0).integers(0, 2, (40, 4))
    return data, pd.DataFrame(genres, index=data.item_ids, columns=list("wxyz"))


def reranked(reranker):
    return RerankedRecommender(EASERecommender(positive_from=4), reranker, n_candidates=20)


def test_it_recommends_what_the_reranker_makes_of_the_candidates(films):
    data, genres = films
    reranker = CalibratedReranker(item_features=genres, weight=0.8)
    model, users = reranked(reranker).fit(data), data.user_ids[:5]
    candidates = model.estimator_.recommend(users, k=20)
    expected = reranker.rerank(candidates, data[data.values >= 4], k=5)
    assert model.recommend(users, k=5).items.tolist() == expected.items.tolist()
    assert expected.items.tolist() != candidates.items[:, :5].tolist()


def test_new_users_are_calibrated_to_their_histories(films):
    data, genres = films
    model = reranked(CalibratedReranker(item_features=genres, weight=0.8)).fit(data)
    frame = data.to_frame()
    events = frame[frame["user"] == data.user_ids[0]]
    again = model.recommend(events.assign(user="somebody new"), k=5)
    assert again.users.tolist() == ["somebody new"]
    assert again.items.tolist() == model.recommend([data.user_ids[0]], k=5).items.tolist()


def test_scorers_a_search_and_compare_take_it(films):
    data, genres = films
    train, test = next(RandomHoldout(0.2, random_state=0).split(data))
    scorer = make_multi_scorer(["ndcg@5", "diversity@5"], positive_from=4, item_features=genres)
    plain, diverse = (reranked(MMRReranker(item_features=genres, weight=w)).fit(data[train]) for w in (0, 0.5))
    before, after = (scorer(model, data[test]) for model in (plain, diverse))
    assert before == scorer(EASERecommender(positive_from=4).fit(data[train]), data[test])
    assert after["diversity@5"] > before["diversity@5"]
    search = GridSearchCV(
        diverse,
        {"reranker__weight": [0.0, 0.9]},
        scoring=get_scorer("diversity@5", positive_from=4, item_features=genres),
        cv=2,
    )
    assert search.fit(data).best_params_ == {"reranker__weight": 0.9}
    table = compare({"plain": plain, "diverse": diverse}, data, "ndcg@5", baseline="plain")
    assert table.index.tolist() == ["plain", "diverse"]


def test_it_is_an_estimator(films):
    data, genres = films
    model = reranked(MMRReranker(item_features=genres))
    assert clone(model).get_params()["reranker__weight"] == 0.3
    with pytest.raises(NotFittedError):
        model.recommend()
    with pytest.raises(AttributeError, match="no attribute 'n_items_'"):
        model.n_items_  # noqa: B018
    assert model.fit(data).n_items_ == 40
    with pytest.raises(ValueError, match="n_candidates must be an integer of at least 1, got 0"):
        model.set_params(n_candidates=0).fit(data)
