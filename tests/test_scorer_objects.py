"""Scorers as objects: how they are made, several in one, and in the searches of scikit-learn."""

import pickle
import re
from dataclasses import replace

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from same_for_all import RATED, ROWS, SameForAll, frame
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skrec import BaseRecommender, compare
from skrec.data import Interactions
from skrec.metrics import get_scorer, make_multi_scorer, make_ranking_scorer

# ---- made, copied, shown ---------------------------------------------------------------------------------------------

SCORERS = [
    get_scorer("ndcg@10"),
    get_scorer("recall_capped@20", positive_from=3.5),
    get_scorer("auc", positive_from=4),
    get_scorer("neg_rmse"),
    make_multi_scorer(["ndcg@10", "neg_mae"], positive_from=4),
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
        "make_multi_scorer(['ndcg@10', 'neg_mae'], positive_from=4.0)",
    ]


def test_both_ways_to_a_ranking_scorer_lead_to_the_same():
    assert make_ranking_scorer() == get_scorer("ndcg@10")
    assert make_ranking_scorer("map", k=np.int64(5), positive_from=4) == get_scorer("map@5", positive_from=4.0)
    assert make_ranking_scorer("auc", k=7) == get_scorer("auc")


BAD_NAMES = [
    "ndcg",
    "ndcg@",
    "ndcg@x",
    "ndcg@1.5",
    "ndcg@-1",
    "auc@10",
    "neg_rmse@10",
    "rmse",
    "mae",
    "dcg@10",
    "impression_auc@5",
    "",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"name must be one of ndcg@k, .*hit_rate@k, .* auc, neg_rmse, neg_mae, r2, got"):
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
    with pytest.raises(TypeError, match=r"must be a fitted recommender, .* got LinearRegression\(\)"):
        scorer(LinearRegression(), ROWS)


def test_an_estimator_of_another_package_is_scored_alone_and_inside_a_pipeline_a_search_and_a_comparison():
    assert BaseRecommender not in SameForAll.__mro__
    X, scorer = popular_events(), get_scorer("ndcg@5")
    train, test = X[::2], X[1::2]
    alone = scorer(SameForAll().fit(train), test)
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(SameForAll(), {"sign": [-1, 1]}, scoring=scorer, cv=folds).fit(train)
    for estimator in (make_pipeline("passthrough", SameForAll()).fit(train), search):
        assert scorer(estimator, test) == alone
    table = compare([SameForAll()], train, ["ndcg@5"], test=test, baseline="SameForAll")
    assert table.loc["SameForAll", "ndcg@5"] == alone


def test_an_estimator_is_told_what_it_lacks():
    model = SameForAll().fit(ROWS)
    del model.seen_
    with pytest.raises(TypeError, match=r"must be a fitted recommender, .* which has no seen_"):
        get_scorer("ndcg@5")(model, ROWS)


def test_an_evaluation_reads_as_its_value_with_the_interval():
    test = frame([(f"user {number}", "abcde"[number % 5]) for number in range(40)])
    evaluation = get_scorer("ndcg@5").evaluate(SameForAll().fit(test), test)
    low, high = evaluation.interval()
    assert 0 < low < evaluation.value < high < 1
    read = re.fullmatch(r"(\S+) \((\S+) to (\S+)\), (\d+) users", repr(evaluation))
    assert [float(number) for number in read.groups()] == pytest.approx(
        [evaluation.value, low, high, evaluation.n_users], abs=5e-4
    )
    assert str(evaluation).splitlines()[0] == repr(evaluation)
    assert str(evaluation).endswith(evaluation.protocol)


def test_the_digits_of_an_evaluation_show_the_width_of_its_interval(same_for_all):
    one = get_scorer("hit_rate@5").evaluate(same_for_all, frame([("bob", "a")]))
    assert repr(one) == "1.000 (1.000 to 1.000), 1 user"
    many = replace(one, per_user=np.tile([0.0, 0.02], 20_000), users=np.arange(40_000), n_users=40_000, value=0.01)
    assert re.fullmatch(r"0\.01000 \(0\.0099\d to 0\.0100\d\), 40,000 users", repr(many))
    too_many = replace(many, per_user=np.tile([0.0, 0.02], 30_000), users=np.arange(60_000), n_users=60_000)
    assert repr(too_many) == "0.010, 60,000 users"


def test_a_score_of_all_lists_together_reads_without_an_interval(same_for_all):
    evaluation = get_scorer("coverage@5").evaluate(same_for_all, frame([("bob", "a")]))
    assert repr(evaluation) == f"{evaluation.value:.3f}, 1 user"


# ---- several metrics at once -----------------------------------------------------------------------------------------


def test_many_scorers_answer_as_each_alone(same_for_all):
    names = ["ndcg@2", "recall@4", "auc", "neg_rmse", "hit_rate@1"]
    test = RATED.assign(user=["ann", "ann", "bob", "bob"], item=["c", "d", "a", "e"])
    multi = make_multi_scorer(names, positive_from=3)
    alone = {name: get_scorer(name, positive_from=3)(same_for_all, test) for name in names}
    assert multi(same_for_all, test) == alone
    assert list(multi(same_for_all, test)) == names
    evaluations = multi.evaluate(same_for_all, test)
    assert {name: evaluation.value for name, evaluation in evaluations.items()} == alone
    assert [name in evaluations[name].protocol for name in names] == [True] * len(names)


def test_many_scorers_rank_once(same_for_all):
    make_multi_scorer(["ndcg@2", "recall@4", "map@3"])(same_for_all, frame([("bob", "a")]))
    assert len(same_for_all.queries_) == 1


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("ndcg@10", TypeError, "list of names"),
        ([], ValueError, "one or more distinct names"),
        (["auc", "auc"], ValueError, "one or more distinct names"),
        (["ndcg"], ValueError, "ndcg@k"),
    ],
)
def test_names_of_many_scorers_are_checked(names, error, message):
    with pytest.raises(error, match=message):
        make_multi_scorer(names)


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


def test_a_fitted_search_is_scored_by_its_best_estimator(same_for_all):
    class Search:
        best_estimator_ = same_for_all

    test = frame([("ann", "c"), ("bob", "a")])
    for scorer in (get_scorer("ndcg@3"), make_multi_scorer(["ndcg@3", "recall@3"])):
        assert scorer(Search(), test) == scorer(same_for_all, test)
