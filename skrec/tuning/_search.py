"""A search that draws candidates, drops the worse ones after few epochs, and draws others near the best."""

from math import ceil
from numbers import Real
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.model_selection._search import BaseSearchCV

from skrec._checks import check_choice, check_int, check_number, is_int
from skrec._process import progress_bar
from skrec.data._random import draw_seed
from skrec.tuning._runs import Cut, Run, Runner, epochs_of, read_scorer
from skrec.tuning._sampling import Sampler
from skrec.tuning._spaces import SIZES, Space, search_space

_MIN_EPOCHS = 7  # with fewer, weak penalties and large steps look better than they are
_SPREAD = 3  # one in three candidates is spread over the space


class RecommenderSearchCV(BaseSearchCV):
    """Search of parameters with successive halving over epochs, early stopping and a budget of time.

    Candidates are scored on one held-out part of the data. A third of them is spread over the space. The others are chosen one
    by one where a Gaussian process of the scores expects the largest improvement. Candidates are trained for a part of the
    epochs, and the best third of them for three times as many, up to ``max_epochs`` of the estimator. Estimators without
    epochs are fitted once for each candidate. The best candidate is fitted to all data.

    Parameters
    ----------
    estimator : estimator
        Recommender, or a Pipeline that ends in one. Its ``max_epochs`` is the largest number of epochs. Its ``early_stopping``
        is not used.
    scoring : str, scorer or callable, default="ndcg@10"
        A name, as in `get_scorer`, uses ``positive_from`` of the estimator. A callable ``scoring(estimator, X, y)`` returns one
        number. Greater is better.
    space : {"small", "medium", "large"} or dict, default="small"
        Size of `search_space`, or distributions of scipy.stats and lists by the name of the parameter. With a size, the first
        candidate is the estimator as it is, with all epochs. If a dict has ``max_epochs``, candidates are not halved. If it has
        only lists, with at most ``n_iter`` combinations, each combination is tried once.
    n_iter : int, default=20
        Number of candidates.
    budget_seconds : float, default=None
        No fit of a candidate begins after this time. At least one candidate is fitted. The last candidate, its repetition
        (see Notes) and the final fit may take longer. If None, there is no limit.
    factor : int, default=3
        One in ``factor`` candidates is trained again, for ``factor`` times as many epochs. The first number is at least 7.
    cv : splitter of skrec or scikit-learn, default=None
        Splitter of the events of X. The first split is used. If None, the latest fifth of the events is held out by
        `TemporalSplit` if they have timestamps, otherwise a random fifth of them by `RandomHoldout`, or of the impressions.
        Use the kind of split that the final test has.
    error_score : "raise" or float, default=NaN
        Score of a candidate whose fit or score fails. A FitFailedWarning has its parameters. If "raise", the error is raised.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the candidates and of a random cut. The estimator has its own. With both and without ``budget_seconds``, the
        search is repeatable.
    verbose : int, default=0
        If above 0, show a progress bar over the fits, with the best score so far.

    Attributes
    ----------
    best_estimator_ : estimator
        The best candidate, fitted to all data, without early stopping.
    best_params_ : dict
        Its parameters. They include ``max_epochs`` if the estimator has epochs.
    best_score_ : float
        Its score on the held-out part.
    best_index_ : int
        Its row in ``cv_results_``.
    cv_results_ : dict of arrays
        Results with a row for each fit, as in HalvingRandomSearchCV, for `pandas.DataFrame` and
        `skrec.inspection.SearchDisplay`. "iter" is the number of the round, "n_resources" the number of epochs, or the number
        of events without epochs. "kept_epochs" is the number of epochs after which the score was best.
    scorer_ : callable
        The scorer.
    n_splits_ : int
        Always 1.
    refit_time_ : float
        Seconds of the final fit.

    Raises
    ------
    TypeError
        By ``fit``, if the space or the scorer has the wrong type, or the estimator has no search space.
    ValueError
        By ``fit``, if an argument is out of range, the data cannot be split, or all candidates fail.

    See Also
    --------
    tune : The same in one line.
    search_space : Spaces of all estimators.

    Notes
    -----
    Training with ``early_stopping`` is scored after each epoch, and ends after a third of its epochs, but at least three,
    without improvement. If the best candidate was best before its last epoch, it is trained once more for that number of
    epochs, since a schedule of the learning rate depends on it. ``best_score_`` is the score of a training with the parameters
    ``best_params_``.

    Trainings begin anew with more epochs, since a schedule of the learning rate depends on their number. With ``n_iter=20`` and
    20 epochs, the cost is that of about 15 fits with all epochs, and the scores after each epoch. The score of the best of many
    candidates is too good: score the search on a test part that it has not seen.

    References
    ----------
    Jamieson, Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016. Expected
    improvement: Jones, Schonlau, Welch, "Efficient Global Optimization of Expensive Black-Box Functions", 1998.

    Examples
    --------
    >>> from skrec import MFRecommender, RecommenderSearchCV
    >>> from skrec.datasets import make_interactions
    >>> films = make_interactions(80, 40, density=0.3, random_state=0).interactions
    >>> model = MFRecommender(n_factors=4, max_epochs=9, positive_from=4, random_state=0)
    >>> search = RecommenderSearchCV(model, space={"regularization": [0.1, 1, 10]}, n_iter=3, random_state=0).fit(films)
    >>> sorted(search.best_params_)
    ['max_epochs', 'regularization']
    >>> search.best_estimator_.recommend(films.user_ids[:1], k=2).items.shape
    (1, 2)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: Any = "ndcg@10",
        space: Any = "small",
        n_iter: int = 20,
        budget_seconds: float | None = None,
        factor: int = 3,
        cv: Any = None,
        error_score: Any = np.nan,
        random_state: Any = None,
        verbose: int = 0,
    ):
        super().__init__(estimator, scoring=scoring, cv=cv, verbose=verbose, error_score=error_score, return_train_score=False)
        self.space = space
        self.n_iter = n_iter
        self.budget_seconds = budget_seconds
        self.factor = factor
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Search the parameters, and fit the best ones to all data.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix
            Training data. The entries of a matrix are the events and its rows are the users.
        y : array-like of shape (n_events,), default=None
            Values of the events, if X is a table of events without values.

        Returns
        -------
        self
        """
        space = self._checked_space()
        scorer, seed = read_scorer(self.scoring, self.estimator), draw_seed(self.random_state)
        runner = Runner(self.estimator, Cut.of(X, y, self.estimator, self.cv, seed), scorer, self.error_score)
        sampler = Sampler(space, seed)
        with progress_bar(total=self.n_iter, desc="tune", unit="candidate", disable=not self.verbose) as bar:
            rounds = _Rounds(runner, self._numbers_of_epochs(space), self.factor, self.budget_seconds, bar)
            self._search(rounds, sampler)
        best = rounds.settled_best()
        self._store(runner, best)
        start = perf_counter()
        self.best_estimator_ = clone(self.estimator).set_params(**clone(best.params, safe=False))
        if runner.stopping is not None:
            self.best_estimator_.set_params(**{runner.stopping: None})
        self.best_estimator_.fit(X, y)
        self.refit_time_ = perf_counter() - start
        return self

    def _checked_space(self) -> Space:
        check_int(self.n_iter, "n_iter", at_least=1)
        check_int(self.factor, "factor", at_least=2)
        check_number(self.budget_seconds, "budget_seconds", above=0, or_none=True)
        check_int(self.verbose, "verbose", at_least=0)
        if isinstance(self.error_score, str):
            check_choice(self.error_score, "error_score", ("raise",))
        elif not isinstance(self.error_score, Real):
            raise TypeError(f"error_score must be 'raise' or a number, got {self.error_score!r}")
        if isinstance(self.estimator, type) or not hasattr(self.estimator, "get_params"):
            raise TypeError(f"estimator must be a recommender, or a Pipeline that ends in one, got {self.estimator!r}")
        if not isinstance(self.space, str):
            return self.space
        check_choice(self.space, "space", SIZES)
        space = search_space(self.estimator, self.space)
        if (epochs := epochs_of(self.estimator)) is not None:
            space.pop(epochs.number, None)
        return space

    def _numbers_of_epochs(self, space: Space) -> list[dict[str, int]]:
        """The parameters of the rounds: ascending numbers of epochs, or nothing if they do not differ in them."""
        epochs = epochs_of(self.estimator)
        if epochs is None or epochs.number in space:
            return [{}]
        numbers = [self.estimator.get_params()[epochs.number]]
        if not is_int(numbers[0]):  # None, or a wrong value, which is an error of fit
            return [{}]
        while ceil(numbers[0] / self.factor) >= _MIN_EPOCHS and len(numbers) < 3:
            numbers.insert(0, ceil(numbers[0] / self.factor))
        return [{epochs.number: number} for number in numbers]

    def _search(self, rounds: "_Rounds", sampler: Sampler) -> None:
        if (grid := sampler.grid(self.n_iter)) is not None:
            rounds.halve(grid)
            return
        if isinstance(self.space, str):
            given = self.estimator.get_params()
            present = {name: given[name] for name in sampler.names}
            sampler.note(present)
            rounds.try_fully(present)
        n_left = self.n_iter - isinstance(self.space, str)
        n_spread = ceil(n_left / _SPREAD)
        rounds.halve(sampler.spread(n_spread))
        for _ in range(n_left - n_spread):
            if rounds.is_over() or (candidate := sampler.promising(rounds.scored())) is None:
                return
            rounds.climb(candidate)

    def _store(self, runner: Runner, best: Run) -> None:
        runs, n_events = runner.runs, len(runner.cut.train.X)
        more: dict[str, list[Any]] = {
            "iter": [run.iteration for run in runs],
            "n_resources": [n_events if run.n_epochs is None else run.n_epochs for run in runs],
        }
        if runner.epochs is not None:
            more["kept_epochs"] = [run.n_kept for run in runs]
        out = [{"fit_time": run.fit_seconds, "score_time": run.score_seconds, "test_scores": run.score} for run in runs]
        self.cv_results_ = self._format_results([run.params for run in runs], 1, out, more)
        self.best_index_ = runs.index(best)
        self.best_params_, self.best_score_ = best.params, best.score
        self.scorer_, self.n_splits_, self.multimetric_ = runner.scorer, 1, False


