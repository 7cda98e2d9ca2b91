"""Rectified layers over the sum of a user's and an item's vector: scores and their derivatives, a few pairs at a time.

Autograd would write a dozen arrays of the size users x items x width. Here the layers of some pairs stay in the processor's cache,
and of each pair the derivatives by the user's vector are kept, which cost no more than those of a sum of the scores.
"""

import torch
from torch import Tensor, nn

from skrec.engine.fold_in._scores import Pullback, Scores

_WIDTH_OF_CORNERS = 0.05
# numbers of all layers at once: few enough for a core's cache; an accelerator wants them by the million
_FLOATS_ON_CPU, _FLOATS_ELSEWHERE = 2**17, 2**25

# weight (n_out, n_in) and bias (n_out,)
LinearMap = tuple[Tensor, Tensor]


class SmoothReLU(nn.Module):
    """ReLU with a parabola in place of the corner, so that what is made of it has a gradient everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        slope = ((x + _WIDTH_OF_CORNERS) / (2 * _WIDTH_OF_CORNERS)).clamp(0, 1)
        return _WIDTH_OF_CORNERS * slope.square() + (x - _WIDTH_OF_CORNERS).clamp(min=0)


def rectified(of_items: Tensor, maps: list[LinearMap], index: Tensor | None) -> Scores:
    """Linear maps, each of rectified numbers, the first of the sum of two vectors; the last one gives a score.

    Parameters
    ----------
    of_items : float64 Tensor of shape (n_items, w)
        What is added to the users' vectors.
    maps : list of (Tensor, Tensor)
        In float64.
    index : int64 Tensor of shape (n_items,), or None
        Users of pairs with the items.
    """
    n_floats = _FLOATS_ON_CPU if of_items.device.type == "cpu" else _FLOATS_ELSEWHERE
    n_pairs = max(1, n_floats // (2 * sum(weight.shape[1] for weight, _ in maps)))

    def all_of_each(vectors: Tensor) -> tuple[Tensor, Pullback]:
        scores = vectors.new_empty(len(vectors), len(of_items))
        slopes_of_pairs = vectors.new_empty(*scores.shape, vectors.shape[1])
        height = max(1, n_pairs // max(1, len(of_items)))
        for users in (slice(start, start + height) for start in range(0, len(vectors), height)):
            sums = torch.add(vectors[users, None], of_items, out=slopes_of_pairs[users])
            scores[users] = _to_slopes(sums.flatten(0, 1), maps).view(-1, len(of_items))
        return scores, lambda slopes: (slopes[:, None] @ slopes_of_pairs)[:, 0]

    def one_by_one(vectors: Tensor) -> tuple[Tensor, Pullback]:
        slopes_of_pairs = vectors.index_select(0, index).add_(of_items)
        scores = torch.cat([_to_slopes(sums, maps) for sums in slopes_of_pairs.split(n_pairs)])
        return scores, lambda slopes: torch.zeros_like(vectors).index_add_(0, index, slopes[:, None] * slopes_of_pairs)

    return all_of_each if index is None else one_by_one


def _to_slopes(sums: Tensor, maps: list[LinearMap]) -> Tensor:
    """Scores (n,) of sums of vectors (n, w), which are replaced by the scores' derivatives."""
    x, slopes = sums, []
    for weight, bias in maps:
        slope = torch.mul(x, 1 / (2 * _WIDTH_OF_CORNERS)).add_(0.5).clamp_(0, 1)
        slopes.append(slope)
        # x itself is free to be written to
        x = torch.addmm(bias, x.add_(_WIDTH_OF_CORNERS).sub_(slope, alpha=_WIDTH_OF_CORNERS).mul_(slope), weight.T)
    by_layer = maps[-1][0].expand(len(sums), -1)
    for (weight, _), slope in zip(maps[-2::-1], slopes[:0:-1], strict=True):
        by_layer = torch.mm(slope.mul_(by_layer), weight)
    torch.mul(slopes[0], by_layer, out=sums)
    return x[:, 0]
