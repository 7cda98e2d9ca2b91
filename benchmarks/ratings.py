"""Errors of models of ratings on sets of different shape, beside the mean, biases, SVD and SVD++ of the library Surprise.

    SKREC_DATA=... python benchmarks/ratings.py --json ratings.json

The defaults were chosen on a part cut from the training parts of the first half of the sets. Some test parts of the second half
were looked at meanwhile, see docs/benchmarks.md. The table is of a random fifth of each set, for three seeds. Predictions are
clipped to the scale. Surprise is not a dependency of the package: `pip install scikit-surprise`. Without it, its rows are left
out.
"""

import argparse
import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from skrec import AutoRecRecommender, MFRecommender, MLPRecommender, NeuMFRecommender
from skrec.data import Interactions
from skrec.datasets import fetch_movielens, load_amazon
from skrec.model_selection import train_test_split

PENALTIES = (0.5, 0.75, 1.0, 1.5)  # of the tuned model, relative to the default


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    runs = json.loads(arguments.json.read_text("utf-8")) if arguments.json.exists() else {}
    for name in [] if arguments.show else arguments.sets or SETS:
        data = without_gaps(*SETS[name]())
        for row in arguments.rows or ROWS:
            for seed in range(arguments.seeds):
                if ROWS[row] is None or f"{name}/{row}/{seed}" in runs:
                    continue
                train, test = train_test_split(data, test_size=0.2, random_state=seed)
                runs[f"{name}/{row}/{seed}"] = error(ROWS[row](train, test, seed), test, data)
                arguments.json.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    print_table(runs)


def error(predicted, test, data):
    """Root mean squared error of predictions that are clipped to the scale."""
    clipped = np.clip(predicted, data.values.min(), data.values.max())
    return float(np.sqrt(np.square(clipped - test.values).mean()))


# ---- sets ---------------------------------------------------------------------------------------------------------------


def movielens(name):
    data = fetch_movielens(name).interactions
    return data.users, data.items, data.values


def instruments():
    data = load_amazon(
        Path(os.environ["SKREC_DATA"]) / "amazon-musical-instruments" / "Musical_Instruments_5.json"
    ).interactions
    return data.users, data.items, data.values


def late_movielens(n_users, seed):
    """Ratings of ML-1M after 2000-12-02 by some users."""
    path = Path(os.environ["SKREC_DATA"]) / "ml-1m" / "ratings_after_2000-12-02.dat.gz"
    data = Interactions.from_csv(path, sep="::", header=None, user=0, item=1, rating=2, timestamp=3)
    return of_users((data.users, data.items, data.values), n_users, seed)


def of_users(data, n, seed):
    """Ratings of n users."""
    chosen = np.random.default_rng(seed).choice(data[0].max() + 1, n, replace=False)
    return tuple(column[np.isin(data[0], chosen)] for column in data)


def share_of(data, share, seed):
    """A random share of the ratings."""
    kept = np.random.default_rng(seed).random(len(data[0])) < share
    return tuple(column[kept] for column in data)


def short(data, most, seed):
    """At most some ratings of each user."""
    order = np.lexsort((np.random.default_rng(seed).random(len(data[0])), data[0]))
    users = data[0][order]
    rank = np.arange(len(users)) - np.searchsorted(users, users)
    return tuple(column[order[rank < most]] for column in data)


