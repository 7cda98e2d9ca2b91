"""Search spaces, and the search that halves, stops early and keeps to a budget."""

import pickle
import warnings

import numpy as np
import optuna
import pandas as pd
import pytest
from compared_models import Spy
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import get_scorer as sklearn_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    ParameterSampler,
    RandomizedSearchCV,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import skrec
from skrec import (
    ALS,
    ALSRecommender,
    ColdStartRecommender,
    CosineContrastiveLoss,
    EarlyStopping,
    EASERecommender,
    Interactions,
    MFRecommender,
    NewsRecommender,
    PairRecommender,
    PopularityRecommender,
    RandomRecommender,
    RecommenderSearchCV,
    compare,
    get_scorer,
    search_space,
    suggest_params,
    tune,
)
from skrec.datasets import make_interactions
from skrec.inspection import SearchDisplay
from skrec.model_selection import RandomHoldout, TemporalSplit, train_test_split
from skrec.reranking import MMRReranker, RerankedRecommender
from skrec.tuning import Sizes

NDCG = get_scorer("ndcg@10", positive_from=4)
FOLDS = KFold(2, shuffle=True, random_state=0)
GOOD, BAD = 10.0, 1e7  # penalties of EASE: with the second one, all scores are nearly the same


@pytest.fixture(scope="module")
def films():
    """Ratings without times."""
    data = make_interactions(80, 40, density=0.25, random_state=0).interactions
    return Interactions.from_arrays(data.users, data.items, data.values)


@pytest.fixture(scope="module")
def featured():
    """Dated events with features of the items."""
    data = make_interactions(40, 25, density=0.3, random_state=0).interactions
    features = np.random.default_rng(0).random((data.n_items, 3)).astype(np.float32)
    return Interactions.from_arrays(data.users, data.items, timestamps=np.arange(len(data)), item_features=features)


def mf(**parameters):
    return MFRecommender(**{"n_factors": 4, "max_epochs": 2, "positive_from": 4, "random_state": 0} | parameters)


def least_squares(**parameters):
    """A model that is trained in epochs, in milliseconds."""
    return mf(solver=ALS(n_jobs=1), **{"max_epochs": 21} | parameters)


def made(cls):
    """An estimator of a class that is quick to fit."""
    given = {"random_state": 0, "max_epochs": 1, "n_jobs": 1}
    accepted = cls().get_params()
    parameters = {name: value for name, value in given.items() if name in accepted}
    if cls is ColdStartRecommender:
        parameters["estimator"] = ALSRecommender(n_factors=4, max_epochs=1, n_jobs=1, random_state=0)
    return cls(**parameters)


# ---- spaces ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", skrec.all_estimators(), ids=lambda cls: cls.__name__)
def test_draws_from_every_space_can_be_fitted(cls, featured):
    estimator = made(cls)
    space = search_space(estimator, "large")
    space.pop("max_epochs", None)
    space |= {"n_factors": [4, 8]} if "n_factors" in space and cls.__name__ == "AutoRecRecommender" else {}
    for params in ParameterSampler(space, 2, random_state=0) if space else []:
        clone(estimator).set_params(**params).fit(featured)


@pytest.mark.parametrize("cls", skrec.all_estimators(), ids=lambda cls: cls.__name__)
def test_spaces_grow_with_their_size_and_are_small_at_first(cls):
    small, medium, large = (search_space(made(cls), size) for size in ("small", "medium", "large"))
    assert list(large)[: len(medium)] == list(medium) and list(medium)[: len(small)] == list(small)
    most = 4 if cls is ColdStartRecommender else 3
    assert len(small) == 0 if cls in (PopularityRecommender, RandomRecommender) else 1 <= len(small) <= most


