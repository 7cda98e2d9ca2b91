"""Measure estimators with their default parameters, and tuned, on data sets of many shapes.

    SKREC_DATA=... python benchmarks/defaults.py --half second --tries 10

The data sets are those of `collection.py`. Each figure is the NDCG@10 of rankings of all items without training events, as a
share of the best figure of any row on that data set. `tune` searches on a part that is cut from the training part. The JSON
file has a line for each run. A run that is in the file is not repeated. `--show` prints the table of the file.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import pandas as pd
import torch
from collection import FIRST_HALF, SECOND_HALF

from skrec import MFRecommender, all_estimators, get_scorer, tune
from skrec.model_selection import RandomHoldout

HALVES = {"first": FIRST_HALF, "second": SECOND_HALF}
# estimators that need features or impressions, and the random baseline
LEFT_OUT = ("ColdStartRecommender", "NewsRecommender", "RandomRecommender", "TwoTowerRecommender")
ESTIMATORS = {cls.__name__: cls() for cls in all_estimators() if cls.__name__ not in LEFT_OUT} | {
    "MFRecommender-softmax": MFRecommender(solver="gradient"),
    "MFRecommender-bpr": MFRecommender(loss="bpr"),
}
SEQUENCE_MODELS = ("MarkovRecommender", "SASRecRecommender", "GRU4RecRecommender", "CaserRecommender")
SCORER = get_scorer("ndcg@10")


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    if not arguments.show:
        measure(arguments)
    print_tables(arguments)


def measure(arguments):
    done = {key_of(run) for run in kept_runs(arguments.json)}
    for data_set, load in HALVES[arguments.half].items():
        if arguments.sets and data_set not in arguments.sets:
            continue
        split = load()
        for name in arguments.rows:
            if name in SEQUENCE_MODELS and split.train.timestamps is None:
                continue
            for tries in sorted({0, arguments.tries}):
                for seed in range(n_seeds(name, arguments.seeds)):
                    run = {"set": data_set, "row": name, "tries": tries, "seed": seed}
                    if key_of(run) not in done:
                        write(arguments.json, run | figures(name, split, tries, seed))


def figures(name, split, tries, seed):
    model = ESTIMATORS[name]
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # users and items of the test part without training events
        if tries:
            cut = RandomHoldout(0.2, random_state=seed)
            model = tune(model, split.train, SCORER, n_iter=tries, cv=cut, random_state=seed).best_estimator_
        else:
            model.fit(split.train)
        return {"ndcg": SCORER(model, split.test), "seconds": time.process_time() - started, "estimator": repr(model)}


def n_seeds(name, n):
    return n if "random_state" in ESTIMATORS[name].get_params() else 1


def key_of(run):
    return tuple(run[name] for name in ("set", "row", "tries", "seed"))


def kept_runs(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def write(path, run):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run) + "\n")
    print(f"{run['set']:34} {run['row']:22} {run['tries']:3} tries  {run['ndcg']:.4f}  {run['seconds']:.1f} s", flush=True)


def print_tables(arguments):
    """Print the shares of the best figure by data set, and their means, for default and for tuned parameters."""
    runs = pd.DataFrame(kept_runs(arguments.json))
    runs = runs[runs.set.isin(HALVES[arguments.half]) & runs.row.isin(arguments.rows)]
    runs["parameters"] = runs.tries.map(lambda tries: f"{tries} tries" if tries else "default")
    table = runs.pivot_table(index=["row", "parameters"], columns="set", values="ndcg", sort=False)
    print("\nNDCG@10\n" + table.round(4).to_markdown())
    shares = table / table.max()
    shares.insert(0, "mean", shares.mean(axis=1))
    shares["CPU s"] = runs.groupby(["row", "parameters"], sort=False).seconds.mean()
    print("\nshares of the best figure\n" + shares.sort_values("mean", ascending=False).round(3).to_markdown())
    if arguments.tries:
        tuned = table.xs(f"{arguments.tries} tries", level="parameters")
        ratio = table.xs("default", level="parameters") / tuned
        ratio.insert(0, "mean", ratio.clip(upper=1).mean(axis=1))
        print("\ndefault / tuned (at most 1 in the mean)\n" + ratio.round(3).to_markdown())


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=HALVES, default="second", help="of the data sets")
    parser.add_argument("--sets", nargs="*", help="names of data sets. All by default")
    parser.add_argument("--rows", nargs="*", choices=ESTIMATORS, default=list(ESTIMATORS))
    parser.add_argument("--tries", type=int, default=0, help="of a search for each row and data set")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("defaults.jsonl"))
    parser.add_argument("--show", action="store_true", help="print the tables of the file only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
