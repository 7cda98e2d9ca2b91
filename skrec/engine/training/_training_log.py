"""Where the figures of a training are logged, as a parameter of a model."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from skrec._checks import check_choice, check_no_class, read_path
from skrec.base._parameters import DeclaredParameters
from skrec.engine.training._run_tables import read_runs

KINDS = ("csv", "tensorboard", "wandb", "mlflow")
_PLACES = {"wandb": "WANDB_DIR", "mlflow": "MLFLOW_TRACKING_URI"}
_PROJECT = "skrec"


class TrainingLog(DeclaredParameters):
    """Log each training as a separate run, with its parameters and the figures of each epoch.

    Every `fit` and `partial_fit` of a neural model begins a run and ends it. Inside a search, each candidate has a run for each
    fold. A run has the rows of ``history_`` with the epoch as step, and as parameters ``estimator``, the name of the class, the
    parameters of the model, ``n_users``, ``n_items``, ``n_events``, ``seed``, and ``data``, a hash of the events, which is the
    same for all runs of a fold. In MLflow, "@" in names of metrics is replaced by "_at_".

    Parameters
    ----------
    kind : {"csv", "tensorboard", "wandb", "mlflow"}
        Tool or format of the log. "csv" writes the files ``metrics.csv`` and ``hparams.yaml`` and needs no other package.
        The others need ``skrec[tensorboard]``, ``skrec[wandb]`` and ``skrec[mlflow]``.
    folder : path, default=None
        Folder for the files. It is created if it does not exist. "csv" and "tensorboard" write a subfolder for each run.
        "mlflow" writes a SQLite database ``mlflow.db``. If None, "wandb" writes to the folder of the environment variable
        ``WANDB_DIR``, and "mlflow" to the server of ``MLFLOW_TRACKING_URI``. Without these variables a folder is required, so
        that nothing is written to the working directory unless it is named.
    name : str, default=None
        Name of the runs. It is followed by the time and a random number, since there is a run for each fit. If None, the name
        of the model's class.
    project : str, default=None
        Project of wandb or experiment of MLflow. If None, "skrec". Must be None for "csv" and "tensorboard".

    Examples
    --------
    >>> import tempfile
    >>> from skrec import MFRecommender, TrainingLog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = MFRecommender(max_epochs=2, logger=TrainingLog("csv", folder=folder, name="first try"))
    ...     model = model.fit([[1, 0, 1], [1, 1, 0], [0, 1, 1]])
    ...     runs = TrainingLog("csv", folder=folder).read_runs()
    >>> runs[["estimator", "n_factors", "epoch"]]
           estimator  n_factors  epoch
    0  MFRecommender         64      0
    1  MFRecommender         64      1
    """

    def __init__(
        self,
        kind: str,
        *,
        folder: Any = None,
        name: str | None = None,
        project: str | None = None,
    ):
        self.kind = kind
        self.folder = folder
        self.name = name
        self.project = project

    def read_runs(self, *, search: Any = None) -> pd.DataFrame:
        """Read the runs of a log of the kind "csv" into a table with a row for each epoch.

        Parameters
        ----------
        search : fitted GridSearchCV or similar, default=None
            A search with ``cv_results_``. The number and the scores of the candidate that has the parameters of a run are
            appended.

        Returns
        -------
        DataFrame
            Columns ``run``, the parameters and sizes, ``epoch``, and the figures of ``history_``. The name of a figure ends in
            "_of_epoch" if it is also that of a parameter, as in ``learning_rate_of_epoch``. Runs are in order of their time.
            With a ``name``, only its runs. With ``search`` also ``candidate``, ``mean_test_score``, ``std_test_score`` and
            ``rank_test_score``, which are missing for runs that are of no candidate. ``data`` is the same for the runs of one
            fold, and another for the best candidate that is fitted again on all data.

        Raises
        ------
        ValueError
            If the kind is not "csv". Other tools have their own functions, such as ``mlflow.search_runs``.
        FileNotFoundError
            If there are no runs.
        """
        check_choice(self.kind, "the kind of the log to read", ("csv",))
        self._check_parameters()
        self._check_place()
        return read_runs(read_path(self.folder, "the folder of logger"), self.name, search)

    def _check_parameters(self) -> None:
        check_choice(self.kind, "the kind of logger", KINDS)
        if self.folder is not None:
            read_path(self.folder, "the folder of logger")
        for parameter in ("name", "project"):
            _check_name(getattr(self, parameter), f"the {parameter} of logger")
        if self.project is not None and self.kind not in _PLACES:
            raise ValueError(f"the project of logger must be None for {self.kind!r}, got {self.project!r}")

    def _check_place(self) -> None:
        """Check what depends on the machine: the package, and the environment variable if there is no folder."""
        if self.folder is None and not os.environ.get(_PLACES.get(self.kind, "")):
            other = f", or the environment variable {_PLACES[self.kind]}" if self.kind in _PLACES else ""
            raise ValueError(
                f"logger must have a folder for its files, such as TrainingLog({self.kind!r}, folder='runs'){other}, got "
                f"{self.kind!r} without a folder"
            )
        _check_installed(self.kind)

    @property
    def _path(self) -> Path | None:
        return None if self.folder is None else read_path(self.folder, "the folder of logger")

    @property
    def _project_name(self) -> str:
        return _PROJECT if self.project is None else self.project


def training_log(logger: Any) -> Any:
    """Return the value of the parameter ``logger`` with a name replaced by a `TrainingLog`."""
    return TrainingLog(logger) if isinstance(logger, str) else logger


def check_logger(logger: Any) -> None:
    """Check the parameter ``logger`` of a model.

    Raises
    ------
    ValueError, TypeError
        If it is not a name, a `TrainingLog`, a Lightning logger or a function.
    """
    check_no_class(logger, "logger")
    if isinstance(logger, str):
        check_choice(logger, "logger", KINDS)
    log = training_log(logger)
    if isinstance(log, TrainingLog):
        log._check_parameters()
    elif not callable(log):
        check_is_logger(log, "logger must be a name, a TrainingLog, a Lightning logger or a function")


def check_place_of_log(logger: Any) -> None:
    """Check that a training can be logged on this machine.

    Raises
    ------
    ValueError
        If a folder is needed.
    ImportError
        If a package is missing.
    """
    log = training_log(logger)
    if isinstance(log, TrainingLog):
        log._check_place()


def check_is_logger(logger: Any, accepted: str) -> None:
    """Raise TypeError if an object is not one of Lightning's loggers."""
    from pytorch_lightning.loggers import Logger

    if not isinstance(logger, Logger):
        raise TypeError(f"{accepted}, got {logger!r}")


def _check_name(name: Any, what: str) -> None:
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str or None, got {name!r}")
    if not name or set(name) & {"/", "\\", "\0"} or name in (".", ".."):
        raise ValueError(f"{what} must not be empty, '.' or '..', and must not have slashes, got {name!r}")


def _check_installed(kind: str) -> None:
    if kind != "csv" and find_spec(kind) is None:
        raise ImportError(f"logger={kind!r} needs {kind}: pip install 'skrec[{kind}]'")
