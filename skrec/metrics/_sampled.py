"""The sampled protocol of older papers, for comparison with their tables only."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_choice, check_int
from skrec.data import IdEncoder, Interactions, check_interactions
from skrec.data._arrays import as_array
from skrec.data._encoding import as_labels, as_list
from skrec.metrics._unwrapping import VOCABULARY, Unwrapped, unwrap_fitted

_PART_OF_TIES_AHEAD = {"for": 0.0, "half": 0.5, "against": 1.0}


def sampled_leave_one_out(
    estimator: Any,
    users: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    k: int = 10,
    ties: Literal["half", "against", "for"] = "half",
) -> dict[str, float]:
    """Rank one held-out item among a few sampled ones: the NCF paper's protocol.

    **Do not choose models by it.** Among 100 candidates a place in the first ten says little about the place among
    thousands: the numbers are several times those of a full ranking, they depend on how the negatives were drawn, and
    they can put two models in another order than the full ranking does. Use the scorers (`get_scorer`), which rank
    everything, and this only beside numbers that were published so.

    A user's candidates are a set: the positive counts once also where it is among the user's own negatives (as it is
    for 156 users of the published MovieLens 1M files), and so does a repeated negative. The place of the positive,
    counted from 0, is the number of candidates scored above it and, by ``ties``, a part of those scored the same.

    Parameters
    ----------
    estimator : fitted recommender, or a search or Pipeline that ends in one
        The candidates go through the steps before the recommender as a DataFrame with the columns ``user`` and ``item``.
    users : array-like of shape (n,)
        Labels (or codes, where the model was fitted without labels).
    positives : array-like of shape (n,)
        The held-out item of each user.
    negatives : array-like of shape (n, m)
        The items that it is ranked among.
    k : int, default=10
    ties : {"half", "against", "for"}, default="half"
        How many of the candidates with the positive's score stand above it: half of them, all, or none. With "for" a
        model that scores everything alike is perfect. The paper's own code lists the positive last: "against".

    Returns
    -------
    dict of str to float
        ``"hit_rate"``: share of users whose positive has a place (from 0) below k. ``"ndcg"``: the mean of
        ``1 / log2(place + 2)`` for these, 0 for the others.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, an argument is out of range, a user or all of the items are unknown to the model, or a
        predicted score is NaN.

    Notes
    -----
    Scores n * (m + 1) pairs in one call of ``predict``.

    References
    ----------
    He et al., "Neural collaborative filtering", WWW 2017. Krichene and Rendle, "On sampled metrics for item
    recommendation", KDD 2020, on why not.
    """
    unwrapped = unwrap_fitted(estimator, methods=["predict"], attributes=VOCABULARY)
    k = check_int(k, "k", at_least=1)
    check_choice(ties, "ties", tuple(_PART_OF_TIES_AHEAD))
    users, positives, negatives = _labels(users, "users"), _labels(positives, "positives"), _labels(negatives, "negatives")
    n = len(users)
    if users.ndim != 1 or positives.shape != (n,) or negatives.ndim != 2 or len(negatives) != n or negatives.size == 0:
        raise ValueError(
            "users and positives must have shape (n,) and negatives (n, m), n and m being at least 1, got "
            f"{users.shape}, {positives.shape} and {negatives.shape}"
        )
    candidates = np.column_stack([positives, negatives])
    if unwrapped.transformers:
        users, candidates = _transformed(unwrapped, users, candidates)
    model = unwrapped.recommender
    _check_known(model, users, candidates[:, 0], candidates[:, 1:])
    scores = _predict_pairs(model, users, candidates)
    rivals, own = scores[:, 1:], scores[:, :1]
    counts = ~_repeats(candidates)[:, 1:]
    place = ((rivals > own) & counts).sum(axis=1) + _PART_OF_TIES_AHEAD[ties] * ((rivals == own) & counts).sum(axis=1)
    hit = place < k
    return {"hit_rate": float(hit.mean()), "ndcg": float(np.where(hit, 1 / np.log2(place + 2), 0.0).mean())}


def _labels(labels: Any, name: str) -> NDArray:
    """Labels in an array of any shape: words and numbers side by side stay what they are."""
    array = as_array(labels, name)
    return as_labels(array.ravel(), name=name).reshape(array.shape) if array.ndim else as_labels(labels, name=name)


def _check_known(estimator: Any, users: NDArray, positives: NDArray, negatives: NDArray) -> None:
    """All users are known to the model, and items in part: one that it has never heard of is a miss."""
    unknown = _codes(users, estimator.user_ids_, estimator.n_users_, "users") < 0
    if unknown.any():
        raise ValueError(
            f"users holds labels that the model does not know: {as_list(users[unknown][:5])}, {unknown.sum()} in all"
        )
    for labels, name in ((positives, "positives"), (negatives.ravel(), "negatives")):
        if _codes(labels, estimator.item_ids_, estimator.n_items_, name).max() < 0:
            raise ValueError(f"{name} holds no label that the model knows, but {as_list(labels[:5])}")


def _codes(labels: NDArray, ids: Any, n: int, name: str) -> NDArray[np.int64]:
    if ids is not None:
        return IdEncoder(ids).encode_same_kind(labels, name=name)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integer codes, since the model was fitted without labels, got {labels[0]!r}")
    if labels.min() < 0 or labels.max() >= n:
        raise ValueError(f"{name} must be codes in 0..{n - 1}, got {labels[(labels < 0) | (labels >= n)][0]}")
    return labels.astype(np.int64)


def _transformed(unwrapped: Unwrapped, users: NDArray, candidates: NDArray) -> tuple[NDArray, NDArray]:
    """The labels that the steps before a recommender make of those given."""
    name = "what the steps before the recommender return"
    pairs = check_interactions(unwrapped.transform(_table(users, candidates)), name=name)
    if len(pairs) != candidates.size:
        raise ValueError(f"the steps before the recommender must keep all {candidates.size} candidates, {len(pairs)} are left")
    labels = pairs.to_frame()
    users, items = (labels[name].to_numpy().reshape(candidates.shape) for name in ("user", "item"))
    return users[:, 0], items


def _table(users: NDArray, candidates: NDArray) -> pd.DataFrame:
    return pd.DataFrame({"user": np.repeat(users, candidates.shape[1]), "item": candidates.ravel()})


def _predict_pairs(model: Any, users: NDArray, candidates: NDArray) -> NDArray:
    """Scores of each user's candidates, shape (n_users, n_candidates)."""
    pairs: Any = _table(users, candidates)
    if model.user_ids_ is None and model.item_ids_ is None:
        pairs = Interactions.from_arrays(pairs["user"], pairs["item"], n_users=model.n_users_, n_items=model.n_items_)
    scores = np.asarray(model.predict(pairs))
    if np.isnan(scores).any():
        raise ValueError("predict returned NaN for some of the candidates")
    return scores.reshape(candidates.shape)


def _repeats(rows: NDArray) -> NDArray[np.bool_]:
    """True where an entry stands further left in its row already."""
    codes = pd.factorize(rows.ravel())[0].reshape(rows.shape)
    order = np.argsort(codes, axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=1)
    repeats = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(repeats, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeats
