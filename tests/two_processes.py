"""A script that fits a model in one process or in two, and writes what each process has learned to a folder.

python two_processes.py FOLDER MODEL N_PROCESSES [interrupted | waiting]
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from pytorch_lightning import Callback

from skrec import MFRecommender, NewsRecommender, SASRecRecommender, TrainingLog, get_scorer
from skrec.datasets import fetch_movielens, make_interactions, make_news
from skrec.model_selection import LeaveLastOut, TemporalSplit, train_test_split

SMALL = {"n_factors": 8, "max_epochs": 4, "random_state": 0}


class Interrupts(Callback):
    """Raises an error in the third epoch, or waits for Ctrl-C."""

    def __init__(self, way, folder):
        self.way, self.folder = way, folder

    def on_train_epoch_end(self, trainer, training):
        if self.way == "interrupted" and trainer.current_epoch == 2:
            raise OSError("interrupted")
        if self.way == "waiting":
            (self.folder / f"pid {trainer.global_rank}").write_text(str(os.getpid()))
            training.settings.max_epochs = trainer.fit_loop.max_epochs = 10**6


def small_ratings():
    return train_test_split(make_interactions(120, 60, density=0.2, random_state=0).interactions, random_state=0)


def movielens():
    return train_test_split(fetch_movielens("100k", download=False).interactions, random_state=0)


def next_items():
    events = fetch_movielens("100k", download=False).interactions
    (rows, held_out), *_ = LeaveLastOut().split(events)
    return events[rows], events[held_out]


def news():
    events = make_news(200, 500, 6_000, random_state=0).interactions
    (rows, held_out), *_ = TemporalSplit().split(events)
    return events[rows], events[held_out]


MODELS = {
    "small": (lambda **options: MFRecommender(loss="bpr", batch_size=64, positive_from=0, **SMALL, **options), small_ratings),
    "mf": (lambda **options: MFRecommender(positive_from=4, random_state=0, **options), movielens),
    "bpr": (lambda **options: MFRecommender(positive_from=4, loss="bpr", random_state=0, **options), movielens),
    "sasrec": (lambda **options: SASRecRecommender(positive_from=4, random_state=0, **options), next_items),
    "news": (lambda **options: NewsRecommender(n_factors=16, max_epochs=5, random_state=0, **options), news),
}


def main(folder, name, n_processes, way=""):
    make, split = MODELS[name]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores the signal
    train, test = split()
    trainer = {"accelerator": "cpu", "callbacks": [Interrupts(way, folder)]}
    if n_processes > 1:
        trainer |= {"devices": n_processes, "strategy": "ddp"}
    logger = TrainingLog("csv", folder=folder / "runs") if name == "small" else None
    model = make(trainer=trainer, checkpoint_dir=folder / "checkpoints" if name == "small" else None, logger=logger).fit(train)
    rank = os.environ.get("LOCAL_RANK", "0")
    np.savez(folder / f"{n_processes} {rank}.npz", *[weight.detach().numpy() for weight in model.module_.parameters()])
    scorer = get_scorer("impression_ndcg@5" if name == "news" else "ndcg@10", positive_from=model.positive_from)
    figures = {"ndcg": scorer(model, test), "losses": model.history_["train_loss"].tolist()}
    (folder / f"{n_processes} {rank}.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
