"""Lists of the best items in graphs, with the rules of `recommend`."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skrec.export._graph import Graph, Value

# below every score that a model gives, above that of an item that must not be recommended
_LAST = float(np.finfo(np.float32).min)


class Catalog(NamedTuple):
    """What the lists depend on besides the scores.

    Attributes
    ----------
    k : int
        Length of the lists.
    is_familiar : bool array of shape (n_items,)
        Items that are ranked. Others come last.
    popularity : array of shape (n_items,)
        Scores for users whom the model knows nothing about.
    """

    k: int
    is_familiar: NDArray[np.bool_]
    popularity: NDArray


def best_items(
    graph: Graph, scores: Value, catalog: Catalog, *, is_familiar_user: Value | None, hidden: list[Value]
) -> tuple[Value, Value]:
    """Items and scores (n_users, k) of the best lists.

    Parameters
    ----------
    graph : Graph
    scores : Value of shape (n_users, n_items)
    catalog : Catalog
    is_familiar_user : bool Value of shape (n_users,), or None
        Users that the model ranks for. Others get the most popular items. If None, all users.
    hidden : list of int64 Values of shape (n_users, m)
        Items that are left out. Codes that are negative or ``n_items`` stand for none.
    """
    number: Any = scores.dtype.type
    n_items = len(catalog.is_familiar)
    if is_familiar_user is not None:
        popularity = graph.constant(catalog.popularity, scores.dtype).with_axis(0)
        scores = graph.where(is_familiar_user.with_axis(1), scores, popularity)
    if not catalog.is_familiar.all():
        scores = graph.where(graph.constant(catalog.is_familiar).with_axis(0), scores, number(_LAST))
    nothing = graph.full(graph.shape(scores.size(0), 1), number(-np.inf))  # stands at the code n_items
    codes = graph.joined([graph.where(part < 0, np.int64(n_items), part) for part in hidden], 1)
    scores = graph.scatter_in_rows(graph.joined([scores, nothing], 1), codes, graph.full(codes.shape(), number(-np.inf)))
    k = min(catalog.k, n_items)
    found, items = graph.largest(scores, k)
    is_empty = found.equals(-np.inf)
    items = graph.where(is_empty, np.int64(-1), items)
    found = graph.where(found.equals(_LAST), number(-np.inf), graph.where(is_empty, number(np.nan), found)).to(np.float32)
    if k == catalog.k:
        return items, found
    padding = np.array([0, 0, 0, catalog.k - k])
    return graph.node("Pad", items, padding, np.int64(-1)), graph.node("Pad", found, padding, np.float32(np.nan))
