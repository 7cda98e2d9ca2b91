"""Rectified layers over the sum of a user's and an item's vector: scores and their derivatives, some pairs at a time.

Autograd would keep a dozen arrays of shape (n_users, n_items, width). Here the layers of some pairs are computed forwards and
backwards while they are in the processor's cache. What is kept are the derivatives of each pair's score by the user's vector.
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
    """Scores by linear maps, before each of which numbers pass through `SmoothReLU`, at first sums of two vectors.

    Parameters
    ----------
    of_items : float64 Tensor of shape (n_items, w)
        What is added to the users' vectors.
    maps : list of (Tensor, Tensor)
        In float64.
    index : int64 Tensor of shape (n_items,), or None
        Users of pairs with the items.
    """
    of_items, maps = _in_units_of_corners(of_items, 0.5), _between_corners(maps)
    n_floats = _FLOATS_ON_CPU if of_items.device.type == "cpu" else _FLOATS_ELSEWHERE
    n_pairs = max(1, n_floats // (2 * sum(weight.shape[1] for weight, _ in maps)))
    users_of_pairs = () if index is None else index.split(n_pairs)
    kept = of_items.new_empty(0)

    def buffer(*shape: int) -> Tensor:
        nonlocal kept  # to write to new memory costs as much as all layers
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
    """Scores (n,) of sums of vectors (n, w), which are written over; their derivatives go to ``slopes_of_x``."""
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
    """Numbers such that a corner goes from 0 to 1, if the offset is a half: its slope is then the number itself."""
    return x / (2 * _WIDTH_OF_CORNERS) + offset


def _between_corners(maps: list[LinearMap]) -> list[LinearMap]:
    """The same linear maps of numbers, and to numbers, in units of corners; only scores are in their own."""
    *hidden, (weight, bias) = maps
    return [*((weight, _in_units_of_corners(bias, 0.5)) for weight, bias in hidden), (2 * _WIDTH_OF_CORNERS * weight, bias)]
