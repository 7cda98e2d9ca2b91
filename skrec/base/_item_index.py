"""Indexes of the items of a fitted model, by which `recommend` finds the best items without computing all scores."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._memory import blocks, rows_per_block
from skrec.base._allowed import Allowed
from skrec.base._prepared import prepared
from skrec.retrieval import ExactIndex, IVFIndex, RecallReport, VectorIndex
from skrec.retrieval._vectors import are_products_finite, longest
from skrec.topk import Products, RowPattern

_NAMES: dict[str, Callable[[], VectorIndex]] = {"exact": ExactIndex, "ivf": IVFIndex}
_METHODS = ("build", "search", "recall_report")
_N_EXAMPLES = 2000  # users for whom an index is tuned
_EXCLUSION_BYTES = 32  # of an item that is excluded for a user


def build_index(self: Any, index: Literal["exact", "ivf"] | VectorIndex = "exact") -> "ItemIndex":
    """Build an index of the items, for ``recommend(index=)``.

    Parameters
    ----------
    index : {"exact", "ivf"} or VectorIndex, default="exact"
        "exact" is `ExactIndex`, which leaves out items that are certainly not among the best. "ivf" is `IVFIndex`, which finds
        a share of the best items and requires ``skrec[faiss]``. An object, such as ``IVFIndex(recall=0.99)``, is copied. It is
        tuned for users of the training data, without the items that they have seen.

    Returns
    -------
    ItemIndex
        It is for this fit of the model, and its pickles and copies.

    Raises
    ------
    NotImplementedError
        If scores are not products of vectors of users and items, or the model is on a GPU.
    ValueError, TypeError
        If ``index`` is none of these.
    """
    check_is_fitted(self)
    chosen: Any = _NAMES[index]() if isinstance(index, str) and index in _NAMES else copy.copy(index)
    if isinstance(chosen, type) or not all(callable(getattr(chosen, name, None)) for name in _METHODS):
        error = ValueError if isinstance(index, str) else TypeError
        raise error(f"index must be 'exact', 'ivf' or an object with the methods {', '.join(_METHODS)}, got {index!r}")
    products, items = _products(self), np.flatnonzero(self._familiar_items)
    biases, has_biases = products.biases, products.biases is not None
    vectors = products.items if biases is None else np.column_stack([products.items, biases])
    vectors = vectors if len(items) == len(vectors) else vectors[items]
    users = np.flatnonzero(self._familiar_users(np.arange(self.n_users_)))
    users = users[np.unique(np.linspace(0, len(users) - 1, min(len(users), _N_EXAMPLES)).astype(int))]
    examples = _vectors(products, self._known_state(users), has_biases=has_biases)
    built = chosen.build(vectors, examples, sp.csr_array(self.seen_)[users][:, items])
    return ItemIndex(built, items, has_biases, longest(vectors), prepared(self, _fingerprint))


@dataclass(frozen=True, eq=False, repr=False)
class ItemIndex:
    """An index of the items of a fitted model, made by `BaseRecommender.build_index`.

    Attributes
    ----------
    vectors : VectorIndex
        Index of the vectors of items. A bias is one more coordinate.
    items : int64 array of shape (n_vectors,)
        Codes of the items. Items that are not in ``known_items_`` are not in the index.
    has_biases : bool
        Whether the vectors have a bias as the last coordinate.
    longest : float
        Length of the longest vector.
    fingerprint : bytes
        Checksum of the vectors of the model.
    """

    vectors: VectorIndex
    items: NDArray[np.int64]
    has_biases: bool
    longest: float
    fingerprint: bytes

    def __repr__(self) -> str:
        return f"ItemIndex({self.vectors!r}, {len(self.items)} items)"

    def recall_report(self) -> RecallReport:
        """Return the share of the best items that are found.

        Returns
        -------
        RecallReport
        """
        return self.vectors.recall_report()

    def search(self, model: Any, allowed: Allowed) -> "ItemSearch":
        """Prepare a search for the best items of users of the model, among the items that are allowed to all."""
        closed = np.empty(0, np.int64) if allowed.to_all is None else np.flatnonzero(~allowed.to_all[self.items])
        return ItemSearch(self, prepared(model, _query_products), closed)


@dataclass(frozen=True, eq=False)
class ItemSearch:
    """A search for the best items by an index.

    Attributes
    ----------
    index : ItemIndex
    products : Products
        The formula of the model. Its vectors of items are not used.
    closed : int64 array
        Positions in the index that are not searched.
    """

    index: ItemIndex
    products: Products
    closed: NDArray[np.int64]

    def best(
        self, state: Any, k: int, hidden: RowPattern | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Find the k best items of users, as `ProductSearch.best`.

        Lists whose order of equal scores is not known are empty. None if products may not be finite.
        """
        index, products = self.index, self.products
        vectors = _vectors(products, state, has_biases=index.has_biases)
        if not are_products_finite(vectors, index.longest):
            return None
        constants = None if products.constants is None else products.constants(state)
        is_product = constants is None and products.rating is None
        width, hidden = k if is_product else k + 1, hidden or RowPattern.empty(len(vectors))
        found, scores = np.empty((len(vectors), width), np.int64), np.empty((len(vectors), width), np.float32)
        for rows in blocks(len(vectors), rows_per_block(_EXCLUSION_BYTES * (1 + len(self.closed)))):
            exclude = self._exclusions(RowPattern(hidden.starts[rows], hidden.ends[rows], hidden.columns))
            found[rows], scores[rows] = index.vectors.search(vectors[rows], width, exclude=exclude)
        codes = np.where(found >= 0, index.items[found], -1)
        return (codes, scores) if is_product else _transformed(codes, scores, products.rating, constants)

    def _exclusions(self, hidden: RowPattern) -> sp.csr_array | None:
        """Positions of the hidden items of each user, and closed positions."""
        (rows, codes), items, closed = hidden.entries(), self.index.items, self.closed
        if not len(codes) and not len(closed):
            return None
        n_rows, n = len(hidden.starts), len(items)
        places = np.minimum(np.searchsorted(items, codes), n - 1)
        is_here = items[places] == codes
        exclude = _pattern(places[is_here], np.bincount(rows[is_here], minlength=n_rows), n)
        return exclude if not len(closed) else exclude + _pattern(np.tile(closed, n_rows), np.full(n_rows, len(closed)), n)


