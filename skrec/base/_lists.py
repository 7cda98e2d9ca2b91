"""Lists of recommendations: at once, block by block, and into a file."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag, check_int, read_path
from skrec.base._allowed import Allowed, Unknown, read_allowed
from skrec.base._frame import Frame, Query, decode, take
from skrec.base._recommendations import Recommendations
from skrec.base._rows import is_of_shape, warn_of_training_shape
from skrec.base._writing import atomic_write
from skrec.data import Interactions
from skrec.topk import check_list_length


class ListsMixin:
    """`recommend`: at once, block by block, and into a file."""

    frame_: Frame
    item_ids_: Any
    n_users_: int
    n_items_: int
    _query: Callable[..., Any]
    _top: Callable[..., Any]

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
    ) -> Recommendations:
        """The k best items for each user; ``items, scores = model.recommend(...)``.

        Parameters
        ----------
        users : ids of known users, or interactions of new ones, default=None
            None means all known users. A matrix's rows and the users of a DataFrame or of Interactions are new users,
            even if their label is known: they are folded in, and only what is passed here counts. Who has no event that the
            model learns from gets the most popular items. Of Interactions the users with events are asked about; all users if
            `Interactions.from_csr` made them of a matrix, or if they have ``user_features`` or no event at all.
        k : int, default=10
        exclude_seen : bool, default=True
            Leave out what the user has interacted with.
        exclude : array-like of item labels, optional
            Items that must not be recommended. Labels that the model does not know are ignored.
        candidates : array-like of item labels, mapping of users to item labels, or DataFrame, optional
            The only items that may be recommended. A mapping or a DataFrame with the columns ``user`` and ``item`` gives each
            user their own, by the label in ``.users``; a user who is not in it gets an empty list, and a user who is not asked
            about is ignored. So the items of an impression are ranked.
        unknown : {"raise", "popular"}, default="raise"
            What happens with ids that the model does not know. With "raise" they are an error. With "popular" a user gets what
            a new user without events gets, the most popular items, and a candidate is left out.

        Returns
        -------
        Recommendations
            ``.items`` and ``.scores`` of shape (n_users, k), best first, equal scores in the order of the vocabulary;
            ``.codes``, ``.users``, ``.to_frame()``. Lists are padded where fewer than k items are left. Items without a
            training event come last, with a score of minus infinity, unless the model knows them by their features.

        Raises
        ------
        ValueError
            For ids that the model does not know, or k below 1.
        TypeError
            If no id is of the kind that the model knows, such as strings where it was fitted with integers.

        Warns
        -----
        UserWarning
            If a matrix has exactly the shape of the training data: its rows are taken for new users.
        """
        asked = self._ask(users, k, exclude_seen, exclude, candidates, unknown)
        return self._answer(asked, slice(0, len(asked.labels)), k, exclude_seen)

    def recommend_iter(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        batch_size: int = 10_000,
    ) -> Iterator[Recommendations]:
        """`recommend` in pieces of ``batch_size`` users, for more users than an answer in memory may have."""
        check_int(batch_size, "batch_size", at_least=1)
        asked = self._ask(users, k, exclude_seen, exclude, candidates, unknown, batch_size=batch_size)
        n = len(asked.labels)
        pieces = (slice(start, min(start + batch_size, n)) for start in range(0, max(n, 1), batch_size))
        # a generator: what is wrong with the arguments is said now, not when the first piece is asked for
        return (self._answer(asked, piece, k, exclude_seen) for piece in pieces)

    def recommend_to_parquet(
        self,
        path: str | os.PathLike,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        batch_size: int = 10_000,
    ) -> None:
        """`recommend` into a Parquet file with the columns user, item, score and rank; needs pyarrow.

        Parameters
        ----------
        path : str or os.PathLike
            Its folder must exist; "~" is the user's home. A file that is there is replaced when the new one is whole.
        users, k, exclude_seen, exclude, candidates, unknown, batch_size
            As for `recommend_iter`.

        Raises
        ------
        OSError
            With the path: at once if it cannot be written to, later if the disk is full. What stood there stays.
        ImportError
            Without pyarrow: ``pip install skrec[parquet]``.
        """
        target = read_path(path, "path")
        parts = self.recommend_iter(
            users,
            k=k,
            exclude_seen=exclude_seen,
            exclude=exclude,
            candidates=candidates,
            unknown=unknown,
            batch_size=batch_size,
        )
        write_parquet(target, parts)

    def _ask(
        self,
        users: Any,
        k: int,
        exclude_seen: bool,
        exclude: Any,
        candidates: Any,
        unknown: Unknown,
        *,
        batch_size: int | None = None,
    ) -> "_Asked":
        """The arguments of `recommend`, checked, in codes."""
        check_choice(unknown, "unknown", ("raise", "popular"))
        check_flag(exclude_seen, "exclude_seen")
        query, labels = self._query(users)
        if unknown == "raise" and not isinstance(query, Interactions):
            self.frame_.check_known_users(query, labels, name="users")
        n_lists = len(labels) if batch_size is None else min(batch_size, len(labels))
        check_list_length(k, n_lists, self.n_items_, "items")
        if is_of_shape(users, (self.n_users_, self.n_items_)):
            warn_of_training_shape("users", (self.n_users_, self.n_items_))
        return _Asked(query, labels, self._allowed(labels, exclude, candidates, unknown=unknown))

    def _allowed(self, users: NDArray, exclude: Any, candidates: Any, *, unknown: Unknown) -> Allowed:
        """Which items may be recommended to these users."""
        return read_allowed(self.frame_, users, exclude, candidates, unknown=unknown)

    def _answer(self, asked: "_Asked", users: slice, k: int, exclude_seen: bool) -> Recommendations:
        found, scores = self._top(take(asked.query, users), k, exclude_seen=exclude_seen, allowed=asked.allowed.of(users))
        return Recommendations(asked.labels[users], decode(found, self.item_ids_), scores, found)


class _Asked(NamedTuple):
    query: Query
    labels: NDArray
    allowed: Allowed


def write_parquet(target: Path, parts: Iterable[Recommendations]) -> None:
    """One row for each recommendation; the file is there when all of it is, and what stood there stays until then."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError("recommend_to_parquet needs pyarrow: pip install 'skrec[parquet]'") from None
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "what stands there is not a regular file", str(target))
    with atomic_write(target) as file, ExitStack() as stack:
        writer = None
        for part in parts:
            table = pa.Table.from_pandas(part.to_frame(), preserve_index=False)
            if len(table):  # the labels of an empty one have no type
                writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema))
                writer.write_table(table.cast(writer.schema))
        if writer is None:
            stack.enter_context(pq.ParquetWriter(file, table.schema))
