"""How the attributes of fitted estimators are stored.

A class declares its attributes in ``_stored``, a dict of a kind for each name. A kind writes an attribute as a JSON node, and
checks what it reads: files may hold anything.
"""

import copy
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.persistence._errors import ModelFormatError


class Kind(ABC):
    """How an attribute is stored.

    Attributes
    ----------
    is_made : bool, default=False
        Whether the attribute is made of other attributes, and is read after them.
    is_optional_in_files : bool, default=False
        Whether files of earlier versions lack the attribute. Its node is None then.
    """

    is_made: ClassVar[bool] = False
    is_optional_in_files: ClassVar[bool] = False

    @abstractmethod
    def write(self, value: Any, writer: Any) -> Any:
        """Return the JSON node of a value.

        Parameters
        ----------
        value : object
            The attribute.
        writer : ModelWriter
            Writes parts of the value. ``writer.model`` is the estimator.
        """

    @abstractmethod
    def read(self, node: Any, reader: Any) -> Any:
        """Return the value of a JSON node.

        Parameters
        ----------
        node : object
            What `write` has returned, or anything else that JSON can hold.
        reader : ModelReader
            Reads parts of the value. ``reader.model`` is the estimator, with the attributes that are declared before.

        Raises
        ------
        ModelFormatError
            If the node is not valid. Other exceptions count as the same.
        """


def check_finite(array: NDArray) -> None:
    """Raise ModelFormatError if a number is NaN or infinite."""
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):  # faster than of each number
        raise ModelFormatError("an array has numbers that are not finite")


class Value(Kind):
    """A value of some types that JSON holds, such as a number or a str.

    Parameters
    ----------
    *types : type
        Accepted types, as for `isinstance`. If empty, everything that a parameter may be.
    at_least : float, default=None
        Smallest accepted number.
    """

    def __init__(self, *types: type, at_least: float | None = None):
        self.types, self.at_least = types, at_least

    def write(self, value: Any, writer: Any) -> Any:
        """Write a value."""
        return writer.value(value)

    def read(self, node: Any, reader: Any) -> Any:
        """Read a value and check its type."""
        value = reader.value(node)
        is_flag = isinstance(value, bool) and bool not in self.types  # a bool is an int for Python
        if self.types and (is_flag or not isinstance(value, self.types)):
            raise ModelFormatError(f"a value of the type {type(value).__name__} is of another type than expected")
        if isinstance(value, Real) and not np.isfinite(float(value)):
            raise ModelFormatError(f"a number is {value!r}")
        if self.at_least is not None and value < self.at_least:
            raise ModelFormatError(f"a number is {value!r}, which is below {self.at_least}")
        return value


class ParametersOfFit(Kind):
    """Values that some parameters had in `fit`. Only those that have been changed since then are written.

    Parameters
    ----------
    *names : str
        Names of the parameters.
    """

    is_made = is_optional_in_files = True

    def __init__(self, *names: str):
        self.names = names

    def of(self, model: Any) -> dict[str, Any]:
        """Present values of the parameters."""
        return {name: getattr(model, name) for name in self.names}

    def write(self, value: Any, writer: Any) -> Any:
        """Write the parameters that differ from those of the estimator."""
        return writer.changed_parameters(value, self.of(writer.model))

    def read(self, node: Any, reader: Any) -> Any:
        """Read the parameters."""
        changed = {} if node is None else {name: reader.value(content) for name, content in node.items()}
        if not changed.keys() <= set(self.names):
            raise ModelFormatError(f"it has the parameters {sorted(changed)} of a fit")
        twin = copy.copy(reader.model)
        vars(twin).update(changed)
        twin._check_parameters()
        return self.of(twin)


