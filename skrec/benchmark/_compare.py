"""One comparison: clones fitted on one training part, asked about one test part."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from skrec._checks import check_fraction, check_int, is_int
from skrec._process import progress_bar
from skrec.benchmark._estimators import named_estimators, shared_positive_from, with_baseline
from skrec.benchmark._measuring import Result, measure, preload_lightning
from skrec.benchmark._paired import paired_p_value
from skrec.benchmark._parts import queries_for_test_users, split_parts
from skrec.data._random import draw_seed
from skrec.metrics import get_scorer
from skrec.metrics._scorers import Scorer


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
) -> pd.DataFrame:
    """Fit some models on the same training part and measure them on the same held-out part.

    Clones are fitted, so the given estimators stay as they are. A search, such as scikit-learn's GridSearchCV, tunes and refits
    on the training part only. Models that were tuned elsewhere should not have seen the test part there: tune on a training
    part, and pass the other one as ``test``.

    Parameters
    ----------
    estimators : list of estimators, or dict of them by name
        Recommenders, or searches for their parameters or Pipelines that end in one, fitted or not. In a list they are named by
        the classes of the recommenders; a repeated name gets "-2", "-3" and so on. If X is a DataFrame, the first step of a
        Pipeline is given rows of it, with y only where y is given here; otherwise Interactions.
    X : Interactions, DataFrame of events, or users x items matrix
        Of a matrix the entries are the events and the rows the users, as in ``Interactions.from_csr(X)``.
    scorers : str, scorer of skrec, or list of these, default="ndcg@10"
        A name (see `get_scorer`) takes the ``positive_from`` of the models, if all that have this parameter agree on it;
        a scorer object keeps its own. Rankings with the same ``positive_from`` are made once.
    y : array-like of shape (n_events,), optional
        The events' values, where X is a table of events.
    test : like X, optional
        Held-out data; then X is all for training. A matrix's rows are new users. By default X is split.
    cv : splitter of skrec or scikit-learn, default=None
        Splits the events of X; its first split is used. None is ``RandomHoldout(0.2, random_state=random_state)``.
    baseline : str, default=None
        Name of the estimator that all others are tested against. By default the first `ALSRecommender`, also inside a search.
        If there is none, a row "ALSRecommender" is added: 64 factors, ``alpha`` of 1, 2, 5 or 20 and ``regularization`` of 1,
        10 or 50, whichever the first scorer prefers on a random fifth of the training part. ALS predicts no ratings: if a
        scorer is "neg_rmse", "neg_mae" or "r2", nothing is added and the default is the first estimator.
    confidence_level : float, default=0.95
        Of the intervals.
    n_resamples : int, default=1000
        Of each interval and each test; at least 2.
    random_state : int, Generator, RandomState or None, default=0
        For the split, the resampling and an ALS that is added; the given estimators have their own.
    verbose : int, default=0
        A progress bar over the estimators, if not 0.

    Returns
    -------
    DataFrame
        A row for each estimator, in the order given. For each scorer, ``s``:

        * ``s``: what the scorer returns, as a rule the mean over users,
        * ``s_low``, ``s_high``: percentile bootstrap interval over users,
        * ``s_difference``: the value minus the baseline's,
        * ``s_p_value``: of a two-sided paired permutation test of that difference, which turns the signs of the users'
          differences at random (weighted by the number of events, squared for RMSE, where the scorer does so); NaN for the
          baseline.

        Then ``fit_seconds``, of a search all of it; ``recommend_seconds`` for the ten best items of every test user, by id, or
        for users without training events from what the test part holds of them; and ``peak_memory_mb`` of the fit, see Notes.

        ``attrs["protocol"]`` is a dict: "split", "baseline", and for each scorer what was ranked, hidden and counted.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, before anything is fitted. Whatever a model raises comes with a note that names it.

    Notes
    -----
    The intervals say what depends on which users were asked. They, and the p-values, say nothing about the training's
    randomness: for that, compare several seeds of a model. P-values are not corrected for the number of comparisons. They
    are exact for few users, and else not below ``1 / (n_resamples + 1)``. Users whom only one of two models could be asked
    about count in its mean and interval, and not in the test.

    ``peak_memory_mb`` is the resident memory of the process on top of the level before the fit, at its peak, in units of 2**20
    bytes, looked at every 5 ms; for a model on a CUDA device it is what torch has allocated there. It is a lower bound where
    memory that is already the process's own is used again, as happens with small models; other threads count too, other
    processes (``n_jobs`` of a search) do not. NaN where the system does not tell, that is outside Linux.

    Costs a fit of each model, thirteen of ALS if it is added, and per model and scorer O(n_users * n_resamples) for interval
    and test.

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
    seed = _seed(random_state)
    named = named_estimators(estimators)
    asked = _scorers(scorers, shared_positive_from(named))
    named, baseline = with_baseline(named, baseline, list(asked.values()), seed)
    train, test, split = split_parts(X, y, test, cv, seed)
    queries_for_test_users(train.events, test.as_events().X)  # a mistake is found before the first fit
    preload_lightning(named)
    results = {}
    for name, estimator in progress_bar(named.items(), disable=not verbose):
        try:
            results[name] = measure(clone(estimator), train, test, asked)
        except Exception as error:
            error.add_note(f"compare: raised by the estimator {name!r}")
            raise
    table = pd.DataFrame(
        [_row(result, results[baseline], confidence_level, n_resamples, seed) for result in results.values()],
        index=pd.Index(list(results), name="estimator"),
    )
    table.attrs["protocol"] = {"split": split, "baseline": baseline, **_protocols(asked, results)}
    return table


def _seed(random_state: Any) -> int:
    """One number for everything that is drawn."""
    drawn = draw_seed(random_state)
    return int(random_state) if is_int(random_state) else drawn


def _scorers(scorers: Any, positive_from: float | None) -> dict[str, Any]:
    """Scorers by name."""
    given = list(scorers) if isinstance(scorers, Iterable) and not isinstance(scorers, str) else [scorers]
    made = [get_scorer(scorer, positive_from=positive_from) if isinstance(scorer, str) else scorer for scorer in given]
    for scorer in made:
        if not isinstance(scorer, Scorer):
            raise TypeError(f"scorers must be names such as 'ndcg@10', or what get_scorer makes of them, got {scorer!r}")
    named = {scorer.name: scorer for scorer in made}
    if not named or len(named) < len(made):
        raise ValueError(f"scorers must be at least one, each of another name, got {scorers!r}")
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


def _protocols(scorers: Mapping[str, Any], results: Mapping[str, Result]) -> dict[str, str]:
    """Of each scorer one line, or several where models were asked in different ways."""
    return {
        name: "\n".join(dict.fromkeys(result.evaluations[name].protocol for result in results.values())) for name in scorers
    }
