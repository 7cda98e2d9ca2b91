"""Scorers: callables ``(estimator, X, y=None) -> float`` for the parameter ``scoring`` of scikit-learn and for direct use."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from skrec._checks import check_choice, check_int, check_number
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._full_ranking import LIST_METRICS, Measure, evaluate_rankings
from skrec.metrics._item_features import ItemFeatures
from skrec.metrics._list_scores import LIST_SCORES
from skrec.metrics._prediction import RATING_METRICS, evaluate_ratings
from skrec.metrics._shown import WHOLE_IMPRESSIONS, evaluate_impressions
from skrec.metrics._unwrapping import unwrap_fitted


def make_ranking_scorer(
    metric: str = "ndcg", *, k: int = 10, positive_from: float | None = None, item_features: Any = None
) -> "RankingScorer":
    """Make a scorer that ranks all items for each user and averages a metric over users.

    Matrices, DataFrames and Interactions are evaluated by the same rules:

    * Users with training events are known. All their events in X are hidden. Events that repeat a training pair are left out.
      Only if all events in X repeat training pairs, as in scikit-learn's train scores, they are evaluated, and seen items stay
      in the lists.
    * All other users are new, including all rows of a matrix. Of new users with at least two items, a part of the events is
      hidden (see `cut_histories`), and the rest is folded in.
    * A relevant item that the model does not know is a miss.

    The estimator may also be a fitted search or Pipeline that ends in a recommender. X then passes through the steps before it.

    Parameters
    ----------
    metric : {"ndcg", "recall", "recall_capped", "precision", "map", "mrr", "hit_rate", "auc", "coverage", "neg_gini", \
            "novelty", "diversity", "serendipity", "neg_popularity_lift"}, default="ndcg"
        Name of the metric. The functions in `skrec.metrics` have the definitions. "recall_capped" divides by ``min(k, |rel|)``.
        The last six describe the lists of the same users beside their accuracy, see `get_scorer`.
    k : int, default=10
        Length of the lists. Ignored by "auc".
    positive_from : float, optional
        Smallest value of a relevant event. If None, events with a value above 0 are relevant, with a warning if the values look
        like ratings or the estimator has another ``positive_from``.
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity" compares items: a numeric table indexed by item label, or one row for each item code. If
        None, items are compared by the users who have a training event with them. Only "diversity" accepts it.

    Returns
    -------
    RankingScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for the mean over users, or call its method ``evaluate`` for an
        `Evaluation`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range. The scorer raises them if the estimator is not a recommender, or if nothing can be
        scored. It raises `sklearn.exceptions.NotFittedError` if the estimator is not fitted.

    Warns
    -----
    UserWarning
        By the scorer, if less than half of the users can be scored or less than half of their relevant items are known, if at
        least half of the relevant events repeat pairs that the model was shown, or if X is a matrix of the training shape whose
        rows may be meant as the training users.

    Examples
    --------
    >>> make_ranking_scorer("recall", k=20, positive_from=4)
    get_scorer('recall@20', positive_from=4.0)
    """
    check_choice(metric, "metric", (*LIST_METRICS, *LIST_SCORES, "auc"))
    threshold = check_number(positive_from, "positive_from", or_none=True)
    k = check_int(k, "k", at_least=2 if metric == "diversity" else 1)
    if item_features is not None and metric != "diversity":
        raise ValueError(f"item_features must be None for {metric!r}, since only 'diversity' compares items by features")
    features = None if item_features is None else ItemFeatures.of(item_features)
    return RankingScorer(metric, None if metric == "auc" else k, threshold, features)


def get_scorer(name: str, *, positive_from: float | None = None, item_features: Any = None) -> "Scorer":
    """Get a scorer by name.

    Parameters
    ----------
    name : str
        Name of the scorer, with a number for k:

        * "ndcg@k", "recall@k", "recall_capped@k", "precision@k", "map@k", "mrr@k", "hit_rate@k", "auc": ranking of all items,
          see `make_ranking_scorer`.
        * "coverage@k", "neg_gini@k", "novelty@k", "diversity@k", "serendipity@k", "neg_popularity_lift@k": the same lists of
          the same users, beside their accuracy. The popularity of an item is its share of the training users. An item without
          training events counts as having one user. The expected lists of "serendipity" are the k most popular items outside
          the user's history. The histories of "neg_popularity_lift" are the events that the model was shown. "coverage" and
          "neg_gini" are values of all lists together, so there is no value of each user and no interval.
        * "neg_rmse", "neg_mae", "r2": comparison of ``predict(X)`` with y, or with the values in X. As in scikit-learn, errors
          are **negative**, so that greater is better. For a matrix, a part of each row is hidden (see `cut_histories`) and
          predicted from the rest.
        * "impression_auc", "impression_mrr", "impression_ndcg@k": order of the items of an impression by ``predict``. X needs
          an "impression" column. The mean is over impressions with both clicked and unclicked items.
    positive_from : float, optional
        Smallest value of a relevant or clicked event, as in `make_ranking_scorer`. Not used by "neg_rmse", "neg_mae" and "r2".
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity@k" compares items, as in `make_ranking_scorer`. No other scorer accepts them.

    Returns
    -------
    RankingScorer, RatingScorer or ImpressionScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for the score, or call its method ``evaluate`` for an `Evaluation`.

    Raises
    ------
    ValueError, TypeError
        If there is no such scorer, or ``positive_from`` is not a finite number.

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
    metric, at, digits = name.partition("@")
    if item_features is not None and metric != "diversity":
        raise ValueError(f"item_features must be None for {name!r}, since only 'diversity@k' compares items by features")
    if name in RATING_METRICS:
        return RatingScorer(name)
    if metric == "auc" and not at:
        return make_ranking_scorer("auc", positive_from=threshold)
    if metric in WHOLE_IMPRESSIONS and not at:
        return ImpressionScorer(metric, None, threshold)
    with_k = [*LIST_METRICS, *LIST_SCORES, "impression_ndcg"]
    if metric not in with_k or re.fullmatch("[0-9]+", digits) is None:
        names = ", ".join(f"{metric}@k" for metric in with_k)
        others = ", ".join([*WHOLE_IMPRESSIONS, "auc", *RATING_METRICS])
        raise ValueError(f"name must be one of {names} with a number for k, {others}, got {name!r}")
    if metric == "impression_ndcg":
        return ImpressionScorer(metric, check_int(int(digits), "k", at_least=1), threshold)
    return make_ranking_scorer(metric, k=int(digits), positive_from=threshold, item_features=item_features)


