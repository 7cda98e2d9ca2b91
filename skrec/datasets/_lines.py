"""Text files read line by line: what is wrong with a line is told by file and number."""

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

NUMBER = "[0-9]{1,18}"  # what int64 holds

T = TypeVar("T")


def as_path(value: Any, name: str) -> Path:
    """A path, or a TypeError that names the argument."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {value!r}")
    return Path(value)


def convert_lines(
    path: Path, convert: Callable[[str], T], *, encoding: str = "utf-8", header: str | None = None
) -> Iterator[T]:
    """Each line below the header, if there is one, converted; ``.gz`` files are unpacked on the way.

    A line ends where a line feed is and nowhere else: titles and reviews hold other characters that Python would take for ends.

    Raises
    ------
    ValueError
        If ``convert`` raises one, the text is encoded otherwise or the header is another (the message has the file and
        the line), or if the file has no line to convert.
    """
    number = 0
    for number, line in enumerate(_lines(path), start=1):
        try:
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode(encoding)
            if header is None or number > 1:
                yield convert(text)
            elif text != header:
                raise ValueError(f"expected {header!r}, got {text[:80]!r}")
        except UnicodeDecodeError:
            raise ValueError(f"{path.name}, line {number}: not {encoding} text") from None
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from error
    if number == 0 or (header is not None and number == 1):
        raise ValueError(f"{path.name} is empty")


def _lines(path: Path) -> Iterator[bytes]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        try:
            yield from file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path.name} cannot be unpacked: {error}") from None


def split_tabs(line: str, names: str) -> list[str]:
    """The fields between tabs, as many as there are names, which stand between commas."""
    fields, n_fields = line.split("\t"), 1 + names.count(",")
    if len(fields) != n_fields:
        raise ValueError(f"expected {n_fields} fields between tabs ({names}), got {len(fields)}")
    return fields


def number_of(text: str, *, least: int = 0) -> int:
    """A whole number that int64 holds."""
    if re.fullmatch(NUMBER, text) is None or int(text) < least:
        raise ValueError(f"expected a number from {least}, got {text!r}")
    return int(text)


def parse_json(text: str) -> Any:
    """What a text says in JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON, got {text[:80]!r} ({error.msg} at character {error.pos})") from None
    except RecursionError:
        raise ValueError(f"expected JSON of ordinary depth, got {text[:80]!r}") from None


def refuse(name: str, bad: NDArray[np.bool_], what: str, first_line: int = 1) -> None:
    """Complain of the first bad line, if there is one; ``bad`` has an entry for each line from ``first_line`` on."""
    if bad.any():
        raise ValueError(f"{name}, line {first_line + int(bad.argmax())}: {what}")
