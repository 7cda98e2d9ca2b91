"""Where the state of a fit is kept, so that one that was interrupted can go on."""

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Real
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Self

import joblib
import numpy as np
import torch

from skrec.data import Interactions
from skrec.data._positives import depth_of_caller

_NOT_PART_OF_THE_RESULT = ("accelerator", "checkpoint_dir", "logger", "verbose")


class Checkpoints:
    """The last two checkpoints of a fit, in a folder that belongs to its parameters and data alone.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Attributes
    ----------
    path : Path or None
        The newest that can be read, if its run was interrupted.
    seed : int or None
        Of that run.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path: Path | None = None
        self.seed: int | None = None
        for path in reversed(self._saved()):
            try:
                run = torch.load(path, map_location="cpu", weights_only=True)["skrec"]
            except Exception as error:  # whatever a broken file makes torch raise
                warnings.warn(f"{path} cannot be read and is left out ({error})", UserWarning, stacklevel=depth_of_caller())
                continue
            if not run["is_finished"]:
                self.path, self.seed = path, run["seed"]
            return

    @classmethod
    def of(cls, estimator: Any, data: Interactions, validation: Any) -> Self:
        """Those of an estimator that is about to be fitted."""
        parts = [data] if validation is None else [data, estimator.frame_.recode(validation, name="validation")]
        identity = [type(estimator).__qualname__, _settings(estimator), *map(_arrays, parts)]
        return cls(Path(estimator.checkpoint_dir) / joblib.hash(identity)[:16])

    @property
    def is_unfinished(self) -> bool:
        """Whether there is a run to go on with."""
        return self.path is not None

    def save(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Write the checkpoint of an epoch and keep one before it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / f"epoch={epoch}.ckpt")
        for path in self._saved():
            if _epoch(path) not in (epoch - 1, epoch):
                path.unlink(missing_ok=True)

    def _saved(self) -> list[Path]:
        return sorted(self.folder.glob("epoch=*.ckpt"), key=_epoch)


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch="))


def _settings(estimator: Any) -> dict[str, Any]:
    """The parameters that a result depends on, in a form that is the same in every process."""
    parameters = {k: v for k, v in estimator.get_params(deep=False).items() if k not in _NOT_PART_OF_THE_RESULT}
    options = estimator.trainer or {}
    parameters["trainer"] = {name: value for name, value in options.items() if isinstance(value, str | int | float)}
    parameters["random_state"] = _of_seed(estimator.random_state)
    return {name: _of_value(value) for name, value in parameters.items()}


def _of_seed(random_state: Any) -> Any:
    """Without a seed any run is as good as another."""
    if isinstance(random_state, np.random.Generator):
        return random_state.bit_generator.state
    return random_state.get_state() if hasattr(random_state, "get_state") else random_state


def _of_value(value: Any) -> Any:
    """Equal numbers are equal whatever their type; of a function, what it does."""
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        return float(value)
    if isinstance(value, partial):
        return _of_value(value.func), [_of_value(v) for v in value.args], {k: _of_value(v) for k, v in value.keywords.items()}
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        given = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *cells]
        return _of_code(value.__code__), [_of_value(v) for v in given]
    if callable(value):
        named = value if isinstance(value, type) else type(value)
        return named.__module__, named.__qualname__, repr(getattr(value, "__dict__", "")) if named is not value else ""
    return value


def _of_code(code: CodeType) -> tuple[Any, ...]:
    constants = [_of_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return code.co_code.hex(), code.co_names, constants


def _arrays(data: Interactions) -> dict[str, Any]:
    return {name: value for name, value in vars(data).items() if value is not None}
