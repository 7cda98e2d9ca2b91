"""Tables of events in text files: parsed at once by pandas, and line by line where something is wrong, to say where."""

import csv
import io
import warnings
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from skrec.data._callers import depth_of_caller
from skrec.data._compressed import check_gzip, check_max_bytes
from skrec.data._csv_events import EventCheck, Layout, to_labels, to_number, to_numbers, to_times
from skrec.data._csv_integers import bounded_by_digits, is_integer
from skrec.data._reading import Columns, find_column, read_frame, warn_about_unused_columns
from skrec.data._text import Records, Text, is_well_formed
from skrec.data._times import check_unit

_LABELS = {"user", "item", "impression"}
_NO_IMPRESSION = ("-1", "-1.0", "NaN", "nan", "NA", "N/A", "n/a", "<NA>", "None", "NULL", "null")
"""What programs write for missing values, beside nothing."""

_SAMPLE = 20
_ROWS = 10_000

Record = tuple[int, list[str] | ValueError]
"""The number of a line, and its fields or what is wrong with it."""


def read_csv(
    text: Text,
    columns: Mapping[str, Any],
    *,
    header: int | None,
    on_bad_lines: str,
    labels: str,
    timestamp_unit: str | None,
    max_bytes: int | None,
) -> Columns:
    """The columns of events in a text file; for the parameters see `Interactions.from_csv`.

    ``columns`` has the names or positions of user, item, rating, timestamp, weight and impression; of the last four, those
    that are None are found by their names.
    """
    _check_choice(on_bad_lines, "on_bad_lines", ("raise", "skip"))
    _check_choice(labels, "labels", ("auto", "text"))
    check_unit(timestamp_unit)
    check_max_bytes(max_bytes)
    if text.path.suffix == ".gz":
        check_gzip(text.path, max_bytes)
    name, layout = text.path.name, _find_layout(text, columns, header)
    if timestamp_unit is not None and "timestamp" not in layout.places:
        raise ValueError(f"timestamp_unit={timestamp_unit!r} needs timestamps, but {name} has no column 'timestamp'")
    try:
        return _columns(_whole_table(text, layout, labels, timestamp_unit), text, labels, timestamp_unit)
    except (OverflowError, TypeError, ValueError) as error:
        reason = error
    if on_bad_lines == "raise":
        for number, record in _records(text, layout, timestamp_unit):
            if isinstance(record, ValueError):
                raise ValueError(f"{name}, line {number}: {record}")
        raise ValueError(f"{name} cannot be read: {reason}")
    faults: list[str] = []
    records = _records(text, layout, timestamp_unit)
    table = _parse(_CountedSource(_good_chunks(records, layout, faults), layout, ","), layout, csv.QUOTE_MINIMAL, text.decimal)
    if not faults or table.empty:
        raise ValueError(f"{name} cannot be read: {faults[0] if faults else reason}")
    summary = f"{name}: {len(faults)} lines that are no events were skipped; the first is {faults[0]}"
    warnings.warn(summary, UserWarning, stacklevel=depth_of_caller())
    return _columns(table, text, labels, timestamp_unit)


def _find_layout(text: Text, columns: Mapping[str, Any], header: int | None) -> Layout:
    if header is not None and (isinstance(header, bool) or not isinstance(header, int) or header < 0):
        raise ValueError(f"header must be an integer of at least 0 or None, got {header!r}")
    n_records = 0 if header is None else header + 1
    with text.open_lines() as file:
        records = Records(text, file, lambda fields: False)
        head = list(islice(records, n_records))
        n_lines = records.n_lines if head else 0
        sample = list(islice(records, _SAMPLE))
    number, first = _first_fields(head[header:] if head else sample, text)
    if not sample:
        raise ValueError(f"{text.path.name} cannot be read: it has no line after the header")
    words = text.as_written(pd.Series(first, dtype=object)).tolist() if head else None
    where = f"{text.path.name}, line {number}"
    found = {kind: _place(kind, column, words, len(first), where) for kind, column in columns.items()}
    places = {kind: place for kind, place in found.items() if place is not None}
    names = {kind: f"column {place}" if words is None else words[place] for kind, place in places.items()}
    rows = [fields for _, fields in sample if not isinstance(fields, ValueError)]
    if words is not None and "rating" not in places:
        warn_about_unused_columns(_numeric_columns(text, words, rows, places), text.path.name)
    integers = tuple(kind for kind in _LABELS if kind in places and all(map(is_integer, _fields_at(places[kind], rows))))
    return Layout(n_lines, n_records, len(first), max(map(len, rows), default=0), places, names, integers)


