"""The LightningModule that trains all networks. This file imports Lightning, and is imported only by `fit`."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import ClusterEnvironment, LightningEnvironment
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.strategies import SingleDeviceStrategy
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn

from skrec._process import MutedWarning, SharedChange, progress_bar, replaced
from skrec._threads import torch_threads_in_step
from skrec.base._divergence import divergence
from skrec.engine.batches._batches import Batch, Batches, PairBatches
from skrec.engine.losses._losses import loss_weight, total_loss
from skrec.engine.networks._layers import set_generator
from skrec.engine.networks._network import prepare
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import accelerator_of, n_accumulated_batches
from skrec.engine.training._history import N_SAMPLED_PAIRS, TrainingHistory, named_accuracy
from skrec.engine.training._optimizers import clip, decay, set_rate
from skrec.engine.training._pair_steps import PairSteps
from skrec.engine.training._plugins import CheckpointFiles, Processes
from skrec.engine.training._processes import n_processes, share_weights, sum_gradients, summed
from skrec.engine.training._resuming import check_checkpoint
from skrec.engine.training._runs import finite, open_run
from skrec.engine.training._schedules import Schedule
from skrec.engine.training._work import work_of_step

# a step of Lightning's loop takes 0.2 ms, as long as a small minibatch; several minibatches per step reduce this overhead
CHUNK = 16
# sums of products of two such weights do not overflow float32
_LARGEST_WEIGHT = 1e18


class Training(pl.LightningModule):
    """Trains a network on minibatches with manual optimization.

    Parameters
    ----------
    network : nn.Module
        Network to train.
    batches : Batches
        Minibatches.
    loss : callable
        Loss function.
    optimizer : callable
        Returns an optimizer for the network's parameters.
    schedule : callable
        Maps the number of an optimizer step to a `Rate`.
    learning_rate : float
        Maximum learning rate.
    settings : TorchRecommender
        Estimator whose parameters are used. It is not changed.
    seed : int
        Seed of all random numbers.
    history : TrainingHistory
        Collects the metrics of each epoch and decides when to stop.
    checkpoints : Checkpoints or None
        Checkpoints to write. If None, none are written.
    chunk : int, default=16
        Number of minibatches in one step of Lightning's loop.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        *,
        loss: Callable[..., Tensor],
        optimizer: Callable[..., torch.optim.Optimizer],
        schedule: Schedule,
        learning_rate: float,
        settings: Any,
        seed: int,
        history: TrainingHistory,
        checkpoints: Checkpoints | None = None,
        chunk: int = CHUNK,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.network, self.batches, self.loss = network, batches, loss
        # a numpy float could not be loaded from checkpoints with weights_only=True
        self.make_optimizer, self.schedule, self.learning_rate = optimizer, schedule, float(learning_rate)
        self.settings, self.seed, self.chunk = settings, seed, chunk
        self.history, self.checkpoints = history, checkpoints
        self.has_started, self.is_finished = False, False
        self.clip = (settings.trainer or {}).get("gradient_clip_val")
        self.n_accumulated = n_accumulated_batches(settings.trainer)
        self.weights = list(network.parameters())
        self.threads: ExitStack | None = None
        self.counters = _Counters()
        self.pair_steps: PairSteps | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.make_optimizer(self.network.parameters(), lr=self.learning_rate)

    def train_dataloader(self) -> "_Chunks":
        return _Chunks(self)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return batch  # batches live on the training device

    def on_fit_start(self) -> None:
        # getsignal returns None if the handler was not installed from Python
        self.on_sigterm = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
        self.batches.to(self.device)
        self.sampled_pairs = self.batches.sample_pairs(N_SAMPLED_PAIRS, self.generator(-1))
        # manual_backward adds a tenth to the time of a small step; without scaling or several devices it is equivalent
        self.n_processes, self.rank = self.trainer.world_size, self.trainer.global_rank
        if self.n_processes > 1:
            share_weights(self.weights)
        self.is_plain = type(self.trainer.precision_plugin) is Precision and type(self.trainer.strategy) is SingleDeviceStrategy
        self.back_propagate = torch.Tensor.backward if self.is_plain else self.manual_backward

    def on_train_start(self) -> None:
        """Restore the handler of SIGTERM that was replaced by Lightning, and choose how steps are made."""
        if self.is_plain and self.makes_pair_steps():
            self.pair_steps = PairSteps(self.network, self.loss, self.trainer.optimizers[0], self.settings.regularization_)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.on_sigterm)
            if self.trainer.had_sigterm and self.on_sigterm is signal.SIG_DFL:
                signal.raise_signal(signal.SIGTERM)

    def makes_pair_steps(self) -> bool:
        """Whether steps are made without autograd."""
        settings = self.settings
        return (
            not settings.weight_decay
            and not self.clip
            and self.n_accumulated == 1
            and type(self.batches) is PairBatches
            and PairSteps.supports(self.network, self.loss, self.make_optimizer, self.batches)
        )

    def generator(self, epoch: int) -> torch.Generator:
        """Return the generator of an epoch, which depends on the seed and the epoch only, so that runs can be resumed."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(int(np.random.SeedSequence([self.seed, epoch + 1]).generate_state(1)[0]))
        return generator

    def on_train_epoch_start(self) -> None:
        if not self.has_started:
            self.check_resumed()
        self.network.train()
        set_generator(self.network, self.generator(self.current_epoch + 2**20))
        self.started = time.perf_counter()
        self.counters.loss_sum, self.counters.loss_weight = torch.zeros((), device=self.device), 0

    def on_train_batch_start(self, chunk: tuple[int, list[Batch]], _: int) -> None:
        """Use as many threads as the first minibatch can feed."""
        if self.threads is None and self.device.type == "cpu":
            self.threads = ExitStack()
            work = work_of_step(self.network, chunk[1][0], updates_all_rows=self.settings.optimizer_ != "row_adam")
            self.threads.enter_context(torch_threads_in_step(work))

    def training_step(self, chunk: tuple[int, list[Batch]], _: int) -> None:
        if self.pair_steps is not None:
            self.do_pair_steps(self.pair_steps, chunk[1])
            return
        optimizer = self.optimizers()
        group = self.n_accumulated
        first, batches = chunk
        for position, batch in enumerate(batches, first):
            # the last group of an epoch may be smaller; its gradient is the mean over its minibatches
            size = min(group, len(self.batches) - position // group * group)
            if position % self.n_processes == self.rank:
                loss = self.minibatch_loss(batch)
                self.back_propagate(loss / size if size > 1 else loss)
            if (position + 1) % group == 0 or position + 1 == len(self.batches):
                self.update(optimizer)

    def do_pair_steps(self, steps: PairSteps, batches: list[Batch]) -> None:
        """Do the optimizer steps of a chunk of minibatches without autograd."""
        optimizer = self.optimizers()
        for batch in batches:
            self.set_rate(optimizer)
            optimizer._on_before_step()  # the counter of Lightning's global_step
            self.counters.loss_sum += steps(batch)
            self.counters.loss_weight += loss_weight(self.loss, batch)
            optimizer._on_after_step()
            self.counters.n_updates += 1

    def minibatch_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss of a minibatch plus the penalty on the rows that it uses."""
        total = total_loss(self.network, self.loss, batch)
        self.counters.loss_sum.add_(total.detach())
        self.counters.loss_weight += loss_weight(self.loss, batch)
        total = total / batch.n_examples
        if strength := self.settings.regularization_:
            total = total + strength * self.network.penalty(batch.query, batch.touched_items, batch.item_share)
        return total

    def update(self, optimizer: Any) -> None:
        """Do one optimizer step, with learning rate, weight decay and gradient clipping."""
        if self.n_processes > 1:
            sum_gradients(self.weights)
        lr = self.set_rate(optimizer)
        if self.settings.weight_decay:
            decay(self.weights, 1 - lr * self.settings.weight_decay)
        if self.clip:
            plugin = self.trainer.precision_plugin
            scaler = plugin.scaler if isinstance(plugin, MixedPrecision) else None  # gradients are unscaled in the step
            clip(self.weights, self.clip if scaler is None else self.clip * scaler.get_scale())
        optimizer.step()
        for weight in self.weights:
            weight.grad = None
        self.counters.n_updates += 1

    def set_rate(self, optimizer: Any) -> float:
        """Set the learning rate of the next step, and return it."""
        rate = self.schedule(self.counters.n_updates)
        lr = self.learning_rate * rate.factor
        set_rate(optimizer, lr, rate.momentum)
        self.counters.learning_rate = lr
        return lr

    def end_epoch(self) -> None:
        """Check the epoch, and record its figures."""
        sums = [float(self.counters.loss_sum), float(self.counters.loss_weight)]
        if self.n_processes > 1:
            sums = summed(sums, self.device)
        loss_sum, weight_sum = sums
        train_loss = loss_sum / (weight_sum or 1.0)
        if not np.isfinite(train_loss):
            raise self.divergence(f"the loss is {train_loss}")
        if not all(bool((weight.abs() < _LARGEST_WEIGHT).all()) for weight in self.weights):
            raise self.divergence(f"a weight is not finite, or above {_LARGEST_WEIGHT:g}")
        prepare(self.network)
        row = {"epoch": self.current_epoch, "train_loss": train_loss}
        row |= named_accuracy("train", self.network, self.sampled_pairs)
        row["learning_rate"] = self.counters.learning_rate
        row["seconds"] = time.perf_counter() - self.started
        if self.history(row, self.device):
            self.trainer.should_stop = True
        self.log_dict(row, logger=False, batch_size=1)  # trainer.callback_metrics
        if self.logger is not None:
            self.logger.log_metrics(finite(row), step=self.current_epoch)

    def on_train_epoch_end(self) -> None:
        self.trainer.should_stop = self.trainer.strategy.reduce_boolean_decision(self.trainer.should_stop, all=False)
        self.is_finished = self.trainer.should_stop or self.current_epoch + 1 == self.settings.max_epochs
        if self.checkpoints is not None:
            self.checkpoints.save(self.current_epoch, self.trainer.save_checkpoint)

    def divergence(self, what: str) -> ValueError:
        """Return the error for a divergence in the current epoch."""
        of_values = self.settings._predicts_ratings
        return divergence(self.settings, f"training diverged in epoch {self.current_epoch}: {what}", of_values=of_values)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        run = {"seed": self.seed, "n_updates": self.counters.n_updates, "is_finished": self.is_finished}
        checkpoint["skrec"] = run | {"history": self.history.state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_checkpoint(checkpoint, self)
        self.counters.n_updates = checkpoint["skrec"]["n_updates"]
        self.history.resume(checkpoint["skrec"]["history"])

    def check_resumed(self) -> None:
        """Check that Lightning continues after the last recorded epoch."""
        if self.current_epoch != len(self.history.rows) or self.global_step != self.counters.n_updates:
            raise ValueError(f"its loops are at epoch {self.current_epoch}, step {self.global_step}")
        if self.logger is not None:
            for epoch, row in enumerate(self.history.rows):
                self.logger.log_metrics(finite(row), step=epoch)
        self.has_started = True


class _Counters:
    """Counters of a run. A plain object, because setting attributes of an nn.Module is slow."""

    def __init__(self) -> None:
        self.loss_sum = torch.zeros(())
        self.loss_weight: int | Tensor = 0
        self.learning_rate = 0.0
        self.n_updates = 0


class _Chunks:
    """Lists of minibatches of an epoch, each with the position of its first minibatch.

    A plain iterable has the lowest overhead in Lightning's loop.
    """

    def __init__(self, training: Training):
        self.training = training

    def __len__(self) -> int:
        return -(-len(self.training.batches) // self.training.chunk)

    def __iter__(self) -> Iterator[tuple[int, list[Batch]]]:
        training = self.training
        chunk, first = [], 0
        for batch in training.batches.epoch(training.generator(training.current_epoch)):
            chunk.append(batch)
            if len(chunk) == training.chunk:
                yield first, chunk
                first, chunk = first + len(chunk), []
        if chunk:
            yield first, chunk


class _Figures(pl.Callback):
    """Records the figures of an epoch before other callbacks run, which find them in ``trainer.callback_metrics``."""

    def on_train_epoch_end(self, trainer: pl.Trainer, training: Any) -> None:
        training.end_epoch()


class _Bar(pl.Callback):
    """One progress bar over all minibatches of all epochs."""

    bar: Any = None

    def on_train_start(self, trainer: pl.Trainer, training: Any) -> None:
        n = len(training.batches)
        self.bar = progress_bar(total=trainer.max_epochs * n, initial=trainer.current_epoch * n, desc="fit", unit="batch")

    def on_train_batch_end(self, trainer: pl.Trainer, training: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.bar.update(len(batch[1]))
        self.bar.set_postfix(epoch=trainer.current_epoch + 1, refresh=False)

    def teardown(self, trainer: pl.Trainer, training: Any, stage: str) -> None:
        if self.bar is not None:
            self.bar.close()

    on_exception = teardown  # ends the line of an interrupted bar


class _Trainer(pl.Trainer):
    """Ignores SIGTERM. Lightning would raise a SystemExit without an exit code, which looks like success."""

    received_sigterm = False

    @property
    def had_sigterm(self) -> bool:
        """Whether the signal was received by Lightning's handler."""
        return super().received_sigterm


def run(training: Training) -> torch.device:
    """Train until the end and return the device."""
    settings = training.settings
    own = ("accelerator", "accumulate_grad_batches", "gradient_clip_val")  # done here, Lightning must not do them again
    options = {name: value for name, value in (settings.trainer or {}).items() if name not in own}
    if options.get("devices") == "auto":
        del options["devices"]  # "auto" would use all devices
    plugins = _combined(options.pop("plugins", None), [CheckpointFiles(training.checkpoints)] if training.checkpoints else [])
    if options.get("num_nodes", 1) == 1 and not any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
        plugins.append(LightningEnvironment())  # a single process, also inside a cluster job
    is_first = n_processes(options) == 1 or LightningEnvironment().local_rank() == 0
    if n_processes(options) > 1:
        options["strategy"] = Processes()
    opened = open_run(settings, training.history) if settings.logger is not None and is_first else nullcontext()
    with _LightningWarning.muted, _silence, opened as logger:
        trainer = _Trainer(
            **{
                "accelerator": accelerator_of(settings.trainer),
                "devices": 1,
                "max_epochs": settings.max_epochs,
                "logger": logger or False,
                "callbacks": [
                    _Figures(),
                    *_combined(options.pop("callbacks", None), [_Bar()] if settings.verbose == 1 and is_first else []),
                ],
                "plugins": plugins,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "num_sanity_val_steps": 0,
                "use_distributed_sampler": False,
            }
            | options
        )
        on_sigint = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
        try:
            _fit(trainer, training)
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"the device ran out of memory ({error}); halve batch_size and double trainer['accumulate_grad_batches']"
            ) from error
        except (SystemExit, ValueError) as error:
            # Lightning converts Ctrl-C to a SystemExit, or fails to set a signal handler outside of the main thread
            if isinstance(error.__context__, KeyboardInterrupt):
                if isinstance(error, SystemExit):  # Lightning ignores further ones, and not always resets that
                    signal.signal(signal.SIGINT, on_sigint)
                raise KeyboardInterrupt from None
            raise
        finally:
            if training.threads is not None:
                training.threads.close()
            set_generator(training.network, None)
            training.network.eval()
    return trainer.strategy.root_device


def _fit(trainer: pl.Trainer, training: Training) -> None:
    """Train, or continue from a checkpoint. Raise CheckpointUnusable for errors before the first continued epoch."""
    path = training.checkpoints and training.checkpoints.path
    try:
        trainer.fit(training, ckpt_path=path, weights_only=True)
    except Exception as error:
        if path is None or training.has_started:
            raise
        raise CheckpointUnusable(error) from error


def _combined(given: Any, own: list) -> list:
    """Combine the user's value for one of Lightning's lists, which may be None or a single object, with our own."""
    return [*([] if given is None else given if isinstance(given, list | tuple) else [given]), *own]


_LOGGERS = [name + suffix for name in ("pytorch_lightning", "lightning_fabric") for suffix in ("", ".utilities.rank_zero")]


class _LightningWarning(MutedWarning):
    """Warnings of Lightning and torch to their callers."""

    module = r"(pytorch_lightning|lightning_fabric|lightning_utilities|torch)(\.|$)"


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute Lightning's log messages, and let loggers write whatever rank a cluster has given the process."""
    with ExitStack() as undo:
        for logger in map(logging.getLogger, _LOGGERS):
            undo.enter_context(replaced(partial(getattr, logger, "level"), logger.setLevel, logging.ERROR))
        rank = partial(getattr, rank_zero_only, "rank"), partial(setattr, rank_zero_only, "rank")
        undo.enter_context(replaced(*rank, 0))
        yield


_silence = SharedChange(_quiet)
