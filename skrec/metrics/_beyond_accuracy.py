"""Metrics of lists beside their accuracy: coverage, concentration, novelty, diversity, serendipity, popularity.

Lists are read as in `skrec.metrics.ndcg`: item codes, best first, padded with -1, of which the first k columns are used. A
repeated item in a list counts once. The functions return one number for each user, or one number for all lists together.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int
from skrec._memory import blocks, rows_per_block
from skrec.data._arrays import as_array, as_numbers
from skrec.data._features import read_features
from skrec.metrics._ranking import PerUser, gains_of, pattern_of, ratio, read_lists

_ENTRY_BYTES = 16  # a stored number of a sparse matrix and its column


def coverage(recommended: ArrayLike, n_items: int, *, k: int = 10) -> float:
    """Share of the catalog that is recommended to at least one user.

    The number of distinct items among the first k places of all lists, divided by ``n_items``. It depends on the number of
    lists: more users receive more items.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    n_items : int
        Number of items in the catalog.
    k : int, default=10
        Number of places that are evaluated.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If k or ``n_items`` is not a positive integer, or ``recommended`` has another shape or a code out of range.

    References
    ----------
    Ge, Delgado-Battenfeld, Jannach, "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity", RecSys 2010.

    Examples
    --------
    >>> coverage([[0, 1], [0, 2]], n_items=6)
    0.5
    """
    counts = _incidence(recommended, n_items, k).sum(axis=0)
    return float(np.count_nonzero(counts) / n_items)


def gini(recommended: ArrayLike, n_items: int, *, k: int = 10) -> float:
    """Gini index of how often the items of the catalog are recommended.

    The sum over the items, in ascending order of their share ``p_j`` of all recommendations, of ``(2 * j - n_items - 1) *
    p_j``, divided by ``n_items - 1``. It is 0 if all items are recommended equally often, and 1 if only one item is
    recommended.

    Parameters
    ----------
    recommended, n_items, k
        As for `coverage`, with the same errors. ``n_items`` must be at least 2.

    Returns
    -------
    float
        In [0, 1]. NaN if the lists are empty.

    References
    ----------
    Shani and Gunawardana, "Evaluating Recommendation Systems", in Recommender Systems Handbook, 2011.

    Examples
    --------
    >>> gini([[0, 1], [2, 3]], n_items=4), gini([[0], [0]], n_items=4)
    (0.0, 1.0)
    """
    check_int(n_items, "n_items", at_least=2)
    counts = np.sort(_incidence(recommended, n_items, k).sum(axis=0))
    if counts[-1] == 0:
        return float("nan")
    ranks = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float((ranks * counts).sum() / (counts.sum() * (n_items - 1)))


def novelty(recommended: ArrayLike, popularity: ArrayLike, *, k: int = 10) -> PerUser:
    """Mean self-information of the recommended items: ``-log2(popularity)``, in bits.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    popularity : array-like of float, shape (n_items,)
        Share of the users with an event of each item. Must be in (0, 1].
    k : int, default=10
        Number of places that are evaluated.

    Returns
    -------
    float64 array of shape (n_users,)
        At least 0. NaN for empty lists.

    Raises
    ------
    TypeError, ValueError
        If k is not a positive integer, ``popularity`` is out of range, or ``recommended`` has another shape or a code out of
        range.

    References
    ----------
    Zhou et al., "Solving the Apparent Diversity-Accuracy Dilemma of Recommender Systems", PNAS 2010. Vargas and Castells, "Rank
    and Relevance in Novelty and Diversity Metrics for Recommender Systems", RecSys 2011.

    Examples
    --------
    >>> novelty([[0, 1], [1, 2]], [0.5, 0.25, 0.125]).tolist()
    [1.5, 2.5]
    """
    shares = _read_popularity(popularity)
    if not ((shares > 0) & (shares <= 1)).all():
        raise ValueError(f"popularity must hold shares above 0 and at most 1, got {shares.min():g} to {shares.max():g}")
    return _mean_of_items(_incidence(recommended, len(shares), k), -np.log2(shares))


def diversity(recommended: ArrayLike, item_features: Any, *, k: int = 10) -> PerUser:
    """Mean distance of the recommended items: ``1 - cosine`` of their features, over all pairs in the list.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    item_features : array or sparse matrix of shape (n_items, n_features)
        Features of each item, such as genres or an embedding. The cosine of an item without any feature above or below 0 and
        any other item is 0.
    k : int, default=10
        Number of places that are evaluated.

    Returns
    -------
    float64 array of shape (n_users,)
        In [0, 1] for features of at least 0, and in [0, 2] otherwise. NaN for lists with fewer than two items.

    Raises
    ------
    TypeError, ValueError
        If k is not a positive integer, ``item_features`` is not a matrix of finite numbers, or ``recommended`` has another
        shape or a code out of range.

    Notes
    -----
    The pairs are not enumerated: the sum of their cosines follows from the length of the sum of the scaled features.
    With 30,000 lists of 20 items and the users of each item as features it takes 7 s.

    References
    ----------
    Smyth and McClave, "Similarity vs. Diversity", ICCBR 2001. Ziegler et al., "Improving Recommendation Lists Through Topic
    Diversification", WWW 2005: 1 minus half of their intra-list similarity is the same order.

    Examples
    --------
    >>> diversity([[0, 1], [0, 2]], [[1, 0], [0, 1], [1, 0]]).tolist()
    [1.0, 0.0]
    """
    if not sp.issparse(item_features):
        item_features = as_array(item_features, "item_features")
    n_items = item_features.shape[0] if item_features.ndim == 2 else 0
    unit, has_features = unit_rows(read_features(item_features, n_items, "item"))
    lists = _incidence(recommended, n_items, k)
    n_listed, n_with_features = lists.sum(axis=1), lists @ has_features
    cosines = np.empty(lists.shape[0])
    n_entries = (lists @ np.diff(unit.indptr)).mean() if len(cosines) else 0  # of a sum, at most
    for rows in blocks(lists.shape[0], rows_per_block(int(_ENTRY_BYTES * (1 + n_entries)))):
        sums = lists[rows] @ unit
        cosines[rows] = sums.multiply(sums).sum(axis=1) - n_with_features[rows]
    n_pairs = n_listed * (n_listed - 1)
    return ratio(np.maximum(n_pairs - cosines, 0), n_pairs)


def serendipity(recommended: ArrayLike, relevant: Any, expected: ArrayLike, *, k: int = 10) -> PerUser:
    """Share of the first k places with a relevant item that a simple model would not have recommended.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    relevant : sparse matrix or array of shape (n_users, n_items)
        1 (or True) for relevant items, and 0 otherwise.
    expected : array-like of int, shape (n_users, length)
        Lists of the simple model, such as the most popular items. Only the first k columns are used.
    k : int, default=10
        Number of places that are evaluated.

    Returns
    -------
    float64 array of shape (n_users,)
        At most the precision. NaN for users without relevant items.

    Raises
    ------
    TypeError, ValueError
        As for `recall`.

    References
    ----------
    Ge, Delgado-Battenfeld, Jannach, "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity", RecSys 2010.

    Examples
    --------
    >>> serendipity([[0, 3]], [[1, 0, 0, 1]], expected=[[0, 1]], k=2).tolist()
    [0.5]
    """
    pattern = pattern_of(relevant)
    lists, simple = (_incidence(given, pattern.shape[1], k, n_users=pattern.shape[0]) for given in (recommended, expected))
    return unexpected_hits(lists - lists.multiply(simple), pattern, k)


def popularity_lift(recommended: ArrayLike, histories: Any, popularity: ArrayLike, *, k: int = 10) -> float:
    """Popularity of the recommended items relative to that of the users' histories, minus 1.

    The mean over users of the mean popularity of the items in a list, divided by the mean over users of the mean popularity of
    the items in a history, minus 1. It is 0 if users receive items as popular as those that they choose, and above 0 if a model
    amplifies popularity. Users with an empty list or history are left out.

    Parameters
    ----------
    recommended : array-like of int, shape (n_users, length)
        Item codes, best first, padded with -1.
    histories : sparse matrix or array of shape (n_users, n_items)
        Above 0 for the items in the history of each user, and 0 otherwise.
    popularity : array-like of float, shape (n_items,)
        Number or share of the users with an event of each item. Must not be negative.
    k : int, default=10
        Number of places that are evaluated.

    Returns
    -------
    float
        At least -1. NaN if no user is left, or all items of all histories have a popularity of 0.

    Raises
    ------
    TypeError, ValueError
        If k is not a positive integer, the shapes do not match, a code is out of range, or a popularity is negative or not
        finite.

    References
    ----------
    Abdollahpouri, Mansoury, Burke, Mobasher, "The Unfairness of Popularity Bias in Recommendation", RMSE workshop at RecSys
    2019, where it is called the change of the group average popularity.

    Examples
    --------
    >>> popularity_lift([[0], [0]], [[0, 1], [1, 1]], [30, 10])  # lists of 30, histories of 10 and 20
    1.0
    """
    counts, owned = _read_popularity(popularity), pattern_of(gains_of(histories) > 0)
    if counts.shape[0] != owned.shape[1]:
        raise ValueError(f"histories must have {len(counts)} columns, one for each popularity, got shape {owned.shape}")
    lists = _incidence(recommended, len(counts), k, n_users=owned.shape[0])
    lifts = lift_of_users(lists, owned, counts)
    defined = ~np.isnan(lifts[0])
    total = lifts[1][defined].sum()
    return float((lifts[0][defined] * lifts[1][defined]).sum() / total) if total > 0 else float("nan")


def lift_of_users(lists: sp.csr_array, histories: sp.csr_array, popularity: NDArray) -> tuple[PerUser, PerUser]:
    """Popularity lift of each user, NaN if undefined, and the mean popularity of the history, by which it is weighted."""
    listed, owned = _mean_of_items(lists, popularity), _mean_of_items(histories, popularity)
    return ratio(listed, np.nan_to_num(owned)) - 1, owned


def unexpected_hits(unexpected: sp.csr_array, relevant: sp.csr_array, k: int) -> PerUser:
    """Share of k places with an item that is unexpected and relevant."""
    hits = sp.csr_array(unexpected).multiply(relevant).sum(axis=1)
    return ratio(hits, np.where(np.diff(relevant.indptr) > 0, float(k), 0))


def unit_rows(features: Any) -> tuple[sp.csr_array, NDArray[np.float64]]:
    """Rows scaled to length 1 as CSR, and 1 for each row that is not zero."""
    rows = sp.csr_array(features, dtype=np.float64)
    largest = abs(rows).max(axis=1).toarray().ravel()  # squares of very small numbers would be 0
    rows = sp.diags_array(1 / np.where(largest > 0, largest, 1)) @ rows
    lengths = np.sqrt(rows.multiply(rows).sum(axis=1))
    return sp.csr_array(sp.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ rows), (lengths > 0).astype(np.float64)


def _incidence(recommended: ArrayLike, n_items: int, k: int, *, n_users: int | None = None) -> sp.csr_array:
    """Ones at the items among the first k places of each list, (n_users, n_items)."""
    n_items = check_int(n_items, "n_items", at_least=1)
    lists = read_lists(recommended, check_int(k, "k", at_least=1), n_items, n_users=n_users)
    return incidence(lists, n_items)


def incidence(lists: NDArray[np.int64], n_items: int) -> sp.csr_array:
    """Ones at the items of each list, (n_users, n_items)."""
    rows, places = np.nonzero(lists >= 0)
    pairs = np.unique(rows * n_items + lists[rows, places])
    rows, columns = np.divmod(pairs, n_items)
    return sp.csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(lists), n_items))


def _mean_of_items(lists: sp.csr_array, values: NDArray[np.float64]) -> PerUser:
    """Mean value of the items of each row, NaN without items."""
    return ratio(lists @ values, np.diff(lists.indptr))


def _read_popularity(popularity: ArrayLike) -> NDArray[np.float64]:
    numbers = as_numbers(as_array(popularity, "popularity"), "popularity").astype(np.float64)
    if numbers.ndim != 1 or not ((numbers >= 0) & (numbers < np.inf)).all():
        raise ValueError(f"popularity must be one finite number of at least 0 for each item, got shape {numbers.shape}")
    return numbers
