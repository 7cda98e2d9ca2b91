"""What a busy machine costs: fits and recommendations alone, and beside one busy process for each core, on MovieLens 100K.

Each case runs in turns alone and beside the busy processes, which this script starts, pauses and continues. Medians of the
rounds are printed: seconds of wall clock and of CPU time, and the ratio of the wall clocks. ``--threads`` sets the number of
threads before the first computation, as a user would. Without it everything is at its defaults. ``--events`` takes the first
events only, for code that would need hours beside the busy processes. SKREC_DATA is the parent of the folder ml-100k. Run it
on a machine that does nothing else. The load before the first round is printed.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from statistics import median

FILMS = "100k"
BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"  # ends with its parent


def cases(films):
    """Functions by name. A call is one measurement."""
    from skrec import ALSRecommender, EASERecommender, MFRecommender, NeuMFRecommender, SASRecRecommender

    ratings = {"loss": "mse", "y_range": (0, 5.5), "n_factors": 50, "learning_rate": 5e-3, "regularization": 0.07}
    seeded = {"positive_from": 4, "random_state": 0}
    fits = {
        "MF mse, batch 64": MFRecommender(batch_size=64, max_epochs=1, random_state=0, **ratings),
        "MF": MFRecommender(solver="gradient", max_epochs=5, **seeded),
        "MF bpr": MFRecommender(loss="bpr", max_epochs=2, **seeded),
        "NeuMF": NeuMFRecommender(max_epochs=1, **seeded),
        "SASRec": SASRecRecommender(max_epochs=1, **seeded),
        "ALS": ALSRecommender(max_epochs=15, **seeded),
        "EASE": EASERecommender(positive_from=4),
    }
    for name, model in fits.items():
        yield f"fit {name}", lambda model=model: model.fit(films)
    for name in ("MF", "NeuMF", "ALS", "EASE"):
        yield f"recommend {name}", lambda model=fits[name]: [model.recommend(k=10) for _ in range(5)]
    new = films[films.users < 100]
    yield "recommend MF, new users", lambda: fits["MF"].recommend(new, k=10)


def main():
    arguments = parse_arguments()
    if arguments.threads:
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = str(arguments.threads)
    from skrec.datasets import fetch_movielens

    films = fetch_movielens(FILMS).interactions
    films = films[: arguments.events or len(films)]
    n_cores = len(os.sched_getaffinity(0))
    print(f"{n_cores} cores, load {os.getloadavg()[0]:.1f}, threads {arguments.threads or 'at their default'}")
    print(f"{'':26}{'wall alone':>12}{'beside':>9}{'ratio':>8}{'CPU alone':>12}{'beside':>9}", flush=True)
    with busy_processes(n_cores) as switch:
        for name, run in cases(films):
            if arguments.only and arguments.only not in name:
                if name.startswith("fit "):
                    run()  # a later case may use the model
                continue
            run()  # imports, threads and memory are ready before the clock starts
            print(line(name, *measured(run, switch, arguments.rounds)), flush=True)


def measured(run, switch, rounds):
    """Wall and CPU seconds, alone and beside the busy processes."""
    alone, beside = [], []
    for _ in range(rounds):
        switch(False)
        alone.append(timed(run))
        switch(True)
        beside.append(timed(run))
    switch(False)
    return alone, beside


def timed(run):
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def line(name, alone, beside):
    (wall, cpu), (wall_beside, cpu_beside) = ([median(column) for column in zip(*runs)] for runs in (alone, beside))
    return f"{name:26}{wall:12.3f}{wall_beside:9.3f}{wall_beside / wall:8.1f}{cpu:12.3f}{cpu_beside:9.3f}"


@contextmanager
def busy_processes(n):
    """Give a function that continues (True) or pauses (False) n processes that keep a core busy each."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n)]

    def switch(on):
        for process in processes:
            process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
        time.sleep(0.1)

    try:
        switch(False)
        yield switch
    finally:
        for process in processes:
            process.kill()
            process.wait()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="set by environment variables; if not given, the defaults")
    parser.add_argument("--events", type=int, help="number of events; if not given, all")
    parser.add_argument("--only", default="", help="part of the names of the cases to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