def _first_fields(records: list[Record], text: Text) -> tuple[int, list[str]]:
    """The first record that can be read, and its line."""
    for number, fields in records:
        if not isinstance(fields, ValueError):
            return number, fields
    if not records:
        raise ValueError(f"{text.path.name} is empty, or ends before the header")
    raise ValueError(f"{text.path.name}, line {records[0][0]}: {records[0][1]}")


def _place(kind: str, column: Any, words: list[str] | None, n_fields: int, where: str) -> int | None:
    """The position of a column of events, or None if the file has none of this kind."""
    if isinstance(column, int | np.integer) and not isinstance(column, bool):
        if not 0 <= column < n_fields:
            raise ValueError(f"{where}: no column {column} ({kind}); it has {n_fields} fields, counted from 0")
        return int(column)
    if words is None:
        if column is None:
            return None
        raise ValueError(f"header=None needs the position of each column, such as {kind}=0, got {kind}={column!r}")
    if column is None:
        column = find_column(kind, words, where)
    elif column not in words:
        raise ValueError(f"{where}: no column {column!r} ({kind}); it has {words[:8]}")
    if words.count(column) > 1:
        raise ValueError(f"{where}: more than one column {column!r}")
    return None if column is None else words.index(column)


def _numeric_columns(text: Text, words: list[str], rows: list[list[str]], places: Mapping[str, int]) -> list[str]:
    """The columns that are not of events and seem to hold numbers."""

    def holds_numbers(place: int) -> bool:
        fields = _fields_at(place, rows)
        return bool(fields) and not any(isnan(to_number(field, text.decimal)) for field in fields)

    return [word for place, word in enumerate(words) if place not in places.values() and holds_numbers(place)]


def _fields_at(place: int, rows: list[list[str]]) -> list[str]:
    return [row[place] for row in rows if place < len(row)]


class _Source:
    """What pandas reads: chunks of text below a header of numbers."""

    def __init__(self, chunks: Iterator[str], width: int, delimiter: str):
        self.delimiter = delimiter
        self._chunks = chain([delimiter.join(map(str, range(width))) + "\n"], chunks)

    def __iter__(self) -> Iterator[str]:
        return self._chunks

    def read(self, size: int = -1) -> str:
        """The next chunk, whatever its size."""
        return next(self._chunks, "")


class _CountedSource(_Source):
    """A source in which separators and quotes are noted."""

    def __init__(self, chunks: Iterator[str], layout: Layout, delimiter: str):
        width = 1 + max(layout.n_fields, layout.n_most_fields)  # pandas would take the first of too many fields for an index
        super().__init__(chunks, width, delimiter)
        self.n_delimiters = 1 - width
        self.has_quotes = False

    def read(self, size: int = -1) -> str:
        chunk = super().read(size)
        self.n_delimiters += chunk.count(self.delimiter)
        self.has_quotes |= '"' in chunk
        return chunk


class _NotIntegersError(Exception):
    """A column of labels that was taken for integers holds others, or a line is not plain."""


def _whole_table(text: Text, layout: Layout, labels: str, timestamp_unit: str | None) -> pd.DataFrame:
    """The columns of events of a file without a malformed line."""
    if labels == "auto" and layout.integers:
        try:
            return _table_of_integers(text, layout)
        except _NotIntegersError:
            pass
    source = _CountedSource(text.chunks(layout.n_lines), layout, text.delimiter)
    table = _parse(source, layout, csv.QUOTE_MINIMAL if text.has_quotes else csv.QUOTE_NONE, text.decimal)
    if (source.has_quotes and text.has_quotes) or source.n_delimiters != len(table) * (layout.n_fields - 1):
        check = EventCheck(layout, text.decimal, timestamp_unit)
        if not is_well_formed(text, layout.n_lines, layout.n_fields, check.passes):
            raise ValueError("a line is malformed")
    return table


