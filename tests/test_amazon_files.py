"""Amazon reviews, read as published."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import load_amazon

REVIEW = {
    "reviewerID": "A2", "asin": "0001", "reviewerName": "Zoë \"Z\"", "helpful": [0, 0], "reviewText": "Two\nlines\u2028here",
    "overall": 5.0, "summary": "good", "unixReviewTime": 1393545600, "reviewTime": "02 28, 2014",
}  # fmt: skip
REVIEW_2018 = {
    "overall": 5.0, "vote": "12", "verified": True, "reviewTime": "02 28, 2014", "reviewerID": "A2", "asin": "0001",
    "style": {"Format:": " Paperback"}, "reviewerName": "Zoë", "unixReviewTime": 1393545600, "image": ["https://x/1.jpg"],
}  # fmt: skip
REVIEW_2023 = {
    "rating": 4.0, "title": "good", "text": "Two\nlines", "images": [], "asin": "B00YQ6X8EO", "parent_asin": "B00YQ6X8EP",
    "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": True,
}  # fmt: skip
OTHER = {"reviewerID": "A1", "asin": "B7", "overall": 2, "unixReviewTime": 978300000}
GOOD_ROW = ["A2", "0001", 5.0, pd.Timestamp("2014-02-28")]
OTHER_ROW = ["A1", "B7", 2.0, pd.Timestamp("2000-12-31 22:00")]


def as_lines(*reviews):
    return "".join(json.dumps(review, ensure_ascii=False) + "\n" for review in reviews)


def rows(data):
    return data.interactions.to_frame()[["user", "item", "rating", "timestamp"]].to_numpy().tolist()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "reviews.json"


def test_a_line_is_an_event_with_what_was_written(path):
    path.write_text(as_lines(REVIEW, OTHER, REVIEW), encoding="utf-8")
    data = load_amazon(path)
    columns = ["user", "item", "rating", "timestamp"]
    assert data.interactions.to_frame()[columns].to_numpy().tolist() == [GOOD_ROW, OTHER_ROW, GOOD_ROW]
    assert list(data.reviews) == ["text", "summary"]
    assert data.reviews.to_numpy().tolist() == [
        ["Two\nlines\u2028here", "good"],
        [None, None],
        ["Two\nlines\u2028here", "good"],
    ]


def test_half_a_character_in_a_text_is_kept(path):
    path.write_text(json.dumps(REVIEW | {"reviewText": "\ud83d"}) + "\n")
    assert load_amazon(path).reviews["text"].tolist() == ["\ud83d"]


def test_a_gzipped_file_is_unpacked_on_the_way(tmp_path):
    path = tmp_path / "reviews.json.gz"
    path.write_bytes(gzip.compress(as_lines(OTHER, REVIEW).encode()))
    assert load_amazon(path).interactions.values.tolist() == [2, 5]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match=r"^reviews\.json\.gz cannot be unpacked"):
        load_amazon(path)
    path.write_bytes(gzip.compress(as_lines(OTHER, {}).encode()))
    with pytest.raises(ValueError, match=r"^reviews\.json\.gz, line 2: overall must be"):
        load_amazon(path)


def test_reviews_of_2018_have_other_fields_too(path):
    path.write_text(as_lines(REVIEW_2018, OTHER), encoding="utf-8")
    data = load_amazon(path)
    assert rows(data) == [GOOD_ROW, OTHER_ROW]
    assert data.reviews.to_numpy().tolist() == [[None, None], [None, None]]


def test_reviews_of_2023_are_of_parents_in_milliseconds(tmp_path):
    path = tmp_path / "All_Beauty.jsonl.gz"
    path.write_bytes(gzip.compress(as_lines(REVIEW_2023).encode()))
    data = load_amazon(path)
    assert rows(data) == [["AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B00YQ6X8EP", 4.0, pd.Timestamp(1588687728923, unit="ms")]]
    assert data.reviews.to_numpy().tolist() == [["Two\nlines", "good"]]


def test_a_file_does_not_mix_releases(path):
    path.write_text(as_lines(REVIEW_2023, OTHER))
    with pytest.raises(ValueError, match=r"^reviews\.json, line 2: rating must be a number of stars from 1 to 5, got None"):
        load_amazon(path)


USERS, ITEMS = ["A1V6B6TNIC10QE", "A2F5GHSXFQ0W6J", "A1V6B6TNIC10QE"], ["0143026860", "B000FI4S1E", "0528881469"]
STARS_OF = ["1.0", "5.0", "4.0"]


def ratings_alone(*columns, header=""):
    return header + "".join(",".join(row) + "\n" for row in zip(*columns, STARS_OF, ["1424304000", "978300000", "0"]))


RATINGS_ALONE = {
    "2014": ("ratings_Beauty.csv", ratings_alone(USERS, ITEMS)),
    "2018": ("All_Beauty.csv", ratings_alone(ITEMS, USERS)),
    "2023": ("All_Beauty.csv", ratings_alone(USERS, ITEMS, header="user_id,parent_asin,rating,timestamp\n")),
}


@pytest.mark.parametrize(("name", "text"), RATINGS_ALONE.values(), ids=RATINGS_ALONE)
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_ratings_alone_are_read_whichever_column_comes_first(tmp_path, name, text, ending, line_end):
    content = text.replace("\n", line_end).encode()
    (tmp_path / (name + ending)).write_bytes(gzip.compress(content) if ending else content)
    data = load_amazon(tmp_path / (name + ending))
    expected = [[user, item, float(stars)] for user, item, stars in zip(USERS, ITEMS, STARS_OF)]
    assert [row[:3] for row in rows(data)] == expected
    microseconds = 10**3 if "user_id" in text else 10**6
    assert data.interactions.timestamps.tolist() == [microseconds * time for time in (1424304000, 978300000, 0)]
    assert data.reviews is None


BROKEN_RATINGS = {
    "a field too few": ("0143026860,A1V6B6TNIC10QE,1.0", "line 4: expected 4 fields between commas (user and item, rating, "),
    "a field too many": ("0143026860,A1V6B6TNIC10QE,1.0,1,2", "line 4: expected 4 fields between commas"),
    "no user": ("0143026860,,1.0,1424304000", "line 4: expected nonempty text, got ''"),
    "six stars": (
        "0143026860,A1V6B6TNIC10QE,6.0,1424304000",
        "line 4: rating must be a number of stars from 1 to 5, got '6.0'",
    ),
    "no stars": ("0143026860,A1V6B6TNIC10QE,,1424304000", "line 4: rating must be a number of stars from 1 to 5, got ''"),
    "NaN": ("0143026860,A1V6B6TNIC10QE,nan,1424304000", "line 4: rating must be a number of stars from 1 to 5, got 'nan'"),
    "a time in words": ("0143026860,A1V6B6TNIC10QE,1.0,today", "line 4: expected an integer >= 0, got 'today'"),
    "a time with an exponent": ("0143026860,A1V6B6TNIC10QE,1.0,142e30", "line 4: expected an integer >= 0, got '142e30'"),
    "a time as a fraction": ("0143026860,A1V6B6TNIC10QE,1.0,142.0", "line 4: expected an integer >= 0, got '142.0'"),
    "half a second": ("0143026860,A1V6B6TNIC10QE,1.0,1.5", "line 4: expected an integer >= 0, got '1.5'"),
    "a time beyond int64": (f"0143026860,A1V6B6TNIC10QE,1.0,{2**64}", "line 4: expected an integer >= 0, got '1844"),
    "a time after the year 9999": (
        "0143026860,A1V6B6TNIC10QE,1.0,1588687728923",
        "line 4: a timestamp in s must lie in the years 1 to 9999",
    ),
    "a blank line": ("\n", "line 4: expected 4 fields between commas"),
    "Latin-1": ("0143026860,Zo\xeb,1.0,1424304000".encode("latin-1"), "line 4: not utf-8 text"),
}


@pytest.mark.parametrize(("line", "words"), BROKEN_RATINGS.values(), ids=BROKEN_RATINGS)
def test_a_malformed_rating_is_refused_by_file_and_line(tmp_path, line, words):
    path = tmp_path / "All_Beauty.csv"
    path.write_bytes(RATINGS_ALONE["2018"][1].encode() + (line if isinstance(line, bytes) else line.encode()))
    with pytest.raises(ValueError) as caught:
        load_amazon(path)
    assert str(caught.value).startswith("All_Beauty.csv, " + words)


@pytest.mark.parametrize(("first", "second"), [(ITEMS, ITEMS), (USERS, USERS)])
def test_ids_that_do_not_tell_users_from_items_are_refused(tmp_path, first, second):
    path = tmp_path / "All_Beauty.csv"
    path.write_text(ratings_alone(first, second))
    with pytest.raises(ValueError, match=r"^All_Beauty\.csv: cannot determine the column of items: (both|neither) of"):
        load_amazon(path)


def without(name):
    return as_lines({key: value for key, value in REVIEW.items() if key != name})


STARS = "reviews.json, line 2: overall must be a number of stars from 1 to 5, got "
SECONDS = "reviews.json, line 2: unixReviewTime must be an integer number of seconds, got "
BROKEN = {
    "a blank line": ("\n", "reviews.json, line 2: expected JSON, got '' (Expecting value at character 0)"),
    "a dict of Python": ("{'asin': 'A'}", """reviews.json, line 2: expected JSON, got "{'asin': 'A'}" ("""),
    "broken off": (as_lines(REVIEW)[:40], "reviews.json, line 2: expected JSON, got "),
    "nested without end": ("[" * 100_000, "reviews.json, line 2: expected JSON with less nesting, got '[[[["),
    "a list": (as_lines([REVIEW]), "reviews.json, line 2: expected an object with a review, got '[{"),
    "no user": (without("reviewerID"), "reviews.json, line 2: reviewerID must be nonempty text, got None"),
    "an empty user": (as_lines(REVIEW | {"reviewerID": ""}), "reviews.json, line 2: reviewerID must be nonempty text, got ''"),
    "half a character": (json.dumps(REVIEW | {"asin": "\ud83d"}), "reviews.json, line 2: asin must be nonempty text, got "),
    "no item": (without("asin"), "reviews.json, line 2: asin must be nonempty text, got None"),
    "an item as a number": (as_lines(REVIEW | {"asin": 1}), "reviews.json, line 2: asin must be nonempty text, got 1"),
    "no stars": (without("overall"), STARS + "None"),
    "six stars": (as_lines(REVIEW | {"overall": 6.0}), STARS + "6.0"),
    "NaN stars": (as_lines(REVIEW | {"overall": float("nan")}), STARS + "nan"),
    "stars in words": (as_lines(REVIEW | {"overall": "5"}), STARS + "'5'"),
    "true stars": (as_lines(REVIEW | {"overall": True}), STARS + "True"),
    "no time": (without("unixReviewTime"), SECONDS + "None"),
    "half a second": (as_lines(REVIEW | {"unixReviewTime": 1.5}), SECONDS + "1.5"),
    "a time beyond int64": (as_lines(REVIEW | {"unixReviewTime": 2**63}), SECONDS + "9223372036854775808"),
    "a text as a list": (as_lines(REVIEW | {"reviewText": ["a"]}), "reviews.json, line 2: reviewText must be text, got ['a']"),
    "a summary as a number": (as_lines(REVIEW | {"summary": 5}), "reviews.json, line 2: summary must be text, got 5"),
    "Latin-1": (as_lines(REVIEW).replace("\u2028", "").encode("latin-1"), "reviews.json, line 2: not utf-8 text"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "words"), BROKEN.values(), ids=BROKEN)
def test_a_malformed_line_is_refused_by_file_and_line(path, line, words):
    path.write_bytes(as_lines(OTHER).encode() + (line if isinstance(line, bytes) else line.encode()))
    with pytest.raises(ValueError) as caught:
        load_amazon(path)
    assert str(caught.value).startswith(words)


def test_an_empty_file_no_file_and_no_path_are_refused_by_name(path):
    with pytest.raises(FileNotFoundError, match=r"reviews\.json"):
        load_amazon(path)
    path.write_text("")
    with pytest.raises(ValueError, match=r"^reviews\.json is empty"):
        load_amazon(path)
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, got None"):
        load_amazon(None)


@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where the data lie")
def test_musical_instruments_are_read_whole():
    data = load_amazon(Path(os.environ["SKREC_DATA"], "amazon-musical-instruments", "Musical_Instruments_5.json"))
    X = data.interactions
    assert (len(X), X.n_users, X.n_items, len(data.reviews)) == (10_261, 1_429, 900, 10_261)
    assert np.unique(X.values).tolist() == [1, 2, 3, 4, 5]
    assert X.to_frame().iloc[0].tolist() == ["A2IBPI20UZIR0U", "1384719342", 5, pd.Timestamp("2014-02-28")]
    assert data.reviews["summary"][0] == "good" and data.reviews["text"][0].startswith("Not much to write about here")
    assert min(np.bincount(X.users).min(), np.bincount(X.items).min()) == 5  # a 5-core
