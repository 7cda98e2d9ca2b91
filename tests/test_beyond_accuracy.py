"""Metrics of lists beside accuracy, as functions of arrays and as scorers."""

import pickle
from math import isnan, log2

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from list_references import (
    slow_coverage,
    slow_diversity,
    slow_gini,
    slow_novelty,
    slow_popularity_lift,
    slow_serendipity,
)
from same_for_all import MODEL_SCORES, RATED, ROWS, TRAIN, UNLABELLED, SameForAll, frame
from sklearn.model_selection import GridSearchCV, KFold

from skrec import EASERecommender, PopularityRecommender, RandomRecommender, compare
from skrec.datasets import make_interactions
from skrec.metrics import (
    coverage,
    diversity,
    get_scorer,
    gini,
    make_multi_scorer,
    make_ranking_scorer,
    novelty,
    popularity_lift,
    serendipity,
)

# ---- computed by hand ------------------------------------------------------------------------------------------------


def test_coverage_counts_distinct_items_of_all_lists():
    assert coverage([[0, 1, 2], [1, 0, -1]], 12) == 3 / 12
    assert coverage([[0, 1, 2], [1, 0, -1]], 12, k=1) == 2 / 12
    assert coverage([[-1], [-1]], 12) == 0


def test_gini_of_three_counts():
    # shares 0, 1/4, 3/4 of 4 recommendations: (-2 * 0 + 0 * 1/4 + 2 * 3/4) / 2
    assert gini([[2, 1], [2, -1], [2, -1]], 3) == 0.75


def test_gini_is_0_for_equal_counts_and_1_for_one_item():
    assert gini([[0, 1], [1, 2], [2, 0]], 3) == pytest.approx(0, abs=1e-15)
    assert gini([[4], [4]], 7) == 1
    assert isnan(gini([[-1]], 3))


def test_novelty_is_the_mean_of_bits():
    assert novelty([[0, 1], [2, -1], [-1, -1]], [1, 0.5, 0.125]).tolist()[:2] == [0.5, 3]
    assert np.isnan(novelty([[-1]], [1])).all()


def test_diversity_is_the_mean_distance_of_pairs():
    features = [[1, 0], [0, 2], [3, 3], [0, 0]]
    # cosines of pairs: 0, 1 / sqrt(2), 1 / sqrt(2)
    assert diversity([[0, 1, 2]], features) == pytest.approx([1 - 2 / 3 / np.sqrt(2)])
    assert diversity([[3, 0]], features).tolist() == [1]  # an item without features
    assert np.isnan(diversity([[0, -1], [2, 2]], features)).all()
    assert diversity([[0, 1]], [[1.0], [-1.0]]).tolist() == [2]


def test_diversity_of_very_small_features():
    assert diversity([[0, 1]], [[1e-300, 0], [1e-300, 0]]).tolist() == [0]


def test_serendipity_counts_hits_outside_the_expected_items():
    relevant = [[1, 1, 1, 0], [0, 0, 0, 0]]
    found = serendipity([[0, 1, 3], [0, 1, 2]], relevant, [[1, 2, 3], [0, 1, 2]], k=3)
    assert found[0] == 1 / 3
    assert isnan(found[1])
    assert serendipity([[0, 1]], relevant[:1], [[2, 0]], k=1).tolist() == [1]  # the second expected item does not count


def test_popularity_lift_compares_means_of_means():
    # lists: 8 and (8 + 2) / 2; histories: 2 and 4
    assert popularity_lift([[0, -1], [0, 2]], [[0, 0, 1], [0, 1, 0]], [8, 4, 2]) == pytest.approx(13 / 6 - 1)
    assert popularity_lift([[0], [-1]], [[0, 1], [1, 0]], [8, 4]) == 1  # the second user has an empty list
    assert isnan(popularity_lift([[0]], [[0, 0]], [1, 1]))


# ---- against plain Python --------------------------------------------------------------------------------------------