SETTINGS = {
    "softmax": {},
    "cosines": {"temperature": 0.1},
    "drawn": {"loss": "bpr"},
    "hard": {"loss": "bpr", "negatives": "hard", "n_negatives": 4},
    "ratings": {"loss": "mse"},
    "als": {"solver": "als"},
    "ALS": {"solver": ALS()},
    "ALS with equal penalties": {"solver": ALS(regularization_exponent=0.0)},
    "ccl": {"loss": "ccl", "n_negatives": 4},
    "CCL": {"loss": CosineContrastiveLoss(), "n_negatives": 4},
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_space_of_matrix_factorization_fits_its_setting(setting, films):
    settings = SETTINGS[setting]
    model = mf(max_epochs=1, **settings | ({"positive_from": None} if setting == "ratings" else {}))
    space = search_space(model, "large")
    assert ("n_negatives" in space) == (setting in ("drawn", "hard", "ccl", "CCL"))
    assert ("learning_rate" in space) == ("als" not in setting.lower())
    assert ("temperature" in space) == (setting in ("softmax", "cosines", "drawn", "hard"))
    space.pop("max_epochs")
    events = films if setting == "ratings" else films[films.values >= 4]
    for params in ParameterSampler(space, 2, random_state=1):
        clone(model).set_params(**params).set_params(n_factors=4).fit(events)


def test_a_nested_estimator_has_the_space_of_the_inner_one():
    inner = ALSRecommender()
    names = [f"estimator__{name}" for name in search_space(inner)]
    assert list(search_space(ColdStartRecommender(estimator=inner))) == ["regularization", *names]
    assert list(search_space(ColdStartRecommender())) == ["regularization"]
    features = np.eye(3)
    assert list(search_space(RerankedRecommender(inner, MMRReranker(item_features=features)))) == names
    piped = Pipeline([("same", FunctionTransformer()), ("model", inner)])
    assert list(search_space(piped)) == [f"model__{name}" for name in search_space(inner)]


class Narrow(EASERecommender):
    """A subclass without a space of its own."""


class Own(EASERecommender):
    """A subclass with a space of its own."""

    def _search_space(self):
        return Sizes({"regularization": [1.0, 10.0]})


class Other(PairRecommender):
    """A model of another package, without factors."""


class Fixed(MFRecommender):
    """Matrix factorization without a choice of its width."""

    _fixed = ("n_factors",)


def test_subclasses_have_the_space_of_their_family_or_their_own():
    assert list(search_space(Narrow(), "large")) == ["regularization"]
    assert search_space(Own()) == {"regularization": [1.0, 10.0]}
    assert list(search_space(Other())) == ["regularization", "learning_rate"]
    assert "n_factors" not in search_space(Fixed()) and "regularization" in search_space(Fixed())


@pytest.mark.parametrize("estimator", [EASERecommender, FunctionTransformer(), GridSearchCV(EASERecommender(), {}), 3])
def test_what_has_no_space_is_refused(estimator):
    with pytest.raises(TypeError, match="estimator must be a recommender with a search space"):
        search_space(estimator)


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="size must be one of 'small', 'medium', 'large', got 'huge'"):
        search_space(EASERecommender(), "huge")


def test_a_space_may_be_changed():
    search_space(EASERecommender()).clear()
    assert search_space(EASERecommender())


# ---- searches of others ----------------------------------------------------------------------------------------------


def test_random_search_of_scikit_learn_takes_a_space(films):
    search = RandomizedSearchCV(
        mf(max_epochs=2), search_space(mf(), "medium"), n_iter=2, scoring=NDCG, cv=FOLDS, random_state=0
    )
    assert np.isfinite(search.fit(films).cv_results_["mean_test_score"]).all()


def test_halving_search_of_scikit_learn_takes_a_space_without_epochs(films):
    space = search_space(least_squares(), "medium")
    space.pop("max_epochs")
    halving = {"n_candidates": 3, "resource": "max_epochs", "min_resources": 1, "max_resources": 3}
    search = HalvingRandomSearchCV(least_squares(), space, scoring=NDCG, cv=FOLDS, random_state=0, **halving)
    assert np.isfinite(search.fit(films).cv_results_["mean_test_score"]).all()


@pytest.fixture
def quiet_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def test_optuna_takes_a_space(films, quiet_optuna):
    train, valid = train_test_split(films, random_state=0)
    model = mf(max_epochs=2)

    def objective(trial):
        return NDCG(clone(model).set_params(**suggest_params(trial, search_space(model))).fit(train), valid)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=2)
    assert study.best_value > 0 and set(study.best_params) == set(search_space(model))


