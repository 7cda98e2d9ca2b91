"""Graphs of small models in onnxruntime, and what `recommend` answers to the same requests."""

import warnings
from functools import cache

import numpy as np
import onnxruntime

import skrec
from skrec import Interactions

N_USERS, N_ITEMS = 70, 40
WITHOUT_POSITIVES, WITHOUT_USERS = 3, 7  # a user and an item


@cache
def events():
    """Ratings from 1 to 5 in random order of time, with features of items."""
    rng = np.random.default_rng(0)
    tastes = rng.normal(size=(N_USERS, 4)) @ rng.normal(size=(4, N_ITEMS))
    values = np.clip(np.round(3 + tastes / 2 + rng.normal(size=tastes.shape) / 2), 1, 5)
    is_event = rng.random(values.shape) < 0.25
    is_event[:, WITHOUT_USERS] = False
    values[WITHOUT_POSITIVES] = 1
    users, items = np.nonzero(is_event)
    order = rng.permutation(len(users))
    users, items = users[order], items[order]
    return Interactions.from_arrays(
        users,
        items,
        values[users, items],
        timestamps=np.arange(len(users)),
        n_users=N_USERS,
        n_items=N_ITEMS,
        item_features=rng.normal(size=(N_ITEMS, 5)).astype(np.float32),
        user_features=rng.normal(size=(N_USERS, 3)).astype(np.float32),
    )


POSITIVE = {"positive_from": 3}
TRAINING = {"max_epochs": 4, "learning_rate": 0.03, "batch_size": 64, "random_state": 0}
RANKING, RATING = POSITIVE | TRAINING, {"loss": "mse"} | TRAINING
IN_RANGE = RATING | {"y_range": (0.5, 5.5)}
SEQUENCES = RANKING | {"n_factors": 8, "max_length": 6}

# name of a class, or with a word about what is special, and parameters
MODELS = {
    "ALS": {"n_factors": 8, "alpha": 5.0, "random_state": 0} | POSITIVE,
    "AutoRec": RANKING | {"n_factors": 8},
    "AutoRec of ratings": RATING | {"n_factors": 8},
    "AutoRec of items": IN_RANGE | {"n_factors": 8, "side": "item"},
    "BPR": {"n_factors": 8, "max_epochs": 20, "random_state": 0} | POSITIVE,
    "Caser": SEQUENCES | {"window": 3},
    "ColdStart": {"estimator": skrec.ALSRecommender(n_factors=8, random_state=0, **POSITIVE)},
    "EASE": {"regularization": 5.0} | POSITIVE,
    "GRU4Rec": SEQUENCES,
    "ItemKNN": {"n_neighbors": 10} | POSITIVE,
    "LightGCN": RANKING | {"n_factors": 8},
    "Markov": POSITIVE,
    "MF": RANKING | {"n_factors": 8},
    "MF of ratings": RATING | {"n_factors": 8},
    "MF of ratings in a range": IN_RANGE | {"n_factors": 8},
    "MF of cosines": RANKING | {"n_factors": 8, "temperature": 0.2},
    "MF by als": POSITIVE | {"n_factors": 8, "solver": "als", "random_state": 0},
    "MF by bpr": RANKING | {"n_factors": 8, "loss": "bpr"},
    "MF by popular bpr": RANKING | {"n_factors": 8, "loss": "bpr", "negatives": "popularity", "n_negatives": 3},
    "MF by bce": RANKING | {"n_factors": 8, "loss": "bce", "negatives": "popularity", "n_negatives": 2},
    "MF by bce of rows": RANKING | {"n_factors": 8, "loss": "bce", "negatives": "all"},
    "MF by drawn softmax": RANKING | {"n_factors": 8, "negatives": "uniform", "n_negatives": 5},
    "MF by softmax in batches": RANKING | {"n_factors": 8, "negatives": "in_batch"},
    "MF by warp": RANKING | {"n_factors": 8, "loss": "warp", "n_negatives": 4},
    "MF by ccl": RANKING | {"n_factors": 8, "loss": "ccl", "n_negatives": 4},
    "MLP": RANKING | {"n_factors": 8, "hidden_layer_sizes": (8, 4), "batch_norm": True},
    "MultVAE": RANKING | {"n_factors": 8, "hidden_layer_sizes": (16,), "learning_rate": 0.01} | POSITIVE,
    "NeuMF": RANKING | {"n_factors": 8, "hidden_layer_sizes": (8,)},
    "NeuMF of ratings": RATING | {"n_factors": 8, "hidden_layer_sizes": (8,)},
    "News": {name: value for name, value in TRAINING.items()} | {"n_factors": 8, "item_half_life": 100.0},
    "Popularity": POSITIVE,
    "SASRec": SEQUENCES,
    "SLIM": {"regularization": 0.001} | POSITIVE,
    "TwoTower": RANKING | {"n_factors": 8},
    "TwoTower of users with features": RANKING | {"n_factors": 8, "hidden_layer_sizes": (8,)},
    "UserKNN": {"n_neighbors": 10} | POSITIVE,
    "UserKNN by bm25": {"n_neighbors": 5, "weighting": "bm25", "asymmetry": 0.3} | POSITIVE,
    "UserKNN in reverse": {"n_neighbors": 5, "neighborhood": "reverse", "asymmetry": 0.3} | POSITIVE,
}
READ_FEATURES = {"TwoTower", "TwoTower of users with features", "News", "ColdStart"}
TRACED = {"AutoRec", "AutoRec of ratings", "Caser", "GRU4Rec", "LightGCN", "MultVAE", "SASRec"}
"""Models whose histories are read by a network, which torch traces in seconds."""


