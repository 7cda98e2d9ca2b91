"""Epochs of alternating least squares."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skrec._process import progress_bar
from skrec._threads import single_threaded_blas
from skrec.base._divergence import divergence
from skrec.engine.als import _batched_rows, _compiled_rows
from skrec.engine.als._parameters import ALS
from skrec.engine.batches._least_squares import LeastSquares, Side
from skrec.engine.networks._network import prepare
from skrec.engine.networks._products import DotProduct
from skrec.engine.training._checkpoint_files import write_checkpoint
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import accelerator_of
from skrec.engine.training._history import N_SAMPLED_PAIRS, TrainingHistory, named_accuracy
from skrec.engine.training._resuming import check_alike, check_records


def alternate(
    model: Any,
    network: DotProduct,
    problems: LeastSquares,
    history: TrainingHistory,
    checkpoints: Checkpoints | None,
    rate: float,
) -> torch.device:
    """Train a network by alternating least squares, and return its device.

    Parameters
    ----------
    model : MFRecommender
        Estimator that is being fitted.
    network : DotProduct
        Network without biases. Its tables are updated in place.
    problems : LeastSquares
    history : TrainingHistory
    checkpoints : Checkpoints or None
    rate : ignored
        Not used, present for consistency with gradient descent.

    Raises
    ------
    ValueError
        If the vectors are not finite.
    CheckpointUnusable
        If the chosen checkpoint does not fit the run.
    """
    model.optimizer_, solver = "als", model._als
    device = torch.device(accelerator_of(model.trainer))
    network.to(device)
    problems.to(device)
    prepare(network)
    pairs = problems.sample_pairs(N_SAMPLED_PAIRS, torch.Generator(device).manual_seed(model.seed_))
    first = _resume(checkpoints, network, history)
    bar = progress_bar(total=model.max_epochs, initial=first, desc="fit", unit="epoch", disable=model.verbose != 1)
    with bar:
        for epoch in range(first, model.max_epochs):
            started = time.perf_counter()
            with single_threaded_blas:
                loss = _epoch(network, problems, model.objective_.unobserved_weight, solver)
            if not np.isfinite(loss):
                what = f"training diverged in epoch {epoch}: the loss is {loss}"
                raise divergence(model, what, of_values=False, remedy="regularization")
            row = {"epoch": epoch, "train_loss": loss} | named_accuracy("train", network, pairs)
            row["seconds"] = time.perf_counter() - started
            is_finished = history(row, device) or epoch + 1 == model.max_epochs
            if checkpoints is not None:
                state = _state(network, history, epoch, checkpoints.seed, is_finished=is_finished)
                checkpoints.save(epoch, partial(_write, state, checkpoints.run))
            bar.update()
            if is_finished:
                break
    history.restore_best()
    return device


def _epoch(network: DotProduct, problems: LeastSquares, unobserved_weight: float, solver: ALS) -> float:
    """Improve the items and then the users. Return the loss with all penalties, per unit of weight of the users' events."""
    users, items = network.user_embeddings.weight.detach(), network.item_embeddings.weight.detach()
    _improve(items, users, problems.items, unobserved_weight, solver)
    total = _improve(users, items, problems.users, unobserved_weight, solver)
    rows = torch.as_tensor(problems.items.rows)
    penalties = torch.as_tensor(problems.items.penalties)[rows].double()
    total += float(items[rows].double().square().sum(1) @ penalties)
    return total / max(float(problems.users.sums[problems.users.rows].sum()), np.finfo(float).tiny)


def _improve(x: Tensor, y: Tensor, side: Side, unobserved_weight: float, solver: ALS) -> float:
    """Improve the vectors ``x`` of a side, while ``y`` is fixed, and return their loss."""
    if x.device.type != "cpu":
        return _batched_rows.improve(x, y, side, unobserved_weight=unobserved_weight, n_steps=solver.n_steps)
    return _compiled_rows.improve(
        x.numpy(), y.numpy(), side, unobserved_weight=unobserved_weight, n_steps=solver.n_steps, n_jobs=solver.n_jobs
    )


def _state(network: DotProduct, history: TrainingHistory, epoch: int, seed: int, *, is_finished: bool) -> dict[str, Any]:
    """Return the content of a checkpoint."""
    run = {"seed": seed, "is_finished": is_finished, "history": history.state()}
    return {"epoch": epoch, "state_dict": network.state_dict(), "skrec": run}


def _write(state: dict[str, Any], run: str, path: Path) -> None:
    write_checkpoint(path, state, run=run)


def _resume(checkpoints: Checkpoints | None, network: DotProduct, history: TrainingHistory) -> int:
    """Continue from the chosen checkpoint, if any. Return the number of epochs that are done."""
    if checkpoints is None or checkpoints.state is None:
        return 0
    state = checkpoints.state
    try:
        check_records(state["skrec"]["history"], state["epoch"], history)
        check_alike(state["state_dict"], network.state_dict(), "state_dict")
    except Exception as error:
        raise CheckpointUnusable(error) from error
    network.load_state_dict(state["state_dict"])
    history.resume(state["skrec"]["history"])
    return state["epoch"] + 1