def random_case(rng):
    n_users, n_items = rng.integers(1, 6), rng.integers(2, 12)
    lists = rng.integers(-1, n_items, (n_users, rng.integers(1, 9)))
    features = rng.integers(-1, 2, (n_items, 3)).astype(float)
    return lists, features, rng.random((n_users, n_items)) < 0.3, int(rng.integers(1, 12))


@pytest.mark.parametrize("seed", range(60))
def test_all_agree_with_the_slow_references(seed):
    rng = np.random.default_rng(seed)
    lists, features, pattern, k = random_case(rng)
    n_items, rows = len(features), lists.tolist()
    sets = [set(np.flatnonzero(row).tolist()) for row in pattern]
    shares, counts = rng.uniform(0.01, 1, n_items), rng.integers(0, 4, n_items)
    expected = rng.integers(-1, n_items, (len(lists), 3))
    close = {"rtol": 0, "atol": 1e-12}
    assert coverage(lists, n_items, k=k) == slow_coverage(rows, n_items, k)
    np.testing.assert_allclose(gini(lists, n_items, k=k), slow_gini(rows, n_items, k), **close)
    np.testing.assert_allclose(novelty(lists, shares, k=k), [slow_novelty(row, shares, k) for row in rows], **close)
    for given in (features, sp.csr_array(features)):
        np.testing.assert_allclose(diversity(lists, given, k=k), [slow_diversity(row, features, k) for row in rows], **close)
    np.testing.assert_allclose(
        serendipity(lists, pattern, expected, k=k),
        [slow_serendipity(*arguments, k) for arguments in zip(rows, sets, expected.tolist())],
        **close,
    )
    np.testing.assert_allclose(
        popularity_lift(lists, pattern, counts, k=k), slow_popularity_lift(rows, sets, counts, k), **close
    )