def test_a_trial_draws_every_kind_of_value():
    space = {
        "layers": [(), (8,)],
        "solver": [ALS(n_steps=1), ALS(n_steps=3)],
        "weighting": [None, "bm25"],
        "n": randint(2, 5),
        "share": uniform(0.1, 0.3),
        "rate": loguniform(0.01, 1),
    }
    fixed = {"layers": "(8,)", "solver": "ALS(n_steps=3)", "weighting": None, "n": 4, "share": 0.4, "rate": 1.0}
    params = suggest_params(optuna.trial.FixedTrial(fixed), space)
    assert params | {"solver": params["solver"].n_steps} == fixed | {"layers": (8,), "solver": 3}


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("cls", skrec.all_estimators(), ids=lambda cls: cls.__name__)
def test_optuna_draws_from_every_space_without_a_warning(cls, size, quiet_optuna):
    space = search_space(made(cls), size)
    assert set(suggest_params(optuna.create_study().ask(), space)) == set(space)


def test_optuna_has_no_other_distributions():
    with pytest.raises(ValueError, match="for Optuna, got the distribution 'norm'"):
        suggest_params(optuna.trial.FixedTrial({}), {"x": norm()})


# ---- the search ------------------------------------------------------------------------------------------------------


def test_the_better_of_a_good_and_a_bad_candidate_is_found(films):
    search = tune(EASERecommender(positive_from=4), films, NDCG, space={"regularization": [BAD, GOOD]}, random_state=0)
    assert search.best_params_ == {"regularization": GOOD}
    np.testing.assert_array_equal(
        search.best_estimator_.recommend(k=5).codes,
        EASERecommender(positive_from=4, regularization=GOOD).fit(films).recommend(k=5).codes,
    )


def test_a_good_value_of_a_wide_range_is_found(films):
    space = {"regularization": loguniform(1e-1, 1e8)}
    search = tune(EASERecommender(positive_from=4), films, NDCG, n_iter=12, space=space, random_state=0)
    by_grid = tune(
        EASERecommender(positive_from=4), films, NDCG, space={"regularization": [*np.geomspace(1e-1, 1e8, 20)]}, random_state=0
    )
    assert search.best_score_ > 0.97 * by_grid.best_score_


def test_candidates_are_trained_for_more_epochs_in_each_round(films):
    space = {"regularization": loguniform(1e-4, 1)}
    search = tune(least_squares(), films, NDCG, n_iter=6, space=space, random_state=0)
    results = pd.DataFrame(search.cv_results_)
    tried = results[results["iter"] < 2]
    assert set(tried.n_resources) == {7, 21} and (tried.n_resources == tried.param_max_epochs.astype(int)).all()
    assert (tried.n_resources == 7).sum() == 6 and 1 <= (tried.n_resources == 21).sum() < 6
    assert (results.kept_epochs <= results.n_resources).all()
    assert search.best_score_ == results[results.kept_epochs == results.n_resources].mean_test_score.max()


def test_only_the_best_third_is_trained_further(films):
    space = {"regularization": [*np.geomspace(1e-4, 10, 6)]}
    results = pd.DataFrame(tune(least_squares(), films, NDCG, space=space, random_state=0).cv_results_)
    first, second = (results[results["iter"] == number] for number in (0, 1))
    best = first.sort_values("mean_test_score", ascending=False, kind="stable").param_regularization[:2]
    assert second.param_regularization.tolist() == best.tolist()


def test_the_number_of_epochs_of_early_stopping_is_that_of_the_final_fit(films):
    model = least_squares(n_factors=32, max_epochs=20, init_std=1e-3)  # overfits soon
    search = tune(model, films, NDCG, space={"regularization": [1e-6]}, random_state=0)
    results = pd.DataFrame(search.cv_results_)
    first, last = results.iloc[0], results.iloc[-1]
    assert last.n_resources == first.kept_epochs < first.n_resources
    assert search.best_params_ == {"regularization": 1e-6, "max_epochs": last.n_resources}
    best = search.best_estimator_
    assert best.early_stopping is None and len(best.history_) == best.max_epochs == last.n_resources
    assert search.best_score_ == last.mean_test_score == first.mean_test_score  # the epochs are the same ones


def test_early_stopping_of_the_estimator_is_replaced(films):
    search = tune(mf(early_stopping=EarlyStopping("valid_loss", patience=1)), films, NDCG, n_iter=2, random_state=0)
    assert search.best_estimator_.early_stopping is None
    assert search.estimator.early_stopping.scorer == "valid_loss"


