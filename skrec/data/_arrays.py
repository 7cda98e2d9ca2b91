"""Conversion of array-likes to arrays of numbers."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def as_array(values: Any, name: str) -> NDArray:
    """Convert to an array. Raise ValueError for masked entries and for what numpy cannot convert."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} is a masked array with masked entries; drop entries that were not observed")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from None


def as_numbers(array: NDArray, name: str) -> NDArray:
    """Convert arrays of objects to real numbers, and refuse other dtypes that are not real."""
    if array.dtype.kind == "O":
        strings = [entry for entry in array.flat if isinstance(entry, str | bytes)]
        if strings:
            raise ValueError(f"{name} must hold numbers, got {strings[0]!r}")
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must hold numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(wrong_dtype(name, array.dtype))
    return array


def wrong_dtype(name: str, dtype: np.dtype) -> str:
    """The error message for an array that does not hold real numbers."""
    if dtype.kind == "c":
        return f"Complex data not supported: {name} has dtype {dtype}"
    return f"{name} must hold numbers, got dtype {dtype}"


def finite(values: NDArray, name: str) -> NDArray[np.float32]:
    """Convert to float32, and check that all numbers are finite."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        what = "NaN" if np.isnan(numbers).any() else "infinity or a value too large for float32"
        raise ValueError(f"{name} must hold finite numbers, got {what}; drop entries that were not observed")
    return numbers


def read_values(values: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """Read one finite float32 per event."""
    if sp.issparse(values):
        raise TypeError(f"{name} must be a 1-D array of numbers, got a sparse matrix")
    array = as_array(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one number for each of the {n_events} events, got shape {array.shape}")
    return finite(as_numbers(array, name), name)


def read_weights(weights: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """Read one finite and non-negative float32 per event."""
    array = read_values(weights, n_events=n_events, name=name)
    if array.min(initial=0) < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array