# ---- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: coverage([[5]], 5), ValueError, r"item codes below 5 or -1, got 5 to 5"),
        (lambda: coverage([0, 1], 5), ValueError, r"recommended must have shape \(n_users, at least 1\), got \(2,\)"),
        (lambda: coverage([[0.5]], 5), TypeError, "integer item codes"),
        (lambda: coverage([[0]], 0), ValueError, "n_items must be an integer of at least 1, got 0"),
        (lambda: gini([[0]], 1), ValueError, "n_items must be an integer of at least 2, got 1"),
        (lambda: gini([[0]], 5, k=0), ValueError, "k must be an integer of at least 1, got 0"),
        (lambda: novelty([[0]], [0.0, 1]), ValueError, "shares above 0 and at most 1, got 0 to 1"),
        (lambda: novelty([[0]], [np.nan]), ValueError, "popularity must be one finite number"),
        (lambda: novelty([[0]], [[1.0]]), ValueError, r"popularity must be one finite number .* got shape \(1, 1\)"),
        (lambda: diversity([[0]], [[np.inf]]), ValueError, "item_features must hold finite numbers"),
        (lambda: diversity([[0]], [1.0]), ValueError, "item_features must have 0 rows"),
        (lambda: serendipity([[0]], [[2]], [[0]]), ValueError, "relevant must hold 0 and 1"),
        (lambda: popularity_lift([[0]], [[1, 0]], [1]), ValueError, "histories must have 1 columns"),
        (lambda: popularity_lift([[0]], [[1]], [-1]), ValueError, "popularity must be one finite number"),
    ],
)
def test_arguments_are_checked(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arguments_are_not_changed():
    lists, features, pattern = np.array([[1, 1, 0]]), sp.csr_array([[1.0, 2], [0, 1]]), sp.csr_array([[1.0, 1]])
    copies = [lists.copy(), features.copy(), pattern.copy()]
    diversity(lists, features), serendipity(lists, pattern, lists), popularity_lift(lists, pattern, [1, 2])
    assert (lists == copies[0]).all()
    assert all((a != b).nnz == 0 for a, b in zip((features, pattern), copies[1:]))


# ---- scorers ---------------------------------------------------------------------------------------------------------

LATER = RATED.drop(columns="rating")
BEYOND = ["coverage@2", "neg_gini@2", "novelty@2", "diversity@2", "serendipity@2", "neg_popularity_lift@2"]


@pytest.fixture
def known(same_for_all):
    """Lists of two items for three users: ann had a and b, bob had c, cid had d and e. Each item has one user of three."""
    return make_multi_scorer(["ndcg@2", *BEYOND]).evaluate(same_for_all, LATER)


def test_scorers_measure_the_lists_of_the_users_that_ndcg_measures(known):
    # ann: c, d; bob: a, b; cid: a, b; relevant: ann c and d, bob a, cid a
    assert known["coverage@2"].value == 4 / 5
    # counts 0, 1, 1, 2, 2
    assert known["neg_gini@2"].value == pytest.approx(-(-2 * 1 + 0 * 1 + 2 * 2 + 4 * 2) / 6 / 4)
    assert known["novelty@2"].per_user == pytest.approx([log2(3)] * 3)
    # c and d have no common user, a and b have ann
    assert known["diversity@2"].per_user.tolist() == [1, 0, 0]
    # equally popular items are expected in the order of codes: c, d of ann; a, b of bob; a, b of cid
    assert known["serendipity@2"].per_user.tolist() == [0, 0, 0]
    assert known["neg_popularity_lift@2"].value == 0
    for evaluation in known.values():
        assert evaluation.users.tolist() == ["ann", "bob", "cid"]


def test_scores_of_all_lists_have_no_value_of_a_user_and_no_interval(known):
    for name in ("coverage@2", "neg_gini@2"):
        assert np.isnan(known[name].per_user).all()
        assert all(map(isnan, known[name].interval()))
    assert not np.isnan(known["novelty@2"].interval()).any()


def test_serendipity_needs_items_beyond_the_most_popular_ones():
    train = frame([("ann", "a"), ("bob", "a"), ("cid", "a"), ("bob", "b"), ("cid", "b"), ("cid", "c"), ("dan", "d")])
    model = SameForAll([1, 2, 3, 4]).fit(train)  # ranks d, c, b, a
    test = frame([("dan", "c"), ("ann", "d"), ("ann", "b")])
    # expected of dan: a, b; of ann: b, c
    evaluation = get_scorer("serendipity@2").evaluate(model, test)
    assert dict(zip(evaluation.users, evaluation.per_user)) == {"ann": 0.5, "dan": 0.5}
    assert get_scorer("serendipity@3")(model, test) == pytest.approx((0 + 0) / 2)  # all other items are expected


def test_the_weighted_mean_of_users_is_the_popularity_lift():
    data = make_interactions(60, 30, density=0.5, random_state=0).interactions
    [(train, test)] = [next(iter(KFold(5, shuffle=True, random_state=0).split(data)))]
    model = EASERecommender(positive_from=4).fit(data[train])
    evaluation = get_scorer("neg_popularity_lift@5", positive_from=4).evaluate(model, data[test])
    codes = model.vocabulary_.user_codes(evaluation.users, name="users")
    lists = model.recommend(evaluation.users, k=5).codes
    counts = np.asarray(model.seen_.sum(axis=0)).ravel()
    assert evaluation.value == pytest.approx(-popularity_lift(lists, model.seen_[codes].astype(float), counts, k=5))
    assert evaluation.value == pytest.approx(np.average(evaluation.per_user, weights=evaluation.weights))
    low, high = evaluation.interval()
    assert low < evaluation.value < high


def test_new_users_are_compared_with_what_they_have_shown():
    seen = np.asarray(UNLABELLED.seen_.sum(axis=0)).ravel()
    evaluations = make_multi_scorer(["novelty@3", "neg_popularity_lift@3"]).evaluate(UNLABELLED, ROWS[:10])
    assert evaluations["novelty@3"].per_user.shape == (10,)
    assert (evaluations["neg_popularity_lift@3"].weights <= seen.max()).all()


def test_all_are_computed_of_one_ranking(same_for_all):
    make_multi_scorer(["ndcg@2", *BEYOND])(same_for_all, LATER)
    assert len(same_for_all.queries_) == 1


def test_each_scorer_alone_answers_as_with_others(same_for_all, known):
    for name in BEYOND:
        assert get_scorer(name)(same_for_all, LATER) == known[name].value


GENRES = pd.DataFrame({"comedy": [0, 0, 1, 0, 0], "drama": [1, 1, 1, 1, 1]}, index=list("edcba"))


def test_diversity_reads_features_by_label(same_for_all):
    expected = 1 - 1 / np.sqrt(2), 0.0, 0.0  # only c is a comedy too
    by_label = get_scorer("diversity@2", item_features=GENRES).evaluate(same_for_all, LATER)
    assert by_label.per_user == pytest.approx(expected)
    by_code = make_ranking_scorer("diversity", k=2, item_features=GENRES.to_numpy()[::-1])
    assert by_code.evaluate(same_for_all, LATER).per_user == pytest.approx(expected)


def test_scorers_with_features_are_equal_if_their_features_are():
    scorer = get_scorer("diversity@2", item_features=GENRES)
    assert pickle.loads(pickle.dumps(scorer)) == scorer == get_scorer("diversity@2", item_features=GENRES.copy())
    assert len({scorer, get_scorer("diversity@2"), get_scorer("diversity@2", item_features=GENRES * 2), scorer}) == 3


def test_features_are_checked(same_for_all):
    with pytest.raises(ValueError, match="item_features must be None for 'ndcg@2'"):
        get_scorer("ndcg@2", item_features=GENRES)
    with pytest.raises(ValueError, match="without a name such as 'diversity@10'"):
        make_multi_scorer(["ndcg@2"], item_features=GENRES)
    with pytest.raises(ValueError, match=r"a row for each item of the model, but 1 have none: \['e'\]"):
        get_scorer("diversity@2", item_features=GENRES.drop(index="e"))(same_for_all, LATER)
    with pytest.raises(ValueError, match="must have 5 rows"):
        get_scorer("diversity@2", item_features=np.ones((4, 2)))(same_for_all, LATER)
    with pytest.raises(ValueError, match="fitted without labels"):
        get_scorer("diversity@2", item_features=GENRES)(UNLABELLED, ROWS)
    with pytest.raises(ValueError, match="k must be an integer of at least 2, got 1"):
        get_scorer("diversity@1")


def test_an_undefined_score_is_an_error():
    model = SameForAll(MODEL_SCORES).fit(TRAIN)
    test = frame([("ann", "c")])
    model.recommend = lambda users, k, exclude_seen: type("Lists", (), {"codes": np.array([[2, -1]])})
    with pytest.raises(ValueError, match="diversity@2 is not defined for any user in X: no list has two items"):
        get_scorer("diversity@2")(model, test)


def test_compare_shows_them_beside_ndcg():
    films = make_interactions(60, 30, density=0.3, random_state=0)
    models = [
        EASERecommender(positive_from=4),
        PopularityRecommender(positive_from=4),
        RandomRecommender(positive_from=4, random_state=0),
    ]
    features = pd.DataFrame(np.eye(30), index=films.interactions.item_ids)
    scorers = ["ndcg@5", "coverage@5", "novelty@5", get_scorer("diversity@5", positive_from=4, item_features=features)]
    table = compare(models, films.interactions, scorers, baseline="EASERecommender")
    assert table.loc["PopularityRecommender", "coverage@5"] < table.loc["RandomRecommender", "coverage@5"]
    assert table.loc["PopularityRecommender", "novelty@5"] == table["novelty@5"].min()
    assert (table["diversity@5"] == 1).all()  # all features differ
    assert table[["coverage@5_low", "coverage@5_p_value"]].isna().all(axis=None)
    assert table["novelty@5_p_value"].notna().tolist() == [False, True, True]


def test_a_search_takes_several_of_them():
    data = make_interactions(40, 20, density=0.3, random_state=0).interactions
    scorer = make_multi_scorer(["ndcg@5", "neg_gini@5"], positive_from=4)
    search = GridSearchCV(
        EASERecommender(positive_from=4),
        {"regularization": [1.0, 1e6]},
        scoring=scorer,
        refit="neg_gini@5",
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(data)
    assert search.best_score_ == search.cv_results_["mean_test_neg_gini@5"].max()