class _Rounds:
    """Rounds of successive halving, within a budget of time.

    Parameters
    ----------
    runner : Runner
    numbers : list of dict
        Parameters of the rounds, such as ascending numbers of epochs.
    factor : int
    budget_seconds : float or None
    bar : progress bar
        It counts candidates.
    """

    def __init__(self, runner: Runner, numbers: list[dict[str, int]], factor: int, budget_seconds: float | None, bar: Any):
        self.runner, self.numbers, self.factor, self.bar = runner, numbers, factor, bar
        self.end = None if budget_seconds is None else perf_counter() + budget_seconds

    def try_fully(self, candidate: dict[str, Any]) -> None:
        """Score a candidate in the last round only."""
        self._run(candidate, len(self.numbers) - 1)
        self.bar.update()

    def halve(self, candidates: list[dict[str, Any]]) -> None:
        """Score candidates in rounds. Each round is for the best of the previous one."""
        for level in range(len(self.numbers)):
            scores = []
            for candidate in candidates:
                if self.is_over():
                    return
                scores.append(self._run(candidate, level))
                self.bar.update(level == 0)
            finite = [place for place in np.argsort(-np.array(scores), kind="stable") if np.isfinite(scores[place])]
            candidates = [candidates[place] for place in finite[: ceil(len(candidates) / self.factor)]]

    def climb(self, candidate: dict[str, Any]) -> None:
        """Score a candidate in one round after another, as long as it is among the best of the round."""
        self.bar.update()
        for level in range(len(self.numbers)):
            if self.is_over():
                return
            score = self._run(candidate, level)
            others = [run.score for run in self.runner.runs if run.iteration == level]
            n_better = sum(other > score for other in others)
            if not np.isfinite(score) or n_better >= ceil(len(others) / self.factor):
                return

    def _run(self, candidate: dict[str, Any], level: int) -> float:
        run = self.runner.run(candidate | self.numbers[level], level)
        if (best := self.best()) is not None:
            self.bar.set_postfix(best=f"{best.score:.4f}", refresh=False)
        return run.score

    def is_over(self) -> bool:
        """Whether no further fit may begin."""
        return self.end is not None and bool(self.runner.runs) and perf_counter() >= self.end

    def scored(self) -> list[tuple[dict[str, Any], float, float]]:
        """Each candidate with the share of the epochs that it had, and its score. Candidates that failed are left out."""
        most = sum(self.numbers[-1].values())
        shares = [sum(number.values()) / most if most else 1.0 for number in self.numbers]
        return [(run.used, shares[run.iteration], run.score) for run in self.runner.runs if np.isfinite(run.score)]

    def best(self, *, settled: bool = False) -> Run | None:
        """The run with the highest score, the first one of equals. None if all have failed."""
        runs = [run for run in self.runner.runs if np.isfinite(run.score) and (run.is_settled or not settled)]
        return max(runs, key=lambda run: run.score, default=None)

    def settled_best(self) -> Run:
        """The best run that kept its last epoch. If the best of all did not, it is repeated with the epochs that it kept.

        Raises
        ------
        ValueError
            If all candidates have failed.
        """
        best, runner = self.best(), self.runner
        if best is None or runner.n_failed == len(runner.runs):
            raise ValueError(f"all {len(runner.runs)} fits of the search failed") from runner.error
        if best.is_settled:
            return best
        params = best.params | {runner.epochs.number: best.n_kept}  # type: ignore[union-attr] # only with epochs
        runner.run(params, len(self.numbers), stops=False)
        return self.best(settled=True) or best


