"""How much memory a computation takes beyond its input and its answer: one number for all of them."""

from collections.abc import Iterator

BLOCK_BYTES = 64 * 2**20
"""Bytes of scratch memory that one step of a computation may take. All work that is done in blocks is cut by this number."""

MAX_RESULT_BYTES = 2**30
"""Bytes that an answer may take beyond what there is to answer."""


def rows_per_block(row_bytes: float) -> int:
    """How many rows of so many bytes fit into a block; at least one."""
    return max(1, int(BLOCK_BYTES // max(row_bytes, 1)))


def blocks(n_rows: int, height: int) -> Iterator[slice]:
    """Slices of at most ``height`` rows, in order."""
    return (slice(start, min(start + height, n_rows)) for start in range(0, n_rows, height))
