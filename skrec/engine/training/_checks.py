"""Checks of the parameters of neural recommenders."""

import copy
import inspect
from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec._checks import check_choice, check_int, check_no_class, check_number, read_path
from skrec._process import MutedWarning
from skrec.base._parameters import DeclaredParameters
from skrec.data import Interactions, read_half_life
from skrec.engine.losses._losses import CosineContrastiveLoss
from skrec.engine.training._early_stopping import check_early_stopping
from skrec.engine.training._optimizers import OPTIMIZERS
from skrec.engine.training._processes import check_devices, n_processes
from skrec.engine.training._schedules import check_schedule
from skrec.engine.training._training_log import check_logger
from skrec.metrics import CoverageWarning

_ONE_POSITIVE = ("bpr", "warp", "ccl")
_READ_HERE = {"accelerator", "accumulate_grad_batches", "devices", "gradient_clip_algorithm", "gradient_clip_val", "precision"}
_OWN_PARAMETERS = {
    "enable_checkpointing": "checkpoint_dir",
    "enable_progress_bar": "verbose",
    "logger": "logger",
    "max_epochs": "max_epochs",
}


def accelerator_of(options: dict[str, Any] | None) -> str:
    """Return the type of the training device, "cuda" or "cpu". Lightning's "auto" includes devices without double precision.

    Raises
    ------
    ValueError
        If a GPU is required and there is none.
    """
    wanted, has_cuda = (options or {}).get("accelerator", "auto"), torch.cuda.is_available()
    if wanted in ("gpu", "cuda") and not has_cuda:
        raise ValueError(f"trainer['accelerator'] must be 'auto' or 'cpu' on a machine without a CUDA GPU, got {wanted!r}")
    return "cuda" if has_cuda and wanted != "cpu" else "cpu"


def n_accumulated_batches(options: dict[str, Any] | None) -> int:
    """Return the number of minibatches per optimizer step, in all processes together."""
    return (options or {}).get("accumulate_grad_batches", 1) * n_processes(options)


def check_training(settings: Any) -> None:
    """Check the parameters of a `TorchRecommender`.

    Raises
    ------
    ValueError, TypeError
        If a parameter is invalid.
    """
    _check_loss(settings)
    if not callable(settings.optimizer):
        check_choice(settings.optimizer, "optimizer", ("auto", *OPTIMIZERS))
    check_schedule(settings.lr_schedule)
    check_int(settings.max_epochs, "max_epochs", at_least=1)
    check_int(settings.batch_size, "batch_size", at_least=1, or_none=True)
    check_number(settings.learning_rate, "learning_rate", above=0)
    if settings.regularization is not None:
        check_number(settings.regularization, "regularization", at_least=0)
    check_number(settings.weight_decay, "weight_decay", at_least=0)
    check_choice(settings.verbose, "verbose", (0, 1, 2))
    check_number(settings.positive_from, "positive_from", or_none=True)
    read_half_life(settings.half_life, settings.events_)
    if settings.early_stopping is not None:
        check_early_stopping(settings.early_stopping)
    if settings.checkpoint_dir is not None:
        read_path(settings.checkpoint_dir, "checkpoint_dir")
    if settings.logger is not None:
        check_logger(settings.logger)
    _check_trainer(settings.trainer)
    check_devices(settings)


def check_negatives(model: Any, kinds: tuple[str, ...]) -> None:
    """Check the parameters ``negatives`` and ``n_negatives`` of a model.

    Parameters
    ----------
    model : TorchRecommender
    kinds : tuple of str
        Accepted values of ``negatives``.

    Raises
    ------
    ValueError, TypeError
        If a parameter is invalid, or cannot be combined with the loss.
    """
    check_choice(model.negatives, "negatives", kinds)
    check_int(model.n_negatives, "n_negatives", at_least=1)
    if model._predicts_ratings and model.negatives not in ("auto", type(model).negatives):
        raise ValueError(f"negatives must be 'auto' for loss='mse', which uses no negatives, got {model.negatives!r}")
    if model.negatives == "hard" and model.n_negatives == 1:
        raise ValueError("n_negatives must be at least 2 for negatives='hard', got 1")


def check_whole_row_loss(model: Any) -> None:
    """Raise ValueError if a model of whole rows has a loss for a single positive and its negatives."""
    if model._loss_name in _ONE_POSITIVE:
        given = model.get_params(deep=False)
        setting = f" with negatives={given['negatives']!r}" if "negatives" in given else ""
        raise ValueError(
            f"loss must be 'softmax' or 'bce' for {type(model).__name__}{setting}, since whole rows are predicted, got "
            f"{model.loss!r}"
        )


def check_layers(hidden_layer_sizes: Any, dropout: float, *, at_least: int = 1) -> None:
    """Check the widths of layers and their dropout.

    Parameters
    ----------
    hidden_layer_sizes : tuple or list of int
        Widths of the layers.
    dropout : float
        Dropout after each layer.
    at_least : int, default=1
        Minimum number of layers.

    Raises
    ------
    ValueError, TypeError
        If a parameter is invalid.
    """
    if not isinstance(hidden_layer_sizes, tuple | list) or len(hidden_layer_sizes) < at_least:
        or_none = "" if at_least else " or ()"
        raise TypeError(
            f"hidden_layer_sizes must be a tuple of layer widths, such as (64, 32){or_none}, got {hidden_layer_sizes!r}"
        )
    for width in hidden_layer_sizes:
        check_int(width, "a width in hidden_layer_sizes", at_least=1)
    check_number(dropout, "dropout", at_least=0, below=1)


