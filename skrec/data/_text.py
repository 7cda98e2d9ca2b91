"""Text files of events: their format, lines and fields."""

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
"""Replaces separators of several characters, since pandas parses single characters faster."""

_CHUNK = 1 << 18
_MOST_LINES = 1000
_QUOTING = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE)
_NO_POINT = '0123456789+-eE"\r\n\0 '
_BLANK_AFTER_RETURN = re.compile(r"(?<=\r)(?=[ \t])")
_SURROGATES = re.compile("[\ud800-\udfff]")


def open_text(path: Path, encoding: str, *, errors: str = "strict") -> TextIO:
    """Open a text file without its byte order mark, decompressed if its name ends with ".gz". Line breaks are unchanged."""
    encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors=errors, newline="")
    return open(path, encoding=encoding, errors=errors, newline="")


@dataclass(frozen=True)
class Text:
    """A text file of records.

    Parameters
    ----------
    path : Path
        Path of the file.
    sep : str, default=","
        Separator of one or more characters, or `BLANKS` for any number of blanks and tabs. Quotes have no meaning with
        `BLANKS`.
    encoding : str, default="utf-8"
        Name of the encoding.
    quoting : int or None, default=csv.QUOTE_MINIMAL
        A constant of the csv module. With ``csv.QUOTE_NONE`` or None, quotes are ordinary characters.
    decimal : str, default="."
        Character of the decimal point.
    """

    path: Path
    sep: str = ","
    encoding: str = "utf-8"
    quoting: int | None = csv.QUOTE_MINIMAL
    decimal: str = "."

    def __post_init__(self) -> None:
        if not isinstance(self.sep, str) or not self.sep or set(self.sep) & set('"\r\n\0' + FIELD_END):
            raise ValueError(f"sep must be one or more characters other than quotes and line breaks, got {self.sep!r}")
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
        """The character that separates fields in prepared text."""
        return self.sep if len(self.sep) == 1 else FIELD_END

    @contextmanager
    def open_lines(self) -> Iterator[TextIO]:
        """Open the file. Bytes that cannot be decoded become surrogates if the encoding allows it."""
        try:
            with open_text(self.path, self.encoding, errors="surrogateescape") as file:
                yield file
        except UnicodeError as error:
            raise ValueError(f"{self.path.name} is not {self.encoding.upper()} text: {error}") from None

    def is_blank(self, line: str) -> bool:
        """Whether a line has neither fields nor separators."""
        return not line.strip(" \t\r\n".replace(self.delimiter, ""))

    def chunks(self, n_skipped: int) -> Iterator[str]:
        """Yield prepared chunks of whole lines, without the first lines."""
        with open_text(self.path, self.encoding) as file:
            for _ in range(n_skipped):
                file.readline()
            while chunk := file.read(_CHUNK):
                yield from _parts_for_pandas(self.prepared(chunk + file.readline()))

    def prepared(self, text: str) -> str:
        """Replace the separator of whole lines by one character.

        Raises
        ------
        ValueError
            If the text has NUL characters, or the character that replaces the separator.
        """
        if "\0" in text:
            raise ValueError("contains a NUL character")
        if self.delimiter == self.sep:
            return text
        if FIELD_END in text:
            raise ValueError(f"contains the character {FIELD_END!r}, which requires a sep of one character")
        if self.sep != BLANKS:
            return text.replace(self.sep, FIELD_END)
        text = re.sub(r"(?m)^[ \t]+|[ \t]+(?=[\r\n]|\Z)", "", text)
        return re.sub(r"[ \t]+", FIELD_END, text)

    def as_written(self, fields: pd.Series) -> pd.Series:
        """Undo the replacement of the separator in fields of prepared text."""
        return fields if self.delimiter == self.sep else fields.str.replace(FIELD_END, self.sep, regex=False)

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """The fields of prepared lines. The csv module raises csv.Error if quotes are malformed."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.has_quotes else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


def _parts_for_pandas(lines: str) -> list[str]:
    """Lines in parts that end where a return is followed by a blank.

    Below 3.1 pandas goes back to the last newline, or to the beginning of the part, when it finds that a line that begins with
    blanks is not blank. A blank line that ends with a return before it would be read again and again, until memory is full.
    """
    return _BLANK_AFTER_RETURN.split(lines) if "\r " in lines or "\r\t" in lines else [lines]


class Records:
    """The records of a text file, each with the number of its first line. Blank lines are skipped.

    A record that cannot be read is yielded as a ValueError, and the next record starts in the next line. A quoted field may
    contain line breaks, but not a line that is a record by itself. Otherwise an unmatched quote would hide all lines up to the
    next quote. A quoted field may have up to 1,000 lines.

    Parameters
    ----------
    text : Text
        Format of the file.
    file : TextIO
        The open file, in which bytes that cannot be decoded are surrogates.
    is_record : callable
        Returns whether a list of fields may be a record.
    """

    def __init__(self, text: Text, file: TextIO, is_record: Callable[[list[str]], bool]):
        self.n_lines = 0
        """Number of lines up to the end of the current record."""
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
        consumed: list[tuple[int, str]] = []

        def lines() -> Iterator[str]:
            yield self._prepared(line)
            while len(consumed) < _MOST_LINES and (following := self._next_line()) is not None:
                consumed.append(following)
                if self._is_record_by_itself(following[1]):
                    return
                yield self._prepared(following[1])

        try:
            return next(self._text.reader(lines()), [])
        except csv.Error as error:
            self._put_back.extend(reversed(consumed))
            hint = "; quoting=csv.QUOTE_NONE reads quotes as ordinary characters" if '"' in line else ""
            raise ValueError(f"cannot be split into fields ({error}){hint}") from None
        except ValueError:
            self._put_back.extend(reversed(consumed))
            raise

    def _is_record_by_itself(self, line: str) -> bool:
        try:
            return self._is_record(next(self._text.reader(iter([self._prepared(line)])), []))
        except (csv.Error, ValueError):
            return False

    def _prepared(self, line: str) -> str:
        if not line.isascii() and _SURROGATES.search(line):
            raise ValueError(f"not {self._text.encoding.upper()} text")
        return self._text.prepared(line)


def is_well_formed(text: Text, n_skipped: int, n_fields: int, is_record: Callable[[list[str]], bool]) -> bool:
    """Whether all lines after the first ones have the right number of fields and closed quotes, as for `Records`."""
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
    """Whether there are ``n_fields`` fields. Empty fields at the end are not counted."""
    return len(fields) >= n_fields and not any(fields[n_fields:])
