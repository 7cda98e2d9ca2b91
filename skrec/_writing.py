"""Files that are whole or not there."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished-"
"""What the names of files begin with while they are written."""


@contextmanager
def atomic_write(target: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``target`` when the block ends well, and is removed when it does not.

    It is written beside its place under another name, synced, then renamed. A process that is killed leaves it behind. Its
    permissions are ``mode``, or those of new files if None.

    Raises
    ------
    OSError
        With the path of ``target``, also where the system names none, as for a full disk.
    """
    part = target.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        with open(part, "xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(part)):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    finally:
        with suppress(OSError):  # it has its place by now, or could never be made
            part.unlink()


@contextmanager
def atomic_update(target: Path) -> Iterator[BinaryIO]:
    """The same for a file that a user names. The permissions of an existing file are kept. Links are followed.

    Raises
    ------
    OSError
        As by `atomic_write`, and if there is something at ``target`` that is not a regular file, such as a folder or a device.
    """
    place = Path(os.path.realpath(target))
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "it exists and is not a regular file", str(target))
    with atomic_write(place, mode=None if mode is None else stat.S_IMODE(mode)) as file:
        yield file
