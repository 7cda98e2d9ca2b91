"""Losses of one positive and some negatives, with their derivatives with respect to the scores.

The derivatives of bpr and smooth warp are written out, which takes fewer passes over the scores than autograd. All other losses
use autograd.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.engine.fold_in._scores import with_pullback
from skrec.engine.losses._losses import Loss, bpr, warp

# maps scores of positives (n,) and negatives (n, m) to losses (n,) and their derivatives with respect to both
LossOfPairs = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def loss_of_pairs(loss: Loss, mask: Tensor, log_q: Tensor | None, weights: Tensor) -> LossOfPairs:
    """Return a loss with its derivatives.

    Parameters
    ----------
    loss : callable
        A loss of `skrec.engine.losses._losses`, or another one with the same signature.
    mask : bool Tensor of shape (n, m)
        Which negatives are used.
    log_q : Tensor of shape (n, 1 + m), or None
        Logarithm of the expected counts of the positive and the negatives.
    weights : float64 Tensor of shape (n,)
        Weights of the losses.
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
    ones = weights.new_ones(mask.shape[1])  # a product with ones is faster than a sum over few columns
    # number of catalog items per negative within the margin
    share = (n_items - 1) / mask.sum(1).clamp(min=1)

    def losses(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        excess = (negative - (positive[:, None] - 1)).mul_(1 / width)
        excess.view(-1).index_fill_(0, left_out, -torch.inf)
        hinges, violates = width * (F.softplus(excess) @ ones), excess.sigmoid_()
        violations = violates @ ones
        at_least = violations.clamp(min=1e-12)
        by_hinges = weights * (share * violations).log1p_() / at_least
        by_violations = hinges * (weights * share / (1 + share * violations) - by_hinges) / (width * at_least)
        # the derivative of a sigmoid s is s * (1 - s)
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
