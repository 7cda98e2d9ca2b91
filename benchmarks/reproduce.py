"""Published tables, measured again: ours beside the published figure and implicit's tuned ALS, with what a fit costs.

    SKREC_DATA=... python benchmarks/reproduce.py ncf-ml1m

Each row is fitted with three seeds, closed forms once; the table has means and standard deviations over the seeds, and where
there are intervals over users, the means of their ends; the JSON file has every single run. `settings.py` holds the
estimators, `choose.py` shows how their settings were chosen.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from protocols import TABLES
from settings import PUBLISHED, ROWS, make

from skrec.benchmark import MemoryWatch

BASELINE = "ALSRecommender"
COSTS = ("fit_seconds", "recommend_seconds", "peak_memory_mb")
NO_METRICS = ("row", "seed", "estimator", "device", *COSTS)
BOUNDS = ("_low", "_high")  # of the interval of a metric


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    parts = TABLES[arguments.table].test()
    print(f"{TABLES[arguments.table].protocol}\n")
    runs = []
    for name in arguments.rows or ROWS[arguments.table]:
        for seed in range(arguments.seeds if has_seed(arguments.table, name) else 1):
            model = make(arguments.table, name)
            about = {"row": name, "seed": seed, "estimator": repr(model), "device": device()}
            runs.append(about | run(model, seed, parts))
            print(f"{name}, seed {seed}: {shown(runs[-1])}", flush=True)
            write(arguments, runs)
    print_table(arguments.table, runs)
    print(f"\nwritten to {arguments.json}")


def has_seed(table, name):
    return "random_state" in make(table, name).get_params()


def run(model, seed, parts):
    """Figures and costs, the mean over the parts."""
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    results = [run_part(model, part) for part in parts]
    return {name: float(np.mean([result[name] for result in results])) for name in results[0]}


def run_part(model, part):
    with MemoryWatch() as memory:
        started = time.perf_counter()
        model.fit(part.train)
        fitted = time.perf_counter()
    model.recommend(k=10)
    recommended = time.perf_counter()
    costs = fitted - started, recommended - fitted, memory.peak_megabytes(getattr(model, "device_", "cpu"))
    return part.measure(model) | dict(zip(COSTS, costs))


def device():
    """Where a run took place."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()}, {torch.get_num_threads()} threads of torch"


def shown(run):
    return "  ".join(f"{name} {run[name]:.4f}" for name in metrics_of(run))


def metrics_of(run):
    return [name for name in run if name not in NO_METRICS and not name.endswith(BOUNDS)]


def print_table(table, runs):
    """A line for each row and metric: ours, published, ALS; then the costs."""
    rows = {name: [r for r in runs if r["row"] == name] for name in dict.fromkeys(r["row"] for r in runs)}
    print(
        f"\n{'':26} {'metric':13} {'ours':>17} {'95 % of users':>17} {'published':>10} {'tuned ALS':>10} {'fit s':>7} "
        f"{'recommend s':>12} {'MB':>7}"
    )
    for name, found in rows.items():
        costs = [np.mean([r[cost] for r in found]) for cost in COSTS]
        for position, metric in enumerate(metrics_of(runs[0])):
            values = [r[metric] for r in found]
            line = f"{name if position == 0 else '':26} {metric:13} {np.mean(values):8.4f} +- {spread(values):.4f}"
            line += f" {interval(found, metric):>17}"
            line += f" {number(PUBLISHED[table].get(name, {}).get(metric)):>10} {number(of_baseline(rows, name, metric)):>10}"
            print(line + (f" {costs[0]:7.1f} {costs[1]:7.2f} {costs[2]:7.0f}" if position == 0 else ""))


def of_baseline(rows, name, metric):
    """The figure of ALS with the same suffix, as "-recency", else of plain ALS."""
    for baseline in (BASELINE + "".join(name.partition("-")[1:]), BASELINE):
        if baseline in rows:
            return np.mean([r[metric] for r in rows[baseline]])
    return None


def spread(values):
    """Standard deviation over the seeds."""
    return np.std(values, ddof=1) if len(values) > 1 else 0.0


def interval(runs, metric):
    """Over users, its ends averaged over the seeds; nothing where the table has none."""
    bounds = [metric + bound for bound in BOUNDS]
    return " to ".join(f"{np.mean([r[bound] for r in runs]):.4f}" for bound in bounds if bound in runs[0])


def number(value):
    return "" if value is None else f"{value:.4f}"


def write(arguments, runs):
    packages = ("numpy", "scipy", "torch", "pytorch-lightning", "implicit")
    kept = json.loads(arguments.json.read_text("utf-8"))["runs"] if arguments.rows and arguments.json.exists() else []
    runs = [r for r in kept if r["row"] not in arguments.rows] + runs
    about = {"table": arguments.table, "versions": {package: version(package) for package in packages}}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(about | {"runs": runs}, indent=1) + "\n", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--rows", nargs="+", help="some of the table's rows; the JSON file keeps the others")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--json", type=Path, help="where to write every run; by default TABLE.json")
    arguments = parser.parse_args()
    arguments.json = arguments.json or Path(f"{arguments.table}.json")
    return arguments


if __name__ == "__main__":
    main()
