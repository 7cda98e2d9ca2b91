"""Measure what diversity and calibration by genres cost in NDCG, on MovieLens. Ratings of 4 and 5 are positive.

SKREC_DATA=... python benchmarks/reranking.py [100k | latest-small | ...]
"""

import argparse

import numpy as np
import pandas as pd

from skrec import EASERecommender
from skrec.datasets import fetch_movielens
from skrec.metrics import make_multi_scorer
from skrec.model_selection import train_test_split
from skrec.reranking import CalibratedReranker, MMRReranker, RerankedRecommender

SCORERS = ["ndcg@10", "diversity@10", "coverage@10", "neg_gini@10", "novelty@10", "neg_popularity_lift@10"]
WEIGHTS = {MMRReranker: [0.1, 0.2, 0.3, 0.5, 0.7], CalibratedReranker: [0.3, 0.5, 0.7, 0.9]}


def measure(name):
    """Fit one model, and re-rank its 100 best items of each test user with each weight."""
    films = fetch_movielens(name)
    train, test = train_test_split(films.interactions, test_size=0.2, random_state=0)
    genres = films.items["genres"].str.join("|").str.get_dummies()
    scorer = make_multi_scorer(SCORERS, positive_from=4, item_features=genres)
    model = EASERecommender(positive_from=4).fit(train)
    rows = {"EASE": figures(model, scorer, genres, train, test)}
    for reranker, weights in WEIGHTS.items():
        for weight in weights:
            reranked = RerankedRecommender(model, reranker(item_features=genres, weight=weight)).fit(train)
            label = f"{reranker.__name__}, weight {weight}"
            rows[label] = figures(reranked, scorer, genres, train, test)
    return pd.DataFrame(rows).T.rename_axis(f"ml-{name}")


def figures(model, scorer, genres, train, test):
    evaluations = scorer.evaluate(model, test)
    low, high = evaluations["ndcg@10"].interval()
    users = evaluations["ndcg@10"].users
    row = {name: evaluation.value for name, evaluation in evaluations.items()}
    return row | {"ndcg_low": low, "ndcg_high": high, "divergence": divergence(model, users, genres, train)}


def divergence(model, users, genres, train):
    """Mean Kullback-Leibler divergence of the genres of lists from those of the positive training events, smoothed by 0.01."""
    shares = genres.div(genres.sum(axis=1), axis=0).to_numpy()
    positives = train[train.values >= 4].to_csr(duplicates="any").astype(float)
    of_items = shares[genres.index.get_indexer(train.item_ids)]
    wanted = positives[pd.Index(train.user_ids).get_indexer(users)] @ of_items
    has_history = wanted.sum(axis=1) > 0
    wanted = wanted[has_history] / wanted[has_history].sum(axis=1, keepdims=True)
    listed = of_items[model.recommend(users, k=10).codes[has_history]].mean(axis=1)
    smoothed = 0.99 * listed + 0.01 * wanted
    terms = np.where(wanted > 0, wanted * np.log(np.where(wanted > 0, wanted, 1) / np.where(wanted > 0, smoothed, 1)), 0)
    return terms.sum(axis=1).mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("releases", nargs="*", default=["100k"], help="releases of MovieLens, such as 100k")
    for release in parser.parse_args().releases:
        print(measure(release).to_string(float_format="{:.4f}".format), flush=True)
