"""The formats of the MovieLens files: bytes in, tables out. A malformed line is refused by file and number."""

import csv
import datetime
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.datasets._lines import refuse

RATING = np.dtype([("user", np.int64), ("item", np.int64), ("rating", np.float64), ("timestamp", np.int64)])
WHOLE_STARS = np.arange(1, 6)
HALF_STARS = np.arange(1, 11) / 2
GENRES_100K = (
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
).split()
OCCUPATIONS_1M = (
    "other, academic/educator, artist, clerical/admin, college/grad student, customer service, doctor/health care, "
    "executive/managerial, farmer, homemaker, K-12 student, lawyer, programmer, retired, sales/marketing, scientist, "
    "self-employed, technician/engineer, tradesman/craftsman, unemployed, writer"
).split(", ")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # strptime would follow the user's locale
NO_GENRE = {"", "unknown", "(no genres listed)"}

Files = dict[str, bytes]


class Tables(NamedTuple):
    """One release: ratings by movie id, films and people by their ids, and the official folds."""

    ratings: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame | None = None
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None


def read_100k(files: Files) -> Tables:
    """ML-100K: tabs in the ratings, bars elsewhere."""
    items = _items("u.item", _split(_lines(files, "u.item", "latin-1"), "|"), 5 + len(GENRES_100K), _film_100k)
    users = _users("u.user", _split(_lines(files, "u.user", "latin-1"), "|"), _person_100k)
    ratings = _ratings("u.data", _lines(files, "u.data", "latin-1"), WHOLE_STARS)
    _check_known("u.data", ratings, items, users)
    names = [(f"u{fold}.base", f"u{fold}.test") for fold in range(1, 6)]
    if not all(base in files and test in files for base, test in names):
        return Tables(ratings, items, users)
    folds = [(_positions(files, base, ratings), _positions(files, test, ratings)) for base, test in names]
    return Tables(ratings, items, users, folds)


def read_1m(files: Files) -> Tables:
    """ML-1M: double colons everywhere."""
    items = _items("movies.dat", _split(_lines(files, "movies.dat", "latin-1"), "::"), 3, _film)
    users = _users("users.dat", _split(_lines(files, "users.dat", "latin-1"), "::"), _person_1m)
    lines = [line.replace("::", "\t") for line in _lines(files, "ratings.dat", "latin-1")]
    ratings = _ratings("ratings.dat", lines, WHOLE_STARS)
    _check_known("ratings.dat", ratings, items, users)
    return Tables(ratings, items, users)


def read_latest_small(files: Files) -> Tables:
    """latest-small: CSV with a header line."""
    films = _body(files, "movies.csv", "movieId,title,genres")
    items = _items("movies.csv", (next(csv.reader([line]), []) for line in films), 3, _film, first_line=2)
    lines = [line.replace(",", "\t") for line in _body(files, "ratings.csv", "userId,movieId,rating,timestamp")]
    ratings = _ratings("ratings.csv", lines, HALF_STARS, first_line=2)
    _check_known("ratings.csv", ratings, items, None, first_line=2)
    return Tables(ratings, items)


def _lines(files: Files, name: str, encoding: str) -> list[str]:
    try:
        text = files[name].decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + files[name].count(b"\n", 0, error.start)
        raise ValueError(f"{name}, line {line}: not {encoding} text") from error
    # not splitlines, which would also split at a control character inside a latin-1 title
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _body(files: Files, name: str, header: str) -> list[str]:
    first, *rest = _lines(files, name, "utf-8") or [""]
    if first != header:
        raise ValueError(f"{name}, line 1: expected {header!r}, got {first[:80]!r}")
    return rest


def _split(lines: list[str], separator: str) -> Iterable[list[str]]:
    return (line.split(separator) for line in lines)


def _records(name: str, rows: Iterable[list[str]], n_fields: int, convert: Callable, first_line: int) -> list[Any]:
    """Every row converted; what is wrong with one is told by file and line."""
    records = []
    for number, fields in enumerate(rows, start=first_line):
        try:
            if len(fields) != n_fields:
                raise ValueError(f"expected {n_fields} fields, got {len(fields)}")
            records.append(convert(*fields))
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from error
    if not records:
        raise ValueError(f"{name} is empty")
    return records


def _ratings(name: str, lines: list[str], stars: NDArray, first_line: int = 1) -> pd.DataFrame:
    """Ratings from lines of four fields between tabs, each (user, item) at most once."""
    table = _parse_fast(lines, stars)
    if table is None:
        records = _records(name, _split(lines, "\t"), 4, partial(_rating, stars), first_line)
        table = np.array(records, dtype=RATING)
    ratings = pd.DataFrame(table).astype({"rating": stars.dtype})
    refuse(name, ratings.duplicated(["user", "item"]).to_numpy(), "this user has rated this film before", first_line)
    return ratings


