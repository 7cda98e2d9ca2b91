"""Costs and scores of one model of a comparison."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any

from skrec.benchmark._estimators import has_steps, recommender_of
from skrec.benchmark._memory import MemoryWatch
from skrec.benchmark._parts import Part, queries_for_test_users
from skrec.data import check_interactions
from skrec.metrics import Evaluation
from skrec.metrics._scorer_objects import MultiScorer
from skrec.metrics._unwrapping import unwrap


@dataclass(frozen=True)
class Result:
    """Scores and costs of one model."""

    evaluations: dict[str, Evaluation]
    fit_seconds: float
    recommend_seconds: float
    peak_memory_mb: float
    best_params: Mapping[str, Any]


def preload_lightning(estimators: Mapping[str, Any]) -> None:
    """Import Lightning if needed, so that the costs of the first neural model do not include it."""
    if "skrec.engine" not in sys.modules:  # there is no neural model
        return
    from skrec.engine import TorchRecommender

    if any(isinstance(recommender_of(estimator), TorchRecommender) for estimator in estimators.values()):
        import_module("skrec.engine.training._lightning")


def measure(estimator: Any, train: Part, test: Part, scorers: Mapping[str, Any]) -> Result:
    """Fit a recommender, search or Pipeline, recommend to the test users, and score it on the test part."""
    train, test = (part if has_steps(estimator) else part.as_events() for part in (train, test))
    with MemoryWatch() as memory:
        start = perf_counter()
        estimator.fit(train.X, train.y)
        fit_seconds = perf_counter() - start
    model, transform = (unwrapped := unwrap(estimator)).recommender, unwrapped.transform
    queries = queries_for_test_users(check_interactions(transform(train.X), train.y), transform(test.X))
    start = perf_counter()
    for users in queries:
        model.recommend(users, k=10)
    recommend_seconds = perf_counter() - start
    peak = memory.peak_megabytes(getattr(model, "device_", "cpu"))
    best_params = getattr(estimator, "best_params_", {})
    return Result(_evaluations(scorers, estimator, test), fit_seconds, recommend_seconds, peak, best_params)


def _evaluations(scorers: Mapping[str, Any], model: Any, test: Part) -> dict[str, Evaluation]:
    """Evaluation by each scorer. Scorers of the same users and ``positive_from`` share the rankings."""
    groups = defaultdict(list)
    for name, scorer in scorers.items():
        groups[getattr(scorer, "positive_from", None), getattr(scorer, "users", None)].append(name)
    found: dict[str, Evaluation] = {}
    for (positive_from, _), names in groups.items():
        scorer = MultiScorer(tuple(names), tuple(scorers[name] for name in names), positive_from)
        found |= scorer.evaluate(model, test.X, test.y)
    return {name: found[name] for name in scorers}
