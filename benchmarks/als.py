"""Alternating least squares beside implicit: CPU time to the best quality that implicit reaches, and the final quality.

    SKREC_DATA=... OMP_NUM_THREADS=1 python benchmarks/als.py choose gowalla 64
    SKREC_DATA=... OMP_NUM_THREADS=1 python benchmarks/als.py compare gowalla 64

``choose`` tries as many settings of both on data cut from the training part. ``compare`` fits with the chosen ones on the
training part. The quality is measured on the test part after each epoch, and implicit is stopped at its best epoch. Then
complete fits with the numbers of epochs found are timed, in turn, in CPU seconds of one thread. Those of implicit start from
its matrix.
"""

import argparse
import json
import time
from statistics import median
from typing import NamedTuple

import numpy as np
import protocols
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from skrec import ALS, ALSRecommender, MFRecommender
from skrec.engine.training._history import TrainingHistory
from skrec.models._implicit import for_implicit

EVERY = {"validation": 2, "test": 1}  # the quality on Gowalla is that of every second user, or of all
N_EPOCHS, N_TIMED = {"ncf-ml1m": 14, "gowalla": 10}, 3

# chosen by ``choose``: unobserved_weight, regularization, regularization_exponent; alpha, regularization of implicit
CHOSEN = {
    ("ncf-ml1m", 64): ((0.3, 0.2, 0.5), (5, 35)),
    ("ncf-ml1m", 128): ((0.5, 0.005, 1.0), (6, 50)),
    ("gowalla", 64): ((0.01, 0.006, 1.0), (40, 10)),
    ("gowalla", 128): ((0.015, 0.012, 0.75), (40, 80)),
}
GRIDS = {
    "ncf-ml1m": (
        [
            *((0.3, 0.005, 1.0), (0.3, 0.007, 1.0), (0.3, 0.01, 1.0), (0.4, 0.006, 1.0), (0.5, 0.005, 1.0), (1.0, 0.003, 1.0)),
            *((0.15, 0.3, 0.5), (0.3, 0.2, 0.5), (0.25, 1.7, 0.25), (0.25, 10.0, 0.0)),
        ],
        [*((3, 50), (4, 50), (5, 20), (5, 35), (5, 50), (5, 100), (6, 50), (10, 50), (10, 100))],
    ),
    "gowalla": (
        [
            *((0.01, 0.006, 1.0), (0.015, 0.009, 0.75), (0.015, 0.012, 0.75), (0.018, 0.012, 0.75)),
            *((0.02, 0.1, 0.5), (0.0256, 0.05, 0.5)),
            *((0.02, 0.2, 0.25), (0.0256, 0.2, 0.25), (0.0256, 0.4, 0.25)),
            *((0.0256, 1.0, 0.0), (0.0256, 2.0, 0.0), (0.035, 1.0, 0.0)),
        ],
        [*((20, 40), (30, 40), (30, 80), (40, 20), (40, 40), (40, 60), (40, 80), (40, 160), (50, 80), (80, 40), (80, 80))],
    ),
}


class Curve(NamedTuple):
    """Figures after each epoch."""

    figures: list[dict[str, float]]

    def values(self, name):
        return [figures[name] for figures in self.figures]

    def best(self, name):
        return max(self.values(name))

    def epochs_to(self, name, quality):
        """Number of epochs until a quality is reached. None if it is not."""
        return next((n for n, value in enumerate(self.values(name), 1) if value >= quality), None)


def ours(n_factors, setting, max_epochs):
    unobserved_weight, regularization, exponent = setting
    solver = ALS(unobserved_weight=unobserved_weight, regularization_exponent=exponent, n_jobs=1)
    return MFRecommender(
        solver=solver, regularization=regularization, n_factors=n_factors, max_epochs=max_epochs, random_state=0
    )


def theirs(n_factors, setting, iterations):
    alpha, regularization = setting
    return AlternatingLeastSquares(
        factors=n_factors,
        alpha=alpha,
        regularization=regularization,
        iterations=iterations,
        num_threads=1,
        random_state=0,
    )


def curve_of_ours(part, n_factors, setting, n_epochs):
    """Measure the model after each epoch."""
    values, record = [], TrainingHistory.__call__

    def and_measure(history, row, device):
        stops = record(history, row, device)
        history.estimator._set_network(history.network, device, row["train_loss"])
        values.append(part.measure(history.estimator))
        return stops

    TrainingHistory.__call__ = and_measure
    try:
        ours(n_factors, setting, n_epochs).fit(part.train)
    finally:
        TrainingHistory.__call__ = record
    return Curve(values)


