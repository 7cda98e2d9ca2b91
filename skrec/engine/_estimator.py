"""The face of all neural recommenders: parameters, fit, fold-in."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._process import MutedWarning
from skrec.base._parameters import Needs
from skrec.data import Interactions, each_by_itself, fade, read_impressions
from skrec.data._random import draw_seed
from skrec.data._splitting import hold_out_events, hold_out_impressions
from skrec.engine._batches import Batches, InBatchPairs, PairBatches, RowBatches, SlateBatches
from skrec.engine._candidates import InBatchCandidates
from skrec.engine._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine._embedding_network import EmbeddingNetwork
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import build_seeded
from skrec.engine._negatives import PopularNegatives, UniformNegatives, log_popularity
from skrec.engine._optimizers import OPTIMIZERS, OptimizerFactory, choose_optimizer, use_row_gradients
from skrec.engine._recording import Judge, Recorder
from skrec.engine._rehearsal import PACE_OF_PARTIAL_FIT, with_rehearsal
from skrec.engine._schedules import schedule_of
from skrec.engine._training_checks import check_held_out, check_not_empty, check_training, warn_of_earlier_ratings
from skrec.metrics import CoverageWarning


class TorchRecommender(NetworkInference):
    """Base of recommenders that PyTorch Lightning trains.

    A model writes ``_build(data)``, which gives the network: an ``nn.Module`` with ``encode(users) -> state``, a tuple of
    tensors with a row for each user, ``score(state, items) -> scores`` for items of shape (B,), (B, C) or (1, C), and
    ``penalty(users, items, item_share)``; ``forward`` is their composition.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        "softmax", "bpr", "bce", "warp" rank positive events above other items; "mse" predicts values.
        A callable ``loss(scores, target, mask=None, log_q=None)`` with candidates on the last axis gives one number for each
        example; it ranks.
    positive_from : float, default=None
        Least value of a positive event; None counts every value above 0. "mse" learns from all values, and uses it only for
        the scorer of ``early_stopping``.
    half_life : float, default=None
        Age at which an event weighs half, in the unit of the timestamps (microseconds where they were datetimes), counted back
        from the user's latest event; None weighs all alike. What comes next depends most on what came last. The history of a
        new user without times, such as a row of a matrix, weighs all alike too.
    max_epochs : int, default=20
        Passes over the training data.
    batch_size : int, default=None
        Examples in a minibatch: events, or whole users where the negatives are "all". None means 1024 events, 128 users.
    learning_rate : float, default=0.01
    regularization : float, default=None
        L2 penalty on the rows that a minibatch touches, per example; the items of an example, however many, weigh as two. None
        means 0 for rankings and with ``weight_decay``. Ratings, which would be learned by heart, get .1, or 1 in NeuMF and
        AutoRec; that suits stars, whose spread is about one.
    weight_decay : float, default=0.0
        Decoupled decay of all weights: times ``1 - learning_rate * weight_decay`` at every step.
    optimizer : {"auto", "adam", "adamw", "row_adam", "sgd", "adagrad"} or callable, default="auto"
        Adam has betas (0.9, 0.99) and eps 1e-5; "row_adam" moves only the rows of embeddings that a minibatch touches. "auto"
        is that one for more than 200,000 users and items without weight decay, but for autoencoders, graphs and sequences;
        else "adam". A callable gets the parameters and ``lr``.
    lr_schedule : {"one_cycle", "cosine"} or None, default="one_cycle"
        "one_cycle" rises to the learning rate in the first quarter of all steps and falls to nothing; "cosine" falls, with
        restarts where ``cycle_len`` says so; None keeps the learning rate.
    cycle_len : int, default=None
        Epochs of the first cosine cycle; None makes one cycle of all epochs.
    cycle_mult : float, default=1
        How much longer each cycle is than the one before; needs ``cycle_len``.
    accumulate_grad_batches : int, default=1
        Minibatches for each step of the optimiser.
    early_stopping : str, default=None
        A scorer such as "ndcg@10", or "valid_loss". Training stops when it has not improved for ``patience`` epochs, and the
        weights of the best epoch are kept. If None, all epochs are trained and the last one is kept, whether or not ``fit`` is
        given validation data.
    validation_fraction : float, default=0.1
        Part of the events held out for ``early_stopping``, where ``fit`` is not given validation data.
    patience : int, default=3
        Epochs without improvement after which ``early_stopping`` ends the training. With ``patience=max_epochs`` all epochs
        are trained and the best one is kept.
    accelerator : {"auto", "cpu", "gpu", "cuda"}, default="auto"
        "auto" takes the GPU where there is one, but for Apple's, which lack the double precision that is needed.
    logger : {"csv", "tensorboard", "mlflow", "wandb"} or callable, default=None
        A name, or a function of no arguments that gives a Lightning logger. It gets each epoch's row of ``history_``.
    checkpoint_dir : path, default=None
        Folder for a checkpoint after each epoch of ``fit``; the last two are kept, in a subfolder for each combination of
        parameters and data. ``fit`` goes on from those of a run that was interrupted, to the very result that the run would
        have had. Those of a finished fit are written anew. Several processes may share a folder. A file that is damaged or of
        another run is left out with a UserWarning; a folder that cannot be written to is an OSError before training.
    verbose : {0, 1, 2}, default=0
        Nothing, a progress bar, or a line for each epoch.
    random_state : int, Generator, RandomState or None, default=None
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
        The epoch whose weights were kept: the best one with ``early_stopping``, else the last one.
    device_ : str
        Where it was trained.
    optimizer_ : str
        The optimiser that was used.
    seed_ : int
        What ``random_state`` came to.
    """

    loss: str | Callable[..., Tensor] = "softmax"
    positive_from: float | None = None
    half_life: float | None = None
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
    # parameters of the network itself
    _shaping: ClassVar[tuple[str, ...]] = ()
    # the name of the optimiser that a fit trains with, where that is not the parameter's
    _optimizer_of_fit: ClassVar[str | None] = None
    # whether a minibatch leaves most rows of its tables alone
    _has_sparse_gradients: ClassVar[bool] = True
    # what ``regularization=None`` means for ratings
    _penalty_of_ratings: ClassVar[float] = 0.1

    def _build(self, data: Interactions) -> nn.Module:
        raise NotImplementedError(f"{type(self).__name__} must write _build")

    def _fit(self, data: Interactions) -> None:
        self._fit_validated(data, None)

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        checkpoints = None if self.checkpoint_dir is None else Checkpoints.of(self, data, validation)
        self.seed_ = draw_seed(self.random_state) if checkpoints is None else checkpoints.seed
        if validation is not None and self.early_stopping is not None:
            self._warn_if_set("validation_fraction", "fit without validation data, which are used instead")
        if validation is not None or self.early_stopping is None:
            self._train(data, validation, checkpoints)
            return
        held_out = self._hold_out(data, np.random.default_rng(self.seed_))
        check_held_out(self, data, held_out)
        with _OfHeldOutEvents.muted:
            self._train(data[~held_out], data[held_out], checkpoints)
        self._take_back(data)

    def _hold_out(self, data: Interactions, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which events to choose the best epoch by."""
        hold_out = hold_out_impressions if self._learns_from_slates else hold_out_events
        return hold_out(data, self.validation_fraction, rng)

    def _take_back(self, data: Interactions) -> None:
        """Know all events, those held out too, after training on the others.

        Users and items all of whose events were held out are placed in the network as `partial_fit` places new ones.
        """
        trained = copy.copy(self)
        self._count(data)
        if isinstance(trained.module_, EmbeddingNetwork):
            network = self._new_network(fade(data[self._example_rows(data)], self.half_life))
            self._adopt(self._grown(network, data, trained), torch.device(self.device_), self.train_loss_)
            self._align_prior()

    def _train(self, data: Interactions, validation: Any, checkpoints: Checkpoints | None) -> None:
        """Train on some data; choose the best epoch by others."""
        if data is not self.events_:  # of which everything is counted already
            self._count(data)
        self.shape_ = self._shape()
        self._train_on(self._examples(data), validation, checkpoints)

    def _train_on(self, examples: Interactions, validation: Any, checkpoints: Checkpoints | None) -> None:
        is_resumed = checkpoints is not None and checkpoints.is_unfinished
        network = self._new_network(examples) if is_resumed else self._initialised(examples, validation)
        judge = None if validation is None else Judge(self, network, validation, known=examples)
        try:
            self._learn(
                network, examples, known=examples, judge=judge, checkpoints=checkpoints, optimizer=self._optimizer_of_fit
            )
        except CheckpointUnusable as reason:
            checkpoints.pass_over(reason)  # type: ignore[union-attr] # of which there was one
            self._train_on(examples, validation, checkpoints)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        if self.early_stopping is not None:
            raise ValueError(
                f"early_stopping must be None for partial_fit, which holds nothing out, got {self.early_stopping!r}: "
                "set_params(early_stopping=None) goes on with what was learned"
            )
        self._check_same_shape(before.shape_)
        self.shape_ = before.shape_
        self.seed_ = draw_seed(self.random_state)
        rows = self._example_rows(events)
        examples, n_known = fade(events[rows], self.half_life), int(np.searchsorted(rows, len(before.events_)))
        network = self._grown(self._new_network(examples), events, before)
        chosen = with_rehearsal(self._units(examples), n_known, np.random.default_rng(self.seed_))
        if n_known == len(rows) or not self._teaches(examples[chosen]):
            self._adopt(network, torch.device(before.device_), before.train_loss_)
            self._align_prior()
            return
        self._learn(network, examples[chosen], known=examples, pace=PACE_OF_PARTIAL_FIT)
        # the error on a few events that were gone over again and again is not what fold-in should expect of a stranger's
        self.train_loss_ = before.train_loss_

    def _learn(
        self,
        network: nn.Module,
        examples: Interactions,
        *,
        known: Interactions,
        judge: Judge | None = None,
        checkpoints: Checkpoints | None = None,
        pace: float = 1.0,
        optimizer: str | None = None,
    ) -> None:
        """Train a network, at some part of the learning rate, and take it over."""
        recorder = Recorder(self, network, judge)
        device = self._run(network, self._batches(examples, known=known), recorder, checkpoints, pace, optimizer)
        recorder.restore_best()
        self.history_, self.best_epoch_ = pd.DataFrame(recorder.rows), recorder.best_epoch
        self._adopt(network, device, self.history_.train_loss[self.best_epoch_])
        self._align_prior()

    def _teaches(self, examples: Interactions) -> bool:
        """Whether there is anything in some examples that the loss is about."""
        return True

    def _units(self, events: Interactions) -> NDArray[np.int64]:
        """What a loss looks at as a whole: impressions, users' rows, or single events."""
        if self._learns_from_slates and events.impressions is not None:
            return each_by_itself(events.impressions)
        return events.users if self._learns_from_rows else np.arange(len(events))

    def _new_network(self, events: Interactions, build: Callable[[Interactions], nn.Module] | None = None) -> nn.Module:
        """The model's own network, or another one, before it has learned anything."""
        network = build_seeded(lambda: (build or self._build)(events), self.seed_)
        if self._predicts_ratings and isinstance(network, EmbeddingNetwork):
            network.expect_ratings(events.values, self.y_range)
        return network

    def _initialised(self, events: Interactions, validation: Any) -> nn.Module:
        """What training begins with."""
        return self._new_network(events)

    def _shape(self) -> dict[str, Any]:
        """The parameters that what has been trained stands and falls with."""
        given = {name: getattr(self, name) for name in self._shaping}
        shape = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return shape | {
            "y_range": self.y_range and tuple(self.y_range),
            "loss": "mse" if self._predicts_ratings else "one that ranks",
        }

    def _check_same_shape(self, trained: dict[str, Any]) -> None:
        for name, value in self._shape().items():
            if value != trained[name]:
                raise ValueError(f"partial_fit goes on with {name}={trained[name]!r}, got {value!r}")

    def _pretrained(self, events: Interactions, validation: Any, build: Callable[[Interactions], nn.Module]) -> nn.Module:
        """Another network, trained by itself with the same settings."""
        network = self._new_network(events, build)
        quiet = copy.copy(self).set_params(logger=None, verbose=0)  # these are for the network that stays
        judge = None if validation is None else Judge(quiet, network, validation, known=events)
        recorder = Recorder(quiet, network, judge)
        quiet._run(network, self._batches(events, known=events), recorder)
        recorder.restore_best()
        return network

    def _run(
        self,
        network: nn.Module,
        batches: Batches,
        recorder: Recorder,
        checkpoints: Checkpoints | None = None,
        pace: float = 1.0,
        optimizer: str | None = None,
    ) -> torch.device:
        from skrec.engine import _lightning

        check_not_empty(self, batches)
        if len(batches) == 1:
            self._warn_if_set("accumulate_grad_batches", "more than one minibatch in an epoch, as with a smaller batch_size")
        self.optimizer_ = optimizer or self._optimizer_name()
        if self.optimizer_ == "row_adam":
            use_row_gradients(network)
        training = _lightning.Training(
            network,
            batches,
            loss=self._loss_function(),
            optimizer=self.optimizer if callable(self.optimizer) else OPTIMIZERS[self.optimizer_],
            schedule=schedule_of(self, len(batches)),
            learning_rate=pace * self.learning_rate,
            settings=self,
            seed=self.seed_,
            recorder=recorder,
            checkpoints=checkpoints,
        )
        try:
            return _lightning.run(training, logger=_lightning.make_logger(self.logger))
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"the device ran out of memory ({error}); halve batch_size and double accumulate_grad_batches"
            ) from error

    def _examples(self, data: Interactions) -> Interactions:
        """What the loss is about, once for each (user, item): the latest rating, or a positive event; slates as they are."""
        if not self._predicts_ratings:
            self._positives(data, self.positive_from)  # there must be some, and it says what counts
        rows = self._example_rows(data)
        if self._predicts_ratings:
            warn_of_earlier_ratings(len(data) - len(rows))
        return fade(data[rows], self.half_life)

    def _example_rows(self, data: Interactions) -> NDArray[np.int64]:
        """Positions, ascending, of the `_examples`."""
        if self._learns_from_slates:
            return np.arange(len(data))
        informative = np.flatnonzero(self._informative(data))
        return informative[data[informative].last_of_each_pair()]

    def _batches(self, events: Interactions, *, known: Interactions) -> Batches:
        """Minibatches of some events; what is known of the users is never drawn as a negative."""
        size = self.batch_size or 1024
        if self._predicts_ratings:
            return PairBatches(events, batch_size=size, negatives=None)
        kind = self._resolved_negatives()
        if kind == "slate":
            if events.impressions is not None:
                # one of several users would be no slate
                read_impressions(events.users, events.impressions, events.impression_ids)
            return SlateBatches(events, batch_size=size, positive_from=self.positive_from)
        if kind == "all":
            return RowBatches(self._target_rows(events), batch_size=self._rows_at_once, negatives=UniformNegatives(known))
        if kind == "in_batch":
            candidates = InBatchCandidates(log_popularity(known), self._no_negatives(known))
            return InBatchPairs(events, batch_size=size, negatives=UniformNegatives(known), candidates=candidates)
        sampler = (UniformNegatives if kind == "uniform" else PopularNegatives)(known)
        return PairBatches(events, batch_size=size, negatives=sampler, n_negatives=self.n_negatives)

    def _held_out_batches(self, events: Interactions, *, known: Interactions) -> Batches:
        """Minibatches by which the loss on held-out events is measured."""
        return self._batches(events, known=known)

    @property
    def _rows_at_once(self) -> int:
        """Users, or items, in a minibatch of whole rows."""
        return self.batch_size or 128

    def _target_rows(self, events: Interactions) -> sp.csr_array:
        """Whole rows to be explained: ones, or the weights that a softmax takes for how often an item was drawn."""
        if events.weights is not None and self.loss != "softmax":
            whose = "weights of events" if self.half_life is None else f"the weights that half_life={self.half_life!r} makes"
            raise ValueError(f"{whose} need loss='softmax' where whole rows are learned from, got loss={self.loss!r}")
        return self._rows_of(events)

    @property
    def _penalty(self) -> float:
        """What ``regularization`` comes to."""
        if self.regularization is not None:
            return self.regularization
        return self._penalty_of_ratings if self._predicts_ratings and self.weight_decay == 0 else 0.0

    def _optimizer_name(self) -> str:
        if self.optimizer == "auto" and not self._has_sparse_gradients:
            return "adam"
        if self.optimizer == "auto":
            return choose_optimizer(self.n_users_, self.n_items_, self.weight_decay)
        return self.optimizer if isinstance(self.optimizer, str) else getattr(self.optimizer, "__name__", "callable")

    def _check_parameters(self) -> None:
        check_training(self)


class _OfHeldOutEvents(MutedWarning):
    """What scorers say of test data, on which a user cannot act where `fit` has drawn them."""

    category = CoverageWarning
