"""Recommenders inside Pipelines, searches and frozen estimators, as scorers, `compare` and the sampled protocol see them."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec import EASERecommender, MFRecommender, PopularityRecommender, compare, get_scorer
from skrec.datasets import make_news
from skrec.metrics import make_multi_scorer, sampled_leave_one_out

FOLDS = KFold(3, shuffle=True, random_state=0)


def in_our_words(sales):
    """Sales as people have them, in the columns that skrec knows."""
    return sales.rename(columns={"customer": "user", "film": "item", "stars": "rating"})


def on_ten_points(events):
    return events.assign(rating=2 * events["rating"]) if "rating" in events else events


def in_capitals(events):
    return events.assign(item=events["item"].str.upper())


def sales(seed=0):
    rng = np.random.default_rng(seed)
    columns = {"customer": rng.integers(0, 40, 600), "film": rng.integers(0, 25, 600), "stars": rng.integers(1, 6, 600)}
    table = pd.DataFrame(columns).drop_duplicates(["customer", "film"], ignore_index=True)
    return table.assign(film="film " + table["film"].astype(str))


SALES = sales()
EVENTS = in_our_words(SALES)
EASE = EASERecommender(positive_from=8)
NDCG = get_scorer("ndcg@5", positive_from=8)
TEN_POINTS, WORDS = FunctionTransformer(on_ten_points), FunctionTransformer(in_our_words)
DIRECT = cross_val_score(EASE, on_ten_points(EVENTS), scoring=NDCG, cv=FOLDS)

NESTED = {
    "one step": make_pipeline(TEN_POINTS, EASE),
    "passthrough": Pipeline([("nothing", "passthrough"), ("points", TEN_POINTS), ("none", None), ("ease", EASE)]),
    "a pipeline in a pipeline": make_pipeline(make_pipeline(TEN_POINTS, "passthrough"), make_pipeline("passthrough", EASE)),
    "a search in a pipeline": make_pipeline(TEN_POINTS, GridSearchCV(EASE, {}, scoring=NDCG, cv=FOLDS)),
    "a pipeline in a search": GridSearchCV(make_pipeline(TEN_POINTS, EASE), {}, scoring=NDCG, cv=FOLDS),
    "a search in a search": GridSearchCV(
        GridSearchCV(make_pipeline(TEN_POINTS, EASE), {}, scoring=NDCG, cv=FOLDS), {}, scoring=NDCG, cv=FOLDS
    ),
}
every_nesting = pytest.mark.parametrize("estimator", NESTED.values(), ids=NESTED)


@every_nesting
def test_scores_are_those_of_the_recommender_on_transformed_data(estimator):
    np.testing.assert_array_equal(cross_val_score(estimator, EVENTS, scoring=NDCG, cv=FOLDS, error_score="raise"), DIRECT)


def test_a_pipeline_may_cache_its_steps(tmp_path):
    pipeline = make_pipeline(TEN_POINTS, EASE, memory=str(tmp_path))
    np.testing.assert_array_equal(cross_val_score(pipeline, EVENTS, scoring=NDCG, cv=FOLDS, error_score="raise"), DIRECT)


def test_the_first_step_may_make_events_of_something_else():
    pipeline = make_pipeline(WORDS, TEN_POINTS, EASE)
    np.testing.assert_array_equal(cross_val_score(pipeline, SALES, scoring=NDCG, cv=FOLDS, error_score="raise"), DIRECT)


def test_a_frozen_pipeline_is_scored():
    model = make_pipeline(TEN_POINTS, EASE).fit(EVENTS[:400])
    assert NDCG(FrozenEstimator(model), EVENTS[400:]) == NDCG(model, EVENTS[400:])


def test_matrices_go_through_the_steps_too():
    ratings = csr_array((EVENTS["rating"].astype(float), (EVENTS["user"], pd.factorize(EVENTS["item"])[0])))
    pipeline = make_pipeline(FunctionTransformer(lambda X: 2 * X, accept_sparse=True), EASE)
    expected = cross_val_score(EASE, 2 * ratings, scoring=NDCG, cv=FOLDS)
    np.testing.assert_array_equal(cross_val_score(pipeline, ratings, scoring=NDCG, cv=FOLDS, error_score="raise"), expected)


def test_a_search_over_a_pipeline_finds_the_better_candidate():
    grid = {"easerecommender__regularization": [1e9, 10.0, 1.0]}
    pipeline = make_pipeline(TEN_POINTS, EASE)
    search = GridSearchCV(pipeline, grid, scoring=NDCG, cv=FOLDS).fit(EVENTS)
    alone = GridSearchCV(EASE, {"regularization": [1e9, 10.0, 1.0]}, scoring=NDCG, cv=FOLDS).fit(on_ten_points(EVENTS))
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_params_ == {"easerecommender__regularization": alone.best_params_["regularization"]}
    assert NDCG.evaluate(search, EVENTS).value == NDCG.evaluate(alone, on_ten_points(EVENTS)).value


def test_several_scorers_at_once_and_train_scores_take_a_pipeline():
    both = make_multi_scorer(["ndcg@5", "recall@5", "auc"], positive_from=8)
    scores = cross_validate(
        make_pipeline(TEN_POINTS, EASE), EVENTS, scoring=both, cv=FOLDS, return_train_score=True, error_score="raise"
    )
    np.testing.assert_array_equal(scores["test_ndcg@5"], DIRECT)
    assert np.isfinite(scores["train_auc"]).all()


def test_rating_scorers_take_a_pipeline_with_and_without_y():
    mf = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0)
    pipeline, alone = make_pipeline(TEN_POINTS, mf).fit(EVENTS), mf.fit(on_ten_points(EVENTS))
    for name in ("neg_rmse", "neg_mae", "r2"):
        scorer = get_scorer(name)
        assert scorer(pipeline, EVENTS) == scorer(alone, on_ten_points(EVENTS))
        assert scorer(pipeline, EVENTS[["user", "item"]], 2 * EVENTS["rating"]) == scorer(alone, on_ten_points(EVENTS))


def test_impression_scorers_take_a_pipeline():
    shown = make_news(50, 400, 300, random_state=0).interactions.to_frame()
    scorer, alone = get_scorer("impression_auc"), PopularityRecommender().fit(shown)
    pipeline = make_pipeline(FunctionTransformer(pd.DataFrame.copy), PopularityRecommender()).fit(shown)
    assert scorer(pipeline, shown) == scorer(alone, shown)


def test_the_sampled_protocol_takes_a_pipeline():
    asked = ([0, 1], ["film 1", "film 2"], [["film 3", "film 4"], ["film 5", "film 6"]])
    plain = sampled_leave_one_out(EASERecommender().fit(EVENTS.assign(rating=1)), *asked, k=1)
    events = EVENTS.assign(rating=1)
    assert sampled_leave_one_out(make_pipeline("passthrough", EASERecommender()).fit(events), *asked, k=1) == plain
    renamed = make_pipeline(FunctionTransformer(in_capitals), EASERecommender()).fit(events)
    assert sampled_leave_one_out(renamed, *asked, k=1) == plain
    assert (
        sampled_leave_one_out(GridSearchCV(renamed, {}, scoring=get_scorer("auc"), cv=FOLDS).fit(events), *asked, k=1) == plain
    )
    with pytest.raises(ValueError, match=r"users contains labels that the model does not know: \[99\]"):
        sampled_leave_one_out(renamed, [99, 1], *asked[1:])
    shortened = make_pipeline(FunctionTransformer(lambda X: X[1:]), EASERecommender()).fit(events)
    with pytest.raises(ValueError, match="must keep all 6 candidates, 5 are left"):
        sampled_leave_one_out(shortened, *asked)


@every_nesting
def test_compare_takes_nestings(estimator):
    table = compare({"nested": estimator}, EVENTS, [NDCG], baseline="nested")
    alone = compare({"ease": EASE}, on_ten_points(EVENTS), [NDCG], baseline="ease")
    assert table.loc["nested", "ndcg@5"] == pytest.approx(alone.loc["ease", "ndcg@5"])


def test_compare_recommends_to_users_by_what_the_steps_make_of_them():
    newcomers = EVENTS.assign(user=EVENTS["user"] + 1000)
    models = {"renamed": make_pipeline(FunctionTransformer(in_capitals), EASERecommender(positive_from=4))}
    scorer = get_scorer("ndcg@5", positive_from=4)
    for test in (EVENTS[300:], newcomers):
        plain = {"plain": EASERecommender(positive_from=4)}
        expected = compare(plain, in_capitals(EVENTS[:300]), scorer, test=in_capitals(test), baseline="plain")
        table = compare(models, EVENTS[:300], scorer, test=test, baseline="renamed")
        assert table.loc["renamed", "ndcg@5"] == expected.loc["plain", "ndcg@5"]


def test_compare_names_a_pipeline_by_its_recommender_and_shares_its_threshold():
    table = compare(
        [make_pipeline("passthrough", EASERecommender(positive_from=4)), PopularityRecommender(positive_from=4)],
        EVENTS,
        "ndcg@5",
        baseline="EASERecommender",
    )
    assert list(table.index) == ["EASERecommender", "PopularityRecommender"]
    assert "positive_from=4" in table.attrs["protocol"]["ndcg@5"]


@pytest.mark.parametrize(
    "scorer", [NDCG, get_scorer("neg_rmse"), get_scorer("impression_auc"), make_multi_scorer(["auc"])], ids=repr
)
def test_a_pipeline_that_ends_in_something_else_is_refused(scorer):
    with pytest.raises(TypeError, match=r"must be a fitted recommender, .* got LinearRegression\(\) in Pipeline"):
        scorer(make_pipeline("passthrough", LinearRegression()), EVENTS)
    with pytest.raises(TypeError, match="got 'passthrough' in Pipeline"):
        scorer(make_pipeline(TEN_POINTS, "passthrough"), EVENTS)
    with pytest.raises(NotFittedError):
        scorer(make_pipeline(TEN_POINTS, EASERecommender()), EVENTS)
    with pytest.raises(TypeError, match=r"or searches or Pipelines that end in a recommender, got Pipeline"):
        compare([make_pipeline(TEN_POINTS, LinearRegression())], EVENTS)
