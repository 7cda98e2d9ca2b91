"""Synthetic interactions with popularity, preferences and biases."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec._checks import check_int, check_number
from skrec._memory import blocks, rows_per_block
from skrec.data import Interactions
from skrec.data._pairs import group_by
from skrec.data._random import as_generator
from skrec.datasets._dataset import Dataset

CELL_BYTES = 64  # memory of a pair of a user and an item
LEAST_DENSITY_OF_ROWS = 0.05  # at which a comparison of all items is as fast as rejections
TASTE_STRENGTH = 2.0  # weight of preferences in a choice, relative to Gumbel noise
FIRST_SECOND = 1_577_836_800  # 2020-01-01, UTC
YEAR_SECONDS = 31_536_000
GENRES = (
    "Comedy Drama Thriller Romance Adventure Horror Western Musical Fantasy Mystery Documentary Crime War Animation"
).split()
ADJECTIVES = (
    "Amber Ancient Bitter Blue Borrowed Brave Broken Burning Careless Crimson Crooked Distant Drifting Electric "
    "Emerald Endless Fearless Fragile Frozen Gentle Ghostly Golden Hidden Hollow Honest Hungry Invisible Jealous "
    "Last Lonely Lost Lucky Midnight Paper Quiet Restless Rusty Scarlet Second Secret Silent Silver Sleepless "
    "Stolen Stubborn Velvet Wandering Wild"
).split()
NOUNS = (
    "Accordion Atlas Balcony Bicycle Bridge Caravan Carnival Castle Cathedral Clockmaker Compass Corridor Desert "
    "Detective Empire Falcon Ferry Garden Glacier Harbour Harvest Heron Island Journey Kingdom Lantern Letter "
    "Library Lighthouse Locomotive Market Meadow Mirror Mountain Museum Night Ocean Orchard Orchestra Parade "
    "Piano River Season Shadow Stranger Summer Tailor Telegram Theatre Tiger Valley Voyage Waltz Window Winter"
).split()


def make_interactions(
    n_users: int = 500,
    n_items: int = 200,
    *,
    density: float = 0.05,
    n_factors: int = 6,
    popularity_skew: float = 1.0,
    noise: float = 0.5,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> Dataset:
    """Generate ratings of synthetic films with popularity, preferences and biases.

    Each film has a mixture of genres, and each user prefers some genres. The films of a user are drawn without replacement,
    with probabilities that depend on popularity and preference. A rating is the sum of preference, user bias, item bias and
    noise, rounded to an integer from 1 to 5.

    Parameters
    ----------
    n_users : int, default=500
        Number of users.
    n_items : int, default=200
        Number of items.
    density : float, default=0.05
        Expected share of rated pairs among all pairs of a user and an item, up to rounding. Must be in (0, 1]. The number of
        events varies between users and is at least 1.
    n_factors : int, default=6
        Number of genres, which are the dimensions of preferences. With 1, there are no preferences.
    popularity_skew : float, default=1.0
        Exponent of the power law by which popularity decreases with rank (Zipf). Must be at least 0. With 0, all films are
        equally popular.
    noise : float, default=0.5
        Standard deviation of the random part of a rating. Must be at least 0.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the random numbers. Pass an int for reproducible results. numpy's global generator is not used.

    Returns
    -------
    Dataset
        ``interactions`` has all ``n_users`` users and ``n_items`` items, including films without events. User labels are
        numbers from 1, item labels are titles. Events are in order of time. Each pair occurs at most once, and the timestamps
        of a user are distinct. ``users`` has the column ``favorite``, the preferred genre of a user.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range.

    Notes
    -----
    Time and memory are O(n_events + n_users + n_items). With a density of at least 0.05, all items are compared for each user,
    which takes at most 20 pairs for each event. With a lower density, items are drawn and rejected. This takes longer for a
    large ``popularity_skew``, with which few items have almost all of the popularity.

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> films = make_interactions(100, 40, density=0.2, random_state=0)
    >>> films.interactions.shape[1], films.interactions.n_users, films.interactions.n_items
    (2, 100, 40)
    >>> list(films.items.columns)
    ['movie_id', 'title', 'year', 'genres']
    """
    for name, size in (("n_users", n_users), ("n_items", n_items), ("n_factors", n_factors)):
        check_int(size, name, at_least=1)
    check_number(density, "density", above=0, at_most=1)
    for name, amount in (("popularity_skew", popularity_skew), ("noise", noise)):
        check_number(amount, name, at_least=0)
    rng = as_generator(random_state)
    tastes = rng.standard_normal((n_users, n_factors))
    mixtures = rng.dirichlet(np.full(n_factors, 0.25), n_items)
    popularity = -popularity_skew * np.log(1 + rng.permutation(n_items))
    n_events = _events_per_user(rng, n_users, n_items, density)
    choose = _choose_from_all if density >= LEAST_DENSITY_OF_ROWS else _choose_by_rejection
    users, items, affinities = choose(rng, tastes, mixtures, popularity, n_events)
    ratings = _rate(rng, users, items, affinities, n_users, n_items, noise)
    times = _times(rng, users, n_users)
    order = group_by(times - times.min(), int(np.ptp(times)) + 1)
    times = times.astype("datetime64[s]").astype("datetime64[us]")
    users, items, ratings, times = users[order], items[order], ratings[order], times[order]

    films = _films(rng, mixtures)
    people = pd.DataFrame({"user": np.arange(1, n_users + 1), "favorite": _genres(n_factors)[tastes.argmax(axis=1)]})
    titles = films.index.to_numpy(dtype=object)
    frame = pd.DataFrame(
        {"user": 1 + users.astype(np.int64), "item": films.index.array.take(items), "rating": ratings, "timestamp": times}
    )
    interactions = Interactions.from_arrays(
        users, items, ratings, timestamps=times, user_ids=people["user"].to_numpy(), item_ids=titles
    )
    return Dataset(
        name="synthetic",
        interactions=interactions,
        frame=frame,
        items=films,
        users=people.set_index("user"),
        citation="Generated by skrec.datasets.make_interactions.",
        license="No restrictions: all names and numbers are synthetic.",
    )


def _events_per_user(rng: np.random.Generator, n_users: int, n_items: int, density: float) -> NDArray[np.int64]:
    shape = 2.5  # the standard deviation of the shares is about 0.6 of their mean
    shares = rng.beta(shape, max(shape * (1 - density) / density, 1e-9), n_users)
    return np.clip(np.rint(shares * n_items), 1, n_items).astype(np.int64)


def _centered(mixtures: NDArray) -> tuple[NDArray[np.float64], float]:
    """Mixtures with mean 0 and mean squared length 1, and the length by which they were divided."""
    centered = mixtures - mixtures.mean(axis=0)
    length = max(float(np.sqrt((centered**2).sum(axis=1).mean())), 1e-12)
    return centered / length, length


def _choose_from_all(
    rng: np.random.Generator, tastes: NDArray, mixtures: NDArray, popularity: NDArray, n_events: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Users, items and affinities (mean 0, variance 1 over all pairs) of all events, in random order within each user.

    Items with the largest sums of log weight and Gumbel noise are a weighted sample without replacement.
    """
    centered, _ = _centered(mixtures)
    n_users, n_items = len(tastes), len(mixtures)
    items, affinities = [], []
    for block in np.array_split(np.arange(n_users), 1 + n_users // rows_per_block(CELL_BYTES * n_items)):
        affinity = tastes[block] @ centered.T
        utility = popularity + TASTE_STRENGTH * affinity + rng.gumbel(size=affinity.shape)
        least_chosen = np.sort(utility, axis=1)[np.arange(len(block)), n_items - n_events[block]]
        chosen = utility >= least_chosen[:, None]
        items.append(chosen.nonzero()[1])
        affinities.append(affinity[chosen])
    users = np.repeat(np.arange(n_users), n_events)
    order = np.lexsort((rng.random(len(users)), users))
    return users, np.concatenate(items)[order], np.concatenate(affinities)[order]


def _choose_by_rejection(
    rng: np.random.Generator, tastes: NDArray, mixtures: NDArray, popularity: NDArray, n_events: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """As `_choose_from_all`, from the same distribution, in time of the events."""
    from skrec.datasets._synthetic_kernels import alias_table, draw_items

    centered, length = _centered(mixtures)
    weights = np.exp(popularity)[:, None] * mixtures
    thresholds, aliases = np.empty(weights.T.shape), np.empty(weights.T.shape, np.int32)
    for genre in range(weights.shape[1]):
        alias_table(weights[:, genre], thresholds[genre], aliases[genre])
    first = np.append(0, np.cumsum(n_events))
    items = np.empty(first[-1], np.int32)
    strength = TASTE_STRENGTH / length if length > 1e-9 else 0.0  # else all items have the same mixture
    draw_items(rng, first, strength * tastes, mixtures, np.exp(popularity), thresholds, aliases, weights.sum(axis=0), items)
    users = np.repeat(np.arange(len(tastes), dtype=np.int32), n_events)
    affinities = np.empty(len(items), np.float32)
    for rows in blocks(len(items), rows_per_block(CELL_BYTES * tastes.shape[1])):
        affinities[rows] = (tastes[users[rows]] * centered[items[rows]]).sum(axis=1)
    return users, items, affinities


def _rate(
    rng: np.random.Generator,
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    affinities: NDArray[np.floating],
    n_users: int,
    n_items: int,
    noise: float,
) -> NDArray[np.int64]:
    user_biases, item_biases = 0.5 * rng.standard_normal(n_users), 0.5 * rng.standard_normal(n_items)
    ratings = np.empty(len(users), np.int64)
    for rows in blocks(len(users), rows_per_block(CELL_BYTES)):
        stars = 3.0 + user_biases[users[rows]] + item_biases[items[rows]] + 0.5 * affinities[rows]
        stars += noise * rng.standard_normal(len(stars))
        ratings[rows] = np.clip(np.rint(stars), 1, 5)
    return ratings


def _times(rng: np.random.Generator, users: NDArray[np.integer], n_users: int) -> NDArray[np.int64]:
    """Unix seconds, increasing within each user. ``users`` is sorted."""
    gaps = 1 + rng.exponential(YEAR_SECONDS / 365, len(users)).astype(np.int64)
    elapsed = np.cumsum(gaps)
    first = np.searchsorted(users, np.arange(n_users))
    arrival = FIRST_SECOND + rng.integers(2 * YEAR_SECONDS, size=n_users)
    return (arrival - elapsed[first])[users] + elapsed


def _films(rng: np.random.Generator, mixtures: NDArray) -> pd.DataFrame:
    """One row for each item: an invented title, which is the label, its year, and its main genres."""
    n_items = len(mixtures)
    pairs = rng.permutation(np.arange(len(ADJECTIVES) * len(NOUNS)))
    years = rng.integers(1930, 2020, n_items)
    titles = [_title(pairs[item % len(pairs)], item // len(pairs), years[item]) for item in range(n_items)]
    names = _genres(mixtures.shape[1])
    main = mixtures >= np.minimum(0.25, mixtures.max(axis=1, keepdims=True))
    return pd.DataFrame(
        {
            "movie_id": np.arange(1, n_items + 1),
            "title": titles,
            "year": pd.array(years, dtype="Int64"),
            "genres": [tuple(names[row]) for row in main],
        },
        index=pd.Index(titles, name="item"),
    )


def _title(pair: int, sequel: int, year: int) -> str:
    adjective, noun = ADJECTIVES[pair // len(NOUNS)], NOUNS[pair % len(NOUNS)]
    return f"{adjective} {noun}, Part {sequel + 1} ({year})" if sequel else f"{adjective} {noun} ({year})"


def _genres(n_factors: int) -> NDArray:
    return np.array([*GENRES, *(f"Genre {n}" for n in range(len(GENRES) + 1, n_factors + 1))][:n_factors], dtype=object)
