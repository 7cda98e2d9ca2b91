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
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``target`` when the block ends well, and is removed when it does not.

    It is written beside its place under another name, synced, then renamed. A process that is killed leaves it behind. It has
    the permissions of the file that it replaces. If ``target`` is a link to a file, that file is replaced.

    Raises
    ------
    OSError
        With the path of ``target``, also where the system names none, as for a full disk. If there is something at ``target``
        that is not a regular file, such as a folder.
    """
    place = Path(os.path.realpath(target))
    part = place.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        mode = _mode_of(place)
        with open(part, "xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, place)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(part), str(place)):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    finally:
        with suppress(OSError):  # it has its place by now, or could never be made
            part.unlink()


def _mode_of(place: Path) -> int | None:
    """The permissions of an existing file."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "it exists and is not a regular file", str(place))
    return stat.S_IMODE(mode)
