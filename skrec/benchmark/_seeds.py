"""A model that is fitted with several seeds."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skrec._checks import is_int
from skrec.benchmark._measuring import Result
from skrec.data._random import draw_seed
from skrec.metrics import Evaluation

_LARGEST = 2**31


def with_seeds(estimator: Any, n: int) -> list[Any]:
    """Clones of an estimator. Each but the first has other seeds. A single one if the estimator has no seed.

    A seed is a parameter ``random_state`` of the estimator or of one inside of it. The following seeds are the next integers.
    If it is None, each fit draws its own.
    """
    names = [name for name in estimator.get_params() if name.rpartition("__")[2] == "random_state"]
    if not names:
        return [clone(estimator)]
    return [clone(estimator).set_params(**_next_seeds(estimator, names, step)) for step in range(n)]


def _next_seeds(estimator: Any, names: list[str], step: int) -> dict[str, Any]:
    seeds = {name: value for name, value in estimator.get_params().items() if name in names}
    return {name: _next_seed(seed, step) for name, seed in seeds.items()} if step else {}


def _next_seed(seed: Any, step: int) -> int | None:
    if seed is None:
        return None
    first = int(seed) if is_int(seed) else draw_seed(copy.deepcopy(seed))
    return (first + step) % _LARGEST


def mean_result(results: list[Result]) -> Result:
    """The mean of the scores of each user and of the costs, the largest memory, and the parameters of the first search."""
    if len(results) == 1:
        return results[0]
    names = results[0].evaluations
    return Result(
        {name: _mean_evaluation([result.evaluations[name] for result in results]) for name in names},
        float(np.mean([result.fit_seconds for result in results])),
        float(np.mean([result.recommend_seconds for result in results])),
        max(result.peak_memory_mb for result in results),
        results[0].best_params,
    )


def spread(results: list[Result], name: str) -> float:
    """Standard deviation of a score over the seeds, NaN for a single one."""
    values = [result.evaluations[name].value for result in results]
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _mean_evaluation(evaluations: list[Evaluation]) -> Evaluation:
    per_user = np.stack([evaluation.per_user for evaluation in evaluations])
    first, value = evaluations[0], float(np.mean([evaluation.value for evaluation in evaluations]))
    if first.is_quadratic:
        return replace(first, value=value, per_user=-np.sqrt(np.mean(per_user**2, axis=0)))
    return replace(first, value=value, per_user=per_user.mean(axis=0))
