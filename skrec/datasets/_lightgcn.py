"""Files of the NGCF and LightGCN papers: a line for each user with all items of the user."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.datasets._lines import NUMBER, convert_lines

LINE = re.compile(f" *{NUMBER}(?: +{NUMBER})* *")


class LightGCNSplit(NamedTuple):
    """Training and test events with the same user and item codes, which are the numbers of the files.

    Parameters
    ----------
    train : Interactions
        Training events. All values are 1. There are no timestamps.
    test : Interactions
        Test events, of the same form.
    """

    train: Interactions
    test: Interactions


def load_lightgcn(folder: str | os.PathLike) -> LightGCNSplit:
    """Load the published split of Gowalla, Yelp2018 or Amazon-Book, on which LightGCN and later models are evaluated.

    Each line of ``train.txt`` and ``test.txt`` has the number of a user and the numbers of the user's items, separated by
    spaces.

    Parameters
    ----------
    folder : str or os.PathLike
        Folder with the files.

    Returns
    -------
    LightGCNSplit
        Training and test events.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, or if a line is malformed. The message has the file and the line.

    References
    ----------
    He, Deng, Wang, Li, Zhang, Wang, "LightGCN", SIGIR 2020.

    Examples
    --------
    If the files are available::

        train, test = load_lightgcn("gowalla")
        train
        # Interactions(810128 events, 29858 users x 40981 items)
    """
    folder = read_path(folder, "folder")
    parts = [_pairs(folder / name) for name in ("train.txt", "test.txt")]
    n_users, n_items = (1 + max(int(part[axis].max(initial=-1)) for part in parts) for axis in (0, 1))
    return LightGCNSplit(*(Interactions.from_arrays(*part, n_users=n_users, n_items=n_items) for part in parts))


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    users, items = zip(*convert_lines(path, _user))
    if not any(map(len, items)):
        raise ValueError(f"{path.name} has no items")
    return np.repeat(np.array(users), list(map(len, items))), np.concatenate(items)


def _user(line: str) -> tuple[int, np.ndarray]:
    if LINE.fullmatch(line) is None:
        raise ValueError(f"expected a user and items as integers >= 0, got {line[:80]!r}")
    user, *items = line.split()
    return int(user), np.array(items, np.int64)
