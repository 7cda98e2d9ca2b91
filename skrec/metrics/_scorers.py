"""Scorers: callables ``(estimator, X, y=None) -> float`` for scikit-learn's ``scoring=``, and for use by hand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from skrec._checks import check_choice, check_int, check_number
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._full_ranking import LIST_METRICS, Measure, evaluate_rankings
from skrec.metrics._prediction import RATING_METRICS, evaluate_ratings
from skrec.metrics._shown import WHOLE_IMPRESSIONS, evaluate_impressions
from skrec.metrics._unwrapping import unwrap_fitted


def make_ranking_scorer(metric: str = "ndcg", *, k: int = 10, positive_from: float | None = None) -> "RankingScorer":
    """A scorer that ranks the full catalogue for each user, hides what the model was shown, and averages over users.

    One rule for matrix, DataFrame and Interactions. Users with training events are known: all their events in X are
    asked for, except those that repeat a training pair, which are left out. Only if all events in X repeat training pairs, as
    for scikit-learn's train scores, they are asked for and nothing is hidden. All other users, every row of a matrix
    among them, are new: of those with at least two items a part is hidden and asked for (see `cut_histories`), and the
    rest is folded in. A relevant item that the model does not know is a miss.

    The estimator may be a fitted search or a Pipeline that ends in a recommender; X then goes through the steps before it.

    Parameters
    ----------
    metric : {"ndcg", "recall", "recall_capped", "precision", "map", "mrr", "hit_rate", "auc"}, default="ndcg"
        See the functions of this package for the formulas; ``"recall_capped"`` divides by ``min(k, |rel|)``.
    k : int, default=10
        Length of the lists; of no meaning to "auc".
    positive_from : float, optional
        Events with at least this value are relevant. If None, all with a value above 0, with a warning if the values look
        like ratings, or if the estimator has another ``positive_from``.

    Returns
    -------
    RankingScorer
        Call it with ``(estimator, X, y=None)`` for the mean, or its ``evaluate`` for an `Evaluation`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range. From the scorer: if the estimator is no recommender, or nothing can be scored.
        `sklearn.exceptions.NotFittedError` if it is not fitted.

    Warns
    -----
    UserWarning
        From the scorer, if fewer than half of the users can be scored, or of their relevant items are known; if half or
        more of the relevant events repeat pairs that the model was shown; if all do, and X is not the training data; if X
        is a matrix of the training shape whose rows may be meant as the training users.

    Examples
    --------
    >>> make_ranking_scorer("recall", k=20, positive_from=4)
    get_scorer('recall@20', positive_from=4.0)
    """
    check_choice(metric, "metric", (*LIST_METRICS, "auc"))
    threshold = check_number(positive_from, "positive_from", or_none=True)
    k = check_int(k, "k", at_least=1)
    return RankingScorer(metric, None if metric == "auc" else k, threshold)


def get_scorer(name: str, *, positive_from: float | None = None) -> "Scorer":
    """A scorer by its name.

    Parameters
    ----------
    name : str
        ``"ndcg@k"``, ``"recall@k"``, ``"recall_capped@k"``, ``"precision@k"``, ``"map@k"``, ``"mrr@k"``,
        ``"hit_rate@k"`` with a number for k, or ``"auc"``: see `make_ranking_scorer`. Or ``"neg_rmse"`` or ``"neg_mae"``, the
        **negative** errors, so that greater is better, as in scikit-learn. Or ``"r2"``, the share of variance explained. These
        three compare ``predict(X)`` with y, or with the values in X; of each row of a matrix a part is hidden (see
        `cut_histories`) and predicted from the rest. Or ``"impression_auc"``, ``"impression_mrr"`` or
        ``"impression_ndcg@k"``, of the order that ``predict`` gives to what was shown together: events with an
        ``impression`` column. The mean is over the impressions with something clicked and something not.
    positive_from : float, optional
        For rankings: events with at least this value are relevant, or clicked. Errors and R² look at all events.

    Returns
    -------
    RankingScorer, RatingScorer or ImpressionScorer

    Raises
    ------
    ValueError, TypeError
        If there is no such scorer.

    Examples
    --------
    >>> get_scorer("ndcg@10", positive_from=4)
    get_scorer('ndcg@10', positive_from=4.0)
    >>> get_scorer("neg_rmse")
    get_scorer('neg_rmse')
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string such as 'ndcg@10', got {name!r}")
    threshold = check_number(positive_from, "positive_from", or_none=True)
    if name in RATING_METRICS:
        return RatingScorer(name)
    metric, at, digits = name.partition("@")
    if metric == "auc" and not at:
        return make_ranking_scorer("auc", positive_from=threshold)
    if metric in WHOLE_IMPRESSIONS and not at:
        return ImpressionScorer(metric, None, threshold)
    if metric not in [*LIST_METRICS, "impression_ndcg"] or re.fullmatch("[0-9]+", digits) is None:
        names = ", ".join(f"{metric}@k" for metric in [*LIST_METRICS, "impression_ndcg"])
        others = ", ".join([*WHOLE_IMPRESSIONS, "auc", *RATING_METRICS])
        raise ValueError(f"name must be one of {names} with a number for k, {others}, got {name!r}")
    if metric == "impression_ndcg":
        return ImpressionScorer(metric, check_int(int(digits), "k", at_least=1), threshold)
    return make_ranking_scorer(metric, k=int(digits), positive_from=threshold)