def test_the_estimator_as_it_is_is_the_first_candidate_with_all_epochs(films):
    search = tune(least_squares(regularization=0.02), films, NDCG, n_iter=3, random_state=0)
    first = search.cv_results_["params"][0]
    assert first == {"solver__unobserved_weight": None, "regularization": 0.02, "n_factors": 4, "max_epochs": 21}


def test_epochs_of_a_space_are_not_halved(films):
    search = tune(least_squares(), films, NDCG, space={"max_epochs": [1, 30]}, random_state=0)
    assert search.cv_results_["n_resources"].tolist()[:2] == [1, 30]


def test_a_nested_estimator_is_trained_with_the_epochs_of_the_inner_one(featured):
    model = ColdStartRecommender(estimator=least_squares(positive_from=None))
    search = tune(model, featured, "ndcg@10", n_iter=4, random_state=0)
    assert set(search.cv_results_["n_resources"]) >= {7, 21}
    assert search.best_estimator_.estimator.early_stopping is None
    assert len(search.best_estimator_.estimator_.history_) == search.best_params_["estimator__max_epochs"]


def test_the_search_is_repeatable_and_changes_no_estimator(films):
    model = least_squares()
    options = {"space": {"regularization": loguniform(1e-4, 1), "n_factors": [2, 4, 8]}, "n_iter": 7}
    one, two, other = (tune(model, films, NDCG, **options, random_state=seed) for seed in (3, 3, 4))
    assert one.cv_results_["params"] == two.cv_results_["params"]
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert other.cv_results_["params"] != one.cv_results_["params"]
    assert not hasattr(model, "module_") and repr(model) == repr(least_squares())


def test_the_search_is_cloned_and_pickled(films):
    search = RecommenderSearchCV(EASERecommender(positive_from=4), scoring=NDCG, n_iter=2, random_state=0)
    fitted = pickle.loads(pickle.dumps(clone(search).fit(films)))
    assert not hasattr(search, "best_params_")
    assert fitted.best_params_ == clone(search).fit(films).best_params_
    np.testing.assert_array_equal(fitted.predict(films), fitted.best_estimator_.predict(films))
    assert fitted.score(films) == NDCG(fitted, films)


def test_results_are_those_of_a_search_of_scikit_learn(films):
    space = {"regularization": [1.0, 10.0], "keep_events": [True, False]}
    search = tune(EASERecommender(positive_from=4), films, NDCG, space=space, random_state=0)
    results = pd.DataFrame(search.cv_results_)
    assert search.best_score_ == results.mean_test_score[search.best_index_] == results.mean_test_score.max()
    assert results["rank_test_score"].iloc[search.best_index_] == 1 and search.n_splits_ == 1
    assert search.best_params_ == results.params[search.best_index_]
    assert SearchDisplay.from_search(search).scores.shape == (2, 2)


# ---- data ------------------------------------------------------------------------------------------------------------


def fitted_on(events, **options):
    """The data that the candidates and the final model are fitted on."""
    Spy.seen.clear()
    threshold = 4 if (events.values != 1).any() else None
    scorer, space = get_scorer("ndcg@10", positive_from=threshold), {"keep_events": [True, False]}
    tune(Spy(positive_from=threshold), events, scorer, space=space, random_state=0, **options)
    return Spy.seen[:-1], Spy.seen[-1]


def test_candidates_do_not_learn_from_the_held_out_part(films):
    cv = RandomHoldout(0.3, random_state=0)
    (train, _), *_ = cv.split(films)
    candidates, final = fitted_on(films, cv=cv)
    assert len(candidates) == 2 and len(final) == len(films)
    for data in candidates:
        np.testing.assert_array_equal(data.pair_keys, films[train].pair_keys)
    by_default, _ = fitted_on(films)
    assert [len(data) for data in by_default] == pytest.approx([0.8 * len(films)] * 2, abs=1)
    np.testing.assert_array_equal(by_default[0].pair_keys, by_default[1].pair_keys)


def test_the_latest_events_are_held_out_if_there_are_times(featured):
    candidates, _ = fitted_on(featured)
    assert all(data.timestamps.max() < 0.81 * len(featured) for data in candidates)


