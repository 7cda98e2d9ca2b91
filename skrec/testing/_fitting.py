"""Fitted estimators for the checks, and comparisons of results."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skrec.base import BaseRecommender, Ranking

ORDER_WARNING = "(X|users) (is a matrix|has no timestamps)"
"""Start of the warning of sequence models about data without timestamps, such as the matrices of these checks."""

_FITTED: WeakKeyDictionary[BaseRecommender, dict[tuple, BaseRecommender]] = WeakKeyDictionary()


def fresh(estimator: BaseRecommender) -> BaseRecommender:
    """An unfitted clone, with a seed if it takes one and has none."""
    copy = clone(estimator)
    if "random_state" in copy.get_params() and copy.random_state is None:
        copy.set_params(random_state=0)
    return copy


def fitted(estimator: BaseRecommender, data: Callable[[], Any]) -> BaseRecommender:
    """A clone fitted to ``data()``, cached for each estimator and its parameters. Must not be changed."""
    models = _FITTED.setdefault(estimator, {})
    key = data, repr(sorted(estimator.get_params().items()))
    if key not in models:
        models[key] = fresh(estimator).fit(data())
    return models[key]


def score_matrix(model: BaseRecommender, users: Any = None) -> NDArray[np.float32]:
    """Scores of shape (n_users, n_items) by which `recommend` ranks. Minus infinity for items without events."""
    answer = model.recommend(users, k=model.n_items_, exclude_seen=False)
    scores = np.full(answer.codes.shape, np.nan, np.float32)
    np.put_along_axis(scores, answer.codes, answer.scores, axis=1)
    return scores


def assert_equal_answers(answer: Ranking, expected: Ranking, said: str) -> None:
    """Raise AssertionError unless items and scores are exactly the same."""
    np.testing.assert_array_equal(answer.codes, expected.codes, err_msg=f"{said}: other items")
    np.testing.assert_array_equal(answer.scores, expected.scores, err_msg=f"{said}: other scores")


def assert_same_answers(answer: Ranking, expected: Ranking, said: str) -> None:
    """Raise AssertionError unless scores agree up to rounding and items up to ties of rounded scores."""
    finite = expected.scores[np.isfinite(expected.scores)]
    rounding = 1e-4 * max(float(np.abs(finite).max(initial=0)), 1e-3)
    np.testing.assert_allclose(answer.scores, expected.scores, rtol=0, atol=rounding, err_msg=f"{said}: other scores")
    with np.errstate(invalid="ignore"):
        near = np.abs(np.diff(expected.scores, axis=1)) <= 2 * rounding
    edge = np.ones((len(near), 1), bool)  # the item after the end of a list is unknown
    replaceable = np.hstack([~edge, near]) | np.hstack([near, edge])
    moved = (answer.codes != expected.codes) & ~replaceable
    assert not moved.any(), f"{said}: other items for {moved.any(axis=1).sum()} of {len(moved)} queries"


def assert_raises(kind: type[Exception] | tuple[type[Exception], ...], call: Callable[[], Any], *words: str) -> None:
    """Raise AssertionError unless the call raises an error of a kind with all words in its message."""
    try:
        call()
    except kind as error:
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"the message does not contain {missing}: {error}"
    except Exception as error:
        raise AssertionError(f"expected an error about {' '.join(words)}, got {error!r}") from error
    else:
        raise AssertionError(f"expected an error about {' '.join(words)}, got none")


def assert_same_attributes(model: BaseRecommender, before: dict[str, Any], said: str) -> None:
    """Raise AssertionError unless the model has the same attribute objects as before."""
    now = vars(model)
    changed = [name for name in now.keys() | before.keys() if name not in now or now[name] is not before.get(name, before)]
    assert not changed, f"{said} changed {', '.join(sorted(changed))}"


def rows(answer: Ranking, which: Any) -> Ranking:
    """The lists of some of the queries."""
    return type(answer)(answer.queries[which], answer.labels[which], answer.scores[which], answer.codes[which])