def skewed(n_users, n_items, n_ratings, seed):
    """Ratings from 1 to 5 with a mean of 4.3, from biases, four factors and noise."""
    rng = np.random.default_rng(seed)
    n_of_users = np.clip(rng.lognormal(np.log(n_ratings), 0.8, n_users).astype(int), 2, n_items // 2)
    popularity = np.arange(1, n_items + 1) ** -0.8
    tastes, kinds = rng.normal(size=(n_users, 4)), rng.normal(size=(n_items, 4))
    kindness, quality = 0.35 * rng.normal(size=n_users), 0.45 * rng.normal(size=n_items)
    users = np.repeat(np.arange(n_users), n_of_users)
    items = np.concatenate([rng.choice(n_items, n, replace=False, p=popularity / popularity.sum()) for n in n_of_users])
    values = kindness[users] + quality[items] + 0.25 * (tastes[users] * kinds[items]).sum(1)
    values += 0.75 * rng.normal(size=len(users))
    shift = 4.3
    for _ in range(60):  # rounding and clipping move the mean
        ratings = np.clip(np.round(values + shift), 1, 5)
        shift += 0.5 * (4.3 - ratings.mean())
    return users, items, ratings


def without_gaps(users, items, values):
    """Ratings with the codes of the users and items that have some."""
    (known_users, users), (known_items, items) = (np.unique(codes, return_inverse=True) for codes in (users, items))
    return Interactions.from_arrays(users, items, values, n_users=len(known_users), n_items=len(known_items))


SETS = {
    # the defaults were chosen on these
    "latest-small": lambda: movielens("latest-small"),
    "latest-small, 12 a user": lambda: short(movielens("latest-small"), 12, 1),
    "ML-100K, 10 a user": lambda: short(movielens("100k"), 10, 0),
    "ML-1M, 300 late users": lambda: late_movielens(300, 0),
    "skewed, dense": lambda: skewed(600, 300, 40, 1),
    # and not on these
    "ML-100K": lambda: movielens("100k"),
    "ML-100K, a tenth": lambda: share_of(movielens("100k"), 0.1, 0),
    "ML-100K, 100 users": lambda: of_users(movielens("100k"), 100, 3),
    "latest-small, a fifth": lambda: share_of(movielens("latest-small"), 0.2, 4),
    "ML-1M, 900 late users": lambda: late_movielens(900, 5),
    "Amazon instruments": instruments,
    "skewed, sparse": lambda: skewed(2000, 800, 6, 2),
}


# ---- rows: functions of training data, test data and seed that return predictions ----------------------------------------


def fitted_by(make):
    return lambda train, test, seed: make().set_params(random_state=seed, loss="mse").fit(train).predict(test)


def tuned_mf(train, test, seed):
    """MF with the penalty that is best for a tenth of the training part."""
    part, held_out = train_test_split(train, test_size=0.1, random_state=seed)
    default = MFRecommender(loss="mse", max_epochs=1, random_state=seed).fit(part).regularization_
    settings = [{"regularization": factor * default} for factor in PENALTIES]
    models = [MFRecommender(loss="mse", random_state=seed, **setting) for setting in settings]
    errors = [error(model.fit(part).predict(held_out), held_out, train) for model in models]
    return models[int(np.argmin(errors))].fit(train).predict(test)


def by_surprise(make):
    """Predictions of an algorithm of Surprise. None if it is not installed."""
    if find_spec("surprise") is None:
        return None

    def predict(train, test, seed):
        import pandas as pd
        from surprise import Dataset, Reader

        frame = pd.DataFrame({"user": train.users, "item": train.items, "rating": train.values.astype(float)})
        reader = Reader(rating_scale=(frame.rating.min(), frame.rating.max()))
        algorithm = make(seed).fit(Dataset.load_from_df(frame, reader).build_full_trainset())
        return np.array([algorithm.predict(*pair).est for pair in zip(test.users, test.items, strict=True)])

    return predict


def surprise_biases(seed):
    from surprise import BaselineOnly

    return BaselineOnly(verbose=False)


def surprise_svd(seed):
    from surprise import SVD

    return SVD(random_state=seed)


def surprise_svdpp(seed):
    from surprise import SVDpp

    return SVDpp(random_state=seed, cache_ratings=True)


ROWS = {
    "mean": lambda train, test, seed: np.full(len(test), train.values.mean()),
    "biases": by_surprise(surprise_biases),
    "SVD": by_surprise(surprise_svd),
    "SVD++": by_surprise(surprise_svdpp),
    "MF": fitted_by(MFRecommender),
    "MF tuned": tuned_mf,
    "AutoRec": fitted_by(lambda: AutoRecRecommender(side="item")),
    "MLP": fitted_by(MLPRecommender),
    "NeuMF": fitted_by(NeuMFRecommender),
}


def print_table(runs):
    """Print Markdown with the mean errors over the seeds."""
    rows = [row for row in ROWS if any(key.split("/")[1] == row for key in runs)]
    print(f"| set | {' | '.join(rows)} |\n|{'---|' * (len(rows) + 1)}")
    for name in SETS:
        cells = [[error for key, error in runs.items() if key.startswith(f"{name}/{row}/")] for row in rows]
        if any(cells):
            print(f"| {name} | {' | '.join(f'{np.mean(errors):.4f}' if errors else '' for errors in cells)} |")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS)
    parser.add_argument("--rows", nargs="+", choices=ROWS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--show", action="store_true", help="print the table of the JSON file, run nothing")
    parser.add_argument("--json", type=Path, default=Path("ratings.json"), help="keeps every run; what it has is not run again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
