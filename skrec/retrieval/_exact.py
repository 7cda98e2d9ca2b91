"""Exact search."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int
from skrec.retrieval._recall import RecallReport
from skrec.retrieval._vectors import VectorIndex, longest, not_built, read_exclude, read_queries, read_vectors
from skrec.topk import Products, ProductSearch, as_they_are


class ExactIndex(VectorIndex):
    """Exact search that leaves out vectors that are too short to be among the best.

    Vectors are compared with a query in descending order of their length, until the k-th best product exceeds the product of
    the lengths of the query and the next vector. The more the lengths differ, the fewer vectors are compared.

    Examples
    --------
    >>> from skrec.retrieval import ExactIndex
    >>> index = ExactIndex().build([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    >>> index.search([[1.0, 0.0], [0.0, 1.0]], k=2)[0].tolist()
    [[2, 0], [2, 1]]
    """

    _search: ProductSearch | None = None

    def __repr__(self) -> str:
        return "ExactIndex()"

    def build(self, vectors: ArrayLike, queries: ArrayLike | None = None, exclude: Any = None) -> Self:
        """Store vectors, replacing those of an earlier call.

        Parameters
        ----------
        vectors
            As for `VectorIndex.build`.
        queries, exclude : ignored
            Not needed for an exact search, present for API consistency.

        Returns
        -------
        self
        """
        items = read_vectors(vectors, "vectors")
        search = ProductSearch(Products(items, as_they_are), np.arange(len(items)))
        self._shape, self._longest, self._search = items.shape, longest(items), search
        return self

    def search(self, queries: ArrayLike, k: int, *, exclude: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the vectors with the largest inner products with each query.

        Parameters
        ----------
        queries, k, exclude
            As for `VectorIndex.search`.

        Returns
        -------
        positions, products
            As for `VectorIndex.search`.

        Raises
        ------
        ValueError
            If an argument has another shape, or queries are not finite. If the index has not been built.
        """
        if self._search is None:
            raise not_built(self)
        vectors = read_queries(queries, self._shape[1], self._longest)
        check_int(k, "k", at_least=1)
        hidden = read_exclude(exclude, (len(vectors), self._shape[0]))
        found = self._search.best(vectors, int(k), hidden)
        assert found is not None  # products do not overflow
        return found

    def recall_report(self) -> RecallReport:
        """Return a recall of 1.

        Returns
        -------
        RecallReport
        """
        if self._search is None:
            raise not_built(self)
        return RecallReport(1.0, 1.0, None, 0, 1, 1, 1.0)
