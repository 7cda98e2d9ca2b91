"""What parameters of a training run may be."""

import warnings
from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_choice, check_fraction, check_int, check_number, read_path
from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.engine._optimizers import OPTIMIZERS
from skrec.metrics import get_scorer

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
    check_choice(settings.negatives, "negatives", settings._kinds_of_negatives)
    check_choice(settings.accelerator, "accelerator", ("auto", "cpu", "gpu", "cuda"))
    for name in ("max_epochs", "accumulate_grad_batches", "n_negatives", "patience"):
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
    if settings.half_life is not None:
        check_number(settings.half_life, "half_life", above=0)
    _check_early_stopping(settings.early_stopping)
    if settings.checkpoint_dir is not None:
        read_path(settings.checkpoint_dir, "checkpoint_dir")
    if settings.y_range is not None:
        _check_range(settings.y_range, is_rating=settings._predicts_ratings)
    if settings.loss in _ONE_POSITIVE and settings._learns_from_rows:
        asked = f" with negatives={settings.negatives!r}" if "negatives" in settings.get_params(deep=False) else ""
        raise ValueError(
            f"{type(settings).__name__}{asked} learns from whole rows, which takes loss='softmax' or 'bce', "
            f"got {settings.loss!r}"
        )
    if settings._predicts_ratings and settings.negatives not in ("auto", type(settings).negatives):
        raise ValueError(f"negatives must be 'auto' for loss='mse', which compares with nothing, got {settings.negatives!r}")
    if settings.negatives == "hard" and settings.n_negatives == 1:
        raise ValueError("negatives='hard' takes the hardest of n_negatives, which must be at least 2, got 1")
    if settings.logger is not None and not callable(settings.logger):
        check_choice(settings.logger, "logger", tuple(LOGGERS))
    _check_trainer(settings.trainer)


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


def _check_range(y_range: Any, *, is_rating: bool) -> None:
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
            f"there is nothing to learn from in the events that {type(settings).__name__} is trained on, with "
            f"loss={settings.loss!r} and negatives={settings.negatives!r}"
        )


def warn_of_earlier_ratings(n_left_out: int) -> None:
    """Warn of ratings that are left out because the same user has rated the same item again later."""
    if n_left_out:
        warnings.warn(
            f"{n_left_out} ratings of the same user and item as a later one are left out",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