def tune(
    estimator: Any,
    X: Any,
    scorer: Any = "ndcg@10",
    *,
    y: ArrayLike | None = None,
    n_iter: int = 20,
    budget_seconds: float | None = None,
    space: Any = "small",
    cv: Any = None,
    error_score: Any = np.nan,
    random_state: Any = None,
    verbose: int = 0,
) -> RecommenderSearchCV:
    """Find good parameters of a recommender, and fit it with them.

    This fits a `RecommenderSearchCV`, which describes the search.

    Parameters
    ----------
    estimator : estimator
        Recommender, or a Pipeline that ends in one. It is not changed. Its ``max_epochs`` is the largest number of epochs.
    X : Interactions, DataFrame of events, or users x items matrix
        Training data. A part is held out to score candidates. Do not pass test data.
    scorer : str, scorer or callable, default="ndcg@10"
        A name, as in `get_scorer`, uses ``positive_from`` of the estimator. A callable ``scorer(estimator, X, y)`` returns one
        number. Greater is better.
    y : array-like of shape (n_events,), default=None
        Values of the events, if X is a table of events without values.
    n_iter : int, default=20
        Number of candidates.
    budget_seconds : float, default=None
        No fit of a candidate begins after this time. If None, there is no limit.
    space : {"small", "medium", "large"} or dict, default="small"
        Size of `search_space`, or distributions of scipy.stats and lists by the name of the parameter.
    cv : splitter of skrec or scikit-learn, default=None
        Splitter of the events of X. The first split is used. If None, the latest fifth of the events is held out if they have
        timestamps, otherwise a random fifth.
    error_score : "raise" or float, default=NaN
        Score of a candidate that fails, with a FitFailedWarning. If "raise", the error is raised.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the candidates and of a random cut. The estimator has its own.
    verbose : int, default=0
        If above 0, show a progress bar.

    Returns
    -------
    RecommenderSearchCV
        The fitted search, with ``best_estimator_``, ``best_params_``, ``best_score_`` and ``cv_results_``.

    Raises
    ------
    TypeError, ValueError
        As by the ``fit`` of `RecommenderSearchCV`.

    Examples
    --------
    >>> from skrec import EASERecommender, tune
    >>> from skrec.datasets import make_interactions
    >>> films = make_interactions(80, 40, density=0.3, random_state=0).interactions
    >>> search = tune(EASERecommender(positive_from=4), films, "ndcg@10", n_iter=6, random_state=0)
    >>> list(search.best_params_), len(search.cv_results_["params"])
    (['regularization'], 6)
    >>> model = search.best_estimator_
    """
    search = RecommenderSearchCV(
        estimator,
        scoring=scorer,
        space=space,
        n_iter=n_iter,
        budget_seconds=budget_seconds,
        cv=cv,
        error_score=error_score,
        random_state=random_state,
        verbose=verbose,
    )
    return search.fit(X, y)
