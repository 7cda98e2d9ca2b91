"""How the attributes of neural recommenders are stored in files."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from skrec.engine.fold_in import settled_prior
from skrec.engine.fold_in._prior import DirectionPrior, Prior
from skrec.engine.networks._network import RecommenderNetwork
from skrec.engine.training._checks import architecture_of, parameters_of
from skrec.persistence import Array, Kind, ModelFormatError, Table, Value, check_finite

# functions whose first use on the meta device would take a second, or that have no effect without values
_INITIALIZERS = {"normal_", "uniform_", "fill_", "zero_", "mul_"}
_MAKERS = {"empty", "zeros", "ones", "full", "randn", "tensor", "as_tensor"}
_PRIORS = {"Prior": Prior, "DirectionPrior": DirectionPrior}


class TrainedWith(Kind):
    """The parameters of the last training. Only those that have been changed since then are written."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write the parameters that differ from those of the estimator."""
        now = writer.model.get_params(deep=False)
        changed = {name: then for name, then in value.items() if then is not now[name]}
        return writer.changed_parameters(changed, now)

    def read(self, node: Any, reader: Any) -> Any:
        """Read all parameters of the last training."""
        changed = {name: reader.value(content) for name, content in node.items()}
        trained = _with_parameters(reader.model, changed)
        return parameters_of(trained)


class MadeKind(Kind):
    """What an estimator makes of its parameters and other attributes."""

    is_made = True


class ObjectiveKind(MadeKind):
    """The objective, which the estimator makes of its parameters. Its numbers are written, since some depend on the events."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write the numbers of an objective."""
        return {"class": type(value).__name__, "numbers": _numbers_of(value)}

    def read(self, node: Any, reader: Any) -> Any:
        """Make an objective with the numbers."""
        made = _as_trained(reader.model)._objective()
        numbers = node["numbers"]
        if type(made).__name__ != node["class"] or numbers.keys() != _numbers_of(made).keys():
            raise ModelFormatError(f"its objective is {node['class']!r}, which does not agree with its parameters")
        if not all(type(number) is float for number in numbers.values()):
            raise ModelFormatError("its objective is not valid")
        return replace(made, **numbers)


class NetworkKind(MadeKind):
    """The network. The estimator builds it without weights, and its parameters and buffers are read by their names.

    Parameters
    ----------
    build : callable
        Builds the network of an estimator for some events.
    """

    def __init__(self, build: Callable[[Any, Any], RecommenderNetwork]):
        self._build = build

    def write(self, value: Any, writer: Any) -> Any:
        """Write parameters and buffers, also those that are not in the ``state_dict``."""
        if not writer.includes_history:
            value = _without_histories(value)
        return {name: None if tensor is None else writer.array(_as_array(tensor)) for name, tensor in _tensors_of(value)}

    def read(self, node: Any, reader: Any) -> Any:
        """Build the network and set its tensors."""
        model = _as_trained(reader.model)
        with torch.device("meta"), _WithoutValues(limit=100 + 10 * len(node)):
            network = self._build(model, model.events_[:0])
        expected = dict(_tensors_of(network))
        if node.keys() != expected.keys():
            raise ModelFormatError(f"its network has other tensors: {sorted(node.keys() ^ expected.keys())}")
        for name, content in node.items():
            _set_tensor(network, name, _read_tensor(content, reader), expected[name])
        for module in network.modules():
            if hasattr(module, "check_entries"):
                module.check_entries()
        return network.eval()


class PriorKind(MadeKind):
    """The prior of fold-in."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write a prior in the coordinates of fold-in, since a file may have no events to find them by."""
        value = settled_prior(writer.model)
        tensors = [value.mean, value.root, value.curvature]
        return {
            "class": type(value).__name__,
            "widths": list(value.widths),
            "exponent": value.exponent,
            "tensors": [None if tensor is None else writer.array(_as_array(tensor)) for tensor in tensors],
        }

    def read(self, node: Any, reader: Any) -> Any:
        """Read a prior and check its shapes."""
        mean, root, curvature = (_read_tensor(content, reader) for content in node["tensors"])
        widths, exponent = tuple(node["widths"]), node.get("exponent", 0.0)  # files of earlier versions have none
        network = reader.model.module_
        dtype, d = next(network.parameters()).dtype, sum(widths)
        shapes = [(mean, (d,)), (root, (d, d)), *([] if curvature is None else [(curvature, (d,))])]
        if any(tensor.shape != shape or tensor.dtype != dtype for tensor, shape in shapes):
            raise ModelFormatError("its prior has wrong shapes or dtypes")
        if not network.reads_histories and widths != _state_widths(network):
            raise ModelFormatError("its prior has other widths than its network")
        if type(exponent) is not float or not 0 <= exponent <= 1:
            raise ModelFormatError("its prior has an exponent that is not a number from 0 to 1")
        return _PRIORS[node["class"]](mean, root, widths, curvature, exponent)


class PastKind(Array):
    """Which users have events that the model learns from. Without histories, no user if the network reads them."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write flags of users."""
        lacks_past = not writer.includes_history and writer.model.module_.encodes_histories
        return writer.array(np.zeros_like(value) if lacks_past else value)


class ArchitectureKind(MadeKind):
    """The parameters that must not change, which follow from those of the last training."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write nothing."""
        return None

    def read(self, node: Any, reader: Any) -> Any:
        """Return the parameters."""
        return architecture_of(_as_trained(reader.model))


class DeviceKind(Kind):
    """The device of the network, which is the CPU when it is loaded."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write nothing."""
        return None

    def read(self, node: Any, reader: Any) -> Any:
        """Return the name of the CPU."""
        return "cpu"


STORED: dict[str, Kind] = {
    "trained_with_": TrainedWith(),
    "architecture_": ArchitectureKind(),
    "seed_": Value(int, at_least=0),
    "objective_": ObjectiveKind(),
    "optimizer_": Value(str),
    "regularization_": Value(float),
    "history_": Table(),
    "best_epoch_": Value(int, at_least=0),
    "device_": DeviceKind(),
    "train_loss_": Value(float),
    "module_": NetworkKind(lambda model, events: model._build(events)),
    "prior_": PriorKind(),
    "has_past_": PastKind("bool", "users"),
}
"""The attributes of `TorchRecommender`."""


class _WithoutValues(TorchFunctionMode):
    """Tensors are made without drawing initial values, and not more of them than a limit."""

    def __init__(self, limit: int):
        super().__init__()
        self._limit, self._n_made = limit, 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name in _INITIALIZERS or getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        if name in _MAKERS:
            self._n_made += 1
            if self._n_made > self._limit:
                raise ModelFormatError("its network has more tensors than the file")
        return (torch.empty if name == "randn" else function)(*args, **kwargs)


def _with_parameters(model: Any, parameters: dict[str, Any]) -> Any:
    """A copy of a model with other parameters."""
    twin = copy.copy(model)
    vars(twin).update(parameters)
    return twin


def _as_trained(model: Any) -> Any:
    """A copy of a model with the parameters that it was trained with."""
    return _with_parameters(model, model.trained_with_) if hasattr(model, "trained_with_") else model


def _numbers_of(objective: Any) -> dict[str, float]:
    numbers = {field.name: getattr(objective, field.name) for field in fields(objective)}
    return {name: float(number) for name, number in numbers.items() if isinstance(number, float)}


def _tensors_of(network: nn.Module) -> Iterator[tuple[str, Tensor | None]]:
    """All parameters and buffers by name. Some buffers are None until training ends."""
    for prefix, module in network.named_modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            yield f"{prefix}.{name}".lstrip("."), tensor


@torch.no_grad()
def _state_widths(network: RecommenderNetwork) -> tuple[int, ...]:
    return tuple(part.shape[1] for part in network.encode(torch.tensor([0])))


def _without_histories(network: RecommenderNetwork) -> RecommenderNetwork:
    """A copy whose tables of histories are empty."""
    twin = copy.copy(network)
    emptied: dict[str, Any] = {name: network.get_submodule(name).emptied() for name in network.history_tables}
    twin._modules = network._modules | emptied
    return twin


def _set_tensor(network: nn.Module, name: str, tensor: Tensor | None, expected: Tensor | None) -> None:
    """Set a tensor that is like the expected one. The sizes of tables of events differ, and results are made in training."""
    path, _, leaf = name.rpartition(".")
    module = network.get_submodule(path)
    if expected is None:
        shape = getattr(module, "result_shapes", {}).get(leaf)
        has_numbers = tensor is None or tensor.dtype == torch.float32 or leaf == "y_range"
        is_like = has_numbers and ((shape is None or leaf == "y_range") if tensor is None else tensor.shape == shape)
    elif tensor is None or tensor.dtype != expected.dtype:
        is_like = False
    else:
        is_like = tensor.shape == expected.shape or hasattr(module, "check_entries")
    if not is_like:
        raise ModelFormatError(f"the tensor {name!r} of its network has a wrong shape or dtype")
    if tensor is not None:
        setattr(module, leaf, nn.Parameter(tensor) if leaf in module._parameters else tensor)


def _read_tensor(content: Any, reader: Any) -> Any:
    """A tensor of finite numbers, or None."""
    if content is None:
        return None
    check_finite(array := reader.array(content))
    return torch.from_numpy(array)


def _as_array(tensor: Tensor) -> NDArray:
    return tensor.detach().cpu().numpy()
