"""Protocols of the published tables: training data, test data and metrics, and the same for data cut from the training part.

Each table is a list of parts that are fitted and measured in turn, and the figures are averaged. The parts are the folds of a
cross-validation, or there is one part. SKREC_DATA is the folder with the data.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import held_out_users
import numpy as np
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import KFold

from skrec.data import Interactions
from skrec.datasets import fetch_movielens, load_lightgcn, load_ncf, load_sasrec
from skrec.metrics import make_multi_scorer, sampled_leave_one_out
from skrec.model_selection import LeaveLastOut, RandomHoldout


class Part(NamedTuple):
    """Events to fit, and a function that measures a fitted model."""

    train: Interactions
    measure: Callable[[object], dict[str, float]]


# ---- ncf-ml1m: one held-out item of each user, among 99 published negatives and among all items -----------------------


@cache
def ncf():
    return load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf")


def ncf_test():
    data = ncf()
    return [leave_one_out_part(data.train, data.users, data.positives, [data.negatives])]


def ncf_validation():
    """Hold out the last training event of each user, with 99 negatives that have no training event with the user."""
    data = ncf().train
    ((train, held_out),) = LeaveLastOut().split(data)
    last = data[held_out]
    return [leave_one_out_part(data[train], last.users, last.items, [unseen(data, last.users, 99, seed=0)])]


def leave_one_out_part(train, users, positives, draws):
    """Average the figures among sampled negatives over several draws of them."""
    held_out = Interactions.from_arrays(users, positives, n_users=train.n_users, n_items=train.n_items)

    def measure(model):
        sampled = [sampled_leave_one_out(model, users, positives, negatives) for negatives in draws]
        full = make_multi_scorer(["hit_rate@10", "ndcg@10"])(model, held_out)
        return {
            "HR@10": np.mean([figures["hit_rate"] for figures in sampled]),
            "NDCG@10": np.mean([figures["ndcg"] for figures in sampled]),
            "full HR@10": full["hit_rate@10"],
            "full NDCG@10": full["ndcg@10"],
        }

    return Part(train, measure)


def unseen(data, users, n, *, seed):
    """Draw n items without an event for each user, uniformly, (n_users, n)."""
    rng, seen = np.random.default_rng(seed), data.to_csr(duplicates="any")
    drawn = np.empty((len(users), n), np.int64)
    for row, user in enumerate(users):
        is_new = np.ones(data.n_items, bool)
        is_new[seen.indices[seen.indptr[user] : seen.indptr[user + 1]]] = False
        drawn[row] = rng.choice(np.flatnonzero(is_new), n, replace=False)
    return drawn


# ---- games: the last item of each user with at least three events, among 100 drawn negatives and among all items -----


@cache
def games():
    data = load_sasrec(Path(os.environ["SKREC_DATA"]) / "sasrec-video" / "Video.txt")
    return Interactions.from_arrays(data.users, data.items, timestamps=data.timestamps)


def games_part(n_later):
    """Hold out the last event of users with at least three events, after ``n_later`` later ones have been left out."""
    data = games()
    n_events = np.bincount(data.users, minlength=data.n_users)[data.users]
    n_left = n_events - 1 - data.timestamps
    is_long = n_events >= 3
    train, test = data[~is_long | (n_left > n_later)], data[is_long & (n_left == n_later)]
    draws = [unseen(data, test.users, 100, seed=seed) for seed in range(3 - 2 * n_later)]
    return leave_one_out_part(train, test.users, test.items, draws)


# ---- ml100k-rmse: the official folds u1 to u5, and five random ones ---------------------------------------------------


def folds_test():
    movies = fetch_movielens("100k")
    return [rating_part(movies.interactions[train], movies.interactions[test]) for train, test in movies.folds]


def random_folds_test():
    movies = fetch_movielens("100k")
    folds = KFold(5, shuffle=True, random_state=0).split(movies.frame)
    return [rating_part(movies.interactions[train], movies.interactions[test]) for train, test in folds]


def tenths(parts):
    """Hold out a tenth of each training part."""
    cuts = [(part.train, *next(RandomHoldout(0.1, random_state=0).split(part.train))) for part in parts]
    return [rating_part(data[train], data[test]) for data, train, test in cuts]


def rating_part(train, test):
    """Measure the error of predictions that are clipped to the range of the ratings."""
    return Part(train, lambda model: {"RMSE": mean_squared_error(test.values, model.predict(test).clip(1, 5)) ** 0.5})


# ---- gowalla: full ranking, training events hidden -------------------------------------------------------------------


@cache
def gowalla():
    return load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn")


def gowalla_test():
    train, test = gowalla()
    return [ranking_part(train, test)]


def gowalla_validation():
    """Hold out a tenth of the training events."""
    data = gowalla().train
    train, test = next(RandomHoldout(0.1, random_state=0).split(data))
    return [ranking_part(data[train], data[test])]


def ranking_part(train, test):
    def measure(model):
        figures = make_multi_scorer(["recall@20", "ndcg@20"])(model, test)
        return {"Recall@20": figures["recall@20"], "NDCG@20": figures["ndcg@20"]}

    return Part(train, measure)


# ---- strong-ml1m, strong-gowalla: users never seen in training, each shown with four fifths of their items -----------

METRICS_OF_NEW_USERS = {"Recall@20": "recall_capped@20", "Recall@50": "recall_capped@50", "NDCG@100": "ndcg@100"}


def new_users_part(train, test):
    """Measure rankings for new users. The scorer hides a fifth of the items of each user. The figures have intervals."""
    scorer = make_multi_scorer(list(METRICS_OF_NEW_USERS.values()))

    def measure(model):
        evaluations, figures = scorer.evaluate(model, test), {}
        for name, metric in METRICS_OF_NEW_USERS.items():
            low, high = evaluations[metric].interval()
            figures |= {name: evaluations[metric].value, f"{name}_low": low, f"{name}_high": high}
        return figures

    return Part(train, measure)


def new_users_table(cut, protocol):
    """Make a table of new users. The model is fitted to the same users for validation and for testing."""
    return Table(
        lambda: [new_users_part(cut().train, cut().test)],
        lambda: [new_users_part(cut().train, cut().validation)],
        lambda figures: figures["NDCG@100"],
        f"{protocol}: users never seen in training; a fifth of their items is hidden, all items not shown are ranked",
    )


# ----------------------------------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """A published table.

    Attributes
    ----------
    test, validation : callables
        Return the parts of the table.
    criterion : callable
        Figure by which settings are chosen. Greater is better.
    protocol : str
        Description of the protocol.
    """

    test: Callable[[], list[Part]]
    validation: Callable[[], list[Part]]
    criterion: Callable[[dict[str, float]], float]
    protocol: str


TABLES = {
    "ncf-ml1m": Table(
        ncf_test,
        ncf_validation,
        lambda figures: figures["NDCG@10"] * figures["full NDCG@10"],
        "MovieLens 1M, NCF's leave-one-out: the last item among 99 published negatives; 'full': among all items not seen",
    ),
    "games": Table(
        lambda: [games_part(0)],
        lambda: [games_part(1)],
        lambda figures: figures["NDCG@10"] * figures["full NDCG@10"],
        "Games (Amazon), SASRec's leave-last-out, users with at least 3 events: the last item among 100 items drawn from those "
        "that the user has no event with, mean of 3 draws; 'full': among all items not seen",
    ),
    "ml100k-rmse": Table(
        folds_test,
        lambda: tenths(folds_test()),
        lambda figures: -figures["RMSE"],
        "MovieLens 100K, official folds u1 to u5, root mean squared error of predictions clipped to 1..5",
    ),
    "ml100k-rmse-random": Table(
        random_folds_test,
        lambda: tenths(random_folds_test()),
        lambda figures: -figures["RMSE"],
        "MovieLens 100K, five random folds, root mean squared error of predictions clipped to 1..5",
    ),
    "gowalla": Table(
        gowalla_test,
        gowalla_validation,
        lambda figures: figures["NDCG@20"],
        "Gowalla, LightGCN's split: all items ranked, training events hidden",
    ),
    "strong-ml1m": new_users_table(held_out_users.movielens, "MovieLens 1M, ratings of 4 and more"),
    "strong-gowalla": new_users_table(held_out_users.gowalla, "Gowalla, all events"),
}