def check_index(index: Any, model: Any, candidates: Any) -> None:
    """Check that an argument of `recommend` is an index of the model. There must be no candidates beside it."""
    if not isinstance(index, ItemIndex):
        raise TypeError(f"index must be None or what build_index returns, got {index!r}")
    if prepared(model, _fingerprint) != index.fingerprint:
        raise ValueError(
            f"index must be built for this fit of {type(model).__name__}, but its vectors are those of another fit or model; "
            "call build_index again"
        )
    if candidates is not None:
        raise ValueError("candidates must be None with an index, which searches all items: leave out one of them")


def _pattern(columns: NDArray[np.int64], lengths: NDArray[np.int64], n_columns: int) -> sp.csr_array:
    """A bool CSR with the given columns in its rows."""
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_array((np.ones(len(columns), bool), columns, indptr), shape=(len(lengths), n_columns))


def _transformed(
    codes: NDArray[np.int64],
    products: NDArray[np.float32],
    rating: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
    constants: NDArray[np.float32] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The lists by scores instead of products, without their last entry.

    A list is emptied if the scores of its last two entries are equal. Further items may have the same score.
    """
    scores = products if constants is None else products + constants[:, None]
    scores = scores if rating is None else rating(scores)
    is_item = codes >= 0
    is_tied = is_item[:, -1] & (scores[:, -1] == scores[:, -2])
    order = np.lexsort((codes, np.where(is_item, -scores, np.inf)))[:, :-1]
    codes, scores = np.take_along_axis(codes, order, axis=1), np.take_along_axis(scores, order, axis=1)
    codes[is_tied] = -1
    return codes, scores


def _products(model: Any) -> Products:
    """The formula of a model with vectors.

    Raises
    ------
    NotImplementedError
        If it has another formula or none.
    """
    formula = model._formula()
    if isinstance(formula, Products):
        return formula
    if getattr(model, "device_", "cpu") != "cpu":
        raise NotImplementedError(f"build_index needs a model on the CPU, but the device of the model is {model.device_!r}")
    raise NotImplementedError(
        f"build_index needs scores that are products of vectors of users and items, as those of ALSRecommender; those of "
        f"{type(model).__name__} are not"
    )


def _query_products(model: Any) -> Products:
    """The formula without the vectors of items, which may be a copy."""
    products = _products(model)
    return replace(products, items=products.items[:0].copy(), biases=None)


def _fingerprint(model: Any) -> bytes:
    """A checksum of the vectors of items and of which items are ranked. Empty if the scores are no products."""
    formula = model._formula()
    if not isinstance(formula, Products):
        return b""
    digest = hashlib.blake2b(digest_size=16)
    for array in (formula.items, formula.biases, model._familiar_items):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).data)
    return digest.digest()


def _vectors(products: Products, state: Any, *, has_biases: bool) -> NDArray[np.float32]:
    """Vectors of users, with a 1 for the bias of items."""
    vectors = products.users(state)
    return np.column_stack([vectors, np.ones(len(vectors), np.float32)]) if has_biases else vectors
