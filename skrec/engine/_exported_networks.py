"""Networks that read histories, traced by torch for graphs of ONNX."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from skrec._process import MutedWarning, SharedChange, replaced
from skrec.engine.batches._sequences import Sequences
from skrec.export._graph import Graph, Value
from skrec.export._states import History

_EXAMPLE_USERS, _EXAMPLE_WIDTH = 3, 5  # torch takes sizes of 0 and 1 for constants


class PaddedRows(NamedTuple):
    """Rows of a sparse matrix with the operations of `Rows`, as arrays (n_rows, width) that can be traced.

    Attributes
    ----------
    columns : int64 Tensor
        Columns, also at places without an entry.
    values : float32 Tensor
        Values of the entries.
    mask : float32 Tensor
        1 at entries, 0 at other places.
    """

    columns: Tensor
    values: Tensor
    mask: Tensor

    @property
    def index(self) -> Any:
        """Index of the row of each entry in sums of rows: none, since these have an axis of length 1."""
        return ...

    def sums(self) -> Tensor:
        """Sum of the values of each row, (n_rows, 1)."""
        return (self.values * self.mask).sum(1, keepdim=True)

    def scaled(self) -> "PaddedRows":
        """Scale each row to Euclidean length 1."""
        squares = self._replace(values=self.values.square()).sums()
        return self._replace(values=self.values / squares.sqrt().clamp(min=1e-12))

    def times(self, x: Tensor, *, sparse: bool = False) -> Tensor:
        """Product with a matrix x (n_columns, width)."""
        return ((self.values * self.mask)[:, None] @ x[self.columns])[:, 0]


class RowEncoder(nn.Module):
    """Vectors of users from their rows, by a network with ``encode_rows``."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, columns: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        return self.network.user_vectors(self.network.encode_rows(PaddedRows(columns, values, mask)))


class SequenceEncoder(nn.Module):
    """Vectors of users at the last of the requested positions of their sequences, by a `SequenceNetwork`."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, items: Tensor, requested: Tensor) -> Tensor:
        states = self.network.states(Sequences(None, items, requested))
        return self.network.user_vectors(((states * requested[..., None]).sum(1),))


@dataclass(frozen=True, eq=False)
class RowStates:
    """States of users from their rows, for `ProductScores`.

    Attributes
    ----------
    network : RecommenderNetwork
        Network with ``encode_rows``.
    reads_values : bool
        Whether rows hold the values of events. If False, they hold ones.
    mean : float
        Added to all scores.
    """

    network: Any
    reads_values: bool
    mean: float

    def of(self, history: History) -> tuple[Value, Value | None]:
        """Return the states of users from their histories."""
        graph = history.graph
        columns, is_item, values = history.distinct()
        mask = is_item.to(np.float32)
        rows = {"columns": columns, "values": mask if values is None else values, "mask": mask}
        vectors = _traced(graph, RowEncoder(self.network), rows, _EXAMPLE_WIDTH, has_fixed_width=False)
        return vectors, graph.full(vectors.size(0), np.float32(self.mean)) if self.mean else None


@dataclass(frozen=True, eq=False)
class SequenceStates:
    """States of users from their latest items in order, for `ProductScores`.

    Attributes
    ----------
    network : SequenceNetwork
    max_length : int
        Number of items that are used.
    """

    network: Any
    max_length: int
    reads_values: ClassVar[bool] = False

    def of(self, history: History) -> tuple[Value, None]:
        """Return the states of users from their histories."""
        is_fixed = self.network.has_fixed_length or self.max_length <= _EXAMPLE_WIDTH  # the example must not be longer
        items, lengths = history.latest(self.max_length, fixed=is_fixed)
        requested = history.graph.range(items.size(1)).equals((lengths - 1).with_axis(1))
        sequences = {"items": items, "requested": requested}
        width = self.max_length if is_fixed else _EXAMPLE_WIDTH
        return _traced(history.graph, SequenceEncoder(self.network), sequences, width, has_fixed_width=is_fixed), None


def _traced(graph: Graph, encoder: nn.Module, inputs: dict[str, Value], width: int, *, has_fixed_width: bool) -> Value:
    """Append the nodes of a network to a graph.

    Parameters
    ----------
    graph : Graph
    encoder : nn.Module
    inputs : dict of str to Value of shape (n_users, n_events)
        The arguments of the encoder by their names.
    width : int
        Number of events of the example that is traced.
    has_fixed_width : bool
        Whether the graph works for this number of events alone.
    """
    from skrec.export import _proto

    if find_spec("onnxscript") is None:
        raise ImportError("to_onnx of networks that read histories needs onnxscript: pip install 'skrec[onnx]'")
    any_size = torch.export.Dim.DYNAMIC
    axes = {0: any_size} if has_fixed_width else {0: any_size, 1: any_size}
    examples = {name: torch.ones(_EXAMPLE_USERS, width).to(_dtype(value)) for name, value in inputs.items()}
    with torch.no_grad(), _TracingWarning.muted, _quiet_tracing:
        program = torch.onnx.export(
            encoder.eval(),
            kwargs=examples,
            dynamo=True,
            dynamic_shapes=dict.fromkeys(inputs, axes),
            input_names=list(inputs),
            output_names=["vectors"],
            opset_version=_proto.OPSET,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    (vectors,) = _proto.include(graph, program.model_proto, inputs)
    return vectors


def _dtype(value: Value) -> torch.dtype:
    return torch.from_numpy(np.empty(0, value.dtype)).dtype


class _TracingWarning(MutedWarning):
    """Warnings of torch about its own parts while it traces a network."""


@contextmanager
def _without_log() -> Iterator[None]:
    logger = logging.getLogger("torch.onnx")
    with replaced(lambda: logger.level, logger.setLevel, logging.ERROR):
        yield


_quiet_tracing = SharedChange(_without_log)
