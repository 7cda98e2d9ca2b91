"""Base class of all neural recommenders: parameters, training and scores."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import rows_per_block
from skrec.base import EmbeddingRecommender
from skrec.base._divergence import divergence
from skrec.base._parameters import Needs
from skrec.data import HalfLife, Interactions, is_positive
from skrec.data._random import draw_seed
from skrec.engine._expansion import expand_network
from skrec.engine._pairs import score_pairs
from skrec.engine._products import products_of
from skrec.engine.batches._batches import Batches
from skrec.engine.fold_in import Catalog, FoldIn, prior_of
from skrec.engine.losses._losses import LOSSES, SMOOTHING_WIDTH, Loss, Losses, warp
from skrec.engine.networks._layers import build_seeded
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State, prepare
from skrec.engine.objectives._objective import Objective
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import (
    MutedCoverageWarning,
    architecture_of,
    check_held_out,
    check_not_empty,
    check_same_architecture,
    check_training,
)
from skrec.engine.training._history import TrainingHistory, ValidationMonitor
from skrec.engine.training._optimizers import OPTIMIZERS, OptimizerFactory, choose_optimizer, use_row_gradients
from skrec.engine.training._replay import PARTIAL_FIT_LR_FACTOR, sample_with_replay
from skrec.engine.training._schedules import schedule_of
from skrec.topk import Products

_USER_BYTES = 2**12  # memory for encoding one user
# with an error of 0 the ratings of new users would have infinite weight
_MIN_NOISE = 1e-9


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
        Least value of a positive event; None counts every value above 0. "mse" learns from all values, and uses it only for
        the scorer of ``early_stopping``.
    half_life : float, timedelta or str, default=None
        Age at which an event weighs half. A number is in the unit of the timestamps (microseconds if they were datetimes). A
        timedelta, or text such as "30 days", needs timestamps of a known unit, see ``timestamp_unit`` of `Interactions`.
        Events are weighted by ``0.5 ** (age / half_life)``. The age is counted back from the user's latest event. Histories
        without timestamps, such as the rows of a matrix, are not weighted. If None, all events weigh the same.
    max_epochs : int, default=20
        Maximum number of passes over the training data.
    batch_size : int, default=None
        Number of examples in a minibatch. Examples are events, or users with ``negatives="all"``. If None, 1024 events or 128
        users.
    learning_rate : float, default=0.01
        Learning rate of the optimizer, and the maximum of ``lr_schedule``.
    regularization : float, default=None
        Strength of the L2 penalty on the embeddings that a minibatch uses, per example. All items of an example together count
        as two. If None, 0 for losses that rank or if ``weight_decay`` is above 0. For ``loss="mse"``, None means 0.1, or 1.0 in
        NeuMFRecommender and AutoRecRecommender, which suits ratings with a standard deviation of about 1.
    weight_decay : float, default=0.0
        Decoupled weight decay. All weights are multiplied by ``1 - learning_rate * weight_decay`` at each step.
    optimizer : {"auto", "adam", "adamw", "row_adam", "sgd", "adagrad"} or callable, default="auto"
        Optimizer. "adam" and "adamw" are the same: Adam with betas (0.9, 0.99), eps 1e-5 and decoupled ``weight_decay``.
        "row_adam" updates only the rows of embeddings that a minibatch uses. "auto" is "row_adam" if there are more than
        200,000 users and items and ``weight_decay`` is 0, else "adam". For autoencoders, LightGCN, news and sequence models,
        "auto" is always "adam". A callable gets the network's parameters and ``lr``, and returns a torch optimizer.
    lr_schedule : {"one_cycle", "cosine"} or None, default="one_cycle"
        Schedule of the learning rate. "one_cycle" increases it during the first quarter of all steps and decreases it to almost
        0 afterwards. "cosine" decreases it to 0, and restarts after each cycle. If None, the learning rate is constant.
    cycle_len : int, default=None
        Number of epochs in the first cycle of ``lr_schedule="cosine"``. If None, one cycle spans all epochs.
    cycle_mult : float, default=1
        Factor by which each cosine cycle is longer than the previous one. Has no effect without ``cycle_len``.
    accumulate_grad_batches : int, default=1
        Number of minibatches per optimizer step.
    early_stopping : str, default=None
        Name of a scorer, such as "ndcg@10", or "valid_loss". Training stops after ``patience`` epochs without improvement, and
        the weights of the best epoch are kept. If None, all epochs are trained and the weights of the last one are kept.
    validation_fraction : float, default=0.1
        Fraction of the events held out for ``early_stopping`` if ``fit`` is called without validation data.
    patience : int, default=3
        Number of epochs without improvement after which ``early_stopping`` ends the training. With ``patience=max_epochs`` all
        epochs are trained and the best one is kept.
    accelerator : {"auto", "cpu", "gpu", "cuda"}, default="auto"
        Device type. "auto" uses a CUDA GPU if there is one, else the CPU. Apple GPUs lack the double precision that is needed.
    logger : {"csv", "tensorboard", "mlflow", "wandb"} or callable, default=None
        Logger of ``history_``: a name, or a function without arguments that returns a Lightning logger. None logs nothing.
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
        Further keyword arguments of Lightning's ``Trainer``, such as ``{"precision": "16-mixed"}``.

    Attributes
    ----------
    module_ : nn.Module
        Trained network. ``module_(users, items)`` returns scores.
    history_ : DataFrame
        One row per epoch with the columns epoch, train_loss, pairwise_accuracy (the fraction of positives with a higher score
        than a negative), seconds and peak_memory_mb. With validation data also valid_loss and the scorer of ``early_stopping``.
    best_epoch_ : int
        Epoch whose weights were kept: the best one with ``early_stopping``, else the last one.
    device_ : str
        Device of the network.
    optimizer_ : str
        Name of the optimizer that was used.
    seed_ : int
        Seed drawn from ``random_state``.
    """

    loss: str | Callable[..., Tensor] = "softmax"
    positive_from: float | None = None
    half_life: HalfLife | None = None
    max_epochs: int = 20
    batch_size: int | None = None
    learning_rate: float = 0.01
    regularization: float | None = None
    weight_decay: float = 0.0
    optimizer: str | OptimizerFactory = "auto"
    lr_schedule: Literal["one_cycle", "cosine"] | None = "one_cycle"
    cycle_len: int | None = None
    cycle_mult: float = 1
    accumulate_grad_batches: int = 1
    early_stopping: str | None = None
    validation_fraction: float = 0.1
    patience: int = 3
    accelerator: str = "auto"
    logger: str | Callable[[], Any] | None = None
    checkpoint_dir: Any = None
    verbose: int = 0
    random_state: Any = None
    trainer: dict[str, Any] | None = None

    _needs: ClassVar[dict[str, Needs]] = {
        "positive_from": Needs(
            lambda model: not model._predicts_ratings or model.early_stopping not in (None, "valid_loss"), "a loss that ranks"
        ),
        "cycle_mult": Needs(
            lambda model: model.cycle_len is not None and model.cycle_len < model.max_epochs,
            "lr_schedule='cosine' and a cycle_len below max_epochs",
        ),
        "patience": Needs(lambda model: model.early_stopping is not None, "early_stopping"),
        "validation_fraction": Needs(lambda model: model.early_stopping is not None, "early_stopping"),
    }
    _reads_weights = True
    _losses: ClassVar[dict[str, Loss]] = LOSSES
    # the parameters that must not change between fit and partial_fit
    _architecture_parameters: ClassVar[tuple[str, ...]] = ()
    # whether a minibatch leaves most rows of the network's tables unchanged
    _has_sparse_gradients: ClassVar[bool] = True
    # the value of ``regularization=None`` for ratings
    _default_penalty_of_ratings: ClassVar[float] = 0.1

    def _build(self, data: Interactions) -> RecommenderNetwork:
        """Return the untrained network."""
        raise NotImplementedError(f"{type(self).__name__} must implement _build")

    def _objective(self) -> Objective:
        """Return the training objective for the parameters and the data."""
        raise NotImplementedError(f"{type(self).__name__} must implement _objective")

    def _loss(self, name: str, *, width: float) -> Loss:
        """Return a loss by its name. If the width is above 0, a smooth version of it."""
        return partial(warp, n_items=self.n_items_, width=width) if name == "warp" else self._losses[name]

    def _initialized(self, examples: Interactions, validation: Any) -> RecommenderNetwork:
        """Return the network at the start of training."""
        return self._new_network(examples)

    @property
    def _compared_items(self) -> NDArray[np.bool_]:
        """Which items (n_items,) are negatives in training."""
        return np.ones(self.n_items_, dtype=bool)

    @property
    def _predicts_ratings(self) -> bool:
        return self.loss == "mse"

    def _informative(self, data: Interactions) -> NDArray[np.bool_]:
        return np.ones(len(data), bool) if self._predicts_ratings else is_positive(data.values, self.positive_from)

    def _check_parameters(self) -> None:
        check_training(self)

    def _both_losses(self) -> Losses:
        """Return the losses of training and of fold-in."""
        if not isinstance(self.loss, str):
            return Losses(self.loss, self.loss)
        return Losses(self._loss(self.loss, width=0.0), self._loss(self.loss, width=SMOOTHING_WIDTH))

    def _fit(self, data: Interactions) -> None:
        self._fit_validated(data, None)

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        self.objective_ = self._objective()
        self.objective_.check(data)
        if not self._predicts_ratings:
            self._positives(data, self.positive_from)  # raises if there are none
        checkpoints = None if self.checkpoint_dir is None else Checkpoints.of(self, data, validation)
        self.seed_ = draw_seed(self.random_state) if checkpoints is None else checkpoints.seed
        if validation is not None and self.early_stopping is not None:
            self._warn_if_set("validation_fraction", "fit without validation data, which are used instead")
        if validation is not None or self.early_stopping is None:
            self._train(data, validation, checkpoints)
            return
        held_out = self.objective_.hold_out(data, self.validation_fraction, np.random.default_rng(self.seed_))
        check_held_out(self, data, held_out)
        with MutedCoverageWarning.muted:
            self._train(data[~held_out], data[held_out], checkpoints)
        self._include_held_out(data)

    def _train(self, data: Interactions, validation: Any, checkpoints: Checkpoints | None) -> None:
        """Train on ``data`` and choose the best epoch on ``validation``."""
        if data is not self.events_:  # those have been counted
            self._count(data)
        self.architecture_ = architecture_of(self)
        self._train_on(self.objective_.examples(data), validation, checkpoints)

    def _train_on(self, examples: Interactions, validation: Any, checkpoints: Checkpoints | None) -> None:
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
            self._align_prior()

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        if self.early_stopping is not None:
            raise ValueError(
                f"early_stopping must be None for partial_fit, which holds out no events, got {self.early_stopping!r}. "
                "set_params(early_stopping=None) keeps the fitted model"
            )
        check_same_architecture(self, before.architecture_)
        self.objective_, self.architecture_ = self._objective(), before.architecture_
        self.seed_ = draw_seed(self.random_state)
        rows = self.objective_.example_rows(events)
        examples = self.objective_.weighted(events[rows])
        n_known = int(np.searchsorted(rows, len(before.events_)))
        network = expand_network(self, self._new_network(examples), events, before, before._new_state)
        chosen = sample_with_replay(self.objective_.groups(examples), n_known, np.random.default_rng(self.seed_))
        if n_known == len(rows) or not self.objective_.has_signal(examples[chosen]):
            self._set_network(network, torch.device(before.device_), before.train_loss_)
            self._align_prior()
            return
        self._learn(network, examples[chosen], known=examples, rate=PARTIAL_FIT_LR_FACTOR)
        # the error on a few events that are used many times does not apply to the ratings of new users
        self.train_loss_ = before.train_loss_

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
        device = self._run(network, self.objective_.batches(examples, known), history, checkpoints, rate)
        self.history_, self.best_epoch_ = pd.DataFrame(history.rows), history.best_epoch
        self._set_network(network, device, self.history_.train_loss[self.best_epoch_])
        self._align_prior()

    def _run(
        self,
        network: RecommenderNetwork,
        batches: Batches,
        history: TrainingHistory,
        checkpoints: Checkpoints | None = None,
        rate: float = 1.0,
    ) -> torch.device:
        from skrec.engine.training import _lightning

        check_not_empty(self, batches)
        if len(batches) == 1:
            self._warn_if_set("accumulate_grad_batches", "more than one minibatch in an epoch, as with a smaller batch_size")
        self.optimizer_ = self._optimizer_name()
        if self.optimizer_ == "row_adam":
            use_row_gradients(network)
        training = _lightning.Training(
            network,
            batches,
            loss=self.objective_.losses.training,
            optimizer=self.optimizer if callable(self.optimizer) else OPTIMIZERS[self.optimizer_],
            schedule=schedule_of(self, len(batches)),
            learning_rate=rate * self.learning_rate,
            settings=self,
            seed=self.seed_,
            history=history,
            checkpoints=checkpoints,
        )
        device = _lightning.run(training, logger=_lightning.make_logger(self.logger))
        history.restore_best()
        return device

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
        # Lightning moves networks to the CPU after training
        self.module_, self.device_, self.train_loss_ = network.to(device), str(device), train_loss
        prepare(network)
        users = self._tensor(np.flatnonzero(self.has_past_)).split(rows_per_block(_USER_BYTES))
        try:
            self.prior_ = prior_of(network, users)
        except torch.linalg.LinAlgError as error:
            what = "training diverged: the users' vectors are too large"
            raise divergence(self, what, of_values=self._predicts_ratings) from error

    def _align_prior(self) -> None:
        """Choose coordinates of the prior in which fold-in converges fast, from the histories of some users."""
        # callable losses are called only in training and for new users
        if self.module_.reads_histories or callable(self.loss):
            return
        self.prior_ = self._fold_in().aligned_prior(self.events_, np.flatnonzero(self.has_past_))

    @property
    def _penalty(self) -> float:
        """Resolved value of ``regularization``."""
        if self.regularization is not None:
            return self.regularization
        return self._default_penalty_of_ratings if self._predicts_ratings and self.weight_decay == 0 else 0.0

    def _optimizer_name(self) -> str:
        if self.optimizer != "auto":
            return self.optimizer if isinstance(self.optimizer, str) else getattr(self.optimizer, "__name__", "callable")
        return choose_optimizer(self.n_users_, self.n_items_, self.weight_decay) if self._has_sparse_gradients else "adam"

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
        noise = max(self.train_loss_, _MIN_NOISE)
        catalog = Catalog(
            self._compared_items, self.popularity_, noise, self.seed_, self.device_, self.module_.floats_per_score
        )
        return FoldIn(self.module_, self.objective_, self.prior_, catalog)

    @torch.no_grad()
    def _score(self, state: State, items: slice) -> Tensor:
        candidates = torch.arange(items.start, items.stop, device=self.device_)[None]
        height = rows_per_block(4 * candidates.shape[1] * self.module_.floats_per_score)
        # one output array: many small ones between large temporary arrays would fragment the heap
        scores = torch.empty(len(state[0]), candidates.shape[1], device=self.device_)
        for start in range(0, len(scores), height):
            block = slice(start, start + height)
            scores[block] = self.module_.score(tuple(part[block] for part in state), candidates)
        return scores

    def _formula(self) -> Products | None:
        return products_of(self)

    def _score_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        return score_pairs(self, users, items)

    @torch.no_grad()
    def _forward(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores of pairs of known users and known items."""
        height = rows_per_block(32 * len(self.prior_.mean))
        parts = zip(self._tensor(users).split(height), self._tensor(items).split(height), strict=True)
        scores = [self.module_(*part).float().cpu().numpy() for part in parts]
        return np.concatenate(scores) if len(users) else np.empty(0, np.float32)

    @torch.no_grad()
    def _state_vectors(self, state: State) -> NDArray[np.float32]:
        return self.module_.user_vectors(state).cpu().numpy()

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        """Embeddings of the training users, (n_users_, d)."""
        return self._state_vectors(self._known_state(np.arange(self.n_users_)))

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        """Embeddings of the items, (n_items_, d)."""
        with torch.no_grad():
            return self.module_.item_vectors(self._tensor(np.arange(self.n_items_))).cpu().numpy()

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        """Biases of the items, (n_items_,); 0 without biases."""
        biases = self.module_.all_item_biases()
        return np.zeros(self.n_items_, np.float32) if biases is None else biases.detach().cpu().numpy()

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # a copy: Python returns the estimator's own dict
        if "module_" not in state or self.device_ == "cpu":
            return state
        prior = self.prior_.converted(torch.device("cpu"))
        return state | {"module_": copy.deepcopy(self.module_).cpu(), "prior_": prior, "device_": "cpu"}
