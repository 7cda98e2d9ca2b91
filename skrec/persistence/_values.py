"""Values of parameters and attributes as JSON, with their arrays as tensors."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.persistence._container import STORED_DTYPES
from skrec.persistence._errors import ModelFormatError, NotStorable
from skrec.persistence._labels import read_labels, read_object, write_labels, write_object
from skrec.persistence._random_states import read_random_state, write_random_state

_MATRICES: dict[str, type] = {"csr_array": sp.csr_array, "csr_matrix": sp.csr_matrix, "csc_array": sp.csc_array}
_CONTAINERS: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class ValueWriter:
    """Writes values as JSON nodes. Arrays become tensors. An array that occurs several times becomes one tensor.

    Attributes
    ----------
    tensors : dict of arrays
        Tensors by name.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, NDArray] = {}
        self._nodes: dict[int, tuple[NDArray, dict[str, Any]]] = {}  # with the array, whose id is free without it

    def value(self, value: Any) -> Any:
        """Return the node of any value that a parameter may have.

        Raises
        ------
        NotStorable
            If it has no form without pickle.
        """
        if isinstance(value, np.str_):
            return str(value)
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": value.hex()}
        if type(value).__name__ in _CONTAINERS and type(value) in _CONTAINERS.values():
            return {type(value).__name__: [self.value(part) for part in value]}
        if type(value) is dict:
            return {"dict": [[self.value(key), self.value(part)] for key, part in value.items()]}
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufmM":
            return {"scalar": [value.dtype.str, value.tobytes().hex()]}
        if type(value) in _MATRICES.values():
            return self.matrix(value)
        if isinstance(value, os.PathLike) and isinstance(os.fspath(value), str):
            return {"path": os.fspath(value)}
        if isinstance(value, np.random.RandomState | np.random.Generator):
            return {"random": write_random_state(value, self.value)}
        if (node := write_object(value)) is not None:
            return {"object": node}
        raise NotStorable(f"a value of the type {type(value).__module__}.{type(value).__qualname__}: {value!r}")

    def array(self, array: NDArray) -> dict[str, Any]:
        """Return the node of an array."""
        known = self._nodes.get(id(array))
        if known is None:
            known = self._nodes[id(array)] = array, self._array(array)
        return known[1]

    def _array(self, array: NDArray) -> dict[str, Any]:
        if array.dtype == object and array.ndim == 1:
            return {"labels": write_labels(array, self._tensor)}
        if array.dtype.kind in "mM":
            return {"times": [array.dtype.str, self._tensor(np.ascontiguousarray(array).view(np.int64))]}
        if array.dtype not in STORED_DTYPES:
            raise NotStorable(f"an array of the dtype {array.dtype}")
        if array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous:
            return {"columns": self._tensor(array.T)}  # sums in another order would differ in their last bits
        return {"array": self._tensor(array)}

    def _tensor(self, array: NDArray) -> str:
        name = f"t{len(self.tensors)}"
        # numpy's ascontiguousarray would make a vector of a scalar
        self.tensors[name] = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        return name

    def matrix(self, matrix: Any) -> dict[str, Any]:
        """Return the node of a CSR or CSC matrix. Equal entries are stored once."""
        first = matrix.data[:1]
        is_constant = matrix.nnz > 0 and bool((matrix.data == first).all())
        return {
            "matrix": type(matrix).__name__,
            "shape": list(matrix.shape),
            "n_entries": len(matrix.indices),
            "data": self.array(first.copy() if is_constant else matrix.data),
            "indices": self.array(matrix.indices),
            "indptr": self.array(matrix.indptr),
        }


class ValueReader:
    """Reads the nodes that `ValueWriter` has written.

    Parameters
    ----------
    tensors : dict of arrays
    """

    def __init__(self, tensors: dict[str, NDArray]):
        self._tensors = tensors
        self._arrays: dict[str, NDArray] = {}

    def value(self, node: Any) -> Any:
        """Return the value of a node."""
        if not isinstance(node, dict):
            if isinstance(node, list):
                raise ModelFormatError("its document has a list without a type")
            return node
        if "matrix" in node:
            return self.matrix(node)
        ((kind, content),) = node.items()
        if kind not in _READERS:
            raise ModelFormatError(f"its document has a value of the unknown kind {kind!r}")
        return _READERS[kind](self, content)

    def array(self, node: dict[str, Any]) -> NDArray:
        """Return the array of a node. Equal nodes have the same array."""
        ((kind, content),) = node.items()
        if kind not in ("array", "columns", "times", "labels"):
            raise ModelFormatError(f"its document has {kind!r} in place of an array")
        key = repr(node)
        if key not in self._arrays:
            self._arrays[key] = _READERS[kind](self, content)
        return self._arrays[key]

    def matrix(self, node: dict[str, Any]) -> Any:
        """Return the CSR or CSC matrix of a node."""
        indices, indptr, data = (self.array(node[name]) for name in ("indices", "indptr", "data"))
        n = node["n_entries"]
        if indices.shape != (n,) or data.shape not in ((n,), (1,)) or data.dtype.kind not in "biuf":
            raise ModelFormatError("the arrays of a sparse matrix have wrong shapes or dtypes")
        if {indices.dtype, indptr.dtype} not in ({np.dtype(np.int32)}, {np.dtype(np.int64)}):
            raise ModelFormatError("the index arrays of a sparse matrix have wrong dtypes")
        data = np.full(n, data[0]) if data.shape != (n,) else data
        matrix = _MATRICES[node["matrix"]]((data, indices, indptr), shape=tuple(node["shape"]))
        matrix.check_format(full_check=True)
        matrix.indices, matrix.indptr = indices, indptr  # the constructor makes views, which would be pickled twice
        return matrix

    def tensor(self, name: str) -> NDArray:
        """Return a tensor."""
        if name not in self._tensors:
            raise ModelFormatError(f"it lacks the tensor {name!r}")
        return self._tensors[name]

    def _times(self, content: list[str]) -> NDArray:
        dtype = np.dtype(content[0])
        if dtype.kind not in "mM" or np.datetime_data(dtype)[0] == "generic":
            raise ModelFormatError(f"its document has times of the dtype {content[0]!r}")
        return self.tensor(content[1]).view(dtype)

    def _scalar(self, content: list[str]) -> np.generic:
        dtype = np.dtype(content[0])
        if dtype.kind not in "biufmM":
            raise ModelFormatError(f"its document has a number of the dtype {content[0]!r}")
        return np.frombuffer(bytes.fromhex(content[1]), dtype)[0]


_READERS: dict[str, Callable[[ValueReader, Any], Any]] = {
    "float": lambda reader, content: float.fromhex(content),
    "dict": lambda reader, content: {reader.value(key): reader.value(part) for key, part in content},
    "scalar": ValueReader._scalar,
    "array": lambda reader, content: reader.tensor(content),
    "columns": lambda reader, content: reader.tensor(content).T,
    "times": ValueReader._times,
    "labels": lambda reader, content: read_labels(content, reader.tensor),
    "path": lambda reader, content: Path(content),
    "random": lambda reader, content: read_random_state(content, reader.value),
    "object": lambda reader, content: read_object(content),
} | {name: lambda reader, content, made=made: made(map(reader.value, content)) for name, made in _CONTAINERS.items()}
