"""Check that a checkpoint fits the run that continues from it."""

import copy
from typing import Any

import torch
from torch import Tensor

from skrec.engine.training._checks import n_accumulated_batches


def check_checkpoint(checkpoint: dict[str, Any], training: Any) -> None:
    """Check a checkpoint before it is loaded into a run.

    Parameters
    ----------
    checkpoint : dict
        State saved by Lightning, with the entries of `Training`.
    training : Training
        The run, attached to its trainer, before the first epoch.

    Raises
    ------
    ValueError
        If a part of the checkpoint does not fit the run.
    """
    run, weights = checkpoint["skrec"], training.state_dict()
    _check_progress(checkpoint, run, training)
    check_records(run["history"], checkpoint["epoch"], training.history)
    check_alike(checkpoint["state_dict"], weights, "state_dict")
    check_alike(checkpoint["loops"]["fit_loop"], training.trainer.fit_loop.state_dict(), "loops")
    (found,), expected = checkpoint["optimizer_states"], _state_after_a_step(training)
    expected["state"] = {place: expected["state"][place] for place in found["state"]}  # weights without gradients have no state
    check_alike(found, expected, "optimizer_states")


def _check_progress(checkpoint: dict[str, Any], run: dict[str, Any], training: Any) -> None:
    epoch, n_updates, settings = checkpoint["epoch"], run["n_updates"], training.settings
    if type(epoch) is not int or not 0 <= epoch < settings.max_epochs:
        raise ValueError(f"its epoch is {epoch!r} of {settings.max_epochs}")
    expected = (epoch + 1) * -(-len(training.batches) // n_accumulated_batches(settings.trainer))
    if type(n_updates) is not int or n_updates != expected:
        raise ValueError(f"its number of updates is {n_updates!r} instead of {expected}")


def check_records(state: dict[str, Any], epoch: int, history: Any) -> None:
    """Check the state of a `TrainingHistory` at the end of an epoch."""
    check_alike({name: 0 for name in state}, {name: 0 for name in history.state()}, "history")
    rows, best = state["rows"], state["best_epoch"]
    if not isinstance(rows, list) or [row["epoch"] for row in rows] != list(range(epoch + 1)):
        raise ValueError(f"its history does not have {epoch + 1} epochs")
    for row in rows:
        if {type(name) for name in row} != {str} or not {type(value) for value in row.values()} <= {int, float}:
            raise ValueError(f"its history has values that are not numbers: {row!r}")
    if type(best) is not int or not 0 <= best <= epoch or type(state["best_value"]) is not float:
        raise ValueError(f"its best epoch is {best!r}, with a value of {state['best_value']!r}")
    keeps_best = history.monitor is not None and history.estimator.early_stopping is not None
    expected = history.network.state_dict() if keeps_best else None
    check_alike(state["best_weights"], expected, "best_weights")


def _state_after_a_step(training: Any) -> dict[str, Any]:
    """Return the state of an optimizer after a step with gradients of 0 on a copy of the network."""
    network = copy.deepcopy(training.network)
    optimizer = training.make_optimizer(network.parameters(), lr=training.learning_rate)
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    return optimizer.state_dict()


def check_alike(found: Any, expected: Any, name: str) -> None:
    """Compare the keys, types and shapes of nested values. Tensors must be finite."""
    if isinstance(expected, Tensor):
        if not isinstance(found, Tensor) or (found.shape, found.dtype) != (expected.shape, expected.dtype):
            raise ValueError(f"its {name} is not a tensor of {expected.dtype} and shape {tuple(expected.shape)}")
        if not found.isfinite().all():
            raise ValueError(f"its {name} is not finite")
    elif isinstance(expected, dict):
        if not isinstance(found, dict) or found.keys() != expected.keys():
            raise ValueError(f"its {name} does not have the keys {list(expected)}")
        for key, value in expected.items():
            check_alike(found[key], value, f"{name}[{key!r}]")
    elif isinstance(expected, list | tuple):
        if len(found) != len(expected):
            raise ValueError(f"its {name} has {len(found)} parts instead of {len(expected)}")
        for place, (part, value) in enumerate(zip(found, expected, strict=True)):
            check_alike(part, value, f"{name}[{place}]")
    elif type(found) is not type(expected):
        raise ValueError(f"its {name} is of type {type(found).__name__} instead of {type(expected).__name__}")
