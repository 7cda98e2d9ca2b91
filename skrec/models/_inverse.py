"""The inverse of a large matrix in the memory of the matrix itself."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32] | NDArray[np.float64]


def invert_in_place(matrix: Matrix, *, block_size: int = 512) -> None:
    """Overwrite a symmetric positive definite matrix by its inverse.

    Block by block, rows and columns are swept (Gauss-Jordan); by symmetry the lower triangle is enough, and is all that is
    read. This takes ``n**3`` floating point operations, nearly all in products of matrices, and memory for three times
    ``n * block_size`` numbers. Ctrl-C works between blocks.

    Parameters
    ----------
    matrix : float32 or float64 array of shape (n, n)
        The answer is symmetric bit by bit.
    block_size : int, default=512

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite, as far as can be told at its precision. It is then left half done.
    """
    n = len(matrix)
    blocks = [slice(start, min(start + block_size, n)) for start in range(0, n, block_size)]
    for pivot in blocks:
        _sweep(matrix, blocks, pivot)
    for block in blocks:  # all swept, it is minus the inverse
        rows = matrix[block, : block.stop]
        np.negative(rows, out=rows)
        matrix[: block.start, block] = rows[:, : block.start].T
        square = matrix[block, block]
        square[...] = np.tril(square) + np.tril(square, -1).T


def _sweep(matrix: Matrix, blocks: list[slice], pivot: slice) -> None:
    """Solve the pivot's rows for its unknowns and put them into all other rows, in the lower triangle."""
    inverse = _inverse_of_block(matrix[pivot, pivot]).astype(matrix.dtype)
    columns = np.concatenate([matrix[pivot, : pivot.start].T, matrix[pivot.start :, pivot]])
    solved = columns @ inverse
    for block in blocks:
        if block != pivot:
            matrix[block, : block.stop] -= solved[block] @ columns[: block.stop].T
    matrix[pivot, : pivot.start] = solved[: pivot.start].T
    matrix[pivot.start :, pivot] = solved[pivot.start :]
    matrix[pivot, pivot] = np.negative(inverse)


def _inverse_of_block(block: Matrix) -> NDArray[np.float64]:
    """The inverse of a small matrix, of which the lower triangle is read."""
    if not np.isfinite(block).all():
        raise np.linalg.LinAlgError("the matrix is not finite")
    factor = np.linalg.inv(np.linalg.cholesky(block.astype(np.float64)))
    return factor.T @ factor
