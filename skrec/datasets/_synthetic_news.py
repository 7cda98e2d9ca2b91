"""Synthetic news impressions, in which topic and age of an article determine the clicks."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.data._random import as_generator

START = 1_577_836_800  # 2020-01-01, UTC
HOUR = 3600
LIFETIME = 24 * HOUR  # time during which an article is shown
TITLE_WORDS = 8
FILLERS = "about after again every first great last more never new now one other over still than that this under why".split()
WORDS = {
    "autos": "brake car diesel engine fuel garage motor pickup racing road sedan tyre",
    "finance": "bank bond budget dividend fund interest loan market mortgage pension stock tax",
    "food": "bake bread cheese chef dinner kitchen pasta recipe salad sauce soup vegan",
    "health": "doctor exercise fever flu heart hospital sleep surgery therapy vaccine virus vitamin",
    "movies": "actor cinema director film hollywood oscar premiere scene screen sequel studio trailer",
    "music": "album band concert festival guitar jazz lyrics opera orchestra rapper singer tour",
    "politics": "ballot campaign congress election governor mayor minister parliament poll senate treaty vote",
    "science": "asteroid atom climate fossil galaxy laboratory moon physics planet rocket species telescope",
    "sports": "champion coach final goal injury league match playoff referee season stadium team",
    "travel": "airline airport beach cruise flight hotel island luggage museum passport resort tourist",
}


class SyntheticNews(NamedTuple):
    """Synthetic news impressions.

    Parameters
    ----------
    interactions : Interactions
        An event for each article that was shown, in order of time. The value is 1 for a click, otherwise 0. Has impressions.
        Timestamps are microseconds since 1970.
    news : DataFrame of shape (n_items, 3)
        A row for each article, indexed by label: ``category``, ``title``, ``published`` (datetime64[us], UTC).
    chances : float64 array of shape (n_events,)
        True click probability of each event, which is the best possible prediction. The mean over impressions of the largest
        probability is an upper bound of the hit rate at 1.
    """

    interactions: Interactions
    news: pd.DataFrame
    chances: NDArray[np.float64]


def make_news(
    n_users: int = 500,
    n_items: int = 2000,
    n_impressions: int = 20_000,
    *,
    n_shown: int = 6,
    n_days: int = 10,
    taste: float = 4.0,
    recency: float = 0.0,
    half_life: float = 6.0,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> SyntheticNews:
    """Generate news impressions in which the topic of the title, and optionally the age, determine the clicks.

    Articles are published throughout the days and shown for 24 hours, so that the articles of the last day are unknown on the
    day before. Their topic is only visible in their titles, in which half of the words belong to the topic. Each user prefers
    two topics. In each impression one article is clicked, with probability proportional to the exponential of its utility:
    ``taste`` for the first topic of the user, half of it for the second, plus ``recency * 2 ** (-age / half_life)``.

    Parameters
    ----------
    n_users : int, default=500
        Number of users.
    n_items : int, default=2000
        Number of articles.
    n_impressions : int, default=20_000
        Number of impressions.
    n_shown : int, default=6
        Number of articles in an impression. Must be at least 2 and at most a fifth of the number of articles per day.
    n_days : int, default=10
        Number of days with impressions.
    taste : float, default=4.0
        Utility of the first topic of a user. Must be at least 0.
    recency : float, default=0.0
        Utility of a new article. Must be at least 0.
    half_life : float, default=6.0
        Age in hours at which the utility of recency is halved. Must be above 0.
    random_state : int, Generator, RandomState or None, default=None
        As for `make_interactions`.

    Returns
    -------
    SyntheticNews
        Impressions, articles and click probabilities.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Time and memory are O(n_impressions * n_shown).

    Examples
    --------
    >>> from skrec.datasets import make_news
    >>> made = make_news(50, 400, 300, random_state=0)
    >>> made.interactions.n_items, made.interactions.values.sum().item()
    (400, 300.0)
    >>> made.chances.reshape(300, 6).sum(axis=1).round(6).max().item()
    1.0
    """
    counts = {"n_users": n_users, "n_items": n_items, "n_impressions": n_impressions, "n_shown": n_shown, "n_days": n_days}
    for name, count in counts.items():
        check_int(count, name, at_least=1)
    for name, amount in (("taste", taste), ("recency", recency)):
        check_number(amount, name, at_least=0)
    check_number(half_life, "half_life", above=0)
    articles_per_day = n_items // (n_days + 1)
    if n_shown < 2 or n_shown > articles_per_day / 5:
        raise ValueError(f"n_shown must be from 2 to a fifth of the {articles_per_day} articles per day, got {n_shown}")
    rng = as_generator(random_state)
    # at regular intervals, so that enough articles are shown at all times
    published = (START - LIFETIME + (np.arange(n_items) + rng.random(n_items)) * (n_days + 1) * LIFETIME / n_items).astype(
        np.int64
    )
    topics = rng.integers(len(WORDS), size=n_items)
    tastes = rng.permuted(np.tile([taste, taste / 2, *[0.0] * (len(WORDS) - 2)], (n_users, 1)), axis=1)

    times = np.sort(rng.integers(START, START + n_days * LIFETIME, n_impressions))
    users, shown = rng.integers(n_users, size=n_impressions), _shown(rng, published, times, n_shown)
    ages = (times[:, None] - published[shown]) / HOUR
    utility = tastes[users[:, None], topics[shown]] + recency * 0.5 ** (ages / half_life)
    clicked = (utility + rng.gumbel(size=utility.shape)).argmax(axis=1)[:, None] == np.arange(n_shown)
    chances = np.exp(utility) / np.exp(utility).sum(axis=1, keepdims=True)

    labels = np.array([f"N{number}" for number in range(1, n_items + 1)], dtype=object)
    interactions = Interactions.from_arrays(
        np.repeat(users, n_shown),
        shown.ravel(),
        clicked.ravel(),
        timestamps=np.repeat(times, n_shown),
        impressions=np.repeat(np.arange(n_impressions), n_shown),
        user_ids=np.array([f"U{number}" for number in range(1, n_users + 1)], dtype=object),
        item_ids=labels,
        timestamp_unit="s",
    )
    columns = {"category": np.array(list(WORDS), dtype=object)[topics], "title": _titles(rng, topics)}
    columns["published"] = published.astype("datetime64[s]").astype("datetime64[us]")
    return SyntheticNews(interactions, pd.DataFrame(columns, index=pd.Index(labels, name="item")), chances.ravel())


def _shown(rng: np.random.Generator, published: NDArray, times: NDArray, n_shown: int) -> NDArray[np.int64]:
    """Distinct random articles of the last 24 hours for each time, of shape (n_times, n_shown)."""
    first, stop = np.searchsorted(published, times - LIFETIME, side="right"), np.searchsorted(published, times, side="right")
    shown = np.empty((len(times), n_shown), np.int64)
    pending = np.arange(len(times))
    while len(pending):
        shown[pending] = rng.integers(first[pending, None], stop[pending, None], (len(pending), n_shown))
        pending = pending[(np.diff(np.sort(shown[pending], axis=1), axis=1) == 0).any(axis=1)]
    return shown


def _titles(rng: np.random.Generator, topics: NDArray[np.int64]) -> list[str]:
    vocabularies = [words.split() for words in WORDS.values()]
    return [_title(rng, vocabularies[topic]) for topic in topics]


def _title(rng: np.random.Generator, vocabulary: list[str]) -> str:
    words: list[Any] = [*rng.choice(vocabulary, TITLE_WORDS // 2), *rng.choice(FILLERS, TITLE_WORDS // 2)]
    return " ".join(rng.permutation(words)).capitalize()
