"""Searches for the ten items with the largest scores: numpy, and the indexes of `skrec.retrieval`.

``python benchmarks/retrieval.py [gowalla-als gowalla-mf clustered] [--recall 0.95 0.99] [--quick]``

"gowalla-als" and "gowalla-mf" are the vectors of `ALSRecommender` and of `MFRecommender(loss="bpr")` with its biases as another
coordinate, both with 64 factors, fitted to the training part of LightGCN's split in the folder SKREC_DATA. "clustered" are a
million generated vectors in 2,000 clusters of different sizes, with lengths that differ. The figures are queries for each
second of CPU time, one query at a time and in blocks of 100. numpy computes all products and selects by `argpartition`. The
methods take turns, and the ratios are medians over the rounds. Run it with OMP_NUM_THREADS=1.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median

import numpy as np

from skrec import ALSRecommender, MFRecommender
from skrec.datasets import load_lightgcn
from skrec.retrieval import ExactIndex, IVFIndex

K = 10
N_QUERIES, N_EXAMPLES = 1000, 2000


def gowalla(model):
    """Vectors of the items of a fitted model, and of its users in random order."""
    model.fit(load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn").train)
    items, users = model.item_embeddings_, model.user_embeddings_
    if hasattr(model, "item_biases_"):
        items = np.column_stack([items, model.item_biases_])
        users = np.column_stack([users, np.ones(len(users), np.float32)])
    return items, np.random.default_rng(0).permutation(users)


def clustered(n, d=64, n_clusters=2000):
    """Vectors around centers, with lognormal lengths, and queries near centers."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_clusters, d)).astype(np.float32)
    shares = rng.dirichlet(np.ones(n_clusters))

    def near_centers(size):
        noise = rng.standard_normal((size, d), np.float32)
        return centers[rng.choice(n_clusters, size, p=shares)] + 0.5 * noise

    lengths = rng.lognormal(0, 0.3, n).astype(np.float32)
    return near_centers(n) * lengths[:, None], near_centers(N_QUERIES + N_EXAMPLES)


CASES = {
    "gowalla-als": lambda quick: gowalla(ALSRecommender(max_epochs=3 if quick else 15, random_state=0)),
    "gowalla-mf": lambda quick: gowalla(MFRecommender(loss="bpr", max_epochs=2 if quick else 20, random_state=0)),
    "clustered": lambda quick: clustered(50_000 if quick else 1_000_000),
}


def by_numpy(items, queries):
    """Positions of the best items, in blocks of queries whose products fit into 64 MiB."""
    height = max(1, 2**24 // len(items))
    parts = []
    for start in range(0, len(queries), height):
        products = queries[start : start + height] @ items.T
        best = np.argpartition(products, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
        parts.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(parts)


def rate(search, queries, size, seconds):
    """Queries for each second of CPU time, in blocks of a size."""
    start, n = time.process_time(), 0
    while time.process_time() - start < seconds:
        first = n % len(queries)
        search(queries[first : first + size])
        n += size
    return n / (time.process_time() - start)


def recall(found, best):
    return np.mean([len(set(some) & set(all_of_them)) / K for some, all_of_them in zip(found, best)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=[])
    parser.add_argument("--recall", type=float, nargs="+", default=[0.95, 0.99], help="required recalls, default 0.95 and 0.99")
    parser.add_argument("--quick", action="store_true", help="small cases, to see that the script runs")
    settings = parser.parse_args()
    rounds, seconds = (1, 0.1) if settings.quick else (3, 0.5)
    for case in settings.cases or CASES:
        items, users = CASES[case](settings.quick)
        queries, examples = users[:N_QUERIES], users[N_QUERIES : N_QUERIES + N_EXAMPLES]
        lengths = np.percentile(np.linalg.norm(items, axis=1), [1, 50, 99])
        print(f"{case}: {len(items):,} x {items.shape[1]}, lengths at 1, 50 and 99 %: {lengths.round(2)}", flush=True)
        best = by_numpy(items, queries[:200])
        searches = {"numpy": lambda block, items=items: by_numpy(items, block)}
        for index in (ExactIndex(), *(IVFIndex(required, random_state=0) for required in settings.recall)):
            start = time.process_time()
            index.build(items, examples)
            report = index.recall_report()
            found = recall(index.search(queries[:200], K)[0], best)
            print(
                f"  {index!r}: built in {time.process_time() - start:.1f} s of CPU, recall {found:.3f}, "
                f"{report.n_probes} of {report.n_lists} lists, {report.share_compared:.2%} of the vectors",
                flush=True,
            )
            searches[f"{index!r}"] = lambda block, index=index: index.search(block, K)[0]
        for size, name in ((1, "one at a time"), (100, "in blocks")):
            measured = [{key: rate(search, queries, size, seconds) for key, search in searches.items()} for _ in range(rounds)]
            for key in searches:
                ratio = median(rates[key] / rates["numpy"] for rates in measured)
                print(
                    f"  {name:14} {key:70} {median(rates[key] for rates in measured):9,.0f} /s, ratio {ratio:6.2f}", flush=True
                )


if __name__ == "__main__":
    main()