def make_multi_scorer(names: Sequence[str], *, positive_from: float | None = None, item_features: Any = None) -> "MultiScorer":
    """Make a scorer that returns a dict of several scores, for multi-metric searches of scikit-learn.

    Lists and predictions are computed once for all metrics.

    Parameters
    ----------
    names : list of str
        Distinct names of scorers, as in `get_scorer`.
    positive_from : float, optional
        Smallest value of a relevant or clicked event, as in `make_ranking_scorer`.
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity@k" compares items, as in `make_ranking_scorer`.

    Returns
    -------
    MultiScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for a dict with the given names as keys.

    Raises
    ------
    ValueError, TypeError
        If ``names`` is empty, or a name is repeated or unknown. If ``item_features`` is given and no name is "diversity@k".

    Examples
    --------
    >>> make_multi_scorer(["ndcg@10", "recall@20"])
    make_multi_scorer(['ndcg@10', 'recall@20'])
    """
    if not isinstance(names, Iterable) or isinstance(names, str | bytes):
        raise TypeError(f"names must be a list of names, got {names!r}")
    names = list(names)
    threshold = check_number(positive_from, "positive_from", or_none=True)
    of_features = [str(name).startswith("diversity@") for name in names]
    if item_features is not None and not any(of_features):
        raise ValueError(f"item_features must be None without a name such as 'diversity@10', got names={names!r}")
    scorers = tuple(
        get_scorer(name, positive_from=threshold, item_features=item_features if reads_features else None)
        for name, reads_features in zip(names, of_features, strict=True)
    )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names must be one or more distinct names, got {names!r}")
    return MultiScorer(tuple(names), scorers, threshold)


