"""Recommendations in Parquet files."""

import errno
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from skrec.base._recommendations import Recommendations
from skrec.base._writing import atomic_write


def write_parquet(target: Path, parts: Iterable[Recommendations]) -> None:
    """One row for each recommendation. An existing file is replaced when the new one is complete."""
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
