"""The recommender inside a fitted search, Pipeline or frozen estimator."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Unwrapped(NamedTuple):
    """A recommender, and the fitted transformers before it."""

    recommender: Any
    transformers: tuple[Any, ...]

    def transform(self, X: Any) -> Any:
        """Apply the transformers to X."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X


def unwrap(estimator: Any) -> Unwrapped:
    """Take an estimator out of nested fitted searches, Pipelines and frozen estimators."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import Pipeline

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


VOCABULARY = ("n_users_", "n_items_", "user_ids_", "item_ids_")
"""The attributes that map labels to codes."""


def unwrap_fitted(estimator: Any, *, methods: Iterable[str], attributes: Iterable[str] = (*VOCABULARY, "seen_")) -> Unwrapped:
    """Unwrap an estimator as `unwrap` does, and check it.

    Raises
    ------
    NotFittedError
        If the innermost estimator is not fitted.
    TypeError
        If it is a class, or lacks one of the methods or attributes.
    """
    from sklearn.utils.validation import check_is_fitted

    unwrapped = unwrap(estimator)
    if isinstance(unwrapped.recommender, type):
        raise _type_error(estimator, unwrapped.recommender, [])
    _check_has(estimator, unwrapped.recommender, methods)
    check_is_fitted(unwrapped.recommender)
    _check_has(estimator, unwrapped.recommender, attributes)
    return unwrapped


def _check_has(estimator: Any, inner: Any, names: Iterable[str]) -> None:
    lacking = [name for name in names if not hasattr(inner, name)]
    if lacking:
        raise _type_error(estimator, inner, lacking)


def _type_error(estimator: Any, inner: Any, lacking: list[str]) -> TypeError:
    where = "" if inner is estimator else f" in {type(estimator).__name__}"
    why = f", which has no {' and no '.join(lacking)}" if lacking else ""
    return TypeError(
        f"estimator must be a fitted recommender, or a fitted search or Pipeline that ends in one, got {inner!r}{where}{why}"
    )
