"""Recommendations in Parquet files."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from skrec._checks import read_path
from skrec._writing import atomic_update
from skrec.base._allowed import Unknown
from skrec.base._item_index import ItemIndex
from skrec.base._lists import read_list_request
from skrec.base._recommendations import Recommendations


def recommend_to_parquet(
    self: Any,
    path: str | os.PathLike,
    users: Any = None,
    *,
    k: int = 10,
    exclude_seen: bool = True,
    exclude: Any = None,
    candidates: Any = None,
    unknown: Unknown = "raise",
    index: ItemIndex | None = None,
    batch_size: int = 10_000,
) -> None:
    """Write recommendations to a Parquet file with the columns user, item, score and rank. Requires pyarrow.

    Parameters
    ----------
    path : str or os.PathLike
        A file in an existing folder. "~" is the user's home. An existing file is replaced when the new one is complete.
    users, k, exclude_seen, exclude, candidates, unknown, index, batch_size
        As for `recommend_iter`.

    Raises
    ------
    OSError, ImportError
        If the file cannot be written, or pyarrow is not installed. An existing file stays unchanged.
    """
    target = read_path(path, "path")
    request = read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown, index, batch_size)
    write_parquet(target, request.answers(self))


def write_parquet(target: Path, parts: Iterable[Recommendations]) -> None:
    """One row for each recommendation. An existing file is replaced when the new one is complete."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError("recommend_to_parquet needs pyarrow: pip install 'skrec[parquet]'") from None
    with atomic_update(target) as file, ExitStack() as stack:
        writer = None
        for part in parts:
            table = part.to_frame(backend="pyarrow")
            writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema))
            writer.write_table(table.cast(writer.schema))
