"""Compare partial_fit with a fit of all events on MovieLens 100K.

`partial_fit` learns from the last 20 % of the training events in time, after a fit of the first 80 %. A random fifth of all
ratings is the test part. The figures are NDCG@10 over all films, with ratings from 4 as relevant, and the error of a model
of ratings.
"""

import time

import torch

from skrec import ALSRecommender, BPRRecommender, EASERecommender, MFRecommender, NeuMFRecommender, get_scorer
from skrec.datasets import fetch_movielens
from skrec.model_selection import train_test_split

LIKED = dict(positive_from=4)
MODELS = {
    "EASE": EASERecommender(**LIKED),
    "ALS": ALSRecommender(n_factors=32, alpha=2, regularization=30, random_state=0, **LIKED),
    "MF, softmax": MFRecommender(
        batch_size=64, max_epochs=30, learning_rate=0.02, dropout=0.5, regularization=3, random_state=0, **LIKED
    ),
    "MF, bpr": MFRecommender(loss="bpr", regularization=0.02, random_state=0, **LIKED),
    "implicit's BPR": BPRRecommender(learning_rate=0.05, random_state=0, **LIKED),
    "NeuMF": NeuMFRecommender(loss="softmax", n_negatives=8, max_epochs=10, regularization=0.06, random_state=0, **LIKED),
    "MF, ratings": MFRecommender(
        loss="mse",
        y_range=(0, 5.5),
        n_factors=50,
        batch_size=256,
        max_epochs=10,
        learning_rate=3e-3,
        regularization=0.08,
        random_state=0,
    ),
}


def main():
    torch.set_num_threads(1)
    train, test = train_test_split(fetch_movielens("100k").interactions, test_size=0.2, random_state=0)
    # tables, so that the first part does not know the users and films of the second
    table = train.to_frame().sort_values("timestamp", kind="stable")
    first, second = table[: int(0.8 * len(table))], table[int(0.8 * len(table)) :]
    for axis in ("user", "item"):
        present = second[axis].drop_duplicates()
        print(f"{len(present)} {axis}s in the second part, {(~present.isin(first[axis])).sum()} of them new")
    print(f"\n{'':15} {'first part':>18} {'both, in turn':>18} {'all at once':>18}")
    for name, model in MODELS.items():
        scorer = get_scorer("neg_rmse") if name == "MF, ratings" else get_scorer("ndcg@10", **LIKED)
        results = [(timed(learn, data), scorer(model, test.to_frame())) for learn, data in steps(model, first, second, table)]
        print(f"{name:15} " + " ".join(f"{score:10.4f}, {seconds:4.1f} s" for seconds, score in results))


def steps(model, first, second, table):
    return (model.fit, first), (model.partial_fit, second), (model.fit, table)


def timed(learn, data):
    started = time.perf_counter()
    learn(data)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
