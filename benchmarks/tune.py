"""Measure what share of the figures of `settings.py` a search with few tries reaches from the defaults.

    SKREC_DATA=... python benchmarks/tune.py ncf-ml1m ALSRecommender EASERecommender

The search starts from the defaults of the class. Only what makes the row another model is kept, such as the loss. It sees the
training part alone, and cuts it as the table cuts its validation part. Last.fm and the rankings of MovieLens 100K have no
settings. Their rows are compared with a search with five times as many tries in the large space.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from protocols import TABLES, Part
from reproduce import metrics_of
from settings import ROWS, make
from sklearn.base import clone

from skrec import ALSRecommender, EASERecommender, MFRecommender, get_scorer, tune
from skrec.datasets import fetch_movielens, load_lastfm
from skrec.metrics import make_multi_scorer
from skrec.model_selection import LeaveLastOut, RandomHoldout, UserKFold, train_test_split

KIND = ("loss", "solver", "y_range", "side", "temperature", "negatives")  # parameters that make it another model
MORE = 5  # times as many tries for data without settings
TENTH = RandomHoldout(0.1, random_state=0)
CUTS = {
    "ncf-ml1m": (LeaveLastOut(), "ndcg@10"),
    "ml100k-rmse": (TENTH, "neg_rmse"),
    "ml100k-rmse-random": (TENTH, "neg_rmse"),
    "gowalla": (TENTH, "ndcg@20"),
    "strong-ml1m": (UserKFold(10, random_state=0), "ndcg@100"),
    "strong-gowalla": (UserKFold(10, random_state=0), "ndcg@100"),
}


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    print(f"| data | row | parameters | figure | tuned | reference | share | tries | CPU s |\n|{'---|' * 9}", flush=True)
    for name in arguments.rows:
        for seed in range(arguments.seeds):
            compare_with_reference(arguments.table, name, seed, arguments)


def compare_with_reference(table, name, seed, arguments):
    """Print a line for each figure of a row."""
    start, parts, cut = start_of(table, name), parts_of(table), cut_of(table)
    if "random_state" in start.get_params():
        start.set_params(random_state=seed)
    began, found = time.process_time(), []
    for part in parts[: arguments.parts]:
        found.append(search(start, part, cut, arguments.n_iter, arguments.space, seed))
    seconds = (time.process_time() - began) / len(found)
    tuned = mean([part.measure(model) for part, model in zip(parts, found)])
    reference = mean([part.measure(model) for part, model in zip(parts, references(table, name, start, parts, cut, arguments))])
    for figure in metrics_of(reference):
        share = reference[figure] / tuned[figure] if figure == "RMSE" else tuned[figure] / reference[figure]
        cells = [table, name, found[0].best_params_, figure, f"{tuned[figure]:.4f}", f"{reference[figure]:.4f}", f"{share:.3f}"]
        print(f"| {' | '.join(map(str, cells))} | {arguments.n_iter} | {seconds:.0f} |", flush=True)


def search(start, part, cut, n_iter, space, seed):
    cv, scorer = cut
    return tune(start, part.train, scorer, n_iter=n_iter, cv=cv, space=space, random_state=seed)


def references(table, name, start, parts, cut, arguments):
    """Fitted models with the settings of the row, or with a long search."""
    parts = parts[: arguments.parts]
    if table in ROWS:
        return [make(table, name).set_params(**seeds(start)).fit(part.train) for part in parts]
    return [search(start, part, cut, MORE * arguments.n_iter, "large", 1000) for part in parts]


def seeds(start):
    return {name: value for name, value in start.get_params().items() if name == "random_state"}


def start_of(table, name):
    """The estimator of a row with the defaults of its class, except for its kind."""
    if table not in ROWS:
        return clone(START[name]).set_params(positive_from=4 if table == "ml100k" else None)
    row = make(table, name)
    given = row.get_params(deep=False)
    kind = {parameter: given[parameter] for parameter in KIND if parameter in given}
    if not isinstance(kind.get("solver", ""), str):
        kind["solver"] = "als"
    return type(row)(**kind)


START = {
    "ALSRecommender": ALSRecommender(n_jobs=1),
    "EASERecommender": EASERecommender(),
    "MFRecommender": MFRecommender(),  # alternating least squares
    "MFRecommender-gradient": MFRecommender(solver="gradient"),
}


def parts_of(table):
    if table in TABLES:
        return TABLES[table].test()
    if table == "ml100k":
        data, threshold = fetch_movielens("100k").interactions, 4
    else:
        data, threshold = load_lastfm(Path(os.environ["SKREC_DATA"]) / "hetrec2011-lastfm-2k").interactions, None
        data = data.with_values(np.ones(len(data), np.float32))  # numbers of plays are not confidences
    train, test = train_test_split(data, test_size=0.2, random_state=0)
    scorer = make_multi_scorer(["ndcg@10"], positive_from=threshold)
    return [Part(train, lambda model: scorer(model, test))]


def cut_of(table):
    if table in CUTS:
        return CUTS[table]
    return RandomHoldout(0.2, random_state=0), get_scorer("ndcg@10", positive_from=4 if table == "ml100k" else None)


def mean(results):
    return {name: float(np.mean([result[name] for result in results])) for name in results[0]}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=[*CUTS, "ml100k", "lastfm"])
    parser.add_argument("rows", nargs="+", help="rows of settings.py, or of START for the last two tables")
    parser.add_argument("--n-iter", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--parts", type=int, help="number of folds; by default all")
    parser.add_argument("--space", default="small", choices=["small", "medium", "large"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