def _table_of_integers(text: Text, layout: Layout) -> pd.DataFrame:
    """The columns of events of a file of plain lines, where labels are integers in the columns that begin with integers."""
    places = [layout.places[kind] for kind in layout.integers]

    def chunks() -> Iterator[str]:
        for chunk in text.chunks(layout.n_lines):
            if not bounded_by_digits(chunk, text.delimiter, layout.n_fields, places):
                raise _NotIntegersError
            yield chunk

    source = _Source(chunks(), layout.n_fields, text.delimiter)
    table = _parse_columns(source, layout.places, _LABELS - set(layout.integers), csv.QUOTE_NONE, text.decimal)
    if any(table[kind].dtype != np.int64 for kind in layout.integers):
        raise _NotIntegersError
    return table


def _parse(source: _Source, layout: Layout, quoting: int, decimal: str) -> pd.DataFrame:
    """The columns of events, labels as they are written; ValueError if a line has too many fields."""
    table = _parse_columns(source, layout.places | {"beyond": layout.n_fields}, _LABELS, quoting, decimal)
    if table.pop("beyond").notna().any():
        raise ValueError(f"a line has more than {layout.n_fields} fields")
    return table


def _parse_columns(
    source: _Source, places: Mapping[str, int], as_text: Collection[str], quoting: int, decimal: str
) -> pd.DataFrame:
    """The columns at some positions; those of ``as_text`` as they are written."""
    table = pd.read_csv(
        source,
        sep=source.delimiter,
        quoting=quoting,
        decimal=decimal,
        usecols=[*set(map(str, places.values()))],
        dtype={str(place): object for kind, place in places.items() if kind in as_text},
        keep_default_na=False,
        na_values=[""],
        low_memory=False,  # in parts, a column of dates and numbers would be read now as text, now as numbers
    )
    return pd.DataFrame({kind: table[str(place)] for kind, place in places.items()}, copy=False)


def _columns(table: pd.DataFrame, text: Text, labels: str, timestamp_unit: str | None) -> Columns:
    readers = {"rating": to_numbers, "weight": to_numbers, "timestamp": to_times}
    columns = {kind: readers[kind](table[kind]) for kind in table if kind in readers}
    for kind in table.columns.intersection(_LABELS):
        words = table[kind]
        if words.dtype == object:
            words = text.as_written(words)
            if kind == "impression":
                words = words.mask(words.isin(_NO_IMPRESSION))
            words = to_labels(words, as_text=labels == "text")
        columns[kind] = words
    return read_frame(pd.DataFrame(columns), name=text.path.name, timestamp_unit=timestamp_unit)


def _records(text: Text, layout: Layout, timestamp_unit: str | None) -> Iterator[Record]:
    """The fields of each event, or what is wrong with its line."""
    check = EventCheck(layout, text.decimal, timestamp_unit)
    with text.open_lines() as file:
        for number, fields in islice(Records(text, file, check.passes), layout.n_records, None):
            try:
                if not isinstance(fields, ValueError):
                    check(fields)
            except ValueError as error:
                fields = error
            yield number, fields


def _good_chunks(records: Iterator[Record], layout: Layout, faults: list[str]) -> Iterator[str]:
    """The events as comma-separated text; ``faults`` gets what is wrong with the other lines."""
    while block := list(islice(records, _ROWS)):
        faults += [f"line {number}: {record}" for number, record in block if isinstance(record, ValueError)]
        chunk = io.StringIO(newline="")
        csv.writer(chunk).writerows(record[: layout.n_fields] for _, record in block if isinstance(record, list))
        if chunk.tell():
            yield chunk.getvalue()


def _check_choice(value: Any, name: str, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
