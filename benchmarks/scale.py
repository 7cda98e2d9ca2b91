"""Time and memory of reading, cutting, fitting and recommending by the size of the data: python benchmarks/scale.py.

Each step runs in its own process, with one thread and a limit of its address space. Seconds are of CPU time. Bytes are the
peak of the resident memory above the memory before the step. The exponent is that of a power law, fitted to all sizes but the
smallest one, whose arrays fit into a cache.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec import MFRecommender
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.model_selection import k_core, train_test_split

SIZES = {  # users, items, events
    "1M": (25_000, 5_000, 1_250_000),
    "5M": (100_000, 20_000, 5_000_000),
    "20M": (300_000, 60_000, 20_000_000),
    "100M": (1_000_000, 200_000, 100_000_000),
}
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
N_LISTS, N_MANY_LISTS = 2_000, 100_000
BATCH_SIZE = 65_536


def codes(size: str) -> tuple[np.ndarray, np.ndarray]:
    """Users in random order and items of uneven popularity, int32."""
    n_users, n_items, n = SIZES[size]
    rng = np.random.default_rng(0)
    users, items = rng.integers(n_users, size=n, dtype=np.int32), np.empty(n, np.int32)
    for start in range(0, n, 2**22):
        part = items[start : start + 2**22]
        part[:] = n_items * rng.random(len(part)) ** 2.5
    return users, items


def events(size: str) -> Interactions:
    n_users, n_items, _ = SIZES[size]
    return Interactions.from_arrays(*codes(size), n_users=n_users, n_items=n_items)


def timed_events(size: str) -> Interactions:
    data = events(size)
    return data._replace(timestamps=np.random.default_rng(1).integers(2**31, size=len(data)))


def frame(size: str) -> pd.DataFrame:
    users, items = (column.astype(np.int64) for column in codes(size))
    times = np.arange(len(users))
    return pd.DataFrame({"user": 7 * users + 3, "item": items, "rating": np.ones(len(users), np.float32), "timestamp": times})


def text_table(size: str) -> Any:
    """An Arrow table with text as labels."""
    import pyarrow as pa

    labels = [pa.array([f"{name} {code}" for code in range(n)]) for name, n in zip(("user", "item"), SIZES[size][:2])]
    taken = (pa.DictionaryArray.from_arrays(column, of).cast(pa.large_string()) for column, of in zip(codes(size), labels))
    return pa.table(dict(zip(("user", "item"), taken)))


def matrix(size: str) -> sp.csr_array:
    n_users, n_items, n = SIZES[size]
    return sp.coo_array((np.ones(n, np.float32), codes(size)), shape=(n_users, n_items)).tocsr()


def model(size: str, *, share: float) -> MFRecommender:
    """An estimator that trains on a share of the minibatches of one epoch."""
    n_batches = -(-SIZES[size][2] // BATCH_SIZE)
    trainer: dict[str, Any] = {"accelerator": "cpu"}
    if share < 1:  # Lightning counts lists of 16 minibatches
        trainer["limit_train_batches"] = max(1, round(share * n_batches / 16))
    return MFRecommender(
        loss="bpr",
        negatives="uniform",
        batch_size=BATCH_SIZE,
        max_epochs=1,
        trainer=trainer,
        random_state=0,
        keep_events=False,
    )


def fitted(size: str) -> MFRecommender:
    return model(size, share=0.01).fit(events(size))


def squares() -> MFRecommender:
    """An estimator with one epoch of alternating least squares."""
    return MFRecommender(solver="als", max_epochs=1, trainer={"accelerator": "cpu"}, random_state=0, keep_events=False)


def fitted_squares(size: str) -> MFRecommender:
    return squares().fit(events(size))


def recommend(fit: MFRecommender, n: int) -> None:
    """Recommend to the first users, without keeping the lists."""
    for _ in fit.recommend_iter(np.arange(min(n, fit.n_users_)), k=10):
        pass


# Each step prepares its input, which is not measured, and then does the work.
STEPS: dict[str, tuple[Callable[[str], Any], Callable[[Any, str, float], Any]]] = {
    "make_interactions": (lambda size: SIZES[size], lambda sizes, *_: make(*sizes)),
    "from_frame": (frame, lambda X, *_: Interactions.from_frame(X)),
    "from_frame (Arrow, text)": (text_table, lambda X, *_: Interactions.from_frame(X)),
    "from_csr": (matrix, lambda X, *_: Interactions.from_csr(X)),
    "to_csr": (events, lambda X, *_: X.to_csr()),
    "train_test_split": (events, lambda X, *_: train_test_split(X, random_state=0)),
    "train_test_split, by='last'": (timed_events, lambda X, *_: train_test_split(X, by="last")),
    "train_test_split, by='time'": (timed_events, lambda X, *_: train_test_split(X, by="time")),
    "k_core": (events, lambda X, *_: k_core(X)),
    "MF fit": (events, lambda X, size, share: model(size, share=share).fit(X)),
    f"MF recommend, {N_LISTS:,} users": (fitted, lambda fit, *_: recommend(fit, N_LISTS)),
    "MF fit, solver='als'": (events, lambda X, *_: squares().fit(X)),
    f"MF recommend, {N_MANY_LISTS:,} users, solver='als'": (fitted_squares, lambda fit, *_: recommend(fit, N_MANY_LISTS)),
}


def make(n_users: int, n_items: int, n_events: int) -> Any:
    return make_interactions(n_users, n_items, density=n_events / n_users / n_items, random_state=0)


def status(name: str) -> int:
    """A line of the status of this process, in bytes."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def measure(step: str, size: str, share: float, gib: float) -> dict[str, float]:
    """Seconds and bytes of one step in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (int(gib * 2**30),) * 2)
    prepare, work = STEPS[step]
    warm_up(step)
    X = prepare(size)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now the memory in use
    started = time.process_time()
    work(X, size, share)
    return {"seconds": time.process_time() - started, "bytes": status("VmHWM") - before}


def warm_up(step: str) -> None:
    """Import and compile what the step needs."""
    few = make_interactions(50, 40, density=0.02, random_state=0).interactions
    if step.startswith("MF"):
        for solver in ("gradient", "als"):
            MFRecommender(solver=solver, max_epochs=1, trainer={"accelerator": "cpu"}).fit(few.with_values(np.ones(len(few))))


def run(step: str, size: str, share: float, gib: float) -> dict[str, float] | str:
    """The result of one step in a new process, or the last line of its error."""
    command = [sys.executable, __file__, "--step", step, "--sizes", size, "--epoch-fraction", str(share), "--gib", str(gib)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | THREADS)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return json.loads(done.stdout.splitlines()[-1])


def exponent(results: dict[str, Any], what: str) -> str:
    """The exponent of a power law of the number of events, as text."""
    points = [(SIZES[size][2], found[what]) for size, found in results.items() if isinstance(found, dict) and size != "1M"]
    if len(points) < 2 or min(value for _, value in points) <= 0:
        return ""
    return f"{np.polyfit(*np.log(np.array(points, float)).T, 1)[0]:.2f}"


def cell(found: dict[str, float] | str, size: str) -> str:
    if isinstance(found, str):
        return found[:60]
    return f"{found['seconds']:.2f} s, {found['bytes'] / SIZES[size][2]:.0f} B"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--step", choices=STEPS, help="measure one step in this process, and print JSON")
    parser.add_argument("--epoch-fraction", type=float, default=1.0, help="share of the minibatches of the epoch of a fit")
    parser.add_argument("--gib", type=float, default=24.0, help="limit of the address space of each process")
    given = parser.parse_args()
    if given.step:
        print(json.dumps(measure(given.step, given.sizes[0], given.epoch_fraction, given.gib)))
        return
    print(f"| step | {' | '.join(' x '.join(f'{n:,}' for n in SIZES[size]) for size in given.sizes)} | exponents |")
    print(f"|---|{'---|' * (len(given.sizes) + 1)}")
    for step in given.steps:
        found = {size: run(step, size, given.epoch_fraction, given.gib) for size in given.sizes}
        cells = " | ".join(cell(result, size) for size, result in found.items())
        print(f"| {step} | {cells} | {exponent(found, 'seconds')}, {exponent(found, 'bytes')} |", flush=True)


if __name__ == "__main__":
    main()
