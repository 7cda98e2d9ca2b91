"""Tables of events in text files: read at once, and where that fails line by line, to say where."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from math import nan
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from skrec.data._compressed import check_compressed
from skrec.data._reading import COLUMNS, Columns, read_frame

Checks = dict[str, Callable[[str], None]]
_LARGEST = float(np.finfo(np.float32).max)


def read_text(
    path: str | PathLike,
    *,
    user: str,
    item: str,
    rating: str | None,
    timestamp: str | None,
    sep: str,
    max_bytes: int | None = None,
) -> Columns:
    """The columns of events in a text file with a header line; those not named are found by the words of ``COLUMNS``."""
    if not isinstance(path, str | PathLike):
        raise TypeError(f"path must be a str or os.PathLike, got {path!r}")
    if not isinstance(sep, str) or len(sep) != 1 or sep in '"\r\n':
        raise ValueError(f"sep must be one character, got {sep!r}")
    path = Path(path)
    check_compressed(path, max_bytes)
    header = _header(path, sep)
    given = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    checks = _checks(path, header, given)
    try:
        table = _table(path, sep, header, list(checks))
        return read_frame(table, name="it", user=user, item=item, rating=rating, timestamp=timestamp)
    except (TypeError, ValueError) as error:
        _find_fault(path, sep, header, checks)
        raise ValueError(f"{path.name} cannot be read: {error}") from None


def _header(path: Path, sep: str) -> list[str]:
    _, names = next(_rows(path, sep), (0, []))
    if not names:
        raise ValueError(f"{path.name} is empty")
    return names


def _checks(path: Path, header: list[str], given: dict[str, str | None]) -> Checks:
    """For each column that is to be read, what its fields have to be."""
    kinds = {"user": _label, "item": _label, "rating": _number, "timestamp": _time, "weight": _weight, "impression": _label}
    checks: Checks = {}
    for kind, check in kinds.items():
        name = given.get(kind)
        if name is None and kind in COLUMNS:
            name = next((word for word in COLUMNS[kind] if word in header), None)
        elif name not in header:
            raise ValueError(f"{path.name}, line 1: no column {name!r} ({kind}); it has {header[:8]}")
        if name is not None:
            checks[name] = check
    for name in checks:
        if header.count(name) > 1:
            raise ValueError(f"{path.name}, line 1: more than one column {name!r}")
    return checks


def _table(path: Path, sep: str, header: list[str], names: list[str]) -> pd.DataFrame:
    """The named columns of the whole file."""
    table = pd.read_csv(
        path,
        sep=sep,
        keep_default_na=False,
        na_values=[""],
        low_memory=False,  # in parts, a column of words and numbers would be read now as words, now as numbers
        encoding="utf-8",
        compression="gzip" if path.suffix == ".gz" else None,
    )
    if not isinstance(table.index, pd.RangeIndex):  # pandas' guess where the lines have more fields than the header
        raise ValueError(f"its lines have more than {len(header)} fields")
    if len(table) == 0:
        raise ValueError("it has no line after the header")
    return table.iloc[:, [header.index(name) for name in names]].set_axis(names, axis=1)


def _find_fault(path: Path, sep: str, header: list[str], checks: Checks) -> None:
    """Raise for the first line that is wrong, if one is by itself."""
    places = {name: header.index(name) for name in checks}
    rows = _rows(path, sep)
    next(rows)
    for number, fields in rows:
        try:
            if len(fields) != len(header):
                raise ValueError(f"expected {len(header)} fields, got {len(fields)}")
            for name, check in checks.items():
                try:
                    check(fields[places[name]])
                except ValueError as error:
                    raise ValueError(f"{name} must be {error}, got {fields[places[name]]!r}") from None
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None


def _rows(path: Path, sep: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is not blank, and its number."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=sep, strict=True)
        while True:
            try:
                fields = next(reader, None)
                if fields is None:
                    return
                "".join(fields).encode("utf-8")
            except UnicodeEncodeError:
                raise ValueError(f"{path.name}, line {reader.line_num}: not UTF-8 text") from None
            except csv.Error as error:
                raise ValueError(f"{path.name}, line {reader.line_num}: {error}") from None
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{path.name} cannot be unpacked: {error}") from None
            if fields:
                yield reader.line_num, fields


def _label(text: str) -> None:
    if not text:
        raise ValueError("a label")


def _number(text: str) -> None:
    if not abs(_float(text)) <= _LARGEST:
        raise ValueError("a finite number")


def _weight(text: str) -> None:
    if not 0 <= _float(text) <= _LARGEST:
        raise ValueError("a finite number from 0")


def _time(text: str) -> None:
    number = _float(text)
    if not abs(number) < 2**63 or number != int(number):
        raise ValueError("a whole number, such as seconds since 1970")


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan
