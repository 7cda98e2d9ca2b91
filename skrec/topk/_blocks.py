"""Blocks of scores that fit into memory."""

from collections.abc import Iterator
from typing import Any

from skrec._checks import check_int
from skrec._memory import MAX_RESULT_BYTES, blocks, rows_per_block, score_rows_per_block

_LARGEST_WIDTH = 2**16


def row_blocks(n_rows: int, n_columns: int, *, device: str = "cpu") -> Iterator[slice]:
    """Yield slices of rows whose float32 scores fit into a block, with wide rows divided by `column_blocks`.

    On a CPU a block fits into the cache.
    """
    per_block = score_rows_per_block if device == "cpu" else rows_per_block
    return blocks(n_rows, per_block(4 * min(n_columns, _LARGEST_WIDTH)))


def whole_row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Yield slices of rows that fit into a block with the float32 scores of all columns, at least one row each."""
    return blocks(n_rows, rows_per_block(4 * n_columns))


def column_blocks(n_columns: int) -> Iterator[slice]:
    """Yield slices of columns, in order."""
    return blocks(n_columns, _LARGEST_WIDTH)


def check_list_length(k: Any, n_lists: int, n_candidates: int, what: str) -> None:
    """Check the length of lists. It may exceed the number of candidates if the padding is small enough."""
    check_int(k, "k", at_least=1)
    if k > n_candidates and 12 * int(k) * n_lists > MAX_RESULT_BYTES:
        raise ValueError(f"k must be at most the number of {what}, {n_candidates}, for {n_lists} lists, got {k!r}")
