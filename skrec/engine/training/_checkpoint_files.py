"""Checkpoint files: a header with a checksum, and what torch saves."""

import hashlib
import io
import os
import stat
import struct
from pathlib import Path
from typing import Any

import torch

from skrec.base._writing import atomic_write

_MAGIC = b"skrec checkpoint 1\n"
_HEADER = struct.Struct(f">{len(_MAGIC)}sQ32s")  # then the size of the content, and its checksum
_N_ATTEMPTS = 3


def write_checkpoint(path: Path, state: dict[str, Any], *, run: str) -> None:
    """Write the state of a run into a file, which appears when it is whole.

    Parameters
    ----------
    path : Path
        Its folder is made if it does not exist.
    state : dict
    run : str
        What identifies the run; the file can be read for no other one.

    Raises
    ------
    OSError
        With the path. What stood there stays.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    header = _HEADER.pack(_MAGIC, len(content), _checksum(run, content))
    for attempt in range(1, _N_ATTEMPTS + 1):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with atomic_write(path) as file:
                file.write(header)
                file.write(content)
            return
        except FileNotFoundError:  # a fit that began at this moment took the unfinished file for a leftover
            if attempt == _N_ATTEMPTS:
                raise


def read_checkpoint(path: Path, *, run: str) -> Any:
    """The state that `write_checkpoint` wrote for the same run, its tensors on the CPU.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is no checkpoint, not whole, or of another run.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a regular file")
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
        if not header.startswith(_MAGIC) or len(header) < _HEADER.size:
            raise ValueError("it is not a checkpoint of this version")
        _, size, checksum = _HEADER.unpack(header)
        n_bytes = os.fstat(file.fileno()).st_size - _HEADER.size
        if n_bytes != size:
            raise ValueError(f"it holds {n_bytes} bytes of {size}")
        content = file.read()
    if _checksum(run, content) != checksum:
        raise ValueError("its checksum is wrong: it is damaged, or belongs to another fit")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _checksum(run: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(run.encode())
    digest.update(content)
    return digest.digest()
