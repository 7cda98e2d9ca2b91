"""Files that are whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished-"
"""What the names of files begin with while they are written."""


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``target`` when the block ends well, and is removed when it does not.

    It is written beside its place under another name, synced, then renamed. A process that is killed leaves it behind.

    Raises
    ------
    OSError
        With the path of ``target``, also where the system names none, as for a full disk.
    """
    part = target.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        with open(part, "xb") as file:
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
