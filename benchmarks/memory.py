"""Measure the memory of a fit of PopularityRecommender on 3 million events: python benchmarks/memory.py.

The traced figures are the allocations of the fit. "resident" is the peak of a process that fits, minus that of one that
does not.
"""

import gc
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import scipy.sparse as sp

from skrec import PopularityRecommender

MB = 2**20


def clicks() -> sp.csr_array:
    """Make 3 million values of 60,000 users and 20,000 items, 23 MB."""
    return sp.random_array((60_000, 20_000), density=0.0025, format="csr", dtype=np.float32, rng=np.random.default_rng(0))


def traced(X: sp.csr_array) -> tuple[float, float, float]:
    """Return the peak of a fit, the memory that remains after it, and the size of the pickle, in MB."""
    model = PopularityRecommender()
    gc.collect()
    tracemalloc.start()
    model.fit(X)
    gc.collect()
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / MB, left / MB, len(pickle.dumps(model)) / MB


def resident(X: sp.csr_array, fits: bool) -> float:
    """Return the largest resident memory of a new process that reads X, in MB."""
    with TemporaryDirectory() as folder:
        sp.save_npz(Path(folder) / "X.npz", X, compressed=False)
        command = [sys.executable, __file__, str(Path(folder) / "X.npz"), "fit" if fits else ""]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    X = clicks()
    PopularityRecommender().fit(X[:100])  # what imports leave
    print(f"X {(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / MB:.1f} MB, {X.nnz} events")
    peak, left, pickled = traced(X)
    print(f"traced: peak {peak:.1f} MB, left {left:.1f} MB; pickle {pickled:.1f} MB")
    print(f"resident: peak {resident(X, True) - resident(X, False):.1f} MB above a process that does not fit")


def peak_of_this_process(path: str, fits: bool) -> float:
    X = sp.load_npz(path)
    PopularityRecommender().fit(X if fits else X[:100])
    # ru_maxrss would be that of the parent process, which is larger
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 2**10


if __name__ == "__main__":
    print(peak_of_this_process(sys.argv[1], sys.argv[2] == "fit")) if len(sys.argv) > 1 else main()
