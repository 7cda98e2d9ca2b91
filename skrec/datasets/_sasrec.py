"""Sequence files of the SASRec paper: a user and an item in each line."""

import os

import numpy as np
import pandas as pd

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.datasets._lines import convert_lines, parse_integer

EVENT = np.dtype([("user", np.int64), ("item", np.int64)])


def load_sasrec(path: str | os.PathLike, *, max_bytes: int | None = None) -> Interactions:
    """Load the published sequences of Amazon Beauty, Games ("Video"), Steam or ML-1M, a benchmark of next-item models.

    Each line has a user and an item, integers from 1, separated by spaces. The lines of a user are in order of time.

    Parameters
    ----------
    path : str or os.PathLike
        File to read. With the ending ``.gz``, it is unpacked while it is read.
    max_bytes : int, default=None
        Maximum number of bytes that a ``.gz`` file may unpack to. If None, 100 times its own size, and at least 64 MiB.

    Returns
    -------
    Interactions
        Labels are the numbers of the file, and all values are 1. A timestamp is the position in the sequence of the user, from
        0. Timestamps of different users cannot be compared.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If a line is malformed (the message has the file and the line), or a ``.gz`` file is damaged or unpacks to more than
        ``max_bytes``.

    References
    ----------
    Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.

    Examples
    --------
    If the file is available::

        load_sasrec("Video.txt")
        # Interactions(287107 events, 31013 users x 23715 items, timestamps)
    """
    events = pd.DataFrame(np.fromiter(convert_lines(read_path(path, "path"), _event, max_bytes=max_bytes), EVENT))
    return Interactions.from_frame(events.assign(timestamp=events.groupby("user").cumcount()))


def _event(line: str) -> tuple[int, int]:
    fields = line.split()
    if len(fields) != 2:
        raise ValueError(f"expected a user and an item, got {len(fields)} fields")
    return parse_integer(fields[0], least=1), parse_integer(fields[1], least=1)
