"""Amazon reviews: JSON lines, or CSV files of ratings."""

import os
from typing import NamedTuple

import pandas as pd

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.datasets._amazon_format import COLUMNS, read_ratings, read_reviews


class AmazonReviews(NamedTuple):
    """Ratings with the texts of reviews.

    Parameters
    ----------
    interactions : Interactions
        Ratings from 1 to 5. Timestamps are microseconds since 1970. They are whole days in the releases of 2014 and 2018, and
        exact to the millisecond in that of 2023. Labels are strings. Users are ``reviewerID`` or ``user_id``. Items are
        ``asin``, or ``parent_asin`` in the release of 2023.
    reviews : DataFrame of shape (n_events, 2) or None
        Columns ``text`` and ``summary`` (``title`` in the release of 2023), with a row for each event. The texts that the
        file does not have are None. ``reviews`` is None for files that contain ratings only.
    """

    interactions: Interactions
    reviews: pd.DataFrame | None


def load_amazon(path: str | os.PathLike, *, max_bytes: int | None = None) -> AmazonReviews:
    """Load the reviews of one category, as published by McAuley's lab in 2014, 2018 and 2023.

    The release and the order of the columns are detected from the content:

    ============ ========================= =========================================================================
    release      file                      content
    ============ ========================= =========================================================================
    2014, 2018   Musical_Instruments.json  an object in each line: ``reviewerID``, ``asin``, ``overall``,
                                           ``unixReviewTime``, and possibly ``reviewText`` and ``summary``
    2023         All_Beauty.jsonl          an object in each line: ``user_id``, ``parent_asin``, ``rating``,
                                           ``timestamp``, and possibly ``text`` and ``title``
    2014         ratings_Beauty.csv        user, item, rating and timestamp without a header
    2018         All_Beauty.csv            item, user, rating and timestamp without a header
    2023         All_Beauty.csv            a header ``user_id,parent_asin,rating,timestamp``, as in the files with
                                           ratings only of the "0-core" and the "5-core"
    ============ ========================= =========================================================================

    Parameters
    ----------
    path : str or os.PathLike
        File to read. A name that ends with ``.csv`` is read as ratings only, any other name as JSON lines. With an additional
        ending ``.gz``, the file is unpacked while it is read.
    max_bytes : int, default=None
        Maximum number of bytes that a ``.gz`` file may unpack to. If None, 100 times its own size, and at least 64 MiB.

    Returns
    -------
    AmazonReviews
        Events in the order of the file. Each line is an event, so that a user may have reviewed an item twice.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If a line is malformed (the message has the file and the line), if the column of items of a CSV file without a header
        cannot be determined from the ids, or if a ``.gz`` file is damaged or unpacks to more than ``max_bytes``.

    References
    ----------
    He, McAuley, "Ups and Downs: Modeling the Visual Evolution of Fashion Trends with One-Class Collaborative Filtering",
    WWW 2016.

    Ni, Li, McAuley, "Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects", EMNLP 2019.

    Hou, Li, He, Yan, Chen, McAuley, "Bridging Language and Items for Retrieval and Recommendation", 2024.

    Examples
    --------
    If the file is available::

        data = load_amazon("Musical_Instruments_5.json")
        data.interactions
        # Interactions(10261 events, 1429 users x 900 items, values 1 to 5, timestamps)
        data.reviews["summary"][0]
        # 'good'
    """
    path = read_path(path, "path")
    if path.name.removesuffix(".gz").endswith(".csv"):
        return AmazonReviews(Interactions.from_frame(read_ratings(path, max_bytes)), None)
    table = read_reviews(path, max_bytes)
    return AmazonReviews(Interactions.from_frame(table[COLUMNS]), table[["text", "summary"]])
