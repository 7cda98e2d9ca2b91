"""SLIM: each item predicted from the others by a sparse regression with nonnegative weights.

Other parameters are documented in `HistoryRecommender`.
"""

import warnings
from typing import ClassVar, NamedTuple

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from skrec._checks import check_int, check_n_jobs, check_number
from skrec._process import MutedWarning, progress_bar
from skrec._threads import n_threads
from skrec.base import ItemWeightsRecommender
from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.models._neighbors import largest
from skrec.persistence import Kind, Matrix

_PASSES = 10  # over the weights of an item, as a rough mean


class SLIMRecommender(ItemWeightsRecommender):
    """SLIM: a sparse linear model that predicts each item from a few other items.

    The weights w of item j minimize the objective of scikit-learn's ``ElasticNet``, ``|x_j - X w|**2 / (2 * n_users) +
    regularization * l1_ratio * |w|_1 + regularization * (1 - l1_ratio) / 2 * |w|**2``, subject to ``w >= 0`` and ``w_j = 0``.
    The score of an item is the sum of the weights of the user's items. New users need no training, and every recommendation can
    be explained.

    Parameters
    ----------
    regularization : float, default=0.1
        Penalty of the weights, L1 and L2 together.
    l1_ratio : float, default=0.01
        Share of the L1 penalty. Must be in (0, 1]. Larger values make weights sparser.
    n_neighbors : int, default=None
        Number of weights that are kept for each item, the largest ones. If None, all are kept.
    max_iter : int, default=1000
        Maximum number of passes of coordinate descent for each item.
    tol : float, default=1e-4
        Tolerance. The optimization of an item stops when its duality gap is below ``tol`` times the number of its users, as in
        scikit-learn.
    n_jobs : int, default=None
        Maximum number of threads. If None or -1, all that are available. Small data use fewer.
    verbose : int, default=0
        If above 0, show a progress bar.

    Attributes
    ----------
    item_weights_ : float32 CSR of shape (n_items_, n_items_)
        Column j holds the weights that predict item j. The diagonal is empty.

    Warns
    -----
    ConvergenceWarning
        By ``fit``, once, if the weights of some items did not converge within ``max_iter`` passes. They are used as they are.

    Notes
    -----
    A pass over the weights of an item takes twice the number of events of its candidates. Candidates are the items that share
    more than ``regularization * l1_ratio * n_users`` users with it. All others have a weight of exactly 0. On one core, 3,706
    items with a million events take nine minutes with ``regularization=0.08`` and almost no L1 penalty. 41,000 items with
    800,000 events take less than three. Memory is a few copies of the events, the events of the candidates for each thread, and
    12 bytes for each weight.

    References
    ----------
    Ning, Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011. ``n_neighbors``: Ferrari Dacrema et
    al., "A Troubling Analysis of Reproducibility and Progress in Recommender Systems Research", TOIS 2021.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import SLIMRecommender
    >>> model = SLIMRecommender().fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    regularization: float = 0.1
    l1_ratio: float = 0.01
    n_neighbors: int | None = None
    max_iter: int = 1000
    tol: float = 1e-4
    n_jobs: int | None = None
    verbose: int = 0

    _stored: ClassVar[dict[str, Kind]] = {"item_weights_": Matrix("float32", "items", "items")}

    def _check_parameters(self) -> None:
        check_number(self.regularization, "regularization", above=0)
        check_number(self.l1_ratio, "l1_ratio", above=0, at_most=1)
        check_int(self.n_neighbors, "n_neighbors", at_least=1, or_none=True)
        check_int(self.max_iter, "max_iter", at_least=1)
        check_number(self.tol, "tol", above=0)
        check_n_jobs(self.n_jobs)
        check_int(self.verbose, "verbose", at_least=0)

    def _fit(self, data: Interactions) -> None:
        rows = self._keep_rows(data).astype(np.float64)
        columns = _readable_columns(rows)
        items = progress_bar(range(rows.shape[1]), disable=not self.verbose)
        n_shared_pairs = float(np.sum(np.diff(rows.indptr).astype(float) ** 2))  # of items with a common user
        run = Parallel(n_jobs=n_threads(self.n_jobs, _PASSES * 2 * n_shared_pairs), require="sharedmem")
        found = run(delayed(self._weights_of)(item, rows, columns) for item in items)
        self._warn_if_not_converged(sum(not weights.converged for weights in found))
        self.item_weights_ = _as_columns(found)

    def _weights_of(self, item: int, rows: sp.csr_array, columns: sp.csc_array) -> "_Weights":
        n_users = rows.shape[0]
        candidates = _sharing_users(item, rows, columns, above=self.regularization * self.l1_ratio * n_users)
        if len(candidates) == 0:
            return _Weights(candidates, np.empty(0, np.float32), converged=True)
        target = columns[:, [item]].toarray().ravel()
        with _ItemNotConverged.muted:  # joblib runs this in another thread than fit
            _, path, gap = enet_path(
                columns[:, candidates],
                target,
                l1_ratio=self.l1_ratio,
                alphas=[self.regularization],
                precompute=False,
                positive=True,
                tol=self.tol,
                max_iter=self.max_iter,
                random_state=0,  # has no effect on the result, but avoids numpy's global generator
            )
        weights = path[:, 0].astype(np.float32)
        positive = np.flatnonzero(weights > 0)
        kept = positive[largest(weights[positive], positive, self.n_neighbors or len(positive))]
        converged = bool(gap[0] * n_users <= self.tol * target.sum())
        return _Weights(candidates[kept], weights[kept], converged)

    def _warn_if_not_converged(self, n_not_converged: int) -> None:
        if n_not_converged:
            warnings.warn(
                f"The weights of {n_not_converged} of {self.n_items_} items did not converge within "
                f"max_iter={self.max_iter} passes; increase max_iter, tol or regularization",
                ConvergenceWarning,
                stacklevel=depth_of_caller(),
            )


class _ItemNotConverged(MutedWarning):
    """scikit-learn's warning about one item. `fit` warns once for all items."""

    category = ConvergenceWarning


class _Weights(NamedTuple):
    """Weights of other items that predict one item."""

    items: NDArray[np.int64]
    values: NDArray[np.float32]
    converged: bool


def _sharing_users(item: int, rows: sp.csr_array, columns: sp.csc_array, *, above: float) -> NDArray[np.int64]:
    """The other items that share more than ``above`` users with an item.

    If ``above`` is the L1 penalty, all others have a weight of 0: since weights and entries are nonnegative, the gradient of a
    weight at 0 is at most the number of shared users.
    """
    users = columns.indices[columns.indptr[item] : columns.indptr[item + 1]]
    shared = np.bincount(rows[users].indices, minlength=rows.shape[1])
    shared[item] = 0
    return np.flatnonzero(shared > above)


def _readable_columns(rows: sp.csr_array) -> sp.csc_array:
    """CSC with int32 indices, as scikit-learn's solver requires."""
    columns = rows.tocsc()
    columns.indices, columns.indptr = columns.indices.astype(np.int32), columns.indptr.astype(np.int32)
    return columns


def _as_columns(found: list[_Weights]) -> sp.csr_array:
    """CSR matrix with the j-th weights in column j."""
    ends = np.cumsum([len(weights.items) for weights in found])
    items = np.concatenate([weights.items for weights in found])
    values = np.concatenate([weights.values for weights in found])
    return sp.csc_array((values, items, np.append(0, ends)), shape=(len(found), len(found))).tocsr()
