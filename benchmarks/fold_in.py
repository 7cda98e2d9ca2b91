"""Measure the time and the quality of recommendations to new users, for several losses.

    python benchmarks/fold_in.py [100k | latest-small | lastfm]

A fifth of the users is held out. Printed are the CPU time of `recommend` for one of them and for a hundred at once, with one
thread, as the minimum of several runs, and NDCG@10 and NDCG@100 over all items. A part of each history is hidden, and ratings
from 4 are relevant. The last two columns are about trained users who are folded in by their own training events: the share of
their 20 best items that are those of the stored user, and the median ratio of the standard deviations of their scores.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from skrec import AutoRecRecommender, BPRRecommender, MFRecommender, NeuMFRecommender, get_scorer
from skrec.datasets import fetch_movielens, load_lastfm
from skrec.model_selection import UserKFold, k_core

MODELS = {
    "softmax": MFRecommender(solver="gradient", regularization=0),
    "softmax, penalty 1": MFRecommender(solver="gradient", regularization=1),
    "softmax, penalty 3": MFRecommender(solver="gradient", regularization=3),
    "softmax, penalty 2, trained longer": MFRecommender(regularization=2, batch_size=32, max_epochs=30),
    "cosine": MFRecommender(temperature=0.15, init_std=0.1, learning_rate=0.02, max_epochs=25),
    "bpr": MFRecommender(loss="bpr"),
    "bpr, penalty 0.02": MFRecommender(loss="bpr", regularization=0.02),
    "bce, 4 negatives": MFRecommender(loss="bce", n_negatives=4),
    "warp, 8 negatives": MFRecommender(loss="warp", n_negatives=8),
    "implicit's BPR": BPRRecommender(),
    "AutoRec of items": AutoRecRecommender(side="item"),
    "NeuMF": NeuMFRecommender(),
}
N_RUNS = 5


def main(name="100k"):
    torch.set_num_threads(1)
    events, positive_from = read(name)
    train, test = next(UserKFold(5, random_state=0).split(events))
    learned, held_out = events[train], events[test]
    people = np.unique(held_out.users)
    typical = people[np.argsort(np.bincount(held_out.users)[people])[len(people) // 2]]
    one, hundred = (held_out[np.isin(held_out.users, users)] for users in ([typical], people[:100]))
    scorers = [get_scorer(f"ndcg@{k}", positive_from=positive_from) for k in (10, 100)]
    print(f"one user has {len(one)} events")
    print(f"{'':36} {'one user':>10} {'a hundred':>12} {'NDCG@10':>8} {'NDCG@100':>9} {'shared':>7} {'scores':>7}")
    for name, model in MODELS.items():
        model.set_params(positive_from=positive_from, random_state=0).fit(learned)
        times = [f"{milliseconds(model, histories):9.1f} ms" for histories in (one, hundred)]
        values = [scorer(model, held_out) for scorer in scorers]
        shared, ratio = agreement(model, learned)
        print(f"{name:36} {times[0]} {times[1]} {values[0]:8.4f} {values[1]:9.4f} {shared:7.2f} {ratio:7.2f}", flush=True)


def read(name):
    if name != "lastfm":
        return fetch_movielens(name).interactions, 4
    plays = load_lastfm(Path(os.environ["SKREC_DATA"]) / "hetrec2011-lastfm-2k").interactions
    return k_core(plays, user=5, item=5), None


def agreement(model, learned):
    trained = model.user_ids_[model.has_past_][:200]
    events = learned[np.isin(learned.users, model.user_codes(trained))]
    stored, folded = model.recommend(trained, k=20), model.recommend(events, k=20)
    spreads = [model.score_items(users)[:, model.known_items_].std(1) for users in (trained, events)]
    shared = [len(np.intersect1d(*lists)) / 20 for lists in zip(stored.codes, folded.codes)]
    return np.mean(shared), np.median(spreads[1] / spreads[0])


def milliseconds(model, histories):
    times = []
    for _ in range(N_RUNS):
        started = time.process_time()
        model.recommend(histories, k=10)
        times.append(time.process_time() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    main(*sys.argv[1:])
