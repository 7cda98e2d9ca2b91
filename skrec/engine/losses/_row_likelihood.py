"""Softmax over the whole catalog for scores that are dot products, without storing the scores of a minibatch.

Autograd would write a dozen arrays of size examples x catalog. Here scores, loss and gradients are computed for a few examples
at a time, within the processor's cache. This is several times faster and takes a fraction of the memory.
"""

from typing import Any

import torch
from torch import Tensor

from skrec._memory import BLOCK_BYTES
from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.networks._products import Factors

# scores in a block: few enough for the cache of a CPU core, many more on an accelerator
_FLOATS_ON_CPU, _FLOATS_ELSEWHERE = BLOCK_BYTES // 32, BLOCK_BYTES  # 8 MiB, which fits into caches, and 256 MiB


def row_likelihood(factors: Factors, target: Rows) -> Tensor:
    """Sum of the `softmax` losses of rows over the whole catalog.

    Parameters
    ----------
    factors : Factors
        Vectors of the users and of the whole catalog, which all examples share. Biases of users have no effect.
    target : Rows
        Count or weight of each chosen item. An item occurs at most once in a row.

    Returns
    -------
    Tensor of shape ()
        The sum. It can be differentiated once.

    Notes
    -----
    Computed in float32 or higher, also with mixed precision. Memory is needed for the gradients of the factors and for a block
    of scores, which takes 8 MiB on a CPU or as much as the items' vectors, whichever is larger.
    """
    users, items = factors.users, factors.items[0]
    dtype = torch.promote_types(users.dtype, torch.float32)
    biases = items.new_zeros(len(items)) if factors.biases is None else factors.biases[0]
    with torch.autocast(users.device.type, enabled=False):  # sums over the catalog need full precision
        parts = users.to(dtype), items.to(dtype), biases.to(dtype)
        wanted = tuple(part.requires_grad and torch.is_grad_enabled() for part in parts)
        return _RowLikelihood.apply(*parts, target._replace(values=target.values.to(dtype)), wanted)


class _RowLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, users: Tensor, items: Tensor, biases: Tensor, target: Rows, wanted: tuple[bool, bool, bool]
    ) -> Tensor:
        gradients = [torch.zeros_like(part) if is_wanted else None for part, is_wanted in zip((users, items, biases), wanted)]
        index, totals = target.index, target.sums()
        ends = [0, *target.lengths.cumsum(0).tolist()]
        floats = _FLOATS_ON_CPU if users.device.type == "cpu" else _FLOATS_ELSEWHERE
        # every block reads and writes the items' gradient, so a block should have at least as many scores
        height = max(floats // len(items), users.shape[1])
        buffer = users.new_empty(min(height, len(users)), len(items))
        loss = users.new_zeros(())
        for start in range(0, len(users), height):
            block = slice(start, min(start + height, len(users)))
            entries = slice(ends[block.start], ends[block.stop])
            rows, columns, values = index[entries] - start, target.columns[entries], target.values[entries]
            scores = torch.addmm(biases, users[block], items.T, out=buffer[: block.stop - start])
            scores.sub_(scores.amax(1, keepdim=True))
            loss -= values @ scores[rows, columns]
            chances = scores.exp_()
            sums = chances.sum(1)
            loss += totals[block] @ sums.log()
            if any(wanted):
                slopes = chances.mul_((totals[block] / sums)[:, None])
                slopes[rows, columns] -= values
                _add_gradients(gradients, slopes, users[block], items, block)
        context.save_for_backward(*gradients)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if gradient is None else gradient * slope for gradient in context.saved_tensors), None, None


def _add_gradients(gradients: list[Tensor | None], slopes: Tensor, users: Tensor, items: Tensor, block: slice) -> None:
    """Add the gradients of the factors for a block of scores."""
    of_users, of_items, of_biases = gradients
    if of_users is not None:
        torch.mm(slopes, items, out=of_users[block])
    if of_items is not None:
        of_items.addmm_(slopes.T, users)
    if of_biases is not None:
        of_biases += slopes.sum(0)
