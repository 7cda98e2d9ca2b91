"""Invented news: what is shown, what is clicked, and how likely that was."""

import numpy as np
import pytest

from skrec.data import Interactions
from skrec.datasets import make_news

DAY = np.timedelta64(24, "h")


@pytest.fixture(scope="module")
def made():
    return make_news(80, 700, 5000, recency=2.0, random_state=0)


def by_impression(made):
    events = made.interactions
    return (column.reshape(5000, 6) for column in (events.items, events.values, events.timestamps, made.chances))


def ages_of(made):
    """The age in days of each article when it was shown."""
    shown = made.interactions.to_frame()
    return ((shown["timestamp"] - made.news["published"].loc[shown["item"]].array) / DAY).to_numpy()


def test_each_impression_shows_different_articles_of_the_last_day_and_has_one_click(made):
    items, values, times, chances = by_impression(made)
    assert isinstance(made.interactions, Interactions)
    assert (np.sort(items, axis=1)[:, 1:] > np.sort(items, axis=1)[:, :-1]).all()
    ages = ages_of(made).reshape(items.shape)
    assert (ages >= 0).all() and (ages < 1).all()
    assert (values.sum(1) == 1).all()
    assert (times == times[:, :1]).all() and (np.diff(times[:, 0]) >= 0).all()
    np.testing.assert_allclose(chances.sum(1), 1)


def test_clicks_come_with_their_chances(made):
    _, values, _, chances = by_impression(made)
    for low, high in ((0.0, 0.1), (0.1, 0.4), (0.4, 0.8), (0.8, 1.0)):
        there = (chances > low) & (chances <= high)
        error = 4 * np.sqrt(chances[there].mean() / there.sum())
        assert values[there].mean() == pytest.approx(chances[there].mean(), abs=error)
    assert 0.5 < chances.max(1).mean() < 0.9


def test_titles_are_about_their_category(made):
    words = made.news["title"].str.lower().str.split()
    by_category = words.groupby(made.news["category"]).apply(lambda titles: {word for title in titles for word in title})
    shared = set.intersection(*by_category)
    assert words.map(lambda title: sum(word not in shared for word in title)).eq(4).all()
    topical = [words - shared for words in by_category]
    assert sum(map(len, topical)) == len(set.union(*topical)) == 10 * 12


def test_readers_like_two_topics_and_what_is_new():
    made = make_news(20, 2000, 20_000, taste=4.0, recency=0.0, random_state=1)
    topics = made.news["category"].to_numpy()[made.interactions.items]
    clicked = made.interactions.values > 0
    shares = [np.unique(topics[clicked & (made.interactions.users == user)], return_counts=True)[1].max() for user in range(20)]
    assert min(shares) > 0.3 * clicked.sum() / 20
    assert ages_of(made)[clicked].mean() == pytest.approx(0.5, rel=0.05)
    newer = make_news(20, 2000, 20_000, taste=4.0, recency=4.0, half_life=3, random_state=1)
    assert ages_of(newer)[newer.interactions.values > 0].mean() < 0.4


def test_equal_seeds_give_equal_news(made):
    again, other = (make_news(80, 700, 5000, recency=2.0, random_state=seed) for seed in (0, 1))
    assert again.news.equals(made.news) and (again.interactions.items == made.interactions.items).all()
    assert not other.news.equals(made.news)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_users": 0}, "n_users must be an integer of at least 1, got 0"),
        ({"n_impressions": 2.5}, "n_impressions must be an integer of at least 1, got 2.5"),
        ({"taste": -1}, "taste must be a finite number of at least 0, got -1"),
        ({"recency": "new"}, "recency must be a finite number of at least 0, got 'new'"),
        ({"half_life": 0}, "half_life must be a finite number above 0, got 0"),
        ({"n_shown": 1}, "n_shown must be from 2"),
        ({"n_items": 200}, "a fifth of the 18 articles"),
    ],
)
def test_arguments_out_of_range_are_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_news(**changes)
