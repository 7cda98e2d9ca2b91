"""Location and download of the files of data sets."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from skrec._process import progress_bar
from skrec._writing import atomic_write

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 16


class DatasetNotAvailable(OSError):
    """The files of a data set are not available locally and cannot be downloaded. The message says what to do."""


def cache_dir() -> Path:
    """``SKREC_CACHE``, otherwise ``skrec`` in ``XDG_CACHE_HOME`` or ``~/.cache``. The folder may not exist."""
    if chosen := os.environ.get("SKREC_CACHE"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "skrec"


def read_folder(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Contents of the named files that exist."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def has_sha256(path: Path, sha256: str) -> bool:
    """Whether a file has this checksum."""
    import pooch

    return pooch.file_hash(str(path), alg="sha256") == sha256


def download(url: str, target: Path, *, sha256: str, max_bytes: int, verbose: int = 0) -> None:
    """Download ``url`` to the file ``target``.

    The file is created only when the download is complete and its checksum is correct.

    Raises
    ------
    DatasetNotAvailable
        If the server cannot be reached, does not have the file, closes the connection early, sends more than ``max_bytes``, or
        sends content with another checksum.
    OSError
        If the file cannot be written.
    """
    import pooch

    # pooch sets the total from the answer of the server, but needs a positive one before
    bar = progress_bar(total=max_bytes, unit="B", unit_scale=True, desc=target.name, disable=not verbose)
    fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    target.parent.mkdir(parents=True, exist_ok=True)
    with bar, atomic_write(target) as file:
        try:
            fetch(url, _LimitedFile(file, max_bytes), None)
        except OSError as error:
            if error.errno is not None:  # errors of the file system have a number, those of the network do not
                raise
            raise DatasetNotAvailable(f"{url} cannot be downloaded ({error})") from None
        if not has_sha256(Path(file.name), sha256):
            raise DatasetNotAvailable(f"{url} does not match the published SHA-256 {sha256}")


class _LimitedFile:
    """A writable file with a maximum number of bytes."""

    def __init__(self, file: BinaryIO, max_bytes: int):
        self.file, self.max_bytes, self.flush = file, max_bytes, file.flush

    def write(self, chunk: bytes) -> None:
        if self.file.tell() + len(chunk) > self.max_bytes:
            raise DatasetNotAvailable(f"it is larger than the expected {self.max_bytes} bytes")
        self.file.write(chunk)
