"""Measure the time and the quality of recommendations to new users on MovieLens 100K, for several losses.

A fifth of the users is held out. Printed are the CPU time of `recommend` for one of them and for a hundred at once, with
one thread, as the minimum of several runs, and NDCG@10 over all films. A part of each history is hidden, and ratings from 4
are relevant.
"""

import time

import numpy as np
import torch

from skrec import AutoRecRecommender, BPRRecommender, MFRecommender, NeuMFRecommender, get_scorer
from skrec.datasets import fetch_movielens
from skrec.model_selection import UserKFold

MODELS = {
    "softmax": MFRecommender(),
    "cosine": MFRecommender(temperature=0.1),
    "bpr": MFRecommender(loss="bpr"),
    "bce, 4 negatives": MFRecommender(loss="bce", n_negatives=4),
    "warp, 8 negatives": MFRecommender(loss="warp", n_negatives=8),
    "implicit's BPR": BPRRecommender(),
    "AutoRec of items": AutoRecRecommender(side="item"),
    "NeuMF": NeuMFRecommender(),
}
N_RUNS = 5


def main():
    torch.set_num_threads(1)
    events = fetch_movielens("100k").interactions
    train, test = next(UserKFold(5, random_state=0).split(events))
    learned, held_out = events[train], events[test]
    people = np.unique(held_out.users)
    typical = people[np.argsort(np.bincount(held_out.users)[people])[len(people) // 2]]
    one, hundred = (held_out[np.isin(held_out.users, users)] for users in ([typical], people[:100]))
    ndcg = get_scorer("ndcg@10", positive_from=4)
    print(f"one user has {len(one)} ratings\n{'':18} {'one user':>12} {'a hundred':>12} {'NDCG@10':>10}")
    for name, model in MODELS.items():
        model.set_params(positive_from=4, random_state=0).fit(learned)
        times = [f"{milliseconds(model, histories):9.1f} ms" for histories in (one, hundred)]
        print(f"{name:18} {times[0]} {times[1]} {ndcg(model, held_out):10.4f}", flush=True)


def milliseconds(model, histories):
    times = []
    for _ in range(N_RUNS):
        started = time.process_time()
        model.recommend(histories, k=10)
        times.append(time.process_time() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
