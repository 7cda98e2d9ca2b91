"""Compare the time of an epoch of SASRecRecommender with a plain PyTorch loop over the same network, on Amazon Games.

The loop follows the code of the paper: the last 51 events of each user, padded to length 50, and 128 users in a minibatch.
At each position, the next item is compared with one item that the user has no event with, by binary cross-entropy. Padding
is left out. The loop uses the network and the optimizer's settings of the estimator. Both run in turns in one process.
Medians are printed. Further rows have other candidates.

SKREC_DATA is the folder with the folder sasrec-video. Run the script on an idle machine.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from skrec import SASRecRecommender
from skrec.data import Interactions
from skrec.datasets import load_sasrec
from skrec.engine import Sequences, SequenceTable, build_seeded
from skrec.engine.networks._sasrec import SASRec

LENGTH, WIDTH, BATCH = 50, 50, 128
SETTING = dict(n_factors=WIDTH, max_length=LENGTH, batch_size=BATCH, lr_schedule=None, learning_rate=1e-3, random_state=0)
ROWS = {
    "one negative, bce": dict(loss="bce", negatives="uniform", n_negatives=1),
    "128 negatives shared by a minibatch, softmax": dict(n_negatives=128),
    "1,024 negatives shared by a minibatch, softmax": dict(n_negatives=1024),
    "128 negatives of each event, softmax": dict(negatives="uniform", n_negatives=128),
    "the whole catalog, softmax": dict(negatives="all"),
}


def main():
    arguments = parse_arguments()
    data = load_sasrec(Path(os.environ["SKREC_DATA"]) / "sasrec-video" / "Video.txt")
    data = Interactions.from_arrays(data.users, data.items, timestamps=data.timestamps)
    print(f"{data}, {torch.get_num_threads()} threads; seconds of an epoch")
    names = list(ROWS)[: arguments.rows]
    seconds = {name: [] for name in ["a plain loop, bce", *names]}
    for _ in range(arguments.rounds):
        seconds["a plain loop, bce"].append(loop(data))
        for name in names:
            model = SASRecRecommender(**SETTING | ROWS[name], max_epochs=1).fit(data)
            seconds[name].append(model.history_["seconds"][0])
    of_loop = median(seconds["a plain loop, bce"])
    for name, found in seconds.items():
        print(f"{name:48} {median(found):8.2f}   {median(found) / of_loop:5.2f} of the loop", flush=True)


def loop(data):
    """Return the seconds of an epoch."""
    rows, targets = padded(data)
    seen = data.to_csr(duplicates="any")
    keys = torch.sort(torch.as_tensor(data.pair_keys)).values
    table = SequenceTable(data, LENGTH)
    network = build_seeded(lambda: SASRec(table, data.n_items, WIDTH, n_blocks=2, n_heads=1, dropout=0.2), 0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.99), eps=1e-5, fused=True)
    generator = torch.Generator().manual_seed(0)
    network.train()
    started = time.perf_counter()
    for users in torch.randperm(seen.shape[0], generator=generator).split(BATCH):
        items, following = rows[users], targets[users]
        mask = following >= 0
        negatives = draw(users[:, None].expand_as(items)[mask], data.n_items, keys, generator)
        states = network.states(Sequences(users, items, mask))[mask]
        pairs = network.items(torch.stack([following[mask], negatives], 1))
        scores = (states[:, None] * pairs).sum(-1)
        loss = (F.softplus(-scores[:, 0]) + F.softplus(scores[:, 1])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def padded(data):
    """Return the items and the items that follow them, (n_users, LENGTH). Padding is 0 and -1."""
    rows = torch.zeros(data.n_users, LENGTH, dtype=torch.int64)
    targets = torch.full((data.n_users, LENGTH), -1)
    indptr = SequenceTable(data, LENGTH).indptr
    items = SequenceTable(data, LENGTH).items
    for user in range(data.n_users):
        last = items[indptr[user] : indptr[user + 1]][-LENGTH - 1 :]
        rows[user, : len(last) - 1], targets[user, : len(last) - 1] = last[:-1], last[1:]
    return rows, targets


def draw(users, n_items, keys, generator):
    """Draw an item without an event for each user, by drawing again until all are without."""
    negatives = torch.randint(n_items, users.shape, generator=generator)
    wrong = torch.arange(len(users))
    while len(wrong):
        wanted = users[wrong] * n_items + negatives[wrong]
        place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        wrong = wrong[keys[place] == wanted]
        negatives[wrong] = torch.randint(n_items, wrong.shape, generator=generator)
    return negatives


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=len(ROWS), help="how many of the estimator's rows, from the first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
