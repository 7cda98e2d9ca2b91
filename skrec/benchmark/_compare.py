"""Comparison of models that are fitted on the same training part and evaluated on the same test part."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec._checks import check_fraction, check_int, check_number, is_int
from skrec._process import progress_bar
from skrec.benchmark._estimators import als, als_by_grid, named_estimators, shared_positive_from, with_baseline, with_searches
from skrec.benchmark._measuring import Result, measure, preload_lightning
from skrec.benchmark._paired import paired_p_value
from skrec.benchmark._parts import queries_for_test_users, split_parts
from skrec.benchmark._seeds import mean_result, spread, with_seeds
from skrec.data._random import draw_seed
from skrec.metrics import get_scorer
from skrec.metrics._scorer_objects import Scorer
from skrec.model_selection import RandomHoldout


def compare(
    estimators: Any,
    X: Any,
    scorers: Any = "ndcg@10",
    *,
    y: ArrayLike | None = None,
    test: Any = None,
    cv: Any = None,
    baseline: str | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = 0,
    verbose: int = 0,
    seeds: int = 1,
    tune: int | None = None,
    budget_seconds: float | None = None,
) -> pd.DataFrame:
    """Fit models on the same training part and evaluate them on the same test part.

    Clones are fitted. The given estimators are not changed. A search, such as scikit-learn's GridSearchCV, is tuned and
    refitted on the training part only. If models were tuned before, the tuning must not have used the test part: tune on a
    training part, and pass the other part as ``test``.

    Parameters
    ----------
    estimators : list of estimators, or dict of estimators by name
        Recommenders, searches over their parameters, or Pipelines that end in a recommender, fitted or not. In a list, their
        names are the class names of the recommenders. Repeated names get the suffixes "-2", "-3" and so on. If X is a
        DataFrame, the first step of a Pipeline gets rows of it, with y only if y is given. Otherwise it gets Interactions.
    X : Interactions, DataFrame of events, or users x items matrix
        Data to split, or training data if ``test`` is given. The entries of a matrix are the events and its rows are the users,
        as in ``Interactions.from_csr(X)``.
    scorers : str, scorer, or list of these, default="ndcg@10"
        A name, as in `get_scorer`, uses the ``positive_from`` of the models if all models with this parameter have the same
        value. A scorer object uses its own. Rankings are computed once for all scorers with the same ``positive_from``.
    y : array-like of shape (n_events,), default=None
        Values of the events, if X is a table of events without values.
    test : Interactions, DataFrame of events, or users x items matrix, default=None
        Held-out data. X is then used for training only. The rows of a matrix are new users. If None, X is split.
    cv : splitter of skrec or scikit-learn, default=None
        Splitter of the events of X. The first split is used. If None, ``RandomHoldout(0.2, random_state=random_state)``.
    baseline : str, default=None
        Name of the estimator that the others are compared with. If None, the first `ALSRecommender`, also inside a search. If
        there is none, a tuned one is added as "ALSRecommender": 64 factors, with ``alpha`` from 1, 2, 5 and 20 and
        ``regularization`` from 1, 10 and 50 chosen by the first scorer on a random fifth of the training part. ALS does not
        predict ratings: if a scorer is "neg_rmse", "neg_mae" or "r2", none is added, and the default is the first estimator.
    confidence_level : float, default=0.95
        Confidence level of the intervals. Must be in (0, 1).
    n_resamples : int, default=1000
        Number of resamples of each interval and each test. Must be at least 2.
    random_state : int, Generator, RandomState or None, default=0
        Seed of the split, the resampling and an added ALS. The given estimators have their own.
    verbose : int, default=0
        If above 0, show a progress bar over the estimators.
    seeds : int, default=1
        Number of fits of each estimator that has a parameter ``random_state``, also inside a search or a Pipeline, with this
        seed and the integers after it. Scores are then means over the fits. Estimators without a seed are fitted once.
    tune : int, default=None
        If given, each estimator is tuned on a part of the training part by a `RecommenderSearchCV` with this number of
        candidates and the first scorer, also an added ALS. The training part is cut by the same kind of split: by ``cv``, or
        at random. With ``test``, by time if there are times. Searches and estimators without parameters to tune stay as they
        are. If None, estimators are fitted as they are.
    budget_seconds : float, default=None
        No candidate of a search begins after this time, the same for each estimator. Requires ``tune``.

    Returns
    -------
    DataFrame
        A row for each estimator, in the given order. For each scorer ``s``, the columns are:

        * ``s``: the score, usually a mean over users,
        * ``s_low``, ``s_high``: percentile bootstrap interval over users,
        * ``s_difference``: the score minus that of the baseline,
        * ``s_p_value``: p-value of a two-sided paired permutation test of the difference, which flips the signs of the users'
          differences at random. Differences are weighted by the number of events, or squared for RMSE, if the scorer is. NaN
          for the baseline.
        * ``s_std``: standard deviation of the score over the seeds, if ``seeds`` is above 1. NaN for a single fit.

        Further columns are ``fit_seconds``, ``recommend_seconds`` and ``peak_memory_mb``. The first includes the search. The
        second is the time of recommending ten items to each test user, by id, or by the test events of users without training
        events. Notes describe the third.

        ``attrs["protocol"]`` is a dict with "split", "baseline", and for each scorer a description of what was ranked, hidden
        and counted. With ``tune``, ``attrs["best_params"]`` is a dict of the parameters of each search, by estimator.

    Raises
    ------
    TypeError
        If an argument has the wrong type, before anything is fitted.
    ValueError
        If an argument is out of range, before anything is fitted. Exceptions of a model get a note with its name.

    Notes
    -----
    Intervals and p-values describe the variation over users. ``seeds`` shows the randomness of training. P-values are not
    corrected for the number of comparisons. They are exact for few users, otherwise at least ``1 / (n_resamples + 1)``. Users
    with a score of only one of two models count in its mean and interval, but not in the test.

    ``peak_memory_mb`` is the peak of the resident memory of the process above the level before the fit, in units of 2**20
    bytes, sampled every 5 ms. For a model on a CUDA device, it is the memory that torch allocated there. It is a lower bound if
    memory that the process already owns is reused, which happens with small models. Other threads are included, other processes
    (``n_jobs`` of a search) are not. It is NaN on systems other than Linux.

    The cost is ``seeds`` fits of each model, thirteen fits of ALS if it is added, and O(n_users * n_resamples) for each model
    and scorer. With ``tune=20``, it is about 10 to 20 times as much.

    Examples
    --------
    >>> from skrec import ALSRecommender, EASERecommender, PopularityRecommender, compare
    >>> from skrec.datasets import make_interactions
    >>> films = make_interactions(200, 60, density=0.2, random_state=0).interactions
    >>> als = ALSRecommender(n_factors=8, alpha=5, regularization=10, positive_from=4, n_jobs=1, random_state=0)
    >>> models = [als, EASERecommender(positive_from=4), PopularityRecommender(positive_from=4)]
    >>> table = compare(models, films, ["ndcg@10", "recall@20"])
    >>> table[["ndcg@10", "ndcg@10_low", "ndcg@10_high", "ndcg@10_p_value"]].round(1)
                           ndcg@10  ndcg@10_low  ndcg@10_high  ndcg@10_p_value
    estimator
    ALSRecommender             0.4          0.4           0.5              NaN
    EASERecommender            0.5          0.5           0.6              0.0
    PopularityRecommender      0.3          0.3           0.4              0.0
    >>> table.attrs["protocol"]["split"], table.attrs["protocol"]["baseline"]
    ('the first of RandomHoldout(n_splits=1, random_state=0, test_size=0.2)', 'ALSRecommender')
    """
    check_fraction(confidence_level, "confidence_level")
    check_int(n_resamples, "n_resamples", at_least=2)
    check_int(verbose, "verbose", at_least=0)
    check_int(tune, "tune", at_least=1, or_none=True)
    check_number(budget_seconds, "budget_seconds", above=0, or_none=True)
    if budget_seconds is not None and tune is None:
        raise ValueError(f"budget_seconds requires tune, the number of candidates, got {budget_seconds!r} and tune=None")
    check_int(seeds, "seeds", at_least=1)
    seed = _seed(random_state)
    named = named_estimators(estimators)
    scorers_by_name = _scorers(scorers, shared_positive_from(named))
    named, baseline = with_baseline(named, baseline, list(scorers_by_name.values()), seed, als_by_grid if tune is None else als)
    if tune is not None:
        inner_cv = RandomHoldout(0.2, random_state=seed) if cv is None and test is None else cv
        budget = {"n_iter": tune, "budget_seconds": budget_seconds}
        named = with_searches(named, scoring=next(iter(scorers_by_name.values())), cv=inner_cv, random_state=seed, **budget)
    train, test, split = split_parts(X, y, test, cv, seed)
    queries_for_test_users(train.events, test.as_events().X)  # raises before the first fit
    preload_lightning(named)
    fits: dict[str, list[Result]] = {}
    for name, estimator in progress_bar(named.items(), disable=not verbose):
        try:
            fits[name] = [measure(seeded, train, test, scorers_by_name) for seeded in with_seeds(estimator, seeds)]
        except Exception as error:
            error.add_note(f"compare: raised by the estimator {name!r}")
            raise
    results = {name: mean_result(several) for name, several in fits.items()}
    rows = [_row(result, results[baseline], confidence_level, n_resamples, seed) for result in results.values()]
    table = pd.DataFrame(rows, index=pd.Index(list(results), name="estimator"))
    if seeds > 1:
        _add_spreads(table, fits, list(scorers_by_name))
    table.attrs["protocol"] = {"split": split, "baseline": baseline, **_protocols(scorers_by_name, results)}
    if tune is not None:
        table.attrs["best_params"] = {name: dict(result.best_params) for name, result in results.items()}
    return table


def _seed(random_state: Any) -> int:
    """Seed of the split, the resampling and an added ALS."""
    drawn = draw_seed(random_state)
    return int(random_state) if is_int(random_state) else drawn


def _scorers(scorers: Any, positive_from: float | None) -> dict[str, Any]:
    """Scorers by name."""
    given = list(scorers) if isinstance(scorers, Iterable) and not isinstance(scorers, str) else [scorers]
    made = [get_scorer(scorer, positive_from=positive_from) if isinstance(scorer, str) else scorer for scorer in given]
    for scorer in made:
        if not isinstance(scorer, Scorer):
            raise TypeError(f"scorers must be names such as 'ndcg@10' or scorers made by get_scorer, got {scorer!r}")
    named = {scorer.name: scorer for scorer in made}
    if not named or len(named) < len(made):
        raise ValueError(f"scorers must be at least one, with distinct names, got {scorers!r}")
    return named


def _row(result: Result, base: Result, confidence_level: float, n_resamples: int, seed: int) -> dict[str, float]:
    row = {}
    for name, evaluation in result.evaluations.items():
        other = base.evaluations[name]
        row[name] = evaluation.value
        row[f"{name}_low"], row[f"{name}_high"] = evaluation.interval(confidence_level, n_resamples, seed)
        row[f"{name}_difference"] = evaluation.value - other.value
        row[f"{name}_p_value"] = (
            np.nan if result is base else paired_p_value(evaluation, other, n_resamples=n_resamples, random_state=seed)
        )
    costs = {name: getattr(result, name) for name in ("fit_seconds", "recommend_seconds", "peak_memory_mb")}
    return row | costs


def _add_spreads(table: pd.DataFrame, fits: Mapping[str, list[Result]], scorers: list[str]) -> None:
    """Add the spread of each score over the seeds behind its other columns."""
    for name in scorers:
        after = int(table.columns.get_indexer([f"{name}_p_value"])[0]) + 1
        table.insert(after, f"{name}_std", [spread(several, name) for several in fits.values()])


def _protocols(scorers: Mapping[str, Any], results: Mapping[str, Result]) -> dict[str, str]:
    """Protocol of each scorer, in several lines if it differs between models."""
    return {
        name: "\n".join(dict.fromkeys(result.evaluations[name].protocol for result in results.values())) for name in scorers
    }