def test_impressions_are_not_split(films):
    shown = films.to_frame().assign(impression=np.arange(len(films)) // 5)
    events = Interactions.from_frame(shown)
    candidates, _ = fitted_on(events)
    whole = np.unique(events.impressions, return_counts=True)[1]
    kept = np.unique(candidates[0].impressions, return_counts=True)
    assert len(candidates[0]) < len(events) and (whole[kept[0]] == kept[1]).all()


def test_a_splitter_makes_the_cut(featured):
    candidates, _ = fitted_on(featured, cv=TemporalSplit(test_size=0.5))
    assert len(candidates[0]) == pytest.approx(len(featured) / 2, abs=1)
    with pytest.raises(TypeError, match="cv must be a splitter"):
        tune(EASERecommender(), featured, NDCG, cv=5)


@pytest.mark.parametrize("kind", ["frame", "matrix"])
def test_tables_and_matrices_are_searched_and_fitted(kind, films):
    X = films.to_frame() if kind == "frame" else films.to_csr(duplicates="last")
    search = tune(EASERecommender(positive_from=4), X, NDCG, n_iter=2, random_state=0)
    np.testing.assert_allclose(
        search.predict(X), EASERecommender(positive_from=4, **search.best_params_).fit(X).predict(X), rtol=1e-4, atol=1e-5
    )


def test_values_may_be_given_apart(films):
    frame = films.to_frame()
    model = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0)
    apart = tune(model, frame[["user", "item"]], "neg_rmse", y=frame["rating"], n_iter=2, random_state=0)
    together = tune(model, frame[["user", "item", "rating"]], "neg_rmse", n_iter=2, random_state=0)
    assert apart.best_score_ == together.best_score_ < 0


def test_a_pipeline_is_searched(films):
    piped = Pipeline([("same", FunctionTransformer()), ("model", least_squares())])
    search = tune(piped, films.to_frame(), "ndcg@10", n_iter=2, random_state=0)
    names = ("solver__unobserved_weight", "regularization", "n_factors", "max_epochs")
    assert set(search.best_params_) == {f"model__{name}" for name in names}
    assert search.scorer_ == NDCG


@pytest.mark.filterwarnings("ignore:100% of the users with clicks")
def test_news_are_searched():
    from skrec.datasets import make_news

    news = make_news(30, 400, 200, random_state=0).interactions
    model = NewsRecommender(n_factors=8, max_epochs=1, random_state=0)
    search = tune(model, news, "impression_auc", n_iter=2, space={"dropout": [0.0, 0.5]}, random_state=0)
    assert 0 < search.best_score_ < 1


def test_a_scorer_of_scikit_learn_is_taken(films):
    model = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0)
    scorer = sklearn_scorer("neg_mean_absolute_error")
    assert tune(model, films, scorer, n_iter=2, random_state=0).best_score_ < 0


# ---- budget and failures ---------------------------------------------------------------------------------------------


def test_no_candidate_begins_after_the_budget(films):
    search = tune(least_squares(), films, NDCG, n_iter=20, budget_seconds=1e-9, random_state=0)
    assert (
        set(search.cv_results_["iter"]) <= {1, 2} and len({str(p["regularization"]) for p in search.cv_results_["params"]}) == 1
    )
    assert search.best_estimator_.recommend(k=1).items.shape == (films.n_users, 1)


