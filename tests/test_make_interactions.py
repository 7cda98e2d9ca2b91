"""Invented events: as asked, repeatable, and with something in them for a model to find."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skrec.datasets import _synthetic, make_interactions


def taste_and_popularity_recall(data, k: int = 10) -> tuple[float, float]:
    """Recall@k on a held-out fifth: of neighbors by cosine, and of the most popular films."""
    X = data.interactions
    held_out = np.random.default_rng(0).random(len(X)) < 0.2
    seen, hidden = (X[part].to_csr(duplicates="any").toarray() for part in (~held_out, held_out))
    lengths = np.linalg.norm(seen, axis=0) + 5
    similarity = seen.T @ seen / np.outer(lengths, lengths)
    np.fill_diagonal(similarity, 0)
    recalls = []
    for scores in (seen @ similarity, np.tile(seen.sum(axis=0), (len(seen), 1))):
        top = np.argsort(-np.where(seen > 0, -np.inf, scores), axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(hidden, top, axis=1).sum(axis=1)
        n_hidden = hidden.sum(axis=1)
        recalls.append((found / np.minimum(n_hidden, k).clip(1))[n_hidden > 0].mean())
    return tuple(recalls)


def rmse_of_mean_and_biases(data) -> tuple[float, float]:
    frame = data.frame
    held_out = np.random.default_rng(0).random(len(frame)) < 0.2
    train, test = frame[~held_out], frame[held_out]
    mean = train["rating"].mean()
    item_sums = (train["rating"] - mean).groupby(train["item"]).agg(["sum", "count"])
    item_bias = item_sums["sum"] / (item_sums["count"] + 3)
    rest = train["rating"] - mean - train["item"].map(item_bias)
    user_sums = rest.groupby(train["user"]).agg(["sum", "count"])
    user_bias = user_sums["sum"] / (user_sums["count"] + 3)
    guess = mean + test["item"].map(item_bias).fillna(0) + test["user"].map(user_bias).fillna(0)
    return (((test["rating"] - mean) ** 2).mean() ** 0.5, ((test["rating"] - guess) ** 2).mean() ** 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_taste_can_be_learned(seed):
    taste, popularity = taste_and_popularity_recall(make_interactions(random_state=seed))
    assert taste > 1.2 * popularity


def test_with_one_factor_there_is_no_taste_to_learn():
    taste, popularity = taste_and_popularity_recall(make_interactions(n_factors=1, random_state=0))
    assert taste < 1.05 * popularity


@pytest.mark.parametrize("seed", range(3))
def test_biases_of_users_and_films_explain_ratings(seed):
    mean, biases = rmse_of_mean_and_biases(make_interactions(random_state=seed))
    assert biases < 0.8 * mean


def test_noise_cannot_be_explained():
    errors = [rmse_of_mean_and_biases(make_interactions(noise=noise, random_state=0))[1] for noise in (0, 0.5, 1, 2)]
    assert errors == sorted(errors)


def test_users_watch_their_favorite_genre():
    data = make_interactions(random_state=0)
    genres = data.items["genres"]
    favorites = data.users["favorite"].loc[data.frame["user"]]
    watched = genres.loc[data.frame["item"]]
    share = np.mean([favorite in film for favorite, film in zip(favorites, watched)])
    by_chance = np.mean([favorite in film for favorite in data.users["favorite"] for film in genres])
    assert share > 2 * by_chance


def test_popularity_grows_more_uneven_with_the_skew():
    def share_of_top_tenth(skew):
        data = make_interactions(popularity_skew=skew, random_state=0)
        return np.sort(np.bincount(data.interactions.items, minlength=200))[-20:].sum() / len(data.frame)

    shares = [share_of_top_tenth(skew) for skew in (0, 0.5, 1, 2)]
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert shares[-1] > 0.5


def test_equal_seeds_give_equal_data_and_others_do_not():
    first, second, other = (make_interactions(50, 30, random_state=seed) for seed in (7, 7, 8))
    for part in ("frame", "items", "users"):
        assert_frame_equal(getattr(first, part), getattr(second, part))
    assert not first.frame.equals(other.frame)


@pytest.mark.parametrize("source", [np.random.default_rng, np.random.RandomState])
def test_generators_seed_as_well(source):
    frames = [make_interactions(50, 30, random_state=source(3)).frame for _ in range(2)]
    assert_frame_equal(*frames)


@pytest.mark.parametrize("random_state", [None, 0])
def test_the_global_generator_is_left_alone(random_state):
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    make_interactions(20, 10, random_state=random_state)
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize(("n_users", "n_items", "density"), [(500, 200, 0.05), (300, 400, 0.3), (1, 1, 1.0), (40, 30, 1)])
def test_shapes_and_density_are_as_asked(n_users, n_items, density):
    data = make_interactions(n_users, n_items, density=density, random_state=0)
    assert (data.interactions.n_users, data.interactions.n_items) == (n_users, n_items)
    assert (len(data.users), len(data.items)) == (n_users, n_items)
    assert len(data.frame) == pytest.approx(density * n_users * n_items, rel=0.1)


def test_events_look_like_a_log():
    data = make_interactions(300, 100, random_state=0)
    frame = data.frame
    assert not frame.duplicated(["user", "item"]).any()
    assert frame["timestamp"].is_monotonic_increasing
    assert (frame.groupby("user")["timestamp"].diff().dropna() > pd.Timedelta(0)).all()
    assert set(frame["rating"]) == {1, 2, 3, 4, 5}
    assert set(frame["user"]) == set(range(1, 301))
    assert_frame_equal(data.interactions.to_frame(), frame, check_dtype=False)


def test_blocks_of_users_do_not_show(monkeypatch):
    whole = make_interactions(60, 40, random_state=0)
    monkeypatch.setattr("skrec._memory.BLOCK_BYTES", 10_000)
    assert_frame_equal(make_interactions(60, 40, random_state=0).frame, whole.frame)


def test_titles_stay_unique_when_names_run_out():
    data = make_interactions(2, 6000, density=0.001, random_state=0)
    assert data.items.index.is_unique
    assert data.items.index.str.contains("Part 3").any()
    assert (data.items["genres"].map(len) >= 1).all()


def test_many_factors_are_many_genres():
    data = make_interactions(20, 2000, n_factors=20, density=0.01, random_state=0)
    assert data.items["genres"].explode().nunique() == 20


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("n_users", 0, ValueError),
        ("n_users", 2.5, TypeError),
        ("n_users", True, TypeError),
        ("n_items", -1, ValueError),
        ("n_factors", 0, ValueError),
        ("n_factors", "6", TypeError),
        ("density", 0, ValueError),
        ("density", 1.1, ValueError),
        ("density", np.nan, ValueError),
        ("popularity_skew", -1, ValueError),
        ("popularity_skew", None, TypeError),
        ("noise", np.inf, ValueError),
    ],
)
def test_an_impossible_argument_is_named(argument, value, error):
    with pytest.raises(error, match=f"^{argument} must be "):
        make_interactions(**{argument: value})


# Items of sparse data are drawn by rejection


def drawn(choose, n_users=4_000, n_items=40, n_factors=4, skew=1.0, n=3):
    """Users, items and affinities of equal tastes and films, drawn in one of the two ways."""
    rng = np.random.default_rng(0)
    tastes, mixtures = rng.standard_normal((n_users, n_factors)), rng.dirichlet(np.full(n_factors, 0.25), n_items)
    popularity = -skew * np.log(1 + rng.permutation(n_items))
    found = choose(rng, tastes, mixtures, popularity, np.full(n_users, n))
    return tastes.argmax(axis=1), *found


@pytest.mark.parametrize("settings", [{}, {"n_factors": 1}, {"skew": 6.0, "n_items": 12, "n": 6}, {"n_items": 3}], ids=str)
def test_both_ways_of_drawing_items_have_the_same_distribution(settings):
    shares, affinities = [], []
    for choose in (_synthetic._choose_from_all, _synthetic._choose_by_rejection):
        favourite, users, items, affinity = drawn(choose, **settings)
        assert len(np.unique(users.astype(np.int64) * 100 + items)) == len(items)
        shares.append(np.histogram2d(favourite[users], items, bins=(np.arange(5), np.arange(41)))[0])
        affinities.append(affinity.mean())
    expected, found = shares
    assert expected.sum() == found.sum()
    deviation = (found - expected) / np.sqrt(found + expected + 1)
    assert np.abs(deviation).max() < 4.5 and (deviation**2).mean() < 1.3
    assert affinities[0] == pytest.approx(affinities[1], abs=0.03)


def test_the_order_of_a_users_items_is_random():
    items = drawn(_synthetic._choose_by_rejection)[2]
    first, last = (np.bincount(items[place::3], minlength=40) for place in (0, 2))
    assert ((first - last) ** 2 / (first + last + 1)).mean() < 1.6


def test_sparse_data_take_time_of_their_events():
    data = make_interactions(20_000, 50_000, density=1e-4, random_state=0)  # 1e9 pairs would take a minute
    assert len(data.frame) == pytest.approx(100_000, rel=0.1)
    assert_frame_equal(make_interactions(20_000, 50_000, density=1e-4, random_state=0).frame, data.frame)


def test_a_preference_can_be_learned_from_sparse_data_too():
    data = make_interactions(1500, 200, density=0.045, random_state=0)
    taste, popularity = taste_and_popularity_recall(data)
    assert taste > 1.2 * popularity
