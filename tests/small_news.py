"""A few slates of news, models of them, and other futures."""

from dataclasses import replace

import numpy as np
import torch

from skrec import Interactions, NewsRecommender
from skrec.data import with_event_times

N_USERS, N_ITEMS, N_SHOWN, N_SLATES = 6, 20, 4, 60
HOUR = 3600
TEXT = np.random.default_rng(5).normal(size=(N_ITEMS, 3)).astype(np.float32)


def slates(seed=0, **features):
    """Slates of four articles of which one was clicked; two users are shown something at each time."""
    rng = np.random.default_rng(seed)
    users, times = rng.integers(0, N_USERS, N_SLATES), 3600 * (np.arange(N_SLATES) // 2)
    items = np.array([rng.permutation(N_ITEMS)[:N_SHOWN] for _ in users])
    clicked = rng.integers(0, N_SHOWN, N_SLATES)[:, None] == np.arange(N_SHOWN)
    return Interactions.from_arrays(
        np.repeat(users, N_SHOWN),
        items.ravel(),
        clicked.ravel(),
        timestamps=np.repeat(times, N_SHOWN),
        impressions=np.repeat(np.arange(N_SLATES), N_SHOWN),
        n_users=N_USERS,
        n_items=N_ITEMS,
        **({"item_features": TEXT} | features),
    )


def model(**changes):
    settings = {"n_factors": 4, "max_epochs": 2, "batch_size": 16, "dropout": 0.0, "random_state": 0}
    return NewsRecommender(**settings | changes)


def untrained(data, **changes):
    """Fitted without learning anything: its weights depend on the seed alone, so that answers differ by the data only."""
    fitted = model(learning_rate=1e-12, item_half_life=5 * HOUR, **changes).fit(data)
    with torch.no_grad():
        fitted.module_.recency.fill_(1.0)
    return fitted


def otherwise_from(data, time, *, except_for=None, seed=7):
    """The same data until some time; what happens then and later is about other articles and other clicks."""
    rng = np.random.default_rng(seed)
    later = data.timestamps >= time
    items, values = data.items.copy(), data.values.copy()
    keeps_items = data.impressions == except_for
    items[later & ~keeps_items] = rng.integers(0, N_ITEMS, int((later & ~keeps_items).sum()))
    values[later] = values[later].reshape(-1, N_SHOWN)[:, ::-1].ravel()  # another one was clicked
    return replace(data, items=items, values=values)


def scores_in_training(fitted, data):
    """What the network says in a training pass of each article of each slate, by slate and article."""
    examples = fitted.objective_.examples(with_event_times(data))
    batches = fitted.objective_.batches(examples, examples)
    fitted.module_.train()
    found = {}
    for batch in batches.epoch(torch.Generator().manual_seed(0)):
        with torch.no_grad():
            scores = fitted.module_(batch.query, batch.items)
        for row in range(len(scores)):
            key = int(batch.query.users[row]), round(float(batch.query.times[row])), batch.items[row].sort().values.tolist()
            found[str(key)] = scores[row][batch.items[row].argsort()].numpy()
    fitted.module_.eval()
    return found
