"""How far the ratings that a fitted model predicts are from the true ones."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec.data import is_matrix
from skrec.data._reading import has_values
from skrec.metrics._estimators import score_blocks
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._holdout import Holdout, UserGroup

RATING_METRICS = ("neg_rmse", "neg_mae", "r2")


def evaluate_ratings(metric: str, estimator: Any, X: Any, y: ArrayLike | None) -> Evaluation:
    """Compare predicted with true values: of all events, or of those hidden in each row of a matrix."""
    holdout = Holdout.of(estimator, X, y)
    if y is None and not has_values(X):
        raise ValueError(f"{metric} compares ratings: pass y, or X with a column 'rating'")
    all_events, repeats = np.ones(len(holdout.data), dtype=bool), holdout.repeats(estimator.seen_)
    if is_matrix(X):
        coverage = holdout.coverage(all_events, holdout.hidden, repeats)
        (part,) = holdout.parts(holdout.hidden)
        true, predicted = part.values, _predict_hidden(estimator, part)
        owners, users, protocol = part.rows, part.users, f"hidden of each row: {holdout.cut}"
    else:
        coverage = holdout.coverage(all_events, all_events, repeats)
        true, predicted = holdout.given.values, estimator.predict(X)
        codes, owners = np.unique(holdout.data.users, return_inverse=True)
        users, protocol = holdout.labels(codes), "all events in X"
    n_events = np.bincount(owners).astype(np.float64)
    value, per_user = _compare(metric, true.astype(np.float64), predicted.astype(np.float64), owners, n_events)
    return Evaluation(
        value=value,
        per_user=per_user,
        users=users,
        n_users=len(users),
        **coverage._asdict(),
        protocol=f"{metric}; {protocol}",
        weights=n_events,
        is_quadratic=metric == "neg_rmse",
    )


def _predict_hidden(estimator: Any, part: UserGroup) -> NDArray[np.float64]:
    predicted = np.empty(len(part.rows))
    for rows, scores in score_blocks(estimator, part.query, len(part.users), exclude_seen=False):
        events = slice(*np.searchsorted(part.rows, [rows.start, rows.stop]))
        predicted[events] = scores[part.rows[events] - rows.start, part.columns[events]]
    return predicted


def _compare(
    metric: str, true: NDArray[np.float64], predicted: NDArray[np.float64], owners: NDArray, n_events: NDArray
) -> tuple[float, NDArray[np.float64]]:
    """The metric of all events, and of each user's own."""
    misses = predicted - true
    if not np.isfinite(misses).all():
        raise ValueError(f"predictions must be finite, but {np.count_nonzero(~np.isfinite(misses))} are not")
    losses = np.abs(misses) if metric == "neg_mae" else misses**2
    loss, user_losses = losses.mean(), np.bincount(owners, weights=losses) / n_events
    if metric == "neg_mae":
        return -float(loss), -user_losses
    if metric == "neg_rmse":
        return -float(np.sqrt(loss)), -np.sqrt(user_losses)
    variance = true.var()
    if variance == 0:
        raise ValueError(f"r2 is not defined where all true values are equal, here {true[0]:g}")
    return 1 - float(loss / variance), 1 - user_losses / variance
