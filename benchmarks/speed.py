"""Speed beside the library implicit, alternating in one process.

``python benchmarks/speed.py [section ...] [--quick] [--threads N]``

Sections are "recommend" (lists of all users) and "evaluation" (ranking metrics of all users). Figures are medians over rounds.
A ratio above 1 means that skrec is faster. Extra memory is what a call allocates at its peak beside its answer. Gowalla is read
from the folder SKREC_DATA; the other matrix is generated.
"""

import argparse
import os
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import implicit
import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from threadpoolctl import threadpool_limits

from skrec import ALSRecommender, ItemKNNRecommender, LightGCNRecommender, MFRecommender
from skrec.data import Interactions
from skrec.datasets import load_lightgcn
from skrec.metrics import make_multi_scorer

MB = 2**20
K = 10
METRICS = ("ndcg", "recall", "precision", "map", "mrr", "hit_rate")


class Seconds(NamedTuple):
    cpu: float
    wall: float


class Settings(NamedTuple):
    threads: int
    rounds: int
    quick: bool


def measured(call: Callable[[], Any]) -> Seconds:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def extra_memory(call: Callable[[], Any]) -> float:
    """Megabytes allocated at the peak of a call beside its answer."""
    tracemalloc.start()
    answer = call()
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del answer
    return (peak - left) / MB


