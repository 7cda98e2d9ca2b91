"""Parameters, weighting and search that the models of nearest neighbors share."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag, check_int, check_number
from skrec._memory import blocks, rows_per_block
from skrec.base._counts import with_index_of
from skrec.base._parameters import DeclaredParameters, Needs

Weighting = Literal["tfidf", "bm25"] | None

# the parameters k1 and b of BM25
_K1, _B = 1.2, 0.75
_SIMILARITY_BYTES = 32  # memory of an entry of a sparse product in float64, including sorting


class NeighborParameters(DeclaredParameters):
    """Parameters of the search for nearest neighbors.

    Parameters
    ----------
    n_neighbors : int, default=100
        Number of nearest neighbors. Ties are broken by position.
    weighting : {"tfidf", "bm25"} or None, default=None
        Weights of the pairs of a user and an item in the search, where items are documents and their users are words. If None,
        all weights are 1. "tfidf": ``ln(n_items / (1 + count))``, which is smaller for users with many items. "bm25" (k1 = 1.2,
        b = 0.75): also smaller for items with many users.
    normalize : bool, default=True
        If True, the similarity is the cosine with shrinkage, ``x . y / (|x| |y| + shrinkage)``. If False, it is the dot product
        ``x . y``, which is the number of common users (or items) without weighting.
    asymmetry : float, default=0.0
        Must be in [-1, 1]. ``|x| |y|`` is replaced by ``|x|**(1 - asymmetry) * |y|**(1 + asymmetry)``, where x is the vector
        that neighbors are searched for, and y a neighbor. Values above 0 increase the similarities of vectors x with a large
        norm, such as popular items. With 1 and without weighting, the similarity is the share of y's users (or items) that x
        has too. Not used if ``normalize`` is False.
    shrinkage : float, default=50.0
        Added to the product of the norms, so that pairs with few common entries are less similar. Without shrinkage, two items
        with a single common user and no others have a similarity of 1. Norms are several times as large with a weighting. Not
        used if ``normalize`` is False.
    """

    n_neighbors: int = 100
    weighting: Weighting = None
    normalize: bool = True
    asymmetry: float = 0.0
    shrinkage: float = 50.0

    _needs: ClassVar[dict[str, Needs]] = {
        "asymmetry": Needs(lambda model: model.normalize, "normalize=True"),
        "shrinkage": Needs(lambda model: model.normalize, "normalize=True"),
    }

    def _check_parameters(self) -> None:
        check_int(self.n_neighbors, "n_neighbors", at_least=1)
        check_choice(self.weighting, "weighting", (None, "tfidf", "bm25"))
        check_flag(self.normalize, "normalize")
        check_number(self.asymmetry, "asymmetry", at_least=-1, at_most=1)
        check_number(self.shrinkage, "shrinkage", at_least=0)

    def _nearest(self, queries: sp.csr_array, vectors: sp.csr_array, own: NDArray[np.int64] | None = None) -> sp.csr_array:
        """Similarities (n_queries, n_vectors), float32, of the nearest vectors of each query with a product above 0.

        Ties are broken by position. ``own`` holds the positions of the queries among the vectors. A query is not its own
        neighbor.
        """
        similarities = self._similarities(queries, vectors, self.asymmetry, own)
        return stacked([_largest_of_rows(block, self.n_neighbors) for block in similarities], vectors.shape[0])

    def _similarities(
        self, queries: sp.csr_array, vectors: sp.csr_array, asymmetry: float, own: NDArray[np.int64] | None = None
    ) -> Iterator[sp.csr_array]:
        """Blocks (n_queries_of_block, n_vectors) of the similarities of all queries, float32."""
        transposed = vectors.T.tocsr()
        of_queries, of_vectors = euclidean_lengths(queries) ** (1 - asymmetry), euclidean_lengths(vectors) ** (1 + asymmetry)
        for block in blocks(queries.shape[0], rows_per_block(_SIMILARITY_BYTES * vectors.shape[0])):
            similarities = queries[block] @ transposed
            rows = np.repeat(np.arange(block.start, block.stop), np.diff(similarities.indptr))
            if own is not None:
                similarities.data[similarities.indices == own[rows]] = 0
            if self.normalize:
                lengths = of_queries[rows] * of_vectors[similarities.indices]
                # a vector of zeros, which weights of 0 can cause, is not similar to any other
                lengths[lengths == 0] = 1
                similarities.data /= lengths + self.shrinkage
            # float32 makes values equal that differ by rounding only; `astype` of the matrix would sort all columns
            similarities.data = similarities.data.astype(np.float32)
            yield similarities


def weights_of_users(rows: sp.csr_array, weighting: Weighting) -> NDArray[np.float64]:
    """Inverse document frequencies of users: smaller for users with more items."""
    if weighting is None:
        return np.ones(rows.shape[0])
    return np.log(rows.shape[1] / (1 + np.diff(rows.indptr)))


def weights_of_items(rows: sp.csr_array, weighting: Weighting) -> NDArray[np.float64]:
    """Weights of items: with "bm25" smaller for items with more users."""
    if weighting != "bm25":
        return np.ones(rows.shape[1])
    lengths = np.bincount(rows.indices, minlength=rows.shape[1])
    return (_K1 + 1) / (_K1 * (1 - _B + _B * lengths / lengths.mean()) + 1)


def weighted(rows: sp.csr_array, of_users: NDArray, of_items: NDArray) -> sp.csr_array:
    """Rows of ones with the product of both weights at each pair."""
    values = np.repeat(of_users, np.diff(rows.indptr)) * of_items[rows.indices]
    return with_index_of(sp.csr_array((values, rows.indices, rows.indptr), shape=rows.shape), rows)


def stacked(blocks: list[sp.csr_array], width: int) -> sp.csr_array:
    """All rows of the blocks. The list may be empty."""
    return sp.vstack([sp.csr_array((0, width), dtype=np.float32), *blocks], format="csr")


def euclidean_lengths(vectors: sp.csr_array) -> NDArray[np.float64]:
    return np.sqrt(vectors.multiply(vectors).sum(axis=1))


def _largest_of_rows(matrix: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest positive entries of each row. Ties are broken by column."""
    kept = []
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:]):
        positions = start + np.flatnonzero(matrix.data[start:stop] > 0)
        kept.append(positions[largest(matrix.data[positions], matrix.indices[positions], k)])
    indptr = np.concatenate([[0], np.cumsum([len(positions) for positions in kept])])
    positions = np.concatenate(kept)
    kept_entries = sp.csr_array((matrix.data[positions], matrix.indices[positions], indptr), shape=matrix.shape)
    kept_entries.sort_indices()
    return kept_entries


def largest(values: NDArray, columns: NDArray, k: int) -> NDArray[np.int64]:
    """Positions of the k largest values. Ties are broken by the lowest column."""
    if len(values) <= k:
        return np.arange(len(values))
    least = np.partition(values, -k)[-k]
    above, tied = np.flatnonzero(values > least), np.flatnonzero(values == least)
    by_column = tied[np.argsort(columns[tied])]
    return np.concatenate([above, by_column[: k - len(above)]])
