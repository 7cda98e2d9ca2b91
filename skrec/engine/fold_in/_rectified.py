"""Rectified layers over the sum of a user's and an item's vector: scores and derivatives in blocks of pairs.

Autograd would keep a dozen arrays of shape (n_users, n_items, width). Here the forward and backward passes of a block of pairs
are computed while the block is in the processor's cache. Only the derivatives of the scores with respect to the users' vectors
are kept.
"""

import torch
from torch import Tensor, nn

from skrec._memory import BLOCK_BYTES
from skrec.engine.fold_in._scores import Pullback, Scores

_CORNER_WIDTH = 0.05
# floats of all layers in a block: few enough for the cache of a CPU core, many more on an accelerator
_FLOATS_ON_CPU, _FLOATS_ELSEWHERE = BLOCK_BYTES // 512, BLOCK_BYTES // 2  # 1 MiB and 256 MiB

# weight (n_out, n_in) and bias (n_out,)
LinearMap = tuple[Tensor, Tensor]


class SmoothReLU(nn.Module):
    """ReLU with a parabola at the corner, so that its derivative is continuous."""

    def forward(self, x: Tensor) -> Tensor:
        slope = ((x + _CORNER_WIDTH) / (2 * _CORNER_WIDTH)).clamp(0, 1)
        return _CORNER_WIDTH * slope.square() + (x - _CORNER_WIDTH).clamp(min=0)


def rectified(of_items: Tensor, maps: list[LinearMap], index: Tensor | None) -> Scores:
    """Return the scores of linear maps over sums of a user's and an item's vector, with `SmoothReLU` before each map.

    Parameters
    ----------
    of_items : float64 Tensor of shape (n_items, w)
        Vectors of the items.
    maps : list of (Tensor, Tensor)
        Weights and biases in float64.
    index : int64 Tensor of shape (n_items,), or None
        User of each item. If None, all items are scored for all users.
    """
    of_items, maps = _in_units_of_corners(of_items, 0.5), _between_corners(maps)
    n_floats = _FLOATS_ON_CPU if of_items.device.type == "cpu" else _FLOATS_ELSEWHERE
    n_pairs = max(1, n_floats // (2 * sum(weight.shape[1] for weight, _ in maps)))
    users_of_pairs = () if index is None else index.split(n_pairs)
    kept = of_items.new_empty(0)

    def buffer(*shape: int) -> Tensor:
        nonlocal kept  # writing to new memory takes as long as computing all layers
        kept = kept if kept.shape == shape else of_items.new_empty(shape)
        return kept

    def all_of_each(vectors: Tensor) -> tuple[Tensor, Pullback]:
        vectors = _in_units_of_corners(vectors)
        scores = vectors.new_empty(len(vectors), len(of_items))
        slopes_of_pairs = buffer(*scores.shape, vectors.shape[1])
        height = max(1, n_pairs // max(1, len(of_items)))
        for users in (slice(start, start + height) for start in range(0, len(vectors), height)):
            sums = (vectors[users, None] + of_items).flatten(0, 1)
            scores[users] = _score(sums, maps, slopes_of_pairs[users].view(sums.shape)).view(-1, len(of_items))
        return scores, lambda slopes: _in_units_of_corners((slopes[:, None] @ slopes_of_pairs)[:, 0])

    def one_by_one(vectors: Tensor) -> tuple[Tensor, Pullback]:
        vectors = _in_units_of_corners(vectors)
        slopes_of_pairs = buffer(*of_items.shape)
        parts = zip(users_of_pairs, of_items.split(n_pairs), slopes_of_pairs.split(n_pairs), strict=True)
        scores = [_score(vectors.index_select(0, users).add_(items), maps, slopes) for users, items, slopes in parts]

        def pullback(slopes: Tensor) -> Tensor:
            products = slopes_of_pairs.mul_(slopes[:, None])
            return _in_units_of_corners(torch.zeros_like(vectors).index_add_(0, index, products))

        return torch.cat(scores), pullback

    return all_of_each if index is None else one_by_one


def _score(x: Tensor, maps: list[LinearMap], slopes_of_x: Tensor) -> Tensor:
    """Scores (n,) of sums of vectors (n, w), which are overwritten. The derivatives are written to ``slopes_of_x``."""
    slopes = []
    for weight, bias in maps:
        slopes.append(x.clamp(0, 1))
        x = torch.addmm(bias, x.sub_(slopes[-1], alpha=0.5).mul_(slopes[-1]), weight.T)
    by_layer = maps[-1][0]
    for (weight, _), slope in zip(maps[-2::-1], slopes[:0:-1], strict=True):
        by_layer = torch.mm(slope.mul_(by_layer), weight)
    torch.mul(slopes[0], by_layer, out=slopes_of_x)
    return x[:, 0]


def _in_units_of_corners(x: Tensor, offset: float = 0.0) -> Tensor:
    """Scale x so that, with an offset of 0.5, the corner extends from 0 to 1 and its slope equals x."""
    return x / (2 * _CORNER_WIDTH) + offset


def _between_corners(maps: list[LinearMap]) -> list[LinearMap]:
    """Convert linear maps to inputs and outputs in units of corners, except for the scores."""
    *hidden, (weight, bias) = maps
    return [*((weight, _in_units_of_corners(bias, 0.5)) for weight, bias in hidden), (2 * _CORNER_WIDTH * weight, bias)]
