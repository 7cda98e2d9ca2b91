"""Half an epoch on a CPU, by compiled code in threads."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._memory import blocks
from skrec._threads import map_in_threads, n_threads
from skrec.engine.batches._least_squares import CONVERGED, LEAST_SHARE, TABLE_ROWS, TINY, Side, gram

_BLOCK_COST = 2**14  # entries in a block of problems, so that blocks take similar times
_ROW_COST = 8  # time of the rotations of a row, in entries


def improve(x: NDArray, y: NDArray, side: Side, *, unobserved_weight: float, n_steps: int, n_jobs: int | None) -> float:
    """Improve the rows of a table by conjugate gradients, while the other table is fixed.

    Parameters
    ----------
    x : float32 array of shape (n_rows, d)
        The table, which is updated in place.
    y : float32 array of shape (n_columns, d)
        The fixed table.
    side : Side
    unobserved_weight : float
    n_steps : int
        Maximum number of steps.
    n_jobs : int or None
        Maximum number of threads. The result does not depend on it.

    Returns
    -------
    float
        Loss of the rows after the steps, with their penalties. Not finite if the vectors are too large.
    """
    from skrec.engine.als import _kernels

    n = n_threads(n_jobs, 4.0 * (n_steps + 1) * len(side.columns) * x.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        products = unobserved_weight * gram(y, n)
    if not np.isfinite(products).all():
        return float("nan")
    diagonal, axes = _principal_axes(products)
    rotated = np.empty_like(y)

    def rotate(block: slice) -> None:
        np.matmul(y[block], axes, out=rotated[block])

    def solve(rows: NDArray[np.int64]) -> float:
        part, losses = x[rows] @ axes, np.empty(len(rows))
        problem = rows, side.indptr, side.columns, side.weights, part, rotated, diagonal, side.penalties
        _kernels.solve_rows(*problem, n_steps, CONVERGED, TINY, losses)
        x[rows] = part @ axes.T
        return float(losses.sum())

    _map_quietly(rotate, blocks(len(y), TABLE_ROWS), n)
    return sum(_map_quietly(solve, _problem_blocks(side), n))


def _principal_axes(products: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Eigenvalues (d,) and eigenvectors, the columns of an orthogonal matrix (d, d), in float32.

    Small eigenvalues are raised to the rounding errors of float32. Otherwise, steps along their axes would follow these errors.
    """
    values, vectors = np.linalg.eigh(products)
    return values.clip(LEAST_SHARE * values[-1]).astype(np.float32), vectors.astype(np.float32)


def _problem_blocks(side: Side) -> list[NDArray[np.int64]]:
    """Split the rows into blocks that take similar times. The blocks do not depend on the number of threads."""
    costs = np.cumsum(side.indptr[side.rows + 1] - side.indptr[side.rows] + _ROW_COST)
    return np.split(side.rows, np.flatnonzero(np.diff(costs // _BLOCK_COST)) + 1)


def _map_quietly(function: Callable[[Any], Any], parts: Iterable[Any], n_threads: int) -> list[Any]:
    """Call a function in threads, without warnings of numpy. The loss tells when vectors are not finite."""

    def quiet(part: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            return function(part)

    return map_in_threads(quiet, parts, n_threads)