def make_multi_scorer(names: Sequence[str], *, positive_from: float | None = None) -> "MultiScorer":
    """One scorer that returns a dict, as scikit-learn's multi-metric search wants it.

    The model is asked once for all lists, and once for all impressions.

    Parameters
    ----------
    names : list of str
        As for `get_scorer`, each once. They are the keys of the answer.
    positive_from : float, optional
        Of all rankings among them.

    Returns
    -------
    MultiScorer

    Raises
    ------
    ValueError, TypeError
        If names are empty, repeated or unknown.

    Examples
    --------
    >>> make_multi_scorer(["ndcg@10", "recall@20"])
    make_multi_scorer(['ndcg@10', 'recall@20'])
    """
    if not isinstance(names, Iterable) or isinstance(names, str | bytes):
        raise TypeError(f"names must be a list of names, got {names!r}")
    names = list(names)
    threshold = check_number(positive_from, "positive_from", or_none=True)
    scorers = tuple(get_scorer(name, positive_from=threshold) for name in names)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names must be at least one name, each of them once, got {names!r}")
    return MultiScorer(tuple(names), scorers, threshold)


@dataclass(frozen=True, repr=False)
class OrderScorer:
    """Base of scorers that look at the order of items."""

    metric: str
    k: int | None
    positive_from: float | None

    @staticmethod
    def evaluate_measures(
        measures: Sequence[Measure], estimator: Any, X: Any, y: Any, *, positive_from: Any
    ) -> list[Evaluation]:
        """Ask a fitted model once for several measures."""
        raise NotImplementedError

    def __call__(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> float:
        """The mean."""
        return self.evaluate(estimator, X, y).value

    def evaluate(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> Evaluation:
        """The mean, each user's value, and how they came about."""
        unwrapped = unwrap_fitted(estimator, methods=self.methods)
        X, measures = unwrapped.transform(X), [self.measure]
        return self.evaluate_measures(measures, unwrapped.recommender, X, y, positive_from=self.positive_from)[0]

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that an estimator must have."""
        return ("recommend", "predict")

    @property
    def measure(self) -> Measure:
        """What is taken of the order."""
        return Measure(self.metric, self.k)

    @property
    def name(self) -> str:
        """What `get_scorer` calls it."""
        return self.measure.name

    def __repr__(self) -> str:
        return f"get_scorer({self.name!r}{_shown(self.positive_from)})"


class RankingScorer(OrderScorer):
    """Ranks all items for each user; made by `make_ranking_scorer`."""

    evaluate_measures = staticmethod(evaluate_rankings)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that an estimator must have."""
        return ("recommend", "score_items") if self.k is None else ("recommend",)


class ImpressionScorer(OrderScorer):
    """Ranks what was shown together; made by `get_scorer`."""

    evaluate_measures = staticmethod(evaluate_impressions)


@dataclass(frozen=True, repr=False)
class RatingScorer:
    """Compares predicted ratings with true ones; made by `get_scorer`."""

    name: str

    def __call__(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> float:
        """The negative error, or R², of all events."""
        return self.evaluate(estimator, X, y).value

    def evaluate(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> Evaluation:
        """The value, each user's own, and how they came about."""
        unwrapped = unwrap_fitted(estimator, methods=self.methods)
        return evaluate_ratings(self.name, unwrapped.recommender, unwrapped.transform(X), y)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that an estimator must have; ratings of rows of a matrix come from ``score_items``."""
        return ("predict", "score_items")

    def __repr__(self) -> str:
        return f"get_scorer({self.name!r})"


@dataclass(frozen=True, repr=False)
class MultiScorer:
    """Several scorers in one pass; made by `make_multi_scorer`."""

    names: tuple[str, ...]
    scorers: tuple["Scorer", ...]
    positive_from: float | None

    def __call__(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> dict[str, float]:
        """The value of each scorer, by name."""
        return {name: evaluation.value for name, evaluation in self.evaluate(estimator, X, y).items()}

    def evaluate(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> dict[str, Evaluation]:
        """The `Evaluation` of each scorer, by name."""
        methods = dict.fromkeys(name for scorer in self.scorers for name in scorer.methods)
        unwrapped = unwrap_fitted(estimator, methods=methods)
        estimator, X = unwrapped.recommender, unwrapped.transform(X)
        named = dict(zip(self.names, self.scorers, strict=True))
        evaluations = {
            name: scorer.evaluate(estimator, X, y) for name, scorer in named.items() if isinstance(scorer, RatingScorer)
        }
        for kind in (RankingScorer, ImpressionScorer):
            measures = {name: scorer.measure for name, scorer in named.items() if isinstance(scorer, kind)}
            if measures:
                found = kind.evaluate_measures(list(measures.values()), estimator, X, y, positive_from=self.positive_from)
                evaluations |= dict(zip(measures, found, strict=True))
        return {name: evaluations[name] for name in self.names}

    def __repr__(self) -> str:
        return f"make_multi_scorer({list(self.names)!r}{_shown(self.positive_from)})"


Scorer = RankingScorer | ImpressionScorer | RatingScorer


def _shown(positive_from: float | None) -> str:
    return "" if positive_from is None else f", positive_from={positive_from!r}"
