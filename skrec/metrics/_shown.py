"""Impression metrics of a fitted model: what was shown is scored once for all metrics."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec.data import Interactions, check_interactions, is_matrix, read_impressions, shown_events
from skrec.data._callers import depth_of_caller
from skrec.metrics._estimators import encode
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._full_ranking import Measure
from skrec.metrics._holdout import Coverage, Mask, training_repeats
from skrec.metrics._impressions import impression_auc, impression_mrr, impression_ndcg
from skrec.metrics._relevance import relevant_events

WHOLE_IMPRESSIONS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "impression_auc": impression_auc,
    "impression_mrr": impression_mrr,
}
"""Metrics that look at all that was shown; the other one looks at its first k places."""


def evaluate_impressions(
    measures: Sequence[Measure], estimator: Any, X: Any, y: ArrayLike | None, *, positive_from: float | None
) -> list[Evaluation]:
    """Score each shown (user, item) as `predict` does, and take some measures of the order within each impression.

    Events that were in no impression are left out.
    """
    if is_matrix(X):
        raise ValueError("impression metrics need events with an 'impression' column; X is a matrix, which has none")
    data = shown_events(check_interactions(X, y))
    if data.impressions is None:
        raise ValueError("impression metrics need to know what was shown together: give an 'impression' column")
    if len(data) == 0:
        raise ValueError("X has no impression to score: none of its events was in one")
    numbers, users, impression = read_impressions(data.users, data.impressions, data.impression_ids)
    scores, clicked = estimator.predict(data), relevant_events(data, positive_from, estimator)
    if np.isnan(scores).any():
        raise ValueError("predict returned NaN for some of what was shown")
    values = [_take(measure, scores, clicked, data.impressions) for measure in measures]
    scored = ~np.isnan(values[0])
    if not scored.any():
        raise ValueError("X has no impression to score: one needs a clicked item and one that was not")
    repeats = training_repeats(encode(estimator, data), estimator.seen_)
    coverage = _coverage(data, scored[impression], clicked, scores, repeats)
    relevant = "value > 0" if positive_from is None else f"value >= {positive_from:g}"
    protocol = (
        f"what was shown together, {scored.sum()} impressions with something clicked and something not; clicked: {relevant} "
        f"(positive_from={positive_from})"
    )
    return [
        _evaluation(measure, per_impression[scored], numbers[scored], users[scored], data, coverage, protocol)
        for measure, per_impression in zip(measures, values, strict=True)
    ]


def _take(measure: Measure, scores: NDArray, clicked: NDArray, impressions: Any) -> NDArray[np.float64]:
    if measure.k is None:
        return WHOLE_IMPRESSIONS[measure.metric](scores, clicked, impressions)
    return impression_ndcg(scores, clicked, impressions, k=measure.k)


def _coverage(data: Interactions, scored: Mask, clicked: Mask, scores: NDArray, repeats: Mask) -> Coverage:
    n_scored, n_users = (np.count_nonzero(np.bincount(data.users[events])) for events in (scored, clicked))
    coverage = Coverage(
        share_of_users_scored=float(n_scored / n_users),
        share_of_known_items=float((scores[scored & clicked] > -np.inf).mean()),
        share_of_repeats=float(repeats[clicked].mean()),
    )
    if min(coverage.share_of_users_scored, coverage.share_of_known_items) < 0.5:
        warnings.warn(
            f"of the users who clicked, {coverage.share_of_users_scored:.0%} have an impression with something clicked and "
            f"something not, and the model has scores for {coverage.share_of_known_items:.0%} of what they clicked; items that "
            "it does not know stand behind all others, unless it reads features, as NewsRecommender does",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    return coverage


def _evaluation(
    measure: Measure,
    per_impression: NDArray[np.float64],
    impressions: NDArray[np.int64],
    owners: NDArray[np.int64],
    data: Interactions,
    coverage: Coverage,
    protocol: str,
) -> Evaluation:
    users, rows = np.unique(owners, return_inverse=True)
    n_impressions = np.bincount(rows).astype(np.float64)
    return Evaluation(
        value=float(per_impression.mean()),
        per_user=np.bincount(rows, weights=per_impression) / n_impressions,
        users=users if data.user_ids is None else data.user_ids[users],
        n_users=len(users),
        **coverage._asdict(),
        protocol=f"{measure.name}; {protocol}",
        weights=n_impressions,
        per_impression=per_impression,
        impressions=impressions,
    )