class SingleScorer(ABC):
    """Base class of scorers with one metric."""

    @property
    @abstractmethod
    def methods(self) -> tuple[str, ...]:
        """Methods that an estimator must have."""

    @abstractmethod
    def _evaluate_recommender(self, recommender: Any, X: Any, y: ArrayLike | None) -> Evaluation:
        """Compute the metric of a fitted recommender."""

    def __call__(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> float:
        """Compute the metric."""
        return self.evaluate(estimator, X, y).value

    def evaluate(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> Evaluation:
        """Compute the metric, with details.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender, or a fitted search or Pipeline that ends in one.
        X : Interactions, DataFrame, Table, sparse matrix or array-like
            Test data.
        y : array-like of float, shape (n_events,), optional
            Values of the events, which replace those in X.

        Returns
        -------
        Evaluation
            The value, the value of each user, and the protocol.
        """
        unwrapped = unwrap_fitted(estimator, methods=self.methods)
        return self._evaluate_recommender(unwrapped.recommender, unwrapped.transform(X), y)


@dataclass(frozen=True, repr=False)
class OrderScorer(SingleScorer):
    """Base class of scorers of the order of items.

    Parameters
    ----------
    metric : str
        Name of the metric.
    k : int or None
        Number of places that are evaluated. None for metrics of whole rankings.
    positive_from : float or None
        Smallest value of a relevant event. If None, events with a value above 0 are relevant.
    """

    metric: str
    k: int | None
    positive_from: float | None

    # computes several metrics of a fitted recommender at once: (measures, recommender, X, y, *, positive_from)
    _evaluate_measures: ClassVar[Callable[..., list[Evaluation]]]

    def _evaluate_recommender(self, recommender: Any, X: Any, y: ArrayLike | None) -> Evaluation:
        return self._evaluate_measures([self.measure], recommender, X, y, positive_from=self.positive_from)[0]

    @property
    def measure(self) -> Measure:
        """The metric with its k."""
        return Measure(self.metric, self.k)

    @property
    def name(self) -> str:
        """Name of the scorer in `get_scorer`."""
        return self.measure.name

    def __repr__(self) -> str:
        return f"get_scorer({self.name!r}{_format_threshold(self.positive_from)})"


@dataclass(frozen=True, repr=False)
class RankingScorer(OrderScorer):
    """Scorer that ranks all items for each user, made by `make_ranking_scorer`.

    Parameters
    ----------
    metric : str
        Name of the metric.
    k : int or None
        Length of the lists. None for "auc".
    positive_from : float or None
        Smallest value of a relevant event. If None, events with a value above 0 are relevant.
    item_features : ItemFeatures or None, default=None
        Features by which "diversity" compares items.
    """

    item_features: ItemFeatures | None = None

    _evaluate_measures = staticmethod(evaluate_rankings)

    @property
    def measure(self) -> Measure:
        """The metric with its k and the features of items."""
        return Measure(self.metric, self.k, self.item_features)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that an estimator must have."""
        return ("recommend", "score_items") if self.k is None else ("recommend",)


class ImpressionScorer(OrderScorer):
    """Scorer that ranks the items of each impression, made by `get_scorer`.

    Parameters
    ----------
    metric : str
        Name of the metric.
    k : int or None
        Number of places that are evaluated. None for metrics of whole impressions.
    positive_from : float or None
        Smallest value of a clicked event. If None, events with a value above 0 are clicked.
    """

    _evaluate_measures = staticmethod(evaluate_impressions)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that an estimator must have."""
        return ("recommend", "predict")


@dataclass(frozen=True, repr=False)
class RatingScorer(SingleScorer):
    """Scorer that compares predicted and true ratings, made by `get_scorer`.

    Parameters
    ----------
    name : {"neg_rmse", "neg_mae", "r2"}
        Name of the metric.
    """

    name: str

    def _evaluate_recommender(self, recommender: Any, X: Any, y: ArrayLike | None) -> Evaluation:
        return evaluate_ratings(self.name, recommender, X, y)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that an estimator must have. ``score_items`` is used for matrices."""
        return ("predict", "score_items")

    def __repr__(self) -> str:
        return f"get_scorer({self.name!r})"


@dataclass(frozen=True, repr=False)
class MultiScorer:
    """Scorer that computes several metrics in one pass, made by `make_multi_scorer`.

    Parameters
    ----------
    names : tuple of str
        Names of the scorers.
    scorers : tuple of scorers
        The scorers.
    positive_from : float or None
        Smallest value of a relevant or clicked event. If None, events with a value above 0 are relevant.
    """

    names: tuple[str, ...]
    scorers: tuple["Scorer", ...]
    positive_from: float | None

    def __call__(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> dict[str, float]:
        """Compute the value of each scorer, as a dict by name."""
        return {name: evaluation.value for name, evaluation in self.evaluate(estimator, X, y).items()}

    def evaluate(self, estimator: Any, X: Any, y: ArrayLike | None = None) -> dict[str, Evaluation]:
        """Compute the metrics, with details.

        Parameters
        ----------
        estimator, X, y
            As for `RankingScorer.evaluate`.

        Returns
        -------
        dict of str to Evaluation
            The result of each scorer, by name.
        """
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
                results = kind._evaluate_measures(list(measures.values()), estimator, X, y, positive_from=self.positive_from)
                evaluations |= dict(zip(measures, results, strict=True))
        return {name: evaluations[name] for name in self.names}

    def __repr__(self) -> str:
        return f"make_multi_scorer({list(self.names)!r}{_format_threshold(self.positive_from)})"


Scorer = RankingScorer | ImpressionScorer | RatingScorer


def _format_threshold(positive_from: float | None) -> str:
    return "" if positive_from is None else f", positive_from={positive_from!r}"
