"""Check a GPU against the CPU, then measure training and recommendation on it beside the bounds of the device.

    python benchmarks/gpu.py --output gpu.json

The data are generated. A model that was trained on the device must give the same answers there and on the CPU, else nothing is
measured. A bound is the time of the operations or bytes that a step needs at least, at the rates of a matrix product and of a
copy that are measured first. Whole epochs are measured, without the first one, and medians are printed.

No section starts later than five minutes after the start, and recommending stops after a minute, so that the whole run should
take less than eight minutes on a current GPU.
`--device cpu --quick` runs all sections on small data, as a test of this script.
"""

import argparse
import json
import pickle
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

from skrec import MFRecommender, SASRecRecommender
from skrec.data import Interactions

N_FACTORS = 64
PAIR_BATCH = 8192
N_LATER_EPOCHS = 3  # that are measured, after one that is not
LATEST_START = 5 * 60
RECOMMEND_SECONDS = 60
BYTES_OF_ADAM = 24  # a weight and its two moments are read and written
ROUNDING = 1e-4  # relative to the largest number
NOISE = 0.05  # of the loss of an epoch: devices draw other negatives from the same seed


class Sizes(NamedTuple):
    """Sizes of the data (users, items, events) and of the tensors that measure the device."""

    training: tuple[int, int, int]
    catalog: tuple[int, int, int]
    copied_floats: int
    matrix_width: int


FULL = Sizes((100_000, 20_000, 5_000_000), (1_000_000, 100_000, 10_000_000), 2**29, 8192)
QUICK = Sizes((1_000, 400, 20_000), (2_000, 3_000, 40_000), 2**24, 1024)


class Work(NamedTuple):
    """Floating point operations and bytes that a step needs at least."""

    operations: float = 0.0
    n_bytes: float = 0.0


class Figure(NamedTuple):
    """A measured step. ``seconds`` is a median."""

    name: str
    seconds: float
    runs: list[float]
    work: Work
    remark: str = ""


class Peak(NamedTuple):
    """Measured rates of a device, in operations and bytes per second."""

    operations: float
    n_bytes: float

    def bound(self, work: Work) -> tuple[float, str]:
        """Return the least seconds, and what they are bounded by."""
        seconds = {"operations": work.operations / self.operations, "bytes": work.n_bytes / self.n_bytes}
        name = max(seconds, key=lambda name: seconds[name])
        return seconds[name], name


def main():
    started = time.perf_counter()
    arguments = parse_arguments()
    device = torch.device(arguments.device)
    sizes = QUICK if arguments.quick else FULL
    about = describe(device, quick=arguments.quick)
    print("\n".join(about["notes"]), flush=True)
    checks = list(check(device))
    passed = all(is_right for *_, is_right in checks)
    report = about | {"checks": [dict(zip(("name", "deviation", "allowed", "passed"), line)) for line in checks]}
    if passed:
        peak = measure_peak(device, sizes)
        figures, skipped = measure_all(device, sizes, latest=started + LATEST_START)
        report |= {"peak": peak._asdict(), "figures": [as_record(figure, peak) for figure in figures], "skipped": skipped}
        print_table(report)
    report["seconds"] = time.perf_counter() - started
    print(f"\n{report['seconds']:.0f} s in all")
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"written to {arguments.output}")
    if not passed:
        sys.exit("the device and the CPU differ, so nothing was measured")


def describe(device: torch.device, *, quick: bool) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    notes = [f"device: {name}"]
    if device.type == "cpu":
        notes.append("All figures are of a CPU, not of a GPU. The checks compare the CPU with itself.")
    if quick:
        notes.append("The sizes are small, so the figures say nothing about the speed of the device.")
    packages = ("torch", "pytorch-lightning", "numpy")
    return {
        "device": name,
        "is_gpu": device.type == "cuda",
        "is_quick": quick,
        "notes": notes,
        "versions": {package: version(package) for package in packages} | {"cuda": torch.version.cuda},
    }


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"CPU, {models[0] if models else platform.machine()}, {torch.get_num_threads()} threads of torch"


# ---- data ----------------------------------------------------------------------------------------------------------------


