"""Metrics after each epoch, validation, and the weights of the best epoch."""

import sys
from typing import Any

import numpy as np
import torch
from torch import nn

from skrec._memory import resident_bytes
from skrec.base._validation import Validation
from skrec.data import Interactions
from skrec.engine.batches._batches import Batches
from skrec.metrics import make_multi_scorer

N_SAMPLED_PAIRS = 10_000  # for the accuracy in the history
_SMALLEST_POSITIVE = float(np.finfo(np.float32).smallest_subnormal)


class ValidationMonitor:
    """Metrics of a network on held-out data: the loss, the pairwise accuracy and scorers.

    Parameters
    ----------
    estimator : TorchRecommender
        Estimator that is being fitted. The network is set as its network before it is scored.
    network : nn.Module
        Network that is being trained.
    validation : Validation
        Validation data and metrics as passed to ``fit``.
    known : Interactions
        Training examples, which are not drawn as negatives.

    Raises
    ------
    ValueError
        If ``valid_loss`` is needed and cannot be computed.
    """

    def __init__(self, estimator: Any, network: nn.Module, validation: Validation, *, known: Interactions):
        self.estimator, self.network, self.validation, self.known = estimator, network, validation.data, known
        data = estimator._recode(self.validation, name="validation")
        self.n_events = len(data)
        known_pairs = (data.users < estimator.n_users_) & (data.items >= 0)
        objective = estimator.objective_
        events = data[known_pairs & objective.example_mask(data)]
        batches = objective.held_out_batches(events, known) if len(events) else None
        self.batches = batches if batches is not None and len(batches) else None
        self.metrics = dict(validation.metrics)
        if estimator._monitored not in (None, "valid_loss"):
            self.metrics[estimator._monitored] = 1
        # the training data has been warned about; a threshold instead of None avoids a second warning
        self.threshold = _SMALLEST_POSITIVE if estimator.positive_from is None else estimator.positive_from
        if self.batches is None and (estimator._monitored == "valid_loss" or not self.metrics):
            kind = "rating" if estimator._predicts_ratings else "positive event"
            raise ValueError(
                f"valid_loss cannot be computed: the validation data have no {kind} of a known user with a known item. The "
                "rows of a matrix are new users: pass Interactions.from_csr(validation) if they are the users of the training "
                "data, or use a ranking scorer, such as early_stopping='ndcg@10'"
            )

    @torch.no_grad()
    def __call__(self, device: torch.device, epoch: int, train_loss: float) -> dict[str, float]:
        """Return the metrics after an epoch. Scorers that are not evaluated in this epoch are NaN."""
        figures = {} if self.batches is None else self._of_batches(self.batches, device)
        is_last = epoch + 1 == self.estimator.max_epochs
        if due := [name for name, n_epochs in self.metrics.items() if is_last or (epoch + 1) % n_epochs == 0]:
            self.estimator._set_network(self.network, device, train_loss)
            scores = make_multi_scorer(due, positive_from=self.threshold)(self.estimator, self.validation)
            return figures | {name: float(scores.get(name, np.nan)) for name in self.metrics}
        return figures | dict.fromkeys(self.metrics, float("nan"))

    def _of_batches(self, batches: Batches, device: torch.device) -> dict[str, float]:
        """Return the mean loss and the pairwise accuracy of the held-out events, with the same negatives in each epoch."""
        batches.to(device)
        generator = torch.Generator(device=device).manual_seed(self.estimator.seed_)
        loss = self.estimator.objective_.held_out_loss(self.network, batches, self.known, generator)
        pairs = batches.sample_pairs(N_SAMPLED_PAIRS, generator.manual_seed(self.estimator.seed_))
        return {"valid_loss": loss} | named_accuracy("valid", self.network, pairs)


class TrainingHistory:
    """Rows of ``history_``, and with ``early_stopping`` the weights of the best epoch.

    Parameters
    ----------
    estimator : TorchRecommender
        Estimator that is being fitted.
    network : nn.Module
        Network that is being trained.
    monitor : ValidationMonitor or None
    """

    def __init__(self, estimator: Any, network: nn.Module, monitor: ValidationMonitor | None):
        self.estimator, self.network, self.monitor = estimator, network, monitor
        self.bytes_at_start = resident_bytes()
        self.rows: list[dict[str, float]] = []
        self.best_epoch, self.best_value = 0, -float("inf")
        self.best_weights: dict[str, torch.Tensor] | None = None

    def __call__(self, row: dict[str, float], device: torch.device) -> bool:
        """Add the metrics of an epoch. Return True if training should stop."""
        if self.monitor is not None:
            row |= self.monitor(device, int(row["epoch"]), row["train_loss"])
        row |= self._memory(device)
        self.rows.append(row)
        if self.estimator.verbose == 2:
            sys.stdout.write("  ".join(f"{name} {value:.5g}" for name, value in row.items()) + "\n")
        stopping = self.estimator._stopping
        if self.monitor is None or stopping is None:
            self.best_epoch = int(row["epoch"])
            return False
        value = -row["valid_loss"] if stopping.scorer == "valid_loss" else row[stopping.scorer]
        if value > self.best_value or not self.rows[:-1]:
            self.best_value, self.best_epoch = value, int(row["epoch"])
            self.best_weights = {name: weight.detach().clone() for name, weight in self.network.state_dict().items()}
        return row["epoch"] - self.best_epoch >= stopping.patience

    def _memory(self, device: torch.device) -> dict[str, float]:
        """Return the peak memory of a GPU, or the memory that the process has taken. Nothing if it is not known."""
        is_gpu = device.type == "cuda"
        n_bytes = torch.cuda.max_memory_allocated(device) if is_gpu else resident_bytes() - self.bytes_at_start
        return {} if np.isnan(n_bytes) else {"memory_mb": n_bytes / 2**20}

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {name: getattr(self, name) for name in ("rows", "best_epoch", "best_value", "best_weights")}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from the `state` of an interrupted run."""
        self.rows, self.best_weights = state["rows"], state["best_weights"]
        self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]

    def restore_best(self) -> None:
        """Load the weights of the best epoch into the network."""
        if self.best_weights is not None:
            self.network.load_state_dict(self.best_weights)


@torch.no_grad()
def named_accuracy(name: str, network: nn.Module, pairs: tuple[Any, torch.Tensor] | None) -> dict[str, float]:
    """Return the fraction of users (n,) and items (n, 2) whose first item has the higher score. Ties count 0.5.

    The key is ``name`` followed by "_pairwise_accuracy". Nothing is returned without pairs.
    """
    if pairs is None or len(pairs[0]) == 0:
        return {}
    scores = network(*pairs)
    accuracy = ((scores[:, 0] > scores[:, 1]).float() + (scores[:, 0] == scores[:, 1]).float() / 2).mean()
    return {f"{name}_pairwise_accuracy": float(accuracy)}
