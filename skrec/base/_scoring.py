"""Scores of a fitted model, in blocks of users and items: best items, all items, single pairs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._memory import MAX_RESULT_BYTES, blocks, rows_per_block
from skrec.base._allowed import EVERYTHING, Allowed
from skrec.base._item_index import ItemSearch
from skrec.base._prepared import prepared
from skrec.base._queries import NewUsers, Query
from skrec.topk import (
    COMPILED_FROM,
    BestColumns,
    Search,
    as_array,
    as_scores,
    column_blocks,
    hide,
    like,
    row_blocks,
    whole_row_blocks,
)

_USER_BYTES = 2**14  # of the state of a user
# below every score that a model gives, above "no candidate"
_LAST = float(np.finfo(np.float32).min)


def prepared_search(model: Any, n_users: int, allowed: Allowed) -> Search | None:
    """Prepare a search for the best items of n users. None if it is not worth its preparation, or has no formula."""
    if allowed.to_each is not None or n_users * model.n_items_ < COMPILED_FROM:
        return None
    formula, is_familiar = model._formula(), model._familiar_items
    items = is_familiar if allowed.to_all is None else allowed.to_all & is_familiar
    return None if formula is None else formula.search(np.flatnonzero(items))


def best_items(
    model: Any,
    query: Query,
    k: int,
    *,
    exclude_seen: bool = True,
    allowed: Allowed = EVERYTHING,
    search: Search | ItemSearch | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Codes and scores (n_users, k) of the best items, padded with -1 and NaN.

    ``search`` is the `prepared_search`, or the search of an `ItemIndex`, for the same ``allowed`` items, if there is one.
    """
    search = search or prepared_search(model, len(query), allowed)
    if query.is_unknown.any():
        return _best_items_of_some_unknown(model, query, k, exclude_seen=exclude_seen, allowed=allowed, search=search)
    width = min(k, model.n_items_)
    find = _best_of_all if search is None else partial(_best_by_search, search)
    codes, scores = find(model, query, width, exclude_seen=exclude_seen, allowed=allowed)
    if width < k:
        padding = ((0, 0), (0, k - width))
        codes, scores = np.pad(codes, padding, constant_values=-1), np.pad(scores, padding, constant_values=np.nan)
    return codes, scores


def no_formula(model: Any) -> Any:
    """Return None: no formula of the scores is known."""
    return None


def forget_formula_of_other_scores(cls: Any) -> None:
    """Give a new class that overrides ``_score`` alone no formula, because the inherited one is that of other scores."""
    nearest = next(base for base in cls.__mro__ if {"_score", "_formula"} & vars(base).keys())
    if "_formula" not in vars(nearest):
        cls._formula = no_formula


