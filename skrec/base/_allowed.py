"""Which items may be recommended, to everybody or to each user."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import IdEncoder
from skrec.data._encoding import as_list
from skrec.data._reading import column_names, is_frame
from skrec.data._splitting import membership_mask
from skrec.data._vocabulary import Vocabulary, read_labels
from skrec.topk import NO_CANDIDATE, like

Unknown = Literal["raise", "popular"]
"""What happens with ids that the model does not know."""


@dataclass(frozen=True, eq=False)
class Allowed:
    """Which items may be recommended.

    Attributes
    ----------
    to_all : bool array of shape (n_items,), or None for all items
    to_each : CSR of shape (n_queries, n_items), or None
        Stored entries are the items that may be recommended to one user.
    """

    to_all: NDArray[np.bool_] | None = None
    to_each: sp.csr_array | None = None

    def of(self, queries: slice | NDArray[np.int64]) -> Self:
        """The same for some of the users of the query."""
        return self if self.to_each is None else replace(self, to_each=self.to_each[queries])

    def restricted(self, to_all: NDArray[np.bool_]) -> Self:
        """The same without the items that these flags (n_items,) do not allow."""
        return replace(self, to_all=to_all if self.to_all is None else self.to_all & to_all)

    def close(self, scores: Any, items: slice) -> None:
        """Write "no candidate" over the scores (n_queries, width) of other items in a block of items."""
        if self.to_all is not None:
            scores[:, np.flatnonzero(~self.to_all[items])] = NO_CANDIDATE
        if self.to_each is not None:
            is_closed = np.ones(scores.shape, bool)
            rows = np.repeat(np.arange(len(is_closed)), np.diff(self.to_each.indptr))
            inside = (self.to_each.indices >= items.start) & (self.to_each.indices < items.stop)
            is_closed[rows[inside], self.to_each.indices[inside] - items.start] = False
            scores[like(is_closed, scores)] = NO_CANDIDATE


EVERYTHING = Allowed()


def read_allowed(vocabulary: Vocabulary, queries: NDArray, exclude: Any, candidates: Any, *, unknown: Unknown) -> Allowed:
    """What ``exclude`` and ``candidates`` of `recommend` say about the users ``queries``.

    Parameters
    ----------
    vocabulary : Vocabulary
    queries : array of shape (n_queries,)
        Labels of the users of the query.
    exclude : labels of items, or None
        Those that the model does not know are ignored: it never recommends them.
    candidates : labels of items, mapping of users to labels of items, DataFrame with columns user and item, or None
    unknown : {"raise", "popular"}
        Whether candidates that the model does not know are an error or left out.
    """
    if not isinstance(candidates, Mapping) and not is_frame(candidates):
        return (
            EVERYTHING
            if exclude is candidates is None
            else Allowed(read_items(vocabulary, exclude, candidates, unknown=unknown))
        )
    to_all = None if exclude is None else read_items(vocabulary, exclude, None)
    return Allowed(to_all, _of_each(vocabulary, queries, *_pairs(candidates), unknown))


def read_items(vocabulary: Vocabulary, exclude: Any, candidates: Any, *, unknown: Unknown = "raise") -> NDArray[np.bool_]:
    """Which items (n_items,) are candidates and not excluded. They are read as in `read_allowed`, the same for all users."""
    kept = None if candidates is None else _candidate_codes(vocabulary, read_labels(candidates, "candidates"), unknown)
    left_out = None if exclude is None else vocabulary.find_items(read_labels(exclude, "exclude"), name="exclude")
    return _allowed(vocabulary.n_items, kept, left_out)


def read_users(vocabulary: Vocabulary, exclude: Any, candidates: Any) -> NDArray[np.bool_]:
    """Which users (n_users,) are candidates and not excluded. Candidates must be known."""
    kept = None if candidates is None else vocabulary.user_codes(candidates, name="candidates")
    left_out = None if exclude is None else vocabulary.find_users(read_labels(exclude, "exclude"), name="exclude")
    return _allowed(vocabulary.n_users, kept, left_out)


def _allowed(n: int, kept: NDArray[np.int64] | None, left_out: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """Flags (n,) of codes to keep, all if None, without those to leave out. Codes of -1 are ignored."""
    allowed = np.ones(n, bool) if kept is None else membership_mask(kept[kept >= 0], n)
    return allowed if left_out is None else allowed & ~membership_mask(left_out[left_out >= 0], n)


def _pairs(candidates: Any) -> tuple[NDArray, NDArray]:
    """Labels of users and of items, an entry for each pair."""
    if is_frame(candidates):
        present = column_names(candidates, "candidates")
        if present.count("user") != 1 or present.count("item") != 1:
            raise ValueError(f"candidates must have one column 'user' and one column 'item', got columns {present[:8]}")
        users, items = (read_labels(candidates[axis], f"column {axis!r} of candidates") for axis in ("user", "item"))
        return users, items
    parts = [read_labels(items, f"candidates[{user!r}]") for user, items in candidates.items()]
    users = read_labels(candidates.keys(), "candidates")
    items = read_labels([item for part in parts for item in as_list(part)], "candidates")
    return np.repeat(users, [len(part) for part in parts]), items


def _of_each(vocabulary: Vocabulary, queries: NDArray, users: NDArray, items: NDArray, unknown: Unknown) -> sp.csr_array:
    encoder, places = IdEncoder.learn(queries)
    rows, columns = encoder.encode_same_kind(users, name="users of candidates"), _candidate_codes(vocabulary, items, unknown)
    kept = (rows >= 0) & (columns >= 0)
    ones = np.ones(np.count_nonzero(kept), bool)
    pattern = sp.coo_array((ones, (rows[kept], columns[kept])), shape=(len(encoder), vocabulary.n_items)).tocsr()
    return pattern[places]


def _candidate_codes(vocabulary: Vocabulary, labels: NDArray, unknown: Unknown) -> NDArray[np.int64]:
    codes = vocabulary.find_items(labels, name="candidates")
    if unknown == "raise":
        vocabulary.check_known_items(codes, labels, name="candidates")
    return codes
