"""Files of data sets: where they lie and how they are downloaded."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.request import urlopen

from skrec._process import progress_bar
from skrec.base._writing import atomic_write

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 16


class DatasetNotAvailable(OSError):
    """The files of a data set are not on this machine and cannot be fetched; the message says what to do."""


def cache_dir() -> Path:
    """``SKREC_CACHE``, else ``skrec`` in ``XDG_CACHE_HOME`` or ``~/.cache``. The folder need not exist."""
    if chosen := os.environ.get("SKREC_CACHE"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "skrec"


def read_folder(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The contents of those of the named files that are there."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def has_sha256(path: Path, sha256: str) -> bool:
    """Whether a file has this checksum."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def download(url: str, target: Path, *, sha256: str, max_bytes: int, verbose: int = 0) -> None:
    """Fetch ``url`` into the file ``target``, which appears only when it is whole and has the right checksum.

    Raises
    ------
    DatasetNotAvailable
        If the server cannot be reached, breaks off, sends more than ``max_bytes`` or something else than expected.
    """
    digest = hashlib.sha256()
    with _connect(url) as response:
        target.parent.mkdir(parents=True, exist_ok=True)
        bar = progress_bar(total=response.length, unit="B", unit_scale=True, desc=target.name, disable=not verbose)
        with bar, atomic_write(target) as file:
            for chunk in _chunks(response, url, max_bytes):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
            if digest.hexdigest() != sha256:
                raise DatasetNotAvailable(f"{url} does not have the published content (SHA-256 {sha256})")


def _connect(url: str) -> HTTPResponse:
    try:
        return urlopen(url, timeout=TIMEOUT_SECONDS)
    except (OSError, HTTPException) as error:
        raise DatasetNotAvailable(f"{url} cannot be reached ({error})") from None


def _chunks(response: HTTPResponse, url: str, max_bytes: int) -> Iterator[bytes]:
    received = 0
    while chunk := _read_chunk(response, url):
        received += len(chunk)
        if received > max_bytes:
            raise DatasetNotAvailable(f"{url} sends more than the {max_bytes} bytes expected of it")
        yield chunk
    if response.length:  # what the server still owes of the length it announced
        raise DatasetNotAvailable(f"{url} broke off after {received} bytes, {response.length} are missing")


def _read_chunk(response: HTTPResponse, url: str) -> bytes:
    try:
        return response.read(CHUNK_BYTES)
    except (OSError, HTTPException) as error:
        raise DatasetNotAvailable(f"{url} broke off ({error!r})") from None
