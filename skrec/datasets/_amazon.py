"""Amazon reviews as JSON lines."""

import os
from typing import Any, NamedTuple

import pandas as pd

from skrec.data import Interactions
from skrec.datasets._lines import as_path, convert_lines, parse_json


class AmazonReviews(NamedTuple):
    """Ratings with what was written.

    Attributes
    ----------
    interactions : Interactions
        Stars from 1 to 5, with timestamps in Unix seconds, which are days; users are ``reviewerID``, items ``asin``.
    reviews : DataFrame of shape (n_events, 2)
        Columns ``text`` and ``summary``, a row for each event, missing (None) where the file has none.
    """

    interactions: Interactions
    reviews: pd.DataFrame


def load_amazon(path: str | os.PathLike) -> AmazonReviews:
    """Reviews of one category, as McAuley's lab published them in 2014 and 2018: an object in each line.

    Read are ``reviewerID``, ``asin``, ``overall``, ``unixReviewTime``, and ``reviewText`` and ``summary`` where they are there.

    Parameters
    ----------
    path : path
        Such as ``Musical_Instruments_5.json``; with the ending ``.gz`` it is unpacked on the way.

    Returns
    -------
    AmazonReviews
        In the order of the file; every line is an event, so that a user may have reviewed an item twice.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line is malformed; the message has the file and the line.

    References
    ----------
    He, McAuley, "Ups and Downs: Modeling the Visual Evolution of Fashion Trends with One-Class Collaborative Filtering",
    WWW 2016.

    Examples
    --------
    With the data at hand::

        data = load_amazon("Musical_Instruments_5.json")
        data.interactions
        # Interactions(10261 events, 1429 users x 900 items, values 1 to 5, timestamps)
        data.reviews["summary"][0]
        # 'good'
    """
    users, items, stars, seconds, texts, summaries = zip(*convert_lines(as_path(path, "path"), _review))
    events = pd.DataFrame({"user": users, "item": items, "rating": stars, "timestamp": seconds})
    return AmazonReviews(Interactions.from_frame(events), pd.DataFrame({"text": texts, "summary": summaries}, dtype=object))


def _review(line: str) -> tuple[str, str, float, int, str | None, str | None]:
    review = parse_json(line)
    if not isinstance(review, dict):
        raise ValueError(f"expected an object with a review, got {line[:80]!r}")
    stars: Any = review.get("overall")
    seconds: Any = review.get("unixReviewTime")
    if type(stars) not in (int, float) or not 1 <= stars <= 5:
        raise ValueError(f"overall must be a number of stars from 1 to 5, got {stars!r}")
    if type(seconds) is not int or not abs(seconds) < 2**63:
        raise ValueError(f"unixReviewTime must be a whole number of seconds, got {seconds!r}")
    user, item = _label(review, "reviewerID"), _label(review, "asin")
    return user, item, stars, seconds, _text(review, "reviewText"), _text(review, "summary")


def _label(review: dict[str, Any], name: str) -> str:
    label = review.get(name)
    if not isinstance(label, str) or not label or not label.isprintable():
        raise ValueError(f"{name} must be a word, got {label!r}")
    return label


def _text(review: dict[str, Any], name: str) -> str | None:
    text = review.get(name)
    if not isinstance(text, str | None):
        raise ValueError(f"{name} must be text, got {text!r}")
    return text
