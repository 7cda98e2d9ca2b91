"""The interface of an index, and checks of its arguments."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skrec.retrieval._recall import RecallReport
from skrec.topk import RowPattern

_LARGEST = float(np.finfo(np.float32).max)


class VectorIndex(ABC):
    """Base of indexes. An object with the same methods may be passed to `BaseRecommender.build_index`, too."""

    @abstractmethod
    def build(self, vectors: ArrayLike, queries: ArrayLike | None = None, exclude: Any = None) -> Self:
        """Store vectors, replacing those of an earlier call.

        Parameters
        ----------
        vectors : array-like of shape (n_vectors, d)
            Finite numbers, which are stored as float32.
        queries : array-like of shape (n_queries, d), optional
            Examples of the queries to come.
        exclude : sparse matrix of shape (n_queries, n_vectors), optional
            Stored entries are vectors that an example must not find.

        Returns
        -------
        self
        """

    @abstractmethod
    def search(self, queries: ArrayLike, k: int, *, exclude: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the vectors with the largest inner products with each query, or most of them.

        Parameters
        ----------
        queries : array-like of shape (n_queries, d)
            Finite numbers.
        k : int
            Number of vectors of each query.
        exclude : sparse matrix of shape (n_queries, n_vectors), optional
            Stored entries are vectors that a query must not find.

        Returns
        -------
        positions : int64 array of shape (n_queries, k)
            Rows of ``vectors``, best first. Equal products are in the order of rows. Padded with -1 if fewer than k vectors are
            left.
        products : float32 array of shape (n_queries, k)
            Padded with NaN.
        """

    @abstractmethod
    def recall_report(self) -> RecallReport:
        """Return the share of the best vectors that a search finds.

        Returns
        -------
        RecallReport
        """


def read_vectors(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Finite vectors as a contiguous float32 array of shape (n, d)."""
    vectors = _as_vectors(values, name)
    if vectors.shape[1] == 0:
        raise ValueError(f"{name} must have at least one column, got shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} must be finite numbers, but some are NaN or infinite")
    return vectors


def read_queries(values: ArrayLike, width: int, length: float) -> NDArray[np.float32]:
    """Vectors of shape (n, width) whose products with vectors of the given length are numbers of float32."""
    queries = _as_vectors(values, "queries")
    if queries.shape[1] != width:
        raise ValueError(f"queries must have as many columns as the vectors, {width}, got shape {queries.shape}")
    if not are_products_finite(queries, length):
        raise ValueError("queries must be finite numbers whose products with the vectors are below 3.4e38")
    return queries


def _as_vectors(values: ArrayLike, name: str) -> NDArray[np.float32]:
    try:
        vectors = np.ascontiguousarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers of shape (n, d), got {type(values).__name__}") from error
    if vectors.ndim != 2:
        raise ValueError(f"{name} must be an array of shape (n, d), got shape {vectors.shape}")
    return vectors


def are_products_finite(queries: NDArray[np.float32], length: float) -> bool:
    """Whether queries are finite, and their products with vectors of the given length certainly are."""
    most = float(np.abs(queries).max(initial=0)) * queries.shape[1] ** 0.5  # NaN if a number is, which is not below anything
    return most * length < _LARGEST


def longest(vectors: NDArray[np.float32]) -> float:
    """Length of the longest vector, 0 if there is none."""
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64).max(initial=0)))


def read_exclude(exclude: Any, shape: tuple[int, int]) -> RowPattern | None:
    """The vectors that each query must not find."""
    if exclude is None:
        return None
    if not sp.issparse(exclude) or exclude.shape != shape:
        got = f"a sparse matrix of shape {exclude.shape}" if sp.issparse(exclude) else repr(type(exclude).__name__)
        raise ValueError(f"exclude must be None or a sparse matrix of shape {shape}, a row for each query, got {got}")
    return RowPattern.of(sp.csr_array(exclude))


def not_built(index: Any) -> ValueError:
    """An error for a search before `build`."""
    return ValueError(f"{type(index).__name__} has no vectors yet: call build(vectors) first")
