"""Compare NewsRecommender with the best possible prediction of synthetic clicks that depend on text and age.

An impression shows six articles and has one click. Click probabilities are known, so the best possible hit rate at 1 is the
mean over impressions of the largest probability. The last quarter of the impressions is the test part. Four of five
articles in it are new, and models of ids have no scores for them. With one click, the hit rate at 1 is NDCG@1.
"""

import time
from dataclasses import replace

import numpy as np
import torch

from skrec import FeatureEncoder, MFRecommender, NewsRecommender, PopularityRecommender, make_multi_scorer
from skrec.datasets import make_news
from skrec.model_selection import train_test_split

SEEDS = range(3)
MODELS = {
    "popularity": lambda seed: PopularityRecommender(),
    "MF by ids, slates": lambda seed: MFRecommender(negatives="slate", random_state=seed),
    "news, slates": lambda seed: NewsRecommender(negatives="slate", max_length=100, random_state=seed),
    "news, uniform negatives": lambda seed: NewsRecommender(negatives="uniform", max_length=100, random_state=seed),
    "news, popular negatives": lambda seed: NewsRecommender(negatives="popularity", max_length=100, random_state=seed),
    "news, slates, half-life 6 h": lambda seed: NewsRecommender(item_half_life="6h", max_length=100, random_state=seed),
}
SCORER = make_multi_scorer(["impression_ndcg@1", "impression_auc", "impression_mrr"])


def main():
    torch.set_num_threads(1)
    for recency in (0.0, 4.0):
        made = make_news(n_users=250, recency=recency, random_state=0)
        text = FeatureEncoder(text="title").fit_transform(made.news[["title"]])
        events = replace(made.interactions, item_features=text.loc[made.interactions.item_ids].to_numpy())
        train, test = train_test_split(events, by="time", test_size=0.25)
        best = made.chances[len(train) :].reshape(-1, 6).max(axis=1)  # both are in order of time
        print(f"\nClicks by text{' and age' * bool(recency)}: {len(best)} test cases, the ceiling is {best.mean():.4f}")
        print(f"{'':28} {'hit@1':>16} {'AUC':>7} {'MRR':>7} {'seconds':>8}")
        for name, make in MODELS.items():
            report(name, [measured(make(seed), train, test) for seed in SEEDS])


def measured(model, train, test):
    """Return hit@1, AUC, MRR and the seconds of a fit."""
    started = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - started
    return [*SCORER(model, test).values(), seconds]


def report(name, rows):
    hits, auc, mrr, seconds = np.mean(rows, axis=0)
    spread = np.std(rows, axis=0, ddof=1)[0]
    print(f"{name:28} {hits:7.4f} ± {spread:.4f} {auc:7.4f} {mrr:7.4f} {seconds:8.1f}")


if __name__ == "__main__":
    main()
