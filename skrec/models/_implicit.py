"""What the models of the library implicit share."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from skrec.base._checks import check_int
from skrec.data import Interactions


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """One BLAS thread while implicit runs its own: more would fight, and it warns when it sees them."""
    with threadpool_limits(1, "blas"):
        yield


def confidences(events: Interactions) -> sp.csr_matrix:
    """The matrix of summed values, in the form that implicit reads without copying or warning."""
    matrix = sp.csr_matrix(events.to_csr(duplicates="sum"))
    matrix.indptr, matrix.indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    return matrix


def check_n_jobs(n_jobs: object) -> None:
    """A number of threads; -1 or None for all."""
    if n_jobs != -1:
        check_int(n_jobs, "n_jobs", at_least=1, or_none=True)


def check_finite(factors: np.ndarray, model: str) -> np.ndarray:
    """Factors as they are, if they are numbers."""
    if not np.isfinite(factors).all():
        raise ValueError(f"{model} diverged: its factors are not finite; raise regularization")
    return factors


def seed_of(random_state: object) -> int:
    """An integer for implicit, which accepts nothing else."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def writable(factors: np.ndarray) -> np.ndarray:
    """Factors that implicit accepts: it refuses read-only ones, such as joblib hands to its workers."""
    return np.require(factors, requirements="W")
