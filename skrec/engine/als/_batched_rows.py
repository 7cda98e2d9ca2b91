"""Half an epoch on a GPU, by batches of tensors."""

import torch
from torch import Tensor

from skrec._memory import rows_per_block
from skrec.engine.batches._least_squares import CONVERGED, LEAST_SHARE, TINY, Side, gram

_N_BLOCKS_AT_ONCE = 16  # memory of a GPU for one step, in blocks


@torch.no_grad()
def improve(x: Tensor, y: Tensor, side: Side, *, unobserved_weight: float, n_steps: int) -> float:
    """Improve the rows of a table by conjugate gradients, while the other table is fixed.

    Parameters
    ----------
    x : float32 Tensor of shape (n_rows, d)
        The table, which is updated in place.
    y : float32 Tensor of shape (n_columns, d)
        The fixed table.
    side : Side
        Tensors on the same device.
    unobserved_weight : float
    n_steps : int
        Maximum number of steps.

    Returns
    -------
    float
        Loss of the rows after the steps, with their penalties. Not finite if the vectors are too large.
    """
    products = unobserved_weight * gram(y)
    if not products.isfinite().all():
        return float("nan")
    diagonal, axes = torch.linalg.eigh(products)
    diagonal, axes = diagonal.clamp(min=LEAST_SHARE * float(diagonal[-1])).float(), axes.float()
    rotated, total = y @ axes, 0.0
    lengths = side.indptr[side.rows + 1] - side.indptr[side.rows]
    exponents = lengths.clamp(min=1).double().log2().ceil().long()
    for exponent in exponents.unique().tolist():  # rows of similar lengths, padded to the same power of two
        width = 2**exponent
        for rows in side.rows[exponents == exponent].split(_N_BLOCKS_AT_ONCE * rows_per_block(4 * width * x.shape[1])):
            columns, weights = _padded(side, rows, width)
            ridge = diagonal + side.penalties[rows, None]
            solution, losses = _solve(x[rows] @ axes, rotated[columns], weights, ridge, n_steps)
            x[rows] = solution @ axes.T
            total += float(losses.sum())
    return total


def _padded(side: Side, rows: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Columns and weights (n, width) of the entries of rows. Padding has a weight of 0."""
    places = side.indptr[rows, None] + torch.arange(width, device=rows.device)
    is_entry = places < side.indptr[rows + 1, None]
    places = torch.where(is_entry, places, 0)
    return side.columns[places].long(), torch.where(is_entry, side.weights[places], 0)


def _solve(x: Tensor, y: Tensor, weights: Tensor, ridge: Tensor, n_steps: int) -> tuple[Tensor, Tensor]:
    """Solutions (n, d) and their losses (n,), given vectors (n, width, d) and weights (n, width) of the entries of each row."""

    def image(direction: Tensor) -> Tensor:
        products = (y @ direction[..., None])[..., 0]
        return ridge * direction + _weighted_sum(y, weights * products)

    errors = 1 - (y @ x[..., None])[..., 0]
    residual = _weighted_sum(y, weights * errors) - ridge * x
    losses = (weights * errors.square()).double().sum(1) + (ridge * x.square()).double().sum(1)
    scale = ridge + _weighted_sum(y.square(), weights)
    scale = torch.where(scale > 0, 1 / scale, 0)
    direction = scale * residual
    product = (direction * residual).sum(1)
    limit = (CONVERGED * losses).clamp(min=TINY)
    for _ in range(n_steps):
        goes_on = product > limit
        of_direction = image(direction)
        length = torch.where(goes_on, product / (direction * of_direction).sum(1), 0)
        losses = losses - length.double() * product
        x = x + length[:, None] * direction
        residual = residual - length[:, None] * of_direction
        following = (scale * residual.square()).sum(1)
        ratio = torch.where(goes_on, following / product, 0)
        direction, product = scale * residual + ratio[:, None] * direction, torch.where(goes_on, following, 0)
    return x, losses


def _weighted_sum(vectors: Tensor, weights: Tensor) -> Tensor:
    return (vectors.mT @ weights[..., None])[..., 0]
