"""Ranking metrics of arrays, with one float64 per user.

List metrics read the arrays ``recommended`` and ``relevant``. ``recommended`` has item codes, best first, padded with -1. Only
its first ``k`` columns are used. A padded place is not a hit, and a repeated item in a list counts only once. ``relevant`` is 1
(or True) for relevant items and 0 otherwise. `ndcg` also accepts other gains. *hits* is the number of relevant items among the
first k, and ``|rel|`` the number of relevant items of the user. The metrics of users without relevant items are NaN. Use
``np.nanmean`` to average over the other users.
"""

from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_choice, check_int
from skrec.data._arrays import as_array, as_numbers

PerUser = NDArray[np.float64]
Gains = Literal["binary", "linear", "exponential"]

_LARGEST_EXPONENT = 1000  # sums of powers must be finite


def ndcg(recommended: ArrayLike, relevant: Any, *, k: int = 10, gains: Gains = "linear") -> PerUser:
    """Normalized discounted cumulative gain.

    The sum of ``gain / log2(place + 1)`` over places 1 to k, divided by the largest possible sum, which has the user's items in
    descending order of their gains. With gains of 0 and 1, these are sums of ``1 / log2(place + 1)`` over the hits, and over
    ``min(k, |rel|)`` hits at the first places.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    relevant : sparse matrix or array of shape (n_users, n_items)
        Non-negative grade of each item, such as a rating, 0 for items that are not relevant. If an entry is stored several
        times, the largest grade is used.
    k : int, default=10
        Number of places that are evaluated. May exceed the length of the lists and the number of items.
    gains : {"linear", "exponential", "binary"}, default="linear"
        Gain of a grade g: g, as in `sklearn.metrics.ndcg_score`, ``2**g - 1``, or 1 for all grades above 0.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]. NaN for users without relevant items.

    Raises
    ------
    TypeError, ValueError
        If k is not a positive integer, the shapes do not match, a code is out of range, or a grade is negative or not finite,
        or above 1000 with exponential gains.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> relevant = sp.csr_array([[1, 0, 1, 0], [0, 0, 0, 0]])
    >>> ndcg([[2, 3, 0], [0, 1, 2]], relevant).round(4).tolist()
    [0.9197, nan]
    >>> ndcg([[2, 3, 0]], [[5, 0, 2, 0]]).round(4).tolist()  # grades
    [0.7186]
    >>> ndcg([[2, 3, 0]], [[5, 0, 2, 0]], gains="exponential").round(4).tolist()
    [0.5624]
    """
    check_choice(gains, "gains", ("linear", "exponential", "binary"))
    graded = gains_of(relevant)
    graded.data = _gains_of_grades(graded.data, gains)
    found = _find(recommended, graded, k)
    places = found.gains.shape[1]
    discount = 1 / np.log2(np.arange(2, max(found.k, places) + 2))
    # Both sums start at the first place, so that a perfect list has exactly 1.
    gained = np.cumsum(found.gains * discount[:places], axis=1)[:, -1]
    return np.minimum(ratio(gained, _largest_sums(graded, discount[: found.k])), 1)


def _gains_of_grades(grades: NDArray[np.float64], gains: Gains) -> NDArray[np.float64]:
    if gains == "linear":
        return grades
    if gains == "binary":
        return np.ones_like(grades)
    highest = grades.max(initial=0)
    if highest > _LARGEST_EXPONENT:
        raise ValueError(
            f"gains must be 'linear' or 'binary' for values above {_LARGEST_EXPONENT}, got 'exponential' for {highest:g}"
        )
    return np.expm1(np.log(2) * grades)


def _largest_sums(gains: sp.csr_array, discount: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest discounted sum of gains of each row, with its gains in descending order."""
    n_rows, n_entries = gains.shape[0], np.diff(gains.indptr)
    rows = np.repeat(np.arange(n_rows), n_entries)
    descending = gains.data[np.lexsort((-gains.data, rows))]
    place = np.arange(len(rows)) - gains.indptr[rows]
    counts = place < len(discount)
    sums = np.bincount(rows[counts], descending[counts] * discount[place[counts]], minlength=n_rows)
    return sums.astype(np.float64)


def recall(
    recommended: ArrayLike, relevant: Any, *, k: int = 10, denominator: Literal["relevant", "capped"] = "relevant"
) -> PerUser:
    """Share of the relevant items among the first k recommended items.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    relevant : sparse matrix or array of shape (n_users, n_items)
        1 (or True) for relevant items, and 0 otherwise.
    k : int, default=10
        Number of places that are evaluated. May exceed the length of the lists and the number of items.
    denominator : {"relevant", "capped"}, default="relevant"
        "relevant" computes ``hits / |rel|``, the usual definition. "capped" computes ``hits / min(k, |rel|)``, which is 1 for
        every perfect list. The Mult-VAE paper uses the latter.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]. NaN for users without relevant items.

    Raises
    ------
    TypeError, ValueError
        If k is not a positive integer, the shapes do not match, a code is out of range, or ``relevant`` has values other than 0
        and 1.

    Examples
    --------
    >>> recall([[2, 3]], [[1, 1, 1, 0]], k=2).round(4).tolist()
    [0.3333]
    >>> recall([[2, 3]], [[1, 1, 1, 0]], k=2, denominator="capped").tolist()
    [0.5]
    """
    check_choice(denominator, "denominator", ("relevant", "capped"))
    found = _find(recommended, pattern_of(relevant), k)
    return ratio(found.hits.sum(axis=1), found.n_relevant if denominator == "relevant" else found.n_possible)


def precision(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Share of the first k places with a relevant item.

    The result is ``hits / k``, including for lists shorter than k.

    Parameters
    ----------
    recommended, relevant, k
        As for `recall`, with the same errors.

    Returns
    -------
    float64 array of shape (n_users,)
        Multiples of ``1 / k``. NaN for users without relevant items.

    Examples
    --------
    >>> precision([[2, 3]], [[1, 1, 1, 0]], k=4).tolist()
    [0.25]
    """
    found = _find(recommended, pattern_of(relevant), k)
    return ratio(found.hits.sum(axis=1), np.where(found.n_relevant > 0, float(k), 0))