def alternate(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[list[Seconds], list[Seconds]]:
    """Times of both, in turn, after a first call of each."""
    ours(), theirs()
    pairs = [(measured(theirs), measured(ours)) for _ in range(rounds)]
    return [own for _, own in pairs], [other for other, _ in pairs]


def report(label: str, ours: list[Seconds], theirs: list[Seconds], n: int, memory: float | None = None) -> None:
    cpu = statistics.median(other.cpu / own.cpu for own, other in zip(ours, theirs, strict=True))
    wall = statistics.median(other.wall / own.wall for own, other in zip(ours, theirs, strict=True))
    own, other = (n / statistics.median(times.cpu for times in all_times) for all_times in (ours, theirs))
    extra = "" if memory is None else f", {memory:.0f} MB beside the answer"
    print(f"{label:32} {own:9.0f} users/CPU s, implicit {other:7.0f}; ratio CPU {cpu:.2f}, wall {wall:.2f}{extra}", flush=True)


# Data


def gowalla() -> Any:
    return load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn")


def generated(n_users: int, n_items: int, seed: int = 0) -> sp.csr_matrix:
    """Likes of users in 40 groups with different tastes, some 140 a user, of items of very different popularity."""
    rng = np.random.default_rng(seed)
    popularity = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.8)
    group_of_item, group_of_user = rng.integers(0, 40, n_items), rng.integers(0, 40, n_users)
    lengths = np.clip(rng.lognormal(4.8, 0.75, n_users), 20, 2000).astype(int)
    rows, columns = [], []
    for group in range(40):
        shares = popularity * np.where(group_of_item == group, 12, 1)
        users = np.repeat(np.flatnonzero(group_of_user == group), lengths[group_of_user == group])
        rows.append(users)
        columns.append(np.searchsorted(np.cumsum(shares) / shares.sum(), rng.random(len(users))).clip(max=n_items - 1))
    pairs = np.concatenate(rows), np.concatenate(columns)
    matrix = sp.csr_matrix((np.ones(len(pairs[0]), np.float32), pairs), shape=(n_users, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


# Models


def implicit_als(matrix: sp.csr_matrix, threads: int, **parameters: Any) -> AlternatingLeastSquares:
    solver = AlternatingLeastSquares(num_threads=threads, random_state=0, **parameters)
    solver.fit(matrix, show_progress=False)
    return solver


def with_factors_of(solver: AlternatingLeastSquares, matrix: sp.csr_matrix) -> ALSRecommender:
    """A fitted model with the factors of another."""
    model = ALSRecommender(n_factors=solver.factors, max_epochs=1, n_jobs=1, random_state=0).fit(matrix)
    model.user_embeddings_, model.item_embeddings_ = solver.user_factors, solver.item_factors
    return model


# Sections


def compare_lists(label: str, model: Any, solver: AlternatingLeastSquares, seen: sp.csr_matrix, settings: Settings) -> None:
    users = np.arange(min(seen.shape[0], 2048 if settings.quick else 8192))
    rows = seen[users]

    def ours() -> Any:
        return model.recommend(users, k=K)

    def theirs() -> Any:
        return solver.recommend(users, rows, N=K)

    times = alternate(ours, theirs, settings.rounds)
    report(label, *times, len(users), extra_memory(ours))


def recommend(settings: Settings) -> None:
    """Lists of 8,192 users, seen items hidden, from the same factors."""
    matrix = sp.csr_matrix(gowalla().train.to_csr(), dtype=np.float32)
    solver = implicit_als(matrix, settings.threads, factors=64, alpha=40, regularization=20, iterations=10)
    compare_lists("Gowalla, ALS 64", with_factors_of(solver, matrix), solver, matrix, settings)
    likes = Interactions.from_csr(matrix)
    for name, model in {
        "MF 64, biases": MFRecommender(loss="bpr", n_factors=64, max_epochs=2 if settings.quick else 10, random_state=0),
        "LightGCN 64": LightGCNRecommender(n_factors=64, max_epochs=1, batch_size=8192, random_state=0),
        "ItemKNN": ItemKNNRecommender(),
    }.items():
        compare_lists(f"Gowalla, {name}", model.fit(likes), solver, matrix, settings)
    big = generated(20_000 if settings.quick else 138_000, 20_000)
    print(f"generated: {big.shape[0]} x {big.shape[1]}, {big.nnz / big.shape[0]:.0f} a user")
    for width in (64, 128):
        solver = implicit_als(big, settings.threads, factors=width, iterations=2)
        model = with_factors_of(solver, big)
        compare_lists(f"generated, ALS {width}", model, solver, big, settings)
    rng = np.random.default_rng(0)
    for name in ("user", "item"):
        factors = rng.standard_normal(getattr(solver, f"{name}_factors").shape, np.float32)
        setattr(solver, f"{name}_factors", factors), setattr(model, f"{name}_embeddings_", factors)
    compare_lists("generated, random factors 128", model, solver, big, settings)


def evaluation(settings: Settings) -> None:
    """Six metrics at 10 and 20, beside four metrics at 20 of implicit, for all users of Gowalla."""
    split = gowalla()
    train, test = (sp.csr_matrix(part.to_csr(), dtype=np.float32) for part in (split.train, split.test))
    solver = implicit_als(train, settings.threads, factors=64, alpha=40, regularization=20, iterations=10)
    model, hidden = with_factors_of(solver, train), Interactions.from_csr(test)
    scorer = make_multi_scorer([f"{metric}@{k}" for metric in METRICS for k in (10, 20)])

    def theirs() -> Any:
        return ranking_metrics_at_k(solver, train, test, K=20, show_progress=False, num_threads=settings.threads)

    times = alternate(lambda: scorer(model, hidden), theirs, settings.rounds)
    report("Gowalla, ALS 64, 12 against 4", *times, train.shape[0], extra_memory(lambda: scorer(model, hidden)))


SECTIONS = {"recommend": recommend, "evaluation": evaluation}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="smaller data and fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of both libraries")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - SECTIONS.keys()
    if unknown:
        parser.error(f"unknown sections {sorted(unknown)}; known are {sorted(SECTIONS)}")
    if hasattr(os, "sched_setaffinity"):  # skrec uses as many threads as there are cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    settings = Settings(arguments.threads, 3 if arguments.quick else 7, arguments.quick)
    print(f"implicit {implicit.__version__}, {arguments.threads} thread(s)")
    with threadpool_limits(arguments.threads), threadpool_limits(1, "blas"):
        for name in arguments.sections or SECTIONS:
            SECTIONS[name](settings)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