@cache
def fitted(name):
    """A model of `MODELS`."""
    model = getattr(skrec, f"{name.partition(' ')[0]}Recommender")(**MODELS[name])
    data = events()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parameters without effect, and values that look like ratings
        data = data if "of users with features" in name else data._replace(user_features=None)
        return model.fit(data if name in READ_FEATURES else data._replace(item_features=None))


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def padded(rows, dtype=np.int64, padding=-1):
    """An array with the rows, padded at the end."""
    array = np.full((len(rows), max((len(row) for row in rows), default=0)), padding, dtype)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array


def answer(graph, rows, values=None, exclude=None):
    """Items and scores of users by their histories."""
    feed = {"history": padded(rows), "exclude": padded([[] for _ in rows] if exclude is None else exclude)}
    if "values" in {part.name for part in graph.get_inputs()}:
        feed["values"] = padded(values, np.float32, 0)
    return graph.run(None, feed)


def answer_to_users(graph, users, exclude=None):
    """Items and scores of known users."""
    exclude = [[] for _ in users] if exclude is None else exclude
    return graph.run(None, {"user": np.asarray(users, np.int64), "exclude": padded(exclude)})


def histories(n, seed, *, least=1):
    """Items and values of new users, who have one event or more."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(N_ITEMS)[: rng.integers(1, 15)] for _ in range(n)]
    return rows, [rng.integers(least, 6, len(row)) for row in rows]


def as_interactions(rows, values):
    lengths = [len(row) for row in rows]
    users = np.repeat(np.arange(len(rows)), lengths)
    times = np.arange(len(users)) + N_USERS * N_ITEMS
    return Interactions.from_arrays(
        users, np.concatenate(rows), np.concatenate(values), timestamps=times, n_users=len(rows), n_items=N_ITEMS
    )


def assert_same(answer, expected):
    """The same lists, and scores that agree to 1e-5 of the largest of each list."""
    items, scores = answer
    np.testing.assert_array_equal(items, expected.codes)
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(expected.scores))
    np.testing.assert_array_equal(scores == -np.inf, expected.scores == -np.inf)
    is_number = np.isfinite(expected.scores)
    scale = np.abs(np.where(is_number, expected.scores, 0)).max(axis=1, keepdims=True)
    difference = np.subtract(scores, expected.scores, where=is_number, out=np.zeros_like(scores))
    assert (np.abs(difference) <= 1e-5 * scale).all()
