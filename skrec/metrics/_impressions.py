"""Metrics of the ranking of clicked items among the items shown with them, with one float64 per impression.

All functions read arrays with one entry per shown item, in any order: its score, whether it was clicked, and the number of its
impression. Results are in ascending order of the impression numbers. Impressions with only clicked or only unclicked items have
NaN. Use ``np.nanmean`` to average over the others.

Items with equal scores share the mean of their places (McSherry and Najork 2008). The result is the average over all orders of
the ties and does not depend on the order of the rows. Constant scores give the expected value of a random order. The script
``evaluate.py`` of MIND treats ties in the AUC in the same way. Its other metrics break ties by ``numpy.argsort``. Without ties,
all results equal those of MIND.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int
from skrec.data._arrays import as_array, as_numbers

PerImpression = NDArray[np.float64]


def impression_auc(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> PerImpression:
    """Probability that a clicked item has a higher score than an unclicked item of the same impression.

    Ties count one half.

    Parameters
    ----------
    scores : array-like of float, shape (n_shown,)
        Score of each shown item. Minus infinity ranks below all other scores.
    clicked : array-like of shape (n_shown,)
        1 (or True) for clicked items, and 0 otherwise.
    impressions : array-like of int, shape (n_shown,)
        Impression number of each shown item. Items with -1 belong to no impression and are left out.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In [0, 1], in ascending order of the impression numbers. NaN if all or no items were clicked.

    Raises
    ------
    TypeError, ValueError
        If the lengths differ, an impression number is not an integer, a score is NaN, or ``clicked`` has values other than 0
        and 1.

    Notes
    -----
    Sorts the items once, O(n_shown * log(n_shown)), as the other impression metrics do.

    References
    ----------
    Wu et al., "MIND: A Large-scale Dataset for News Recommendation", ACL 2020.

    Examples
    --------
    >>> impression_auc([0.9, 0.5, 0.1, 0.3, 0.3], [0, 1, 0, 1, 0], [1, 1, 1, 2, 2]).tolist()
    [0.5, 0.5]
    """
    shown = _sort_shown(scores, clicked, impressions)
    places = np.arange(shown.longest, dtype=np.float64)
    not_above = shown.sum_over_clicked(shown.n_shown[shown.owner] - 1 - shown.mean_of(places))
    pairs_of_clicked = shown.n_clicked * (shown.n_clicked - 1) / 2
    return shown.ratio(not_above - pairs_of_clicked, shown.n_clicked * (shown.n_shown - shown.n_clicked))


def impression_mrr(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> PerImpression:
    """Mean of ``1 / place`` over the clicked items of each impression.

    This is the MRR of MIND, which uses all clicked items and not only the first.

    Parameters
    ----------
    scores, clicked, impressions
        As for `impression_auc`, with the same errors.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In (0, 1]. NaN if all or no items were clicked. Below 1 for impressions with several clicks.

    Examples
    --------
    >>> impression_mrr([0.9, 0.5, 0.1], [0, 1, 1], [7, 7, 7]).round(4).tolist()
    [0.4167]
    """
    shown = _sort_shown(scores, clicked, impressions)
    return shown.ratio(shown.sum_over_clicked(shown.mean_of(1 / np.arange(1, shown.longest + 1))), shown.n_clicked)


def impression_ndcg(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike, *, k: int = 10) -> PerImpression:
    """Normalized discounted cumulative gain of the first k places of each impression.

    The sum of ``1 / log2(place + 1)`` over the clicked items at places 1 to k, divided by the same sum for ``min(k,
    n_clicked)`` clicks at the first places. The gain of MIND, ``2**click - 1``, is 1 for a click.

    Parameters
    ----------
    scores, clicked, impressions
        As for `impression_auc`, with the same errors.
    k : int, default=10
        Number of places that are evaluated. May exceed the length of an impression. Must be at least 1.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In [0, 1]. NaN if all or no items were clicked.

    Examples
    --------
    >>> impression_ndcg([0.9, 0.5, 0.1], [0, 1, 1], [7, 7, 7], k=2).round(4).tolist()
    [0.3869]
    """
    k, shown = check_int(k, "k", at_least=1), _sort_shown(scores, clicked, impressions)
    discount = 1 / np.log2(np.arange(2, shown.longest + 2))
    discount[k:] = 0
    best = np.append(0, np.cumsum(discount))[shown.n_clicked]
    # rounding of mean discounts can exceed 1
    return np.minimum(shown.ratio(shown.sum_over_clicked(shown.mean_of(discount)), best), 1)


class _Shown(NamedTuple):
    """The shown items, sorted by impression and descending score.

    Attributes
    ----------
    clicked : bool array of shape (n_shown,)
        Whether each item was clicked.
    owner : int64 array of shape (n_shown,)
        Impression of each item, from 0.
    place : int64 array of shape (n_shown,)
        Place of each item in its impression, from 0.
    ties : int64 array of shape (n_shown,)
        Number of the group of equal scores of each item.
    n_shown, n_clicked : int64 arrays of shape (n_impressions,)
        Number of shown and clicked items.
    """

    clicked: NDArray[np.bool_]
    owner: NDArray[np.int64]
    place: NDArray[np.int64]
    ties: NDArray[np.int64]
    n_shown: NDArray[np.int64]
    n_clicked: NDArray[np.int64]

    @property
    def longest(self) -> int:
        return int(self.n_shown.max(initial=0))

    def mean_of(self, place_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each item, the mean of a function of the place over the items with equal scores."""
        totals = np.bincount(self.ties, weights=place_values[self.place])
        return (totals / np.bincount(self.ties))[self.ties]

    def sum_over_clicked(self, values: NDArray[np.float64]) -> PerImpression:
        sums = np.bincount(self.owner, weights=np.where(self.clicked, values, 0), minlength=len(self.n_shown))
        return np.asarray(sums, np.float64)

    def ratio(self, numerator: NDArray, denominator: NDArray) -> PerImpression:
        """The quotient, or NaN if all or no items of an impression were clicked."""
        is_defined = (self.n_clicked > 0) & (self.n_clicked < self.n_shown)
        return np.divide(numerator, denominator, out=np.full(len(self.n_shown), np.nan), where=is_defined)


