"""Rank films without events. A tenth of the films of MovieLens 100K is withheld with all of its ratings.

    SKREC_DATA=... python benchmarks/cold_items.py --json benchmarks/results/cold-items.json

A rating of 4 or 5 is a like. Each of five draws withholds a tenth of the films with all their ratings. The features are the
genres and the title, which gives words and the year. They are encoded by an encoder that is fitted to the other films.
Users who like a withheld film get a ranking of the withheld films, and the figure is NDCG@20. With `--choose`, settings are
chosen inside the training parts, from each of which a further tenth of the films is withheld.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from skrec import (
    ALSRecommender,
    ColdStartRecommender,
    FeatureEncoder,
    Interactions,
    MFRecommender,
    TwoTowerRecommender,
    text_vectors,
)
from skrec.datasets import fetch_movielens
from skrec.metrics import ndcg

LIKED, K, WITHHELD = 4, 20, 0.1
SEEDS = range(5)
FEATURES = ["genres", "year", "title"]
LIKES = {"positive_from": LIKED}
GRIDS = {
    "TwoTowerRecommender": (
        TwoTowerRecommender(batch_size=512, **LIKES),
        {"n_factors": [32, 64], "max_epochs": [10, 20], "temperature": [None, 0.1], "id_dropout": [0.1, 0.3]},
    ),
    "ColdStartRecommender, ALS": (
        ColdStartRecommender(estimator=ALSRecommender(regularization=30, n_jobs=1, random_state=0, **LIKES)),
        {"estimator__n_factors": [32, 64], "estimator__alpha": [1, 2, 5], "regularization": [0.1, 1.0, 10.0]},
    ),
    "ColdStartRecommender, MF": (
        ColdStartRecommender(
            estimator=MFRecommender(
                batch_size=64, max_epochs=30, learning_rate=0.02, dropout=0.5, regularization=3, random_state=0, **LIKES
            )
        ),
        {"estimator__n_factors": [32, 64], "regularization": [0.1, 1.0, 10.0]},
    ),
}
# what `--choose` found
CHOSEN = {
    "TwoTowerRecommender": {"n_factors": 32, "max_epochs": 10, "temperature": None, "id_dropout": 0.3},
    "ColdStartRecommender, ALS": {"estimator__n_factors": 32, "estimator__alpha": 2, "alpha": 0.1},
    "ColdStartRecommender, MF": {"estimator__n_factors": 64, "regularization": 0.1},
}


class Draw(NamedTuple):
    """The films of one draw.

    Attributes
    ----------
    train : Interactions
        Events of the other films. The withheld films have features but no events.
    withheld : int64 array
        Codes of the films that are ranked.
    likes : CSR of shape (n_users, n_items)
        Likes of withheld films.
    users : int64 array
        Users with a like among the withheld films and one in the training part.
    """

    train: Interactions
    withheld: np.ndarray
    likes: Any
    users: np.ndarray


def draw_films(films, rated, seed):
    """Withhold a tenth of the films with the given labels, and leave out all other films."""
    withheld = np.random.default_rng(seed).permutation(len(rated))[: round(WITHHELD * len(rated))]
    table = films.items.loc[rated, FEATURES]
    encoder = FeatureEncoder(text="title", text_encoder=text_vectors(32)).fit(table.drop(index=rated[withheld]))
    frame = films.frame[films.frame["item"].isin(rated)]
    events = Interactions.from_frame(frame, item_features=encoder.transform(table))
    cold = np.isin(events.item_ids[events.items], rated[withheld])
    liked = events.values >= LIKED
    likes = events[cold & liked].to_csr(duplicates="any")
    learns = np.diff(events[~cold & liked].to_csr().indptr) > 0
    codes = np.flatnonzero(np.isin(events.item_ids, rated[withheld]))
    return Draw(events[~cold], codes, likes, np.flatnonzero((np.diff(likes.indptr) > 0) & learns))


def draws(films):
    return [draw_films(films, films.interactions.item_ids, seed) for seed in SEEDS]


def inside(films, draw, seed):
    """Withhold films of the training part."""
    return draw_films(films, np.delete(draw.train.item_ids, draw.withheld), seed)


def quality(draw, codes):
    """Mean NDCG@20 of lists of item codes, (n_users, 20)."""
    return float(np.nanmean(ndcg(codes, draw.likes[draw.users], k=K)))


def rank(draw, scores):
    """Rank the withheld films by scores (n_users, n_withheld), and return the best of them."""
    return draw.withheld[np.argsort(-scores, axis=1, kind="stable")[:, :K]]


def at_random(draw, films, seed):
    return quality(draw, rank(draw, np.random.default_rng(seed).random((len(draw.users), len(draw.withheld)))))


def by_genre(draw, films, seed):
    """Score a film by the mean popularity of its genres. The popularity of a genre is the mean number of likes of its films."""
    likes = np.bincount(draw.train.items[draw.train.values >= LIKED], minlength=draw.train.n_items)
    is_known = np.ones(draw.train.n_items, bool)
    is_known[draw.withheld] = False
    genres = films.items.loc[draw.train.item_ids, "genres"]
    table = genres.str.join("|").str.get_dummies().to_numpy()
    of_genre = (table[is_known] * likes[is_known, None]).sum(0) / np.maximum(table[is_known].sum(0), 1)
    scores = (table @ of_genre / np.maximum(table.sum(1), 1))[draw.withheld]
    return quality(draw, rank(draw, np.tile(scores, (len(draw.users), 1))))


def by(model):
    def measure(draw, films, seed):
        seeds = [name for name in model.get_params() if name.endswith("random_state")]
        fitted = clone(model).set_params(**dict.fromkeys(seeds, seed)).fit(draw.train)
        users, withheld = draw.train.user_ids[draw.users], draw.train.item_ids[draw.withheld]
        return quality(draw, fitted.recommend(users, k=K, candidates=withheld).codes)

    return measure


def choose(films):
    """Evaluate all settings of the grids on the training parts of all draws, and print the means."""
    parts = [inside(films, draw, seed) for seed, draw in enumerate(draws(films))]
    for name, (model, grid) in GRIDS.items():
        results = []
        for setting in ParameterGrid(grid):
            figures = [by(clone(model).set_params(**setting))(part, films, 0) for part in parts]
            results.append((float(np.mean(figures)), setting))
            print(f"{name}: {results[-1][0]:.4f} {setting}", flush=True)
        print(f"{name}: best {max(results, key=lambda result: result[0])}\n")


def report(films, path):
    measures = {"at random": at_random, "popularity of the genres": by_genre}
    measures |= {name: by(clone(model).set_params(**CHOSEN[name])) for name, (model, _) in GRIDS.items()}
    rows: dict[str, list[float]] = {name: [] for name in measures}
    seconds = dict.fromkeys(measures, 0.0)
    for seed, draw in enumerate(draws(films)):
        for name, measure in measures.items():
            started = time.perf_counter()
            rows[name].append(measure(draw, films, seed))
            seconds[name] += (time.perf_counter() - started) / len(SEEDS)
    print(f"{'95 % intervals over 5 draws':30} {'NDCG@20':>24} {'above the genres':>26} {'times random':>14} {'seconds':>8}")
    for name, figures in rows.items():
        ratio = np.mean(figures) / np.mean(rows["at random"])
        above = np.subtract(figures, rows["popularity of the genres"])  # draws differ more than methods do
        print(f"{name:30} {shown(figures):>24} {shown(above):>26} {ratio:14.2f} {seconds[name]:8.1f}")
    if path is not None:
        packages = ("numpy", "scikit-learn", "torch", "implicit")
        settings = {name: repr(clone(model).set_params(**CHOSEN[name])) for name, (model, _) in GRIDS.items()}
        content = {"ndcg@20": rows, "settings": settings, "versions": {name: version(name) for name in packages}}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def shown(figures):
    """Format a mean and its interval by Student's distribution."""
    half = stats.t.ppf(0.975, len(figures) - 1) * stats.sem(figures)
    return f"{np.mean(figures):.4f} ({np.mean(figures) - half:.4f}, {np.mean(figures) + half:.4f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--choose", action="store_true", help="try the grids instead of reporting")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    films = fetch_movielens("100k")
    if arguments.choose:
        choose(films)
    else:
        report(films, arguments.json)


if __name__ == "__main__":
    main()
