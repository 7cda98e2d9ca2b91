"""Negative log-likelihoods of users' histories under the training loss of a model.

Each function returns a function of vectors (one row per user, see `FrozenNetwork.vectors`). That function returns one value per
user and the derivatives with respect to the vectors. It is deterministic: the items that events are compared with are drawn
once, and depend only on the user's items.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.engine.batches._candidates import log_expected
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.fold_in._frozen import FrozenNetwork
from skrec.engine.fold_in._losses_of_pairs import loss_of_pairs
from skrec.engine.fold_in._scores import with_pullback
from skrec.engine.losses._losses import Loss, bce

Likelihood = Callable[[Tensor], tuple[Tensor, Tensor]]

# number of negatives per user, and the minimum per event; on new users of ML-100K 16 times as many have the same NDCG, and half
# as many reduce it by 1 %
_DRAWS_PER_USER, _DRAWS_PER_EVENT = 2048, 8


class Events(NamedTuple):
    """Events as tensors, in order of users.

    Attributes
    ----------
    users, items : int64 Tensor of shape (n_events,)
        Codes of the users and items.
    values, weights : float64 Tensor of shape (n_events,)
        Values and weights of the events.
    n_users : int
        Number of users.
    """

    users: Tensor
    items: Tensor
    values: Tensor
    weights: Tensor
    n_users: int

    def sums(self, values: Tensor, index: Tensor) -> Tensor:
        """Sum of the values of each user, (n_users,)."""
        return values.new_zeros(self.n_users).scatter_add_(0, index, values)


class Pool(NamedTuple):
    """Items that events are compared with.

    Attributes
    ----------
    items : int64 Tensor of shape (n,)
        Items drawn in the same way as the negatives in training.
    log_chances : float64 Tensor of shape (n,), or None
        Logarithm of the probability of each item in one draw. None if all probabilities are equal.
    """

    items: Tensor
    log_chances: Tensor | None


def ratings(network: FrozenNetwork, events: Events, *, noise: float) -> Likelihood:
    """Ratings with normal errors of variance ``noise``."""
    scores = network.scores(events.items, events.users)

    def likelihood(vectors: Tensor) -> tuple[Tensor, Tensor]:
        predicted, pullback = scores(vectors)
        errors = predicted - events.values
        slopes = events.weights * errors / noise
        return events.sums(slopes * errors / 2, events.users), pullback(slopes)

    return likelihood


def softmax_of_rows(network: FrozenNetwork, target: Rows, compared: Tensor) -> Likelihood:
    """Softmax of each event over the compared items (n_items,) and the user's own items."""
    scores = network.scores(torch.arange(len(compared), device=compared.device))
    index, totals, values = target.index, target.sums().double(), target.values.double()
    place, n = index * len(compared) + target.columns, len(totals)
    is_out = None if compared.all() else ~compared.repeat(n, 1).flatten().index_fill(0, place, True).view(n, -1)

    def likelihood(vectors: Tensor) -> tuple[Tensor, Tensor]:
        logits, pullback = scores(vectors)
        chosen = values * logits.flatten()[place]
        if is_out is not None:
            logits = logits.masked_fill(is_out, -torch.inf)
        highest = logits.amax(1, keepdim=True)
        chances = (logits - highest).exp_()
        sums = chances.sum(1)
        slopes = chances.mul_((totals / sums)[:, None])
        slopes.view(-1).index_add_(0, place, values, alpha=-1)
        losses = (totals * (sums.log() + highest[:, 0])).index_add(0, index, chosen, alpha=-1)
        return losses, pullback(slopes)

    return likelihood


def rows(network: FrozenNetwork, target: Rows, compared: Tensor, loss: Loss) -> Likelihood:
    """Any loss of whole rows over the compared items (n_items,) and the user's own items."""
    scores = network.scores(torch.arange(len(compared), device=compared.device))
    whole = target.dense(len(compared)).double()
    mask = None if compared.all() else compared | (whole > 0)

    def likelihood(vectors: Tensor) -> tuple[Tensor, Tensor]:
        logits, to_vectors = scores(vectors)
        losses, to_scores = with_pullback(lambda logits: loss(logits, whole, mask), logits)
        return losses, to_vectors(to_scores(torch.ones_like(losses)))

    return likelihood


class _Draws(NamedTuple):
    """Lists of items of the pool, each drawn for one event.

    Attributes
    ----------
    events, users : int64 Tensor of shape (n_lists,)
        Event of each list, and its user.
    places : int64 Tensor of shape (n_lists, n_negatives)
        Positions in the pool.
    are_negatives : bool Tensor of shape (n_lists, n_negatives)
        Which items are not the user's own.
    weights : float64 Tensor of shape (n_lists,)
        Weights of the lists.
    """

    events: Tensor
    users: Tensor
    places: Tensor
    are_negatives: Tensor
    weights: Tensor


