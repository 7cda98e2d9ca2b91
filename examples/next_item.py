"""What comes next: models of sequences beside models of sets, on MovieLens in order of time. Run it with `tox -e next-item`.

`tox -e next-item -- Video.txt` takes a file of the SASRec paper instead, such as Amazon Games; that takes some minutes.
"""

import sys

import numpy as np
import pandas as pd
import torch

from skrec import (
    ALSRecommender,
    MarkovRecommender,
    MFRecommender,
    PopularityRecommender,
    SASRecRecommender,
    compare,
)
from skrec.datasets import DatasetNotAvailable, fetch_movielens, load_sasrec, make_interactions
from skrec.model_selection import train_test_split


def main():
    torch.set_num_threads(1)  # on data this small a second thread saves no time
    events = load()
    events = events.with_values(np.ones(len(events)))  # the question is what comes next, not how it is liked
    train, test = train_test_split(events, by="last")
    print(f"{train}\nthe last event of each user is asked for: {len(test)} events")

    heading("The same question for all; every item that the user has not had is ranked")
    sequence = SASRecRecommender(
        n_factors=48, n_negatives=256, max_length=50, batch_size=32, max_epochs=12, dropout=0.3, random_state=0
    )
    models = {
        "what everybody has": PopularityRecommender(),
        "ALS, a set": ALSRecommender(n_factors=32, alpha=5.0, regularization=30.0, random_state=0),
        "MF, a set": MFRecommender(n_factors=64, regularization=3.0, dropout=0.5, batch_size=64, max_epochs=30, random_state=0),
        "what followed the last": MarkovRecommender(),
        "attention to the sequence": sequence,
    }
    table = compare(models, train, ["hit_rate@10", "ndcg@10"], test=test)
    print(table[["hit_rate@10", "ndcg@10", "ndcg@10_low", "ndcg@10_high", "fit_seconds"]].round(3).to_string())

    heading("The order matters: one history, forwards and backwards")
    sequence.fit(events)
    favourites = events.to_frame()["item"].value_counts().index[:5].tolist()
    for name, seen in (("forwards", favourites), ("backwards", favourites[::-1])):
        history = pd.DataFrame({"user": "me", "item": seen, "timestamp": range(len(seen))})
        print(f"{name:>10}: {', '.join(map(str, sequence.recommend(history, k=4).items[0]))}")


def load():
    """What was asked for, or MovieLens 100K from SKREC_DATA, the cache or the network, else something like it."""
    if sys.argv[1:]:
        return load_sasrec(sys.argv[1])
    try:
        return fetch_movielens("100k", verbose=1).interactions
    except DatasetNotAvailable as problem:
        print(f"{problem}\nGoing on with generated data.")
        return make_interactions(500, 300, density=0.1, random_state=0).interactions


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


if __name__ == "__main__":
    main()
