"""Training by gradient descent."""

from typing import Any

import torch

from skrec.engine.batches._batches import Batches
from skrec.engine.networks._network import RecommenderNetwork
from skrec.engine.training._checkpoints import Checkpoints
from skrec.engine.training._checks import check_not_empty, n_accumulated_batches
from skrec.engine.training._history import TrainingHistory
from skrec.engine.training._optimizers import OPTIMIZERS, use_row_gradients
from skrec.engine.training._processes import n_processes
from skrec.engine.training._schedules import schedule_of


def descend(
    model: Any,
    network: RecommenderNetwork,
    batches: Batches,
    history: TrainingHistory,
    checkpoints: Checkpoints | None,
    rate: float,
) -> torch.device:
    """Train a network by gradient descent, and return its device.

    Parameters
    ----------
    model : TorchRecommender
        Estimator that is being fitted.
    network : RecommenderNetwork
        Network that is updated in place.
    batches : Batches
    history : TrainingHistory
    checkpoints : Checkpoints or None
    rate : float
        Factor of the learning rate.
    """
    from skrec.engine.training import _lightning

    check_not_empty(model, batches)
    n_accumulated = n_accumulated_batches(model.trainer)
    if n_accumulated > n_processes(model.trainer) and len(batches) == 1:
        needs = "more than one minibatch in an epoch, as with a smaller batch_size"
        model._warn_of_no_effect("trainer['accumulate_grad_batches']", n_accumulated, needs)
    model.optimizer_ = model._optimizer_name(network)
    if model.optimizer_ == "row_adam":
        use_row_gradients(network)
    training = _lightning.Training(
        network,
        batches,
        loss=model.objective_.losses.training,
        optimizer=model.optimizer if callable(model.optimizer) else OPTIMIZERS[model.optimizer_],
        schedule=schedule_of(model.lr_schedule, -(-len(batches) // n_accumulated), model.max_epochs),
        learning_rate=rate * model.learning_rate,
        settings=model,
        seed=model.seed_,
        history=history,
        checkpoints=checkpoints,
    )
    device = _lightning.run(training)
    history.restore_best()
    return device
