"""The face of all neural recommenders: parameters, fit, fold-in."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from skrec.base._checks import check_choice, check_int, check_number
from skrec.data import Interactions
from skrec.data._splitting import hold_out_events
from skrec.engine._batches import Batches, InBatchPairs, PairBatches, RowBatches, SlateBatches
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import build_seeded
from skrec.engine._losses import LOSSES
from skrec.engine._negatives import PopularNegatives, UniformNegatives, log_popularity
from skrec.engine._optimizers import OPTIMIZERS, OptimizerFactory
from skrec.engine._schedules import Schedule, constant, cosine, one_cycle
from skrec.engine._recording import Judge, Recorder
from skrec.metrics import get_scorer

_NEGATIVES = ("auto", "uniform", "popularity", "in_batch", "all", "slate")
_ONE_POSITIVE = ("bpr", "warp", "cosine_contrastive")
_LOGGERS = {"csv": "CSVLogger", "tensorboard": "TensorBoardLogger", "mlflow": "MLFlowLogger", "wandb": "WandbLogger"}
_OWN_PARAMETERS = {
    "accelerator": "accelerator",
    "accumulate_grad_batches": "accumulate_grad_batches",
    "enable_checkpointing": "checkpoint_dir",
    "enable_progress_bar": "verbose",
    "logger": "logger",
    "max_epochs": "max_epochs",
}


class TorchRecommender(NetworkInference):
    """Base of recommenders that PyTorch Lightning trains.

    A model writes ``_build(data)``, which gives the network: an ``nn.Module`` with ``encode(users) -> state``, a tuple of
    tensors with a row for each user, ``score(state, items) -> scores`` for items of shape (B,), (B, C) or (1, C), and
    ``penalty(users, items, item_share)``; ``forward`` is their composition.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        "softmax", "bpr", "bce", "warp", "cosine_contrastive" rank positive events above other items; "mse" predicts values.
        A callable ``loss(scores, target, mask=None, log_q=None)`` with candidates on the last axis gives one number for each
        example; it ranks.
    positive_from : float, default=None
        Least value of a positive event; None counts every value above 0. Not used by "mse".
    max_epochs : int, default=20
        Passes over the training data.
    batch_size : int, default=None
        Examples in a minibatch: events, or whole users where the negatives are "all". None means 1024 events, 128 users.
    learning_rate : float, default=0.01
    regularization : float, default=0.0
        L2 penalty on the rows that a minibatch touches, per example.
    weight_decay : float, default=0.0
        Decoupled decay of all weights: times ``1 - learning_rate * weight_decay`` at every step.
    optimizer : {"auto", "adam", "adamw", "sgd", "adagrad"} or callable, default="auto"
        A callable gets the parameters and ``lr``. "auto" is "adam". Adam has betas (0.9, 0.99) and eps 1e-5.
    lr_schedule : {"one_cycle", "cosine"}, default=None
        None keeps the learning rate.
    cycle_len : int, default=None
        Epochs of the first cosine cycle; None makes one cycle of all epochs.
    cycle_mult : float, default=1
        How much longer each cycle is than the one before.
    accumulate_grad_batches : int, default=1
        Minibatches for each step of the optimiser.
    n_negatives : int, default=1
        Negatives for each positive event, where they are drawn.
    negatives : {"auto", "uniform", "popularity", "in_batch", "all", "slate"}, default="auto"
        What positives are compared with: unseen items drawn uniformly or by popularity, the other positives of the minibatch,
        the whole catalogue, or what was shown in the same impression.
    early_stopping : str, default=None
        A scorer such as "ndcg@10", or "valid_loss": stop when it has not improved for ``patience`` epochs.
    validation_fraction : float, default=0.1
        Part of the events held out for that, where ``fit`` is not given validation data.
    patience : int, default=3
    accelerator : {"auto", "cpu", "gpu", "cuda", "mps"}, default="auto"
    logger : {"csv", "tensorboard", "mlflow", "wandb"} or callable, default=None
        A name, or a function of no arguments that gives a Lightning logger. It gets each epoch's row of ``history_``.
    checkpoint_dir : path, default=None
        Folder for a checkpoint after each epoch; the last two are kept.
    verbose : {0, 1, 2}, default=0
        Nothing, a progress bar, or a line for each epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order, negatives and dropout. The same seed gives the same model on the same machine.
    trainer : dict, default=None
        Further keywords of Lightning's ``Trainer``, such as ``precision``.

    Attributes
    ----------
    module_ : nn.Module
        The trained network: ``module_(users, items)`` gives scores.
    history_ : DataFrame
        A row for each epoch: epoch, train_loss, pairwise_accuracy (share of positives above a negative), seconds,
        peak_memory_mb, and with validation data valid_loss and the scorer of ``early_stopping``.
    best_epoch_ : int
        The epoch whose weights were kept.
    device_ : str
        Where it was trained.
    optimizer_ : str
        The optimiser that was used.
    seed_ : int
        What ``random_state`` came to.
    """

    loss: str | Callable[..., Tensor] = "softmax"
    positive_from: float | None = None
    max_epochs: int = 20
    batch_size: int | None = None
    learning_rate: float = 0.01
    regularization: float = 0.0
    weight_decay: float = 0.0
    optimizer: str | OptimizerFactory = "auto"
    lr_schedule: Literal["one_cycle", "cosine"] | None = None
    cycle_len: int | None = None
    cycle_mult: float = 1
    accumulate_grad_batches: int = 1
    n_negatives: int = 1
    negatives: Literal["auto", "uniform", "popularity", "in_batch", "all", "slate"] = "auto"
    early_stopping: str | None = None
    validation_fraction: float = 0.1
    patience: int = 3
    accelerator: str = "auto"
    logger: str | Callable[[], Any] | None = None
    checkpoint_dir: Any = None
    verbose: int = 0
    random_state: Any = None
    trainer: dict[str, Any] | None = None

    def _build(self, data: Interactions) -> nn.Module:
        raise NotImplementedError(f"{type(self).__name__} must write _build")

    def _fit(self, data: Interactions) -> None:
        self._check_parameters()
        if self.early_stopping is None:
            self._train(data, None)
            return
        rng = np.random.default_rng(self._seed())
        held_out = hold_out_events(data, self.validation_fraction, rng)
        self._train(data[~held_out], data[held_out])
        self.seen_ = data.to_csr(duplicates="any")

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        self._check_parameters()
        self._train(data, validation)

    def _train(self, data: Interactions, validation: Any) -> None:
        """Train on some data; choose the best epoch by others."""
        self.seen_ = data.to_csr(duplicates="any")
        self.seed_ = self._seed()
        events = data if self._learns_from_slates else self._events(data)
        network = self._initialised(events)
        batches = self._batches(events, known=events)
        judge = None if validation is None else Judge(self, network, validation, known=events)
        recorder = Recorder(self, network, judge)
        device = self._run(network, batches, recorder)
        recorder.restore_best()
        self.history_, self.best_epoch_ = pd.DataFrame(recorder.rows), recorder.best_epoch
        self.optimizer_ = self._optimizer_name()
        self._adopt(network, device, self.history_.train_loss[self.best_epoch_])

    def _initialised(self, events: Interactions) -> nn.Module:
        """The network before training."""
        return build_seeded(lambda: self._build(events), self.seed_)

    def _pretrained(self, events: Interactions, build: Callable[[], nn.Module]) -> nn.Module:
        """Another network, trained by itself with the same settings."""
        network = build_seeded(build, self.seed_)
        self._run(network, self._batches(events, known=events), lambda row, device: False)
        return network

    def _run(self, network: nn.Module, batches: Batches, after_epoch: Callable[[dict[str, float], torch.device], bool]) -> torch.device:
        from skrec.engine import _lightning

        if len(batches) == 0:
            raise ValueError(f"X has nothing to learn from with loss={self.loss!r} and negatives={self.negatives!r}")
        training = _lightning.Training(
            network,
            batches,
            loss=self._loss_function(),
            optimizer=OPTIMIZERS[self.optimizer] if isinstance(self.optimizer, str) else self.optimizer,
            schedule=self._schedule(len(batches)),
            settings=self,
            seed=self.seed_,
            after_epoch=after_epoch,
        )
        try:
            return _lightning.run(training, logger=_make_logger(self.logger))
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"the device ran out of memory ({error}); halve batch_size and double accumulate_grad_batches"
            ) from error

    def _events(self, data: Interactions) -> Interactions:
        """What the loss is about: ratings, the last of each pair; or positive events."""
        if not self._predicts_ratings:
            return self._positives(data, self.positive_from)
        return data[data.last_of_each_pair()]

    def _batches(self, events: Interactions, *, known: Interactions) -> Batches:
        """Minibatches of some events; what is known of the users is never drawn as a negative."""
        size = self.batch_size or 1024
        if self._predicts_ratings:
            return PairBatches(events, batch_size=size, negatives=None)
        kind = self._resolved_negatives()
        if kind == "slate":
            return SlateBatches(events, batch_size=size)
        if kind == "all":
            rows = events.to_csr(duplicates="any")
            return RowBatches(rows, batch_size=self.batch_size or 128, negatives=UniformNegatives(known))
        if kind == "in_batch":
            return InBatchPairs(
                events, batch_size=size, negatives=UniformNegatives(known), log_q=log_popularity(known)
            )
        sampler = (UniformNegatives if kind == "uniform" else PopularNegatives)(known)
        return PairBatches(events, batch_size=size, negatives=sampler, n_negatives=self.n_negatives)

    def _schedule(self, n_batches: int) -> Schedule:
        steps_in_epoch = -(-n_batches // self.accumulate_grad_batches)
        if self.lr_schedule == "one_cycle":
            return one_cycle(steps_in_epoch * self.max_epochs)
        if self.lr_schedule == "cosine":
            cycle = steps_in_epoch * (self.cycle_len or self.max_epochs)
            return cosine(cycle_steps=cycle, cycle_mult=self.cycle_mult)
        return constant

    def _optimizer_name(self) -> str:
        if not isinstance(self.optimizer, str):
            return getattr(self.optimizer, "__name__", type(self.optimizer).__name__)
        return "adam" if self.optimizer == "auto" else self.optimizer

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _check_parameters(self) -> None:
        if not callable(self.loss):
            check_choice(self.loss, "loss", tuple(LOSSES))
        if not callable(self.optimizer):
            check_choice(self.optimizer, "optimizer", tuple(OPTIMIZERS))
        if self.lr_schedule is not None:
            check_choice(self.lr_schedule, "lr_schedule", ("one_cycle", "cosine"))
        check_choice(self.negatives, "negatives", _NEGATIVES)
        check_choice(self.accelerator, "accelerator", ("auto", "cpu", "gpu", "cuda", "mps"))
        for name in ("max_epochs", "accumulate_grad_batches", "n_negatives", "patience"):
            check_int(getattr(self, name), name, at_least=1)
        check_int(self.batch_size, "batch_size", at_least=1, or_none=True)
        check_int(self.cycle_len, "cycle_len", at_least=1, or_none=True)
        check_number(self.cycle_mult, "cycle_mult", at_least=1)
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.regularization, "regularization", at_least=0)
        check_number(self.weight_decay, "weight_decay", at_least=0)
        check_number(self.validation_fraction, "validation_fraction", above=0, below=1)
        check_choice(self.verbose, "verbose", (0, 1, 2))
        if self.early_stopping not in (None, "valid_loss"):
            get_scorer(self.early_stopping)
        if self.loss in _ONE_POSITIVE and self.negatives == "all":
            raise ValueError(f"negatives='all' needs loss='softmax' or 'bce', got loss={self.loss!r}")
        if self.logger is not None and not callable(self.logger):
            check_choice(self.logger, "logger", tuple(_LOGGERS))
        _check_trainer(self.trainer)


def _check_trainer(options: dict[str, Any] | None) -> None:
    """Keywords for Lightning's Trainer that do not contradict a parameter."""
    if options is None:
        return
    if not isinstance(options, dict):
        raise TypeError(f"trainer must be a dict of keywords of Lightning's Trainer, got {options!r}")
    for name in options:
        if name in _OWN_PARAMETERS:
            raise ValueError(f"trainer must not hold {name!r}: use the parameter {_OWN_PARAMETERS[name]}")
    if options.get("devices", 1) != 1:
        raise ValueError(f"trainer={options!r} asks for several devices; only devices=1 is supported")


def _make_logger(logger: str | Callable[[], Any] | None) -> Any:
    if logger is None or callable(logger):
        return logger and logger()
    from pytorch_lightning import loggers

    return getattr(loggers, _LOGGERS[logger])(save_dir=".")
