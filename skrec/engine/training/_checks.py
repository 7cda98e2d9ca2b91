"""What parameters of a training run may be."""

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_choice, check_fraction, check_int, check_number, read_path
from skrec._process import MutedWarning
from skrec.data import Interactions, read_half_life
from skrec.engine.training._optimizers import OPTIMIZERS
from skrec.metrics import CoverageWarning, get_scorer

_ONE_POSITIVE = ("bpr", "warp", "ccl")
LOGGERS = {"csv": "CSVLogger", "tensorboard": "TensorBoardLogger", "mlflow": "MLFlowLogger", "wandb": "WandbLogger"}
_OWN_PARAMETERS = {
    "accelerator": "accelerator",
    "accumulate_grad_batches": "accumulate_grad_batches",
    "enable_checkpointing": "checkpoint_dir",
    "enable_progress_bar": "verbose",
    "logger": "logger",
    "max_epochs": "max_epochs",
}


def check_training(settings: Any) -> None:
    """Check the parameters of a `TorchRecommender`.

    Raises
    ------
    ValueError, TypeError
        Naming the parameter, what it is and what it may be.
    """
    if not callable(settings.loss):
        check_choice(settings.loss, "loss", tuple(settings._losses))
    if not callable(settings.optimizer):
        check_choice(settings.optimizer, "optimizer", ("auto", *OPTIMIZERS))
    if settings.lr_schedule is not None:
        check_choice(settings.lr_schedule, "lr_schedule", ("one_cycle", "cosine"))
    check_choice(settings.accelerator, "accelerator", ("auto", "cpu", "gpu", "cuda"))
    for name in ("max_epochs", "accumulate_grad_batches", "patience"):
        check_int(getattr(settings, name), name, at_least=1)
    check_int(settings.batch_size, "batch_size", at_least=1, or_none=True)
    check_int(settings.cycle_len, "cycle_len", at_least=1, or_none=True)
    check_number(settings.cycle_mult, "cycle_mult", at_least=1)
    if settings.cycle_len is not None and settings.lr_schedule != "cosine":
        raise ValueError(
            f"cycle_len needs lr_schedule='cosine', got cycle_len={settings.cycle_len!r}, {settings.lr_schedule!r}"
        )
    check_number(settings.learning_rate, "learning_rate", above=0)
    if settings.regularization is not None:
        check_number(settings.regularization, "regularization", at_least=0)
    check_number(settings.weight_decay, "weight_decay", at_least=0)
    check_fraction(settings.validation_fraction, "validation_fraction")
    check_choice(settings.verbose, "verbose", (0, 1, 2))
    check_number(settings.positive_from, "positive_from", or_none=True)
    read_half_life(settings.half_life, settings.events_)
    _check_early_stopping(settings.early_stopping)
    if settings.checkpoint_dir is not None:
        read_path(settings.checkpoint_dir, "checkpoint_dir")
    if settings.logger is not None and not callable(settings.logger):
        check_choice(settings.logger, "logger", tuple(LOGGERS))
    _check_trainer(settings.trainer)


def check_negatives(model: Any, kinds: tuple[str, ...]) -> None:
    """Check the parameters ``negatives`` and ``n_negatives`` of a model, and whether its loss can be used with them.

    Raises
    ------
    ValueError, TypeError
        Naming the parameter, what it is and what it may be.
    """
    check_choice(model.negatives, "negatives", kinds)
    check_int(model.n_negatives, "n_negatives", at_least=1)
    if model._predicts_ratings and model.negatives not in ("auto", type(model).negatives):
        raise ValueError(f"negatives must be 'auto' for loss='mse', which compares with nothing, got {model.negatives!r}")
    if model.negatives == "hard" and model.n_negatives == 1:
        raise ValueError("negatives='hard' takes the hardest of n_negatives, which must be at least 2, got 1")


def check_whole_row_loss(model: Any) -> None:
    """ValueError if the loss of a model of whole rows compares one positive with negatives."""
    if model.loss in _ONE_POSITIVE:
        given = model.get_params(deep=False)
        asked = f" with negatives={given['negatives']!r}" if "negatives" in given else ""
        raise ValueError(
            f"{type(model).__name__}{asked} learns from whole rows, which takes loss='softmax' or 'bce', got {model.loss!r}"
        )


def check_ranks(model: Any, instead: str) -> None:
    """ValueError if a model of rankings was asked for ratings, with the names of models to use instead."""
    if model._predicts_ratings:
        raise ValueError(f"{type(model).__name__} ranks: loss='mse' is for models of ratings, such as {instead}")


