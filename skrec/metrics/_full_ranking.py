"""Ranking metrics of a fitted model: the full catalogue is ranked for each user, once for all metrics."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.metrics._estimators import best_items, score_blocks
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._holdout import Coverage, Holdout, UserGroup
from skrec.metrics._ranking import auc, average_precision, hit_rate, ndcg, precision, recall, reciprocal_rank
from skrec.metrics._relevance import relevant_events

LIST_METRICS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "ndcg": ndcg,
    "recall": recall,
    "recall_capped": partial(recall, denominator="capped"),
    "precision": precision,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}


class Measure(NamedTuple):
    """A metric of lists of length k, or of whole rankings, without one."""

    metric: str
    k: int | None

    @property
    def name(self) -> str:
        """Such as ``ndcg@10``."""
        return self.metric if self.k is None else f"{self.metric}@{self.k}"


def evaluate_rankings(
    measures: Sequence[Measure], estimator: Any, X: Any, y: ArrayLike | None, *, positive_from: float | None
) -> list[Evaluation]:
    """Rank for every user in X who can be scored, and take some measures of the lists."""
    is_relevant = partial(relevant_events, positive_from=positive_from, estimator=estimator)
    holdout = Holdout.of(estimator, X, y, is_relevant)
    repeats = holdout.repeats(estimator.seen_)
    # scikit-learn's train scores: where all that is asked for was shown, nothing shown is left out of the lists
    reproduces = bool(repeats.all())
    wanted = holdout.relevant & (reproduces | ~repeats)
    relevant = wanted & holdout.hidden
    coverage = holdout.coverage(wanted, relevant, repeats)
    if not (reproduces and holdout.is_all_of(estimator.seen_)):
        coverage.check_repeats()
    parts = holdout.parts(relevant)
    users = np.concatenate([part.users for part in parts])
    per_user = np.hstack([_take(measures, estimator, part, exclude_seen=not reproduces) for part in parts])
    share = coverage.share_of_repeats
    protocol = f"{_describe_ranking(estimator, share, reproduces=reproduces)}; {_describe_hidden(holdout, positive_from)}"
    return [_evaluation(measure, values, users, coverage, protocol) for measure, values in zip(measures, per_user, strict=True)]


def _evaluation(
    measure: Measure, per_user: NDArray[np.float64], users: NDArray, coverage: Coverage, protocol: str
) -> Evaluation:
    defined = ~np.isnan(per_user)  # the AUC of a user to whom every candidate is relevant is not
    if not defined.any():
        raise ValueError(f"{measure.name} is not defined for any user in X: all their candidates are relevant")
    return Evaluation(
        value=float(per_user[defined].mean()),
        per_user=per_user[defined],
        users=users[defined],
        n_users=int(defined.sum()),
        **coverage._asdict(),
        protocol=f"{measure.name}; {protocol}",
    )


def _take(measures: Sequence[Measure], estimator: Any, part: UserGroup, *, exclude_seen: bool) -> NDArray[np.float64]:
    """One row for each measure, one column for each user."""
    relevant = part.relevant
    longest = max((measure.k for measure in measures if measure.k is not None), default=None)
    if longest is not None:
        k = min(longest, estimator.n_items_)
        lists = best_items(estimator, part.query, len(part.users), k, exclude_seen=exclude_seen)
    return np.array(
        [
            _auc(estimator, part, relevant, exclude_seen=exclude_seen)
            if measure.k is None
            else LIST_METRICS[measure.metric](lists, relevant, k=measure.k)
            for measure in measures
        ]
    )


def _auc(estimator: Any, part: UserGroup, relevant: sp.csr_array, *, exclude_seen: bool) -> NDArray[np.float64]:
    among_known = sp.csr_array(relevant[:, : estimator.n_items_])
    n_known, n_relevant = np.diff(among_known.indptr), np.diff(relevant.indptr)
    areas = np.empty(len(part.users))
    for rows, scores in score_blocks(estimator, part.query, len(part.users), exclude_seen=exclude_seen):
        areas[rows] = auc(scores, among_known[rows])
    # an item that the model does not know is beaten by every candidate
    return np.where(n_known > 0, areas * n_known / n_relevant, 0.0)


def _describe_ranking(estimator: Any, share_of_repeats: float, *, reproduces: bool) -> str:
    ranked = f"full ranking of {estimator.n_items_} items"
    if reproduces:
        return f"{ranked}, those seen in training too, since all events in X repeat training pairs"
    ranked = f"{ranked} without those shown to the model"
    if share_of_repeats == 0:
        return ranked
    return f"{ranked}; left out: the {share_of_repeats:.1%} of the relevant events that repeat pairs shown to the model"


def _describe_hidden(holdout: Holdout, positive_from: float | None) -> str:
    relevant = "value > 0" if positive_from is None else f"value >= {positive_from:g}"
    return (
        f"relevant: {relevant} (positive_from={positive_from}); hidden of users with training events: all of X, of others: "
        f"{holdout.cut}"
    )
