"""In-place inversion of large matrices."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

from skrec._memory import blocks
from skrec._threads import blas_threads_in_step

Matrix = NDArray[np.float32] | NDArray[np.float64]


_TILE = 512
_WIDTH_OF_A_PANEL = 64  # columns that LAPACK treats together


def invert_in_place(matrix: Matrix) -> None:
    """Overwrite a symmetric positive definite matrix by its inverse.

    LAPACK computes the Cholesky factorization and inverts it, in ``n**3`` floating point operations and without a second
    matrix. KeyboardInterrupt is raised only after LAPACK returns.

    Parameters
    ----------
    matrix : float32 or float64 array of shape (n, n)
        In C order. Only the lower triangle is read. The inverse is exactly symmetric.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not finite or not positive definite within its precision. Its contents are then undefined.
    """
    factorize, invert = get_lapack_funcs(("potrf", "potri"), (matrix,), ilp64="preferred")
    with blas_threads_in_step(_WIDTH_OF_A_PANEL * float(len(matrix)) ** 2):
        # LAPACK uses Fortran order, in which the lower triangle is the upper one
        factor, first_bad = factorize(matrix.T, lower=False, clean=False, overwrite_a=True)
        if first_bad or not np.isfinite(factor.diagonal()).all():
            raise np.linalg.LinAlgError("the matrix is not positive definite")
        invert(factor, lower=False, overwrite_c=True)
    if not np.isfinite(matrix.diagonal()).all():
        raise np.linalg.LinAlgError("the matrix is not finite")
    _mirror_lower_triangle(matrix)


def _mirror_lower_triangle(matrix: Matrix) -> None:
    for block in blocks(len(matrix), _TILE):
        matrix[: block.start, block] = matrix[block, : block.start].T
        square = matrix[block, block]
        square[...] = np.tril(square) + np.tril(square, -1).T
