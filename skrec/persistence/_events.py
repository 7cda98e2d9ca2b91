"""The training events, and the users and items of an estimator."""

from typing import Any

import numpy as np
import pandas as pd

from skrec.data import Interactions
from skrec.data._vocabulary import Vocabulary
from skrec.persistence._errors import ModelFormatError
from skrec.persistence._kinds import Kind

_SIZES = ("n_users", "n_items")
_COLUMNS = ("users", "items", "values", "timestamps", "weights", "impressions")
_LABELS = ("user_ids", "item_ids", "impression_ids")
_FEATURES = ("user_features", "item_features")
_ORIGINS = ("events", "rows", "some events")


class Events(Kind):
    """The training events. In a file without events, the labels and features of users and items remain.

    The attributes of the estimator that follow from them, such as ``vocabulary_``, are set when they are read.
    """

    def write(self, value: Any, writer: Any) -> Any:
        """Write events. The same events of two estimators are written once."""
        events = value if writer.includes_events else value[:0]
        return writer.shared(value, lambda: _node_of(events, writer))

    def read(self, node: Any, reader: Any) -> Any:
        """Read events, check them, and set what follows from them."""
        events = reader.shared(node, lambda content: _events_of(content, reader))
        model = reader.model
        reader.sizes |= {"users": events.n_users, "items": events.n_items}
        model.vocabulary_ = Vocabulary(events.n_users, events.n_items, events.user_ids, events.item_ids, type(model).__name__)
        model.user_ids_, model.item_ids_ = events.user_ids, events.item_ids
        model.n_users_, model.n_items_ = events.n_users, events.n_items
        model.n_features_in_ = events.n_items
        return events


def _node_of(events: Any, writer: Any) -> dict[str, Any]:
    fields = {name: getattr(events, name) for name in (*_SIZES, "timestamp_unit")}
    if len(events) == 0:
        events = events._replace(impression_ids=None)
    for name in (*_COLUMNS, *_LABELS):
        array = getattr(events, name)
        fields[name] = None if array is None else writer.array(array)
    return fields | {name: writer.value(getattr(events, name)) for name in _FEATURES} | {"origin": events._origin}


def _events_of(node: dict[str, Any], reader: Any) -> Interactions:
    columns = {name: None if node[name] is None else reader.array(node[name]) for name in (*_COLUMNS, *_LABELS)}
    labels = {name: columns.pop(name) for name in _LABELS}
    fields = {name: node[name] for name in (*_SIZES, "timestamp_unit")} | columns
    fields |= {name: reader.value(node[name]) for name in _FEATURES}
    _check_fields(fields)
    for name, n in (("user_ids", fields["n_users"]), ("item_ids", fields["n_items"]), ("impression_ids", None)):
        if labels[name] is not None:
            _check_labels(labels[name], n)
    if node["origin"] not in _ORIGINS:
        raise ModelFormatError(f"the origin of its events is {node['origin']!r}")
    return Interactions._trusted(**fields, **labels, _origin=node["origin"])


def _check_fields(fields: dict[str, Any]) -> None:
    """Raise an exception if the constructor of `Interactions` would refuse or change a field."""
    checked = Interactions(**fields)
    for name in (*_COLUMNS, *_FEATURES):
        given, read = fields[name], getattr(checked, name)
        if given is None and read is None:
            continue
        dtypes = {np.dtype(np.int32), np.dtype(np.int64)} if name in ("users", "items") else {read.dtype}
        if given is None or given.dtype not in dtypes or given.shape != read.shape:
            raise ModelFormatError(f"the {name} of its events have a wrong dtype or shape")


def _check_labels(labels: Any, n: int | None) -> None:
    """Raise ModelFormatError unless labels are distinct, none is missing, and there are n of them."""
    if labels.ndim != 1 or labels.dtype.kind not in "biufMmO" or (n is not None and len(labels) != n):
        raise ModelFormatError("its labels have a wrong dtype or number")
    if pd.isna(labels).any():
        raise ModelFormatError("a label is missing")
    n_distinct = len(set(labels)) if labels.dtype == object else len(np.unique(labels))
    if n_distinct != len(labels):
        raise ModelFormatError("a label occurs twice")
