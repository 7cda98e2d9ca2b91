"""Compare graphs of ONNX with `recommend` on MovieLens 100K: equal lists, largest difference of scores, time of a request.

A fifth of the users is held out and folded in. Time is CPU time of one request with one thread, the median of several, in
milliseconds. With the argument "traced" also models whose histories are read by a network, whose export takes seconds.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    EASERecommender,
    GRU4RecRecommender,
    ItemKNNRecommender,
    LightGCNRecommender,
    MarkovRecommender,
    MFRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    PopularityRecommender,
    SASRecRecommender,
    UserKNNRecommender,
)
from skrec.data._histories import select_users
from skrec.datasets import fetch_movielens
from skrec.model_selection import UserKFold

K, N_USERS, N_REQUESTS = 10, 100, 30
MODELS = {
    "ALS": ALSRecommender(alpha=5.0, n_factors=32),
    "BPR": BPRRecommender(),
    "EASE": EASERecommender(),
    "ItemKNN": ItemKNNRecommender(),
    "Markov": MarkovRecommender(),
    "MF, softmax": MFRecommender(solver="gradient"),
    "MF, cosine": MFRecommender(temperature=0.15),
    "MF, bpr": MFRecommender(loss="bpr"),
    "MF, mse": MFRecommender(loss="mse"),
    "MF, mse in a range": MFRecommender(loss="mse", y_range=(0.5, 5.5)),
    "MF, als": MFRecommender(solver="als"),
    "NeuMF": NeuMFRecommender(max_epochs=5),
    "Popularity": PopularityRecommender(),
    "UserKNN": UserKNNRecommender(),
}
TRACED = {
    "AutoRec": AutoRecRecommender(),
    "GRU4Rec": GRU4RecRecommender(max_epochs=5),
    "LightGCN": LightGCNRecommender(max_epochs=5),
    "MultVAE": MultVAERecommender(),
    "SASRec": SASRecRecommender(max_epochs=5),
}


def main():
    torch.set_num_threads(1)
    events = fetch_movielens("100k").interactions
    train, test = next(UserKFold(5, random_state=0).split(events))
    learned, held_out = events[train], events[test]
    print(f"{'':20} {'users':6} {'equal lists':>11} {'difference':>10} {'export s':>9} {'recommend':>10} {'onnxruntime':>11}")
    for name, model in (MODELS | (TRACED if "traced" in sys.argv[1:] else {})).items():
        settings = {"random_state": 0} if getattr(model, "loss", None) == "mse" else {"positive_from": 4, "random_state": 0}
        model.set_params(**{key: value for key, value in settings.items() if key in model.get_params()})
        model.fit(learned)
        with tempfile.TemporaryDirectory() as folder:
            for inputs, requests in (("user", known_users(model)), ("history", new_users(model, held_out))):
                report(name, model, inputs, requests, Path(folder) / "model.onnx")


def known_users(model):
    """Arguments of `recommend`, and of a graph, for single users."""
    codes = np.flatnonzero(model.has_past_)[:N_USERS]
    labels = codes if model.user_ids_ is None else model.user_ids_[codes]
    return [([label], {"user": np.array([code])}) for label, code in zip(labels, codes)]


def new_users(model, events):
    """The same for users by their histories. Events that are not positive are only seen."""
    requests = []
    for user in np.unique(events.users)[:N_USERS]:
        history = select_users(events, [user])
        history = history[np.argsort(history.timestamps, kind="stable")]
        is_learned = history.values >= (-np.inf if model._predicts_ratings else 4)
        feed = {"history": history.items[None, is_learned], "values": history.values[None, is_learned]}
        requests.append((history, feed | {"exclude": history.items[None, ~is_learned]}))
    return requests


def report(name, model, inputs, requests, path):
    started = time.perf_counter()
    model.to_onnx(path, inputs=inputs, k=K)
    seconds = time.perf_counter() - started
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {part.name for part in graph.get_inputs()}
    nothing = {"exclude": np.empty((1, 0), np.int64)}
    feeds = [{key: value for key, value in (nothing | feed).items() if key in names} for _, feed in requests]
    feeds = [{key: value.astype(np.float32 if key == "values" else np.int64) for key, value in feed.items()} for feed in feeds]
    n_equal, difference, times = 0, 0.0, ([], [])
    for number, ((users, _), feed) in enumerate(zip(requests, feeds, strict=True)):
        clock = time.process_time()
        expected = model.recommend(users, k=K)
        between = time.process_time()
        items, scores = graph.run(None, feed)
        if number < N_REQUESTS:
            times[0].append(between - clock)
            times[1].append(time.process_time() - between)
        n_equal += np.array_equal(items, expected.codes)
        difference = max(difference, np.abs(scores - expected.scores).max() / np.abs(expected.scores).max())
    by_recommend, by_graph = (1000 * np.median(part[5:]) for part in times)
    equal = f"{n_equal} of {len(requests)}"
    print(f"{name:20} {'known' if inputs == 'user' else 'new':6} {equal:>11} {difference:10.1e}", end="")
    print(f" {seconds:9.2f} {by_recommend:10.2f} {by_graph:11.2f}", flush=True)


if __name__ == "__main__":
    main()
