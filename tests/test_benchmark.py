"""compare: the same figures as by hand, nothing of the test part in a fit, and costs that are what they say."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from compared_models import Broken, Constant, Greedy, Spy, als, ease, popularity
from scipy.stats import ttest_rel
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skrec import ALSRecommender, MFRecommender, PopularityRecommender, RandomRecommender, _memory, compare, get_scorer
from skrec.benchmark import MemoryWatch
from skrec.benchmark._paired import sign_flip_test
from skrec.benchmark._seeds import with_seeds
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.model_selection import RandomHoldout, UserKFold

SPLIT = RandomHoldout(0.2, random_state=0)
NDCG, RECALL = get_scorer("ndcg@10", positive_from=4), get_scorer("recall@5", positive_from=3)
COSTS = ["fit_seconds", "recommend_seconds", "peak_memory_mb"]


@pytest.fixture(scope="module")
def events():
    """All users and items in order of their labels, so that codes are the same in a matrix, a frame and here."""
    ratings = make_interactions(150, 40, density=0.25, random_state=0).interactions
    return Interactions.from_frame(ratings.to_frame()[["user", "item", "rating"]])


@pytest.fixture(scope="module")
def parts(events):
    [(train, test)] = SPLIT.split(events)
    return events[train], events[test]


@pytest.fixture(scope="module")
def table(events):
    return compare([als(), ease(), popularity()], events, [NDCG, RECALL])


def without_costs(table):
    return table.drop(columns=COSTS)


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_columns_and_rows_are_in_the_order_given(table):
    parts = ["", "_low", "_high", "_difference", "_p_value"]
    assert table.columns.tolist() == [scorer + part for scorer in ("ndcg@10", "recall@5") for part in parts] + COSTS
    assert table.index.tolist() == ["ALSRecommender", "EASERecommender", "PopularityRecommender"]
    assert (table[["fit_seconds", "recommend_seconds"]] > 0).all(axis=None)


@pytest.mark.parametrize("scorer", [NDCG, RECALL], ids=["ndcg", "recall"])
def test_figures_are_those_of_the_scorer_on_the_same_split(scorer, table, parts):
    train, test = parts
    found = {type(model).__name__: scorer.evaluate(model.fit(train), test) for model in (als(), ease(), popularity())}
    for name, evaluation in found.items():
        row = table.loc[name].filter(like=scorer.name)
        assert row.iloc[0] == evaluation.value
        assert tuple(row.iloc[1:3]) == evaluation.interval()
        assert row.iloc[3] == evaluation.value - found["ALSRecommender"].value


def test_scorers_that_share_a_threshold_keep_their_places_beside_one_that_does_not(events, table):
    again = compare([popularity(), als()], events, ["recall@5", get_scorer("map@5", positive_from=3), NDCG])
    assert [name for name in again.columns if name.count("_") == 0] == ["recall@5", "map@5", "ndcg@10"]
    assert again.loc["ALSRecommender", "ndcg@10"] == table.loc["ALSRecommender", "ndcg@10"]


def test_the_same_seed_gives_the_same_table_and_another_one_another_split(events, table):
    models = [als(), ease(), popularity()]
    pd.testing.assert_frame_equal(without_costs(compare(models, events, [NDCG, RECALL], random_state=0)), without_costs(table))
    other = compare(models, events, [NDCG, RECALL], random_state=np.random.default_rng(1))
    assert (other["ndcg@10"] != table["ndcg@10"]).any()


def test_level_and_resamples_reach_the_interval(events, parts):
    row = compare([als()], events, NDCG, confidence_level=0.5, n_resamples=50).iloc[0]
    evaluation = NDCG.evaluate(als().fit(parts[0]), parts[1])
    assert (row["ndcg@10_low"], row["ndcg@10_high"]) == evaluation.interval(0.5, n_resamples=50)


def test_protocol_says_what_was_done(table):
    protocol = table.attrs["protocol"]
    assert protocol["baseline"] == "ALSRecommender"
    assert protocol["split"] == f"the first of {SPLIT!r}"
    assert protocol["recall@5"].startswith("recall@5; full ranking of 40 items") and "positive_from=3" in protocol["recall@5"]


# ---- paired tests ----------------------------------------------------------------------------------------------------


def by_all_signs(differences):
    sums = [abs(np.dot(signs, differences)) for signs in product([1, -1], repeat=len(differences))]
    return np.mean(np.asarray(sums) >= sums[0] - 1e-12)


@pytest.fixture(scope="module")
def few(parts):
    """A training part, and test events of eight users who liked something there: 256 combinations of signs."""
    train, test = parts
    return train, test[np.isin(test.users, np.unique(test.users[test.values >= 4])[:8])]


def test_p_value_of_a_few_users_is_exact(few):
    train, test = few
    values = [NDCG.evaluate(model.fit(train), test).per_user for model in (als(), popularity())]
    assert [len(found) for found in values] == [8, 8]
    p_values = compare([als(), popularity()], train, NDCG, test=test)["ndcg@10_p_value"]
    assert np.isnan(p_values.iloc[0])
    assert p_values.iloc[1] == pytest.approx(by_all_signs(values[1] - values[0]), abs=1e-12)


def test_p_value_of_rmse_compares_weighted_squares(few):
    train, test = few
    scorer = get_scorer("neg_rmse")
    one, other = (scorer.evaluate(Constant(rating=rating).fit(train), test) for rating in (3.0, 4.5))
    assert len(set(one.weights)) > 1
    p_values = compare([Constant(rating=3.0), Constant(rating=4.5)], train, scorer, test=test)["neg_rmse_p_value"]
    expected = by_all_signs(one.weights * (one.per_user**2 - other.per_user**2))
    assert p_values.iloc[1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.04])
def test_p_value_of_many_users_is_that_of_the_t_test(shift):
    one, other = np.random.default_rng(0).normal(size=(2, 5000))
    p_value = sign_flip_test(one + shift - other, n_resamples=20_000, random_state=0)
    assert p_value == pytest.approx(ttest_rel(one + shift, other).pvalue, abs=0.01)


def test_p_value_is_one_where_nothing_differs_and_never_zero(events):
    table = compare(
        {"one": popularity(), "other": popularity(), "chance": RandomRecommender(positive_from=4, random_state=0)},
        events,
        NDCG,
        baseline="one",
        n_resamples=99,
    )
    assert table["ndcg@10_p_value"].tolist()[1:] == [1.0, 0.01]


# ---- what is fitted on what ------------------------------------------------------------------------------------------


def test_given_estimators_stay_as_they_are(events):
    fitted, fresh = als().fit(events), ease()
    before = fitted.user_embeddings_.copy()
    compare([fitted, fresh], events, NDCG)
    np.testing.assert_array_equal(fitted.user_embeddings_, before)
    with pytest.raises(NotFittedError):
        check_is_fitted(fresh)


def test_a_search_sees_the_training_part_only(events, parts):
    train, _ = parts
    asked_about = []

    def scoring(estimator, X, y):
        asked_about.append(X)
        return NDCG(estimator, X)

    Spy.seen.clear()
    search = GridSearchCV(Spy(), {"positive_from": [3, 4]}, scoring=scoring, cv=KFold(2, shuffle=True, random_state=0))
    compare({"search": search, "baseline": als()}, events, NDCG, baseline="baseline")
    used = [*Spy.seen, *asked_about]
    assert len(used) == 2 * 2 * 2 + 1
    assert set(np.concatenate([data.pair_keys for data in used])) == set(train.pair_keys)
    assert len(Spy.seen[-1]) == len(train)


def test_matrix_frame_and_interactions_agree(events):
    expected = without_costs(compare([als(), popularity()], events, NDCG))
    for X in (events.to_frame(), events.to_csr(), events.to_csr().toarray()):
        found = without_costs(compare([als(), popularity()], X, NDCG))
        pd.testing.assert_frame_equal(found, expected)


def test_y_gives_the_values(events):
    frame = events.to_frame()
    given = compare([als(), popularity()], frame[["user", "item"]], NDCG, y=frame["rating"])
    pd.testing.assert_frame_equal(without_costs(given), without_costs(compare([als(), popularity()], frame, NDCG)))


def test_given_test_data_are_not_split(events, parts, table):
    train, test = parts
    given = compare([als(), ease(), popularity()], train, [NDCG, RECALL], test=test)
    pd.testing.assert_frame_equal(without_costs(given), without_costs(table))
    assert given.attrs["protocol"]["split"] == "none: test data were given"
    frames = compare([als(), ease(), popularity()], train, [NDCG, RECALL], test=test.to_frame())
    pd.testing.assert_frame_equal(without_costs(frames), without_costs(table))


def test_rows_of_a_test_matrix_are_new_users(events):
    matrix = events.to_csr()
    given = compare([popularity()], matrix[:100], NDCG, test=matrix[100:], baseline="PopularityRecommender")
    model = popularity().fit(Interactions.from_csr(matrix[:100]))
    assert given.loc["PopularityRecommender", "ndcg@10"] == NDCG(model, matrix[100:])


def test_users_in_no_training_event_are_asked_about_too(events):
    cv = UserKFold(3, random_state=1)
    train, test = next(iter(cv.split(events)))
    table = compare([als(), popularity()], events, NDCG, cv=cv)
    assert table.loc["ALSRecommender", "ndcg@10"] == NDCG(als().fit(events[train]), events[test])
    assert "UserKFold" in table.attrs["protocol"]["split"]


def test_names_take_the_threshold_on_which_the_models_agree(events, table):
    found = compare([als(), popularity()], events, "ndcg@10")
    assert found.loc["ALSRecommender", "ndcg@10"] == table.loc["ALSRecommender", "ndcg@10"]
    with pytest.warns(UserWarning, match="the scorer has positive_from=None"):
        compare([als(), PopularityRecommender(positive_from=3)], events, "ndcg@10")


# ---- names and baseline ----------------------------------------------------------------------------------------------


def test_repeated_names_are_numbered(events):
    search = GridSearchCV(als(), {"alpha": [1, 5]}, scoring=NDCG, cv=SPLIT)
    table = compare([popularity(), als(), popularity(), search, popularity()], events, NDCG)
    names = "PopularityRecommender ALSRecommender PopularityRecommender-2 ALSRecommender-2 PopularityRecommender-3"
    assert table.index.tolist() == names.split()


@pytest.mark.parametrize(
    ("estimators", "baseline", "expected"),
    [
        ({"a": ease(), "b": als(), "c": als()}, None, "b"),
        ({"a": ease(), "b": GridSearchCV(als(), {"alpha": [5]}, scoring=NDCG, cv=SPLIT)}, None, "b"),
        ({"a": ease(), "b": als()}, "a", "a"),
    ],
    ids=["first ALS", "ALS in a search", "named"],
)
def test_baseline_is_the_named_one_or_the_first_als(estimators, baseline, expected, events):
    table = compare(estimators, events, NDCG, baseline=baseline)
    assert table.attrs["protocol"]["baseline"] == expected
    assert table.index.tolist() == list(estimators)
    assert table["ndcg@10_p_value"].isna().tolist() == [name == expected for name in estimators]
    assert table.loc[expected, "ndcg@10_difference"] == 0


def test_an_als_tuned_on_the_training_part_is_added_where_there_is_none(events, parts):
    train, test = parts
    model = ALSRecommender(n_factors=64, positive_from=4, random_state=0)
    grid = {"alpha": [1.0, 2.0, 5.0, 20.0], "regularization": [1.0, 10.0, 50.0]}
    search = GridSearchCV(model, grid, scoring=NDCG, cv=SPLIT).fit(train)
    table = compare({"ALSRecommender": popularity()}, events, [NDCG, RECALL])
    assert table.index.tolist() == ["ALSRecommender", "ALSRecommender-2"]
    assert table.attrs["protocol"]["baseline"] == "ALSRecommender-2"
    assert table.loc["ALSRecommender-2", "ndcg@10"] == pytest.approx(NDCG(search, test), abs=1e-6)


def test_for_ratings_the_baseline_is_the_first_model_and_no_als_is_added(events, parts):
    train, test = parts
    table = compare({"two": Constant(rating=2.0), "four": Constant(rating=4.0)}, events, ["neg_rmse", "neg_mae", "r2"])
    assert table.index.tolist() == ["two", "four"]
    assert table.attrs["protocol"]["baseline"] == "two"
    for scorer in ("neg_rmse", "neg_mae", "r2"):
        assert table.loc["four", scorer] == get_scorer(scorer)(Constant(rating=4.0).fit(train), test)


# ---- seeds -----------------------------------------------------------------------------------------------------------


def small_mf(seed=0):
    return MFRecommender(loss="mse", n_factors=2, init_std=1.0, max_epochs=1, random_state=seed)


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: make_pipeline(None, model)], ids=["model", "step"])
def test_scores_are_means_over_the_seeds(wrap, events):
    scorers, popular = [NDCG, "neg_rmse"], PopularityRecommender(positive_from=0)
    table = compare([wrap(small_mf()), popular], events, scorers, baseline="PopularityRecommender", seeds=3)
    alone = [compare([wrap(small_mf(seed))], events, scorers, baseline="MFRecommender") for seed in range(3)]
    for name in ("ndcg@10", "neg_rmse"):
        values = [table.loc["MFRecommender", name] for table in alone]
        assert len(set(values)) == 3
        reported = table.loc["MFRecommender", [name, f"{name}_std"]].to_numpy(float)
        np.testing.assert_allclose(reported, [np.mean(values), np.std(values, ddof=1)])
        assert table.loc["MFRecommender", f"{name}_low"] < np.mean(values) < table.loc["MFRecommender", f"{name}_high"]
        assert np.isnan(table.loc["PopularityRecommender", f"{name}_std"])


def test_models_with_a_seed_are_fitted_again_and_others_once(events):
    for seed in (4, None, np.random.RandomState(3)):
        drawn = [model.fit(events).seed_ for model in with_seeds(RandomRecommender(positive_from=4, random_state=seed), 3)]
        assert len(set(drawn)) == 3
    numbered = with_seeds(RandomRecommender(random_state=4), 3)
    assert [model.random_state for model in numbered] == [4, 5, 6]
    assert len(with_seeds(ease(), 3)) == 1
    search = GridSearchCV(als(), {"n_factors": [2, 3]})
    assert [seeded.estimator.random_state for seeded in with_seeds(search, 2)] == [0, 1]


def test_the_number_of_seeds_is_checked_before_the_first_fit(events):
    with pytest.raises(ValueError, match="seeds must be"):
        compare([Broken()], events, seeds=0)


# ---- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not _memory._STATM.exists(), reason="the system does not tell")
@pytest.mark.parametrize("kept", [0.0, 1.0], ids=["given back", "kept"])
def test_peak_memory_is_what_a_fit_takes(kept, events):
    table = compare({"greedy": Greedy(kept=kept, positive_from=4)}, events, NDCG, baseline="greedy")
    assert table.loc["greedy", "peak_memory_mb"] == pytest.approx(200, rel=0.2)


def test_memory_is_nan_where_the_system_does_not_tell(events, monkeypatch, tmp_path):
    monkeypatch.setattr(_memory, "_STATM", tmp_path / "missing")
    assert compare([als()], events, NDCG)["peak_memory_mb"].isna().all()


@pytest.mark.gpu
def test_on_cuda_the_memory_of_the_device_counts():
    import torch

    with MemoryWatch() as watch:
        torch.empty(100 * 2**18, device="cuda")
    assert watch.peak_megabytes("cuda:0") == pytest.approx(100, rel=0.05)


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_an_error_says_which_estimator_raised_it(events):
    with pytest.raises(RuntimeError, match="no luck") as caught:
        compare({"good": als(), "bad": Broken(positive_from=4)}, events, NDCG)
    assert caught.value.__notes__ == ["compare: raised by the estimator 'bad'"]


def test_a_bar_is_all_that_is_printed_and_only_if_asked_for(events, capfd):
    compare([als()], events, NDCG)
    assert capfd.readouterr() == ("", "")
    compare([als()], events, NDCG, verbose=1)
    out, bar = capfd.readouterr()
    assert out == "" and "1/1" in bar
