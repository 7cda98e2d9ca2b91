"""Integer labels in text files."""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_INTEGER = re.compile("0|[1-9][0-9]{0,18}")


def is_integer(word: str) -> bool:
    """Whether a label is written as a non-negative int64 without a sign or leading zeros."""
    return _INTEGER.fullmatch(word) is not None and int(word) < 2**63


def bounded_by_digits(lines: str, delimiter: str, n_fields: int, places: Iterable[int]) -> bool:
    """Whether the given fields of all lines begin and end with a digit, and no field but "0" begins with a zero.

    If pandas reads such fields as int64, each of them satisfies `is_integer`: pandas also accepts blanks, signs and leading
    zeros, but nothing else. The result is False if a line has quotes, is empty, or does not have ``n_fields`` fields.
    """
    if '"' in lines or not delimiter.isascii():
        return False
    lines = lines.replace("\r\n", "\n") if "\r" in lines else lines
    lines = lines if lines.endswith("\n") else lines + "\n"
    text = np.frombuffer(lines.encode(), np.uint8)
    ends = np.flatnonzero((text == ord(delimiter)) | (text == ord("\n")))
    if len(ends) != n_fields * lines.count("\n"):
        return False
    if (text.take(ends[n_fields - 1 :: n_fields]) != ord("\n")).any():
        return False
    starts = np.concatenate([[0], ends[:-1] + 1])
    return all(_are_bounded(text, starts[place::n_fields], ends[place::n_fields]) for place in places)


def _are_bounded(text: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> bool:
    first, last = (
        text.take(starts) - np.uint8(ord("0")),
        text.take(ends - 1) - np.uint8(ord("0")),
    )
    return bool(((first <= 9) & (last <= 9) & ((first > 0) | (ends - starts == 1))).all())