def check_layers(hidden_layer_sizes: Any, dropout: float, *, at_least: int = 1) -> None:
    """Widths of a network's layers, of which it needs some number, and the dropout after each."""
    if not isinstance(hidden_layer_sizes, tuple | list) or len(hidden_layer_sizes) < at_least:
        or_none = "" if at_least else " or ()"
        raise TypeError(
            f"hidden_layer_sizes must be a tuple of layer widths, such as (64, 32){or_none}, got {hidden_layer_sizes!r}"
        )
    for width in hidden_layer_sizes:
        check_int(width, "a width in hidden_layer_sizes", at_least=1)
    check_number(dropout, "dropout", at_least=0, below=1)


def architecture_of(model: Any) -> dict[str, Any]:
    """The parameters of a model that must not change between fit and partial_fit, with their values."""
    given = {name: getattr(model, name) for name in model._architecture_parameters}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return values | {"loss": "mse" if model._predicts_ratings else "one that ranks"}


def check_same_architecture(model: Any, trained: dict[str, Any]) -> None:
    """ValueError if the parameters of a model are not those that a network was trained with."""
    for name, value in architecture_of(model).items():
        if value != trained[name]:
            raise ValueError(f"partial_fit goes on with {name}={trained[name]!r}, got {value!r}")


def check_held_out(settings: Any, data: Interactions, held_out: NDArray[np.bool_]) -> None:
    """Refuse a part held out for ``early_stopping`` that leaves nothing to learn from, or nothing to choose an epoch by.

    Raises
    ------
    ValueError
        With the number of positive events on both sides.
    """
    informative = settings._informative(data)
    n_held_out, n_learned = int((informative & held_out).sum()), int((informative & ~held_out).sum())
    if n_held_out + n_learned > 0 and min(n_held_out, n_learned) == 0:
        raise ValueError(
            f"early_stopping={settings.early_stopping!r} needs positive events to learn from and others to choose the epoch "
            f"by: of those in X, {n_learned} are left and {n_held_out} are held out. Change "
            f"validation_fraction={settings.validation_fraction!r}, or pass validation data to fit"
        )


def check_y_range(y_range: Any, *, is_rating: bool) -> None:
    """Check a pair of bounds of predicted ratings."""
    if not is_rating:
        raise ValueError(f"y_range bounds predicted ratings, so it needs loss='mse'; got y_range={y_range!r}")
    if not isinstance(y_range, tuple | list) or len(y_range) != 2:
        raise TypeError(f"y_range must be a pair (low, high) or None, got {y_range!r}")
    for bound in y_range:
        check_number(bound, "a bound of y_range")
    if y_range[0] >= y_range[1]:
        raise ValueError(f"y_range must be (low, high) with low < high, got {y_range!r}")


def _check_early_stopping(name: Any) -> None:
    if name in (None, "valid_loss"):
        return
    try:
        get_scorer(name)
    except (TypeError, ValueError) as error:
        raise ValueError(f"early_stopping must be None, 'valid_loss' or the name of a scorer: {error}") from None


def _check_trainer(options: dict[str, Any] | None) -> None:
    """Keywords for Lightning's Trainer that do not contradict a parameter."""
    if options is None:
        return
    if not isinstance(options, dict):
        raise TypeError(f"trainer must be a dict of keywords of Lightning's Trainer, got {options!r}")
    for name in options:
        if name in _OWN_PARAMETERS:
            raise ValueError(f"trainer must not hold {name!r}: use the parameter {_OWN_PARAMETERS[name]}")
    if options.get("gradient_clip_val") is not None:
        check_number(options["gradient_clip_val"], "trainer['gradient_clip_val']", at_least=0)
    if options.get("gradient_clip_algorithm", "norm") != "norm":
        raise ValueError(f"trainer={options!r} asks for another gradient_clip_algorithm than 'norm', the only one supported")
    if options.get("precision") in ("16-true", "bf16-true", "transformer-engine", "transformer-engine-float16"):
        raise ValueError(
            f"trainer={options!r} asks for weights of half precision, of which no new user can be solved for: "
            "'16-mixed' and 'bf16-mixed' are supported"
        )
    devices = options.get("devices", 1)
    if devices not in (1, "1", "auto") and not (isinstance(devices, list) and len(devices) == 1):
        raise ValueError(f"trainer={options!r} asks for several devices; only devices=1 is supported")


def check_not_empty(settings: Any, batches: Sized) -> None:
    """ValueError if there is no minibatch to train on."""
    if len(batches) == 0:
        raise ValueError(
            f"there is nothing to learn from in the events that {type(settings).__name__} is trained on, with the parameters "
            f"{settings!r}"
        )


class OfHeldOutEvents(MutedWarning):
    """What scorers say of test data, on which a user cannot act where `fit` has drawn them."""

    category = CoverageWarning