def architecture_of(model: Any) -> dict[str, Any]:
    """Return the parameters of a model that must not change between fit and partial_fit, with their values."""
    given = {name: getattr(model, name) for name in model._architecture_parameters}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return values | {"loss": "mse" if model._predicts_ratings else "a ranking loss"}


def parameters_of(model: Any) -> dict[str, Any]:
    """The parameters of a model, for its attribute ``trained_with_``. Objects are copied, since they may be changed later."""
    values = model.get_params(deep=False)
    return {name: copy.copy(value) if isinstance(value, DeclaredParameters) else value for name, value in values.items()}


def regularization_of(model: Any, examples: Interactions) -> float:
    """Return the value of ``regularization`` for all training examples, also those of earlier trainings."""
    return float(model._default_regularization(examples) if model.regularization is None else model.regularization)


def check_same_architecture(model: Any, trained: dict[str, Any]) -> None:
    """Raise ValueError if the parameters of a model differ from those of the trained network."""
    for name, value in architecture_of(model).items():
        if value != trained[name]:
            raise ValueError(f"{name} must not change in partial_fit: fit used {trained[name]!r}, got {value!r}")


def check_held_out(settings: Any, data: Interactions, held_out: NDArray[np.bool_]) -> None:
    """Check that there are positive events both in the training part and in the part held out for ``early_stopping``.

    Raises
    ------
    ValueError
        If one part has no positive events.
    """
    informative = settings._informative(data)
    n_held_out, n_learned = int((informative & held_out).sum()), int((informative & ~held_out).sum())
    if n_held_out + n_learned > 0 and min(n_held_out, n_learned) == 0:
        raise ValueError(
            f"early_stopping={settings.early_stopping!r} needs positive events both for training and for validation, got "
            f"{n_learned} for training and {n_held_out} for validation. Change the validation_fraction of EarlyStopping, which "
            f"is {settings._stopping.validation_fraction!r}, or pass validation data to fit"
        )


def check_y_range(y_range: Any, *, is_rating: bool) -> None:
    """Check a pair of bounds of predicted ratings.

    Parameters
    ----------
    y_range : (float, float)
        Bounds of predicted ratings.
    is_rating : bool
        Whether the model predicts ratings.

    Raises
    ------
    ValueError, TypeError
        If the bounds are invalid, or the model does not predict ratings.
    """
    if not is_rating:
        raise ValueError(f"y_range must be None unless loss='mse', got {y_range!r}")
    if not isinstance(y_range, tuple | list) or len(y_range) != 2:
        raise TypeError(f"y_range must be a pair (low, high) or None, got {y_range!r}")
    for bound in y_range:
        check_number(bound, "a bound of y_range")
    if y_range[0] >= y_range[1]:
        raise ValueError(f"y_range must be (low, high) with low < high, got {y_range!r}")


def _check_loss(settings: Any) -> None:
    check_no_class(settings.loss, "loss")
    if settings._loss_name not in settings._losses and not callable(settings.loss):
        names = ", ".join(map(repr, settings._losses))
        accepted = f"{names}, a CosineContrastiveLoss or a callable" if "ccl" in settings._losses else f"{names} or a callable"
        error = ValueError if isinstance(settings.loss, str | CosineContrastiveLoss) else TypeError
        raise error(f"loss must be one of {accepted}, got {settings.loss!r}")
    if isinstance(settings.loss, CosineContrastiveLoss):
        settings.loss._check_parameters()


def _check_trainer(options: dict[str, Any] | None) -> None:
    """Check that the keyword arguments for Lightning's Trainer are supported, and do not conflict with a parameter."""
    if options is None:
        return
    if not isinstance(options, dict):
        raise TypeError(f"trainer must be a dict of keyword arguments of Lightning's Trainer, got {options!r}")
    for name in options:
        if name in _OWN_PARAMETERS:
            raise ValueError(f"trainer must not hold {name!r}: use the parameter {_OWN_PARAMETERS[name]}")
    _check_options(options)
    check_choice(options.get("accelerator", "auto"), "trainer['accelerator']", ("auto", "cpu", "gpu", "cuda"))
    check_int(options.get("accumulate_grad_batches", 1), "trainer['accumulate_grad_batches']", at_least=1)
    if options.get("gradient_clip_val") is not None:
        check_number(options["gradient_clip_val"], "trainer['gradient_clip_val']", at_least=0)
    if options.get("gradient_clip_algorithm", "norm") != "norm":
        raise ValueError(f"trainer['gradient_clip_algorithm'] must be 'norm', got {options['gradient_clip_algorithm']!r}")
    if options.get("precision") in ("16-true", "bf16-true", "transformer-engine", "transformer-engine-float16"):
        raise ValueError(
            f"trainer['precision'] must not store weights in half precision, got {options['precision']!r}. Use '16-mixed' or "
            "'bf16-mixed'"
        )


def _check_options(options: dict[str, Any]) -> None:
    """Raise ValueError for options that Lightning's Trainer does not have."""
    if options.keys() <= _READ_HERE:  # they are no reason to import Lightning
        return
    from pytorch_lightning import Trainer

    accepted = inspect.signature(Trainer).parameters
    for name in options:
        if name not in accepted:
            raise ValueError(f"trainer must hold keyword arguments of Lightning's Trainer, got {name!r}")


def check_not_empty(settings: Any, batches: Sized) -> None:
    """Raise ValueError if there are no minibatches."""
    if len(batches) == 0:
        raise ValueError(
            f"{type(settings).__name__} has no training examples: none of its training events can be used with the parameters "
            f"{settings!r}"
        )


class MutedCoverageWarning(MutedWarning):
    """Warnings of scorers about the coverage of test data, which are muted for data held out by `fit`."""

    category = CoverageWarning
