"""Parsers of the MIND files."""

import re
from array import array
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.datasets._lines import convert_lines, parse_integer, parse_json, raise_if_any, split_tabs

LINE = np.dtype([("user", np.int64), ("time", np.int64), ("n_read", np.int64), ("n_shown", np.int64)])
# strptime would use AM and PM of the user's locale
TIME = re.compile("([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) (1[0-2]|0?[1-9]):([0-5][0-9]):([0-5][0-9]) ([AP])M")
LARGEST = np.finfo(np.float32).max


class Behaviors(NamedTuple):
    """Contents of behaviors.tsv. Codes are positions in ``users`` and ``news``.

    ``lines`` has the user and the time of each line, and its number of ``read`` and ``shown`` articles.
    """

    lines: NDArray
    users: list[str]
    news: list[str]
    read: NDArray[np.int32]
    shown: NDArray[np.int32]
    clicked: NDArray[np.int32]


def read_behaviors(path: Path) -> Behaviors:
    """Read impressions, one for each line."""
    reader = _BehaviorsReader()
    lines = np.fromiter(convert_lines(path, reader.read_line), LINE)
    shown = np.asarray(reader.shown)
    return Behaviors(lines, list(reader.users), list(reader.news), np.asarray(reader.read), shown >> 1, shown & 1)


class _BehaviorsReader:
    """Converts lines to codes. Each distinct word is parsed once, since there may be a hundred million words."""

    def __init__(self) -> None:
        self.users = _Codes()
        self.news = _NewsCodes()
        self.candidates = _CandidateCodes(self.news)
        self.read = array("i")
        self.shown = array("i")

    def read_line(self, line: str) -> tuple[int, int, int, int]:
        impression, user, time, history, candidates = split_tabs(line, "impression id, user, time, history, impressions")
        parse_integer(impression)
        if not user:
            raise ValueError("expected a user, got ''")
        n_read, n_shown = len(self.read), len(self.shown)
        self.read.extend(map(self.news.__getitem__, history.split()))
        self.shown.extend(map(self.candidates.__getitem__, candidates.split()))
        if len(self.shown) == n_shown:
            raise ValueError("expected impressions, such as 'N1-0 N2-1', got none")
        return self.users[user], _seconds(time), len(self.read) - n_read, len(self.shown) - n_shown


class _Codes(dict[str, int]):
    """Codes of words, in the order of first access."""

    def __missing__(self, word: str) -> int:
        code = self[word] = len(self)
        return code


class _NewsCodes(_Codes):
    """Codes of articles."""

    def __missing__(self, word: str) -> int:
        return super().__missing__(_news_id(word))


class _CandidateCodes(dict[str, int]):
    """Twice the code of the article, plus one for a click, for words such as "N1-1" ("N1" in test files)."""

    def __init__(self, news: _NewsCodes) -> None:
        self.news = news
        self.has_clicks: bool | None = None

    def __missing__(self, word: str) -> int:
        if self.has_clicks is None:
            self.has_clicks = "-" in word
        news, _, click = word.rpartition("-") if self.has_clicks else (word, "", "0")
        if click not in ("0", "1"):
            raise ValueError(f"expected an article and whether it was clicked, such as 'N1-0' or 'N1-1', got {word!r}")
        code = self[word] = 2 * self.news[news] + int(click)
        return code


def _news_id(word: str) -> str:
    if not word or "-" in word:
        raise ValueError(f"expected the id of an article, such as 'N1', got {word!r}")
    return word


def _seconds(text: str) -> int:
    """Unix seconds."""
    try:
        *numbers, half = TIME.fullmatch(text).groups()  # type: ignore[union-attr]
        month, day, year, hour, minute, second = map(int, numbers)
        return int(datetime(year, month, day, hour % 12 + 12 * (half == "P"), minute, second, tzinfo=UTC).timestamp())
    except (AttributeError, ValueError):
        raise ValueError(f"expected a time such as '11/15/2019 8:55:22 AM', got {text!r}") from None


def read_news(path: Path) -> pd.DataFrame:
    """Read articles, indexed by id."""
    news = pd.DataFrame(list(convert_lines(path, _article)))
    raise_if_any(path.name, news["item"].duplicated().to_numpy(), "duplicate article")
    return news.set_index("item")


def _article(line: str) -> dict[str, Any]:
    names = "id, category, subcategory, title, abstract, url, title entities, abstract entities"
    news, category, subcategory, title, abstract, url, title_entities, abstract_entities = split_tabs(line, names)
    return {
        "item": _news_id(news),
        "category": category,
        "subcategory": subcategory,
        "title": title,
        "abstract": abstract,
        "url": url,
        "title_entities": _entities(title_entities),
        "abstract_entities": _entities(abstract_entities),
    }


def _entities(text: str) -> list[str]:
    """Wikidata ids. The column is empty for a few articles of the release."""
    entities = parse_json(text) if text else []
    try:
        ids = [entity["WikidataId"] for entity in entities]
    except (KeyError, TypeError):
        ids = [None]
    if not isinstance(entities, list) or not all(isinstance(one, str) for one in ids):
        raise ValueError(f"""expected entities, such as [{{"WikidataId": "Q42"}}], got {text[:80]!r}""")
    return ids


def read_vectors(path: Path) -> pd.DataFrame:
    """Read vectors, indexed by Wikidata id."""
    ids, vectors = zip(*convert_lines(path, _vector))
    sizes = np.array([len(vector) for vector in vectors])
    other = sizes != sizes[0]
    raise_if_any(path.name, other, f"expected {sizes[0]} numbers as in line 1, got {sizes[other.argmax()]}")
    table = pd.DataFrame(np.stack(vectors), index=pd.Index(ids, name="wikidata_id"))
    raise_if_any(path.name, table.index.duplicated(), "duplicate id")
    return table


def _vector(line: str) -> tuple[str, NDArray[np.float32]]:
    name, *fields = line.removesuffix("\t").split("\t")  # every line of the release ends with a tab
    try:
        numbers = np.array(fields, np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    if not name or "_" in line or not len(numbers) or not (abs(numbers) <= LARGEST).all():
        raise ValueError(f"expected a Wikidata id and finite numbers between tabs, got {line[:80]!r}")
    return name, numbers.astype(np.float32)
