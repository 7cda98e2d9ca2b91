"""Base class of all neural recommenders: parameters, training and scores."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import rows_per_block
from skrec._threads import torch_threads_in_step
from skrec.base import EmbeddingRecommender
from skrec.base._divergence import divergence
from skrec.base._parameters import Needs
from skrec.base._prepared import prepared
from skrec.base._validation import Validation
from skrec.data import HalfLife, Interactions
from skrec.data._random import draw_seed
from skrec.engine._blocks import score_items, score_known_pairs
from skrec.engine._expansion import expand_network
from skrec.engine._exported import exported_scores, exported_state
from skrec.engine._pairs import score_pairs
from skrec.engine._products import products_of
from skrec.engine._stored import STORED
from skrec.engine.als import alternate
from skrec.engine.batches._batches import Batches
from skrec.engine.fold_in import FoldIn, events_of_reference_users, fold_in_of, prior_of_training, settled_prior
from skrec.engine.losses._losses import LOSSES, CosineContrastiveLoss, Loss, Losses, make_losses
from skrec.engine.networks._branches import BranchNetwork
from skrec.engine.networks._layers import build_seeded, forget_row_penalties
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State, prepare
from skrec.engine.networks._products import DotProduct
from skrec.engine.objectives._objective import Objective
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import (
    MutedCoverageWarning,
    accelerator_of,
    architecture_of,
    check_held_out,
    check_same_architecture,
    check_training,
    parameters_of,
    regularization_of,
)
from skrec.engine.training._descent import descend
from skrec.engine.training._early_stopping import EarlyStopping
from skrec.engine.training._history import TrainingHistory, ValidationMonitor
from skrec.engine.training._optimizers import OptimizerFactory, choose_optimizer
from skrec.engine.training._processes import batches_of_process, n_processes
from skrec.engine.training._replay import PARTIAL_FIT_LR_FACTOR, sample_with_replay
from skrec.engine.training._schedules import CosineRestarts
from skrec.engine.training._training_log import TrainingLog, check_place_of_log
from skrec.topk import Products

_USER_BYTES = 2**12  # memory for encoding one user
_SOLVERS: dict[str, Callable[..., torch.device]] = {"gradient": descend, "als": alternate}


class TorchRecommender(EmbeddingRecommender):
    """Base of recommenders whose networks are trained by PyTorch Lightning.

    A model implements ``_build(data)``, which returns its network, a `RecommenderNetwork`, and ``_objective()``, which returns
    its training objective. `PairRecommender` provides the objectives of models that score pairs of a user and an item.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        Loss function. "softmax", "bpr", "bce" and "warp" rank positive events above other items. "mse" predicts values. A
        callable ``loss(scores, target, mask=None, log_q=None)`` gets tensors with the candidates on the last axis and returns
        one number per example. A model with a callable loss ranks.
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive. ``loss="mse"`` learns
        from all values, and uses it only for the scorer of ``early_stopping``.
    half_life : float, timedelta or str, default=None
        Age at which an event weighs half. A number is in the unit of the timestamps (microseconds if they were datetimes). A
        timedelta, or text such as "30 days", needs timestamps of a known unit, see ``timestamp_unit`` of `Interactions`.
        Events are weighted by ``0.5 ** (age / half_life)``. The age is counted back from the user's latest event. Histories
        without timestamps, such as the rows of a matrix, are not weighted. If None, all events weigh the same.
    max_epochs : int, default=20
        Maximum number of passes over the training data.
    batch_size : int, default=None
        Number of examples in a minibatch. Examples are events, or users with ``negatives="all"``. If None, 1024 events, or a
        sixteenth of the users, at least 16 and at most 128.
    learning_rate : float, default=0.01
        Learning rate of the optimizer, and the maximum of ``lr_schedule``.
    regularization : float, default=None
        Strength of the L2 penalty on the embeddings that a minibatch uses, per example. All items of an example together count
        as two. If None, MFRecommender has a rule. In other models it is 0 for losses that rank or with ``weight_decay``. For
        ``loss="mse"`` it is 0.1, 1.0 in NeuMFRecommender and AutoRecRecommender, and 0.5 in MLPRecommender.
    weight_decay : float, default=0.0
        Decoupled weight decay. All weights are multiplied by ``1 - learning_rate * weight_decay`` at each step.
    optimizer : {"auto", "adam", "adamw", "row_adam", "sgd", "adagrad"} or callable, default="auto"
        Optimizer. "adam" and "adamw" are the same: Adam with betas (0.9, 0.99), eps 1e-5 and decoupled ``weight_decay``.
        "row_adam" updates only the rows of embeddings that a minibatch uses. "auto" is "row_adam" if there are more than
        200,000 users and items and ``weight_decay`` is 0, else "adam". For autoencoders, LightGCN, news and sequence models,
        "auto" is always "adam". On a CPU, for MFRecommender, MLPRecommender and NeuMFRecommender with drawn negatives, it is
        "row_adam" from ``2 * batch_size * (2 + n_negatives)`` users and items on. A callable gets the network's parameters and
        ``lr``, and returns a torch optimizer.
    lr_schedule : {"one_cycle", "cosine"}, callable or None, default="one_cycle"
        Schedule of the learning rate. "one_cycle" increases it during the first quarter of all steps and decreases it to almost
        0 afterwards. "cosine" decreases it to 0. `CosineRestarts` decreases it to 0 and restarts it several times. Any callable
        may be given that takes the number of epochs so far, as a float, and returns the factor of ``learning_rate``. If None,
        the learning rate is constant.
    early_stopping : str or EarlyStopping, default=None
        Name of a scorer, such as "ndcg@10", or "valid_loss". Training stops after three epochs without improvement, and the
        weights of the best epoch are kept. If ``fit`` is called without validation data, a tenth of the events is held out.
        `EarlyStopping` sets both numbers. If None, all epochs are trained and the weights of the last one are kept.
    logger : TrainingLog, {"csv", "tensorboard", "mlflow", "wandb"}, Lightning logger or callable, default=None
        Logger of ``history_`` and of the parameters. `TrainingLog` names a folder and makes a run of each fit. A name alone,
        such as "mlflow", is ``TrainingLog("mlflow")``. A Lightning logger is used as it is, so that all fits write to its run.
        A function without arguments returns a Lightning logger for each fit. None logs nothing.
    checkpoint_dir : path, default=None
        Folder for a checkpoint after each epoch. The last two checkpoints are kept, in a subfolder for each combination of
        parameters and data. If a fit was interrupted, the next one with the same parameters and data continues from its last
        checkpoint, with the same result as without the interruption. A finished fit is repeated from the start. Several
        processes may use the same folder. A damaged file is skipped with a UserWarning. If the folder is not writable, an
        OSError is raised before training. If None, no checkpoints are written.
    verbose : {0, 1, 2}, default=0
        0 prints nothing, 1 shows a progress bar, 2 prints one line per epoch.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the initial weights, the order of examples, negatives and dropout. With the same seed, the result on the same
        machine is the same. If None, the seed is random.
    trainer : dict, default=None
        Keyword arguments of Lightning's ``Trainer``, such as ``{"precision": "16-mixed"}``. ``"accelerator"`` is "auto", "cpu",
        "gpu" or "cuda". "auto", the default, uses a CUDA GPU if there is one, else the CPU. Apple GPUs lack the double
        precision that is needed. ``"accumulate_grad_batches"`` is the number of minibatches per optimizer step, by default 1.
        ``{"devices": 2, "strategy": "ddp"}`` trains in two processes, on two GPUs or on a CPU. Lightning runs the script once
        more for each further process. Each step uses ``batch_size`` examples of all processes together.

    Attributes
    ----------
    module_ : nn.Module
        Trained network. ``module_(users, items)`` returns scores.
    history_ : DataFrame
        One row per epoch with the columns epoch, train_loss (per event for the softmax over the catalog, else per example),
        train_pairwise_accuracy (the fraction of positives with a higher score than a negative, not for ratings), learning_rate
        (of the last step), seconds, and memory_mb (what the process has taken since training began, or the peak of a GPU). With
        validation data also valid_loss, valid_pairwise_accuracy, and the scorers of ``early_stopping`` and ``metrics``.
    best_epoch_ : int
        Epoch whose weights were kept: the best one with ``early_stopping``, else the last one.
    regularization_ : float
        Strength of the penalty that was used.
    device_, optimizer_ : str
        Device of the network, and name of the optimizer that was used.
    seed_ : int
        Seed drawn from ``random_state``.
    """

    loss: str | CosineContrastiveLoss | Callable[..., Tensor] = "softmax"
    positive_from: float | None = None
    half_life: HalfLife | None = None
    max_epochs: int = 20
    batch_size: int | None = None
    learning_rate: float = 0.01
    regularization: float | None = None
    weight_decay: float = 0.0
    optimizer: str | OptimizerFactory = "auto"
    lr_schedule: Literal["one_cycle", "cosine"] | CosineRestarts | Callable[[float], float] | None = "one_cycle"
    early_stopping: str | EarlyStopping | None = None
    logger: str | TrainingLog | Callable[[], Any] | Any | None = None
    checkpoint_dir: Any = None
    verbose: int = 0
    random_state: Any = None
    trainer: dict[str, Any] | None = None

    _needs: ClassVar[dict[str, Needs]] = {
        "positive_from": Needs(
            lambda model: not model._predicts_ratings or model._monitored not in (None, "valid_loss"), "a loss that ranks"
        ),
        "lr_schedule__cycle_mult": Needs(
            lambda model: model.lr_schedule.cycle_len < model.max_epochs, "a cycle_len below max_epochs"
        ),
    }
    _reads_weights = True
    _losses: ClassVar[dict[str, Loss]] = LOSSES
    _stored = STORED
    _exported_scores, _exported_state = exported_scores, exported_state
    # the parameters that must not change between fit and partial_fit
    _architecture_parameters: ClassVar[tuple[str, ...]] = ()
    _default_penalty_of_ratings: ClassVar[float] = 0.1

    _methods_of_models = ("_build", "_objective")
    _build: ClassVar[Callable[..., RecommenderNetwork]]
    _objective: ClassVar[Callable[..., Objective]]

    def _initialized(self, examples: Interactions, validation: Validation | None) -> RecommenderNetwork:
        """Return the network at the start of training."""
        return self._new_network(examples)

    @property
    def _compared_items(self) -> NDArray[np.bool_]:
        """Which items (n_items,) are negatives in training."""
        return np.ones(self.n_items_, dtype=bool)

    @property
    def _predicts_ratings(self) -> bool:  # type: ignore[override]
        return self._loss_name == "mse"

    @property
    def _loss_name(self) -> str | None:
        """Name of the loss. None for a callable."""
        if isinstance(self.loss, CosineContrastiveLoss):
            return "ccl"
        return self.loss if isinstance(self.loss, str) else None

    @property
    def _stopping(self) -> EarlyStopping | None:
        """Resolved value of ``early_stopping``."""
        return EarlyStopping(self.early_stopping) if isinstance(self.early_stopping, str) else self.early_stopping

    @property
    def _monitored(self) -> str | None:
        """Name of the scorer that chooses the epoch. None if the last epoch is kept."""
        return None if self._stopping is None else self._stopping.scorer

    def _check_parameters(self) -> None:
        check_training(self)

    def _both_losses(self) -> Losses:
        """Return the losses of training and of fold-in."""
        return make_losses(self.loss, self._losses, n_items=self.n_items_)

    def _fit(self, data: Interactions) -> None:
        self._fit_validated(data, None)

    @torch_threads_in_step(0)
    def _fit_validated(self, data: Interactions, validation: Validation | None) -> None:
        if self.logger is not None:
            check_place_of_log(self.logger)
        self.objective_, self.trained_with_ = self._objective(), parameters_of(self)
        self.objective_.check(data, n_pairs=self.seen_.nnz)
        if not self._predicts_ratings:
            self._positives(data, self.positive_from)  # raises if there are none
        checkpoints = None if self.checkpoint_dir is None else Checkpoints.of(self, data, validation)
        self.seed_ = draw_seed(self.random_state) if checkpoints is None else checkpoints.seed
        metrics = {} if validation is None else validation.metrics
        if validation is not None and validation.data is not None:
            self._warn_if_set("early_stopping__validation_fraction", "fit without validation data, which are used instead")
            self._train(data, validation, checkpoints)
            return
        if self._stopping is None:
            if metrics:
                raise ValueError(f"metrics={[*metrics]} need held-out data: pass validation, or set early_stopping")
            self._train(data, None, checkpoints)
            return
        held_out = self.objective_.hold_out(data, self._stopping.validation_fraction, np.random.default_rng(self.seed_))
        check_held_out(self, data, held_out)
        with MutedCoverageWarning.muted:
            self._train(data[~held_out], Validation(data[held_out], metrics), checkpoints)
        self._include_held_out(data)

    def _train(self, data: Interactions, validation: Validation | None, checkpoints: Checkpoints | None) -> None:
        """Train on ``data`` and choose the best epoch on ``validation``."""
        if data is not self.events_:  # those have been counted
            self._count(data)
        self.architecture_ = architecture_of(self)
        self._train_on(self.objective_.examples(data), validation, checkpoints)

    def _train_on(self, examples: Interactions, validation: Validation | None, checkpoints: Checkpoints | None) -> None:
        self.regularization_ = regularization_of(self, examples)
        is_resumed = checkpoints is not None and checkpoints.is_unfinished
        network = self._new_network(examples) if is_resumed else self._initialized(examples, validation)
        monitor = None if validation is None else ValidationMonitor(self, network, validation, known=examples)
        try:
            self._learn(network, examples, known=examples, monitor=monitor, checkpoints=checkpoints)
        except CheckpointUnusable as reason:
            checkpoints.skip(reason)  # type: ignore[union-attr] # only raised with checkpoints
            self._train_on(examples, validation, checkpoints)

    def _include_held_out(self, data: Interactions) -> None:
        """Add the held-out events after training. Users and items that have no others are added as by `partial_fit`."""
        trained = copy.copy(self)
        self._count(data)
        if isinstance(trained.module_, EmbeddingNetwork):
            network = self._new_network(self.objective_.examples(data))
            network = expand_network(self, network, data, trained, trained._new_state)
            self._set_network(network, torch.device(self.device_), self.train_loss_)
            self._prepare_fold_in()

    @torch_threads_in_step(0)
    def _partial_fit(self, events: Interactions, before: Any) -> None:
        if self.early_stopping is not None:
            raise ValueError(
                f"early_stopping must be None for partial_fit, which holds out no events, got {self.early_stopping!r}. "
                "set_params(early_stopping=None) keeps the fitted model"
            )
        if self.logger is not None:
            check_place_of_log(self.logger)
        check_same_architecture(self, before.architecture_)
        self.objective_, self.trained_with_ = self._objective(), parameters_of(self)
        self.architecture_ = before.architecture_
        if self.objective_.solver != before.objective_.solver:
            raise ValueError(
                f"solver must not change in partial_fit: fit used {before.objective_.solver!r}, got {self.objective_.solver!r}"
            )
        self.seed_ = draw_seed(self.random_state)
        rows = self.objective_.example_rows(events)
        examples = self.objective_.weighted(events[rows])
        self.regularization_ = regularization_of(self, examples)
        n_known = int(np.searchsorted(rows, len(before.events_)))
        network = expand_network(self, self._new_network(examples), events, before, before._new_state)
        if n_known == len(rows) or not self._learn_new(network, examples, n_known):
            self._set_network(network, torch.device(before.device_), before.train_loss_)
            self._prepare_fold_in()
        self.train_loss_ = before.train_loss_  # the error on a few events that are used many times is too small

    def _learn_new(self, network: RecommenderNetwork, examples: Interactions, n_known: int) -> bool:
        """Train on the examples behind the first ``n_known``. Return False if they have no signal."""
        chosen = np.arange(n_known, len(examples))
        if self.objective_.forgets:
            chosen = sample_with_replay(self.objective_.groups(examples), n_known, np.random.default_rng(self.seed_))
        if has_signal := self.objective_.has_signal(examples[chosen]):
            self._learn(network, examples[chosen], known=examples, rate=PARTIAL_FIT_LR_FACTOR)
        return has_signal

    def _learn(
        self,
        network: RecommenderNetwork,
        examples: Interactions,
        *,
        known: Interactions,
        monitor: ValidationMonitor | None = None,
        checkpoints: Checkpoints | None = None,
        rate: float = 1.0,
    ) -> None:
        """Train a network with ``rate`` times the learning rate and set it as the model's network."""
        history = TrainingHistory(self, network, monitor)
        device = self._run(network, batches_of_process(self, examples, known), history, checkpoints, rate)
        self.history_, self.best_epoch_ = pd.DataFrame(history.rows), history.best_epoch
        self._set_network(network, device, self.history_.train_loss[self.best_epoch_])
        self._prepare_fold_in()

    def _run(
        self,
        network: RecommenderNetwork,
        batches: Batches,
        history: TrainingHistory,
        checkpoints: Checkpoints | None = None,
        rate: float = 1.0,
    ) -> torch.device:
        """Minimize the loss by the solver of the objective, and return the device of the network."""
        return _SOLVERS[self.objective_.solver](self, network, batches, history, checkpoints, rate)

    def _new_network(
        self, examples: Interactions, build: Callable[[Interactions], RecommenderNetwork] | None = None
    ) -> RecommenderNetwork:
        """Build an untrained network, by default with `_build`."""
        network = build_seeded(lambda: (build or self._build)(examples), self.seed_)
        if not isinstance(network, RecommenderNetwork):
            raise TypeError(f"the network of {type(self).__name__} must be a RecommenderNetwork, got {type(network).__name__}")
        self.objective_.initialize(network, examples)
        return network

    def _set_network(self, network: RecommenderNetwork, device: torch.device, train_loss: float) -> None:
        """Set a trained network as the model's network, and learn the prior of new users from its users."""
        forget_row_penalties(network)
        # Lightning moves networks to the CPU after training
        self.module_, self.device_, self.train_loss_ = network.to(device), str(device), train_loss
        self._reference_events_: Interactions | None = None
        prepare(network)
        users = self._tensor(np.flatnonzero(self.has_past_)).split(rows_per_block(_USER_BYTES))
        try:
            self.prior_ = self.objective_.prior(network, users)
        except torch.linalg.LinAlgError as error:
            what = "training diverged: the users' vectors are too large"
            raise divergence(self, what, of_values=self._predicts_ratings) from error

    def _prepare_fold_in(self) -> None:
        """Measure the penalty of new users, and keep events by which fold-in chooses its coordinates, unless it is not used."""
        if not self.module_.reads_histories and not callable(self.loss) and self.objective_.aligns_prior:
            users = np.flatnonzero(self.has_past_)
            self.prior_ = prior_of_training(fold_in_of(self), self.events_, users)
            self._reference_events_ = events_of_reference_users(self.events_, users)

    def _drop_events(self) -> None:
        self.prior_, self._reference_events_ = settled_prior(self), None
        super()._drop_events()

    def _default_regularization(self, examples: Interactions) -> float:
        """Return the value of ``regularization=None``, given all training examples."""
        return self._default_penalty_of_ratings if self._predicts_ratings and self.weight_decay == 0 else 0.0

    def _optimizer_name(self, network: RecommenderNetwork) -> str:
        if self.optimizer != "auto":
            return self.optimizer if isinstance(self.optimizer, str) else getattr(self.optimizer, "__name__", "callable")
        if network.reads_histories or n_processes(self.trainer) > 1:  # a step changes most rows of the embeddings
            return "adam"
        has_compiled_steps = type(network) in (DotProduct, BranchNetwork) and accelerator_of(self.trainer) == "cpu"
        n_used = self.objective_.n_used_rows if has_compiled_steps else None
        return choose_optimizer(self.n_users_ + self.n_items_, n_used, self.weight_decay)

    def _tensor(self, array: NDArray) -> Tensor:
        return torch.tensor(array, device=self.device_)

    @torch.no_grad()
    def _known_state(self, users: NDArray[np.int64]) -> State:
        return self.module_.encode(self._tensor(users))

    def _new_state(self, histories: Interactions) -> State:
        histories = self.objective_.history(histories)
        if self.module_.reads_histories:
            return self.module_.states_of_rows(self.objective_.rows(histories))
        return self._fold_in().states(histories)

    def _fold_in(self) -> FoldIn:
        return prepared(self, fold_in_of)

    def _score(self, state: State, items: slice) -> Tensor:
        return score_items(self, state, items)

    def _formula(self) -> Products | None:
        return prepared(self, products_of)

    def _score_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        return score_pairs(self, users, items)

    def _forward(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores of pairs of known users and known items."""
        return score_known_pairs(self, users, items)

    @torch.no_grad()
    def _state_vectors(self, state: State) -> NDArray[np.float32]:
        return self.module_.user_vectors(state).cpu().numpy()

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        """Embeddings of the training users, ``(n_users_, d)``."""
        return self._state_vectors(self._known_state(np.arange(self.n_users_)))

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        """Embeddings of the items, ``(n_items_, d)``."""
        with torch.no_grad():
            return self.module_.item_vectors(self._tensor(np.arange(self.n_items_))).cpu().numpy()

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        """Biases of the items, ``(n_items_,)``. They are 0 without biases."""
        biases = self.module_.all_item_biases()
        return np.zeros(self.n_items_, np.float32) if biases is None else biases.detach().cpu().numpy()

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # a copy: Python returns the estimator's own dict
        if "module_" not in state or self.device_ == "cpu":
            return state
        prior = self.prior_.converted(torch.device("cpu"))
        return state | {"module_": copy.deepcopy(self.module_).cpu(), "prior_": prior, "device_": "cpu"}
