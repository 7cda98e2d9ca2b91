"""What the models of the library implicit share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec._process import SharedChange, no_monitor_of_bars, one_blas_thread
from skrec.base._divergence import divergence


@contextmanager
def _guard() -> Iterator[None]:
    with one_blas_thread(), no_monitor_of_bars():
        yield


implicit_guard = SharedChange(_guard)
"""What implicit needs while it works: one BLAS thread, since more would fight with its own, and it warns when it sees them; and
no monitor, a thread that its progress bar starts even if it is not shown."""


def for_implicit(matrix: sp.csr_array) -> sp.csr_matrix:
    """A matrix in the form that implicit reads without copying or warning."""
    matrix = sp.csr_matrix(matrix)
    matrix.indptr, matrix.indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    return matrix


@contextmanager
def finite_factors(solver: Any, estimator: Any, *, of_values: bool) -> Iterator[None]:
    """A block in which a solver learns: at its end its factors are finite, or the training has diverged."""
    from implicit.recommender_base import ModelFitError

    error = None
    try:
        with np.errstate(over="ignore"):
            yield
    except (ModelFitError, ValueError) as raised:  # NaN, or equations without a solution
        error = raised
    if error is not None or not (np.isfinite(solver.user_factors).all() and np.isfinite(solver.item_factors).all()):
        what = f"training diverged within {estimator.max_epochs} epochs: the factors are not finite"
        raise divergence(estimator, what, of_values=of_values) from error


def with_n_rows(factors: np.ndarray, n: int, row: np.ndarray | float) -> np.ndarray:
    """A copy with n rows, those beyond the given ones all alike."""
    longer = np.empty((n, factors.shape[1]), factors.dtype)
    longer[: len(factors)], longer[len(factors) :] = factors, row
    return longer


def writable(factors: np.ndarray) -> np.ndarray:
    """Factors that implicit accepts: it refuses read-only ones, such as joblib hands to its workers."""
    return np.require(factors, requirements="W")
