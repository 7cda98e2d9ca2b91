"""Small data, a small model of them, and whether the weights of two are the same."""

import numpy as np
import torch
from scipy.sparse import csr_array

from skrec import MFRecommender
from skrec.data import Interactions

N_USERS, N_ITEMS, N_FACTORS = 12, 9, 4
BATCH_SIZE = 8
N_BATCHES, N_EPOCHS = 7, 3  # 50 events: the last minibatch of an epoch has two


def likes(n=50, seed=0):
    """Distinct pairs."""
    pairs = np.random.default_rng(seed).permutation(N_USERS * N_ITEMS)[:n]
    return Interactions.from_arrays(pairs // N_ITEMS, pairs % N_ITEMS, n_users=N_USERS, n_items=N_ITEMS)


def ratings(n=50, seed=0):
    rng = np.random.default_rng(seed + 1)
    return likes(n, seed).with_values(rng.integers(1, 6, n).astype(np.float32))


def two_camps(n=6):
    """Two groups of users who like all of their group's items but one each, its own."""
    return csr_array(np.kron(np.eye(2), np.ones((n, n))) - np.eye(2 * n))


def model(**changes):
    settings = {"loss": "bpr", "regularization": 0, "n_factors": N_FACTORS, "max_epochs": N_EPOCHS, "batch_size": BATCH_SIZE}
    settings |= {"init_std": 0.1, "learning_rate": 0.01, "lr_schedule": None, "random_state": 0}
    return MFRecommender(**settings | changes)


def weights_of(fitted):
    return [weight.detach().clone() for weight in fitted.module_.parameters()]


def same(weights, others):
    return all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


def close(weights, others):
    """Whether weights are the same up to rounding. Compiled steps add in another order than torch."""
    return all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(weights, others, strict=True))


def scores_of_all(fitted):
    """Stored users' scores of all items, (n_users, n_items)."""
    pairs = np.divmod(np.arange(fitted.n_users_ * fitted.n_items_), fitted.n_items_)
    return fitted.predict(Interactions.from_arrays(*pairs)).reshape(fitted.n_users_, fitted.n_items_)
