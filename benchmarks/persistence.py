"""Measure the size of saved models, and the CPU time of `save` and `load`, beside pickle.

A model with ten million parameters, two million events and 156,000 labels. Each time is the median of several runs in one
process. ``python benchmarks/persistence.py``
"""

import pickle
import statistics
import tempfile
import time
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from skrec import Interactions, MFRecommender, load

N_USERS, N_ITEMS, N_EVENTS, N_RUNS = 136_000, 20_000, 2_000_000, 9


def model():
    rng = np.random.default_rng(0)
    events = Interactions.from_arrays(
        rng.integers(0, N_USERS, N_EVENTS),
        (N_ITEMS * rng.random(N_EVENTS) ** 2).astype(int),
        n_users=N_USERS,
        n_items=N_ITEMS,
        user_ids=[f"user-{number:08d}" for number in range(N_USERS)],
        item_ids=[f"item {number:08d}" for number in range(N_ITEMS)],
    )
    return MFRecommender(solver="als", max_epochs=1, random_state=0).fit(events)


def seconds(call):
    def timed():
        started = time.process_time()
        call()
        return time.process_time() - started

    return statistics.median(timed() for _ in range(N_RUNS))


def main():
    torch.set_num_threads(1)
    fitted = model()
    n_parameters = sum(weight.numel() for weight in fitted.module_.parameters())
    print(f"{n_parameters:,} parameters, {N_EVENTS:,} events, {N_USERS + N_ITEMS:,} labels")
    with tempfile.TemporaryDirectory() as folder:
        for name, options in {
            "with events": {},
            "without events": {"include_events": False},
            "without histories": {"include_history": False},
        }.items():
            path = Path(folder) / name
            saving = seconds(lambda path=path, options=options: fitted.save(path, **options))
            loading = seconds(lambda path=path: load(path))
            print(f"{name:18} {path.stat().st_size / 1e6:6.1f} MB, save {saving:.3f} s, load {loading:.3f} s")
        content = path.read_bytes()
        pickled = pickle.dumps(fitted)
        print(f"{'pickle':18} {len(pickled) / 1e6:6.1f} MB, save {seconds(lambda: pickle.dumps(fitted)):.3f} s, ", end="")
        print(f"load {seconds(lambda: pickle.loads(pickled)):.3f} s")
        for name, checksum in {"crc32": zlib.crc32, "sha256": lambda data: sha256(data).digest()}.items():
            print(f"{name:18} {len(content) / 1e6 / seconds(lambda checksum=checksum: checksum(content)):6.0f} MB a second")


if __name__ == "__main__":
    main()
