"""Epochs of alternating least squares."""

import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skrec._process import SharedChange, one_blas_thread, progress_bar
from skrec.base._divergence import divergence
from skrec.data import Interactions
from skrec.data._histories import select_users
from skrec.engine.als import _batched_rows, _compiled_rows
from skrec.engine.als._parameters import ALS
from skrec.engine.als._side import Side, both_sides
from skrec.engine.batches._negatives import UniformNegatives
from skrec.engine.networks._network import prepare
from skrec.engine.networks._products import DotProduct
from skrec.engine.objectives._objective import counts
from skrec.engine.training._checkpoint_files import write_checkpoint
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import accelerator_of
from skrec.engine.training._history import TrainingHistory, pairwise_accuracy
from skrec.engine.training._resuming import check_alike, check_records

_N_SAMPLED = 10_000  # pairs for the accuracy in the history

# blocks of rows are computed in threads, and their products are too small for several threads
_one_blas_thread = SharedChange(one_blas_thread)


def alternate(
    model: Any,
    network: DotProduct,
    examples: Interactions,
    history: TrainingHistory,
    checkpoints: Checkpoints | None = None,
    *,
    new: Interactions | None = None,
) -> torch.device:
    """Train a network by alternating least squares, and return its device.

    Parameters
    ----------
    model : MFRecommender
        Estimator that is being fitted.
    network : DotProduct
        Network without biases. Its tables are updated in place.
    examples : Interactions
        Positive events, one of each pair.
    history : TrainingHistory
    checkpoints : Checkpoints or None
    new : Interactions, default=None
        If given, only the vectors of the users and items of these events are solved for.

    Raises
    ------
    ValueError
        If the vectors are not finite.
    CheckpointUnusable
        If the chosen checkpoint does not fit the run.
    """
    device = torch.device(accelerator_of(model.trainer))
    users, items = both_sides(counts(examples), model.objective_)
    if new is not None:
        users, items = users._replace(rows=np.unique(new.users)), items._replace(rows=np.unique(new.items))
    problem = _Problem(network.to(device), users.to(device), items.to(device), model._als)
    pairs = tuple(codes.to(device) for codes in _sample_pairs(examples, model.seed_))
    prepare(network)
    first = _resume(checkpoints, network, history)
    bar = progress_bar(total=model.max_epochs, initial=first, desc="fit", unit="epoch", disable=model.verbose != 1)
    with _one_blas_thread, bar:
        for epoch in range(first, model.max_epochs):
            started = time.perf_counter()
            loss = problem.epoch()
            if not np.isfinite(loss):
                what = f"training diverged in epoch {epoch}: the loss is {loss}"
                raise divergence(model, what, of_values=False, remedy="regularization")
            row = {"epoch": epoch, "train_loss": loss, "pairwise_accuracy": pairwise_accuracy(network, pairs)}
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


class _Problem(NamedTuple):
    """Tables of a network and the least squares problems of their rows."""

    network: DotProduct
    users: Side
    items: Side
    solver: ALS

    def epoch(self) -> float:
        """Improve the items and then the users. Return the loss with all penalties, per unit of weight of the events."""
        users, items = self.network.user_embeddings.weight.detach(), self.network.item_embeddings.weight.detach()
        self._improve(items, users, self.items)
        total = self._improve(users, items, self.users)
        rows = torch.as_tensor(self.items.rows)
        penalties = torch.as_tensor(self.items.penalties)[rows].double()
        total += float(items[rows].double().square().sum(1) @ penalties)
        return total / max(float(self.users.sums[self.users.rows].sum()), np.finfo(float).tiny)

    def _improve(self, x: Tensor, y: Tensor, side: Side) -> float:
        weight, n_steps = self.solver.unobserved_weight, self.solver.n_steps
        if x.device.type != "cpu":
            return _batched_rows.improve(x, y, side, unobserved_weight=weight, n_steps=n_steps)
        tables = x.numpy(), y.numpy()
        return _compiled_rows.improve(*tables, side, unobserved_weight=weight, n_steps=n_steps, n_jobs=self.solver.n_jobs)


def _sample_pairs(examples: Interactions, seed: int) -> tuple[Tensor, Tensor]:
    """Draw positive pairs, and a negative for each: users (n,) and items (n, 2)."""
    rng = np.random.default_rng([seed, 0])
    chosen = rng.choice(len(examples), min(_N_SAMPLED, len(examples)), replace=False)
    users, items = examples.users[chosen], examples.items[chosen]
    distinct, places = np.unique(users, return_inverse=True)
    sampler = UniformNegatives(select_users(examples, distinct))
    generator = torch.Generator().manual_seed(int(rng.integers(2**32)))
    drawn, mask = sampler.draw(torch.as_tensor(places), 1, generator)
    keep = slice(None) if mask is None else mask[:, 0]
    both = torch.cat([torch.as_tensor(items, dtype=torch.int64)[:, None], drawn], 1)
    return torch.as_tensor(users, dtype=torch.int64)[keep], both[keep]


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
