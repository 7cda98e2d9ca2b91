"""Text files that are read line by line, with errors that name file and line."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data._compressed import open_binary
from skrec.data._times import time_range

NUMBER = "[0-9]{1,18}"  # at most 18 digits fit into int64
MAX_LINE_BYTES = 16 << 20

T = TypeVar("T")


def convert_lines(
    path: Path,
    convert: Callable[[str], T],
    *,
    encoding: str = "utf-8",
    header: str | None = None,
    max_bytes: int | None = None,
) -> Iterator[T]:
    """Yield the converted lines of a file. See `open_binary` for compressed files and `convert_open_lines` for the rest."""
    with open_binary(path, max_bytes) as file:
        yield from convert_open_lines(file, path.name, convert, encoding=encoding, header=header)


def convert_open_lines(
    file: BinaryIO, name: str, convert: Callable[[str], T], *, encoding: str = "utf-8", header: str | None = None
) -> Iterator[T]:
    """Yield the converted lines after the header, if there is one.

    Lines end with a line feed only, since titles and reviews contain other characters that Python treats as line ends.

    Raises
    ------
    ValueError
        If ``convert`` raises one, the text has another encoding, the header is wrong or a line is longer than 16 MiB (the
        message has the name and the line), or if there is no line to convert.
    """
    number = 0
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
        try:
            if len(line) > MAX_LINE_BYTES:
                raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode(encoding)
            if header is None or number > 1:
                yield convert(text)
            elif text != header:
                raise ValueError(f"expected {header!r}, got {text[:80]!r}")
        except UnicodeDecodeError:
            raise ValueError(f"{name}, line {number}: not {encoding} text") from None
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from error
    if number == 0 or (header is not None and number == 1):
        raise ValueError(f"{name} is empty")


def parse_columns(
    file: BinaryIO, dtypes: Mapping[str, type], *, separator: str, has_header: bool = False
) -> pd.DataFrame | None:
    """Parse a table without quotes at once. Returns None if that fails. Reading line by line then finds the error."""
    n_fields = 1 + file.readline(MAX_LINE_BYTES).count(separator.encode())
    if n_fields != len(dtypes):  # with too many fields, pandas would use the first one as the index
        return None
    if not has_header:
        file.seek(0)
    try:
        with np.errstate(invalid="raise"):  # raises if a number exceeds the integer type
            return pd.read_csv(
                file,
                sep=separator,
                header=None,
                names=list(dtypes),
                dtype=dict(dtypes),
                na_filter=False,
                quoting=csv.QUOTE_NONE,
                skip_blank_lines=False,
                lineterminator="\n",
            )
    except (ArithmeticError, ValueError):
        return None


def split_csv(line: str) -> list[str]:
    """Fields of a line of a CSV file, possibly quoted."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"expected comma-separated fields, got {line[:80]!r} ({error})") from None


def split_tabs(line: str, names: str) -> list[str]:
    """Fields between tabs. Their number must be that of the comma-separated names."""
    fields, n_fields = line.split("\t"), 1 + names.count(",")
    if len(fields) != n_fields:
        raise ValueError(f"expected {n_fields} fields between tabs ({names}), got {len(fields)}")
    return fields


def parse_integer(text: str, *, least: int = 0) -> int:
    """An integer within int64."""
    if re.fullmatch(NUMBER, text) is None or int(text) < least:
        raise ValueError(f"expected an integer >= {least}, got {text!r}")
    return int(text)


def parse_json(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON, got {text[:80]!r} ({error.msg} at character {error.pos})") from None
    except RecursionError:
        raise ValueError(f"expected JSON with less nesting, got {text[:80]!r}") from None


def check_times(name: str, times: NDArray[np.int64], unit: str, first_line: int = 1) -> None:
    """Raise ValueError for the first timestamp that is not in the years 1 to 9999. ``times`` has an entry for each line."""
    first, last = time_range(unit)
    raise_if_any(name, (times < first) | (times > last), f"a timestamp in {unit} must lie in the years 1 to 9999", first_line)


def raise_if_any(name: str, bad: NDArray[np.bool_], what: str, first_line: int = 1) -> None:
    """Raise ValueError for the first bad line, if any. ``bad`` has an entry for each line from ``first_line`` on."""
    if bad.any():
        raise ValueError(f"{name}, line {first_line + int(bad.argmax())}: {what}")
