"""How well what was clicked stands among what was shown with it: one float64 per impression, from plain arrays.

All three read the same arrays, an entry for each item that was shown: its score, whether it was clicked, and the number of
its impression, in any order. Only the order within an impression counts. The answers are in ascending order of the
impressions' numbers; one without a click, or with nothing but clicks, says nothing about order and gets NaN, so that a mean
is taken over the others (``np.nanmean``).

Equal scores are in no order, so an item counts for the mean of the places that it shares with others (McSherry and Najork
2008): the value is that of the average over all orders of the ties. The order of the rows never matters, and a model that
scores everything alike gets what chance would give. MIND's own ``evaluate.py`` does the same for the AUC; its other metrics
take ties as ``numpy.argsort`` happens to leave them. Without ties all numbers are MIND's.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int
from skrec.data._arrays import as_array, as_numbers

PerImpression = NDArray[np.float64]


def impression_auc(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> PerImpression:
    """Probability that a clicked item is scored above one that was shown beside it and not clicked, ties counting one half.

    Parameters
    ----------
    scores : array-like of float, shape (n_shown,)
        Of each item that was shown; minus infinity is below everything.
    clicked : array-like of shape (n_shown,)
        1 (or True) where the item was clicked, else 0.
    impressions : array-like of int, shape (n_shown,)
        Items with one number were shown together. Those with -1 were in no impression and are left out.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In [0, 1], in ascending order of the impressions' numbers; NaN where all or none were clicked.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of one length, a number of an impression is no integer, a score is NaN, or clicked holds other
        values than 0 and 1.

    Notes
    -----
    Sorts once: O(n_shown * log(n_shown)), as do the others.

    References
    ----------
    Wu et al., "MIND: A Large-scale Dataset for News Recommendation", ACL 2020.

    Examples
    --------
    >>> impression_auc([0.9, 0.5, 0.1, 0.3, 0.3], [0, 1, 0, 1, 0], [1, 1, 1, 2, 2]).tolist()
    [0.5, 0.5]
    """
    shown = _in_order(scores, clicked, impressions)
    places = np.arange(shown.longest, dtype=np.float64)
    not_above = shown.sum_over_clicked(shown.n_shown[shown.owner] - 1 - shown.mean_of(places))
    pairs_of_clicked = shown.n_clicked * (shown.n_clicked - 1) / 2
    return shown.ratio(not_above - pairs_of_clicked, shown.n_clicked * (shown.n_shown - shown.n_clicked))


def impression_mrr(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> PerImpression:
    """Mean over the clicked items of ``1 / place``: MIND's MRR, which looks at all clicks and not only at the first.

    Parameters
    ----------
    scores, clicked, impressions
        As in `impression_auc`.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In (0, 1]; NaN where all or none were clicked. An impression with several clicks cannot reach 1.

    Examples
    --------
    >>> impression_mrr([0.9, 0.5, 0.1], [0, 1, 1], [7, 7, 7]).round(4).tolist()
    [0.4167]
    """
    shown = _in_order(scores, clicked, impressions)
    return shown.ratio(shown.sum_over_clicked(shown.mean_of(1 / np.arange(1, shown.longest + 1))), shown.n_clicked)


def impression_ndcg(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike, *, k: int = 10) -> PerImpression:
    """Normalised discounted cumulative gain of the first k places of each impression.

    The sum of ``1 / log2(place + 1)`` over the clicked items on places 1 to k, divided by the same sum for
    ``min(k, n_clicked)`` clicks on the first places. MIND's gain, ``2**click - 1``, is one for a click.

    Parameters
    ----------
    scores, clicked, impressions
        As in `impression_auc`.
    k : int, default=10
        May exceed the length of an impression.

    Returns
    -------
    float64 array of shape (n_impressions,)
        In [0, 1]; NaN where all or none were clicked.

    Raises
    ------
    TypeError, ValueError
        As in `impression_auc`, or if k is not an integer from 1.

    Examples
    --------
    >>> impression_ndcg([0.9, 0.5, 0.1], [0, 1, 1], [7, 7, 7], k=2).round(4).tolist()
    [0.3869]
    """
    k, shown = check_int(k, "k", at_least=1), _in_order(scores, clicked, impressions)
    discount = 1 / np.log2(np.arange(2, shown.longest + 2))
    discount[k:] = 0
    best = np.append(0, np.cumsum(discount))[shown.n_clicked]
    # a mean of several discounts may be rounded up
    return np.minimum(shown.ratio(shown.sum_over_clicked(shown.mean_of(discount)), best), 1)


class _Shown(NamedTuple):
    """What was shown, by impression, best first.

    Attributes
    ----------
    clicked : bool array of shape (n_shown,)
    owner : int64 array of shape (n_shown,)
        The impression of each item, counted from 0.
    place : int64 array of shape (n_shown,)
        Of each item in its impression, counted from 0.
    ties : int64 array of shape (n_shown,)
        Number of the run of equal scores that the item is in.
    n_shown, n_clicked : int64 arrays of shape (n_impressions,)
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

    def mean_of(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each item what its place is worth, the mean over the places of equal scores."""
        totals = np.bincount(self.ties, weights=worth[self.place])
        return (totals / np.bincount(self.ties))[self.ties]

    def sum_over_clicked(self, values: NDArray[np.float64]) -> PerImpression:
        sums = np.bincount(self.owner, weights=np.where(self.clicked, values, 0), minlength=len(self.n_shown))
        return np.asarray(sums, np.float64)

    def ratio(self, numerator: NDArray, denominator: NDArray) -> PerImpression:
        """The quotient, NaN where all or none of an impression were clicked."""
        says_something = (self.n_clicked > 0) & (self.n_clicked < self.n_shown)
        return np.divide(numerator, denominator, out=np.full(len(self.n_shown), np.nan), where=says_something)


def _in_order(scores: ArrayLike, clicked: ArrayLike, impressions: ArrayLike) -> _Shown:
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
            "scores, clicked and impressions must have one entry for each item that was shown, got shapes "
            f"{values.shape}, {clicks.shape} and {numbers.shape}"
        )
    if numbers.dtype.kind not in "iu" and len(numbers):
        raise TypeError(f"impressions must hold integers, got dtype {numbers.dtype}")
    if np.isnan(values).any() or np.isnan(clicks).any():
        raise ValueError("scores and clicked must not be NaN; a score of minus infinity is below everything")
    other = clicks[(clicks != 0) & (clicks != 1)]
    if len(other):
        raise ValueError(f"clicked must hold 0 and 1 (or booleans), got {other[0]:g}: pass values >= threshold")
    shown = numbers != -1
    return values[shown].astype(np.float64), clicks[shown] != 0, numbers[shown]
