"""The one LightningModule that trains every network. Only this file imports Lightning, and only a fit imports this file."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning import loggers
from pytorch_lightning.plugins.environments import ClusterEnvironment, LightningEnvironment
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.plugins.precision import Precision
from pytorch_lightning.strategies import SingleDeviceStrategy
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn

from skrec._process import MutedWarning, SharedChange, progress_bar, replaced
from skrec.base._divergence import divergence
from skrec.engine.batches._batches import Batch, Batches
from skrec.engine.losses._losses import total_loss
from skrec.engine.networks._layers import set_generator
from skrec.engine.networks._network import prepare
from skrec.engine.training._checkpoint_files import write_checkpoint
from skrec.engine.training._checkpoints import Checkpoints, CheckpointUnusable
from skrec.engine.training._checks import LOGGERS
from skrec.engine.training._history import TrainingHistory
from skrec.engine.training._optimizers import clip, decay, set_rate
from skrec.engine.training._resuming import check_checkpoint
from skrec.engine.training._schedules import Schedule

# Lightning's loop costs some 0.2 ms for each of its steps, which is as much as a small minibatch takes; several at once hide it
CHUNK = 16
# sums of products of two such weights still fit into float32
_LARGEST_WEIGHT = 1e18


class Training(pl.LightningModule):
    """Trains a network on batches with manual optimisation.

    Parameters
    ----------
    network : nn.Module
    batches : Batches
    loss : callable
    optimizer : callable
        Makes an optimizer of the network's parameters.
    schedule : callable
        Maps the optimizer step to a rate.
    learning_rate : float
        At its top; the estimator's own, or a part of it.
    settings : TorchRecommender
        Its parameters are read, nothing is written.
    seed : int
    history : TrainingHistory
        Gets each epoch's row of figures and says whether to stop.
    checkpoints : Checkpoints or None
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
        # of numpy's type it would make checkpoints that are refused as code
        self.make_optimizer, self.schedule, self.learning_rate = optimizer, schedule, float(learning_rate)
        self.settings, self.seed, self.chunk = settings, seed, chunk
        self.history, self.checkpoints = history, checkpoints
        self.has_started, self.is_finished = False, False
        self.clip = (settings.trainer or {}).get("gradient_clip_val")
        self.weights = list(network.parameters())
        self.counters = _Counters()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.make_optimizer(self.network.parameters(), lr=self.learning_rate)

    def train_dataloader(self) -> "_Chunks":
        return _Chunks(self)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return batch  # batches live on the training device

    def on_fit_start(self) -> None:
        self.on_sigterm = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL  # None: it is not one of Python's
        self.batches.to(self.device)
        self.sampled_pairs = self.batches.sample_pairs(10_000, self.generator(-1))
        # Lightning's way round to the backward pass costs a tenth of a small step; without scaling or several devices it is
        # the same thing
        is_plain = type(self.trainer.precision_plugin) is Precision and type(self.trainer.strategy) is SingleDeviceStrategy
        self.back_propagate = torch.Tensor.backward if is_plain else self.manual_backward

    def on_train_start(self) -> None:
        """Leave SIGTERM to whom it was left before Lightning put its own handler there."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.on_sigterm)
            if self.trainer.had_sigterm and self.on_sigterm is signal.SIG_DFL:
                signal.raise_signal(signal.SIGTERM)

    def generator(self, epoch: int) -> torch.Generator:
        """The random numbers of one epoch follow from the seed and its number, so that a resumed run repeats them."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(int(np.random.SeedSequence([self.seed, epoch + 1]).generate_state(1)[0]))
        return generator

    def on_train_epoch_start(self) -> None:
        if not self.has_started:
            self.check_resumed()
        self.network.train()
        set_generator(self.network, self.generator(self.current_epoch + 2**20))
        self.started = time.perf_counter()
        self.counters.loss_sum, self.counters.n_examples = torch.zeros((), device=self.device), 0

    def training_step(self, chunk: tuple[int, list[Batch]], _: int) -> None:
        optimizer = self.optimizers()
        group = self.settings.accumulate_grad_batches
        first, batches = chunk
        for position, batch in enumerate(batches, first):
            # the last group of an epoch may be smaller; its gradient is the mean of what it has
            size = min(group, len(self.batches) - position // group * group)
            loss = self.minibatch_loss(batch)
            self.back_propagate(loss / size if size > 1 else loss)
            if (position + 1) % group == 0 or position + 1 == len(self.batches):
                self.update(optimizer)

    def minibatch_loss(self, batch: Batch) -> Tensor:
        """Mean loss of a minibatch, and the penalty on the rows it touches."""
        total = total_loss(self.network, self.loss, batch)
        self.counters.loss_sum.add_(total.detach())
        self.counters.n_examples += batch.n_examples if batch.weight is None else batch.weight.sum()
        total = total / batch.n_examples
        if strength := self.settings._penalty:
            total = total + strength * self.network.penalty(batch.query, batch.touched_items, batch.item_share)
        return total

    def update(self, optimizer: Any) -> None:
        """One optimizer step: rate, decay, clipping, step."""
        rate = self.schedule(self.counters.n_updates)
        lr = self.learning_rate * rate.factor
        set_rate(optimizer, lr, rate.momentum)
        if self.settings.weight_decay:
            decay(self.weights, 1 - lr * self.settings.weight_decay)
        if self.clip:
            scaler = getattr(self.trainer.precision_plugin, "scaler", None)  # its scale leaves the gradients at the step
            clip(self.weights, self.clip if scaler is None else self.clip * scaler.get_scale())
        optimizer.step()
        for weight in self.weights:
            weight.grad = None
        self.counters.n_updates += 1

    def on_train_epoch_end(self) -> None:
        train_loss = float(self.counters.loss_sum) / (float(self.counters.n_examples) or 1.0)
        if not np.isfinite(train_loss):
            raise self.divergence(f"the loss is {train_loss}")
        if not all(bool((weight.abs() < _LARGEST_WEIGHT).all()) for weight in self.weights):
            raise self.divergence(f"a weight is not finite, or above {_LARGEST_WEIGHT:g}")
        prepare(self.network)
        row = {"epoch": self.current_epoch, "train_loss": train_loss, "pairwise_accuracy": self.pairwise_accuracy()}
        row["seconds"] = time.perf_counter() - self.started
        if self.history(row, self.device):
            self.trainer.should_stop = True
        self.is_finished = self.trainer.should_stop or self.current_epoch + 1 == self.settings.max_epochs
        if self.logger is not None:
            numbers = {name: value for name, value in row.items() if np.isfinite(value)}
            self.logger.log_metrics(numbers, step=self.current_epoch)
        if self.checkpoints is not None:
            self.checkpoints.save(self.current_epoch, self.trainer.save_checkpoint)

    def divergence(self, what: str) -> ValueError:
        """The error that ends a fit in the present epoch."""
        of_values = self.settings._predicts_ratings
        return divergence(self.settings, f"training diverged in epoch {self.current_epoch}: {what}", of_values=of_values)

    @torch.no_grad()
    def pairwise_accuracy(self) -> float:
        """Share of a fixed sample of (positive, negative) pairs in the right order; half for a tie."""
        if self.sampled_pairs is None or len(self.sampled_pairs[0]) == 0:
            return float("nan")
        scores = self.network(*self.sampled_pairs)
        return float(((scores[:, 0] > scores[:, 1]).float() + (scores[:, 0] == scores[:, 1]).float() / 2).mean())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        run = {"seed": self.seed, "n_updates": self.counters.n_updates, "is_finished": self.is_finished}
        checkpoint["skrec"] = run | {"history": self.history.state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_checkpoint(checkpoint, self)
        self.counters.n_updates = checkpoint["skrec"]["n_updates"]
        self.history.resume(checkpoint["skrec"]["history"])

    def check_resumed(self) -> None:
        """See that Lightning goes on behind the last epoch that was recorded."""
        if self.current_epoch != len(self.history.rows) or self.global_step != self.counters.n_updates:
            raise ValueError(f"its loops are at epoch {self.current_epoch}, step {self.global_step}")
        self.has_started = True


class _Counters:
    """Counters of a run; a plain object, since a network's attributes are slow to set."""

    def __init__(self) -> None:
        self.loss_sum = torch.zeros(())
        self.n_examples: int | Tensor = 0  # or the sum of their weights
        self.n_updates = 0


class _Chunks:
    """An epoch as lists of minibatches, each with the position of its first. A plain iterable: Lightning's loop adds least."""

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


class _CheckpointFiles(TorchCheckpointIO):
    """Lightning's checkpoints as files with a checksum."""

    def __init__(self, checkpoints: Checkpoints):
        self.checkpoints = checkpoints

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write_checkpoint(Path(path), checkpoint, run=self.checkpoints.run)

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> Any:
        return self.checkpoints.state  # read, and checked, when it was chosen


class _Bar(pl.Callback):
    """One progress bar over all minibatches of all epochs."""

    def on_train_start(self, trainer: pl.Trainer, training: Any) -> None:
        n = len(training.batches)
        self.bar = progress_bar(total=trainer.max_epochs * n, initial=trainer.current_epoch * n, desc="fit", unit="batch")

    def on_train_batch_end(self, trainer: pl.Trainer, training: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.bar.update(len(batch[1]))
        self.bar.set_postfix(epoch=trainer.current_epoch + 1, refresh=False)

    def teardown(self, trainer: pl.Trainer, training: Any, stage: str) -> None:
        if hasattr(self, "bar"):
            self.bar.close()

    on_exception = teardown  # the line of a bar that stops midway ends too


class _Trainer(pl.Trainer):
    """Does not stop by itself at SIGTERM: Lightning would raise a SystemExit that has no exit code, as if all were well."""

    received_sigterm = False

    @property
    def had_sigterm(self) -> bool:
        """Whether the signal came while Lightning's handler was there."""
        return super().received_sigterm


def run(training: Training, *, logger: Any) -> torch.device:
    """Train to the end; returns the device it ran on."""
    settings = training.settings
    options = {name: value for name, value in (settings.trainer or {}).items() if name != "gradient_clip_val"}
    if options.get("devices") == "auto":
        del options["devices"]  # which would be all that there are
    plugins = _together(options.pop("plugins", None), [_CheckpointFiles(training.checkpoints)] if training.checkpoints else [])
    if options.get("num_nodes", 1) == 1 and not any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
        plugins.append(LightningEnvironment())  # whatever cluster the process was started by, it is all that there is
    with _Advice.muted, _silence:
        trainer = _Trainer(
            **{
                "accelerator": _accelerator(settings.accelerator),
                "devices": 1,
                "max_epochs": settings.max_epochs,
                "logger": logger or False,
                "callbacks": _together(options.pop("callbacks", None), [_Bar()] if settings.verbose == 1 else []),
                "plugins": plugins,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "num_sanity_val_steps": 0,
                "use_distributed_sampler": False,
            }
            | options
        )
        try:
            _fit(trainer, training)
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"the device ran out of memory ({error}); halve batch_size and double accumulate_grad_batches"
            ) from error
        except (SystemExit, ValueError) as error:
            # of Ctrl-C, Lightning makes a SystemExit, or outside of the main thread fails to change the handler of its signal
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
        finally:
            set_generator(training.network, None)
            training.network.eval()
    return trainer.strategy.root_device


def _fit(trainer: pl.Trainer, training: Training) -> None:
    """Train, or go on from a checkpoint; an error before the first epoch then is the checkpoint's."""
    path = training.checkpoints and training.checkpoints.path
    try:
        trainer.fit(training, ckpt_path=path, weights_only=True)
    except Exception as error:
        if path is None or training.has_started:
            raise
        raise CheckpointUnusable(error) from error


def make_logger(logger: str | Callable[[], Any] | None) -> Any:
    """One of Lightning's loggers by its name, or what a function of the user's makes."""
    if logger is None or callable(logger):
        return logger and logger()
    return getattr(loggers, LOGGERS[logger])(save_dir=".")


def _accelerator(wanted: str) -> str:
    """Lightning's name of what is wanted; its own "auto" would also take what knows no double precision."""
    has_cuda = pl.accelerators.CUDAAccelerator.is_available()
    if wanted in ("gpu", "cuda") and not has_cuda:
        raise ValueError(f"accelerator must be one that this machine has, 'auto' or 'cpu', got {wanted!r}")
    return "cuda" if has_cuda and wanted != "cpu" else "cpu"


def _together(given: Any, own: list) -> list:
    """What the user gave for one of Lightning's lists, one thing, several or None, and our own."""
    return [*([] if given is None else given if isinstance(given, list | tuple) else [given]), *own]


_LOGGERS = [name + suffix for name in ("pytorch_lightning", "lightning_fabric") for suffix in ("", ".utilities.rank_zero")]


class _Advice(MutedWarning):
    """What Lightning and torch say to those who call them."""

    module = r"(pytorch_lightning|lightning_fabric|lightning_utilities|torch)(\.|$)"


@contextmanager
def _quiet() -> Iterator[None]:
    """No advice, tips and advertisements in the log; and loggers that write, whatever rank a cluster gives the process."""
    with ExitStack() as undo:
        for logger in map(logging.getLogger, _LOGGERS):
            undo.enter_context(replaced(partial(getattr, logger, "level"), logger.setLevel, logging.ERROR))
        rank = partial(getattr, rank_zero_only, "rank"), partial(setattr, rank_zero_only, "rank")
        undo.enter_context(replaced(*rank, 0))
        yield


_silence = SharedChange(_quiet)
