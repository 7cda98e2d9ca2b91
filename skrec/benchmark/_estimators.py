"""Names and baseline of the models of a comparison."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skrec.model_selection import RandomHoldout
from skrec.models import ALSRecommender

_ALS_GRID = {"alpha": [1.0, 2.0, 5.0, 20.0], "regularization": [1.0, 10.0, 50.0]}


def named_estimators(estimators: Any) -> dict[str, Any]:
    """Estimators by name: a copy of a dict, or the elements of a list by their class names.

    Raises
    ------
    TypeError
        If an estimator is not a recommender, a search or a Pipeline that ends in a recommender, or a name is not a str.
    ValueError
        If there are no estimators.
    """
    if not isinstance(estimators, Iterable) or isinstance(estimators, str):
        raise TypeError(f"estimators must be a list of recommenders or a dict of them by name, got {estimators!r}")
    estimators = estimators if isinstance(estimators, Mapping) else list(estimators)
    if len(estimators) == 0:
        raise ValueError("estimators must contain at least one recommender, got none")
    if not isinstance(estimators, Mapping):
        named: dict[str, Any] = {}
        for estimator in estimators:
            named[_free_name(type(recommender_of(estimator)).__name__, named)] = estimator
        return named
    for name, estimator in estimators.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of estimators must be strings, got {name!r}")
        recommender_of(estimator)
    return dict(estimators)


def recommender_of(estimator: Any) -> Any:
    """The recommender itself, or the one inside a search or at the end of a Pipeline."""
    for inner in _nested(estimator):
        if getattr(inner, "refit", True) is False:
            raise ValueError(f"a search among the estimators must refit the best model, got refit=False in {estimator!r}")
    if isinstance(inner, type) or not hasattr(inner, "recommend"):
        raise TypeError(
            f"estimators must be recommenders, or searches or Pipelines that end in a recommender, got {estimator!r}"
        )
    return inner


def has_steps(estimator: Any) -> bool:
    """Whether the estimator contains a Pipeline, which transforms the data first."""
    return any(isinstance(inner, Pipeline) for inner in _nested(estimator))


def _nested(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and the estimators nested in it, from the outermost to the recommender."""
    yield estimator
    if isinstance(estimator, type) or hasattr(estimator, "recommend"):
        return
    if isinstance(estimator, Pipeline):
        yield from _nested(estimator.steps[-1][1])
    elif hasattr(estimator, "estimator"):
        yield from _nested(estimator.estimator)


def shared_positive_from(estimators: Mapping[str, Any]) -> float | None:
    """``positive_from`` of all models that have it. None if they differ."""
    recommenders = [recommender_of(estimator) for estimator in estimators.values()]
    values = {model.positive_from for model in recommenders if hasattr(model, "positive_from")}
    return values.pop() if len(values) == 1 else None


def with_baseline(
    estimators: Mapping[str, Any],
    baseline: str | None,
    scorers: Sequence[Any],
    random_state: int,
    make_als: Callable[[Any, int], Any],
) -> tuple[dict[str, Any], str]:
    """The estimators, followed by an ALS of ``make_als(scorer, random_state)`` if one is needed, and the baseline's name."""
    if baseline is not None:
        if baseline not in estimators:
            raise ValueError(f"baseline must be one of the estimators, {', '.join(map(repr, estimators))}, got {baseline!r}")
        return dict(estimators), baseline
    if not all(hasattr(scorer, "positive_from") for scorer in scorers):  # ALS does not predict ratings
        return dict(estimators), next(iter(estimators))
    for name, estimator in estimators.items():
        if isinstance(recommender_of(estimator), ALSRecommender):
            return dict(estimators), name
    name = _free_name(ALSRecommender.__name__, estimators)
    return {**estimators, name: make_als(scorers[0], random_state)}, name


def als(scorer: Any, random_state: int) -> ALSRecommender:
    """An ALS with 64 factors."""
    return ALSRecommender(n_factors=64, positive_from=scorer.positive_from, random_state=random_state)


def als_by_grid(scorer: Any, random_state: int) -> GridSearchCV:
    """A grid search, since the best parameters of ALS depend on the data."""
    cv = RandomHoldout(0.2, random_state=random_state)
    return GridSearchCV(als(scorer, random_state), _ALS_GRID, scoring=scorer, cv=cv)


def with_searches(estimators: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Put each estimator into a search of its parameters, except searches and estimators without parameters to tune.

    Parameters
    ----------
    estimators : mapping of str to estimator
    **options : object
        Parameters of `RecommenderSearchCV`.
    """
    from skrec.tuning import RecommenderSearchCV, search_space

    return {
        name: estimator if _has_search(estimator) or not search_space(estimator) else RecommenderSearchCV(estimator, **options)
        for name, estimator in estimators.items()
    }


def _has_search(estimator: Any) -> bool:
    return not all(isinstance(inner, Pipeline) or hasattr(inner, "recommend") for inner in _nested(estimator))


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return free
