"""How many of the best vectors a search finds, and the number of lists that it must look into."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STANDARD_ERRORS = 2.0  # by which the estimated recall must exceed the required one


@dataclass(frozen=True)
class RecallReport:
    """How well an index finds the best vectors.

    Parameters
    ----------
    recall : float
        Share of the k best vectors that a search finds, as a mean over queries that were not used to choose ``n_probes``.
    required : float
        The recall that was asked for.
    k : int or None
        Number of vectors of each query. None if the recall is the same for all.
    n_queries : int
        Number of queries that ``recall`` is a mean of. 0 if it is known without a measurement.
    n_lists, n_probes : int
        Number of lists of vectors, and the number of them that a search looks into.
    share_compared : float
        Mean share of the vectors that a query is compared with. 1.0 if it was not measured.
    """

    recall: float
    required: float
    k: int | None
    n_queries: int
    n_lists: int
    n_probes: int
    share_compared: float


def recall_by_probes(best: NDArray[np.int64], ranks: NDArray[np.int64], n_lists: int) -> NDArray[np.float64]:
    """The recall of each query for each number of lists that a search looks into.

    Parameters
    ----------
    best : int64 array of shape (n_queries, k)
        The best vectors, padded with -1. Queries without any have a recall of 1.
    ranks : int64 array of shape (n_queries, k)
        Place of the list of each of these vectors in the order in which the query looks into lists.
    n_lists : int

    Returns
    -------
    float64 array of shape (n_queries, n_lists)
        Column p - 1 is for p lists.
    """
    found = np.zeros((len(best), n_lists))
    queries, places = np.nonzero(best >= 0)
    np.add.at(found, (queries, ranks[queries, places]), 1)
    n_best = np.count_nonzero(best >= 0, axis=1)[:, None]
    return np.where(n_best > 0, np.cumsum(found, axis=1) / np.maximum(n_best, 1), 1.0)


def probes_for(recall: NDArray[np.float64], required: float) -> int:
    """The least number of lists with the required recall, by the recall (n_queries, n_lists) of some queries.

    The mean must exceed the required recall by two standard errors. All lists are needed for a recall of 1.
    """
    n_queries, n_lists = recall.shape
    errors = recall.std(axis=0) / np.sqrt(n_queries)
    is_enough = recall.mean(axis=0) - _STANDARD_ERRORS * errors >= required
    return n_lists if required == 1 or not is_enough.any() else int(np.argmax(is_enough)) + 1
