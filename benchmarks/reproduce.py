"""Measure the rows of a published table again, and print them with the published figures, a tuned ALS and the costs.

    SKREC_DATA=... python benchmarks/reproduce.py ncf-ml1m

Each row is fitted with three seeds, and closed forms once. The JSON file has all runs, and `--show` prints the table of its
runs. `settings.py` has the estimators. `choose.py` chooses their settings.
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
    if arguments.show:
        print_table(arguments.table, in_order(arguments.table, kept_runs(arguments)))
        return
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
    print_table(arguments.table, in_order(arguments.table, kept_runs(arguments)))
    print(f"\nwritten to {arguments.json}")


def has_seed(table, name):
    return "random_state" in make(table, name).get_params()


def run(model, seed, parts):
    """Return the figures and costs, averaged over the parts."""
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
    """Name of the device of a run."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()}, {torch.get_num_threads()} threads of torch"


def shown(run):
    return "  ".join(f"{name} {run[name]:.4f}" for name in metrics_of(run))


def metrics_of(run):
    return [name for name in run if name not in NO_METRICS and not name.endswith(BOUNDS)]


def print_table(table, runs):
    """Print Markdown with a line for each row: means and spreads over the seeds, published figures, ALS, and costs."""
    rows = {name: [r for r in runs if r["row"] == name] for name in dict.fromkeys(r["row"] for r in runs)}
    metrics = metrics_of(runs[0])
    head = ["row", *metrics, "published", "tuned ALS", "fit s", "recommend s", "MB"]
    print("\n" + "\n".join(line(cells) for cells in (head, ["---"] * len(head))))
    for name, found in rows.items():
        figures = [shown_with_spread(found, metric) for metric in metrics]
        published = [PUBLISHED[table].get(name, {}).get(metric) for metric in metrics]
        baseline = [of_baseline(rows, name, metric) for metric in metrics]
        costs = [np.mean([r[cost] for r in found]) for cost in COSTS]
        seconds = [f"{cost:,.1f}" if cost < 10 else f"{cost:,.0f}" for cost in costs]
        print(line([name, *figures, numbers(published), numbers(baseline), *seconds]))


def line(cells):
    return f"| {' | '.join(cells)} |"


def shown_with_spread(runs, metric):
    """Format the mean and the standard deviation over the seeds, and the mean ends of the intervals over users, if any."""
    values = [r[metric] for r in runs]
    text = number(np.mean(values))
    if len(values) > 1:
        text += f" ± {number(np.std(values, ddof=1))}"
    if metric + BOUNDS[0] in runs[0]:
        low, high = (number(np.mean([r[metric + bound] for r in runs])) for bound in BOUNDS)
        text += f" ({low} to {high})"
    return text


def of_baseline(rows, name, metric):
    """Figure of the ALS row with the same suffix, such as "-recency", or of plain ALS. Empty for ALS itself."""
    for baseline in (BASELINE + "".join(name.partition("-")[1:]), BASELINE):
        if baseline in rows and not name.startswith(BASELINE):
            return np.mean([r[metric] for r in rows[baseline]])
    return None


def numbers(values):
    """Values that are not missing."""
    return ", ".join(number(value) for value in values if value is not None)


def number(value):
    return f"{value:.4f}"


def kept_runs(arguments):
    """Read the runs in the JSON file, if it exists."""
    return json.loads(arguments.json.read_text("utf-8"))["runs"] if arguments.json.exists() else []


def in_order(table, runs):
    """Sort runs by the order of the rows of the table."""
    return sorted(runs, key=lambda run: list(ROWS[table]).index(run["row"]))


def write(arguments, runs):
    packages = ("numpy", "scipy", "torch", "pytorch-lightning", "implicit")
    kept = kept_runs(arguments) if arguments.rows else []
    runs = in_order(arguments.table, [r for r in kept if r["row"] not in arguments.rows] + runs)
    about = {"table": arguments.table, "versions": {package: version(package) for package in packages}}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(about | {"runs": runs}, indent=1) + "\n", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--rows", nargs="+", help="some of the table's rows; the JSON file keeps the others")
    parser.add_argument("--show", action="store_true", help="print the table of the JSON file, run nothing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--json", type=Path, help="where to write every run; by default TABLE.json")
    arguments = parser.parse_args()
    arguments.json = arguments.json or Path(f"{arguments.table}.json")
    return arguments


if __name__ == "__main__":
    main()
