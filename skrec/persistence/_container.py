"""Files in the safetensors format with a JSON document and a checksum in the header.

The header begins with the checksum, a CRC-32 of all bytes of the file in which its own eight digits are zeros. It is computed
while the tensors are written or read, block by block, so a file is read once and no second copy of the tensors is made.
"""

import json
import os
import stat
import zlib
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from skrec.persistence._errors import ModelFormatError

_START = b'{"__metadata__":{"skrec":"{\\"checksum\\":\\"'
_NO_DIGITS = b"00000000"
_LENGTH_BYTES = 8
_MAX_HEADER = 2**22  # a document has some thousand characters; a parsed one takes many times its length
_BLOCK = 2**18
_ALIGNMENT = 64  # of torch, whose results may depend on it
_DTYPES = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
STORED_DTYPES = frozenset(_NAMES)
"""The dtypes that a tensor may have."""


class Content(NamedTuple):
    """The content of a file.

    Attributes
    ----------
    document : dict
        A JSON object.
    tensors : dict of arrays
        Arrays in row-major order, by name.
    """

    document: dict[str, Any]
    tensors: dict[str, NDArray]


def write_content(file: BinaryIO, content: Content) -> None:
    """Write a document and tensors to a file.

    Raises
    ------
    ValueError
        If the document is too long.
    """
    tensors = dict(sorted(content.tensors.items(), key=lambda entry: -entry[1].itemsize))  # so that all are aligned
    header: dict[str, Any] = {"__metadata__": {"skrec": _document_text(content.document)}}
    stop = 0
    for name, array in tensors.items():
        start, stop = stop, stop + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    if len(text) > _MAX_HEADER:
        raise ValueError(
            f"the model cannot be saved: its parameters and other values that are not arrays take {len(text)} bytes, and the "
            f"maximum is {_MAX_HEADER}"
        )
    head = len(text).to_bytes(_LENGTH_BYTES, "little") + text
    checksum = zlib.crc32(head)
    for array in tensors.values():
        checksum = zlib.crc32(_bytes_of(array), checksum)
    place = _LENGTH_BYTES + len(_START)
    file.write(head[:place] + _digits(checksum) + head[place + len(_NO_DIGITS) :])
    for array in tensors.values():
        file.write(_bytes_of(array))


def read_content(path: Path) -> Content:
    """Read a file that `write_content` has written.

    Raises
    ------
    OSError
        If the file cannot be read.
    ModelFormatError
        If it is another file, or is damaged.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise ModelFormatError("it is not a regular file")
    with open(path, "rb") as file:
        head = _read_head(file, os.fstat(file.fileno()).st_size)
        infos, text = _read_header(file)
        place = _LENGTH_BYTES + len(_START)
        stop = place + len(_NO_DIGITS)
        checksum = zlib.crc32(head[:place] + _NO_DIGITS + head[stop:])
        file.seek(len(head))
        tensors = {}
        for name, (dtype, shape) in infos.items():
            tensors[name], checksum = _read_tensor(file, dtype, shape, checksum)
    if head[place:stop] != _digits(checksum):
        raise ModelFormatError("it is damaged: its checksum is wrong")
    for name, array in tensors.items():
        if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
            raise ModelFormatError(f"its tensor {name!r} has bytes that are no booleans")
    return Content(_parse_document(text), tensors)


def _document_text(document: dict[str, Any]) -> str:
    return json.dumps({"checksum": _NO_DIGITS.decode(), **document}, separators=(",", ":"), allow_nan=False)


def _parse_document(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"its document is not valid JSON: {error}") from error


def _digits(checksum: int) -> bytes:
    return b"%08x" % checksum


def _read_head(file: BinaryIO, n_bytes: int) -> bytes:
    """The length of the header, and the header."""
    head = file.read(_LENGTH_BYTES + len(_START))
    if not head.endswith(_START) or len(head) != _LENGTH_BYTES + len(_START):
        raise ModelFormatError("it is not a file that skrec has saved")
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    if not len(_START) + len(_NO_DIGITS) < length <= min(_MAX_HEADER, n_bytes - _LENGTH_BYTES):
        raise ModelFormatError(f"it is damaged: it has {n_bytes} bytes, and its header claims to have {length}")
    return head + file.read(length - len(_START))


def _read_header(file: BinaryIO) -> tuple[dict[str, tuple[np.dtype, tuple[int, ...]]], str]:
    """Dtypes and shapes of the tensors in the order of the file, and the document. safetensors checks the header."""
    try:
        # the open file, since another one may have taken its place meanwhile
        with safe_open(f"/dev/fd/{file.fileno()}", framework="np") as opened:
            infos = {}
            for name in opened.offset_keys():
                part = opened.get_slice(name)
                infos[name] = _DTYPES[part.get_dtype()], tuple(part.get_shape())
            return infos, opened.metadata()["skrec"]
    except (SafetensorError, KeyError) as error:
        raise ModelFormatError(f"it is damaged: {error}") from error


def _read_tensor(file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...], checksum: int) -> tuple[NDArray, int]:
    """The next tensor of a file, and the checksum up to its end."""
    n_bytes = dtype.itemsize * prod(shape)
    buffer = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    first = -buffer.ctypes.data % _ALIGNMENT
    flat: Any = buffer[first : first + n_bytes]
    for start in range(0, n_bytes, _BLOCK):
        block = memoryview(flat[start : start + _BLOCK])
        if file.readinto(block) != len(block):  # type: ignore[attr-defined]
            raise ModelFormatError("it is damaged: it ends before its last tensor")
        checksum = zlib.crc32(block, checksum)
    return flat.view(dtype).reshape(shape), checksum


def _bytes_of(array: NDArray) -> Any:
    return array.reshape(-1).view(np.uint8).data if array.size else b""
