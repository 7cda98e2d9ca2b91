"""Errors of predicted ratings."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrec.data._arrays import as_array, as_numbers


def rmse(y_true: ArrayLike, y_pred: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Root mean squared error: ``sqrt(sum(w * (y_true - y_pred)**2) / sum(w))``.

    Parameters
    ----------
    y_true, y_pred : array-like of float, shape (n_events,)
        True and predicted ratings.
    weights : array-like of float, shape (n_events,), optional
        Non-negative weights, not all zero. If None, all weights are 1.

    Returns
    -------
    float
        The error, computed in float64. 0 is best.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length, or contain NaN or infinity, or the weights are not valid.

    Examples
    --------
    >>> rmse([4, 2], [3, 2])
    0.7071067811865476
    """
    return float(np.sqrt(np.average(_errors(y_true, y_pred) ** 2, weights=_weights(weights, y_true))))


def mae(y_true: ArrayLike, y_pred: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Mean absolute error: ``sum(w * |y_true - y_pred|) / sum(w)``.

    Parameters
    ----------
    y_true, y_pred, weights
        As for `rmse`, with the same errors.

    Returns
    -------
    float
        The error, computed in float64. 0 is best.

    Examples
    --------
    >>> mae([4, 2], [3, 2], weights=[3, 1])
    0.75
    """
    return float(np.average(np.abs(_errors(y_true, y_pred)), weights=_weights(weights, y_true)))


def _errors(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.float64]:
    true, predicted = _finite(y_true, "y_true"), _finite(y_pred, "y_pred")
    if len(true) == 0 or len(true) != len(predicted):
        raise ValueError(f"y_true and y_pred must have the same length of at least 1, got {len(true)} and {len(predicted)}")
    return predicted - true


def _weights(weights: ArrayLike | None, y_true: ArrayLike) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    array = _finite(weights, "weights")
    if len(array) != len(np.asarray(y_true)):
        raise ValueError(f"weights must have the length of y_true, {len(np.asarray(y_true))}, got {len(array)}")
    if array.min() < 0 or array.max() == 0:
        raise ValueError("weights must not be negative and not all be zero")
    return array


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = as_numbers(as_array(values, name), name).astype(np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but contains NaN or infinity")
    return array
