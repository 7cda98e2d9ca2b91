"""Keyword arguments of Lightning's Trainer, given by the parameter ``trainer``."""

from typing import Any

import torch

from skrec._checks import check_choice, check_int, check_number

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
    """Return the number of minibatches per optimizer step."""
    return (options or {}).get("accumulate_grad_batches", 1)


def check_trainer(options: dict[str, Any] | None) -> None:
    """Check the keyword arguments for Lightning's Trainer.

    Raises
    ------
    ValueError, TypeError
        If an argument conflicts with a parameter, or has a value that does not apply to training here.
    """
    if options is None:
        return
    if not isinstance(options, dict):
        raise TypeError(f"trainer must be a dict of keyword arguments of Lightning's Trainer, got {options!r}")
    for name in options:
        if name in _OWN_PARAMETERS:
            raise ValueError(f"trainer must not hold {name!r}: use the parameter {_OWN_PARAMETERS[name]}")
    check_choice(options.get("accelerator", "auto"), "trainer['accelerator']", ("auto", "cpu", "gpu", "cuda"))
    check_int(n_accumulated_batches(options), "trainer['accumulate_grad_batches']", at_least=1)
    if options.get("gradient_clip_val") is not None:
        check_number(options["gradient_clip_val"], "trainer['gradient_clip_val']", at_least=0)
    if options.get("gradient_clip_algorithm", "norm") != "norm":
        raise ValueError(f"trainer['gradient_clip_algorithm'] must be 'norm', got {options['gradient_clip_algorithm']!r}")
    if options.get("precision") in ("16-true", "bf16-true", "transformer-engine", "transformer-engine-float16"):
        raise ValueError(
            f"trainer['precision'] must not store weights in half precision, got {options['precision']!r}. Use '16-mixed' or "
            "'bf16-mixed'"
        )
    devices = options.get("devices", 1)
    if devices not in (1, "1", "auto") and not (isinstance(devices, list) and len(devices) == 1):
        raise ValueError(f"trainer['devices'] must be 1, got {devices!r}")