class Array(Kind):
    """An array with a known dtype and shape.

    Parameters
    ----------
    dtype : str
    *shape : str
        Names of sizes: "users", "items" or any other one. Sizes with the same name in one estimator must be equal.
    below : str, default=None
        Name of the size that entries are codes of.
    is_history : bool, default=False
        Whether the array belongs to the histories of users. It is replaced by zeros in a file without them.
    is_optional : bool, default=False
        Whether the attribute may be None.
    """

    def __init__(self, dtype: str, *shape: str, below: str | None = None, is_history: bool = False, is_optional: bool = False):
        self.dtype, self.shape, self.below = np.dtype(dtype), shape, below
        self.is_history, self.is_optional = is_history, is_optional

    def write(self, value: Any, writer: Any) -> Any:
        """Write an array."""
        if value is None and self.is_optional:
            return None
        return writer.array(np.zeros_like(value) if self.is_history and not writer.includes_history else value)

    def read(self, node: Any, reader: Any) -> Any:
        """Read an array and check its dtype and shape."""
        if node is None and self.is_optional:
            return None
        array = reader.array(node)
        if array.dtype != self.dtype:
            raise ModelFormatError(f"an array has the dtype {array.dtype} instead of {self.dtype}")
        reader.check_sizes(self.shape, array.shape)
        check_finite(array)
        if self.below is not None and array.size and not 0 <= array.min() <= array.max() < reader.sizes[self.below]:
            raise ModelFormatError(f"an array has codes that are not below {reader.sizes[self.below]}")
        return array


class Matrix(Kind):
    """A sparse matrix with a known dtype and shape, with sorted indices and without duplicates.

    Parameters
    ----------
    dtype : str
    rows, columns : str
        Names of sizes, as for `Array`.
    made : type, default=scipy.sparse.csr_array
        Class of the matrix.
    is_history : bool, default=False
        Whether the matrix belongs to the histories of users. It is replaced by an empty one in a file without them.
    is_optional : bool, default=False
        Whether the attribute may be None.
    """

    def __init__(
        self,
        dtype: str,
        rows: str,
        columns: str,
        *,
        made: Any = sp.csr_array,
        is_history: bool = False,
        is_optional: bool = False,
    ):
        self.dtype, self.shape, self.made = np.dtype(dtype), (rows, columns), made
        self.is_history, self.is_optional = is_history, is_optional

    def write(self, value: Any, writer: Any) -> Any:
        """Write a matrix."""
        if value is None and self.is_optional:
            return None
        if self.is_history and not writer.includes_history:
            value = self.made(value.shape, dtype=value.dtype)
        return writer.matrix(value)

    def read(self, node: Any, reader: Any) -> Any:
        """Read a matrix and check its dtype, shape and indices."""
        if node is None and self.is_optional:
            return None
        matrix = reader.matrix(node)
        if type(matrix) is not self.made or matrix.dtype != self.dtype or not matrix.has_canonical_format:
            raise ModelFormatError("a sparse matrix has another class or dtype than expected, or its indices are not sorted")
        reader.check_sizes(self.shape, matrix.shape)
        check_finite(matrix.data)
        return matrix


class Table(Kind):
    """A DataFrame of numbers with a default index."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write a DataFrame."""
        return [[name, writer.array(value[name].to_numpy())] for name in value]

    def read(self, node: Any, reader: Any) -> Any:
        """Read a DataFrame."""
        columns = {name: reader.array(column) for name, column in node}
        if not all(isinstance(name, str) for name in columns) or any(array.ndim != 1 for array in columns.values()):
            raise ModelFormatError("a table is not valid")
        return pd.DataFrame(columns)


class Nested(Kind):
    """A fitted estimator.

    Parameters
    ----------
    parameter : str
        Name of the parameter that is the estimator before the fit.
    resolved : str, default=None
        Name of the attribute that is the estimator if the parameter is None. If None, the parameter.
    """

    def __init__(self, parameter: str, resolved: str | None = None):
        self.parameter, self.resolved = parameter, resolved or parameter

    def write(self, value: Any, writer: Any) -> Any:
        """Write an estimator."""
        return writer.nested(value, self.parameter)

    def read(self, node: Any, reader: Any) -> Any:
        """Read an estimator of the class of the parameter."""
        value = reader.nested(node, self.parameter)
        if type(value) is not type(getattr(reader.model, self.resolved)) or not hasattr(value, "vocabulary_"):
            raise ModelFormatError("an estimator within another one has another class than its parameter, or is not fitted")
        return value
