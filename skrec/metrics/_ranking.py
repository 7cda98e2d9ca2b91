"""How good ranked lists are: one float64 per user, from plain arrays.

All list metrics read the same two arrays. ``recommended`` holds item codes, best first, padded with -1; only its first
``k`` columns are looked at, a padding is a place without a hit, and an item that stands in a list twice is a miss the
second time. ``relevant`` is a pattern: whatever is stored in it and not zero is relevant. Below, *hits* is the number
of relevant items among the first k, and ``|rel|`` the number of the user's relevant items. A user without any gets NaN,
so that a mean is taken over the others (``np.nanmean``).
"""

import numbers
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.data._arrays import as_array, as_numbers

PerUser = NDArray[np.float64]


def ndcg(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Normalised discounted cumulative gain, binary.

    The sum of ``1 / log2(place + 1)`` over the hits (places count from 1), divided by the same sum for
    ``min(k, |rel|)`` hits at the head of the list.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    relevant : sparse matrix or array of shape (n_users, n_items)
        Non-zero where an item is relevant.
    k : int, default=10
        How much of the list counts; may exceed its length and the catalogue.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items.

    Raises
    ------
    TypeError, ValueError
        If k is not an integer from 1, the arrays do not match, or a code lies outside the catalogue.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> relevant = sp.csr_array([[1, 0, 1, 0], [0, 0, 0, 0]])
    >>> ndcg([[2, 3, 0], [0, 1, 2]], relevant).round(4).tolist()
    [0.9197, nan]
    """
    found = _find(recommended, relevant, k)
    best = int(found.n_possible.max(initial=1))
    discount = 1 / np.log2(np.arange(2, max(best, found.hits.shape[1]) + 2))
    # Both sums run from the head of the list, so that a perfect list is exactly 1 and none exceeds it.
    gain = np.cumsum(found.hits * discount[: found.hits.shape[1]], axis=1)[:, -1]
    return _ratio(gain, np.append(0, np.cumsum(discount[:best]))[found.n_possible])


def recall(
    recommended: ArrayLike, relevant: Any, *, k: int = 10, denominator: Literal["relevant", "capped"] = "relevant"
) -> PerUser:
    """Share of the relevant items that were found.

    * ``denominator="relevant"``: ``hits / |rel|``, the textbook's;
    * ``denominator="capped"``: ``hits / min(k, |rel|)``, which a perfect list always brings to 1; the Mult-VAE paper's.

    Parameters
    ----------
    recommended, relevant, k
        As in `ndcg`.
    denominator : {"relevant", "capped"}, default="relevant"

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items.

    Examples
    --------
    >>> recall([[2, 3]], [[1, 1, 1, 0]], k=2).round(4).tolist()
    [0.3333]
    >>> recall([[2, 3]], [[1, 1, 1, 0]], k=2, denominator="capped").tolist()
    [0.5]
    """
    if denominator not in ("relevant", "capped"):
        raise ValueError(f"denominator must be 'relevant' or 'capped', got {denominator!r}")
    found = _find(recommended, relevant, k)
    return _ratio(found.hits.sum(axis=1), found.n_relevant if denominator == "relevant" else found.n_possible)


def precision(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Share of the k places that hold a relevant item: ``hits / k``, also where a list is shorter than k.

    Parameters
    ----------
    recommended, relevant, k
        As in `ndcg`.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items.

    Examples
    --------
    >>> precision([[2, 3]], [[1, 1, 1, 0]], k=4).tolist()
    [0.25]
    """
    found = _find(recommended, relevant, k)
    return _ratio(found.hits.sum(axis=1), np.where(found.n_relevant > 0, float(k), 0))


def average_precision(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Average precision; its mean over users is MAP@k.

    The sum over the hits of ``hits so far / place``, divided by ``min(k, |rel|)``.

    Parameters
    ----------
    recommended, relevant, k
        As in `ndcg`.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items.

    Examples
    --------
    >>> average_precision([[2, 3, 0]], [[1, 0, 1, 0]]).round(4).tolist()
    [0.8333]
    """
    found = _find(recommended, relevant, k)
    precisions = np.cumsum(found.hits, axis=1) / np.arange(1, found.hits.shape[1] + 1)
    return _ratio((precisions * found.hits).sum(axis=1), found.n_possible)


def reciprocal_rank(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """One over the place of the first hit, 0 without a hit among the first k; its mean over users is MRR@k.

    Parameters
    ----------
    recommended, relevant, k
        As in `ndcg`.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items.

    Examples
    --------
    >>> reciprocal_rank([[3, 2, 0]], [[1, 0, 1, 0]]).tolist()
    [0.5]
    """
    found = _find(recommended, relevant, k)
    return _ratio(found.hits.any(axis=1), np.where(found.n_relevant > 0, found.hits.argmax(axis=1) + 1, 0))


def hit_rate(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """1 where at least one relevant item is among the first k, else 0.

    Parameters
    ----------
    recommended, relevant, k
        As in `ndcg`.

    Returns
    -------
    float64 array of shape (n_users,)
        0 or 1; NaN for users without relevant items.

    Examples
    --------
    >>> hit_rate([[3, 2, 0], [3, 2, 0]], [[1, 0, 0, 0], [0, 1, 0, 0]], k=3).tolist()
    [1.0, 0.0]
    """
    found = _find(recommended, relevant, k)
    return _ratio(found.hits.any(axis=1), found.n_relevant > 0)


def auc(scores: ArrayLike, relevant: Any) -> PerUser:
    """Probability that a relevant item is scored above another candidate, ties counting one half.

    Parameters
    ----------
    scores : array-like of float, shape (n_users, n_items)
        Scores of the whole catalogue. ``-inf`` takes an item out of the candidates; a relevant item with ``-inf`` is a
        miss, below every candidate.
    relevant : sparse matrix or array of shape (n_users, n_items)
        Non-zero where an item is relevant.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]; NaN for users without relevant items, or without any other candidate.

    Raises
    ------
    ValueError
        If the shapes differ or a score is NaN.

    Notes
    -----
    Sorts every row: O(n_users * n_items * log(n_items)).

    Examples
    --------
    >>> auc([[0.9, 0.5, 0.5, 0.1]], [[0, 1, 0, 0]]).tolist()
    [0.5]
    """
    scores, pattern = as_numbers(as_array(scores, "scores"), "scores"), _pattern(relevant)
    if scores.shape != pattern.shape:
        raise ValueError(f"scores and relevant must have one shape, got {scores.shape} and {pattern.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN; -inf takes an item out of the candidates")
    return np.array([_area(row, pattern.indices[slice(*ends)]) for row, ends in zip(scores, pairwise(pattern.indptr))])


def _area(scores: NDArray, relevant: NDArray[np.integer]) -> float:
    """The AUC of one user, by place of the relevant scores among the sorted others."""
    if len(relevant) == 0:
        return np.nan
    is_other = scores > -np.inf
    is_other[relevant] = False
    if not is_other.any():
        return np.nan
    others = np.sort(scores[is_other])
    below, not_above = (np.searchsorted(others, scores[relevant], side=side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(others)))


def check_k(k: Any) -> int:
    """The length of a list, as an int of at least 1."""
    if isinstance(k, bool | np.bool_) or not isinstance(k, numbers.Integral):
        raise TypeError(f"k must be an integer of at least 1, got {k!r}")
    if k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}")
    return int(k)


def are_stored(pattern: sp.csr_array, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which (row, column) pairs hold something other than zero."""
    if len(rows) == 0:  # scipy would answer with a sparse array
        return np.zeros(0, dtype=bool)
    return pattern[rows, columns] != 0


class _Found(NamedTuple):
    """What all list metrics are made of."""

    hits: NDArray[np.bool_]
    n_relevant: NDArray[np.int64]
    n_possible: NDArray[np.int64]


def _pattern(relevant: Any) -> sp.csr_array:
    """The relevant pairs, each stored once, in order; a copy."""
    if not sp.issparse(relevant):
        relevant = as_numbers(as_array(relevant, "relevant"), "relevant")
    if relevant.ndim != 2:
        raise ValueError(f"relevant must have shape (n_users, n_items), got {relevant.shape}")
    try:
        pattern = sp.csr_array(relevant)
        pattern.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"relevant is not a valid matrix: {error}") from None
    if np.isnan(pattern.data).any():
        raise ValueError("relevant must not be NaN")
    pattern = pattern.astype(bool, copy=True)
    pattern.sum_duplicates()
    pattern.eliminate_zeros()
    return pattern