def _best_by_search(
    search: Search | ItemSearch, model: Any, query: Query, k: int, *, exclude_seen: bool, allowed: Allowed
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`best_items` by a search for the largest scores. Users whose list has other items get it by `_best_of_all`."""
    is_done = np.zeros(len(query), bool)
    codes, scores = np.empty((len(query), k), np.int64), np.empty((len(query), k), np.float32)
    has_last_items = isinstance(search, ItemSearch) or _has_last_items(model, allowed)
    for users in blocks(len(query), rows_per_block(_USER_BYTES)):
        part = query[users]
        found = search.best(part.state(model), k, part.seen(model) if exclude_seen else None)
        if found is not None:
            codes[users], scores[users] = found
            is_done[users] = part.is_familiar(model) & ((codes[users, -1] >= 0) | (not has_last_items))
    others = np.flatnonzero(~is_done)
    if len(others):
        codes[others], scores[others] = _best_of_all(model, query[others], k, exclude_seen=exclude_seen, allowed=allowed)
    return codes, scores


def _has_last_items(model: Any, allowed: Allowed) -> bool:
    """Whether items that are not ranked may be recommended. They come last."""
    is_last = ~model._familiar_items if allowed.to_all is None else allowed.to_all & ~model._familiar_items
    return bool(is_last.any())


def _best_of_all(
    model: Any, query: Query, k: int, *, exclude_seen: bool, allowed: Allowed
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`best_items` from the scores of all items."""
    best = BestColumns(len(query), model.n_items_, k)
    for users in row_blocks(len(query), model.n_items_, device=getattr(model, "device_", "cpu")):
        part = query[users]
        score, hidden = score_function(model, part, allowed=allowed.of(users)), part.seen(model) if exclude_seen else None
        for items in column_blocks(model.n_items_):
            best.add(users, items, score(items), hidden)
    codes, scores = best.result()
    scores[scores == _LAST] = -np.inf
    return codes, scores


def _best_items_of_some_unknown(
    model: Any, query: Any, k: int, *, exclude_seen: bool, allowed: Allowed, search: Search | ItemSearch | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`best_items` for a query with unknown labels, which get the list of a new user without events."""
    codes, scores = np.full((len(query), k), -1), np.full((len(query), k), np.nan, np.float32)
    known, unknown = np.flatnonzero(~query.is_unknown), np.flatnonzero(query.is_unknown)
    # all of them get the same list, unless candidates differ by user
    new = unknown if allowed.to_each is not None else unknown[:1]
    new_users = NewUsers(model.vocabulary_.without_events(len(new)), query.labels[new])
    for part, rows in ((query[known], known), (new_users, new)):
        codes[rows], scores[rows] = best_items(
            model, part, k, exclude_seen=exclude_seen, allowed=allowed.of(rows), search=search
        )
    if allowed.to_each is None:
        codes[unknown], scores[unknown] = codes[new], scores[new]
    return codes, scores


def score_blocks(model: Any, query: Query, *, exclude_seen: bool = True) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Scores of all items for blocks of users. Minus infinity for items seen, or without training events."""
    everything = slice(0, model.n_items_)
    for users in whole_row_blocks(len(query), model.n_items_):
        part = query[users]
        scores = score_function(model, part, ranking=not model._predicts_ratings)(everything)
        if exclude_seen:
            hide(scores, part.seen(model), everything)
        block = as_array(scores).astype(np.float32, copy=False)
        block[block == _LAST] = -np.inf
        yield users, block


def all_scores(model: Any, query: Query, *, exclude_seen: bool) -> NDArray[np.float32]:
    """Scores (n_users, n_items) of all items. Minus infinity for items seen, or without training events.

    Raises
    ------
    ValueError
        If they would take more than 1 GiB.
    """
    n_bytes = 4 * len(query) * model.n_items_
    if n_bytes > MAX_RESULT_BYTES:
        raise ValueError(
            f"the scores of {len(query)} rows x {model.n_items_} items would take {n_bytes / 2**30:.1f} GiB; use "
            "recommend_iter, which keeps the best k"
        )
    blocks = [scores for _, scores in score_blocks(model, query, exclude_seen=exclude_seen)]
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks) if blocks else np.empty((0, model.n_items_), np.float32)


def score_function(model: Any, query: Query, *, allowed: Allowed = EVERYTHING, ranking: bool = True) -> Callable[[slice], Any]:
    """The scores of some users as a function of a slice of items.

    In a ranking, users without events get the most popular items, and items without events come last, unless the model knows
    them by their features.
    """
    state = query.state(model)
    unfamiliar_users, unfamiliar_items = np.flatnonzero(~query.is_familiar(model)), prepared(model, _unfamiliar_items)

    def score_block(items: slice):
        scores = as_scores(model._score(state, items))
        query.check_scores(scores)
        if ranking and len(unfamiliar_users):
            scores[unfamiliar_users] = like(model.popularity_[items].astype(as_array(scores[:0]).dtype), scores)
        if ranking and len(unfamiliar_items):
            first, last = np.searchsorted(unfamiliar_items, [items.start, items.stop])
            scores[:, unfamiliar_items[first:last] - items.start] = _LAST
        allowed.close(scores, items)
        return scores

    return score_block


def _unfamiliar_items(model: Any) -> NDArray[np.int64]:
    return np.flatnonzero(~model._familiar_items)


def score_pairs(model: Any, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores of pairs of codes. Users from ``n_users_`` and items of -1 are unknown."""
    scores = np.full(len(users), -np.inf, np.float32)
    has_item, is_familiar_item = items >= 0, model._familiar_items
    known = has_item & (users < model.n_users_)
    of_unknown = items[has_item & ~known]
    scores[has_item & ~known] = np.where(is_familiar_item[of_unknown], model.popularity_[of_unknown], -np.inf)
    scores[known] = model._score_known_pairs(users[known], items[known])
    if not model._predicts_ratings:
        without_past = np.flatnonzero(known)[~model._familiar_users(users[known])]
        scores[without_past] = model.popularity_[items[without_past]]
        scores[has_item] = np.where(is_familiar_item[items[has_item]], scores[has_item], -np.inf)
    return scores


def score_pairs_by_rows(model: Any, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray:
    """Scores of pairs of known users and items, taken out of the scores of all items for each of the users."""
    distinct, rows = np.unique(users, return_inverse=True)
    order = np.argsort(rows, kind="stable")
    in_order, scores = rows[order], np.empty(len(rows), np.float32)
    for block in whole_row_blocks(len(distinct), model.n_items_):
        here = order[slice(*np.searchsorted(in_order, [block.start, block.stop]))]
        block_scores = as_array(model._score(model._known_state(distinct[block]), slice(0, model.n_items_)))
        scores[here] = block_scores[rows[here] - block.start, items[here]]
    return scores
