"""Repeat the lesson of the fastai course on MovieLens 100K, from the bare dot product to weight decay.

The model has 50 factors and is trained for five epochs of one cycle, in minibatches of 64 ratings. A random fifth of the
ratings is held out. The lesson prints mean squared errors of 0.871 for the dot product alone, 0.878 with a range of the
predictions, 0.890 with biases, which overfits, and 0.820 with weight decay. The decay of the first three is fastai's default.
"""

import argparse

import numpy as np
from sklearn.metrics import mean_squared_error

from skrec import MFRecommender
from skrec.datasets import fetch_movielens
from skrec.model_selection import train_test_split

SETTING = dict(
    loss="mse",
    n_factors=50,
    batch_size=64,
    max_epochs=5,
    learning_rate=5e-3,
    init_std=0.003,
    regularization=0,
    weight_decay=0.01,
)
STEPS = {
    "dot product alone": dict(biases="none"),
    "with a range": dict(biases="none", y_range=(0, 5.5)),
    "with biases": dict(y_range=(0, 5.5)),
    "with weight decay": dict(y_range=(0, 5.5), weight_decay=0.1),
}


def main():
    arguments = parse_arguments()
    ratings = fetch_movielens("100k").interactions
    for name, changes in STEPS.items():
        errors = [error_of_split(ratings, changes, seed) for seed in range(arguments.seeds)]
        print(f"{name:20} MSE {'  '.join(f'{e:.4f}' for e in errors)}   mean {np.mean(errors):.4f}", flush=True)


def error_of_split(ratings, changes, seed):
    """Mean squared error on a random fifth."""
    train, test = train_test_split(ratings, test_size=0.2, random_state=seed)
    model = MFRecommender(**SETTING | changes, random_state=seed).fit(train)
    return mean_squared_error(test.values, model.predict(test))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
