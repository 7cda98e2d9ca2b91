"""Approximate search by lists of similar vectors, with the library faiss."""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_int, check_number
from skrec._memory import blocks
from skrec._process import openmp_threads
from skrec._threads import map_in_threads, n_threads
from skrec.data._random import as_generator, check_seed
from skrec.retrieval._exact import ExactIndex
from skrec.retrieval._recall import RecallReport, probes_for, recall_by_probes
from skrec.retrieval._vectors import VectorIndex, longest, not_built, read_exclude, read_queries, read_vectors
from skrec.topk import RowPattern

_EPOCHS_OF_KMEANS, _VECTORS_OF_A_MEAN = 10, 64  # vectors of a sample that k-means is run on
_N_OWN_QUERIES = 2000  # drawn from the vectors if no queries are given
_HEIGHT = 128  # queries of a block
_BUILD_HEIGHT = 2**14  # vectors of a block
_BOUND = 2.0  # standard deviations of the products in a list, by which lists with the same mean differ


class IVFIndex(VectorIndex):
    """Approximate search by an inverted file of faiss, which looks only into the lists that are nearest to a query.

    k-means divides the vectors into lists. A search looks into the lists that are expected to hold the largest products, and
    compares the query with all their vectors. The expectation is the product with the mean of the list plus two standard
    deviations, as if the vectors of a list differed by the same amount in all directions. The number of lists is the smallest
    with the required recall. It is chosen when the index is built, by exact answers to example queries. Requires
    ``skrec[faiss]``.

    Parameters
    ----------
    recall : float, default=0.95
        Share of the k best vectors that a search must find, as a mean over queries. With 1.0, all vectors are compared.
    k : int, default=10
        Number of vectors of each query for which ``recall`` is required.
    n_lists : int, default=None
        Number of lists. If None, twice the square root of the number of vectors.
    random_state : int, Generator, RandomState or None, default=None
        Seed of k-means. Pass an int for reproducible results.

    Notes
    -----
    k-means takes about ``1300 * n_lists**2 * d`` operations, and the division of the vectors into lists ``2 * n_lists *
    n_vectors * d``. The search of a query takes ``2 * (n_lists + share_compared * n_vectors) * d``. The index takes the memory
    of the vectors.

    Graphs of neighbors (HNSW) on inner products are not offered. A few long vectors are the nearest neighbors of all others,
    so that a walk through the graph does not reach most vectors.

    References
    ----------
    Sivic and Zisserman, "Video Google: A Text Retrieval Approach to Object Matching in Videos", ICCV 2003. Douze et al., "The
    Faiss Library", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.retrieval import IVFIndex
    >>> vectors = np.random.default_rng(0).normal(size=(1000, 8))
    >>> index = IVFIndex(recall=0.9, random_state=0).build(vectors)
    >>> index.search(vectors[:2], k=1)[0].shape
    (2, 1)
    """

    def __init__(self, recall: float = 0.95, *, k: int = 10, n_lists: int | None = None, random_state: Any = None):
        self.recall = recall
        self.k = k
        self.n_lists = n_lists
        self.random_state = random_state
        self._index: Any = None

    def __repr__(self) -> str:
        return f"IVFIndex(recall={self.recall}, k={self.k}, n_lists={self.n_lists}, random_state={self.random_state!r})"

    def build(self, vectors: ArrayLike, queries: ArrayLike | None = None, exclude: Any = None) -> Self:
        """Store vectors, replacing those of an earlier call, and choose how many lists a search looks into.

        Parameters
        ----------
        vectors
            As for `VectorIndex.build`. At least one.
        queries : array-like of shape (n_queries, d), optional
            Examples of the queries to come, some hundreds or thousands. One half is used to choose the number of lists, the
            other half to measure the recall. If None, a sample of the vectors, for which other lists may be needed.
        exclude : sparse matrix of shape (n_queries, n_vectors), optional
            Stored entries are vectors that an example must not find.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If faiss is not installed.
        ValueError, TypeError
            If a parameter of the index is out of range or an argument has another shape.
        """
        check_number(self.recall, "recall", above=0, at_most=1)
        check_int(self.k, "k", at_least=1)
        check_int(self.n_lists, "n_lists", at_least=1, or_none=True)
        check_seed(self.random_state)
        items = read_vectors(vectors, "vectors")
        if not len(items):
            raise ValueError("vectors must have at least one row, got none")
        n_lists = min(round(2 * len(items) ** 0.5), len(items)) if self.n_lists is None else int(self.n_lists)
        if n_lists > len(items):
            raise ValueError(f"n_lists must be at most the number of vectors, {len(items)}, got {n_lists}")
        generator = as_generator(self.random_state)
        if queries is None:
            chosen = generator.choice(len(items), min(_N_OWN_QUERIES, len(items)), replace=False)
            examples = items[chosen]
        else:
            examples = read_queries(queries, items.shape[1], longest(items))
        read_exclude(exclude, (len(examples), len(items)))
        means = _means(items, n_lists, seed=int(generator.integers(2**31 - 1)))
        lists = _nearest(means, items)
        bounds = _with_column(means, _BOUND * _spread(items, means, lists) / items.shape[1] ** 0.5)
        self._index, self._longest = _inverted_file(items, bounds, lists), longest(items)
        self._report = self._tune(items, bounds, lists, examples, exclude)
        self._index.nprobe = self._report.n_probes
        return self

    def _tune(
        self,
        items: NDArray[np.float32],
        bounds: NDArray[np.float32],
        lists: NDArray[np.int64],
        queries: NDArray[np.float32],
        exclude: Any,
    ) -> RecallReport:
        """Choose the number of lists by every second query, and measure the recall of the others."""
        n_lists, k = len(bounds), int(self.k)
        best, _ = ExactIndex().build(items).search(queries, k, exclude=exclude)
        order = np.argsort(-(_with_length(queries) @ bounds.T), axis=1, kind="stable")
        recall = recall_by_probes(best, np.take_along_axis(np.argsort(order, axis=1), lists[best], axis=1), n_lists)
        used, held_out = (recall[::2], recall[1::2]) if len(recall) > 1 else (recall, recall)
        n_probes = probes_for(used, self.recall) if len(used) else n_lists
        n_compared = np.bincount(lists, minlength=n_lists)[order[:, :n_probes]].sum(axis=1)
        return RecallReport(
            recall=float(held_out[:, n_probes - 1].mean()) if len(held_out) else 1.0,
            required=float(self.recall),
            k=k,
            n_queries=len(held_out),
            n_lists=n_lists,
            n_probes=n_probes,
            share_compared=float(n_compared.mean() / len(items)) if len(queries) else 1.0,
        )

    def search(self, queries: ArrayLike, k: int, *, exclude: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find most of the vectors with the largest inner products with each query.

        Parameters
        ----------
        queries, k, exclude
            As for `VectorIndex.search`.

        Returns
        -------
        positions, products
            As for `VectorIndex.search`. Equal products are in the order of rows among the vectors that are found. If the lists
            of a query hold fewer than k vectors, all lists are searched.
        """
        if self._index is None:
            raise not_built(self)
        vectors = _with_length(read_queries(queries, self._index.d - 1, self._longest))
        k, n = check_int(k, "k", at_least=1), self._index.ntotal
        hidden = read_exclude(exclude, (len(vectors), n)) or RowPattern.empty(len(vectors))
        found, products = np.full((len(vectors), k), -1), np.full((len(vectors), k), np.nan, np.float32)
        search = partial(self._fill_lists, vectors, hidden, found, products)
        if len(vectors) == 1:
            search(np.zeros(1, np.int64))  # faiss starts no threads for one query
            return found, products
        order = np.argsort(hidden.ends - hidden.starts, kind="stable")  # similar numbers of hidden vectors go together
        work = 2.0 * vectors.size * (self._report.n_lists + self._report.share_compared * n)
        parts = (order[block] for block in blocks(len(vectors), _HEIGHT))
        map_in_threads(partial(_in_one_thread, search), parts, n_threads(None, work))
        return found, products

    def _fill_lists(
        self,
        queries: NDArray[np.float32],
        hidden: RowPattern,
        found: NDArray[np.int64],
        products: NDArray[np.float32],
        rows: NDArray[np.int64],
    ) -> None:
        """Write the best vectors of some of the queries into their lists. Those that are not full are searched again."""
        from skrec.retrieval._kernels import insert_visible

        k, n = found.shape[1], self._index.ntotal
        n_hidden = hidden.ends[rows] - hidden.starts[rows]
        n_wanted = min(k + int(n_hidden.max()), n)
        scores, candidates = self._index.search(queries[rows], n_wanted)
        if insert_visible(candidates, scores, *hidden, rows, found, products):
            return
        short = rows[(found[rows] >= 0).sum(axis=1) < np.minimum(k, n - n_hidden)]
        if len(short):
            everywhere = _faiss().SearchParametersIVF(nprobe=self._index.nlist)
            scores, candidates = self._index.search(queries[short], n_wanted, params=everywhere)
            found[short], products[short] = -1, np.nan
            insert_visible(candidates, scores, *hidden, short, found, products)

    def recall_report(self) -> RecallReport:
        """Return the recall that was measured when the index was built.

        Returns
        -------
        RecallReport
        """
        if self._index is None:
            raise not_built(self)
        return self._report

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        if self._index is not None:
            state["_index"] = _faiss().serialize_index(self._index)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self._index is not None:
            self._index = _faiss().deserialize_index(self._index)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise ImportError("IVFIndex needs the library faiss: pip install skrec[faiss]") from None
    return faiss


def _in_one_thread(function: Callable[[Any], None], part: Any) -> None:
    with openmp_threads(1):
        function(part)


def _means(vectors: NDArray[np.float32], n_lists: int, *, seed: int) -> NDArray[np.float32]:
    """Means of k-means. One thread, so that they do not depend on the number of threads."""
    faiss = _faiss()
    # with another minimum, faiss prints a warning for few vectors
    sample = {"min_points_per_centroid": 1, "max_points_per_centroid": _VECTORS_OF_A_MEAN}
    kmeans = faiss.Kmeans(vectors.shape[1], n_lists, niter=_EPOCHS_OF_KMEANS, seed=seed, **sample)
    with openmp_threads(1):
        kmeans.train(vectors)
    return kmeans.centroids


def _nearest(means: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The list (n_vectors,) with the nearest mean to each vector. By inner products most would be in lists with long means."""
    index, nearest = _faiss().IndexFlatL2(means.shape[1]), np.empty(len(vectors), np.int64)
    index.add(means)

    def find(block: slice) -> None:
        nearest[block] = index.search(vectors[block], 1)[1][:, 0]

    n = n_threads(None, 2.0 * means.size * len(vectors))
    map_in_threads(partial(_in_one_thread, find), blocks(len(vectors), _BUILD_HEIGHT), n)
    return nearest


def _spread(vectors: NDArray[np.float32], means: NDArray[np.float32], lists: NDArray[np.int64]) -> NDArray[np.float64]:
    """Root mean square distance (n_lists,) of the vectors of a list from their mean."""
    squares, sizes = np.zeros(len(means)), np.bincount(lists, minlength=len(means))
    for block in blocks(len(vectors), _BUILD_HEIGHT):
        differences = vectors[block] - means[lists[block]]
        squares += np.bincount(lists[block], np.einsum("ij,ij->i", differences, differences), minlength=len(means))
    return np.sqrt(squares / np.maximum(sizes, 1))


def _inverted_file(vectors: NDArray[np.float32], bounds: NDArray[np.float32], lists: NDArray[np.int64]) -> Any:
    """An index of faiss with given lists, which looks into those with the largest products of the query and the bound.

    Bounds, vectors and queries have another coordinate: the spread of a list, 0, and the length of a query.
    """
    faiss, width = _faiss(), bounds.shape[1]
    quantizer = faiss.IndexFlatIP(width)
    quantizer.add(bounds)
    index = faiss.IndexIVFFlat(quantizer, width, len(bounds), faiss.METRIC_INNER_PRODUCT)
    quantizer.this.disown()
    index.own_fields = True
    for block in blocks(len(vectors), _BUILD_HEIGHT):
        part, numbers = _with_column(vectors[block], 0), np.arange(block.start, block.stop)
        index.add_core(len(part), *map(faiss.swig_ptr, (part, numbers, lists[block])))
    return index


def _with_length(queries: NDArray[np.float32]) -> NDArray[np.float32]:
    return _with_column(queries, np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64)))


def _with_column(vectors: NDArray[np.float32], column: Any) -> NDArray[np.float32]:
    wider = np.empty((len(vectors), vectors.shape[1] + 1), np.float32)
    wider[:, :-1], wider[:, -1] = vectors, column
    return wider
