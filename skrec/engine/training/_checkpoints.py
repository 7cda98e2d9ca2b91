"""Checkpoints of a fit, from which an interrupted fit can continue."""

import os
import re
import secrets
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from numbers import Real
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Self

import joblib
import numpy as np

from skrec._checks import read_path
from skrec._writing import UNFINISHED
from skrec.base._parameters import DeclaredParameters
from skrec.base._validation import Validation
from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.data._random import draw_seed
from skrec.engine.training._checkpoint_files import read_checkpoint

_NAME = re.compile(r"epoch=(\d{1,9})(-\w+)?\.ckpt", re.ASCII)
_NOT_PART_OF_THE_RESULT = ("checkpoint_dir", "keep_events", "logger", "n_jobs", "verbose")


class CheckpointUnusable(Exception):
    """Raised if a checkpoint cannot be used to continue a run."""


class Checkpoints:
    """The last two checkpoints of a fit, in a folder for its parameters and data.

    Several processes may run the same fit at the same time. Files are written atomically, and a process only removes files
    that no other process needs.

    Parameters
    ----------
    folder : Path
        Folder of the checkpoints. It is created if it does not exist.
    run : str
        Identifier of the parameters and data.
    seed : int
        Seed of the run.
    is_seed_free : bool
        Whether a run with another seed may be continued.

    Attributes
    ----------
    path : Path or None
        Newest usable checkpoint of an interrupted run. None if there is none.
    state : dict or None
        State in this checkpoint.
    seed : int
        Seed of the interrupted run, or the given one.

    Warns
    -----
    UserWarning
        For each newer checkpoint that cannot be used.
    """

    def __init__(self, folder: Path, run: str, *, seed: int, is_seed_free: bool):
        self.folder, self.run, self.seed, self.is_seed_free = folder, run, seed, is_seed_free
        _make_writable(folder)
        for leftover in folder.glob(f"{UNFINISHED}*"):
            _remove(leftover)
        self._candidates = self._saved()
        self._outdated = set(self._candidates)
        self._choose()

    @classmethod
    def of(cls, estimator: Any, data: Interactions, validation: Validation | None) -> Self:
        """Return the checkpoints for fitting an estimator."""
        held_out, metrics = (None, {}) if validation is None else validation
        parts = [data] if held_out is None else [data, estimator.vocabulary_.recode(held_out, name="validation")]
        identity = [type(estimator).__qualname__, _settings(estimator), metrics, *map(_arrays, parts)]
        run, folder = joblib.hash(identity), read_path(estimator.checkpoint_dir, "checkpoint_dir")
        seed = draw_seed(estimator.random_state)
        return cls(folder / run[:16], run, seed=seed, is_seed_free=estimator.random_state is None)

    @property
    def is_unfinished(self) -> bool:
        """Whether there is an interrupted run to continue."""
        return self.path is not None

    def skip(self, reason: object) -> None:
        """Skip the chosen checkpoint with a warning, and choose the next one."""
        self._warn(self.path, reason)
        self._choose()

    def save(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Write the checkpoint of an epoch. Keep the previous one, and newer ones written by other processes."""
        path = self.folder / f"epoch={epoch}.ckpt"
        if path.is_dir():
            path = path.with_name(f"epoch={epoch}-{secrets.token_hex(4)}.ckpt")
        write(path)
        for other in self._saved():
            if _epoch(other) < epoch - 1 or other in self._outdated - {path}:
                _remove(other)
        self._outdated.clear()

    def _choose(self) -> None:
        """Choose the newest remaining checkpoint that can be used. None if its run was finished."""
        self.path, self.state = None, None
        while self._candidates:
            path = self._candidates.pop()
            try:
                state = read_checkpoint(path, run=self.run)
                seed, is_finished = state["skrec"]["seed"], state["skrec"]["is_finished"]
                if not self._accepts(seed):
                    raise ValueError(f"its seed is {seed!r} instead of {self.seed}")
                if state["epoch"] != _epoch(path):
                    raise ValueError(f"its epoch is {state['epoch']!r}")
            except Exception as error:  # torch may raise any exception for a damaged file
                if os.path.lexists(path):  # otherwise another process has replaced it by a newer one
                    self._warn(path, error)
                continue
            if not is_finished:
                self.path, self.state, self.seed, self.is_seed_free = path, state, seed, False
                self._outdated = {other for other in self._outdated if _epoch(other) > _epoch(path)}
            return

    def _accepts(self, seed: Any) -> bool:
        return seed == self.seed or (self.is_seed_free and type(seed) is int and 0 <= seed < 2**31)

    def _warn(self, path: Path | None, reason: object) -> None:
        warnings.warn(f"{path} cannot be read and is left out: {reason}", UserWarning, stacklevel=depth_of_caller())

    def _saved(self) -> list[Path]:
        """Return the checkpoint files, the newest last."""
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), key=_epoch)


def _epoch(path: Path) -> int:
    return int(_NAME.fullmatch(path.name)[1])  # type: ignore[index]


def _remove(path: Path) -> None:
    """Remove a file if it exists."""
    with suppress(FileNotFoundError, IsADirectoryError, PermissionError):  # the last one for folders on macOS
        path.unlink()


def _make_writable(folder: Path) -> None:
    """Create the folder, and raise OSError before training if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(error.errno, f"checkpoint_dir cannot be written to ({error.strerror})", str(folder)) from error


def _settings(estimator: Any) -> dict[str, Any]:
    """Return the parameters that affect the result, in a form that is the same in every process."""
    parameters = {k: v for k, v in estimator.get_params(deep=False).items() if k not in _NOT_PART_OF_THE_RESULT}
    options = {name: value for name, value in (estimator.trainer or {}).items() if name != "accelerator"}
    parameters["trainer"] = {name: _of_value(value) for name, value in options.items() if isinstance(value, str | Real)}
    parameters["random_state"] = _of_seed(estimator.random_state)
    return {name: _of_value(value) for name, value in parameters.items()}


def _of_seed(random_state: Any) -> Any:
    if isinstance(random_state, np.random.Generator):
        return random_state.bit_generator.state
    return random_state.get_state() if isinstance(random_state, np.random.RandomState) else random_state


def _of_value(value: Any) -> Any:
    """The form in which a value is compared: numbers of any type as floats, functions by what they do."""
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_ | np.timedelta64):
        return float(value)
    if isinstance(value, DeclaredParameters):
        parameters = {k: _of_value(v) for k, v in value.get_params().items() if k not in _NOT_PART_OF_THE_RESULT}
        return type(value).__module__, type(value).__qualname__, parameters
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
    return {name: value for name, value in vars(data).items() if value is not None and name != "_pairs"}