def pairs(network: FrozenNetwork, events: Events, pool: Pool, loss: Loss, *, n_negatives: int) -> Likelihood:
    """Losses of each event with ``n_negatives`` items of the pool that are not the user's own.

    The events of a user, in order of items, take consecutive items of the pool, so that all items are used about equally often.
    """
    draws = _draws(events, pool, n_negatives)
    if loss is bce:
        return _binary(network, events, pool, draws)
    of_events, of_pool = network.scores(events.items, events.users), network.scores(pool.items)
    log_q = None if pool.log_chances is None else log_expected(pool.log_chances[draws.places])
    losses_of = loss_of_pairs(loss, draws.are_negatives, log_q, draws.weights)
    flat_places = (draws.users[:, None] * len(pool.items) + draws.places).flatten()

    def likelihood(vectors: Tensor) -> tuple[Tensor, Tensor]:
        positive, from_positive = of_events(vectors)
        negative, from_negative = of_pool(vectors)
        of_lists = negative.view(-1).index_select(0, flat_places).view(draws.places.shape)
        losses, by_positive, by_negative = losses_of(positive.index_select(0, draws.events), of_lists)
        slopes = torch.zeros_like(positive).scatter_add_(0, draws.events, by_positive)
        slopes_of_pool = torch.zeros_like(negative)
        slopes_of_pool.view(-1).scatter_add_(0, flat_places, by_negative.flatten())
        return events.sums(losses, draws.users), from_positive(slopes) + from_negative(slopes_of_pool)

    return likelihood


def _binary(network: FrozenNetwork, events: Events, pool: Pool, draws: _Draws) -> Likelihood:
    """`pairs` for bce, which is a sum over items: each item of the pool is counted as often as it is drawn."""
    of_events, of_pool = network.scores(events.items, events.users), network.scores(pool.items)
    counts = events.weights.new_zeros(events.n_users, len(pool.items))
    counts.index_put_((draws.users[:, None], draws.places), draws.are_negatives * draws.weights[:, None], accumulate=True)
    log_q = 0.0 if pool.log_chances is None else pool.log_chances + log(draws.places.shape[1])

    def likelihood(vectors: Tensor) -> tuple[Tensor, Tensor]:
        positive, from_positive = of_events(vectors)
        negative, from_negative = of_pool(vectors)
        negative = negative - log_q
        losses = events.sums(events.weights * F.softplus(-positive), events.users)
        losses += F.softplus(negative).mul_(counts).sum(1)
        slopes = (-positive).sigmoid_().mul_(-events.weights)
        return losses, from_positive(slopes) + from_negative(negative.sigmoid_().mul_(counts))

    return likelihood


def _draws(events: Events, pool: Pool, n_negatives: int) -> _Draws:
    lists = _lists_of_events(events, n_negatives, len(pool.items))
    users, n_lists = events.users[lists], torch.bincount(lists, minlength=len(events.users))
    places = _places(events, lists, n_lists, n_negatives) % len(pool.items)
    are_negatives = ~_are_own(events, users, pool.items[places])
    return _Draws(lists, users, places, are_negatives, (events.weights / n_lists)[lists])


def _lists_of_events(events: Events, n_negatives: int, n_items: int) -> Tensor:
    """Repeat each event as often as it has lists of negatives."""
    n_events = torch.bincount(events.users, minlength=events.n_users)[events.users]
    n_draws = (_DRAWS_PER_USER // n_events.clamp(min=1)).clamp(min=_DRAWS_PER_EVENT, max=n_items)
    n_lists = (n_draws // n_negatives).clamp(min=1)
    return torch.repeat_interleave(torch.arange(len(n_lists), device=n_lists.device), n_lists)


def _places(events: Events, lists: Tensor, n_lists: Tensor, n_negatives: int) -> Tensor:
    """Positions of the negatives of each list in a repeated pool, consecutive for each user in order of items."""
    order = (events.users * (events.items.max() + 1) + events.items).argsort() if len(lists) else lists
    before = torch.empty_like(n_lists)
    before[order] = n_lists[order].cumsum(0) - n_lists[order]
    of_users = torch.zeros(events.n_users, dtype=before.dtype, device=before.device).index_add_(0, events.users, n_lists)
    before -= (of_users.cumsum(0) - of_users)[events.users]
    number = torch.arange(len(lists), device=lists.device) - (n_lists.cumsum(0) - n_lists)[lists] + before[lists]
    return number[:, None] * n_negatives + torch.arange(n_negatives, device=lists.device)


def _are_own(events: Events, users: Tensor, items: Tensor) -> Tensor:
    """Which of the items (n, m) are among the events of the users (n,)."""
    width = int(max(events.items.max(), items.max())) + 1 if len(users) else 1
    own = (events.users * width + events.items).sort().values
    keys = users[:, None] * width + items
    return own[torch.searchsorted(own, keys).clamp(max=len(own) - 1)] == keys
