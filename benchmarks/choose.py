"""Choose the settings of a row by a grid search on data cut from the training part. The test part is not used.

SKREC_DATA=... python benchmarks/choose.py ncf-ml1m MFRecommender
"""

import argparse

import torch
from protocols import TABLES
from reproduce import run, shown
from settings import GRIDS, make
from sklearn.model_selection import ParameterGrid


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    table = TABLES[arguments.table]
    parts = table.validation()
    best, chosen = -float("inf"), None
    for setting in ParameterGrid(GRIDS[arguments.table, arguments.row]):
        model = make(arguments.table, arguments.row).set_params(**setting)
        figures = mean([run(model, seed, parts) for seed in range(arguments.seeds)])
        print(f"{setting}: {shown(figures)}", flush=True)
        if table.criterion(figures) > best:
            best, chosen = table.criterion(figures), setting
    print(f"\nbest: {chosen}")


def mean(results):
    """Mean of each figure over several runs."""
    return {name: sum(result[name] for result in results) / len(results) for name in results[0]}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("row", help="a row that has a grid in settings.py")
    parser.add_argument("--seeds", type=int, default=1, help="of each setting, whose mean counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    arguments = parser.parse_args()
    if (arguments.table, arguments.row) not in GRIDS:
        parser.error(f"no grid for {arguments.row} in {arguments.table}")
    return arguments


if __name__ == "__main__":
    main()
