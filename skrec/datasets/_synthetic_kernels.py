"""Compiled sampling of the items of synthetic users."""

import numpy as np

from skrec._compiled import compiled


@compiled
def alias_table(weights, threshold, alias):
    """Fill a table from which an item is drawn in constant time, with probability in proportion to its weight."""
    n = len(weights)
    large, small = np.empty(n, np.int32), np.empty(n, np.int32)
    n_large, n_small = 0, 0
    scale = n / weights.sum()
    for item in range(n):
        threshold[item] = weights[item] * scale
        alias[item] = item
        if threshold[item] < 1:
            small[n_small] = item
            n_small += 1
        else:
            large[n_large] = item
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        low, high = small[n_small], large[n_large - 1]
        alias[low] = high
        threshold[high] -= 1 - threshold[low]
        if threshold[high] < 1:
            n_large -= 1
            small[n_small] = high
            n_small += 1


@compiled
def draw_items(rng, first, tastes, mixtures, popularity, thresholds, aliases, totals, items):
    """Draw distinct items for each user, with probability in proportion to ``popularity * exp(tastes @ mixtures)``.

    A draw from the mixture of the genres, each weighted by ``exp(tastes)``, is accepted with the ratio of the two weights. By
    Jensen's inequality the ratio is at most 1. Repeated items are ignored, so that the items are a sample without replacement.
    Users for whom this takes as many draws as there are items get the rest of their items from a pass over all items.
    """
    n_items, n_genres = mixtures.shape
    owner = np.full(n_items, -1, np.int32)
    weights, cumulative = np.empty(n_genres), np.empty(n_genres)
    for user in range(len(tastes)):
        taste, place, stop = tastes[user], first[user], first[user + 1]
        highest = taste.max()
        total = 0.0
        for genre in range(n_genres):
            weights[genre] = np.exp(taste[genre] - highest)
            total += weights[genre] * totals[genre]
            cumulative[genre] = total
        for _ in range(n_items):
            if place == stop:
                break
            genre, point = 0, rng.random() * total
            while genre < n_genres - 1 and cumulative[genre] < point:
                genre += 1
            # the place within the genre's share is uniform too, and so is the fraction of the item's number
            point = (1 - (cumulative[genre] - point) / (weights[genre] * totals[genre])) * n_items
            item = min(max(int(point), 0), n_items - 1)
            if point - item >= thresholds[genre, item]:
                item = aliases[genre, item]
            if owner[item] == user:
                continue
            affinity, bound = 0.0, 0.0
            for other in range(n_genres):
                affinity += taste[other] * mixtures[item, other]
                bound += weights[other] * mixtures[item, other]
            if rng.random() * bound < np.exp(affinity - highest):
                owner[item] = user
                items[place] = item
                place += 1
        if place < stop:
            draw_from_all(rng, taste, mixtures, popularity, owner, user, items[place:stop])
        shuffle(rng, items[first[user] : stop])


@compiled
def draw_from_all(rng, taste, mixtures, popularity, owner, user, items):
    """Draw distinct items from those that a user does not have, as those with the largest log weight plus Gumbel noise."""
    utility = np.log(popularity)
    for item in range(len(utility)):
        utility[item] += (taste * mixtures[item]).sum() - np.log(rng.standard_exponential())
        if owner[item] == user:
            utility[item] = -np.inf
    order = np.argsort(-utility)
    for place in range(len(items)):
        items[place] = order[place]


@compiled
def shuffle(rng, items):
    """Put items in random order."""
    for place in range(len(items) - 1, 0, -1):
        other = int(rng.random() * (place + 1))
        items[place], items[other] = items[other], items[place]
