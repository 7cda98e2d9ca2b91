"""Leave-one-out files of the neural collaborative filtering paper."""

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.data._compressed import check_max_bytes, read_members
from skrec.datasets._lines import NUMBER, convert_lines, parse_integer

PAIRS = ("user", "item", "time_rank")
EVENT = np.dtype([("user", np.int64), ("item", np.int64), ("timestamp", np.int64)])


@dataclass(frozen=True, eq=False, repr=False)
class NCFSplit:
    """Training events, and a held-out item with negatives for each test user.

    Parameters
    ----------
    train : Interactions
        Training events. Codes are the numbers of the files, and include those of the test pairs. All values are 1.
    users : int64 array of shape (n,)
        Test users.
    positives : int64 array of shape (n,)
        Held-out item of each test user.
    negatives : int64 array of shape (n, m)
        Items among which the held-out item of each test user is ranked.
    """

    train: Interactions
    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"NCFSplit({self.train}, {len(self.users)} test users, {self.negatives.shape[1]} negatives each)"


def load_ncf(folder: str | os.PathLike, name: str = "ml-1m", *, max_bytes: int | None = None) -> NCFSplit:
    """Load the published split of the NCF paper, for `skrec.metrics.sampled_leave_one_out`.

    ``NAME.train.rating`` and ``NAME.test.rating`` have lines of user, item, rating and possibly a timestamp, separated by tabs.
    ``NAME.test.negative`` has lines of ``(user,item)`` and the negatives. If the first file does not exist, ``train_pairs.npz``
    is read instead: arrays ``user``, ``item`` and ``time_rank``, the position in the order of the user's events.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder ``Data`` of the paper's repository, or one with the same files.
    name : str, default="ml-1m"
        Name of the data set. The repository has "ml-1m" (6,040 x 3,706) and "pinterest-20" (55,187 x 9,916).
    max_bytes : int, default=None
        Maximum number of bytes that ``train_pairs.npz`` may unpack to. If None, 100 times its own size, and at least 64 MiB.

    Returns
    -------
    NCFSplit
        The split. Ratings are not used. All values are 1.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed (the message has the file and the line), the two test files do not match, or ``train_pairs.npz``
        is damaged or unpacks to more than ``max_bytes``.

    References
    ----------
    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017.

    Examples
    --------
    If the files are available::

        data = load_ncf("Data")
        data
        # NCFSplit(Interactions(994169 events, 6040 users x 3706 items, timestamps), 6040 test users, 99 negatives each)
    """
    folder = read_path(folder, "folder")
    if not isinstance(name, str):
        raise TypeError(f"name must be a str such as 'ml-1m', got {name!r}")
    check_max_bytes(max_bytes)
    train = _train(folder, f"{name}.train.rating", max_bytes)
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


def _train(folder: Path, name: str, max_bytes: int | None) -> NDArray:
    """Training events, from the published file or from train_pairs.npz."""
    if (folder / name).exists():
        return _events(folder / name)
    if not (folder / "train_pairs.npz").exists():
        raise FileNotFoundError(f"{folder} contains neither {name} nor train_pairs.npz")
    return np.rec.fromarrays(_codes(folder / "train_pairs.npz", max_bytes), EVENT)


def _codes(path: Path, max_bytes: int | None) -> list[NDArray]:
    """The arrays ``PAIRS`` of an archive, which are codes of equal length."""
    members = read_members(path, [f"{name}.npy" for name in PAIRS], max_bytes)
    arrays = []
    for name in PAIRS:
        if f"{name}.npy" not in members:
            raise ValueError(f"{path.name} has no array {name!r}")
        try:
            arrays.append(_code_array(members[f"{name}.npy"]))
            if len(arrays[-1]) != len(arrays[0]):
                raise ValueError(f"it has {len(arrays[-1])} values, but array {PAIRS[0]!r} has {len(arrays[0])}")
        except ValueError as error:
            raise ValueError(f"{path.name}, array {name!r}: {error}") from error
    return arrays


def _code_array(content: bytes) -> NDArray:
    shape, dtype, start = _npy_header(content)
    if len(shape) != 1 or dtype.kind not in "iu" or shape[0] == 0:
        raise ValueError(f"expected integers >= 0, got {dtype}, shape {shape}")
    if shape[0] * dtype.itemsize != len(content) - start:  # checked before memory is allocated
        raise ValueError(f"the header declares {shape[0]} values of {dtype}, but the data have {len(content) - start} bytes")
    array = np.frombuffer(content, dtype, offset=start)
    if array.min() < 0 or array.max() >= 2**63:
        raise ValueError(f"expected integers >= 0 within int64, got {array.min() if array.min() < 0 else array.max()}")
    return array


def _npy_header(content: bytes) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, dtype and the position of the first value."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception as error:  # numpy evaluates the header as Python, which may raise anything
        raise ValueError(f"not an array in numpy's format: {error}") from error
    return shape, dtype, file.tell()


def _events(path: Path) -> NDArray:
    return np.fromiter(convert_lines(path, _event), EVENT)


def _event(line: str) -> tuple[int, int, int]:
    fields = line.split("\t")
    if len(fields) not in (3, 4):
        raise ValueError(f"expected user, item, rating and possibly a timestamp, got {len(fields)} fields")
    user, item, _, *timestamp = fields
    return parse_integer(user), parse_integer(item), parse_integer(timestamp[0]) if timestamp else 0


def _negatives(path: Path, test: NDArray) -> NDArray[np.int64]:
    """Negatives of each test event. Each line begins with the pair of the event."""
    rows = list(convert_lines(path, _candidates))
    if len(rows) != len(test):
        raise ValueError(f"{path.name} has {len(rows)} lines, the test file {len(test)}")
    for number, (pair, items) in enumerate(rows, start=1):
        user, item = int(test["user"][number - 1]), int(test["item"][number - 1])
        if pair != (user, item):
            raise ValueError(f"{path.name}, line {number}: {pair} instead of the pair of the test file, {(user, item)}")
        if len(items) != len(rows[0][1]):
            raise ValueError(f"{path.name}, line {number}: {len(items)} negatives, line 1 has {len(rows[0][1])}")
    return np.array([items for _, items in rows], np.int64)


def _candidates(line: str) -> tuple[tuple[int, int], list[int]]:
    pair, *negatives = line.split("\t")
    parts = re.fullmatch(rf"\(({NUMBER}),({NUMBER})\)", pair)
    if parts is None or not negatives:
        raise ValueError(f"expected (user,item) and its negatives, got {pair!r} and {len(negatives)} negatives")
    return (int(parts[1]), int(parts[2])), [parse_integer(negative) for negative in negatives]
