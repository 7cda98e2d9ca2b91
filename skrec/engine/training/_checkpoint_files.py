"""Checkpoint files: a header with a checksum, followed by a state saved by torch."""

import hashlib
import io
import os
import stat
import struct
from pathlib import Path
from typing import Any

import torch

from skrec._writing import atomic_write

_MAGIC = b"skrec checkpoint 1\n"
_HEADER = struct.Struct(f">{len(_MAGIC)}sQ32s")  # followed by size and checksum of the content
_N_ATTEMPTS = 3


def write_checkpoint(path: Path, state: dict[str, Any], *, run: str) -> None:
    """Write the state of a run to a file atomically.

    Parameters
    ----------
    path : Path
        Path of the file. Its folder is created if it does not exist.
    state : dict
        State to save.
    run : str
        Identifier of the run. `read_checkpoint` needs the same one.

    Raises
    ------
    OSError
        If the file cannot be written. An existing file is not changed.
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
        except FileNotFoundError:  # another fit that just started has removed the unfinished file
            if attempt == _N_ATTEMPTS:
                raise


def read_checkpoint(path: Path, *, run: str) -> Any:
    """Read a state written by `write_checkpoint` for the same run, with its tensors on the CPU.

    Parameters
    ----------
    path : Path
        Path of the file.
    run : str
        Identifier of the run.

    Returns
    -------
    dict

    Raises
    ------
    OSError
        If the file does not exist or cannot be read.
    ValueError
        If the file is not a checkpoint, is damaged, or belongs to another run.
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
            raise ValueError(f"it has {n_bytes} bytes instead of {size}")
        content = file.read()
    if _checksum(run, content) != checksum:
        raise ValueError("its checksum is wrong: it is damaged, or belongs to another fit")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _checksum(run: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(run.encode())
    digest.update(content)
    return digest.digest()
