"""EASE: a linear model of each item by all others, in closed form."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec._checks import check_number
from skrec._memory import blocks, rows_per_block
from skrec.base import ItemWeightsRecommender
from skrec.data import Interactions
from skrec.models._inverse import Matrix, invert_in_place

_RELATIVE_ERROR = 1e-4
_ENTRY_BYTES = 64  # that one takes in a sparse product, with room to spare
_FEW_USERS = 0.75  # of the items


class EASERecommender(ItemWeightsRecommender):
    """Embarrassingly shallow autoencoder: the weights B, with zero diagonal, for which X B is nearest to X.

    With P the inverse of ``X.T @ X + regularization * I``, ``B = I - P / diag(P)`` (column-wise). A score is the sum of the
    weights of the user's items, so new users need no training and every recommendation can be explained.

    Parameters
    ----------
    regularization : float, default=500.0
        L2 penalty of the weights.
    positive_from : float, default=None
        Least value of a positive event; None counts every value above 0.

    Attributes
    ----------
    item_weights_ : float32 array of shape (n_items_, n_items_)
        B; its column j holds what each item says about item j.

    Raises
    ------
    ValueError
        From ``fit``, if the regularization is so small that the matrix cannot be inverted.
    MemoryError
        From ``fit``, with the bytes needed, if there is no room for the matrix.

    Notes
    -----
    Fitting takes n_items**3 floating point operations, nearly all in products of matrices: 10,000 items some 15 seconds on one
    core, 40,000 items a quarter of an hour. Memory is 4 * n_items**2 bytes, 6.7 GB for 40,981 items: one float32 matrix becomes
    the inverse and then the weights in place. Where users are less than three quarters of the items, the inverse is found by
    one of the size of the users (Woodbury), in n_users**3 operations and with 4 * n_users**2 bytes more. The weights are
    right to 1e-4 of the largest. Where float32 cannot promise that, because regularization is below about 1/840 of the largest
    eigenvalue of ``X.T @ X``, float64 is used, always by the items, twice as slow and with 12 * n_items**2 bytes at the end.

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

    regularization: float = 500.0

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
        if diagonal.max() > 1 + _RELATIVE_ERROR:  # more than the inverse of I + something positive can have
            raise _too_small(self.regularization)
        matrix /= -diagonal
        np.fill_diagonal(matrix, 0)
        self.item_weights_ = matrix.astype(np.float32, copy=False)


def _too_small(regularization: float) -> ValueError:
    return ValueError(
        f"regularization={regularization!r} is too small: X.T @ X + regularization * I is singular as far as float64 can tell"
    )


def _precision(rows: sp.csr_array, regularization: float) -> Any:
    """float32 if its rounding, times the condition number, stays below the relative error that is promised; else float64."""
    vector = np.ones(rows.shape[1])
    for _ in range(10):
        vector = rows.T @ (rows @ (vector / np.linalg.norm(vector)))
    largest_eigenvalue = np.linalg.norm(vector)
    rounding = float(np.finfo(np.float32).eps) * (largest_eigenvalue + regularization)
    return np.float32 if rounding <= _RELATIVE_ERROR * regularization else np.float64


def _inverse(rows: sp.csr_array, regularization: float, dtype: Any) -> Matrix:
    """Of ``X.T @ X / regularization + I``, which gives the same weights and neither over- nor underflows."""
    n_users, n_items = rows.shape
    rows, columns = rows.astype(dtype), rows.T.tocsr().astype(dtype)
    # the way by the users subtracts from one what is nearly one, for which the rounding must be known to be small
    if dtype is np.float64 or n_users > _FEW_USERS * n_items:
        matrix = _regularized_gram(rows, columns, regularization, _empty(n_items, "items", dtype))
        invert_in_place(matrix)
        return matrix
    of_items = _empty(n_items, "items", dtype)
    of_users = _regularized_gram(columns, rows, regularization, _empty(n_users, "users", dtype))
    invert_in_place(of_users)
    for block in blocks(n_items, rows_per_block(_ENTRY_BYTES * n_items)):
        of_items[block] = (columns @ (columns[block] @ of_users).T).T
    with np.errstate(over="ignore"):  # immense regularization leaves nothing
        of_items /= -regularization
    of_items[np.diag_indices(n_items)] += 1
    return of_items


def _empty(n: int, of: str, dtype: Any) -> Matrix:
    try:
        return np.empty((n, n), dtype)
    except (MemoryError, ValueError) as error:
        raise MemoryError(
            f"EASE of {n} {of} needs a matrix of {n * n * np.dtype(dtype).itemsize} bytes: leave out rare items"
        ) from error


def _regularized_gram(rows: sp.csr_array, columns: sp.csr_array, regularization: float, gram: Matrix) -> Matrix:
    """``columns @ rows / regularization + I``, in the memory of ``gram``."""
    n = len(gram)
    with np.errstate(over="ignore"):  # an infinite matrix is refused when it is inverted
        for block in blocks(n, rows_per_block(_ENTRY_BYTES * n)):
            (columns[block] @ rows).toarray(out=gram[block])
            gram[block] /= regularization
    gram[np.diag_indices(n)] += 1
    return gram
