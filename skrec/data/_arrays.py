"""Arrays of numbers out of whatever holds them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def as_array(values: Any, name: str) -> NDArray:
    """What numpy makes of it, unless that would lose something."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} is a masked array with masked entries; leave out what was not observed")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from None


def as_numbers(array: NDArray, name: str) -> NDArray:
    """Real numbers, taken out of objects where need be."""
    if array.dtype.kind == "O":
        words = [entry for entry in array.flat if isinstance(entry, str | bytes)]
        if words:
            raise ValueError(f"{name} must hold numbers, got {words[0]!r}")
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must hold numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(wrong_dtype(name, array.dtype))
    return array


def wrong_dtype(name: str, dtype: np.dtype) -> str:
    """The message about an array that holds no real numbers."""
    if dtype.kind == "c":
        return f"Complex data not supported: {name} has dtype {dtype}"
    return f"{name} must hold numbers, got dtype {dtype}"


def finite(values: NDArray, name: str) -> NDArray[np.float32]:
    """Values as float32, all of them finite in that type."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        what = "NaN" if np.isnan(numbers).any() else "infinity or a value too large for float32"
        raise ValueError(f"{name} must hold finite numbers, got {what}; leave out what was not observed")
    return numbers


def read_values(values: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite float32 for each event."""
    if sp.issparse(values):
        raise TypeError(f"{name} must be a 1-D array of numbers, got a sparse matrix")
    array = as_array(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_events,):
        raise ValueError(f"{name} must be one number for each of the {n_events} events, got shape {array.shape}")
    return finite(as_numbers(array, name), name)


def read_weights(weights: Any, *, n_events: int, name: str) -> NDArray[np.float32]:
    """One finite, non-negative float32 for each event."""
    array = read_values(weights, n_events=n_events, name=name)
    if array.min(initial=0) < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    return array
