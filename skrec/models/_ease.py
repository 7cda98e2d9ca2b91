"""EASE: a linear autoencoder in closed form.

Other parameters are documented in `HistoryRecommender`.
"""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from skrec._checks import check_number
from skrec._memory import blocks, rows_per_block
from skrec.base import ItemWeightsRecommender
from skrec.data import Interactions
from skrec.models._inverse import Matrix, invert_in_place
from skrec.persistence import Array, Kind

_RELATIVE_ERROR = 1e-4
_ENTRY_BYTES = 64  # generous estimate of the memory of an entry of a sparse product
_MAX_USERS_PER_ITEM = 0.75  # below this ratio the matrix of users is inverted


class EASERecommender(ItemWeightsRecommender):
    """EASE: a linear model that predicts each item from all other items, in closed form.

    The weights B minimize ``|X - X B|**2 + regularization * |B|**2`` subject to a zero diagonal. With P the inverse of ``X.T @
    X + regularization * I``, ``B = I - P / diag(P)`` (by columns). The score of an item is the sum of the weights of the user's
    items. New users need no training, and every recommendation can be explained.

    Parameters
    ----------
    regularization : float, default=300.0
        L2 penalty of the weights.

    Attributes
    ----------
    item_weights_ : float32 array of shape (n_items_, n_items_)
        B. Column j holds the weights that predict item j.

    Raises
    ------
    ValueError
        By ``fit``, if ``regularization`` is so small that the matrix cannot be inverted.
    MemoryError
        By ``fit``, if there is not enough memory for the matrix. The message has the number of bytes.

    Notes
    -----
    ``fit`` takes n_items**3 floating point operations: about 15 seconds for 10,000 items on one core, 15 minutes for 40,000
    items. Memory is ``4 * n_items**2`` bytes, 6.7 GB for 40,981 items. One float32 matrix is overwritten by its inverse and
    then by the weights.

    If the number of users is below 0.75 times the number of items, a matrix of shape (n_users, n_users) is inverted instead
    (Woodbury), in n_users**3 operations and with ``4 * n_users**2`` additional bytes.

    The error of the weights is at most 1e-4 of the largest weight. If float32 is not accurate enough for that, because
    ``regularization`` is below about 1/840 of the largest eigenvalue of ``X.T @ X``, float64 is used. This is twice as slow,
    inverts the matrix of items in all cases and takes up to ``12 * n_items**2`` bytes.

    References
    ----------
    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from skrec import EASERecommender
    >>> model = EASERecommender(regularization=1.0).fit(csr_array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]]))
    >>> model.recommend([3], k=1).items.tolist()
    [[1]]
    """

    regularization: float = 300.0

    _stored: ClassVar[dict[str, Kind]] = {"item_weights_": Array("float32", "items", "items")}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self.regularization, "regularization", above=0)

    def _fit(self, data: Interactions) -> None:
        regularization = float(self.regularization)
        rows = self._keep_rows(data)
        try:
            matrix = _inverse(rows, regularization, _precision(rows, regularization))
        except np.linalg.LinAlgError as error:
            raise _too_small(self.regularization) from error
        diagonal = matrix.diagonal().copy()
        if diagonal.max() > 1 + _RELATIVE_ERROR:  # impossible for the inverse of I plus a positive semidefinite matrix
            raise _too_small(self.regularization)
        matrix /= -diagonal
        np.fill_diagonal(matrix, 0)
        self.item_weights_ = matrix.astype(np.float32, copy=False)


def _too_small(regularization: float) -> ValueError:
    return ValueError(f"regularization={regularization!r} is too small: X.T @ X + regularization * I is singular in float64")


def _precision(rows: sp.csr_array, regularization: float) -> Any:
    """float32 if its rounding error times the condition number is below the promised relative error, otherwise float64."""
    vector = np.ones(rows.shape[1])
    for _ in range(10):
        vector = rows.T @ (rows @ (vector / np.linalg.norm(vector)))
    largest_eigenvalue = np.linalg.norm(vector)
    rounding = float(np.finfo(np.float32).eps) * (largest_eigenvalue + regularization)
    return np.float32 if rounding <= _RELATIVE_ERROR * regularization else np.float64


def _inverse(rows: sp.csr_array, regularization: float, dtype: Any) -> Matrix:
    """Inverse of ``X.T @ X / regularization + I``, which gives the same weights and does not overflow."""
    n_users, n_items = rows.shape
    rows, columns = rows.astype(dtype), rows.T.tocsr().astype(dtype)
    # Woodbury's formula subtracts nearly equal numbers, which is accurate only if rounding errors are small
    if dtype is np.float64 or n_users > _MAX_USERS_PER_ITEM * n_items:
        matrix = _regularized_gram(rows, columns, regularization, _empty(n_items, "items", dtype))
        invert_in_place(matrix)
        return matrix
    of_items = _empty(n_items, "items", dtype)
    of_users = _regularized_gram(columns, rows, regularization, _empty(n_users, "users", dtype))
    invert_in_place(of_users)
    for block in blocks(n_items, rows_per_block(_ENTRY_BYTES * n_items)):
        of_items[block] = (columns @ (columns[block] @ of_users).T).T
    with np.errstate(over="ignore"):  # very large regularization makes all weights 0
        of_items /= -regularization
    of_items[np.diag_indices(n_items)] += 1
    return of_items


def _empty(n: int, of: str, dtype: Any) -> Matrix:
    try:
        return np.empty((n, n), dtype)
    except (MemoryError, ValueError) as error:
        raise MemoryError(
            f"EASE of {n} {of} needs a matrix of {n * n * np.dtype(dtype).itemsize} bytes; remove rare items"
        ) from error


def _regularized_gram(rows: sp.csr_array, columns: sp.csr_array, regularization: float, gram: Matrix) -> Matrix:
    """Write ``columns @ rows / regularization + I`` into ``gram``."""
    n = len(gram)
    with np.errstate(over="ignore"):  # the inversion raises if the matrix is not finite
        for block in blocks(n, rows_per_block(_ENTRY_BYTES * n)):
            (columns[block] @ rows).toarray(out=gram[block])
            gram[block] /= regularization
    gram[np.diag_indices(n)] += 1
    return gram
