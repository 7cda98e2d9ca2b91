"""What the scorers should answer, slowly: loops over users and items, dicts and sets; nothing of the library is used.

A world is some training and some test events. Items are strings for labels, or numbers; the catalogue lists the items of the
training frame in the order of their codes. The model in it adds up how near an item is to each item of the user's past.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from metric_references import SLOW_LIST_METRICS, slow_auc, slow_variance


class Event(NamedTuple):
    user: object
    item: object
    value: float


@dataclass
class World:
    train: list  # of Event
    test: list  # of Event; of a matrix in order of rows and columns
    catalogue: list
    learns_from: float | None  # the model's positive_from
    positive_from: float | None  # the scorer's
    in_order: bool  # whether the model is one of sequences
    all_users_are_new: bool = False  # as the rows of a matrix are


@dataclass
class Asked:
    """What one user's history shows, and which of the other events are asked for."""

    shown: list  # of Event
    hidden: list  # of Event
    is_new: bool


def nearness(code, other):
    """Small whole numbers, so that many sums tie, exactly."""
    return (3 * code + 5 * other + code * other) % 4


def is_positive(value, threshold):
    return value > 0 if threshold is None else value >= threshold


def users_of(events):
    return sorted({event.user for event in events})


# ---- what is shown and what is hidden --------------------------------------------------------------------------------

BITS = 2**64


def mix(x):
    """SplitMix64's finaliser, on Python's integers."""
    x = (x + 0x9E3779B97F4A7C15) % BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % BITS
    return x ^ (x >> 31)


@cache
def hash_of(item):
    return mix(int(pd.util.hash_array(np.array([item], object))[0]) if isinstance(item, str) else item)


def hidden_items(items):
    """About a fifth of a set of items, by a lottery that depends on the set alone."""
    if len(items) < 2:
        return set()
    history = mix(sum(map(hash_of, items)) % BITS)

    def lot(item):
        return mix(hash_of(item) ^ history)

    # lots are drawn with the hash of the history; the lowest are hidden
    return set(sorted(items, key=lot)[: max((len(items) + 2) // 5, 1)])


def ask(world, is_wanted=lambda event: True):
    """Each test user, and what the model is shown and asked for; in order, the last event that is wanted and what follows."""
    trained = set() if world.all_users_are_new else {event.user for event in world.train}
    asked = {}
    for user in users_of(world.test):
        events = [event for event in world.test if event.user == user]
        items = {event.item for event in events}
        if user in trained:
            asked[user] = Asked([event for event in world.train if event.user == user], events, False)
        elif world.in_order:
            last = max((place for place, event in enumerate(events) if is_wanted(event)), default=0)
            n_shown = last if last > 0 and len(items) > 1 else len(events)
            asked[user] = Asked(events[:n_shown], events[n_shown:], True)
        else:
            hidden = hidden_items(items)
            parts = ([event for event in events if (event.item in hidden) == side] for side in (False, True))
            asked[user] = Asked(*parts, True)
    return asked


# ---- the model -------------------------------------------------------------------------------------------------------


def popularity(world, item):
    return len({e.user for e in world.train if e.item == item and is_positive(e.value, world.learns_from)})


def past_of(world, shown):
    """What the model makes of a history: the items that it knows and counts."""
    return {e.item for e in shown if is_positive(e.value, world.learns_from) and e.item in world.catalogue}


def scores_of(world, shown):
    """Every item's score for a history: minus infinity without training events, popularity without a past."""
    code = {item: number for number, item in enumerate(world.catalogue)}
    past = past_of(world, shown)
    with_events = {event.item for event in world.train}
    scores = {}
    for item in world.catalogue:
        if item not in with_events:
            scores[item] = -inf
        elif past:
            scores[item] = sum(nearness(code[item], code[other]) for other in past)
        else:
            scores[item] = popularity(world, item)
    return scores


# ---- rankings --------------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """The values of all users who can be scored, and how much they rest on."""

    per_user: dict  # of measure -> user -> value
    share_of_users_scored: float
    share_of_known_items: float

    def value(self, measure):
        defined = self.defined(measure)
        return sum(defined.values()) / len(defined)

    def defined(self, measure):
        return {user: value for user, value in self.per_user[measure].items() if not isnan(value)}


def slow_rankings(world, ks):
    """The Answer for each metric at its k, and for the AUC; None where there is nothing to score."""
    asked = ask(world, lambda event: is_positive(event.value, world.positive_from))
    repeats = {user: [repeats_of(one, event) for event in one.hidden] for user, one in asked.items()}
    n_hidden = sum(len(one.hidden) for one in asked.values())
    reproduces = n_hidden == len(world.test) and all(all(flags) for flags in repeats.values())
    relevant, events, wanting = {}, [], set()
    for user, one in asked.items():
        shown = one.shown if one.is_new else []
        new = [event for event, repeat in zip(one.hidden, repeats[user]) if reproduces or not repeat]
        if any(is_positive(event.value, world.positive_from) for event in [*shown, *new]):
            wanting.add(user)
        found = [event for event in new if is_positive(event.value, world.positive_from)]
        if found:
            relevant[user] = {event.item for event in found}
            events += found
    if not any(event.item in world.catalogue for event in events):
        return None
    trained = {event.item for event in world.train}
    per_user = {f"{metric}@{k}": {} for metric, k in ks.items()} | {"auc": {}}
    for user, items in relevant.items():
        scores = scores_of(world, asked[user].shown)
        hidden = set() if reproduces else {event.item for event in asked[user].shown}
        candidates = {item: score for item, score in scores.items() if item not in hidden}
        ranked = sorted(candidates, key=lambda item: (-candidates[item], world.catalogue.index(item)))
        for metric, k in ks.items():
            per_user[f"{metric}@{k}"][user] = SLOW_LIST_METRICS[metric](ranked, items, k)
        # items that the model has never heard of lose, even where nobody is left to lose to
        per_user["auc"][user] = slow_auc(candidates, items) if items & set(world.catalogue) else 0.0
    return Answer(per_user, len(relevant) / len(wanting), sum(e.item in trained for e in events) / len(events))


def repeats_of(asked, event):
    return event.item in {other.item for other in asked.shown}


# ---- ratings ---------------------------------------------------------------------------------------------------------


def slow_ratings(world, *, hide):
    """Per metric the value of all events and of each user's; ``hide`` predicts only what is hidden, as of a matrix."""
    true, predicted, owners = [], [], []
    trained = {event.user for event in world.train}
    for user, one in ask(world).items():
        shown = one.shown if one.is_new == hide else [event for event in world.train if event.user == user]
        scores = scores_of(world, shown)
        for event in one.hidden if hide else [event for event in world.test if event.user == user]:
            is_stranger = not hide and user not in trained
            true.append(event.value)
            predicted.append(popularity(world, event.item) if is_stranger else scores[event.item])
            owners.append(user)
    if not true:
        return None
    variance = slow_variance(true)
    rows = {user: [row for row, owner in enumerate(owners) if owner == user] for user in owners}

    def mean_of(loss, over):
        return sum(loss(true[row] - predicted[row]) for row in over) / len(over)

    def measure(over):
        squares = mean_of(lambda miss: miss**2, over)
        return {"neg_rmse": -sqrt(squares), "neg_mae": -mean_of(abs, over), "r2": 1 - squares / variance if variance else nan}

    return measure(range(len(true))), {user: measure(over) for user, over in rows.items()}
