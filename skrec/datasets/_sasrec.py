"""The sequence files of the SASRec paper: a user and an item in each line."""

import os

import numpy as np
import pandas as pd

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.datasets._lines import convert_lines, parse_integer

EVENT = np.dtype([("user", np.int64), ("item", np.int64)])


def load_sasrec(path: str | os.PathLike, *, max_bytes: int | None = None) -> Interactions:
    """The published sequences of Amazon Beauty, Games ("Video"), Steam or ML-1M, by which next-item models are compared.

    Each line has a user and an item, numbers from 1, between spaces; a user's lines are in order of time.

    Parameters
    ----------
    path : str or os.PathLike
        With the ending ``.gz``, it is unpacked while it is read.
    max_bytes : int, optional
        The largest number of bytes that a ``.gz`` file may unpack to. If None, 100 times its own size, at least 64 MiB.

    Returns
    -------
    Interactions
        Labels are the files' numbers. Only the order is known, so a timestamp is the place in the user's own sequence,
        from 0: it says nothing across users. All values are 1.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line is malformed (the message has the file and the line), or a ``.gz`` file is damaged or unpacks to more than
        ``max_bytes``.

    References
    ----------
    Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.

    Examples
    --------
    With the data at hand::

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