def average_precision(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Average precision. Its mean over users is MAP@k.

    The sum over all hits of ``(hits up to this place) / place``, divided by ``min(k, |rel|)``.

    Parameters
    ----------
    recommended, relevant, k
        As for `recall`, with the same errors.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]. NaN for users without relevant items.

    Examples
    --------
    >>> average_precision([[2, 3, 0]], [[1, 0, 1, 0]]).round(4).tolist()
    [0.8333]
    """
    found = _find(recommended, pattern_of(relevant), k)
    precisions = np.cumsum(found.hits, axis=1) / np.arange(1, found.hits.shape[1] + 1)
    return ratio((precisions * found.hits).sum(axis=1), found.n_possible)


def reciprocal_rank(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Reciprocal of the place of the first hit. Its mean over users is MRR@k.

    Parameters
    ----------
    recommended, relevant, k
        As for `recall`, with the same errors.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]. 0 without a hit among the first k. NaN for users without relevant items.

    Examples
    --------
    >>> reciprocal_rank([[3, 2, 0]], [[1, 0, 1, 0]]).tolist()
    [0.5]
    """
    found = _find(recommended, pattern_of(relevant), k)
    return ratio(found.hits.any(axis=1), np.where(found.n_relevant > 0, found.hits.argmax(axis=1) + 1, 0))


def hit_rate(recommended: ArrayLike, relevant: Any, *, k: int = 10) -> PerUser:
    """Whether at least one relevant item is among the first k recommended items.

    Parameters
    ----------
    recommended, relevant, k
        As for `recall`, with the same errors.

    Returns
    -------
    float64 array of shape (n_users,)
        0 or 1. NaN for users without relevant items.

    Examples
    --------
    >>> hit_rate([[3, 2, 0], [3, 2, 0]], [[1, 0, 0, 0], [0, 1, 0, 0]], k=3).tolist()
    [1.0, 0.0]
    """
    found = _find(recommended, pattern_of(relevant), k)
    return ratio(found.hits.any(axis=1), found.n_relevant > 0)


def auc(scores: ArrayLike, relevant: Any) -> PerUser:
    """Probability that a relevant item has a higher score than another candidate. Ties count one half.

    Parameters
    ----------
    scores : array-like of float, shape (n_users, n_items)
        Scores of all items. A score of ``-inf`` excludes an item from the candidates. A relevant item with ``-inf`` ranks below
        all candidates.
    relevant : sparse matrix or array of shape (n_users, n_items)
        1 (or True) for relevant items, and 0 otherwise.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1]. NaN for users without relevant items or without other candidates.

    Raises
    ------
    ValueError
        If the shapes differ, a score is NaN, or ``relevant`` has values other than 0 and 1.

    Notes
    -----
    Sorts each row: O(n_users * n_items * log(n_items)).

    Examples
    --------
    >>> auc([[0.9, 0.5, 0.5, 0.1]], [[0, 1, 0, 0]]).tolist()
    [0.5]
    """
    scores, pattern = as_numbers(as_array(scores, "scores"), "scores"), pattern_of(relevant)
    if scores.shape != pattern.shape:
        raise ValueError(f"scores and relevant must have the same shape, got {scores.shape} and {pattern.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN; -inf excludes an item from the candidates")
    return np.array([_area(row, pattern.indices[slice(*ends)]) for row, ends in zip(scores, pairwise(pattern.indptr))])


def _area(scores: NDArray, relevant: NDArray[np.integer]) -> float:
    """The AUC of one user, by the places of the relevant scores among the sorted other scores."""
    if len(relevant) == 0:
        return np.nan
    is_other = scores > -np.inf
    is_other[relevant] = False
    if not is_other.any():
        return np.nan
    others = np.sort(scores[is_other])
    below, not_above = (np.searchsorted(others, scores[relevant], side=side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(others)))


