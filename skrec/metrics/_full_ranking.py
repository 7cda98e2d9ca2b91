"""Ranking metrics of a fitted model. The full catalog is ranked once per user for all metrics."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.metrics._estimators import best_items, score_blocks
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._holdout import Coverage, Holdout, UserGroup
from skrec.metrics._item_features import ItemFeatures
from skrec.metrics._list_scores import LIST_SCORES, ListScores, RankedLists
from skrec.metrics._ranking import Gains, auc, average_precision, hit_rate, ndcg, precision, recall, reciprocal_rank
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

Scored = Literal["known", "new", "all"]
"""Which users are scored."""

_WHY_UNDEFINED = {
    "ndcg": "all gains are 0",
    "auc": "all their candidates are relevant",
    "neg_gini": "the lists are empty, or the model has a single item",
    "novelty": "the lists are empty",
    "diversity": "no list has two items",
    "neg_popularity_lift": "the lists or the histories are empty",
}


class Measure(NamedTuple):
    """A metric of lists of length k, or of whole rankings if k is None. Some read features of items or values of events."""

    metric: str
    k: int | None
    item_features: ItemFeatures | None = None
    gains: Gains = "binary"

    @property
    def name(self) -> str:
        """The name, such as ``ndcg@10``."""
        return self.metric if self.k is None else f"{self.metric}@{self.k}"


def evaluate_rankings(
    measures: Sequence[Measure],
    estimator: Any,
    X: Any,
    y: ArrayLike | None,
    *,
    positive_from: float | None,
    users: Scored,
) -> list[Evaluation]:
    """Rank the items for the users in X who can be scored, and compute the metrics of the lists."""
    are_graded = all(measure.gains != "binary" for measure in measures)
    is_relevant = partial(relevant_events, positive_from=positive_from, estimator=estimator, are_graded=are_graded)
    holdout = Holdout.of(estimator, X, y, is_relevant)
    repeats = holdout.repeats(estimator.seen_)
    # If all hidden events repeat training pairs, as in scikit-learn's train scores, seen items stay in the lists.
    reproduces = bool(repeats.all())
    target = holdout.relevant & (reproduces | ~repeats) & holdout.users_are(users)
    relevant = target & holdout.hidden
    coverage = holdout.coverage(target, relevant, repeats)
    if not (reproduces and holdout.is_all_of(estimator.seen_)):
        coverage.check_repeats()
    parts = holdout.parts(relevant)
    labels, is_new = (np.concatenate(values) for values in zip(*((part.users, part.are_new) for part in parts), strict=True))
    scores = _compute(measures, estimator, parts, exclude_seen=not reproduces)
    share = coverage.share_of_repeats
    protocol = f"{_describe_ranking(estimator, share, reproduces=reproduces)}; {_describe_hidden(holdout, positive_from)}"
    return [
        _evaluation(measure, found, labels, is_new, coverage, protocol) for measure, found in zip(measures, scores, strict=True)
    ]


def _evaluation(
    measure: Measure,
    scores: ListScores,
    users: NDArray,
    is_new: NDArray[np.bool_],
    coverage: Coverage,
    protocol: str,
) -> Evaluation:
    if np.isnan(scores.value):
        raise ValueError(f"{measure.name} is not defined for any user in X: {_WHY_UNDEFINED[measure.metric]}")
    defined = ~np.isnan(scores.per_user)
    if not defined.any():  # a score of all lists together
        defined[:] = True
    n_users, n_new = int(defined.sum()), int(is_new[defined].sum())
    if 0 < n_new < n_users:
        protocol = f"{protocol}; {n_new} of {n_users} users have no training events"
    return Evaluation(
        value=scores.value,
        per_user=scores.per_user[defined],
        users=users[defined],
        n_users=n_users,
        **coverage._asdict(),
        protocol=f"{measure.name}{'' if measure.gains == 'binary' else f', {measure.gains} gains'}; {protocol}",
        weights=None if scores.weights is None else scores.weights[defined],
        n_new_users=n_new,
    )


def _compute(
    measures: Sequence[Measure], estimator: Any, parts: Sequence[UserGroup], *, exclude_seen: bool
) -> list[ListScores]:
    """The scores of each metric. Each user is ranked once for all metrics of lists."""
    longest = max((measure.k for measure in measures if measure.k is not None), default=None)
    lists = None
    if longest is not None:
        k = min(longest, estimator.n_items_)
        codes = [best_items(estimator, part.query, len(part.users), k, exclude_seen=exclude_seen) for part in parts]
        relevant = sp.vstack([part.relevant for part in parts], format="csr")
        histories = partial(_histories, parts, estimator.seen_)
        lists = RankedLists(np.concatenate(codes), relevant, histories, estimator.seen_, exclude_seen=exclude_seen)
    return [_score(measure, estimator, parts, lists, exclude_seen=exclude_seen) for measure in measures]


def _histories(parts: Sequence[UserGroup], seen: sp.csr_array) -> sp.csr_array:
    return sp.vstack([part.histories(seen) for part in parts], format="csr")


def _score(measure: Measure, estimator: Any, parts: Sequence[UserGroup], lists: Any, *, exclude_seen: bool) -> ListScores:
    if measure.k is None:
        areas = [_auc(estimator, part, part.relevant, exclude_seen=exclude_seen) for part in parts]
        return ListScores.mean(np.concatenate(areas))
    if measure.gains != "binary":
        grades = sp.vstack([part.grades for part in parts], format="coo")
        return ListScores.mean(ndcg(lists.codes, grades, k=measure.k, gains=measure.gains))
    if measure.metric in LIST_METRICS:
        return ListScores.mean(LIST_METRICS[measure.metric](lists.codes, lists.relevant, k=measure.k))
    features = measure.item_features
    rows = None if features is None else features.of_items(estimator.n_items_, estimator.item_ids_)
    return LIST_SCORES[measure.metric](lists, measure.k, rows)


def _auc(estimator: Any, part: UserGroup, relevant: sp.csr_array, *, exclude_seen: bool) -> NDArray[np.float64]:
    among_known = sp.csr_array(relevant[:, : estimator.n_items_])
    n_known, n_relevant = np.diff(among_known.indptr), np.diff(relevant.indptr)
    areas = np.empty(len(part.users))
    for rows, scores in score_blocks(estimator, part.query, len(part.users), exclude_seen=exclude_seen):
        areas[rows] = auc(scores, among_known[rows])
    # unknown items rank below all candidates
    return np.where(n_known > 0, areas * n_known / n_relevant, 0.0)


def _describe_ranking(estimator: Any, share_of_repeats: float, *, reproduces: bool) -> str:
    ranked = f"full ranking of {estimator.n_items_} items"
    if reproduces:
        return f"{ranked} including those seen in training, since all events in X repeat training pairs"
    ranked = f"{ranked} without those shown to the model"
    if share_of_repeats == 0:
        return ranked
    return f"{ranked}; the {share_of_repeats:.1%} of the relevant events that repeat such pairs are left out"


def _describe_hidden(holdout: Holdout, positive_from: float | None) -> str:
    relevant = "value > 0" if positive_from is None else f"value >= {positive_from:g}"
    return (
        f"relevant: {relevant} (positive_from={positive_from}); hidden of users with training events: all of X, of others: "
        f"{holdout.cut}"
    )
