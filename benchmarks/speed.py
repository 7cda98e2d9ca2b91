"""Speed beside implicit, plain torch and cornac, alternating in one process.

``python benchmarks/speed.py [section ...] [--quick] [--threads N] [--output FILE]``

Sections are "recommend" (lists of all users), "evaluation" (ranking metrics of all users), "bpr" (epochs of matrix
factorization with BPR), "neumf" (epochs of neural matrix factorization, beside a loop in plain torch), "quality" (complete fits
of matrix factorization until they rank as well as BPR of cornac) and "imports" (a first fit and lists in a new process). The
peer is implicit where no other is named. Figures are medians over rounds. A ratio above 1 means that skrec is faster. Extra
memory is what a call allocates at its peak beside its answer. Gowalla and MovieLens 1M are read from the folder SKREC_DATA; the
other matrix is generated. ``--output`` adds the ratios to a JSON file, with the date and the version of the code, so that a
ratio that falls is seen.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import implicit
import numpy as np
import protocols
import scipy.sparse as sp
import torch
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.evaluation import ranking_metrics_at_k
from sklearn.base import clone
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional

from skrec import ALS, ALSRecommender, ItemKNNRecommender, LightGCNRecommender, MFRecommender, NeuMFRecommender
from skrec.data import Interactions
from skrec.datasets import load_lightgcn, load_ncf
from skrec.metrics import make_multi_scorer

MB = 2**20
K = 10
RATIOS: dict[str, dict[str, float]] = {}  # by what is measured, filled by `report`
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


def of_epochs(fit: Callable[[int], Any], n_more: int) -> Seconds:
    """Seconds of an epoch. The cost of a fit with one epoch is subtracted from that of one with ``n_more`` more."""
    first, all_epochs = measured(lambda: fit(1)), measured(lambda: fit(1 + n_more))
    return Seconds(*((more - once) / n_more for more, once in zip(all_epochs, first, strict=True)))


def report(
    label: str,
    ours: list[Seconds],
    theirs: list[Seconds],
    n: int,
    memory: float | None = None,
    peer: str = "implicit",
) -> None:
    cpu = statistics.median(other.cpu / own.cpu for own, other in zip(ours, theirs, strict=True))
    wall = statistics.median(other.wall / own.wall for own, other in zip(ours, theirs, strict=True))
    own, other = (n / statistics.median(times.cpu for times in all_times) for all_times in (ours, theirs))
    RATIOS[label] = {"cpu": round(cpu, 3), "wall": round(wall, 3)}
    extra = "" if memory is None else f", {memory:.0f} MB beside the answer"
    print(f"{label:32} {own:9.0f} /CPU s, {peer} {other:7.0f}; ratio CPU {cpu:.2f}, wall {wall:.2f}{extra}", flush=True)


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


def bpr(settings: Settings) -> None:
    """Interactions a second of epochs of BPR on MovieLens 1M, 64 factors. The cost of a fit with one epoch is subtracted."""
    events = load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf").train
    matrix, n_more = sp.csr_matrix(events.to_csr(duplicates="any"), dtype=np.float32), 2 if settings.quick else 4

    def ours(batch_size: int, n_epochs: int) -> None:
        MFRecommender(loss="bpr", batch_size=batch_size, max_epochs=n_epochs, random_state=0).fit(events)

    def theirs(n_epochs: int) -> None:
        solver = BayesianPersonalizedRanking(factors=64, iterations=n_epochs, num_threads=settings.threads, random_state=0)
        solver.fit(matrix, show_progress=False)

    for batch_size in (1024, 8192):
        ours(batch_size, 1), theirs(1)
        pairs = [(of_epochs(partial(ours, batch_size), n_more), of_epochs(theirs, n_more)) for _ in range(settings.rounds)]
        report(f"ML-1M, BPR 64, batches of {batch_size}", *map(list, zip(*pairs, strict=True)), len(events))


class PlainNeuMF(nn.Module):
    """The network of `NeuMFRecommender` as it is usually written: vectors of each pair are concatenated."""

    def __init__(self, n_users: int, n_items: int, n_factors: int, mlp_factors: int, hidden_layer_sizes: tuple[int, ...]):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, width) for width in (n_factors, mlp_factors) for n in (n_users, n_items))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.01)
        widths = (2 * mlp_factors, *hidden_layer_sizes)
        layers = [part for sizes in pairwise(widths) for part in (nn.Linear(*sizes), nn.ReLU())]
        self.layers, self.head = nn.Sequential(*layers), nn.Linear(n_factors + widths[-1], 1)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        of_users, of_items, mlp_users, mlp_items = (
            table(codes) for table, codes in zip(self.tables, (users, items, users, items), strict=True)
        )
        hidden = self.layers(torch.cat([mlp_users, mlp_items], 1))
        return self.head(torch.cat([of_users * of_items, hidden], 1))[:, 0]


def plain_neumf(events: Interactions, n_epochs: int, *, batch_size: int, fused: bool) -> None:
    """Train by binary cross-entropy with one negative for each event, by autograd and Adam."""
    torch.manual_seed(0)
    users, items = (torch.tensor(codes).long() for codes in (events.users, events.items))
    known = torch.sort(users * events.n_items + items).values
    network = PlainNeuMF(events.n_users, events.n_items, 32, 64, (64, 32))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=fused)
    for _ in range(n_epochs):
        order = torch.randperm(len(users))
        shuffled, liked = users[order], items[order]
        negatives = torch.randint(events.n_items, users.shape)
        wrong = torch.arange(len(users))
        while len(wrong):  # items with an event of the user are drawn again
            keys = shuffled[wrong] * events.n_items + negatives[wrong]
            wrong = wrong[known[torch.searchsorted(known, keys).clamp(max=len(known) - 1)] == keys]
            negatives[wrong] = torch.randint(events.n_items, wrong.shape)
        for query, *both in zip(*(codes.split(batch_size) for codes in (shuffled, liked, negatives)), strict=True):
            target = torch.cat([torch.ones(len(query)), torch.zeros(len(query))])
            loss = functional.binary_cross_entropy_with_logits(network(query.repeat(2), torch.cat(both)), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def neumf(settings: Settings) -> None:
    """Interactions a second of epochs of NeuMF on MovieLens 1M, with one negative and minibatches of 1,024.

    The sizes are the defaults of the estimator: 32 factors, embeddings of 64 and layers of 64 and 32. The loop in plain torch
    has the same sizes and keeps all tensors in memory. Its optimizer is Adam, with its default or its fused kernel.
    """
    events = load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf").train
    events = events[np.arange(0, len(events), 5)] if settings.quick else events

    def ours(n_epochs: int) -> None:
        NeuMFRecommender(n_negatives=1, batch_size=1024, max_epochs=n_epochs, random_state=0).fit(events)

    for name, fused in (("", False), (", fused Adam", True)):
        theirs = partial(plain_neumf, events, batch_size=1024, fused=fused)
        ours(1)
        pairs = [(of_epochs(ours, 1), of_epochs(theirs, 1)) for _ in range(max(1, settings.rounds // 2))]
        report(f"ML-1M, NeuMF{name}", *map(list, zip(*pairs, strict=True)), len(events), peer="plain torch")


PUBLISHED_QUALITY = 0.416  # of BPR of cornac 3.0.1 after 50 CPU s
QUALITY = {  # the settings of "als" are chosen by `als.py choose ncf-ml1m 64` on held-out events of the training part
    'solver="als"': MFRecommender(solver=ALS(unobserved_weight=0.3, regularization_exponent=0.5), regularization=0.2),
    "softmax": MFRecommender(solver="gradient"),
}


def cornac_bpr(part: Any) -> tuple[float, float]:
    """NDCG@10 among 99 negatives and CPU seconds of BPR of cornac with 64 factors after 100 epochs."""
    from cornac.data import Dataset
    from cornac.models import BPR

    users, items = part.train.users, part.train.items
    data = Dataset.from_uir([(u, i, 1.0) for u, i in zip(users.tolist(), items.tolist(), strict=True)], seed=0)
    solver = BPR(k=64, max_iter=100, learning_rate=0.05, lambda_reg=0.01, num_threads=1, seed=0)
    seconds = measured(lambda: solver.fit(data))
    shell = MFRecommender(loss="bpr", max_epochs=1, random_state=0).fit(part.train)  # a fitted model, for its scores
    with torch.no_grad():
        for table, labels, values in (
            (shell.module_.user_embeddings, data.uid_map, solver.u_factors),
            (shell.module_.item_embeddings, data.iid_map, solver.i_factors),
            (shell.module_.item_biases, data.iid_map, solver.i_biases[:, None]),
        ):
            table.weight[list(labels)] = torch.from_numpy(values[list(labels.values())])
    return part.measure(shell)["NDCG@10"], seconds.cpu


def quality(settings: Settings) -> None:
    """CPU seconds of complete fits with 64 factors that rank as well as cornac's BPR, MovieLens 1M, NCF's protocol."""
    [part] = protocols.TABLES["ncf-ml1m"].test()
    goal, peer = PUBLISHED_QUALITY, None
    if find_spec("cornac"):
        goal, peer = cornac_bpr(part)
        print(f"BPR of cornac: NDCG@10 {goal:.4f} in {peer:.1f} CPU s")
    else:
        print(f"cornac is not installed; the goal is its published NDCG@10 of {goal}")
    for name, estimator in QUALITY.items():
        model = clone(estimator).set_params(random_state=0, max_epochs=0)
        reached = 0.0
        while reached < goal and model.max_epochs < 20:
            reached = part.measure(model.set_params(max_epochs=model.max_epochs + 1).fit(part.train))["NDCG@10"]
        times = [measured(partial(model.fit, part.train)) for _ in range(settings.rounds)]
        seconds = statistics.median(each.cpu for each in times)
        print(f"{name}: NDCG@10 {reached:.4f} after {model.max_epochs} epochs, {seconds:.2f} CPU s", flush=True)
        if peer is not None:
            RATIOS[f"ML-1M, time to the NDCG of cornac, {name}"] = {"cpu": round(peer / seconds, 3)}


FIRST_USE = """
import time
import numpy as np
from scipy.sparse import csr_{kind}
likes = csr_{kind}(np.random.default_rng(0).random((50, 40), np.float32) < 0.2, dtype=np.float32)
{statements}
print(time.process_time(), time.perf_counter())
"""
OURS = "from skrec import ALSRecommender; ALSRecommender(n_factors=8, random_state=0).fit(likes).recommend(k=5)"
THEIRS = """
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
model = AlternatingLeastSquares(factors=8, random_state=0)
model.fit(likes, show_progress=False)
model.recommend(np.arange(50), likes, N=5)
"""


def imports(settings: Settings) -> None:
    """Seconds of a new Python process that imports, fits ALS on small data and recommends."""

    def in_new_process(kind: str, statements: str) -> Seconds:
        started = time.perf_counter()
        code = FIRST_USE.format(kind=kind, statements=statements)
        output = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True)
        return Seconds(float(output.split()[0]), time.perf_counter() - started)

    in_new_process("array", OURS)  # compiles bytecode
    pairs = [(in_new_process("array", OURS), in_new_process("matrix", THEIRS)) for _ in range(settings.rounds)]
    report("first use of ALS", *map(list, zip(*pairs, strict=True)), 1)
    own, other = (statistics.median(times.cpu for times in all_times) for all_times in zip(*pairs, strict=True))
    print(f"    {own:.2f} CPU s, implicit {other:.2f}")


SECTIONS = {
    "recommend": recommend,
    "evaluation": evaluation,
    "bpr": bpr,
    "neumf": neumf,
    "quality": quality,
    "imports": imports,
}


def add_to_history(path: Path, settings: Settings) -> None:
    """Add the ratios of this run to a JSON file."""
    history = json.loads(path.read_text("utf-8")) if path.exists() else []
    describe = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    run = {"date": time.strftime("%Y-%m-%d"), "code": subprocess.check_output(describe, text=True).strip()}
    history.append(run | {"implicit": implicit.__version__, "threads": settings.threads, "ratios": RATIOS})
    path.write_text(json.dumps(history, indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="smaller data and fewer rounds")
    parser.add_argument("--output", type=Path, help="JSON file to which the ratios are added")
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
    if arguments.output is not None:
        add_to_history(arguments.output, settings)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
