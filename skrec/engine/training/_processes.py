"""Training in several processes, each with the whole network and a part of the minibatches."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from skrec._checks import is_int
from skrec.data import Interactions
from skrec.engine.batches._batches import Batches


def n_processes(options: dict[str, Any] | None) -> int:
    """Return the number of processes that train a network, given the keyword arguments of Lightning's Trainer."""
    devices = (options or {}).get("devices", 1)
    if isinstance(devices, list):
        return len(devices)
    return 1 if devices == "auto" else int(devices)


def check_devices(settings: Any) -> None:
    """Check the number of devices, and what is needed for more than one.

    Raises
    ------
    ValueError
        If the devices are not supported, or the processes could not make the same network.
    """
    options = settings.trainer or {}
    devices = options.get("devices", 1)
    is_number = devices in ("auto", "1") or (is_int(devices) and devices >= 1)
    if not is_number and not (isinstance(devices, list) and devices and all(map(is_int, devices))):
        raise ValueError(f"trainer['devices'] must be a number of at least 1, 'auto' or a list of numbers, got {devices!r}")
    if n_processes(options) == 1:
        return
    for name, needed in (("strategy", "ddp"), ("num_nodes", 1)):
        if options.get(name, needed if name == "num_nodes" else None) != needed:
            raise ValueError(
                f"trainer[{name!r}] must be {needed!r} for several devices, got {options.get(name)!r} with devices={devices!r}"
            )
    if not is_int(settings.random_state):
        raise ValueError(
            "random_state must be an integer for several devices, so that all processes train the same network, got "
            f"{settings.random_state!r}"
        )
    if settings.optimizer == "row_adam":
        raise ValueError("optimizer must not be 'row_adam' for several devices, whose gradients are summed for all rows")


def batches_of_process(model: Any, examples: Interactions, known: Interactions) -> Batches:
    """Return the minibatches of training. With several processes they are smaller, and those of one step are in all of them."""
    objective = model.objective_
    if objective.solver == "gradient":
        objective = replace(objective, batch_size=-(-objective.batch_size // n_processes(model.trainer)))
    return objective.batches(examples, known)


def share_weights(weights: list[nn.Parameter]) -> None:
    """Replace the weights of a network by those of the first process."""
    for weight in weights:
        torch.distributed.broadcast(weight.data, src=0)


def sum_gradients(weights: list[nn.Parameter]) -> None:
    """Replace the gradients of weights by their sums over all processes. Weights without a gradient get one of zeros."""
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    together = torch.cat([weight.grad.flatten() for weight in weights])  # one message takes less time than many
    torch.distributed.all_reduce(together)
    for weight, part in zip(weights, together.split([weight.numel() for weight in weights]), strict=True):
        weight.grad = part.view_as(weight)


def summed(numbers: list[float], device: torch.device) -> list[float]:
    """Return the sums of numbers over all processes."""
    sums = torch.tensor(numbers, dtype=torch.float64, device=device)
    torch.distributed.all_reduce(sums)
    return sums.tolist()
