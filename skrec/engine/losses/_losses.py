"""Losses: functions of scores and targets with the candidates on the last axis, which return one number per example.

All losses have the parameters of `softmax`. Masked candidates (False or 0 in ``mask``) affect neither the loss nor its
gradient. ``log_q`` is the logarithm of the expected number of times that each candidate is drawn. `softmax` and `bce` subtract
it from the scores.
"""

from collections.abc import Callable
from functools import partial
from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec._checks import check_number
from skrec.base._parameters import DeclaredParameters
from skrec.engine.batches._batches import Batch
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.losses._row_likelihood import row_likelihood
from skrec.engine.networks._network import RecommenderNetwork

Loss = Callable[..., Tensor]

_MASKED_SCORE = -1e30
# in units of scores: solvers converge slowly at corners of a loss, where it has no second derivatives
SMOOTHING_WIDTH = 0.2


def mse(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Squared error, averaged over the candidates.

    Parameters
    ----------
    scores, target, mask, log_q
        As for `softmax`. A mask may hold weights.
    """
    return _mean((scores - target).square(), mask)


def bce(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of the logits ``scores``, summed over the candidates.

    Parameters
    ----------
    scores, target, mask, log_q
        As for `softmax`.
    """
    logits = scores if log_q is None else scores - log_q
    losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if losses.ndim == 1:
        return losses
    return losses.sum(-1) if mask is None else losses.masked_fill(~mask, 0).sum(-1)


def softmax(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy: negative log-probability of the positives, summed over them.

    Parameters
    ----------
    scores : Tensor of shape (..., C)
        Scores of the candidates.
    target : Tensor of shape (..., C)
        1 for positives and 0 for negatives, or values.
    mask : Tensor of shape (..., C), default=None
        Which candidates are used. If None, all.
    log_q : Tensor of shape (..., C), default=None
        Logarithm of the expected number of times that each candidate is drawn. If None, no correction.

    Returns
    -------
    Tensor of shape (...)
    """
    logits = scores if log_q is None else scores - log_q
    if mask is not None:
        logits = logits.masked_fill(~mask, _MASKED_SCORE)
    return -(target * logits.log_softmax(-1)).sum(-1)


def bpr(scores: Tensor, target: Tensor, mask: Tensor | None = None, log_q: Tensor | None = None) -> Tensor:
    """Bayesian personalized ranking (Rendle et al. 2009): -log sigmoid(positive - negative), averaged over the negatives.

    Parameters
    ----------
    scores, target, mask, log_q
        As for `softmax`. ``log_q`` has no effect.
    """
    losses = F.softplus(scores - _positive(scores, target))
    if mask is None:  # the positive itself adds log 2 without a gradient; subtracting it is faster than masking
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

    The rank is the fraction of negatives within the margin of the positive, times ``n_items - 1``, or times the number of
    negatives if ``n_items`` is None. Weston et al. draw negatives until one is within the margin. Here a fixed number is drawn,
    so that with a single negative all pairs within the margin have the same weight.

    Parameters
    ----------
    scores, target, mask, log_q
        As for `softmax`. ``log_q`` has no effect.
    n_items : int, default=None
        Number of items in the catalog. If None, the number of candidates.
    width : float, default=0.0
        Width of the smoothing of hinge and rank. If 0, they are not smoothed.
    """
    negative = _negatives(target, mask).to(scores.dtype)  # products of floats are faster than products of floats and bools
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

    The loss of a positive is 1 minus its cosine. The loss of a negative is the excess of its cosine over ``margin``. The mean
    over the negatives is multiplied by ``negative_weight``.

    Parameters
    ----------
    scores, target, mask, log_q
        As for `softmax`. ``log_q`` has no effect.
    margin : float, default=0.5
        Cosine above which negatives have a loss.
    negative_weight : float, default=10.0
        Weight of the negatives.
    width : float, default=0.0
        Width of the smoothing of the hinge. If 0, it is not smoothed.
    """
    hinge, _ = _hinge(scores - margin, width)
    return (target * (1 - scores)).sum(-1) + negative_weight * _mean(hinge, _negatives(target, mask))


class CosineContrastiveLoss(DeclaredParameters):
    """Cosine contrastive loss, a value of ``loss`` of `MFRecommender`.

    ``loss="ccl"`` is ``loss=CosineContrastiveLoss()``.

    The loss of a positive is 1 minus its cosine. The loss of a negative is the excess of its cosine over ``margin``. The mean
    over the negatives is multiplied by ``negative_weight``. Scores are cosines without biases.

    Parameters
    ----------
    margin : float, default=0.5
        Cosine above which a negative is penalized. Must be in [-1, 1).
    negative_weight : float, default=10.0
        Weight of the negatives relative to the positive.

    References
    ----------
    Mao et al., "SimpleX: A Simple and Strong Baseline for Collaborative Filtering", CIKM 2021, eq. 1.

    Examples
    --------
    >>> from skrec import CosineContrastiveLoss, MFRecommender
    >>> model = MFRecommender(loss=CosineContrastiveLoss(margin=0.4), n_negatives=16)
    >>> model.set_params(loss__negative_weight=5.0).loss
    CosineContrastiveLoss(margin=0.4, negative_weight=5.0)
    """

    margin: float = 0.5
    negative_weight: float = 10.0

    def _check_parameters(self) -> None:
        check_number(self.margin, "margin", at_least=-1, below=1)
        check_number(self.negative_weight, "negative_weight", above=0)

    def _losses(self) -> "Losses":
        training = partial(ccl, margin=self.margin, negative_weight=self.negative_weight)
        return Losses(training, partial(training, width=SMOOTHING_WIDTH / 4))  # cosines have a smaller range than scores


def hardest(loss: Loss, *, width: float = 0.0) -> Loss:
    """Return a loss that uses only the negative with the highest score (dynamic sampling, Zhang et al. 2013).

    Parameters
    ----------
    loss : callable
        Loss with the parameters of `softmax`.
    width : float, default=0.0
        If above 0, the highest score is replaced by the smooth maximum ``width * logsumexp(scores / width)``.
    """
    return partial(_of_hardest, loss=loss, width=width)  # which can be pickled


def _of_hardest(
    scores: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    log_q: Tensor | None = None,
    *,
    loss: Loss,
    width: float,
) -> Tensor:
    is_negative = _negatives(target, mask)
    best = scores.detach().masked_fill(~is_negative, _MASKED_SCORE).argmax(-1, keepdim=True)
    exists = torch.cat([torch.ones_like(best, dtype=torch.bool), is_negative.gather(-1, best)], -1)
    is_positive = torch.tensor([1, 0], dtype=target.dtype, device=target.device).expand(exists.shape)
    if width > 0:
        highest = width * (scores.masked_fill(~is_negative, _MASKED_SCORE) / width).logsumexp(-1, keepdim=True)
    else:
        highest = scores.gather(-1, best)
    return loss(torch.cat([_positive(scores, target), highest], -1), is_positive, exists)


class Losses(NamedTuple):
    """A loss and a smooth version of it, for which the solver of fold-in converges.

    Attributes
    ----------
    training, smooth : callable
    """

    training: Loss
    smooth: Loss

    def of_hardest(self) -> "Losses":
        """Return losses that use only the negative with the highest score."""
        return Losses(hardest(self.training), hardest(self.smooth, width=SMOOTHING_WIDTH))


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "bce": bce,
    "softmax": softmax,
    "bpr": bpr,
    "warp": warp,
}


def make_losses(loss: str | CosineContrastiveLoss | Loss, functions: dict[str, Loss], *, n_items: int) -> Losses:
    """Return the losses of training and of fold-in.

    Parameters
    ----------
    loss : str, CosineContrastiveLoss or callable
        Name of a loss, or a loss.
    functions : dict
        Losses by name.
    n_items : int
        Number of items in the catalog.
    """
    if isinstance(loss, CosineContrastiveLoss):
        return loss._losses()
    if callable(loss):
        return Losses(loss, loss)
    if loss == "warp":
        return Losses(*(partial(warp, n_items=n_items, width=width) for width in (0.0, SMOOTHING_WIDTH)))
    return CosineContrastiveLoss()._losses() if loss == "ccl" else Losses(functions[loss], functions[loss])


def batch_losses(network: RecommenderNetwork, loss: Loss, batch: Batch) -> Tensor:
    """Weighted losses of the examples of a minibatch, plus the terms that the network adds in training."""
    scores = network(batch.query, batch.items)
    added: Tensor | float = 0.0
    if isinstance(scores, tuple):
        scores, added = scores
    losses = loss(scores, batch.dense_target, batch.mask, batch.log_q) + added
    return losses if batch.weight is None else losses * batch.weight


def total_loss(network: RecommenderNetwork, loss: Loss, batch: Batch) -> Tensor:
    """Sum of `batch_losses`. The softmax of dot products over the whole catalog is computed by `row_likelihood`."""
    if loss is not softmax or not isinstance(batch.target, Rows) or not network.has_factors:
        return batch_losses(network, loss, batch).sum()
    factors, target, weight = network.factors(batch.query, batch.items), batch.target, batch.weight
    if weight is not None:
        target = target._replace(values=target.values * weight[target.index])
    total = row_likelihood(factors, target)
    if factors.added is None:
        return total
    return total + (factors.added if weight is None else factors.added * weight).sum()


def loss_weight(loss: Loss, batch: Batch) -> Tensor | int:
    """Return the number by which `total_loss` is divided to get the loss of an event, or else of an example.

    The softmax over the catalog is a sum over the events of a user. Other losses are means over the items of an example.
    """
    weight = batch.weight
    if loss is softmax and isinstance(batch.target, Rows):
        values = batch.target.values
        return values.sum() if weight is None else (values * weight[batch.target.index]).sum()
    return batch.n_examples if weight is None else weight.sum()


def _hinge(x: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """max(x, 0) and its derivative. With a width above 0, a softplus and a sigmoid of ``x / width``."""
    if width == 0:
        return x.clamp(min=0), (x > 0).to(x.dtype)
    return width * F.softplus(x / width), (x / width).sigmoid()


def _positive(scores: Tensor, target: Tensor) -> Tensor:
    """Score of the single positive of each example, (..., 1)."""
    return (scores * target).sum(-1, keepdim=True)


def _negatives(target: Tensor, mask: Tensor | None) -> Tensor:
    negative = target == 0
    return negative if mask is None else negative & mask


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the last axis, weighted by the mask. A vector is returned as it is."""
    if values.ndim == 1:
        return values
    if mask is None:
        return values.mean(-1)
    counts = mask.sum(-1)
    return torch.where(mask > 0, values * mask, 0).sum(-1) / counts.where(counts > 0, 1)
