"""Measure the CPU time of single requests beside the library implicit, on MovieLens 1M.

``SKREC_DATA=... python benchmarks/latency.py [model ...]``

Requests are ten items for a known user, ten items for a new user with 135 ratings, similar items of an item, and the scores of
three pairs. Each of them alternates with implicit's request for the same: ``recommend``, ``recommend(recalculate_user=True)``
and ``similar_items`` of alternating least squares with 64 factors. Figures are medians of the CPU time in milliseconds with one
thread, after a first request. SKREC_DATA is the folder with the folder ml-1m-ncf. Its events are given random ratings from 3 to
5.
"""

import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from skrec import (
    ALSRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MFRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    SASRecRecommender,
)
from skrec.data import Interactions
from skrec.datasets import load_ncf

K, N_RATINGS, N_ROUNDS = 10, 135, 101
REQUESTS = ("known user", "new user", "similar items", "3 pairs")
SHORT = {"positive_from": 4, "random_state": 0}
MODELS = {
    "ALS": ALSRecommender(**SHORT),
    "EASE": EASERecommender(positive_from=4),
    "ItemKNN": ItemKNNRecommender(positive_from=4),
    "MF softmax": MFRecommender(solver="gradient", **SHORT, max_epochs=8),
    "MF bpr": MFRecommender(**SHORT, loss="bpr", max_epochs=8),
    "MF warp": MFRecommender(**SHORT, loss="warp", n_negatives=8, max_epochs=4),
    "MF mse": MFRecommender(loss="mse", max_epochs=3, random_state=0),
    "MF mse, y_range": MFRecommender(loss="mse", y_range=(0, 5.5), max_epochs=3, random_state=0),
    "NeuMF": NeuMFRecommender(**SHORT, max_epochs=1),
    "MultVAE": MultVAERecommender(**SHORT, max_epochs=2),
    "SASRec": SASRecRecommender(**SHORT, max_epochs=1),
}


def main(names: list[str]) -> None:
    warnings.simplefilter("ignore", UserWarning)
    torch.set_num_threads(1)
    events = load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf").train
    events = events.with_values(np.random.default_rng(0).integers(3, 6, len(events)))
    user = int(np.abs(np.bincount(events.users) - N_RATINGS).argmin())
    their_requests = requests_of_implicit(events, user)
    print(f"user {user} has {(events.users == user).sum()} ratings; CPU ms, and in parentheses the ratio to implicit")
    for name in names or MODELS:
        requests = requests_of(MODELS[name].fit(events), events, user)
        figures = (compared(requests[request], their_requests.get(request)) for request in REQUESTS)
        print(f"| {name} | " + " | ".join(figures) + " |", flush=True)


def requests_of(model: Any, events: Interactions, user: int) -> dict[str, Callable[[], Any]]:
    """The requests by name."""
    new = events[events.users == user]
    history = Interactions.from_arrays(np.zeros(len(new), int), new.items, new.values, n_users=1, n_items=events.n_items)
    pairs = Interactions.from_arrays([user] * 3, new.items[:3], n_users=events.n_users, n_items=events.n_items)
    return {
        "known user": lambda: model.recommend([user], k=K),
        "new user": lambda: model.recommend(history, k=K),
        "similar items": lambda: model.similar_items([int(new.items[0])], k=K),
        "3 pairs": lambda: model.predict(pairs),
    }


def requests_of_implicit(events: Interactions, user: int) -> dict[str, Callable[[], Any]]:
    """The same requests to implicit, without pairs, for which it has no function."""
    liked = sp.csr_matrix(events[events.values >= 4].to_csr(duplicates="any"))
    solver = AlternatingLeastSquares(factors=64, random_state=0, num_threads=1)
    solver.fit(liked, show_progress=False)
    row, item = liked[[user]], int(events.items[events.users == user][0])
    return {
        "known user": lambda: solver.recommend(user, row, N=K),
        "new user": lambda: solver.recommend(0, row, N=K, recalculate_user=True),
        "similar items": lambda: solver.similar_items(item, N=K + 1),
    }


def compared(ours: Callable[[], Any], theirs: Callable[[], Any] | None) -> str:
    """Medians of alternating calls."""
    try:
        ours()
    except NotImplementedError:
        return ""
    own, other = [], []
    for _ in range(N_ROUNDS):
        own.append(milliseconds(ours))
        if theirs is not None:
            other.append(milliseconds(theirs))
    median = statistics.median(own)
    if not other:
        return f"{median:.2f}"
    return f"{median:.2f} ({median / statistics.median(other):.1f})"


def milliseconds(call: Callable[[], Any]) -> float:
    started = time.process_time_ns()
    call()
    return (time.process_time_ns() - started) / 1e6


if __name__ == "__main__":
    with threadpool_limits(1):
        main(sys.argv[1:])
