"""Parsers of the Amazon files."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skrec.data._compressed import open_binary
from skrec.datasets._lines import (
    MAX_LINE_BYTES,
    NUMBER,
    check_times,
    convert_lines,
    convert_open_lines,
    parse_columns,
    parse_integer,
    parse_json,
)

HEADER = "user_id,parent_asin,rating,timestamp"
ASIN_LENGTH = 10  # ids of users are longer
COLUMNS = ["user", "item", "rating", "timestamp"]


class FieldNames(NamedTuple):
    """Names of the fields of a review in a release."""

    user: str
    item: str
    rating: str
    timestamp: str
    text: str
    summary: str


OF_2014 = FieldNames("reviewerID", "asin", "overall", "unixReviewTime", "reviewText", "summary")  # and of 2018
OF_2023 = FieldNames("user_id", "parent_asin", "rating", "timestamp", "text", "title")


def read_reviews(path: Path, max_bytes: int | None) -> pd.DataFrame:
    """Read reviews from JSON lines: ``COLUMNS``, text and summary."""
    reader = _ReviewReader()
    rows = list(convert_lines(path, reader.read, max_bytes=max_bytes))
    table = pd.DataFrame(rows, columns=[*COLUMNS, "text", "summary"], dtype=object).astype({"rating": np.float64})
    return _with_datetimes(table, path.name, is_of_2023=reader.names is OF_2023)


def _with_datetimes(table: pd.DataFrame, name: str, *, is_of_2023: bool, first_line: int = 1) -> pd.DataFrame:
    """Convert the timestamps, which are milliseconds in the release of 2023 and seconds in earlier ones."""
    times, unit = table["timestamp"].to_numpy(np.int64), "ms" if is_of_2023 else "s"
    check_times(name, times, unit, first_line)
    return table.assign(timestamp=times.astype(f"datetime64[{unit}]"))


class _ReviewReader:
    """Reader of reviews that detects the release from the first one."""

    def __init__(self) -> None:
        self.names: FieldNames | None = None

    def read(self, line: str) -> tuple[str, str, float, int, str | None, str | None]:
        review = parse_json(line)
        if not isinstance(review, dict):
            raise ValueError(f"expected an object with a review, got {line[:80]!r}")
        if self.names is None:
            self.names = OF_2023 if OF_2023.user in review else OF_2014
        names = self.names
        stars: Any = review.get(names.rating)
        time: Any = review.get(names.timestamp)
        if type(stars) not in (int, float) or not 1 <= stars <= 5:
            raise ValueError(f"{names.rating} must be a number of stars from 1 to 5, got {stars!r}")
        if type(time) is not int or not abs(time) < 2**63:
            raise ValueError(f"{names.timestamp} must be an integer number of {_unit(names)}, got {time!r}")
        user, item = _label(review, names.user), _label(review, names.item)
        return user, item, float(stars), time, _text(review, names.text), _text(review, names.summary)


def _unit(names: FieldNames) -> str:
    return "milliseconds" if names is OF_2023 else "seconds"


def _label(review: dict[str, Any], name: str) -> str:
    label = review.get(name)
    if not isinstance(label, str) or not _is_label(label):
        raise ValueError(f"{name} must be nonempty text, got {label!r}")
    return label


def _is_label(text: str) -> bool:
    return bool(text) and text.isprintable()


def _text(review: dict[str, Any], name: str) -> str | None:
    text = review.get(name)
    if not isinstance(text, str | None):
        raise ValueError(f"{name} must be text, got {text!r}")
    return text


def read_ratings(path: Path, max_bytes: int | None) -> pd.DataFrame:
    """Read ratings from CSV: ``COLUMNS``. Without a header, users are first (2014) or items are first (2018)."""
    dtypes = {"first": str, "second": str, "rating": np.float64, "timestamp": str}  # as int64, pandas would accept 1.0 and 1e3
    with open_binary(path, max_bytes) as file:
        has_header = file.readline(MAX_LINE_BYTES).rstrip(b"\r\n") == HEADER.encode()
        file.seek(0)
        table = parse_columns(file, dtypes, separator=",", has_header=has_header)
        if table is None or not _are_ratings(table):
            file.seek(0)
            rows = list(convert_open_lines(file, path.name, _rating, header=HEADER if has_header else None))
            table = pd.DataFrame(rows, columns=list(dtypes))
    users_first = has_header or _users_first(path, table)
    table = table.astype({"timestamp": np.int64}).set_axis(COLUMNS if users_first else ["item", "user", *COLUMNS[2:]], axis=1)
    return _with_datetimes(table, path.name, is_of_2023=has_header, first_line=1 + has_header)


def _are_ratings(table: pd.DataFrame) -> bool:
    labels = (label for column in ("first", "second") for label in table[column].unique())
    are_valid = table["rating"].between(1, 5) & table["timestamp"].str.fullmatch(NUMBER)
    return len(table) > 0 and bool(are_valid.all()) and all(map(_is_label, labels))


def _rating(line: str) -> tuple[str, str, float, int]:
    fields = line.split(",")
    if len(fields) != 4:
        raise ValueError(f"expected 4 fields between commas (user and item, rating, timestamp), got {len(fields)}")
    first, second, rating, timestamp = fields
    for label in (first, second):
        if not _is_label(label):
            raise ValueError(f"expected nonempty text, got {label!r}")
    try:
        stars = float(rating)
    except ValueError:
        stars = np.nan
    if not 1 <= stars <= 5:
        raise ValueError(f"rating must be a number of stars from 1 to 5, got {rating!r}")
    return first, second, stars, parse_integer(timestamp)


def _users_first(path: Path, table: pd.DataFrame) -> bool:
    """Whether the second column contains the items: their ids have ten characters, those of users more."""
    first, second = (bool((table[column].str.len() == ASIN_LENGTH).all()) for column in ("first", "second"))
    if first == second:
        raise ValueError(
            f"{path.name}: cannot determine the column of items: {'both' if first else 'neither'} of the first two columns "
            f"has only ids of {ASIN_LENGTH} characters, as items have. Add the header line {HEADER!r}"
        )
    return second