def are_stored(pattern: sp.csr_array, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each (row, column) pair is not zero in a sparse matrix."""
    if len(rows) == 0:  # scipy returns a sparse array for no indices
        return np.zeros(0, dtype=bool)
    return pattern[rows, columns] != 0


class _Found(NamedTuple):
    """Quantities shared by the list metrics. Gains of repeated items in a list are 0."""

    gains: NDArray[np.float64]
    n_relevant: NDArray[np.int64]
    n_possible: NDArray[np.int64]
    k: int

    @property
    def hits(self) -> NDArray[np.bool_]:
        return self.gains > 0


def gains_of(relevant: Any) -> sp.csr_array:
    """A copy of the gains above 0, sorted, with each pair stored once."""
    if not sp.issparse(relevant):
        relevant = as_numbers(as_array(relevant, "relevant"), "relevant")
    if relevant.ndim != 2:
        raise ValueError(f"relevant must have shape (n_users, n_items), got {relevant.shape}")
    try:
        if sp.issparse(relevant) and relevant.format in ("csr", "csc"):
            relevant.check_format(full_check=True)
        entries = sp.coo_array(relevant)
        rows, columns = entries.row.astype(np.int64), entries.col.astype(np.int64)
    except (IndexError, ValueError) as error:
        raise ValueError(f"relevant is not a valid matrix: {error}") from None
    gains = as_numbers(entries.data, "relevant").astype(np.float64)
    refused = gains[~((gains >= 0) & (gains < np.inf))]
    if len(refused):
        raise ValueError(f"relevant must not be NaN, negative or infinite, got {refused[0]:g}")
    kept = gains > 0
    if (np.diff(rows * entries.shape[1] + columns) <= 0).any():  # not sorted yet, or with repeated pairs
        order = np.lexsort((gains, columns, rows))
        rows, columns, gains = rows[order], columns[order], gains[order]
        is_last = np.append((rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1]), True)[: len(rows)]
        kept = is_last & (gains > 0)
    return sp.csr_array((gains[kept], (rows[kept], columns[kept])), shape=entries.shape)


def pattern_of(relevant: Any) -> sp.csr_array:
    """A sparse matrix of ones at the relevant pairs."""
    gains = gains_of(relevant)
    other = gains.data[gains.data != 1]
    if len(other):
        raise ValueError(
            f"relevant must hold 0 and 1 (or booleans), got {other[0]:g}: this metric has no grades. Pass relevant >= "
            "threshold, or use ndcg"
        )
    return gains


def read_lists(recommended: ArrayLike, k: int, n_items: int, *, n_users: int | None = None) -> NDArray[np.int64]:
    """Check lists of item codes, and return their first k columns.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, padded with -1.
    k : int
        Number of places that are evaluated.
    n_items : int
        Number of items. Codes must be below it.
    n_users : int, optional
        Expected number of lists. If None, any number of lists is accepted.
    """
    lists = as_array(recommended, "recommended")
    if lists.dtype.kind not in "iu":
        raise TypeError(f"recommended must hold integer item codes, got dtype {lists.dtype}")
    if lists.ndim != 2 or lists.shape[1] == 0 or n_users not in (None, lists.shape[0]):
        shape = "(n_users, at least 1)" if n_users is None else f"({n_users}, at least 1), as relevant has"
        raise ValueError(f"recommended must have shape {shape}, got {lists.shape}")
    lists = lists[:, :k].astype(np.int64, copy=False)
    if lists.min(initial=0) < -1 or lists.max(initial=-1) >= n_items:
        raise ValueError(f"recommended must hold item codes below {n_items} or -1, got {lists.min()} to {lists.max()}")
    return lists


def _find(recommended: ArrayLike, gains: sp.csr_array, k: int) -> _Found:
    """Look up the gain of each place."""
    k = check_int(k, "k", at_least=1)
    n_users, n_items = gains.shape
    lists = read_lists(recommended, k, n_items, n_users=n_users)
    rows, places = np.nonzero(lists >= 0)
    found = np.zeros(lists.shape)
    if len(rows):  # scipy returns a sparse array for no indices
        found[rows, places] = gains[rows, lists[rows, places]]
    n_relevant = np.diff(gains.indptr)
    return _Found(_first_of_each(found, lists, n_items), n_relevant, np.minimum(min(k, n_items), n_relevant), min(k, n_items))


def _first_of_each(found: NDArray[np.float64], lists: NDArray[np.int64], n_items: int) -> NDArray[np.float64]:
    """Gains, with 0 for items that are repeated in a list."""
    rows, places = np.nonzero(found)
    _, first = np.unique(rows * n_items + lists[rows, places], return_index=True)
    only = np.zeros(found.shape)
    only[rows[first], places[first]] = found[rows[first], places[first]]
    return only


def ratio(numerator: Any, denominator: Any) -> PerUser:
    """The quotient, or NaN if the denominator is 0."""
    out = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
