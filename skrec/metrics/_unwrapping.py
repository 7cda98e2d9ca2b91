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


def unwrap_fitted(estimator: Any, *, method: str = "_recode") -> Unwrapped:
    """As `unwrap`, checked.

    Raises
    ------
    NotFittedError
        If the innermost estimator is not fitted.
    TypeError
        If it has no such method, or is a class.
    """
    unwrapped = unwrap(estimator)
    inner = unwrapped.recommender
    if isinstance(inner, type) or not hasattr(inner, method):
        where = "" if inner is estimator else f" in {type(estimator).__name__}"
        raise TypeError(
            f"estimator must be a fitted recommender, or a fitted search or Pipeline that ends in one, got {inner!r}{where}"
        )
    check_is_fitted(inner)
    return unwrapped
