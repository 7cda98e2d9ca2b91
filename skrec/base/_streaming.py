"""Recommendations for more users than an answer in memory may have."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from skrec.base._checks import check_flag, check_int, check_list_length, read_path
from skrec.base._frame import decode, size, take
from skrec.base._recommendations import Recommendations
from skrec.base._writing import atomic_write


class StreamingMixin:
    """`recommend` block by block, and into a file."""

    _query: Callable[..., Any]
    _allowed: Callable[..., Any]
    _top: Callable[..., Any]
    item_ids_: Any
    n_items_: int

    def recommend_iter(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        batch_size: int = 10_000,
    ) -> Iterator[Recommendations]:
        """`recommend` in pieces of ``batch_size`` users, for more users than an answer in memory may have."""
        check_int(batch_size, "batch_size", at_least=1)
        query, labels = self._query(users)
        allowed = self._allowed(exclude, candidates)
        check_list_length(k, min(batch_size, size(query)), self.n_items_, "items")
        check_flag(exclude_seen, "exclude_seen")

        def pieces() -> Iterator[Recommendations]:
            for start in range(0, max(size(query), 1), batch_size):
                part = slice(start, min(start + batch_size, size(query)))
                found, scores = self._top(take(query, part), k, exclude_seen=exclude_seen, allowed=allowed)
                yield Recommendations(labels[part], decode(found, self.item_ids_), scores, found)

        return pieces()  # what is wrong with the arguments is said now, not when the first piece is asked for

    def recommend_to_parquet(
        self,
        path: str | os.PathLike,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        batch_size: int = 10_000,
    ) -> None:
        """`recommend` into a Parquet file with the columns user, item, score and rank; needs pyarrow.

        Parameters
        ----------
        path : str or os.PathLike
            Its folder must exist; "~" is the user's home. A file that is there is replaced when the new one is whole.
        users, k, exclude_seen, exclude, candidates, batch_size
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
            users, k=k, exclude_seen=exclude_seen, exclude=exclude, candidates=candidates, batch_size=batch_size
        )
        write_parquet(target, parts)


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
