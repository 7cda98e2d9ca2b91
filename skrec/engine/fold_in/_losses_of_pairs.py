"""Losses of one positive and some negatives, with their derivatives by the scores.

Those of bpr and smooth warp are written out, which takes fewer passes over the scores than autograd. Other losses go through
autograd.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.engine.fold_in._scores import with_pullback
from skrec.engine.losses._losses import Loss, bpr, warp

# of scores of positives (n,) and negatives (n, m): losses (n,) and their derivatives by both
LossOfPairs = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def loss_of_pairs(loss: Loss, mask: Tensor, log_q: Tensor | None, weights: Tensor) -> LossOfPairs:
    """A loss with its derivatives.

    Parameters
    ----------
    loss : callable
        One of `skrec.engine.losses._losses`, or another with their signature.
    mask : bool Tensor of shape (n, m)
        Which of the negatives take part.
    log_q : Tensor of shape (n, 1 + m), or None
        How often the positive and the negatives were to be expected.
    weights : float64 Tensor of shape (n,)
        What the losses are multiplied with.
    """
    if loss is bpr:
        return _bpr(mask, weights)
    if isinstance(loss, partial) and loss.func is warp and loss.keywords.get("width", 0) > 0:
        return _warp(mask, weights, **loss.keywords)
    return _by_autograd(loss, mask, log_q, weights)


def _bpr(mask: Tensor, weights: Tensor) -> LossOfPairs:
    shares = mask * (weights / mask.sum(1).clamp(min=1))[:, None]

    def losses(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        differences = negative - positive[:, None]
        slopes = differences.sigmoid().mul_(shares)
        return F.softplus(differences).mul_(shares).sum(1), -slopes.sum(1), slopes

    return losses


def _warp(mask: Tensor, weights: Tensor, n_items: int, width: float) -> LossOfPairs:
    left_out = (~mask).flatten().nonzero()[:, 0]
    ones = weights.new_ones(mask.shape[1])  # a product with which is faster than a sum over few
    # how many items a negative within the margin stands for
    share = (n_items - 1) / mask.sum(1).clamp(min=1)

    def losses(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        excess = (negative - (positive[:, None] - 1)).mul_(1 / width)
        excess.view(-1).index_fill_(0, left_out, -torch.inf)
        hinges, violates = width * (F.softplus(excess) @ ones), excess.sigmoid_()
        violations = violates @ ones
        at_least = violations.clamp(min=1e-12)
        by_hinges = weights * (share * violations).log1p_() / at_least
        by_violations = hinges * (weights * share / (1 + share * violations) - by_hinges) / (width * at_least)
        # a sigmoid's derivative is itself times its distance from 1
        slopes = (violates * -by_violations[:, None]).add_((by_violations + by_hinges)[:, None]).mul_(violates)
        return by_hinges * hinges, -(slopes @ ones), slopes

    return losses


def _by_autograd(loss: Loss, mask: Tensor, log_q: Tensor | None, weights: Tensor) -> LossOfPairs:
    mask = torch.cat([torch.ones_like(mask[:, :1]), mask], 1)
    target = torch.zeros(mask.shape, dtype=torch.float64, device=mask.device)
    target[:, 0] = 1

    def losses(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scores = torch.cat([positive[:, None], negative], 1)
        values, pullback = with_pullback(lambda scores: loss(scores, target, mask, log_q), scores)
        slopes = pullback(weights)
        return weights * values, slopes[:, 0], slopes[:, 1:]

    return losses
