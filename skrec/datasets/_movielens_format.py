"""Parsers of the MovieLens files. Errors name file and line."""

import datetime
import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.datasets._lines import check_times, convert_open_lines, parse_columns, parse_integer, raise_if_any, split_csv

RATING = {"user": np.int64, "item": np.int64, "rating": np.float64, "timestamp": np.int64}
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
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # strptime would use the user's locale
NO_GENRE = {"", "unknown", "(no genres listed)"}

Files = dict[str, bytes]


class Tables(NamedTuple):
    """One release: ratings by movie id, tables of films and users by their ids, and the official folds."""

    ratings: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame | None = None
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None


def read_100k(files: Files) -> Tables:
    """ML-100K: tabs in the file of ratings, vertical bars in others."""
    items = _items(files, "u.item", partial(_split, "|", 5 + len(GENRES_100K), _film_100k), encoding="latin-1")
    users = _users(files, "u.user", partial(_split, "|", 5, _person_100k))
    ratings = _ratings(files, "u.data", WHOLE_STARS)
    _check_known("u.data", ratings, items, users)
    names = [(f"u{fold}.base", f"u{fold}.test") for fold in range(1, 6)]
    if not all(base in files and test in files for base, test in names):
        return Tables(ratings, items, users)
    folds = [(_positions(files, base, ratings), _positions(files, test, ratings)) for base, test in names]
    return Tables(ratings, items, users, folds)


def read_1m(files: Files) -> Tables:
    """ML-1M: double colons."""
    items = _items(files, "movies.dat", partial(_split, "::", 3, _film), encoding="latin-1")
    users = _users(files, "users.dat", partial(_split, "::", 5, _person_1m))
    ratings = _ratings(files, "ratings.dat", WHOLE_STARS, separator="::")
    _check_known("ratings.dat", ratings, items, users)
    return Tables(ratings, items, users)


def read_10m(files: Files) -> Tables:
    """ML-10M: double colons, half stars, UTF-8 and no table of users."""
    items = _items(files, "movies.dat", partial(_split, "::", 3, _film))
    ratings = _ratings(files, "ratings.dat", HALF_STARS, separator="::")
    _check_known("ratings.dat", ratings, items)
    return Tables(ratings, items)


def read_csv(files: Files) -> Tables:
    """ML-20M, 25M, 32M and latest-small: CSV with header lines, half stars and no table of users."""
    items = _items(files, "movies.csv", lambda line: _convert(3, _film, split_csv(line)), header="movieId,title,genres")
    header = "userId,movieId,rating,timestamp"
    ratings = _ratings(files, "ratings.csv", HALF_STARS, separator=",", header=header)
    _check_known("ratings.csv", ratings, items, first_line=2)
    return Tables(ratings, items)


def _split(separator: str, n_fields: int, convert: Callable[..., Any], line: str) -> Any:
    return _convert(n_fields, convert, line.split(separator))


def _convert(n_fields: int, convert: Callable[..., Any], fields: list[str]) -> Any:
    if len(fields) != n_fields:
        raise ValueError(f"expected {n_fields} fields, got {len(fields)}")
    return convert(*fields)


def _ratings(files: Files, name: str, stars: NDArray, *, separator: str = "\t", header: str | None = None) -> pd.DataFrame:
    """Ratings from lines of four fields, each (user, item) at most once."""
    ratings = _parse_numbers(files[name], separator, header)
    if ratings is None or not _are_ratings(ratings, stars, files[name].count(b".")):
        convert = partial(_split, separator, 4, partial(_rating, stars))
        rows = list(convert_open_lines(io.BytesIO(files[name]), name, convert, header=header))
        ratings = pd.DataFrame(rows, columns=list(RATING)).astype(RATING)
    ratings = ratings.astype({"rating": stars.dtype})
    first_line = 1 if header is None else 2
    check_times(name, ratings["timestamp"].to_numpy(), "s", first_line)
    repeated = ratings.duplicated(["user", "item"]).to_numpy()
    raise_if_any(name, repeated, "duplicate rating of this film by this user", first_line)
    return ratings


def _parse_numbers(content: bytes, separator: str, header: str | None) -> pd.DataFrame | None:
    """Parse a table at once. Returns None if that fails. Reading line by line then finds the error."""
    allowed = b"0123456789.\r\n" + separator.encode()
    if content.translate(None, allowed) != (header or "").encode().translate(None, allowed):
        return None
    if len(separator) > 1:
        content = content.replace(separator.encode(), b"\t")
        separator = "\t"
    return parse_columns(io.BytesIO(content), RATING, separator=separator, has_header=header is not None)


