"""Compare sequence models with models that ignore order, on MovieLens. Run it with `tox -e next-item`.

`tox -e next-item -- Video.txt` reads a file of the SASRec paper instead, such as Amazon Games, and takes some minutes.
"""

import sys

import numpy as np
import pandas as pd

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
    events = load()
    events = events.with_values(np.ones(len(events)))  # The task is to predict the next item, not its rating.
    train, test = train_test_split(events, by="last")
    print(f"{train}\nThe task is to predict the last event of each user: {len(test)} events.")

    heading("All models rank every item without an earlier event of the user")
    sequence = SASRecRecommender(
        n_factors=48, n_negatives=256, max_length=50, batch_size=32, max_epochs=12, dropout=0.3, random_state=0
    )
    models = {
        "popularity": PopularityRecommender(),
        "ALS": ALSRecommender(n_factors=32, alpha=5.0, regularization=30.0, random_state=0),
        "MF": MFRecommender(n_factors=64, regularization=3.0, dropout=0.5, batch_size=64, max_epochs=30, random_state=0),
        "Markov chain": MarkovRecommender(),
        "SASRec": sequence,
    }
    table = compare(models, train, ["hit_rate@10", "ndcg@10"], test=test)
    print(table[["hit_rate@10", "ndcg@10", "ndcg@10_low", "ndcg@10_high", "fit_seconds"]].round(3).to_string())

    heading("The order matters: one history in both directions")
    sequence.fit(events)
    popular_items = events.to_frame()["item"].value_counts().index[:5].tolist()
    for name, seen in (("forwards", popular_items), ("backwards", popular_items[::-1])):
        history = pd.DataFrame({"user": "me", "item": seen, "timestamp": range(len(seen))})
        print(f"{name:>10}: {', '.join(map(str, sequence.recommend(history, k=4).items[0]))}")


def load():
    """Load the given file, or MovieLens 100K from SKREC_DATA, the cache or the network, or generate similar data."""
    if sys.argv[1:]:
        return load_sasrec(sys.argv[1])
    try:
        return fetch_movielens("100k", verbose=1).interactions
    except DatasetNotAvailable as problem:
        print(f"{problem}\nUsing generated data instead.")
        return make_interactions(500, 300, density=0.1, random_state=0).interactions


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


if __name__ == "__main__":
    main()
