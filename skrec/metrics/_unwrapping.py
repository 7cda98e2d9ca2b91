"""The recommender inside what scikit-learn makes of it: a fitted search, a Pipeline, a frozen estimator."""

from typing import Any, NamedTuple

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


class Unwrapped(NamedTuple):
    """A recommender, and the fitted transformers that its data go through first."""

    recommender: Any
    transformers: tuple[Any, ...]

    def transform(self, X: Any) -> Any:
        """X as the recommender is given it."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X


def unwrap(estimator: Any) -> Unwrapped:
    """Take an estimator out of any nesting of fitted searches, Pipelines and frozen estimators."""
    inner, transformers = estimator, []
    while True:
        if hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        elif isinstance(inner, FrozenEstimator):
            inner = inner.estimator
        elif isinstance(inner, Pipeline):
            if len(inner.steps) > 1:
                transformers.append(inner[:-1])
            inner = inner.steps[-1][1]
        else:
            break
    return Unwrapped(inner, tuple(transformers))


_ATTRIBUTES = ("n_users_", "n_items_", "user_ids_", "item_ids_", "seen_")


def unwrap_fitted(estimator: Any, *, methods: tuple[str, ...] = ("predict",)) -> Unwrapped:
    """As `unwrap`, checked: a recommender has ``recommend`` and the methods that are asked for.

    Raises
    ------
    NotFittedError
        If the innermost estimator is not fitted.
    TypeError
        If it is a class, or lacks one of the methods, or what is known of the training data.
    """
    unwrapped = unwrap(estimator)
    inner = unwrapped.recommender
    where = "" if inner is estimator else f" in {type(estimator).__name__}"
    must = f"estimator must be a fitted recommender, or a fitted search or Pipeline that ends in one, got {inner!r}{where}"
    if isinstance(inner, type):
        raise TypeError(must)
    _check_has(inner, ("recommend", *methods), must)
    check_is_fitted(inner)
    _check_has(inner, _ATTRIBUTES, must)
    return unwrapped


def _check_has(estimator: Any, names: tuple[str, ...], must: str) -> None:
    lacking = [name for name in names if not hasattr(estimator, name)]
    if lacking:
        raise TypeError(f"{must}, which has no {' and no '.join(lacking)}")
