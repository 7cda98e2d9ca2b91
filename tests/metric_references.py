"""Metrics once more, slowly: one user, one item, one draw at a time, in plain Python; nothing of the library is used."""

from math import floor, inf, log2, nan, sqrt


def hits_of(items, relevant, k):
    """1 or 0 for each of the first k places."""
    found, hits = set(), []
    for item in items[:k]:
        hits.append(1 if item in relevant and item not in found else 0)
        found.add(item)
    return hits


def slow_ndcg(items, relevant, k):
    gain = sum(hit / log2(place + 1) for place, hit in enumerate(hits_of(items, relevant, k), 1))
    return gain / sum(1 / log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))


def slow_recall(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / len(relevant)


def slow_recall_capped(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / min(k, len(relevant))


def slow_precision(items, relevant, k):
    return sum(hits_of(items, relevant, k)) / k


def slow_average_precision(items, relevant, k):
    hits = hits_of(items, relevant, k)
    return sum(sum(hits[:place]) / place for place, hit in enumerate(hits, 1) if hit) / min(k, len(relevant))


def slow_reciprocal_rank(items, relevant, k):
    return next((1 / place for place, hit in enumerate(hits_of(items, relevant, k), 1) if hit), 0)


def slow_hit_rate(items, relevant, k):
    return max(hits_of(items, relevant, k), default=0)


SLOW_LIST_METRICS = {
    "ndcg": slow_ndcg,
    "recall": slow_recall,
    "recall_capped": slow_recall_capped,
    "precision": slow_precision,
    "map": slow_average_precision,
    "mrr": slow_reciprocal_rank,
    "hit_rate": slow_hit_rate,
}


def slow_auc(scores, relevant):
    """Of a dict of scores; a relevant item that is not in it, or at minus infinity, loses to every candidate."""
    others = [score for item, score in scores.items() if item not in relevant and score > -inf]
    if not others:
        return nan
    wins = [
        1 if scores.get(item, -inf) > other else 1 / 2 if scores.get(item, -inf) == other else 0
        for item in relevant
        for other in others
    ]
    return sum(wins) / len(wins)


def slow_mae(true, predicted, weights):
    return sum(w * abs(t - p) for t, p, w in zip(true, predicted, weights)) / sum(weights)


def slow_rmse(true, predicted, weights):
    return sqrt(sum(w * (t - p) ** 2 for t, p, w in zip(true, predicted, weights)) / sum(weights))


def slow_variance(values):
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def slow_sampled(scores_of_users, positives, negatives, k, ties):
    """Hit rate and NDCG of one item of each user among some others, by the dicts of these users' scores."""
    hits, gains = [], []
    for scores, positive, others in zip(scores_of_users, positives, negatives):
        place = 0.0
        for other in set(others) - {positive}:
            if scores[other] > scores[positive]:
                place += 1
            elif scores[other] == scores[positive]:
                place += {"for": 0, "half": 0.5, "against": 1}[ties]
        hits.append(1 if place < k else 0)
        gains.append(1 / log2(place + 2) if place < k else 0)
    return {"hit_rate": sum(hits) / len(hits), "ndcg": sum(gains) / len(gains)}


def slow_interval(values, weights, draws, level):
    """Percentiles of the weighted means of some draws of users, between neighbors in proportion."""
    means = sorted(sum(values[u] * weights[u] for u in draw) / sum(weights[u] for u in draw) for draw in draws)

    def percentile(share):
        place = share * (len(means) - 1)
        below = floor(place)
        above = min(below + 1, len(means) - 1)
        return means[below] + (place - below) * (means[above] - means[below])

    return percentile((1 - level) / 2), percentile((1 + level) / 2)


def slow_places(scores):
    """For each score the places, from 1, that it shares with equal ones."""
    first = [1 + sum(other > score for other in scores) for score in scores]
    return [range(place, place + scores.count(score)) for place, score in zip(first, scores)]


def slow_worth(scores, clicked, worth):
    """What the places of clicked items are worth in all, each item having the mean of the places that it shares."""
    return sum(sum(map(worth, places)) / len(places) for places, click in zip(slow_places(scores), clicked) if click)


def slow_impression_auc(scores, clicked):
    pairs = [(a, b) for a, is_clicked in zip(scores, clicked) for b, other in zip(scores, clicked) if is_clicked and not other]
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


def slow_impression_mrr(scores, clicked):
    return slow_worth(scores, clicked, lambda place: 1 / place) / sum(clicked)


def slow_impression_ndcg(scores, clicked, k):
    def discount(place):
        return 1 / log2(place + 1) if place <= k else 0

    return slow_worth(scores, clicked, discount) / sum(map(discount, range(1, sum(clicked) + 1)))