def _find(recommended: ArrayLike, relevant: Any, k: int) -> _Found:
    """Which places hold a relevant item that did not stand higher up already."""
    k, pattern = check_k(k), _pattern(relevant)
    n_users, n_items = pattern.shape
    lists = as_array(recommended, "recommended")
    if lists.dtype.kind not in "iu":
        raise TypeError(f"recommended must hold integer item codes, got dtype {lists.dtype}")
    if lists.ndim != 2 or lists.shape[0] != n_users or lists.shape[1] == 0:
        raise ValueError(f"recommended must have shape ({n_users}, at least 1), as relevant has, got {lists.shape}")
    lists = lists[:, :k].astype(np.int64, copy=False)
    if lists.min(initial=0) < -1 or lists.max(initial=-1) >= n_items:
        raise ValueError(f"recommended must hold item codes below {n_items} or -1, got {lists.min()} to {lists.max()}")
    rows, places = np.nonzero(lists >= 0)
    hits = np.zeros(lists.shape, dtype=bool)
    hits[rows, places] = are_stored(pattern, rows, lists[rows, places])
    n_relevant = np.diff(pattern.indptr)
    return _Found(_first_of_each(hits, lists, n_items), n_relevant, np.minimum(min(k, n_items), n_relevant))


def _first_of_each(hits: NDArray[np.bool_], lists: NDArray[np.int64], n_items: int) -> NDArray[np.bool_]:
    """Hits without those that repeat an item of the same list."""
    rows, places = np.nonzero(hits)
    _, first = np.unique(rows * n_items + lists[rows, places], return_index=True)
    only = np.zeros(hits.shape, dtype=bool)
    only[rows[first], places[first]] = True
    return only


def _ratio(numerator: Any, denominator: Any) -> PerUser:
    """The quotient, NaN where the denominator is 0."""
    out = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
