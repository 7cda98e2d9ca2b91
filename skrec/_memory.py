"""Limits of the memory of a computation beyond its input and output."""

import os
from collections.abc import Iterator
from pathlib import Path

_STATM = Path("/proc/self/statm")

BLOCK_BYTES = 64 * 2**20
"""Maximum scratch memory of one step of a computation, in bytes. It determines the size of all blocks."""

SCORE_BYTES = 4 * 2**20
"""Maximum size of a block of scores on a CPU, in bytes, so that it stays in the cache."""

MAX_RESULT_BYTES = 2**30
"""Maximum size of a result in bytes, apart from what the input requires."""


def rows_per_block(row_bytes: float) -> int:
    """The number of rows with the given size that fit into a block, at least 1."""
    return max(1, int(BLOCK_BYTES // max(row_bytes, 1)))


def score_rows_per_block(row_bytes: float) -> int:
    """The number of rows of scores with the given size that fit into a block in the cache, at least 1."""
    return max(1, int(min(SCORE_BYTES, BLOCK_BYTES) // max(row_bytes, 1)))


def blocks(n_rows: int, height: int) -> Iterator[slice]:
    """Yield slices of at most ``height`` rows, in order."""
    return (slice(start, min(start + height, n_rows)) for start in range(0, n_rows, height))


def resident_bytes() -> float:
    """Resident memory of the process, NaN on systems other than Linux."""
    try:
        pages = _STATM.read_text(encoding="ascii").split()[1]
    except OSError:
        return float("nan")
    return float(int(pages) * os.sysconf("SC_PAGE_SIZE"))
