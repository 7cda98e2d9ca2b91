"""What the models of the library implicit share."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """One BLAS thread while implicit runs its own: more would fight, and it warns when it sees them."""
    with threadpool_limits(1, "blas"):
        yield


def for_implicit(matrix: sp.csr_array) -> sp.csr_matrix:
    """A matrix in the form that implicit reads without copying or warning."""
    matrix = sp.csr_matrix(matrix)
    matrix.indptr, matrix.indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    return matrix


def check_finite(factors: np.ndarray, model: str) -> np.ndarray:
    """Factors as they are, if they are numbers."""
    if not np.isfinite(factors).all():
        raise ValueError(f"{model} diverged: its factors are not finite; raise regularization")
    return factors


def lengthened(factors: np.ndarray, n: int, row: np.ndarray | float) -> np.ndarray:
    """A copy with n rows, those beyond the given ones all alike."""
    longer = np.empty((n, factors.shape[1]), factors.dtype)
    longer[: len(factors)], longer[len(factors) :] = factors, row
    return longer


def writable(factors: np.ndarray) -> np.ndarray:
    """Factors that implicit accepts: it refuses read-only ones, such as joblib hands to its workers."""
    return np.require(factors, requirements="W")
