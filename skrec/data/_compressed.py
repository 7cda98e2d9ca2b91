"""Compressed files, which are checked completely and decompressed up to a limit."""

import gzip
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import EINVAL
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, cast

from skrec._checks import check_int

LEAST_LIMIT = 64 << 20
LIMIT_RATIO = 100  # gzip compresses tables of events by a factor of 3 to 20, and files of zeros by 1000
_CHUNK_BYTES = 1 << 20


def open_binary(path: Path, max_bytes: int | None = None) -> BinaryIO:
    """Open a file to read bytes. A file whose name ends with ".gz" is checked, and then decompressed while it is read.

    The check decompresses the whole file once and discards the result. A damaged or too large file is refused before anything
    is read.

    Parameters
    ----------
    path : Path
        Path of the file.
    max_bytes : int, optional
        Maximum decompressed size. If None, 100 times the size of the file, and at least 64 MiB.

    Returns
    -------
    BinaryIO
        The open file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If a compressed file is damaged or larger than the limit.
    TypeError
        If ``max_bytes`` is not an integer or None.
    """
    check_max_bytes(max_bytes)
    if path.suffix != ".gz":
        return open(path, "rb")
    check_gzip(path, max_bytes)
    return cast(BinaryIO, gzip.open(path, "rb"))


def check_gzip(path: Path, max_bytes: int | None = None) -> None:
    """Raise an error if a gzip file is damaged or larger than the limit, as in `open_binary`."""
    limit = _limit(path, max_bytes)
    n_bytes = 0
    with _damage_as_value_error(f"{path.name} cannot be unpacked"), gzip.open(path, "rb") as file:
        while n_bytes <= limit and (chunk := file.read(_CHUNK_BYTES)):
            n_bytes += len(chunk)
    if n_bytes > limit:
        raise ValueError(_too_large(path, limit))


def read_members(path: Path, names: Iterable[str], max_bytes: int | None = None) -> dict[str, bytes]:
    """Read some members of a zip archive. Missing members are left out, and other members are not decompressed.

    The limit applies to the sum of the members. Errors are those of `open_binary`.
    """
    limit = _limit(path, max_bytes)
    with _damage_as_value_error(f"{path} is not a valid zip archive"):
        archive = zipfile.ZipFile(path)
    with archive:
        members = _members(archive, frozenset(names))
        # zipfile unpacks no more than the declared size
        if sum(member.file_size for member in members) > limit:
            raise ValueError(_too_large(path, limit))
        with _damage_as_value_error(f"{path} is not a valid zip archive"):
            return {member.filename: archive.read(member) for member in members}


def check_max_bytes(max_bytes: int | None) -> None:
    """Check that the limit is None or a positive integer."""
    check_int(max_bytes, "max_bytes", at_least=1, or_none=True)


def _limit(path: Path, max_bytes: int | None) -> int:
    check_max_bytes(max_bytes)
    status = path.stat()
    if not S_ISREG(status.st_mode) and not S_ISDIR(status.st_mode):  # a pipe cannot be read twice
        raise ValueError(f"{path} is not a regular file, as a compressed file must be")
    return max(LEAST_LIMIT, LIMIT_RATIO * status.st_size) if max_bytes is None else int(max_bytes)


def _too_large(path: Path, limit: int) -> str:
    size = path.stat().st_size
    return f"{path.name} has {size} bytes and unpacks to more than {limit}, the limit; a larger max_bytes allows it"


def _members(archive: zipfile.ZipFile, names: frozenset[str]) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if member.filename in names]
    found = [member.filename for member in members]
    twice = [name for name in found if found.count(name) > 1]
    if twice:
        raise ValueError(f"{archive.filename} is not a valid zip archive: it has more than one member {twice[0]!r}")
    return members


@contextmanager
def _damage_as_value_error(sentence: str) -> Iterator[None]:
    """Convert the errors of gzip, zipfile and their decompressors for damaged files into ValueError.

    They raise about ten types (EOFError, NotImplementedError, RuntimeError, struct.error, zlib.error, ...), which are not
    documented. Errors of the file system are not converted.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno not in (
            None,
            EINVAL,
        ):  # EINVAL: an invalid offset
            raise
        raise ValueError(f"{sentence}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{sentence}: {error or type(error).__name__}") from error
