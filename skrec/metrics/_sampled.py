"""The sampled evaluation protocol of older papers, for comparison with their tables."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_choice, check_int
from skrec.data import IdEncoder, Interactions, UnknownItemError, UnknownUserError, check_interactions
from skrec.data._arrays import as_array
from skrec.data._encoding import as_labels, as_list
from skrec.data._unknown import check_known
from skrec.metrics._unwrapping import VOCABULARY, Unwrapped, unwrap_fitted

_SHARE_OF_TIES_ABOVE = {"for": 0.0, "half": 0.5, "against": 1.0}


def sampled_leave_one_out(
    estimator: Any,
    users: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    k: int = 10,
    ties: Literal["half", "against", "for"] = "half",
) -> dict[str, float]:
    """Rank one held-out item among sampled items, as in the NCF paper.

    **Do not use this protocol to select models.** A place among 100 candidates says little about the place among thousands. The
    metrics are several times larger than those of a full ranking, they depend on how the negatives were sampled, and they can
    order models differently. Use the scorers of `get_scorer`, which rank all items, and this function only for comparison with
    published numbers.

    The candidates of a user are a set. The positive counts once if it is also among the user's negatives (as for 156 users of
    the published MovieLens 1M files), and repeated negatives count once. The place of the positive, from 0, is the number of
    candidates with a higher score, plus a part of the candidates with the same score, given by ``ties``.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender, or a fitted search or Pipeline that ends in one. The candidates pass through the steps before the
        recommender as a DataFrame with the columns "user" and "item".
    users : array-like of shape (n_users,)
        Labels of the users, or codes if the model was fitted without labels.
    positives : array-like of shape (n_users,)
        The held-out item of each user.
    negatives : array-like of shape (n_users, n_negatives)
        The items with which the held-out item is ranked.
    k : int, default=10
        Number of places that are evaluated.
    ties : {"half", "against", "for"}, default="half"
        Which of the candidates with the score of the positive rank above it: half of them, all ("against"), or none ("for").
        With "for", constant scores are perfect. The code of the paper uses "against".

    Returns
    -------
    dict of str to float
        "hit_rate" is the share of users whose positive has a place (from 0) below k. "ndcg" is the mean of ``1 / log2(place +
        2)`` over all users, with 0 for places from k.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, an argument is out of range, a user or all items are unknown to the model, or a predicted score
        is NaN.

    Notes
    -----
    Scores ``n_users * (n_negatives + 1)`` pairs in one call of ``predict``.

    References
    ----------
    He et al., "Neural collaborative filtering", WWW 2017.

    Krichene and Rendle, "On sampled metrics for item recommendation", KDD 2020, on the bias of sampled metrics.
    """
    unwrapped = unwrap_fitted(estimator, methods=["predict"], attributes=VOCABULARY)
    k = check_int(k, "k", at_least=1)
    check_choice(ties, "ties", tuple(_SHARE_OF_TIES_ABOVE))
    users, positives, negatives = _labels(users, "users"), _labels(positives, "positives"), _labels(negatives, "negatives")
    n = len(users)
    if users.ndim != 1 or positives.shape != (n,) or negatives.ndim != 2 or len(negatives) != n or negatives.size == 0:
        raise ValueError(
            "users and positives must have shape (n_users,) and negatives (n_users, n_negatives), with at least 1 of each, got "
            f"{users.shape}, {positives.shape} and {negatives.shape}"
        )
    candidates = np.column_stack([positives, negatives])
    if unwrapped.transformers:
        users, candidates = _transformed(unwrapped, users, candidates)
    model = unwrapped.recommender
    _check_known(model, users, candidates[:, 0], candidates[:, 1:])
    scores = _predict_pairs(model, users, candidates)
    negative_scores, positive_scores = scores[:, 1:], scores[:, :1]
    counted = ~_repeats(candidates)[:, 1:]
    n_above, n_ties = (
        (is_ahead & counted).sum(axis=1) for is_ahead in (negative_scores > positive_scores, negative_scores == positive_scores)
    )
    place = n_above + _SHARE_OF_TIES_ABOVE[ties] * n_ties
    hit = place < k
    return {"hit_rate": float(hit.mean()), "ndcg": float(np.where(hit, 1 / np.log2(place + 2), 0.0).mean())}


def _labels(labels: Any, name: str) -> NDArray:
    """Convert labels to an array of any shape. Mixed strings and numbers keep their types."""
    array = as_array(labels, name)
    return as_labels(array.ravel(), name=name).reshape(array.shape) if array.ndim else as_labels(labels, name=name)


def _check_known(estimator: Any, users: NDArray, positives: NDArray, negatives: NDArray) -> None:
    """Check that all users are known, and at least one item. Unknown items are misses."""
    unknown = _codes(users, estimator.user_ids_, estimator.n_users_, "users") < 0
    check_known(users[unknown], UnknownUserError, "users")
    for labels, name in ((positives, "positives"), (negatives.ravel(), "negatives")):
        if _codes(labels, estimator.item_ids_, estimator.n_items_, name).max() < 0:
            given = as_list(labels)
            raise UnknownItemError(f"{name} must contain a label that the model knows, got {given[:5]}", given)


def _codes(labels: NDArray, ids: Any, n: int, name: str) -> NDArray[np.int64]:
    if ids is not None:
        return IdEncoder(ids).encode_same_kind(labels, name=name)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integer codes, since the model was fitted without labels, got {labels[0]!r}")
    if labels.min() < 0 or labels.max() >= n:
        error = UnknownUserError if name == "users" else UnknownItemError
        check_known(labels[(labels < 0) | (labels >= n)], error, name, n)
    return labels.astype(np.int64)


def _transformed(unwrapped: Unwrapped, users: NDArray, candidates: NDArray) -> tuple[NDArray, NDArray]:
    """The labels after the steps before the recommender."""
    name = "the output of the steps before the recommender"
    pairs = check_interactions(unwrapped.transform(_table(users, candidates)), name=name)
    if len(pairs) != candidates.size:
        raise ValueError(f"the steps before the recommender must keep all {candidates.size} candidates, {len(pairs)} are left")
    labels = pairs.to_frame()
    users, items = (labels[name].to_numpy().reshape(candidates.shape) for name in ("user", "item"))
    return users[:, 0], items


def _table(users: NDArray, candidates: NDArray) -> pd.DataFrame:
    return pd.DataFrame({"user": np.repeat(users, candidates.shape[1]), "item": candidates.ravel()})


def _predict_pairs(model: Any, users: NDArray, candidates: NDArray) -> NDArray:
    """Scores of each user's candidates, of shape (n_users, n_candidates)."""
    pairs: Any = _table(users, candidates)
    if model.user_ids_ is None and model.item_ids_ is None:
        pairs = Interactions.from_arrays(pairs["user"], pairs["item"], n_users=model.n_users_, n_items=model.n_items_)
    scores = np.asarray(model.predict(pairs))
    if np.isnan(scores).any():
        raise ValueError("predict returned NaN for some of the candidates")
    return scores.reshape(candidates.shape)


def _repeats(rows: NDArray) -> NDArray[np.bool_]:
    """True for entries that occur earlier in their row."""
    codes = pd.factorize(rows.ravel())[0].reshape(rows.shape)
    order = np.argsort(codes, axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=1)
    repeats = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(repeats, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeats
