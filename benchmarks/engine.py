"""Compare the time of MFRecommender.fit with a plain PyTorch loop that makes the same steps, on MovieLens 1M.

The loop keeps all tensors in memory and does not use Lightning. An epoch is a permutation of the events, and the negatives
of an epoch are drawn at once. The loop uses the network and the optimizer's settings of the estimator. Neither of them
validates, stores a history or learns ids. Both run in turns in one process with torch's default number of threads. Medians
are printed.

SKREC_DATA is the folder with the folder ml-1m-ncf. Run the script on an idle machine.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.nn import functional as F

from skrec import MFRecommender
from skrec.datasets import load_ncf
from skrec.engine import DotProduct

SETTING = {"n_factors": 64, "learning_rate": 0.01, "lr_schedule": None, "regularization": 0, "random_state": 0}


def main():
    arguments = parse_arguments()
    torch.manual_seed(0)
    events = load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf").train
    print(f"{events}, {torch.get_num_threads()} threads")
    if arguments.path in ("pairs", "both"):
        compare("pairs", "bpr", pair_loop, events, arguments.pair_epochs, arguments.rounds)
    if arguments.path in ("rows", "both"):
        compare("rows", "softmax", row_loop, events, arguments.row_epochs, arguments.rounds)


def compare(name, loss, loop, events, n_epochs, rounds):
    """Run fit and loop in turns. Print a line for each round, then the medians."""
    print(f"\n{name}, {n_epochs} epochs: fit s, loop s, and of these the seconds of an epoch; last epoch's loss")
    loop(events, 1)  # libraries, threads and memory are warm before the clock starts
    fit(events, loss, 1)
    figures = []
    for _ in range(rounds):
        fit_seconds, fit_epoch, fit_loss = timed(lambda: fit(events, loss, n_epochs))
        loop_seconds, loop_epoch, loop_loss = timed(lambda: loop(events, n_epochs))
        print(
            f"fit {fit_seconds:7.2f} {fit_epoch:7.3f} {fit_loss:9.4f}   "
            f"loop {loop_seconds:7.2f} {loop_epoch:7.3f} {loop_loss:9.4f}"
        )
        figures.append((fit_seconds, fit_epoch, loop_seconds, loop_epoch))
    whole, epoch, whole_loop, epoch_loop = (median(column) for column in zip(*figures))
    print(f"medians: fit / loop = {whole:.2f} / {whole_loop:.2f} s = {whole / whole_loop:.3f}")
    print(f"    an epoch of it: = {epoch:.3f} / {epoch_loop:.3f} s = {epoch / epoch_loop:.3f}")


def timed(run):
    """Return the seconds of the whole run, the median seconds of an epoch, and the loss of the last epoch."""
    started = time.perf_counter()
    epochs = run()
    return time.perf_counter() - started, median(seconds for seconds, _ in epochs), epochs[-1][1]


def fit(events, loss, n_epochs):
    """Fit the estimator and return the seconds and the loss of each epoch."""
    model = MFRecommender(loss=loss, max_epochs=n_epochs, **SETTING).fit(events)
    return list(zip(model.history_["seconds"], model.history_["train_loss"]))


def pair_loop(events, n_epochs, batch_size=1024):
    """Train by BPR in a plain loop."""
    generator = torch.Generator().manual_seed(0)
    users, items = (torch.tensor(codes).long() for codes in (events.users, events.items))
    known = torch.sort(users * events.n_items + items).values
    network, optimizer = build(events)
    epochs = []
    for _ in range(n_epochs):
        started = time.perf_counter()
        order = torch.randperm(len(users), generator=generator)
        shuffled = users[order]
        candidates = torch.stack([items[order], draw_negatives(shuffled, events.n_items, known, generator)], 1)
        total = torch.zeros(())
        for query, pair in zip(shuffled.split(batch_size), candidates.split(batch_size)):
            scores = network(query, pair)
            loss = F.softplus(scores[:, 1] - scores[:, 0]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(query)
        epochs.append((time.perf_counter() - started, float(total) / len(users)))
    return epochs


def draw_negatives(users, n_items, known, generator):
    """Draw an item without an event for each user, by drawing again until all are without."""
    negatives = torch.randint(n_items, users.shape, generator=generator)
    wrong = torch.arange(len(users))
    while len(wrong):
        keys = users[wrong] * n_items + negatives[wrong]
        place = torch.searchsorted(known, keys).clamp(max=len(known) - 1)
        wrong = wrong[known[place] == keys]
        negatives[wrong] = torch.randint(n_items, wrong.shape, generator=generator)
    return negatives


def row_loop(events, n_epochs, batch_size=128):
    """Train by the multinomial likelihood of whole rows in a plain loop."""
    generator = torch.Generator().manual_seed(0)
    matrix = events.to_csr(duplicates="any")
    active = torch.tensor(np.flatnonzero(np.diff(matrix.indptr)))
    everything = torch.arange(events.n_items)[None]
    network, optimizer = build(events)
    epochs = []
    for _ in range(n_epochs):
        started = time.perf_counter()
        total = torch.zeros(())
        for users in active[torch.randperm(len(active), generator=generator)].split(batch_size):
            target = torch.from_numpy(matrix[users.numpy()].toarray())
            loss = -(target * network(users, everything).log_softmax(1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(users)
        epochs.append((time.perf_counter() - started, float(total) / len(active)))
    return epochs


def build(events):
    """Return the network and the optimizer that the estimator uses by default."""
    network = DotProduct(events.n_users, events.n_items, SETTING["n_factors"], std=0.01, user_bias=False)
    rate = SETTING["learning_rate"]
    return network, torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), eps=1e-5, fused=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--path", choices=["pairs", "rows", "both"], default="both")
    parser.add_argument("--pair-epochs", type=int, default=3)
    parser.add_argument("--row-epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
