"""Graphs in the format of ONNX."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skrec.export._graph import Body, Graph, Node, Port, Value

OPSET, IR_VERSION = 18, 10
"""Versions of the operators and of the format, which onnxruntime 1.18 and later read."""

MAX_BYTES = 2**31 - 2**24
"""Size of the weights from which they go to a file of their own. A protobuf message is smaller than 2 GiB."""

_SMALL = 1024  # weights that stay inside in any case: shapes, numbers
_PAGE = 4096  # weights in a file begin at multiples, so that they can be mapped into memory


def model_of(graph: Graph, outputs: Sequence[Port], properties: dict[str, str]) -> onnx.ModelProto:
    """Convert a graph, without its weights.

    Parameters
    ----------
    graph : Graph
    outputs : sequence of Port
        Names, types and shapes of the outputs.
    properties : dict of str to str
        Metadata.
    """
    nodes, inputs = [_node(node) for node in graph.nodes], [_info(*port) for port in graph.inputs]
    converted = helper.make_graph(nodes, "recommend", inputs, [_info(*port) for port in outputs])
    model = helper.make_model(
        converted, producer_name="skrec", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(model, properties)
    return model


def store_inside(model: onnx.ModelProto, weights: dict[str, NDArray]) -> None:
    """Add the weights to the model."""
    model.graph.initializer.extend(
        numpy_helper.from_array(np.require(w, requirements="C"), name) for name, w in weights.items()
    )


def store_beside(model: onnx.ModelProto, weights: dict[str, NDArray], file: BinaryIO, name: str) -> None:
    """Write all large weights to a file, and add their places in the file of this name to the model."""
    store_inside(model, {key: array for key, array in weights.items() if array.nbytes < _SMALL})
    place = 0
    for key, array in weights.items():
        if array.nbytes >= _SMALL:
            file.write(bytes(-place % _PAGE))
            place += -place % _PAGE
            file.write(np.require(array, requirements="C").data)
            tensor = TensorProto(name=key, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
            tensor.data_location = TensorProto.EXTERNAL
            for part, text in {"location": name, "offset": str(place), "length": str(array.nbytes)}.items():
                tensor.external_data.add(key=part, value=text)
            model.graph.initializer.append(tensor)
            place += array.nbytes


def include(graph: Graph, model: onnx.ModelProto, inputs: dict[str, Value]) -> list[Value]:
    """Append the nodes of another model of the same versions to a graph. Returns its outputs, in float32."""
    prefix = graph.new_name("part") + "_"
    part = onnx.compose.add_prefix(model, prefix).graph
    graph.weights |= {tensor.name: numpy_helper.to_array(tensor) for tensor in part.initializer}
    graph.nodes.extend(Node("Identity", [value.name], [prefix + name], {}) for name, value in inputs.items())
    graph.nodes.extend(part.node)
    return [Value(graph, output.name, np.float32) for output in part.output]


def _node(node: Node | onnx.NodeProto) -> onnx.NodeProto:
    if not isinstance(node, Node):
        return node
    return helper.make_node(
        node.kind, node.inputs, node.outputs, **{name: _attribute(value) for name, value in node.attributes.items()}
    )


def _attribute(value: Any) -> Any:
    if isinstance(value, np.dtype):
        return helper.np_dtype_to_tensor_dtype(value)
    if isinstance(value, np.ndarray):
        return numpy_helper.from_array(value)
    if isinstance(value, Body):
        inputs, outputs = ([_info(*port) for port in ports] for ports in (value.inputs, value.outputs))
        return helper.make_graph([_node(node) for node in value.nodes], "body", inputs, outputs)
    return value


def _info(name: str, dtype: np.dtype, shape: Sequence[str | int | None] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)
