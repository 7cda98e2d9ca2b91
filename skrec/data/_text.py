"""Text files of events: how they are written, and their lines and fields."""

import codecs
import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import pandas as pd

BLANKS = r"\s+"
FIELD_END = "\x1f"
"""Stands for a separator of several characters: pandas parses quickly what is separated by one."""

_CHUNK = 1 << 20
_MOST_LINES = 1000
_QUOTING = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE)
_NO_POINT = '0123456789+-eE"\r\n\0 '
_BLANK_AFTER_RETURN = re.compile(r"(?<=\r)(?=[ \t])")
_SURROGATES = re.compile("[\ud800-\udfff]")


def open_text(path: Path, encoding: str, *, errors: str = "strict") -> TextIO:
    """A text file without its byte order mark, unpacked if its name ends with ``.gz``; the ends of lines stay as they are."""
    encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors=errors, newline="")
    return open(path, encoding=encoding, errors=errors, newline="")


@dataclass(frozen=True)
class Text:
    """A text file of records.

    Attributes
    ----------
    path : Path
    sep : str
        One or more characters that separate fields, or `BLANKS` for any number of blanks and tabs, where quotes mean nothing.
    encoding : str
    quoting : int or None
        Of the csv module. With ``csv.QUOTE_NONE`` or None quotes are characters like any other.
    decimal : str
        The decimal point.
    """

    path: Path
    sep: str = ","
    encoding: str = "utf-8"
    quoting: int | None = csv.QUOTE_MINIMAL
    decimal: str = "."

    def __post_init__(self) -> None:
        if not isinstance(self.sep, str) or not self.sep or set(self.sep) & set('"\r\n\0' + FIELD_END):
            raise ValueError(f"sep must be one or more characters other than quotes and ends of lines, got {self.sep!r}")
        if not isinstance(self.decimal, str) or len(self.decimal) != 1 or self.decimal in self.sep or self.decimal in _NO_POINT:
            raise ValueError(f"decimal must be one character other than sep, digits and signs, got {self.decimal!r}")
        try:
            "".encode(self.encoding)
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"encoding must be the name of an encoding, such as 'latin-1', got {self.encoding!r}") from None
        if self.quoting not in (None, *_QUOTING):
            raise ValueError(f"quoting must be csv.QUOTE_MINIMAL, csv.QUOTE_NONE or None, got {self.quoting!r}")

    @property
    def has_quotes(self) -> bool:
        """Whether quotes have a meaning."""
        return self.quoting not in (None, csv.QUOTE_NONE) and self.sep != BLANKS

    @property
    def delimiter(self) -> str:
        """The one character that separates fields in prepared text."""
        return self.sep if len(self.sep) == 1 else FIELD_END

    @contextmanager
    def open_lines(self) -> Iterator[TextIO]:
        """The open file; bytes that are no text are surrogates, as far as the encoding allows."""
        try:
            with open_text(self.path, self.encoding, errors="surrogateescape") as file:
                yield file
        except UnicodeError as error:
            raise ValueError(f"{self.path.name} is not {self.encoding.upper()} text: {error}") from None

    def is_blank(self, line: str) -> bool:
        """Whether a line has neither fields nor separators."""
        return not line.strip(" \t\r\n".replace(self.delimiter, ""))

    def chunks(self, n_skipped: int) -> Iterator[str]:
        """The file in prepared parts of whole lines, without its first lines."""
        with open_text(self.path, self.encoding) as file:
            for _ in range(n_skipped):
                file.readline()
            while chunk := file.read(_CHUNK):
                yield from _parts_for_pandas(self.prepared(chunk + file.readline()))

    def prepared(self, text: str) -> str:
        """Whole lines whose fields are separated by one character.

        Raises
        ------
        ValueError
            If they hold what is no text.
        """
        if "\0" in text:
            raise ValueError("holds a NUL character")
        if self.delimiter == self.sep:
            return text
        if FIELD_END in text:
            raise ValueError(f"holds the character {FIELD_END!r}, which is only read with a sep of one character")
        if self.sep != BLANKS:
            return text.replace(self.sep, FIELD_END)
        text = re.sub(r"(?m)^[ \t]+|[ \t]+(?=[\r\n]|\Z)", "", text)
        return re.sub(r"[ \t]+", FIELD_END, text)

    def as_written(self, fields: pd.Series) -> pd.Series:
        """Fields of prepared text as they are in the file."""
        return fields if self.delimiter == self.sep else fields.str.replace(FIELD_END, self.sep, regex=False)

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """The fields of prepared lines; csv.Error where quotes are malformed."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.has_quotes else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


def _parts_for_pandas(lines: str) -> list[str]:
    """Lines in parts that end where a return is followed by a blank.

    Below 3.1 pandas goes back to the last newline, or to the beginning of the part, when it finds that a line that begins with
    blanks is not blank. A blank line that ends with a return before it would be read again and again, until memory is full.
    """
    return _BLANK_AFTER_RETURN.split(lines) if "\r " in lines or "\r\t" in lines else [lines]


class Records:
    """The records of a text file one by one, each with the number of its first line; blank lines are left out.

    A record that cannot be read is a ValueError in the place of its fields, and the next one is looked for in the next line.
    A quoted field may hold the ends of lines, but no line that is a record by itself: otherwise a quote that nobody meant as
    one would hide the lines up to the next quote. It may go over 1,000 lines.

    Parameters
    ----------
    text : Text
    file : TextIO
        The open file, undecodable bytes being surrogates.
    is_record : callable
        Whether some fields may be a record.
    """

    def __init__(self, text: Text, file: TextIO, is_record: Callable[[list[str]], bool]):
        self.n_lines = 0
        """How many lines the records up to the current one have."""
        self._text = text
        self._is_record = is_record
        self._lines = enumerate(file, start=1)
        self._put_back: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[tuple[int, list[str] | ValueError]]:
        while (line := self._next_line()) is not None:
            number, text = line
            if self._text.is_blank(text):
                continue
            record: list[str] | ValueError
            try:
                record = self._fields(text)
            except ValueError as error:
                record = error
            yield number, record

    def _next_line(self) -> tuple[int, str] | None:
        line = self._put_back.pop() if self._put_back else next(self._lines, None)
        if line is not None:
            self.n_lines = line[0]
        return line

    def _fields(self, line: str) -> list[str]:
        looked_at: list[tuple[int, str]] = []

        def lines() -> Iterator[str]:
            yield self._prepared(line)
            while len(looked_at) < _MOST_LINES and (following := self._next_line()) is not None:
                looked_at.append(following)
                if self._stands_alone(following[1]):
                    return
                yield self._prepared(following[1])

        try:
            return next(self._text.reader(lines()), [])
        except csv.Error as error:
            self._put_back.extend(reversed(looked_at))
            hint = "; quoting=csv.QUOTE_NONE reads quotes like any other character" if '"' in line else ""
            raise ValueError(f"cannot be split into fields ({error}){hint}") from None
        except ValueError:
            self._put_back.extend(reversed(looked_at))
            raise

    def _stands_alone(self, line: str) -> bool:
        try:
            return self._is_record(next(self._text.reader(iter([self._prepared(line)])), []))
        except (csv.Error, ValueError):
            return False

    def _prepared(self, line: str) -> str:
        if not line.isascii() and _SURROGATES.search(line):
            raise ValueError(f"not {self._text.encoding.upper()} text")
        return self._text.prepared(line)


def is_well_formed(text: Text, n_skipped: int, n_fields: int, is_record: Callable[[list[str]], bool]) -> bool:
    """Whether all lines behind the first ones have the right number of fields and properly closed quotes, as `Records` say."""
    recent: list[str] = []

    def lines() -> Iterator[str]:
        for chunk in text.chunks(n_skipped):
            for line in io.StringIO(chunk, newline=""):
                recent.append(line)
                yield line

    try:
        for fields in text.reader(lines()):
            if len(recent) > 1 and any(is_record(next(text.reader(iter([line])), [])) for line in recent[1:]):
                return False
            if not has_length(fields, n_fields) and not text.is_blank("".join(recent)):
                return False
            recent.clear()
    except (csv.Error, ValueError):
        return False
    return True


def has_length(fields: list[str], n_fields: int) -> bool:
    """Whether there are so many fields; empty ones at the end do not count."""
    return len(fields) >= n_fields and not any(fields[n_fields:])
