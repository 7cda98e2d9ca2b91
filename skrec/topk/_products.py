"""Search for the largest products of vectors, which computes only the products that can be among them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._memory import blocks
from skrec._threads import map_in_threads, n_threads
from skrec.topk._lists import check_numbers, empty_lists, padded
from skrec.topk._scores import RowPattern

_HEIGHT = 512  # users of a block
_FIRST_WIDTH = 512  # items of the first tile, with the longest vectors
_LARGEST_WIDTH = 4096
_TILE = 2**18  # scores of a tile, 1 MiB
_LARGEST = float(np.finfo(np.float32).max)
_EPS = float(np.finfo(np.float32).eps)
_TINY = float(np.finfo(np.float32).tiny)


def as_they_are(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors of users whose state is their vectors."""
    return vectors


@dataclass(frozen=True, eq=False)
class Products:
    """Scores that are products of vectors: ``rating(users @ items.T + biases + constants[:, None])``.

    Attributes
    ----------
    items : float32 array of shape (n_items, d)
        Vectors of items.
    users : callable
        Takes a state and returns the vectors (n_users, d) of its users.
    biases : float32 array of shape (n_items,), or None
    constants : callable or None
        Takes a state and returns the constants (n_users,) of its users, or None if they are all 0.
    rating : callable or None
        A function of single numbers that does not decrease, applied to arrays.
    """

    items: NDArray[np.float32]
    users: Callable[[Any], NDArray[np.float32]]
    biases: NDArray[np.float32] | None = None
    constants: Callable[[Any], NDArray[np.float32] | None] | None = None
    rating: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None

    def scores(self, state: Any, items: slice) -> NDArray[np.float32]:
        """Compute the scores (n_users, n_items) of the users of a state for a slice of items."""
        with np.errstate(over="ignore", invalid="ignore"):  # scores that are not finite are refused later
            scores, constants = self.users(state) @ self.items[items].T, self.constants and self.constants(state)
        if self.biases is not None:
            scores += self.biases[items]
        if constants is not None:
            scores += constants[:, None]
        return scores if self.rating is None else self.rating(scores)

    def search(self, items: NDArray[np.int64]) -> "ProductSearch":
        """Prepare a search among some items, ascending."""
        return ProductSearch(self, items)


class ProductSearch:
    """Exact search for the items with the largest products, in tiles of items in order of falling length.

    By the inequality of Cauchy and Schwarz, no product exceeds the product of the lengths. A user whose k-th best score exceeds
    that of the next item needs no further items.

    Parameters
    ----------
    products : Products
    items : int64 array of shape (n,)
        Items that are searched, ascending.
    """

    def __init__(self, products: Products, items: NDArray[np.int64]):
        self.products = products
        lengths = _lengths(products.items, products.biases)[items]
        self._longest, order = lengths.max(initial=0), np.argsort(-lengths, kind="stable")
        self.items, self._positions = items[order], np.full(len(products.items), -1)
        self._positions[self.items] = np.arange(len(items))
        self._vectors = _gathered(products, self.items)
        # rounding errors of a product are relative to the product of the lengths
        self._lengths = lengths[order] * (1 + 2 * (self._vectors.shape[1] + 8) * _EPS)

    def best(
        self, state: Any, k: int, hidden: RowPattern | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Find the k best items of users.

        Parameters
        ----------
        state : object
            State of the users, for the functions of the products.
        k : int
            Number of items of each user.
        hidden : RowPattern, optional
            Items of each user that are excluded.

        Returns
        -------
        items : int64 array of shape (n_users, k)
            Best items first, equal scores in the order of items, -1 if there are fewer.
        scores : float32 array of shape (n_users, k)
            Scores, and NaN for -1.

        None if vectors are not finite or so long that products might overflow.
        """
        vectors = self.products.users(state)
        vectors = np.ascontiguousarray(_with_column(vectors, None if self.products.biases is None else np.float32(1)))
        lengths = _lengths(vectors)
        constants = None if self.products.constants is None else self.products.constants(state)
        offsets = np.zeros(len(vectors)) if constants is None else constants.astype(np.float64)
        if not self._is_below_overflow(lengths, offsets):
            return None
        found, values = empty_lists(len(vectors), k, np.float32)
        users = _Users(vectors, lengths, constants, offsets, hidden or RowPattern.empty(len(vectors)), found, values)
        if len(vectors) == 1 and self.products.rating is None:
            self._search_one(users)
            return padded(found, values)
        n = n_threads(None, 2.0 * vectors.size * len(self.items))
        map_in_threads(lambda rows: self._search(users, rows), blocks(len(vectors), _HEIGHT), n)
        return padded(found, values)

    def _is_below_overflow(self, lengths: NDArray[np.float64], offsets: NDArray[np.float64]) -> bool:
        if not len(lengths) or not len(self._lengths):
            return True
        longest = lengths.max() * self._longest  # NaN if one is
        return bool(longest + np.abs(offsets).max() < _LARGEST)

    def _search_one(self, users: "_Users") -> None:
        """Find the best items of the only user. For one row, calls and settings of BLAS take longer than the products."""
        from skrec.topk._kernels import insert_products

        constant = 0.0 if users.constants is None else users.constants[0]
        slack = _TINY + users.offsets[0] + 2 * _EPS * abs(users.offsets[0])
        forbidden = users.hidden.columns[users.hidden.starts[0] : users.hidden.ends[0]]
        query, lists = users.vectors[0], (users.values[0], users.found[0])
        insert_products(query, users.lengths[0], self._vectors, self._lengths, constant, slack, self.items, forbidden, *lists)

    def _search(self, users: "_Users", rows: slice) -> None:
        """Find the best items of a block of users."""
        from skrec.topk._kernels import insert_largest

        live = np.arange(rows.start, rows.stop)
        vectors, start = users.vectors[rows], 0
        buffer = np.empty(max(_TILE, len(live) * _FIRST_WIDTH), np.float32)
        while len(live) and start < len(self.items):
            stop = min(start + self._width(start, len(live)), len(self.items))
            scores = buffer[: len(live) * (stop - start)].reshape(len(live), -1)
            np.matmul(vectors, self._vectors[start:stop].T, out=scores)
            scores = self._rated(scores, users, live)
            lists = live, users.values, users.found, *users.hidden
            check_numbers(insert_largest(scores, start, self.items, self._positions, *lists))
            if stop < len(self.items):
                can_improve = self._bounds(users, live, stop) >= users.values[live, -1]
                if not can_improve.all():
                    live, vectors = live[can_improve], vectors[can_improve]
            start = stop

    @staticmethod
    def _width(start: int, height: int) -> int:
        return _FIRST_WIDTH if start == 0 else min(_LARGEST_WIDTH, max(_FIRST_WIDTH, _TILE // height))

    def _rated(self, scores: NDArray[np.float32], users: "_Users", rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if users.constants is not None:
            scores += users.constants[rows, None]
        return scores if self.products.rating is None else self.products.rating(scores)

    def _bounds(self, users: "_Users", rows: NDArray[np.int64], start: int) -> NDArray[np.float64]:
        """The largest scores (n_rows,) that items from ``start`` on can have."""
        offsets = users.offsets[rows]
        bounds = users.lengths[rows] * self._lengths[start] + _TINY
        bounds += offsets + 2 * _EPS * np.abs(offsets)
        if self.products.rating is None:
            return bounds
        rating = self.products.rating
        rounding = 8 * _EPS * np.abs(rating(np.array([-np.inf, np.inf], np.float32))).max()
        return rating(np.nextafter(bounds.astype(np.float32), np.float32(np.inf))).astype(np.float64) + rounding


@dataclass(frozen=True, eq=False)
class _Users:
    """Vectors of users, and their lists of items."""

    vectors: NDArray[np.float32]
    lengths: NDArray[np.float64]
    constants: NDArray[np.float32] | None
    offsets: NDArray[np.float64]
    hidden: RowPattern
    found: NDArray[np.int64]
    values: NDArray[np.float32]


def _with_column(vectors: NDArray[np.float32], column: Any) -> NDArray[np.float32]:
    """The vectors with another column, unless it is None."""
    if column is None:
        return vectors
    wider = np.empty((len(vectors), vectors.shape[1] + 1), np.float32)
    wider[:, :-1], wider[:, -1] = vectors, column
    return wider


def _gathered(products: Products, items: NDArray[np.int64]) -> NDArray[np.float32]:
    """Vectors of items, with their biases as another column. Made in blocks, since a second table may be large."""
    d = products.items.shape[1]
    vectors = np.empty((len(items), d + (products.biases is not None)), np.float32)
    for block in blocks(len(items), _LARGEST_WIDTH):
        vectors[block, :d] = products.items[items[block]]
    if products.biases is not None:
        vectors[:, d] = products.biases[items]
    return vectors


def _lengths(vectors: NDArray[np.float32], column: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
    """Lengths of vectors with another column. Squares of float32 numbers neither overflow nor vanish in float64."""
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return np.sqrt(squares if column is None else squares + column.astype(np.float64) ** 2)