def _sort_shown(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> _Shown:
    values, clicks, numbers = _checked(scores, clicked, impressions)
    _, owner, n_shown = np.unique(numbers, return_inverse=True, return_counts=True)
    order = np.lexsort((-values, owner))
    owner, values, clicks = owner[order], values[order], clicks[order]
    starts = (np.diff(owner, prepend=-1) != 0) | np.append(True, values[1:] != values[:-1])[: len(values)]
    place = np.arange(len(owner)) - (np.cumsum(n_shown) - n_shown)[owner]
    n_clicked = np.bincount(owner[clicks], minlength=len(n_shown))
    return _Shown(clicks, owner, place, np.cumsum(starts) - 1, n_shown, n_clicked)


def _checked(
    scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray]:
    values, clicks = (as_numbers(as_array(array, name), name) for array, name in ((scores, "scores"), (clicked, "clicked")))
    numbers = as_array(impressions, "impressions")
    if not values.ndim == clicks.ndim == numbers.ndim == 1 or not len(values) == len(clicks) == len(numbers):
        raise ValueError(
            "scores, clicked and impressions must have one entry for each shown item, got shapes "
            f"{values.shape}, {clicks.shape} and {numbers.shape}"
        )
    if numbers.dtype.kind not in "iu" and len(numbers):
        raise TypeError(f"impressions must hold integers, got dtype {numbers.dtype}")
    if np.isnan(values).any() or np.isnan(clicks).any():
        raise ValueError("scores and clicked must not be NaN; a score of minus infinity ranks below all others")
    other = clicks[(clicks != 0) & (clicks != 1)]
    if len(other):
        raise ValueError(f"clicked must hold 0 and 1 (or booleans), got {other[0]:g}: pass values >= threshold")
    shown = numbers != -1
    return values[shown].astype(np.float64), clicks[shown] != 0, numbers[shown]
