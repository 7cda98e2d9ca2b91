"""Measure the CPU time and the memory of `Interactions.from_csv`, by kind of labels.

Each file has three million generated events and is read in a separate process with one thread. "MB" is the increase of the
largest size of the process (Linux).
"""

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skrec import Interactions

N_EVENTS = 3_000_000


def main():
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, 140_001, N_EVENTS), rng.integers(1, 30_001, N_EVENTS)
    events = pd.DataFrame({"user": users, "item": items, "rating": rng.integers(1, 11, N_EVENTS) / 2})
    events["timestamp"] = rng.integers(800_000_000, 1_600_000_000, N_EVENTS)
    names = pd.DataFrame({"user": "u" + events.user.astype(str), "item": "film " + events.item.astype(str).str.zfill(5)})
    last = pd.DataFrame({"user": ["A1"], "item": [1], "rating": [1.0], "timestamp": [800_000_000]})
    files = {
        "integers": events,
        "text": events.assign(**names),
        "integers but the last": pd.concat([events, last]),
        "integers, pairs alone": events[["user", "item"]],
    }
    print(f"{'':24} {'CPU s':>6} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, table in files.items():
            path = Path(folder) / "events.csv"
            table.to_csv(path, index=False)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(f"{name:24} {pool.apply(measured, (path,))}", flush=True)


def measured(path):
    before, started = largest_size(), time.process_time()
    Interactions.from_csv(path)
    seconds = time.process_time() - started
    return f"{seconds:6.2f} {(largest_size() - before) / 1024:6.0f}"


def largest_size():
    """Largest size of the process in kB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
