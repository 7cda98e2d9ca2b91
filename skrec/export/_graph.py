"""Graphs of operators of ONNX, built by expressions of Python. The package onnx is not needed to build them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Node(NamedTuple):
    """An operator with the names of its inputs and outputs.

    Among its attributes, a dtype stands for the number of a type of ONNX, and an array for a tensor.
    """

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class Body(NamedTuple):
    """The nodes of a loop, which may use values from outside."""

    nodes: list[Any]
    inputs: list["Port"]
    outputs: list["Port"]


class Port(NamedTuple):
    """An input or output of a graph, with the lengths or names of its axes, or None if they are not known."""

    name: str
    dtype: np.dtype
    shape: Sequence[str | int | None] | None = None


class Value:
    """A tensor of a graph. Operators on it append nodes.

    Numbers and arrays become constants of the type of the value that they are combined with.

    Parameters
    ----------
    graph : Graph
    name : str
    dtype : numpy dtype
    """

    __array_ufunc__ = None  # operators with an array on the left are those of this class

    def __init__(self, graph: "Graph", name: str, dtype: DTypeLike):
        self.graph, self.name, self.dtype = graph, name, np.dtype(dtype)

    @property
    def port(self) -> Port:
        """The value as an input or output of a part of a graph."""
        return Port(self.name, self.dtype)

    def __add__(self, other: Any) -> "Value":
        return self.graph.node("Add", self, other)

    def __radd__(self, other: Any) -> "Value":
        return self.graph.node("Add", other, self)

    def __sub__(self, other: Any) -> "Value":
        return self.graph.node("Sub", self, other)

    def __rsub__(self, other: Any) -> "Value":
        return self.graph.node("Sub", other, self)

    def __mul__(self, other: Any) -> "Value":
        return self.graph.node("Mul", self, other)

    def __rmul__(self, other: Any) -> "Value":
        return self.graph.node("Mul", other, self)

    def __truediv__(self, other: Any) -> "Value":
        return self.graph.node("Div", self, other)

    def __rtruediv__(self, other: Any) -> "Value":
        return self.graph.node("Div", other, self)

    def __floordiv__(self, other: Any) -> "Value":
        return self.graph.node("Div", self, other)  # of integers that are not negative

    def __rfloordiv__(self, other: Any) -> "Value":
        return self.graph.node("Div", other, self)

    def __mod__(self, other: Any) -> "Value":
        return self.graph.node("Mod", self, other)

    def __matmul__(self, other: Any) -> "Value":
        return self.graph.node("MatMul", self, other)

    def __neg__(self) -> "Value":
        return self.graph.node("Neg", self)

    def __lt__(self, other: Any) -> "Value":
        return self.graph.node("Less", self, other, dtype=bool)

    def __le__(self, other: Any) -> "Value":
        return self.graph.node("LessOrEqual", self, other, dtype=bool)

    def __gt__(self, other: Any) -> "Value":
        return self.graph.node("Greater", self, other, dtype=bool)

    def __ge__(self, other: Any) -> "Value":
        return self.graph.node("GreaterOrEqual", self, other, dtype=bool)

    def equals(self, other: Any) -> "Value":
        """Where both are equal."""
        return self.graph.node("Equal", self, other, dtype=bool)

    def __and__(self, other: Any) -> "Value":
        return self.graph.node("And", self, other)

    def __or__(self, other: Any) -> "Value":
        return self.graph.node("Or", self, other)

    def __invert__(self) -> "Value":
        return self.graph.node("Not", self)

    def to(self, dtype: DTypeLike) -> "Value":
        """Convert to another type."""
        if self.dtype == np.dtype(dtype):
            return self
        return self.graph.node("Cast", self, dtype=dtype, to=np.dtype(dtype))

    def size(self, axis: int) -> "Value":
        """The length of an axis, int64 of shape (1,)."""
        return self.graph.node("Shape", self, dtype=np.int64, start=axis, end=axis + 1)

    def shape(self) -> "Value":
        """The lengths of all axes, int64."""
        return self.graph.node("Shape", self, dtype=np.int64)

    def with_axis(self, *axes: int) -> "Value":
        """Insert axes of length 1."""
        return self.graph.node("Unsqueeze", self, np.array(axes))

    def without_axis(self, *axes: int) -> "Value":
        """Remove axes of length 1."""
        return self.graph.node("Squeeze", self, np.array(axes))

    def reshaped(self, *sizes: Any) -> "Value":
        """Change the shape. Sizes are ints or values of shape (1,)."""
        if all(isinstance(size, int) for size in sizes):
            return self.graph.node("Reshape", self, np.array(sizes))
        return self.graph.node("Reshape", self, self.graph.joined([self.graph.shape_part(size) for size in sizes], 0))

    def part(self, start: int, stop: int, axis: int) -> "Value":
        """A range of an axis."""
        return self.graph.node("Slice", self, np.array([start]), np.array([stop]), np.array([axis]))

    def sum(self, axis: int, *, keepdims: bool = False) -> "Value":
        """Sum along an axis."""
        return self.graph.node("ReduceSum", self, np.array([axis]), keepdims=int(keepdims))

    def max(self, axis: int, *, keepdims: bool = False) -> "Value":
        """Maximum along an axis."""
        return self.graph.node("ReduceMax", self, np.array([axis]), keepdims=int(keepdims))

    def any(self, axis: int) -> "Value":
        """Whether an entry along an axis is true."""
        return self.to(np.int64).max(axis) > 0

    def apply(self, kind: str, **attributes: Any) -> "Value":
        """Apply an operator of one argument, such as "Sigmoid"."""
        return self.graph.node(kind, self, **attributes)


class Graph:
    """The nodes and constants of a graph.

    Attributes
    ----------
    weights : dict of str to array
        The constants by their names.
    nodes : list of Node, or of NodeProto from other models
    inputs : list of Port
    """

    def __init__(self) -> None:
        self.weights: dict[str, NDArray] = {}
        self.nodes: list[Any] = []
        self.inputs: list[Port] = []
        self._small: dict[Any, Value] = {}
        self._n_names = 0

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[str | int]) -> Value:
        """Declare an input."""
        self.inputs.append(Port(name, np.dtype(dtype), shape))
        return Value(self, name, dtype)

    def constant(self, array: Any, dtype: DTypeLike | None = None) -> Value:
        """Add a constant. Equal small ones are added once."""
        array = np.asarray(array, dtype)
        key = (array.dtype, array.shape, array.tobytes()) if array.size <= 8 else None
        if key is None or key not in self._small:
            name = self.new_name("weights" if array.ndim else "number")
            self.weights[name] = array
            if key is None:
                return Value(self, name, array.dtype)
            self._small[key] = Value(self, name, array.dtype)
        return self._small[key]

    def named(self, value: Value, name: str) -> Value:
        """The value under another name."""
        self.nodes.append(Node("Identity", [value.name], [name], {}))
        return Value(self, name, value.dtype)

    def node(self, kind: str, *inputs: Any, dtype: DTypeLike | None = None, **attributes: Any) -> Value:
        """Append a node with one output, by default of the type of its first input that is a `Value`."""
        (value,) = self.nodes_of(kind, *inputs, dtypes=[dtype], **attributes)
        return value

    def nodes_of(self, kind: str, *inputs: Any, dtypes: Sequence[DTypeLike | None], **attributes: Any) -> list[Value]:
        """Append a node with as many outputs as there are types."""
        like: Any = next((value.dtype for value in inputs if isinstance(value, Value)), None)
        names = [self.as_value(value, like).name for value in inputs]
        outputs = [Value(self, self.new_name(kind), like if dtype is None else np.dtype(dtype)) for dtype in dtypes]
        self.nodes.append(Node(kind, names, [value.name for value in outputs], attributes))
        return outputs

    def as_value(self, value: Any, like: Any) -> Value:
        """A value, a typed number or array as a constant, or a number of Python as a constant of another type."""
        if isinstance(value, Value):
            return value
        return self.constant(value, None if isinstance(value, np.ndarray | np.generic) else like)

    def new_name(self, kind: str) -> str:
        """A name that is not used yet."""
        self._n_names += 1
        return f"{kind}_{self._n_names}"

    # ---- functions of several values -----------------------------------------------------------------------------------

    def where(self, condition: Value, yes: Any, no: Any) -> Value:
        """Choose between two values. At least one is a `Value` or an array."""
        like = next(value.dtype for value in (yes, no) if isinstance(value, Value | np.ndarray | np.generic))
        yes, no = self.as_value(yes, like), self.as_value(no, like)
        return self.node("Where", condition, yes, no, dtype=like)

    def gather(self, table: Value, rows: Value) -> Value:
        """Rows of a table, or entries of a vector."""
        return self.node("Gather", table, rows, axis=0)

    def gather_in_rows(self, matrix: Value, columns: Value) -> Value:
        """Entries (n, m) of the columns (n, m) of each row of a matrix."""
        return self.node("GatherElements", matrix, columns, axis=1)

    def scatter_in_rows(self, matrix: Value, columns: Value, values: Value, *, add: bool = False) -> Value:
        """Write or add values (n, m) to the columns (n, m) of each row of a matrix."""
        reduction = "add" if add else "none"
        return self.node("ScatterElements", matrix, columns, values, axis=1, reduction=reduction)

    def full(self, shape: Value, number: Any) -> Value:
        """An array of one number, which has a type of numpy."""
        return self.node("ConstantOfShape", shape, dtype=number.dtype, value=np.array([number]))

    def joined(self, values: Sequence[Value], axis: int) -> Value:
        """Concatenate along an axis."""
        return self.node("Concat", *values, axis=axis)

    def shape_part(self, size: Any) -> Value:
        """A size of a shape, an int or a value of shape (1,), as a value of shape (1,)."""
        return size if isinstance(size, Value) else self.constant([size], np.int64)

    def shape(self, *sizes: Any) -> Value:
        """A shape of sizes that are ints or values of shape (1,)."""
        return self.joined([self.shape_part(size) for size in sizes], 0)

    def range(self, stop: Value) -> Value:
        """The integers (n,) below a value n of shape (1,)."""
        return self.node("Range", np.int64(0), stop.without_axis(0), np.int64(1), dtype=np.int64)

    def smaller(self, value: Value, other: Any) -> Value:
        """The smaller one of two values."""
        return self.node("Min", value, other)

    def larger(self, value: Value, other: Any) -> Value:
        """The larger one of two values."""
        return self.node("Max", value, other)

    def largest(self, values: Value, k: Any, *, largest: bool = True) -> tuple[Value, Value]:
        """The k largest (or smallest) entries of each row in order, and their columns. Ties are in order of columns."""
        top, columns = self.nodes_of(
            "TopK", values, self.shape_part(k), dtypes=[None, np.int64], axis=-1, largest=int(largest), sorted=1
        )
        return top, columns

    # ---- parts that are computed repeatedly ----------------------------------------------------------------------------

    def loop(self, n: int, step: Callable[..., tuple[Value, ...]], *start: Value) -> list[Value]:
        """Apply a step to some values, at most n times. It returns whether to go on, bool (), and the new values."""
        state = [Value(self, self.new_name("state"), value.dtype) for value in start]
        with self._body() as nodes:
            results = [self._copy(value) for value in step(*state)]
        counter = Port(self.new_name("counter"), np.dtype(np.int64), ())
        condition = Port(self.new_name("go_on"), np.dtype(bool), ())
        body = Body(nodes, [counter, condition, *(value.port for value in state)], [value.port for value in results])
        dtypes = [value.dtype for value in start]
        return self.nodes_of("Loop", np.int64(n), np.bool_(True), *start, dtypes=dtypes, body=body)

    def for_each_row(self, function: Callable[..., Value], *arrays: Value) -> Value:
        """Apply a function to the rows of arrays, one after the other, and stack the results, which have one axis."""
        rows = [Value(self, self.new_name("row"), array.dtype) for array in arrays]
        with self._body() as nodes:
            result = self._copy(function(*rows))
        body = Body(nodes, [row.port for row in rows], [result.port._replace(shape=[None])])
        return self.node("Scan", *arrays, dtype=result.dtype, body=body, num_scan_inputs=len(rows))

    def _copy(self, value: Value) -> Value:
        """The value under a name of its own: an output of a body must be made by one of its nodes, once."""
        return self.node("Identity", value)

    @contextmanager
    def _body(self) -> Iterator[list[Any]]:
        """Collect nodes apart from those of the graph. They may use its values."""
        outside, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outside