def _are_ratings(ratings: pd.DataFrame, stars: NDArray, n_points: int) -> bool:
    """Whether all values are valid, and decimal points occur in ratings only, since pandas reads 7.0 as an integer."""
    if len(ratings) == 0 or ratings[["user", "item"]].to_numpy().min() < 1:
        return False
    n_halves = int((ratings["rating"] % 1 > 0).sum())
    return n_points in (n_halves, len(ratings)) and bool(ratings["rating"].isin(stars).all())


def _rating(stars: NDArray, user: str, item: str, rating: str, timestamp: str) -> tuple[int, int, float, int]:
    if float(rating) not in stars:
        raise ValueError(f"rating must be one of {stars.tolist()}, got {rating!r}")
    return parse_integer(user, least=1), parse_integer(item, least=1), float(rating), parse_integer(timestamp)


def _check_known(
    name: str, ratings: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame | None = None, first_line: int = 1
) -> None:
    raise_if_any(name, ~ratings["item"].isin(items.index).to_numpy(), "film is not in the table of films", first_line)
    if users is not None:
        raise_if_any(name, ~ratings["user"].isin(users.index).to_numpy(), "user is not in the table of users", first_line)


def _positions(files: Files, name: str, ratings: pd.DataFrame) -> NDArray[np.int64]:
    """Positions of the events of one part of a split, in the order of its file."""
    part = _ratings(files, name, WHOLE_STARS)
    everything = pd.MultiIndex.from_frame(ratings[["user", "item"]])
    positions = everything.get_indexer(pd.MultiIndex.from_frame(part[["user", "item"]]))
    raise_if_any(name, positions < 0, "rating is not in u.data", 1)
    return positions.astype(np.int64)


def _items(
    files: Files, name: str, convert: Callable[[str], Any], *, encoding: str = "utf-8", header: str | None = None
) -> pd.DataFrame:
    lines = convert_open_lines(io.BytesIO(files[name]), name, convert, encoding=encoding, header=header)
    items = pd.DataFrame(list(lines)).astype({"year": "Int64"})
    repeated = items["movie_id"].duplicated().to_numpy()
    raise_if_any(name, repeated, "duplicate movie id", 1 if header is None else 2)
    return items.set_axis(pd.Index(items["movie_id"], name="item"))


def _users(files: Files, name: str, convert: Callable[[str], Any]) -> pd.DataFrame:
    users = pd.DataFrame(list(convert_open_lines(io.BytesIO(files[name]), name, convert, encoding="latin-1")))
    raise_if_any(name, users["user"].duplicated().to_numpy(), "duplicate user id", 1)
    return users.set_index("user")


def _film(movie_id: str, title: str, genres: str) -> dict[str, Any]:
    # the last year in parentheses: "2001 (1968)", and "Land Before Time III (1995) (V)"
    years = re.findall(r"\((\d{4})\)", title)
    return {
        "movie_id": parse_integer(movie_id, least=1),
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
    parts = re.fullmatch(rf"([0-9]{{1,2}})-({'|'.join(MONTHS)})-((?:18|19|20)[0-9]{{2}})", text)
    if parts is None:
        raise ValueError(f"expected a date such as '01-Jan-1995', got {text!r}")
    return datetime.datetime(int(parts[3]), 1 + MONTHS.index(parts[2]), int(parts[1]))


def _person_100k(user: str, age: str, gender: str, occupation: str, zip_code: str) -> dict[str, Any]:
    if gender not in ("F", "M"):
        raise ValueError(f"gender must be F or M, got {gender!r}")
    number, age_in_years = parse_integer(user, least=1), parse_integer(age)
    return {"user": number, "age": age_in_years, "gender": gender, "occupation": occupation, "zip": zip_code}


def _person_1m(user: str, gender: str, age: str, occupation: str, zip_code: str) -> dict[str, Any]:
    code = parse_integer(occupation)
    if code >= len(OCCUPATIONS_1M):
        raise ValueError(f"occupation must be a code from 0 to {len(OCCUPATIONS_1M) - 1}, got {occupation}")
    return _person_100k(user, age, gender, OCCUPATIONS_1M[code], zip_code)