def test_a_failing_candidate_has_no_score_and_a_warning(films):
    space = {"regularization": [-1.0, GOOD]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = tune(EASERecommender(positive_from=4), films, NDCG, space=space, random_state=0)
    failed = [warning for warning in caught if warning.category is FitFailedWarning]
    assert len(failed) == 1 and failed[0].filename == __file__
    assert "{'regularization': -1.0}" in str(failed[0].message) and "must be" in str(failed[0].message)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert search.best_params_ == {"regularization": GOOD}


def test_an_error_is_raised_if_it_is_wanted(films):
    with pytest.raises(ValueError, match="regularization must be"):
        tune(EASERecommender(), films, NDCG, space={"regularization": [-1.0]}, error_score="raise")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_a_search_in_which_all_fail_is_an_error(films):
    with pytest.raises(ValueError, match="all 2 fits of the search failed") as caught:
        tune(EASERecommender(), films, NDCG, space={"regularization": [-1.0, -2.0]})
    assert "regularization must be" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_iter": 0}, ValueError, "n_iter must be an integer of at least 1"),
        ({"budget_seconds": 0}, ValueError, "budget_seconds must be a finite number above 0"),
        ({"space": "huge"}, ValueError, "space must be one of 'small', 'medium', 'large'"),
        ({"space": 3}, TypeError, "space must be a dict"),
        ({"space": {"regularization": 3.0}}, TypeError, r"space\['regularization'\] must be a frozen distribution"),
        ({"space": {"regularization": []}}, ValueError, r"space\['regularization'\] must have at least one value"),
        ({"space": {"n_trees": [3]}}, ValueError, "Invalid parameter 'n_trees'"),
        ({"scorer": 3}, TypeError, "scorer must be a name such as 'ndcg@10'"),
        ({"scorer": skrec.make_multi_scorer(["ndcg@10", "auc"])}, TypeError, "that returns one number"),
        ({"scorer": "accuracy"}, ValueError, "name must be one of"),
        ({"error_score": "ignore"}, ValueError, "error_score must be one of 'raise'"),
        ({"verbose": -1}, ValueError, "verbose must be an integer of at least 0"),
    ],
)
def test_bad_arguments_are_refused(options, error, words, films):
    with pytest.raises(error, match=words):
        tune(EASERecommender(positive_from=4), films, **{"scorer": NDCG} | options)


def test_a_bar_shows_the_candidates_and_the_best_score(films, capfd):
    tune(EASERecommender(positive_from=4), films, NDCG, n_iter=3, random_state=0)
    assert capfd.readouterr() == ("", "")
    search = tune(EASERecommender(positive_from=4), films, NDCG, n_iter=3, random_state=0, verbose=1)
    shown = capfd.readouterr().err
    assert "3/3" in shown and f"best={search.best_score_:.4f}" in shown


# ---- comparisons -----------------------------------------------------------------------------------------------------


def test_compare_tunes_all_rows_inside_the_training_part(films):
    Spy.seen.clear()
    models = {"EASE": EASERecommender(positive_from=4, regularization=BAD), "popular": Spy(positive_from=4)}
    plain = compare(models, films, NDCG, baseline="EASE")
    table = compare(models, films, NDCG, tune=4)
    assert list(table.index) == ["EASE", "popular", "ALSRecommender"]
    assert table.loc["EASE", "ndcg@10"] > plain.loc["EASE", "ndcg@10"]
    assert table.loc["popular", "ndcg@10"] == plain.loc["popular", "ndcg@10"]
    params = table.attrs["best_params"]
    assert params["popular"] == {} and set(params["ALSRecommender"]) == {"regularization", "alpha", "n_factors", "max_epochs"}
    (train, test), *_ = RandomHoldout(0.2, random_state=0).split(films)
    cv = RandomHoldout(0.2, random_state=0)
    by_hand = tune(models["EASE"], films[train], NDCG, n_iter=4, cv=cv, random_state=0)
    assert params["EASE"] == by_hand.best_params_ and table.loc["EASE", "ndcg@10"] == NDCG(by_hand, films[test])


def test_compare_keeps_given_searches(films):
    grid = GridSearchCV(EASERecommender(positive_from=4), {"regularization": [GOOD]}, scoring=NDCG, cv=FOLDS)
    table = compare({"grid": grid}, films, NDCG, baseline="grid", tune=2)
    assert table.attrs["best_params"] == {"grid": {"regularization": GOOD}}


def test_compare_cuts_the_training_part_as_the_data(featured):
    model = EASERecommender()
    cv = TimeSeriesSplit(2)
    table = compare([model], featured, "ndcg@10", cv=cv, baseline="EASERecommender", tune=2)
    train, _ = next(cv.split(featured))
    by_hand = tune(model, featured[train], "ndcg@10", n_iter=2, cv=cv, random_state=0)
    assert table.attrs["best_params"]["EASERecommender"] == by_hand.best_params_


def test_compare_refuses_a_budget_without_a_search(films):
    with pytest.raises(ValueError, match="budget_seconds requires tune"):
        compare([EASERecommender(positive_from=4)], films, NDCG, budget_seconds=3)
    with pytest.raises(ValueError, match="tune must be an integer of at least 1 or None"):
        compare([EASERecommender(positive_from=4)], films, NDCG, tune=0)
