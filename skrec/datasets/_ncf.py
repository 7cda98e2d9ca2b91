"""The leave-one-out files of the neural collaborative filtering paper."""

import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.datasets._lines import NUMBER, as_path, convert_lines, number_of

EVENT = np.dtype([("user", np.int64), ("item", np.int64), ("timestamp", np.int64)])


@dataclass(frozen=True, eq=False, repr=False)
class NCFSplit:
    """Training events, and for each test user one held-out item with the items it is ranked among.

    Attributes
    ----------
    train : Interactions
        Codes are the files' own numbers. All values are 1; the frame holds the test pairs too.
    users : int64 array of shape (n,)
    positives : int64 array of shape (n,)
        The held-out item of each of them.
    negatives : int64 array of shape (n, m)
    """

    train: Interactions
    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"NCFSplit({self.train}, {len(self.users)} test users, {self.negatives.shape[1]} negatives each)"


def load_ncf(folder: str | os.PathLike, name: str = "ml-1m") -> NCFSplit:
    """The published split of the NCF paper, for `skrec.metrics.sampled_leave_one_out`.

    ``NAME.train.rating`` and ``NAME.test.rating`` have lines of user, item, rating and possibly a timestamp between
    tabs, ``NAME.test.negative`` lines of ``(user,item)`` and the negatives. Where the first file is absent,
    ``train_pairs.npz`` takes its place: arrays ``user``, ``item`` and ``time_rank``, the place in the user's own order.

    Parameters
    ----------
    folder : path
        The folder ``Data`` of the paper's repository, or one like it.
    name : str, default="ml-1m"
        The repository has "ml-1m" (6,040 x 3,706) and "pinterest-20" (55,187 x 9,916).

    Returns
    -------
    NCFSplit
        What was rated is what counts, not how: the ratings are not used.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed (the message has the file and the line), or the two test files do not match.

    References
    ----------
    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017.

    Examples
    --------
    With the data at hand::

        data = load_ncf("Data")
        data
        # NCFSplit(Interactions(994169 events, 6040 users x 3706 items, timestamps), 6040 test users, 99 negatives each)
    """
    folder = as_path(folder, "folder")
    if not isinstance(name, str):
        raise TypeError(f"name must be a str such as 'ml-1m', got {name!r}")
    train = _train(folder, f"{name}.train.rating")
    test = _events(folder / f"{name}.test.rating")
    negatives = _negatives(folder / f"{name}.test.negative", test)
    return NCFSplit(
        Interactions.from_arrays(
            train["user"],
            train["item"],
            timestamps=train["timestamp"],
            n_users=1 + max(train["user"].max(), test["user"].max()),
            n_items=1 + max(train["item"].max(), test["item"].max(), negatives.max()),
        ),
        test["user"],
        test["item"],
        negatives,
    )


def _train(folder: Path, name: str) -> NDArray:
    """Training events, from the published file or from what stands in for it."""
    if (folder / name).exists():
        return _events(folder / name)
    if not (folder / "train_pairs.npz").exists():
        raise FileNotFoundError(f"{folder} holds neither {name} nor train_pairs.npz")
    columns = _arrays(folder / "train_pairs.npz", ("user", "item", "time_rank"))
    return np.rec.fromarrays(columns, EVENT)


def _arrays(path: Path, names: tuple[str, ...]) -> list[NDArray]:
    """Arrays of codes out of an archive, all of one length."""
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no archive")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names if name in archive}
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is not a sound archive of arrays: {error}") from None
    for name in names:
        if name not in arrays:
            raise ValueError(f"{path.name} has no array {name!r}")
        array = arrays[name]
        if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0 or array.min() < 0:
            raise ValueError(f"{path.name}, array {name!r}: expected numbers from 0, got {array.dtype}, shape {array.shape}")
        if len(array) != len(arrays[names[0]]):
            raise ValueError(f"{path.name}, array {name!r}: {len(array)} numbers, {names[0]!r} has {len(arrays[names[0]])}")
    return list(arrays.values())


def _events(path: Path) -> NDArray:
    return np.fromiter(convert_lines(path, _event), EVENT)


def _event(line: str) -> tuple[int, int, int]:
    fields = line.split("\t")
    if len(fields) not in (3, 4):
        raise ValueError(f"expected user, item, rating and possibly a timestamp, got {len(fields)} fields")
    user, item, _, *timestamp = fields
    return number_of(user), number_of(item), number_of(timestamp[0]) if timestamp else 0


def _negatives(path: Path, test: NDArray) -> NDArray[np.int64]:
    """The negatives of each test event, whose own pair stands at the head of the line."""
    rows = list(convert_lines(path, _candidates))
    if len(rows) != len(test):
        raise ValueError(f"{path.name} has {len(rows)} lines, the test file {len(test)}")
    for number, (pair, items) in enumerate(rows, start=1):
        user, item = int(test["user"][number - 1]), int(test["item"][number - 1])
        if pair != (user, item):
            raise ValueError(f"{path.name}, line {number}: {pair} stands where the test file has {(user, item)}")
        if len(items) != len(rows[0][1]):
            raise ValueError(f"{path.name}, line {number}: {len(items)} negatives, line 1 has {len(rows[0][1])}")
    return np.array([items for _, items in rows], np.int64)


def _candidates(line: str) -> tuple[tuple[int, int], list[int]]:
    pair, *negatives = line.split("\t")
    parts = re.fullmatch(rf"\(({NUMBER}),({NUMBER})\)", pair)
    if parts is None or not negatives:
        raise ValueError(f"expected (user,item) and its negatives, got {pair!r} and {len(negatives)} negatives")
    return (int(parts[1]), int(parts[2])), [number_of(negative) for negative in negatives]
