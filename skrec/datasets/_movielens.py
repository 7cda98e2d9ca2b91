"""MovieLens: the official files of all releases."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec._checks import check_choice, check_flag, read_path
from skrec.data import IdEncoder, Interactions
from skrec.data._compressed import check_max_bytes, read_members
from skrec.datasets._dataset import Dataset
from skrec.datasets._files import DatasetNotAvailable, cache_dir, download, has_sha256, read_folder
from skrec.datasets._labels import unique_names
from skrec.datasets._movielens_format import Tables, read_1m, read_10m, read_100k, read_csv

BASE_URL = "https://files.grouplens.org/datasets/movielens/"
MAX_ZIP_BYTES = 300 << 20
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872"
)
RESEARCH_ONLY = "Research use only; no redistribution and no commercial use without permission of GroupLens."
SHARE_ALIKE = "Research use; may be redistributed under the same conditions; no commercial use without permission."


@dataclass(frozen=True)
class Release:
    """Files of a release, their parser, and figures to verify them."""

    name: str  # also of the official zip
    sha256: str  # of the official zip
    n_ratings: int
    read: Callable[[dict[str, bytes]], Tables]
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    license: str = RESEARCH_ONLY
    unpacked: str | None = None  # folder in the zip, if its name differs

    @property
    def folder(self) -> str:
        """The folder with the files."""
        return self.unpacked or self.name


RELEASES = {
    "100k": Release(
        name="ml-100k",
        sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        n_ratings=100_000,
        read=read_100k,
        needed=("u.data", "u.item", "u.user"),
        optional=tuple(f"u{fold}.{part}" for fold in range(1, 6) for part in ("base", "test")),
    ),
    "latest-small": Release(
        name="ml-latest-small",
        sha256="696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        n_ratings=100_836,
        read=read_csv,
        needed=("ratings.csv", "movies.csv"),
        license=SHARE_ALIKE,
    ),
    "1m": Release(
        name="ml-1m",
        sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        n_ratings=1_000_209,
        read=read_1m,
        needed=("ratings.dat", "movies.dat", "users.dat"),
    ),
    "10m": Release(
        name="ml-10m",
        sha256="813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
        n_ratings=10_000_054,
        read=read_10m,
        needed=("ratings.dat", "movies.dat"),
        unpacked="ml-10M100K",
    ),
    "20m": Release(
        name="ml-20m",
        sha256="96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        n_ratings=20_000_263,
        read=read_csv,
        needed=("ratings.csv", "movies.csv"),
        license=SHARE_ALIKE,
    ),
    "25m": Release(
        name="ml-25m",
        sha256="8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
        n_ratings=25_000_095,
        read=read_csv,
        needed=("ratings.csv", "movies.csv"),
        license=SHARE_ALIKE,
    ),
    "32m": Release(
        name="ml-32m",
        sha256="e4a68655d7386b8f95f2f2424b2ff975dfdd15ffd59e0d864a14dca43e99d6ee",
        n_ratings=32_000_204,
        read=read_csv,
        needed=("ratings.csv", "movies.csv"),
        license=SHARE_ALIKE,
    ),
}


def fetch_movielens(
    name: Literal["100k", "latest-small", "1m", "10m", "20m", "25m", "32m"] = "100k",
    *,
    item_labels: Literal["title", "id"] = "title",
    data_home: str | os.PathLike | None = None,
    download: bool = True,
    max_bytes: int | None = None,
    verbose: int = 0,
) -> Dataset:
    """Load MovieLens ratings with tables of films and users, and official folds.

    ============== ================= ============ =========
    name           users x items     ratings      years
    ============== ================= ============ =========
    "100k"         943 x 1,682       100,000      1997-1998
    "latest-small" 610 x 9,724       100,836      1996-2018
    "1m"           6,040 x 3,706     1,000,209    2000-2003
    "10m"          69,878 x 10,677   10,000,054   1995-2009
    "20m"          138,493 x 26,744  20,000,263   1995-2015
    "25m"          162,541 x 59,047  25,000,095   1995-2019
    "32m"          200,948 x 84,432  32,000,204   1995-2023
    ============== ================= ============ =========

    The files are searched in the folder of the release, such as ``ml-100k`` (``ml-10M100K`` for "10m"), first below the
    environment variable ``SKREC_DATA``, then below ``data_home``. Otherwise the official zip in ``data_home`` is read, which is
    downloaded from GroupLens if it does not exist. The zip is verified by its SHA-256 at each use and is not extracted.

    Parameters
    ----------
    name : {"100k", "latest-small", "1m", "10m", "20m", "25m", "32m"}, default="100k"
        Release. Ratings are integers from 1 to 5 in "100k" and "1m", and multiples of 0.5 from 0.5 in the others.
    item_labels : {"title", "id"}, default="title"
        Item labels. "title": a title of several films is followed by the id, as in "Chasing Amy (1997) [268]", and surrounding
        white space is removed. "id": the numbers of MovieLens.
    data_home : str or os.PathLike, default=None
        Folder of data sets. If None, the cache: ``SKREC_CACHE``, otherwise ``skrec`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
    download : bool, default=True
        Whether files that are not available locally are downloaded. If False, the network is not used.
    max_bytes : int, default=None
        Maximum number of bytes that the files in the zip may unpack to. If None, 100 times the size of the zip, and at least
        64 MiB, which is enough for all official releases.
    verbose : int, default=0
        If above 0, show the progress of a download.

    Returns
    -------
    Dataset
        The users and items of ``interactions`` are those with ratings, in sorted order. ``items`` has all films, including
        films without ratings, with the columns ``movie_id``, ``title`` (as published), ``year`` (from the title), ``genres``,
        and ``release_date`` for "100k". ``users`` has ``age`` (for "1m" the lower end of an age group, where 1 means under
        18), ``gender``, ``occupation`` and ``zip``. It is None for releases other than "100k" and "1m". ``folds`` are u1 to u5
        for "100k", each in the order of its file, if the files exist, otherwise None.

    Raises
    ------
    DatasetNotAvailable
        If the files are not available locally and cannot be downloaded, or the local zip is not the official one.
    ValueError
        If a file is malformed (the message has its name and line) or incomplete, or the zip unpacks to more than
        ``max_bytes``.

    Notes
    -----
    Reading "32m" takes about 25 seconds on one core and 4.7 GB of memory.

    Examples
    --------
    If the files are available::

        movies = fetch_movielens("100k")
        movies.interactions
        # Interactions(100000 events, 943 users x 1682 items, values 1 to 5, timestamps)
        movies.items.loc["Star Wars (1977)", "genres"]
        # ('Action', 'Adventure', 'Romance', 'Sci-Fi', 'War')
    """
    check_choice(name, "name", tuple(RELEASES))
    check_choice(item_labels, "item_labels", ("title", "id"))
    check_flag(download, "download")
    check_max_bytes(max_bytes)
    release = RELEASES[name]
    home = cache_dir() if data_home is None else read_path(data_home, "data_home")
    files = _find(release, home)
    if files is None:
        path = _official_zip(release, home, allow_download=download, verbose=verbose)
        files = _read_zip(path, release, max_bytes)
    frame, items, users, folds = release.read(files)
    if len(frame) != release.n_ratings:
        raise ValueError(f"{release.name} is not complete: it has {len(frame)} ratings instead of {release.n_ratings}")
    labels = items["movie_id"] if item_labels == "id" else unique_names(items["title"], items["movie_id"])
    films = items.index.get_indexer(frame["item"])
    frame["item"] = labels.array.take(films)
    frame["timestamp"] = frame["timestamp"].to_numpy().astype("datetime64[s]").astype("datetime64[us]")
    return Dataset(
        name=release.name,
        interactions=_interactions(frame, films, labels),
        frame=frame,
        items=items.set_axis(pd.Index(labels, name="item")),
        users=users,
        folds=folds,
        citation=CITATION,
        license=release.license,
    )


def _interactions(frame: pd.DataFrame, films: NDArray[np.int64], labels: pd.Series) -> Interactions:
    """The same as `Interactions.from_frame`, but without encoding a label for each rating."""
    user_ids, users = IdEncoder.learn(frame["user"])
    rated, place = np.unique(films, return_inverse=True)
    item_ids, item_of = IdEncoder.learn(labels.iloc[rated])
    return Interactions.from_arrays(
        users,
        item_of[place],
        frame["rating"],
        timestamps=frame["timestamp"],
        user_ids=user_ids.ids,
        item_ids=item_ids.ids,
    )


def _find(release: Release, home: Path) -> dict[str, bytes] | None:
    """Files of the first folder that has all needed files."""
    roots = [Path(os.environ["SKREC_DATA"]).expanduser()] if os.environ.get("SKREC_DATA") else []
    for root in [*roots, home]:
        folder = root / release.folder
        if all((folder / name).is_file() for name in release.needed):
            return read_folder(folder, release.needed + release.optional)
    return None


def _official_zip(release: Release, home: Path, *, allow_download: bool, verbose: int) -> Path:
    """Path of the zip in ``home``, which is downloaded if it does not exist."""
    url, path = f"{BASE_URL}{release.name}.zip", home / f"{release.name}.zip"
    advice = (
        f"set SKREC_DATA to the folder that holds {release.folder}/ with {', '.join(release.needed)}, or save {url} as {path}"
    )
    if not path.is_file():
        if not allow_download:
            raise DatasetNotAvailable(f"{release.name} is not available locally, and download=False; {advice}")
        try:
            download(url, path, sha256=release.sha256, max_bytes=MAX_ZIP_BYTES, verbose=verbose)
        except DatasetNotAvailable as error:
            raise DatasetNotAvailable(f"{release.name} is not available locally, and {error}; {advice}") from None
    if not has_sha256(path, release.sha256):
        raise DatasetNotAvailable(f"{path} is not the official file (SHA-256 {release.sha256}); delete it, or {advice}")
    return path


def _read_zip(path: Path, release: Release, max_bytes: int | None) -> dict[str, bytes]:
    members = {f"{release.folder}/{name}": name for name in release.needed + release.optional}
    files = {members[member]: content for member, content in read_members(path, members, max_bytes).items()}
    missing = set(release.needed) - files.keys()
    if missing:
        raise ValueError(f"{path} has no {release.folder}/{min(missing)}")
    return files
