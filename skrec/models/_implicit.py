"""Helpers for models of the library implicit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec._process import SharedChange, no_progress_monitor
from skrec._threads import single_threaded_blas
from skrec.base._divergence import divergence

_no_monitor = SharedChange(no_progress_monitor)


@contextmanager
def implicit_guard() -> Iterator[None]:
    """Limit BLAS to one thread, since implicit has its own threads and warns about more.

    Its progress bar starts a monitor thread even if it is not shown, which is suppressed.
    """
    with single_threaded_blas, _no_monitor:
        yield


def for_implicit(matrix: sp.csr_array) -> sp.csr_matrix:
    """A CSR matrix with int32 indices, which implicit reads without a copy or a warning. It refuses read-only arrays."""
    matrix = sp.csr_matrix(matrix)
    for name, dtype in {"indptr": np.int32, "indices": np.int32, "data": None}.items():
        setattr(matrix, name, np.require(getattr(matrix, name), dtype, "W"))
    return matrix


@contextmanager
def finite_factors(solver: Any, estimator: Any, *, of_values: bool) -> Iterator[None]:
    """Raise ValueError if the factors of a solver are not finite at the end of the block."""
    from implicit.recommender_base import ModelFitError

    error = None
    try:
        with np.errstate(over="ignore"):
            yield
    except (ModelFitError, ValueError) as raised:  # NaN, or equations without a solution
        error = raised
    if error is not None or not (np.isfinite(solver.user_factors).all() and np.isfinite(solver.item_factors).all()):
        n_epochs = getattr(estimator, "max_epochs_", estimator.max_epochs)
        what = f"training diverged within {n_epochs} epochs: the factors are not finite"
        raise divergence(estimator, what, of_values=of_values) from error


def with_n_rows(factors: np.ndarray, n: int, row: np.ndarray | float) -> np.ndarray:
    """A copy with n rows. Additional rows are all equal to ``row``."""
    longer = np.empty((n, factors.shape[1]), factors.dtype)
    longer[: len(factors)], longer[len(factors) :] = factors, row
    return longer


def writable(factors: np.ndarray) -> np.ndarray:
    """A writable array. The library implicit rejects read-only ones, such as those joblib passes to its workers."""
    return np.require(factors, requirements="W")
