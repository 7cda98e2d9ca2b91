"""Lists of recommendations: the arguments of `recommend`, checked, and the answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from skrec._checks import check_choice, check_flag, check_int
from skrec.base._allowed import Allowed, Unknown
from skrec.base._item_index import ItemIndex, ItemSearch, check_index
from skrec.base._queries import Query
from skrec.base._recommendations import Recommendations
from skrec.base._scoring import best_items, prepared_search
from skrec.data._training_shape import is_of_shape, warn_about_training_shape
from skrec.data._vocabulary import decode, first_label
from skrec.topk import Search, check_list_length


@dataclass(frozen=True, eq=False)
class ListRequest:
    """The checked arguments of `recommend`.

    Attributes
    ----------
    query : Query
    allowed : Allowed
    k : int
    exclude_seen : bool
    batch_size : int
        For how many users lists are made at once.
    index : ItemIndex or None
    """

    query: Query
    allowed: Allowed
    k: int
    exclude_seen: bool
    batch_size: int
    index: ItemIndex | None

    def answer(self, model: Any, users: slice, search: Search | ItemSearch | None = None) -> Recommendations:
        """The lists of a range of the users."""
        part, allowed = self.query[users], self.allowed.of(users)
        search = search or self._search(model, len(part))
        codes, scores = best_items(model, part, self.k, exclude_seen=self.exclude_seen, allowed=allowed, search=search)
        samples = first_label(model.user_ids_), first_label(model.item_ids_)
        return Recommendations(part.labels, decode(codes, model.item_ids_), scores, codes, *samples)

    def answers(self, model: Any) -> Iterator[Recommendations]:
        """The lists of all users, in one batch or more."""
        n, size = len(self.query), self.batch_size
        search = self._search(model, n)
        for start in range(0, max(n, 1), size):
            yield self.answer(model, slice(start, min(start + size, n)), search)

    def _search(self, model: Any, n_users: int) -> Search | ItemSearch | None:
        if self.index is None:
            return prepared_search(model, n_users, self.allowed)
        return self.index.search(model, self.allowed)


def read_list_request(
    model: Any,
    users: Any,
    k: int,
    exclude_seen: bool,
    exclude: Any,
    candidates: Any,
    unknown: Unknown,
    index: ItemIndex | None = None,
    batch_size: int | None = None,
) -> ListRequest:
    """Check the arguments of `recommend`. If ``batch_size`` is None, lists are made for all users at once."""
    check_int(batch_size, "batch_size", at_least=1, or_none=True)
    check_choice(unknown, "unknown", ("raise", "popular"))
    check_flag(exclude_seen, "exclude_seen")
    query = model._query(users)
    if unknown == "raise":
        query.check_known(model.vocabulary_, name="users")
    size = len(query) if batch_size is None else batch_size
    check_list_length(k, min(size, len(query)), model.n_items_, "items")
    shape = model.n_users_, model.n_items_
    if is_of_shape(users, shape):
        warn_about_training_shape("users", shape)
    allowed = model._allowed(query.labels, exclude, candidates, unknown=unknown)
    if index is not None:
        check_index(index, model, candidates)
    return ListRequest(query, allowed, k, exclude_seen, max(size, 1), index)
