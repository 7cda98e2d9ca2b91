"""Classes of scorers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from skrec.metrics._evaluation import Evaluation
from skrec.metrics._full_ranking import Measure, Scored, evaluate_rankings
from skrec.metrics._item_features import ItemFeatures
from skrec.metrics._prediction import evaluate_ratings
from skrec.metrics._ranking import Gains
from skrec.metrics._shown import evaluate_impressions
from skrec.metrics._unwrapping import unwrap_fitted


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
        return self._evaluate_measures([self.measure], recommender, X, y, **self.options)[0]

    @property
    def options(self) -> dict[str, Any]:
        """What the scores of one pass have in common."""
        return {"positive_from": self.positive_from}

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
    gains : {"binary", "linear", "exponential"}, default="binary"
        Gains of relevant events in "ndcg".
    users : {"all", "known", "new"}, default="all"
        Users who are scored.
    """

    item_features: ItemFeatures | None = None
    gains: Gains = "binary"
    users: Scored = "all"

    _evaluate_measures = staticmethod(evaluate_rankings)

    @property
    def measure(self) -> Measure:
        """The metric with its k, the features of items and the gains of events."""
        return Measure(self.metric, self.k, self.item_features, self.gains)

    @property
    def options(self) -> dict[str, Any]:
        """What the scores of one pass have in common."""
        return super().options | {"users": self.users}

    def __repr__(self) -> str:
        gains = "" if self.gains == "binary" else f", gains={self.gains!r}"
        users = "" if self.users == "all" else f", users={self.users!r}"
        return f"{super().__repr__()[:-1]}{gains}{users})"

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
            of_kind = {name: scorer for name, scorer in named.items() if isinstance(scorer, kind)}
            if of_kind:
                measures, (first, *_) = [scorer.measure for scorer in of_kind.values()], of_kind.values()
                evaluations |= dict(
                    zip(of_kind, kind._evaluate_measures(measures, estimator, X, y, **first.options), strict=True)
                )
        return {name: evaluations[name] for name in self.names}

    def __repr__(self) -> str:
        return f"make_multi_scorer({list(self.names)!r}{_format_threshold(self.positive_from)})"


Scorer = RankingScorer | ImpressionScorer | RatingScorer


def _format_threshold(positive_from: float | None) -> str:
    return "" if positive_from is None else f", positive_from={positive_from!r}"