def curve_of_theirs(part, n_factors, setting, n_epochs):
    values, solver = [], theirs(n_factors, setting, n_epochs)
    shell = ALSRecommender(n_factors=n_factors, max_epochs=1, n_jobs=1).fit(part.train)

    def measure(*_):
        shell.user_embeddings_, shell.item_embeddings_ = solver.user_factors, solver.item_factors
        values.append(part.measure(shell))

    solver.fit(matrix_of(part.train), show_progress=False, callback=measure)
    return Curve(values)


CURVES = curve_of_ours, curve_of_theirs


def matrix_of(data):
    return for_implicit(data.to_csr(duplicates="any"))


def seconds_of(fit):
    started = time.process_time(), time.perf_counter()
    fit()
    return time.process_time() - started[0], time.perf_counter() - started[1]


def with_criterion(table, part):
    """The part, measured also by the criterion by which the settings of the table are chosen."""

    def measure(model):
        figures = part.measure(model)
        return figures | {"criterion": protocols.TABLES[table].criterion(figures)}

    return part._replace(measure=measure)


def choose(table, n_factors):
    part = with_criterion(table, parts(table, "validation"))
    for name, curve_of, grid in zip(("skrec", "implicit"), CURVES, GRIDS[table], strict=True):
        for setting in grid:
            curve = curve_of(part, n_factors, setting, N_EPOCHS[table])
            n = curve.epochs_to("criterion", curve.best("criterion"))
            print(f"{name} {setting}: {json.dumps(curve.figures[n - 1])} after {n} epochs", flush=True)


def compare(table, n_factors):
    part = with_criterion(table, parts(table, "test"))
    own, other = CHOSEN[table, n_factors]
    curves = [curve_of(part, n_factors, setting, N_EPOCHS[table]) for curve_of, setting in zip(CURVES, (own, other))]
    print(json.dumps({"table": table, "n_factors": n_factors, "settings": [own, other]}))
    for name in [name for name in curves[0].figures[0] if "NDCG" in name]:
        print(json.dumps({name: [np.round(curve.values(name), 4).tolist() for curve in curves]}))
        epochs = [curve.epochs_to(name, curves[1].best(name)) for curve in curves]
        result = {"best": [curve.best(name) for curve in curves], "epochs to the best of implicit": epochs}
        if epochs[0] is not None:
            result |= times_of(part, n_factors, (own, other), epochs)
        print(json.dumps(result), flush=True)


def times_of(part, n_factors, settings, epochs):
    """Seconds of complete fits with some numbers of epochs, in turn."""
    matrix = matrix_of(part.train)
    times = [
        [
            seconds_of(lambda: ours(n_factors, settings[0], epochs[0]).fit(part.train)),
            seconds_of(lambda: theirs(n_factors, settings[1], epochs[1]).fit(matrix, show_progress=False)),
        ]
        for _ in range(N_TIMED)
    ]
    return {
        "cpu_seconds": [median(pair[side][0] for pair in times) for side in (0, 1)],
        "cpu_ratio": median(a[0] / b[0] for a, b in times),
        "wall_ratio": median(a[1] / b[1] for a, b in times),
        "epoch_ratio": median(a[0] / epochs[0] / (b[0] / epochs[1]) for a, b in times),
    }


def parts(table, which):
    if table != "gowalla":
        return getattr(protocols.TABLES[table], which)()[0]
    train, test = protocols.gowalla()
    if which == "validation":
        held_out = fifth_of_each_user(train.users)
        train, test = train[~held_out], train[held_out]
    return protocols.ranking_part(train, test[test.users % EVERY[which] == 0])


def fifth_of_each_user(users):
    """Random events of each user, as many as the published split holds out."""
    rng = np.random.default_rng(0)
    order = np.lexsort([rng.random(len(users)), users])
    counts = np.bincount(users)
    place = np.empty(len(users), np.int64)
    place[order] = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place < np.maximum(counts[users] // 5, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("choose", "compare"))
    parser.add_argument("table", choices=tuple(GRIDS))
    parser.add_argument("n_factors", type=int, choices=(64, 128))
    arguments = parser.parse_args()
    with threadpool_limits(1):
        (choose if arguments.what == "choose" else compare)(arguments.table, arguments.n_factors)


if __name__ == "__main__":
    main()
