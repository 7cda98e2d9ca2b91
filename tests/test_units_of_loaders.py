"""The timestamps of loaders have a unit, so that half-lives can be timedeltas."""

import numpy as np
import pandas as pd
import pytest

from skrec import MFRecommender, NewsRecommender
from skrec.data import Interactions, read_half_life
from skrec.datasets import load_amazon, load_mind, load_ncf, load_sasrec, make_interactions, make_news

REVIEW = '{"reviewerID": "u", "asin": "i", "overall": 4.0, "unixReviewTime": 1573776000}\n'
REVIEW_2023 = '{"user_id": "u", "parent_asin": "i", "rating": 4.0, "timestamp": 1573776000000}\n'
BEHAVIORS = "1\tU1\t11/15/2019 12:00:00 AM\tN2\tN1-1 N2-0\n"
NEWS = "".join(f"{label}\tnews\tnewsus\ttitle\ttext\thttps://x/1.html\t[]\t[]\n" for label in ("N1", "N2"))
DAY = 24 * 3600 * 10**6  # in microseconds
FIRST_TIME = pd.Timestamp("2019-11-15")


def amazon(folder, text, name="reviews.json"):
    (folder / name).write_text(text)
    return load_amazon(folder / name).interactions


def mind(folder):
    (folder / "behaviors.tsv").write_text(BEHAVIORS)
    (folder / "news.tsv").write_text(NEWS)
    return load_mind(folder)


LOADERS = {
    "Amazon 2014": lambda folder: amazon(folder, REVIEW),
    "Amazon 2023": lambda folder: amazon(folder, REVIEW_2023),
    "Amazon 2014, ratings": lambda folder: amazon(folder, "ABCDEFGHIJKLMN,1234567890,5.0,1573776000\n", "ratings.csv"),
    "Amazon 2023, ratings": lambda folder: amazon(
        folder, "user_id,parent_asin,rating,timestamp\nABCDEFGHIJKLMN,1234567890,5.0,1573776000000\n", "ratings.csv"
    ),
    "MIND": lambda folder: mind(folder).interactions,
}


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_timestamps_of_files_are_datetimes(load, tmp_path):
    events = load(tmp_path)
    assert events.timestamp_unit == "us"
    assert events.to_frame()["timestamp"].iloc[0] == FIRST_TIME
    assert read_half_life("6h", events) == DAY / 4


def test_the_history_of_mind_has_the_unit_of_its_impressions(tmp_path):
    both = mind(tmp_path).events
    assert both.timestamp_unit == "us"
    assert both.to_frame()["timestamp"].tolist() == [FIRST_TIME - pd.Timedelta(seconds=1), FIRST_TIME, FIRST_TIME]


@pytest.mark.parametrize("part", ["interactions", "frame"])
def test_generated_ratings_accept_a_timedelta_as_the_half_life(part):
    data = make_interactions(20, 15, density=0.3, random_state=0)
    settings = {"n_factors": 2, "max_epochs": 1, "positive_from": 4, "random_state": 0}
    by_text, by_number = (
        MFRecommender(half_life=length, **settings).fit(getattr(data, part)) for length in ("30 days", 30 * DAY)
    )
    np.testing.assert_array_equal(by_text.item_embeddings_, by_number.item_embeddings_)


def test_generated_ratings_and_their_table_are_the_same_events():
    data = make_interactions(20, 15, random_state=0)
    again = Interactions.from_frame(data.frame)
    assert again.timestamp_unit == data.interactions.timestamp_unit == "us"
    assert np.array_equal(again.timestamps, data.interactions.timestamps)


def test_generated_news_accept_a_timedelta_as_the_half_life_of_articles():
    made = make_news(20, 200, 60, n_shown=3, random_state=0)
    shown = made.interactions.to_frame()
    assert (shown["timestamp"] >= made.news["published"].loc[shown["item"]].array).all()
    settings = {"n_factors": 2, "max_epochs": 1, "random_state": 0}
    by_text, by_number = (
        NewsRecommender(item_half_life=length, **settings).fit(made.interactions) for length in ("6h", DAY // 4)
    )
    np.testing.assert_array_equal(by_text.score_items(), by_number.score_items())


def test_positions_in_a_sequence_have_no_unit(tmp_path):
    (tmp_path / "Video.txt").write_text("1 1\n1 2\n2 1\n")
    assert load_sasrec(tmp_path / "Video.txt").timestamp_unit is None


def test_the_split_of_ncf_has_no_unit_because_its_times_may_be_positions(tmp_path):
    np.savez(tmp_path / "train_pairs.npz", user=[0, 0], item=[0, 1], time_rank=[0, 1])
    (tmp_path / "ml-1m.test.rating").write_text("0\t2\t5\t978824351\n")
    (tmp_path / "ml-1m.test.negative").write_text("(0,2)\t3\n")
    assert load_ncf(tmp_path).train.timestamp_unit is None