@cache
def clicks(shape: tuple[int, int, int], seed: int = 0) -> Interactions:
    """Draw distinct pairs of a user and an item in random order. Some users are active, and some items popular."""
    n_users, n_items, n_events = shape
    rng = np.random.default_rng(seed)
    users, items = ((n * rng.random(n_events) ** 2).astype(np.int64) for n in (n_users, n_items))
    pairs = rng.permutation(np.unique(users * n_items + items))
    times = np.arange(len(pairs))
    return Interactions.from_arrays(pairs // n_items, pairs % n_items, timestamps=times, n_users=n_users, n_items=n_items)


def on(device: torch.device) -> dict[str, Any]:
    return {"accelerator": device.type}


# ---- correctness ---------------------------------------------------------------------------------------------------------


def check(device: torch.device) -> Iterator[tuple[str, float, float, bool]]:
    """Yield and print the largest deviations between the device and the CPU, with the allowed ones."""
    print(f"\n{'check against the CPU':64} {'deviation':>10} {'allowed':>10}")
    for name, deviation, allowed in deviations(device):
        passed = deviation <= allowed
        print(f"{name:64} {deviation:10.2g} {allowed:10.2g}{'' if passed else '   differs'}", flush=True)
        yield name, deviation, allowed, bool(passed)


def deviations(device: torch.device) -> Iterator[tuple[str, float, float]]:
    events, others = clicks((400, 300, 8_000)), clicks((50, 300, 1_000), seed=1)
    ratings = events.with_values((1 + events.items % 5).astype(np.float32))
    steady = {"n_factors": 16, "max_epochs": 10, "lr_schedule": None, "learning_rate": 0.05, "random_state": 0}
    # with all examples in one minibatch, neither their order nor drawn negatives matter
    equal = {
        "MF softmax": (MFRecommender(batch_size=400, **steady), events),
        "MF mse": (MFRecommender(loss="mse", batch_size=8_000, **steady), ratings),
        "MF als": (MFRecommender(solver="als", n_factors=16, max_epochs=10, random_state=0), events),
    }
    drawn = {
        "MF bpr": (MFRecommender(loss="bpr", n_factors=16, batch_size=256, max_epochs=5, random_state=0), events),
        "SASRec": (SASRecRecommender(n_factors=16, batch_size=32, max_epochs=5, random_state=0), events),
    }
    for name, (model, data) in equal.items():
        yield f"{name}, losses of 10 epochs without random numbers", relative(*losses(model, data, device)), ROUNDING
    for name, (model, data) in drawn.items():
        yield f"{name}, losses of 5 epochs", relative(*losses(model, data, device)), NOISE
    for name, (model, data) in (equal | drawn).items():
        yield from answers(name, model.set_params(trainer=on(device)).fit(data), others)


def losses(model: Any, events: Interactions, device: torch.device) -> list[np.ndarray]:
    """Return the losses of the epochs on the device and on the CPU."""
    devices = device, torch.device("cpu")
    return [model.set_params(trainer=on(each)).fit(events).history_["train_loss"].to_numpy() for each in devices]


def answers(name: str, model: Any, others: Interactions) -> Iterator[tuple[str, float, float]]:
    """Yield the deviations between a model on the device and its copy on the CPU, which a pickle makes."""
    copy = pickle.loads(pickle.dumps(model))
    yield f"{name}, predicted scores", relative(model.score_items(), copy.score_items()), ROUNDING
    yield f"{name}, lists of known users up to ties", of_lists(model, copy, None), ROUNDING
    yield f"{name}, vectors of new users", relative(model.transform(others), copy.transform(others)), 10 * ROUNDING
    yield f"{name}, lists of new users up to ties", of_lists(model, copy, others), 10 * ROUNDING


def of_lists(model: Any, copy: Any, users: Any) -> float:
    """Return the largest difference between the CPU's scores of the items in both lists, place by place.

    It is a rounding error if the lists are equal, or differ by an exchange of items with equal scores.
    """
    found, expected = model.recommend(users, k=10), copy.recommend(users, k=10)
    is_repeated = any(len(set(row)) < len(row) for row in found.codes.tolist())
    if is_repeated or (found.codes < 0).any() or (expected.codes < 0).any():  # there are enough items for all places
        return np.inf
    scores = copy.score_items(users, exclude_seen=True)
    return relative(*(np.take_along_axis(scores, lists.codes, axis=1) for lists in (found, expected)))


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, divided by the largest expected number."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


# ---- rates of the device ---------------------------------------------------------------------------------------------------


def measure_peak(device: torch.device, sizes: Sizes) -> Peak:
    return Peak(product_rate(device, sizes.matrix_width), copy_rate(device, sizes.copied_floats))


def product_rate(device: torch.device, width: int) -> float:
    """Measure the operations per second in a product of float32 matrices."""
    left, right, product = torch.rand(3, width, width, device=device)
    return 2 * width**3 / median(repeated(lambda: torch.mm(left, right, out=product), device))


def copy_rate(device: torch.device, n_floats: int) -> float:
    """Measure the bytes per second of a copy, which reads and writes each byte."""
    source, target = torch.zeros(2, n_floats, device=device)
    return 2 * source.nbytes / median(repeated(lambda: target.copy_(source), device))


def repeated(function: Callable[[], Any], device: torch.device, n: int = 7) -> list[float]:
    """Return the seconds of some calls after two that are not measured."""
    return [seconds(function, device) for _ in range(n + 2)][2:]


def seconds(function: Callable[[], Any], device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    function()
    synchronize(device)
    return time.perf_counter() - started


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# ---- steps -----------------------------------------------------------------------------------------------------------------


def measure_all(device: torch.device, sizes: Sizes, *, latest: float) -> tuple[list[Figure], dict[str, str]]:
    """Measure all sections, and return their figures and why others were skipped."""
    figures: list[Figure] = []
    skipped = {}
    catalog: dict[str, Any] = {}  # the fitted model of the large catalog
    sections = {
        "ALS iteration": lambda: als_iteration(device, clicks(sizes.training)),
        "softmax epoch": lambda: softmax_epoch(device, clicks(sizes.training)),
        "SASRec epoch": lambda: sasrec_epoch(device, clicks(sizes.training)),
        "bpr epoch": lambda: bpr_epochs(device, clicks(sizes.catalog), catalog),
        "recommend": lambda: recommend(device, catalog["model"]),
    }
    print()
    for name, run in sections.items():
        reason = reason_to_skip(name, late=time.perf_counter() > latest, has_model=bool(catalog))
        if reason:
            skipped[name] = reason
            print(f"{name}: skipped, {reason}", flush=True)
            continue
        started = time.perf_counter()
        figures += run()
        print(f"{name}: measured in {time.perf_counter() - started:.0f} s", flush=True)
    return figures, skipped


def reason_to_skip(name: str, *, late: bool, has_model: bool) -> str | None:
    if late:
        return f"{LATEST_START // 60} minutes have passed"
    if name == "recommend" and not has_model:
        return "no model was fitted on the large catalog"
    return None


def epochs(model: Any, events: Interactions, device: torch.device) -> list[float]:
    """Fit a model and return the seconds of its epochs except for the first. Each ends with a number on the CPU."""
    model.set_params(max_epochs=1 + N_LATER_EPOCHS, trainer=on(device)).fit(events)
    return model.history_["seconds"].tolist()[1:]


def figure(name: str, runs: list[float], work: Work, remark: str = "") -> Figure:
    return Figure(name, median(runs), runs, work, remark)


def als_iteration(device: torch.device, events: Interactions) -> Iterator[Figure]:
    """Least: the Gram matrices, one product with each row, and one product and one update for each event and side."""
    model = MFRecommender(solver="als", n_factors=N_FACTORS, random_state=0)
    runs = epochs(model, events, device)
    n_rows, n_events = events.n_users + events.n_items, len(events)
    operations = 4 * n_rows * N_FACTORS**2 + 8 * n_events * N_FACTORS
    n_bytes = 2 * 8 * n_events + 3 * 4 * n_rows * N_FACTORS  # entries for each side; vectors are read twice and written
    yield figure(f"ALS iteration, {shape_of(events)}", runs, Work(operations, n_bytes))


def softmax_epoch(device: torch.device, events: Interactions) -> Iterator[Figure]:
    """Least: three products of users x items, and the steps of the optimizer."""
    model = MFRecommender(n_factors=N_FACTORS, solver="gradient", random_state=0)
    runs = epochs(model, events, device)
    users = len(np.unique(events.users))
    n_batches, n_moved = -(-users // 128), events.n_items
    n_moved += events.n_users if model.optimizer_ == "adam" else 128
    operations = 3 * 2 * users * events.n_items * N_FACTORS
    work = Work(operations, n_batches * n_moved * N_FACTORS * BYTES_OF_ADAM)
    yield figure(f"softmax epoch, {shape_of(events)}", runs, work, f"optimizer {model.optimizer_}")


def sasrec_epoch(device: torch.device, events: Interactions) -> Iterator[Figure]:
    """Least: the layers and the scores of each event, forward and twice backward, and the steps of the optimizer."""
    model = SASRecRecommender(n_factors=N_FACTORS, random_state=0)
    runs = epochs(model, events, device)
    n_targets = len(events) - len(np.unique(events.users))
    n_candidates = min(1 + model.n_negatives, events.n_items)
    layers = model.n_blocks * 12 * N_FACTORS  # attention over few earlier items is left out
    operations = 3 * 2 * n_targets * N_FACTORS * (layers + n_candidates)
    n_batches = -(-n_targets // (128 * model.max_length))
    work = Work(operations, n_batches * events.n_items * N_FACTORS * BYTES_OF_ADAM)
    yield figure(f"SASRec epoch, {shape_of(events)}", runs, work, f"optimizer {model.optimizer_}")


def bpr_epochs(device: torch.device, events: Interactions, fitted: dict[str, Any]) -> Iterator[Figure]:
    """Least: the steps of the optimizer, for all weights or for those of the rows that a minibatch uses."""
    n_batches = -(-len(events) // PAIR_BATCH)
    n_moved = {"adam": events.n_users + events.n_items, "row_adam": used_rows(events)}
    for optimizer, n_rows in n_moved.items():
        model = MFRecommender(loss="bpr", n_factors=N_FACTORS, batch_size=PAIR_BATCH, optimizer=optimizer, random_state=0)
        runs = epochs(model, events, device)
        work = Work(12 * len(events) * N_FACTORS, n_batches * n_rows * N_FACTORS * BYTES_OF_ADAM)
        yield figure(f"bpr epoch, {shape_of(events)}", runs, work, f"optimizer {optimizer}, batch {PAIR_BATCH:,}")
        fitted["model"] = model


def used_rows(events: Interactions) -> int:
    """Return the number of distinct rows of a minibatch of events with a uniform negative for each."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(events))[:PAIR_BATCH]
    negatives = rng.integers(events.n_items, size=len(rows))
    return len(np.unique(events.users[rows])) + len(np.unique(np.append(events.items[rows], negatives)))


def recommend(device: torch.device, model: Any) -> Iterator[Figure]:
    """Least: the products of all users and items. Lists of 10 without the items of the training data."""
    batch_size = min(20_000, model.n_users_)
    model.recommend(np.arange(1_000), k=10)
    runs, n_done = [], 0
    lists = iter(model.recommend_iter(k=10, batch_size=batch_size))
    while n_done < model.n_users_ and sum(runs) < RECOMMEND_SECONDS:
        runs.append(seconds(lambda: next(lists), device))
        n_done += batch_size
    n_done = min(n_done, model.n_users_)
    share = n_done / model.n_users_
    remark = "all users" if share == 1 else f"projected from {n_done:,} users"
    work = Work(2 * model.n_users_ * model.n_items_ * N_FACTORS, 4 * N_FACTORS * (model.n_users_ + model.n_items_))
    name = f"recommend, {model.n_users_:,} users x {model.n_items_:,} items"
    yield Figure(name, sum(runs) / share, runs, work, remark)


def shape_of(events: Interactions) -> str:
    return f"{events.n_users:,} users x {events.n_items:,} items, {len(events):,} events"


# ---- report ----------------------------------------------------------------------------------------------------------------


def as_record(found: Figure, peak: Peak) -> dict[str, Any]:
    bound, bounded_by = peak.bound(found.work)
    record = found._asdict() | {"work": found.work._asdict()}
    return record | {"bound_seconds": bound, "bounded_by": bounded_by, "share_of_bound": bound / found.seconds}


def print_table(report: dict[str, Any]) -> None:
    peak = report["peak"]
    print("\n" + "\n".join(report["notes"]))
    print(f"product of float32 matrices {peak['operations'] / 1e12:,.3f} TFLOP/s, copy {peak['n_bytes'] / 1e9:,.1f} GB/s\n")
    print("| step | seconds | bound, s | bounded by | share reached | remark |\n|---|---|---|---|---|---|")
    for row in report["figures"]:
        cells = row["name"], f"{row['seconds']:.3g}", f"{row['bound_seconds']:.2g}", row["bounded_by"]
        print(f"| {' | '.join(cells)} | {row['share_of_bound']:.1%} | {row['remark']} |")
    for name, reason in report["skipped"].items():
        print(f"| {name} | | | | | skipped: {reason} |")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="small sizes, to test the script")
    parser.add_argument("--output", type=Path, help="JSON file for all figures")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA GPU; --device cpu --quick tests the script on the CPU")
    return arguments


if __name__ == "__main__":
    main()
