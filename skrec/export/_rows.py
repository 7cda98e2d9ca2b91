"""Sparse matrices in graphs."""

import numpy as np
import scipy.sparse as sp

from skrec.export._graph import Graph, Value


class StoredRows:
    """A CSR matrix as constants of a graph. A row code of -1 stands for an empty row.

    Parameters
    ----------
    graph : Graph
    matrix : CSR of shape (n_rows, n_columns)
    """

    def __init__(self, graph: Graph, matrix: sp.csr_array):
        starts, lengths = np.append(matrix.indptr[:-1], 0), np.append(np.diff(matrix.indptr), 0)
        # at least one entry: positions of entries that are not there must exist
        columns, values = np.append(matrix.indices, 0), np.append(matrix.data, np.zeros(1, matrix.data.dtype))
        self._graph, self._n_columns = graph, matrix.shape[1]
        self._starts, self._lengths = graph.constant(starts, np.int64), graph.constant(lengths, np.int64)
        self._columns, self._values = columns.astype(np.int32, copy=False), values
        self._are_ones = values.dtype == bool or bool((matrix.data == 1).all())

    def padded(self, rows: Value) -> tuple[Value, Value]:
        """Columns (n, m) of the entries of rows (n,), padded with ``n_columns``, and their values, padded with 0."""
        graph = self._graph
        starts, lengths = (graph.gather(part, rows).with_axis(1) for part in (self._starts, self._lengths))
        offsets = graph.range(lengths.max(0))
        is_entry = offsets < lengths
        places = graph.where(is_entry, starts + offsets, 0)
        columns = graph.where(is_entry, graph.gather(graph.constant(self._columns), places).to(np.int64), self._n_columns)
        if self._are_ones:
            return columns, is_entry.to(np.float32)
        return columns, graph.where(is_entry, graph.gather(graph.constant(self._values), places), self._values.dtype.type(0))

    def sums(self, rows: Value, weights: Value) -> Value:
        """Sums (n, n_columns) of the rows (n, m) of the matrix, each times its weight."""
        graph, n = self._graph, rows.size(0)
        lengths = graph.gather(self._lengths, rows.reshaped(-1))
        ends = graph.node("CumSum", lengths, np.int64(0))
        # the number of the row that each entry belongs to: the number of rows that end before
        n_entries = graph.joined([graph.constant([0], np.int64), ends], 0).max(0, keepdims=True)
        marks = graph.full(n_entries + 1, np.int64(0))
        marks = graph.node("ScatterElements", marks, ends, graph.full(ends.shape(), np.int64(1)), axis=0, reduction="add")
        position = graph.range(n_entries)
        owners = graph.gather(graph.node("CumSum", marks, np.int64(0)), position)
        places = position + graph.gather(graph.gather(self._starts, rows.reshaped(-1)) - (ends - lengths), owners)
        columns = graph.gather(graph.constant(self._columns), places).to(np.int64)
        values = graph.gather(weights.reshaped(-1), owners)
        if not self._are_ones:
            values = graph.gather(graph.constant(self._values), places) * values
        totals = graph.full(n * self._n_columns, values.dtype.type(0))
        cells = (owners // graph.larger(rows.size(1), 1)) * self._n_columns + columns
        totals = graph.node("ScatterElements", totals, cells, values, axis=0, reduction="add")
        return totals.reshaped(n, self._n_columns)
