"""Losses: functions of scores and targets with the candidates on the last axis, one number for each example.

A masked candidate (False or 0 in ``mask``) takes no part: neither the loss nor its gradient knows it. ``log_q`` holds the
logarithm of how often each candidate was to be expected among the draws; softmax and bce over a sample subtract it.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.engine.batches._batches import Batch
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.losses._row_likelihood import row_likelihood
from skrec.engine.networks._network import RecommenderNetwork

Loss = Callable[..., Tensor]

_FAR_BELOW = -1e30
# in units of scores: no solver converges fast on a loss with corners, which has no second derivatives there
WIDTH_OF_CORNERS = 0.2


def mse(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Squared error, mean over the candidates."""
    return _mean((scores - target).square(), mask)


def bce(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of the logits ``scores``, summed over the candidates."""
    logits = scores if log_q is None else scores - log_q
    losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if losses.ndim == 1:
        return losses
    return losses.sum(-1) if mask is None else losses.masked_fill(~mask, 0).sum(-1)


def softmax(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Multinomial likelihood: minus the log-probability of the positives, summed over them."""
    logits = scores if log_q is None else scores - log_q
    if mask is not None:
        logits = logits.masked_fill(~mask, _FAR_BELOW)
    return -(target * logits.log_softmax(-1)).sum(-1)


def bpr(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Bayesian personalized ranking (Rendle et al. 2009): -log sigmoid(positive - negative), mean over the negatives."""
    losses = F.softplus(scores - _positive(scores, target))
    if mask is None:  # the positive itself adds log 2, without a gradient; leaving it out so is cheaper than masking it
        return (losses.sum(-1) - log(2)) / max(1, losses.shape[-1] - 1)
    return _mean(losses, _negatives(target, mask))


def warp(
    scores: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    log_q: Tensor | None = None,
    *,
    n_items: int | None = None,
    width: float = 0.0,
) -> Tensor:
    """Weighted approximate-rank pairwise loss (Weston et al. 2011): hinge with margin 1, weighted by the estimated rank.

    The rank is the share of negatives that come within the margin of the positive, times the other items of a catalog of
    ``n_items``, or the negatives themselves. Weston et al. draw until one does; here a fixed number is drawn, so that with a
    single negative all pairs within the margin weigh the same. A ``width`` above 0 makes hinge and rank smooth.
    """
    negative = _negatives(target, mask).to(scores.dtype)  # products of numbers are faster than of a number and a flag
    hinge, violates = _hinge(1 + scores - _positive(scores, target), width)
    violations = (violates * negative).sum(-1)
    n_negatives = negative.sum(-1)
    rank = violations * ((n_negatives if n_items is None else n_items - 1) / n_negatives.clamp(min=1))
    return (hinge * negative).sum(-1) * rank.log1p() / violations.clamp(min=1e-12)


def ccl(
    scores: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    log_q: Tensor | None = None,
    *,
    margin: float = 0.5,
    negative_weight: float = 10.0,
    width: float = 0.0,
) -> Tensor:
    """Cosine-contrastive loss (Mao et al. 2021, eq. 1), for scores that are cosines.

    Positives are drawn towards 1, negatives pushed below the margin; the mean over the negatives counts ``negative_weight``
    times. A ``width`` above 0 makes the hinge smooth.
    """
    hinge, _ = _hinge(scores - margin, width)
    return (target * (1 - scores)).sum(-1) + negative_weight * _mean(hinge, _negatives(target, mask))


def hardest(loss: Loss, *, width: float = 0.0) -> Loss:
    """A loss that looks at the highest-scored negative of each example alone (Zhang et al. 2013: dynamic sampling).

    With a ``width`` above 0 the highest score is a smooth maximum: the logarithm of the sum of the exponentials of
    ``scores / width``, times ``width``.
    """

    def of_hardest(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
        is_negative = _negatives(target, mask)
        best = scores.detach().masked_fill(~is_negative, _FAR_BELOW).argmax(-1, keepdim=True)
        exists = torch.cat([torch.ones_like(best, dtype=torch.bool), is_negative.gather(-1, best)], -1)
        is_positive = torch.tensor([1, 0], dtype=target.dtype, device=target.device).expand(exists.shape)
        if width > 0:
            highest = width * (scores.masked_fill(~is_negative, _FAR_BELOW) / width).logsumexp(-1, keepdim=True)
        else:
            highest = scores.gather(-1, best)
        return loss(torch.cat([_positive(scores, target), highest], -1), is_positive, exists)

    return of_hardest


class Losses(NamedTuple):
    """A loss as it is in training, and with rounded corners, with which the solver of fold-in converges."""

    training: Loss
    smooth: Loss

    def of_hardest(self) -> "Losses":
        """The same with the highest-scored negative of each example alone."""
        return Losses(hardest(self.training), hardest(self.smooth, width=WIDTH_OF_CORNERS))


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "bce": bce,
    "softmax": softmax,
    "bpr": bpr,
    "warp": warp,
}


def batch_losses(network: RecommenderNetwork, loss: Loss, batch: Batch) -> Tensor:
    """One number for each example of a minibatch, times its weight; in training with what the network adds to its scores."""
    scores = network(batch.query, batch.items)
    added: Tensor | float = 0.0
    if isinstance(scores, tuple):
        scores, added = scores
    losses = loss(scores, batch.dense_target, batch.mask, batch.log_q) + added
    return losses if batch.weight is None else losses * batch.weight


def total_loss(network: RecommenderNetwork, loss: Loss, batch: Batch) -> Tensor:
    """The sum of `batch_losses`, by the shorter way that there is for the softmax of products with the whole catalog."""
    if loss is not softmax or not isinstance(batch.target, Rows) or not network.has_factors:
        return batch_losses(network, loss, batch).sum()
    factors, target, weight = network.factors(batch.query, batch.items), batch.target, batch.weight
    if weight is not None:
        target = target._replace(values=target.values * weight[target.index])
    total = row_likelihood(factors, target)
    if factors.added is None:
        return total
    return total + (factors.added if weight is None else factors.added * weight).sum()


def _hinge(x: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """max(x, 0) and its derivative; with a width above 0, a softplus and a sigmoid of ``x / width``."""
    if width == 0:
        return x.clamp(min=0), (x > 0).to(x.dtype)
    return width * F.softplus(x / width), (x / width).sigmoid()


def _positive(scores: Tensor, target: Tensor) -> Tensor:
    """The score of the one positive of each example, (..., 1)."""
    return (scores * target).sum(-1, keepdim=True)


def _negatives(target: Tensor, mask: Tensor | None) -> Tensor:
    negative = target == 0
    return negative if mask is None else negative & mask


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the last axis of what is not masked, by the mask where it holds weights; a vector is one for each example."""
    if values.ndim == 1:
        return values
    if mask is None:
        return values.mean(-1)
    counts = mask.sum(-1)
    return torch.where(mask > 0, values * mask, 0).sum(-1) / counts.where(counts > 0, 1)
