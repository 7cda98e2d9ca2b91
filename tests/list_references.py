"""Metrics of lists beside accuracy once more, slowly, in plain Python. The library is not used."""

from itertools import combinations
from math import log2, nan, sqrt


def distinct(items, k):
    """The items among the first k places, each once, without padding."""
    return [item for place, item in enumerate(items[:k]) if item >= 0 and item not in items[:place]]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else nan


def slow_coverage(lists, n_items, k):
    return len({item for items in lists for item in distinct(items, k)}) / n_items


def slow_gini(lists, n_items, k):
    """Mean absolute difference of the counts of all pairs of items, relative to its largest value."""
    counts = [sum(item in distinct(items, k) for items in lists) for item in range(n_items)]
    if not any(counts):
        return nan
    differences = sum(abs(a - b) for a in counts for b in counts)
    return differences / (2 * (n_items - 1) * sum(counts))


def slow_novelty(items, shares, k):
    return mean(-log2(shares[item]) for item in distinct(items, k))


def cosine(a, b):
    lengths = sqrt(sum(x * x for x in a)) * sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / lengths if lengths else 0


def slow_diversity(items, features, k):
    return mean(1 - cosine(features[a], features[b]) for a, b in combinations(distinct(items, k), 2))


def slow_serendipity(items, relevant, expected, k):
    surprising = set(distinct(items, k)) - set(distinct(expected, k))
    return len(surprising & relevant) / k if relevant else nan


def slow_popularity_lift(lists, histories, popularity, k):
    pairs = [(distinct(items, k), history) for items, history in zip(lists, histories)]
    pairs = [(items, history) for items, history in pairs if items and any(popularity[item] for item in history)]
    listed = sum(mean(popularity[item] for item in items) for items, _ in pairs)
    owned = sum(mean(popularity[item] for item in history) for _, history in pairs)
    return listed / owned - 1 if pairs else nan