def _parse_fast(lines: list[str], stars: NDArray) -> NDArray | None:
    """The table, unless something is wrong somewhere: then the slow way finds out where."""
    if not lines or not lines[0].strip():
        return None
    try:
        table = np.loadtxt(lines, dtype=RATING, delimiter="\t", comments=None, ndmin=1)
    except ValueError:
        return None
    return table if len(table) == len(lines) and np.isin(table["rating"], stars).all() else None


def _rating(stars: NDArray, user: str, item: str, rating: str, timestamp: str) -> tuple[int, int, float, int]:
    if float(rating) not in stars:
        raise ValueError(f"rating must be one of {stars.tolist()}, got {rating!r}")
    return _whole(user), _whole(item), float(rating), _whole(timestamp)


def _whole(text: str) -> int:
    if re.fullmatch("-?[0-9]{1,18}", text) is None:
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def _check_known(
    name: str, ratings: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame | None, first_line: int = 1
) -> None:
    refuse(name, ~ratings["item"].isin(items.index).to_numpy(), "a film that the table of films lacks", first_line)
    if users is not None:
        refuse(name, ~ratings["user"].isin(users.index).to_numpy(), "a user that the table of users lacks", first_line)


def _positions(files: Files, name: str, ratings: pd.DataFrame) -> NDArray[np.int64]:
    """Where the events of one part of a split are among all, in the order of its file."""
    part = _ratings(name, _lines(files, name, "latin-1"), WHOLE_STARS)
    everything = pd.MultiIndex.from_frame(ratings[["user", "item"]])
    positions = everything.get_indexer(pd.MultiIndex.from_frame(part[["user", "item"]]))
    refuse(name, positions < 0, "a rating that u.data lacks", 1)
    return positions.astype(np.int64)


def _items(name: str, rows: Iterable[list[str]], n_fields: int, convert: Callable, first_line: int = 1) -> pd.DataFrame:
    items = pd.DataFrame(_records(name, rows, n_fields, convert, first_line)).astype({"year": "Int64"})
    refuse(name, items["movie_id"].duplicated().to_numpy(), "this movie id has occurred before", first_line)
    return items.set_axis(pd.Index(items["movie_id"], name="item"))


def _users(name: str, rows: Iterable[list[str]], convert: Callable) -> pd.DataFrame:
    users = pd.DataFrame(_records(name, rows, 5, convert, 1))
    refuse(name, users["user"].duplicated().to_numpy(), "this user id has occurred before", 1)
    return users.set_index("user")


def _film(movie_id: str, title: str, genres: str) -> dict[str, Any]:
    # the last year in brackets: "2001 (1968)", and "Land Before Time III (1995) (V)"
    years = re.findall(r"\((\d{4})\)", title)
    return {
        "movie_id": _whole(movie_id),
        "title": title,
        "year": int(years[-1]) if years else None,
        "genres": tuple(genre for genre in genres.split("|") if genre not in NO_GENRE),
    }


def _film_100k(movie_id: str, title: str, released: str, _video: str, _url: str, *flags: str) -> dict[str, Any]:
    if not set(flags) <= {"0", "1"}:
        raise ValueError(f"genre flags must be 0 or 1, got {'|'.join(flags)}")
    genres = "|".join(genre for genre, flag in zip(GENRES_100K, flags, strict=True) if flag == "1")
    return _film(movie_id, title, genres) | {"release_date": _date(released)}


def _date(text: str) -> datetime.datetime | None:
    if not text:
        return None
    day, month, year = text.split("-")
    return datetime.datetime(int(year), 1 + MONTHS.index(month), int(day))


def _person_100k(user: str, age: str, gender: str, occupation: str, zip_code: str) -> dict[str, Any]:
    return {"user": _whole(user), "age": _whole(age), "gender": gender, "occupation": occupation, "zip": zip_code}


def _person_1m(user: str, gender: str, age: str, occupation: str, zip_code: str) -> dict[str, Any]:
    code = _whole(occupation)
    if not 0 <= code < len(OCCUPATIONS_1M):
        raise ValueError(f"occupation must be a code from 0 to {len(OCCUPATIONS_1M) - 1}, got {occupation}")
    return _person_100k(user, age, gender, OCCUPATIONS_1M[code], zip_code)
