"""Estimators as JSON nodes."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import NDArray

from skrec.persistence._errors import ModelFormatError, NotStorable
from skrec.persistence._kinds import Kind
from skrec.persistence._registry import class_of, name_of
from skrec.persistence._values import ValueReader, ValueWriter

_OUTPUT = "_sklearn_output_config"  # what `set_output` has set
# set by the kind of the events
_DERIVED = {"vocabulary_", "user_ids_", "item_ids_", "n_users_", "n_items_", "n_features_in_"}


def stored_attributes(cls: type) -> dict[str, Kind]:
    """The attributes that a class and its bases declare, in the order in which they are read."""
    stored: dict[str, Kind] = {}
    for base in reversed(cls.__mro__):
        stored |= vars(base).get("_stored", {})
    return dict(sorted(stored.items(), key=lambda entry: entry[1].is_made))


class ModelWriter(ValueWriter):
    """Writes estimators as JSON nodes.

    Parameters
    ----------
    includes_events, includes_history : bool
        Whether training events, and histories of users, are written.
    left_out : iterable of str
        Names of parameters that are not written.

    Attributes
    ----------
    model : BaseRecommender
        The estimator that is being written.
    tables : list of dict
        Nodes that several estimators may share.
    unstorable : dict of str
        Parameters that have no form in a file, by name, with the reason.
    replaced : dict of str
        Parameters whose value at the last fit has no form in a file and has been replaced since, by name, with the reason.
    unused : set of str
        Names in ``left_out`` that are not those of parameters.
    """

    def __init__(self, *, includes_events: bool, includes_history: bool, left_out: Iterable[str]):
        super().__init__()
        self.includes_events, self.includes_history = includes_events, includes_history
        self._left_out = frozenset(left_out)
        self.model: Any = None
        self.tables: list[dict[str, Any]] = []
        self._places: dict[int, int] = {}
        self._prefix = ""
        self.unstorable: dict[str, str] = {}
        self.replaced: dict[str, str] = {}
        self.unused = set(self._left_out)

    def value(self, value: Any) -> Any:
        """Write a value, which may be an estimator or another object with parameters."""
        if hasattr(value, "get_params") and not isinstance(value, type):
            return {"model": self.estimator(value)}
        return super().value(value)

    def shared(self, value: Any, write: Callable[[], dict[str, Any]]) -> int:
        """Return the place of a table that is written once."""
        if id(value) not in self._places:
            self.tables.append(write())
            self._places[id(value)] = len(self.tables) - 1
        return self._places[id(value)]

    def nested(self, value: Any, parameter: str) -> dict[str, Any]:
        """Write an estimator within the one that is being written. Its parameters are named as those of a parameter."""
        model, prefix = self.model, self._prefix
        self._prefix = f"{prefix}{parameter}__"
        try:
            return self.estimator(value)
        finally:
            self.model, self._prefix = model, prefix

    def changed_parameters(self, before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
        """Write earlier values of parameters, without those that are like the present ones."""
        nodes = {}
        for name, value in before.items():
            try:
                node = self.value(value)
                if node != self.value(now[name]):
                    nodes[name] = node
            except NotStorable as error:
                self.replaced[self._prefix + name] = str(error)
        return nodes

    def estimator(self, model: Any) -> dict[str, Any]:
        """Write an estimator, or an object with parameters."""
        node: dict[str, Any] = {"class": name_of(type(model)), **self._parameters(model)}
        if hasattr(model, _OUTPUT):
            node["output"] = self.value(getattr(model, _OUTPUT))
        if hasattr(model, "vocabulary_"):
            outer, self.model = self.model, model
            node["attributes"] = self._attributes(model)
            self.model = outer
        return node

    def _parameters(self, model: Any) -> dict[str, Any]:
        nodes, left_out, prefix = {}, [], self._prefix
        for name, value in model.get_params(deep=False).items():
            path = prefix + name
            if path in self._left_out:
                left_out.append(name)
                self.unused.discard(path)
                continue
            self._prefix = f"{path}__"
            try:
                nodes[name] = self.value(value)
            except NotStorable as error:
                self.unstorable[path] = str(error)
            self._prefix = prefix
        return {"parameters": nodes, "left_out": left_out}

    def _attributes(self, model: Any) -> dict[str, Any]:
        stored = stored_attributes(type(model))
        learned = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")} - _DERIVED
        if learned != stored.keys():
            raise TypeError(
                f"{type(model).__name__} cannot be saved: it has the attributes {sorted(learned - stored.keys())}, which "
                f"_stored does not declare, and lacks {sorted(stored.keys() - learned)}"
            )
        return {name: kind.write(getattr(model, name), self) for name, kind in stored.items()}


class ModelReader(ValueReader):
    """Reads the nodes that `ModelWriter` has written.

    Parameters
    ----------
    tensors : dict of arrays
    tables : list of dict
        Nodes that several estimators may share.
    given : dict
        Values of the parameters that were left out, by name.

    Attributes
    ----------
    model : BaseRecommender
        The estimator that is being read.
    sizes : dict of int
        Sizes of its arrays by name.
    """

    def __init__(self, tensors: dict[str, NDArray], tables: list[dict[str, Any]], given: dict[str, Any]):
        super().__init__(tensors)
        self._tables, self._given = tables, given
        self._shared: dict[int, Any] = {}
        self._prefix = ""
        self.model: Any = None
        self.sizes: dict[str, int] = {}

    def value(self, node: Any) -> Any:
        """Return the value of a node."""
        if isinstance(node, dict) and node.keys() == {"model"}:
            return self.estimator(node["model"])
        return super().value(node)

    def shared(self, place: int, read: Callable[[dict[str, Any]], Any]) -> Any:
        """Return the value of a table, the same object for the same place."""
        if place not in self._shared:
            self._shared[place] = read(self._tables[place])
        return self._shared[place]

    def nested(self, node: dict[str, Any], parameter: str) -> Any:
        """Return an estimator within the one that is being read."""
        prefix = self._prefix
        self._prefix = f"{prefix}{parameter}__"
        try:
            return self.estimator(node)
        finally:
            self._prefix = prefix

    def check_sizes(self, names: Iterable[str], sizes: tuple[int, ...]) -> None:
        """Raise ModelFormatError if sizes are not those that have been read before under the same names."""
        expected = tuple(self.sizes.setdefault(name, size) for name, size in zip(names, sizes, strict=True))
        if sizes != expected:
            raise ModelFormatError(f"an array has the shape {sizes} instead of {expected}")

    def estimator(self, node: dict[str, Any]) -> Any:
        """Return an estimator, or an object with parameters."""
        cls, parameters = class_of(node["class"]), self._parameters(node)
        unknown = parameters.keys() - inspect.signature(cls).parameters.keys()
        if unknown:
            raise ModelFormatError(f"{cls.__name__} has no parameters {sorted(unknown)}")
        model = cls(**parameters)
        if "output" in node:
            setattr(model, _OUTPUT, _checked_output(self.value(node["output"])))
        if "attributes" in node:
            outer, sizes = self.model, self.sizes
            self.model, self.sizes = model, {}
            self._read_attributes(node["attributes"])
            self.model, self.sizes = outer, sizes
        return model

    def _parameters(self, node: dict[str, Any]) -> dict[str, Any]:
        prefix, parameters = self._prefix, {name: self._given[self._prefix + name] for name in node["left_out"]}
        for name, content in node["parameters"].items():
            self._prefix = f"{prefix}{name}__"
            parameters[name] = self.value(content)
        self._prefix = prefix
        return parameters

    def _read_attributes(self, nodes: dict[str, Any]) -> None:
        stored = stored_attributes(type(self.model))
        added = {name for name, kind in stored.items() if kind.is_optional_in_files}
        if not stored.keys() - added <= nodes.keys() <= stored.keys():
            raise ModelFormatError(
                f"it has the attributes {sorted(nodes.keys() - stored.keys())}, which {type(self.model).__name__} does not "
                f"declare, and lacks {sorted(stored.keys() - added - nodes.keys())}"
            )
        for name, kind in stored.items():
            setattr(self.model, name, kind.read(nodes.get(name), self))
        self.model._check_parameters()


def _checked_output(config: Any) -> dict[str, str]:
    if not isinstance(config, dict) or not config.items() <= {("transform", name) for name in ("default", "pandas", "polars")}:
        raise ModelFormatError(f"its output of transform is {config!r}")
    return config
