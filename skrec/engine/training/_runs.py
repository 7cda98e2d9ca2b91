"""Runs of loggers. This file imports Lightning, and is imported only by `fit`."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import joblib
import numpy as np
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger

from skrec.engine.training._history import TrainingHistory
from skrec.engine.training._run_tables import plain
from skrec.engine.training._training_log import TrainingLog, check_is_logger, training_log

_PARAMS_PER_REQUEST = 100  # of MLflow


@contextmanager
def open_run(settings: Any, history: TrainingHistory) -> Iterator[Any]:
    """Begin a run of the logger of a model, log its parameters, and end it.

    Parameters
    ----------
    settings : TorchRecommender
        Estimator that is being fitted.
    history : TrainingHistory
        Figures of the training.
    """
    log = training_log(settings.logger)
    with ExitStack() as stack:
        if isinstance(log, TrainingLog):
            logger = _OPENED[log.kind](log, run_name(log, settings), settings.verbose, stack)
            stack.push(_closing(logger))
        elif isinstance(log, Logger):
            logger = log
        else:
            logger = log()
            check_is_logger(logger, "the function given as logger must return a Lightning logger")
            if isinstance(logger, WandbLogger):  # the next one would continue its run
                stack.enter_context(logger.experiment)
        facts = facts_of(settings, history)
        logger.log_hyperparams(facts)
        yield logger
        if isinstance(log, TrainingLog) and log.kind == "tensorboard":  # which shows parameters beside final figures only
            logger.log_hyperparams(facts, finite(history.rows[history.best_epoch]), step=history.best_epoch)


def run_name(log: TrainingLog, settings: Any) -> str:
    """Return a name that no other run has, also not of another process."""
    return f"{log.name or type(settings).__name__}-{datetime.now():%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"


def facts_of(settings: Any, history: TrainingHistory) -> dict[str, Any]:
    """Return what a run is about: the class of a model, its parameters, the sizes of the data, and the seed."""
    events = settings.events_
    parameters = {k: plain(v) for k, v in settings.get_params().items() if k.partition("__")[0] != "logger"}
    sizes = {"n_users": settings.n_users_, "n_items": settings.n_items_, "n_events": len(events)}
    if history.monitor is not None:
        sizes["n_validation_events"] = history.monitor.n_events
    data = joblib.hash([events.users, events.items, events.values, events.timestamps])[:8]
    return {"estimator": type(settings).__name__} | parameters | sizes | {"seed": settings.seed_, "data": data}


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that are numbers."""
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _closing(logger: Logger) -> Callable[..., None]:
    def close(error: type[BaseException] | None, *_: Any) -> None:
        logger.finalize("success" if error is None else "failed")

    return close


def _csv(log: TrainingLog, run: str, verbose: int, stack: ExitStack) -> Logger:
    return CSVLogger(log._path, name="", version=run, flush_logs_every_n_steps=1)


def _tensorboard(log: TrainingLog, run: str, verbose: int, stack: ExitStack) -> Logger:
    return TensorBoardLogger(log._path, name="", version=run, default_hp_metric=False)


def _wandb(log: TrainingLog, run: str, verbose: int, stack: ExitStack) -> Logger:
    import wandb

    if log._path is not None:
        log._path.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(silent=verbose == 0, console="off")
    # not the active run, which would be continued
    started = wandb.init(project=log._project_name, name=run, dir=log._path, settings=settings, reinit="create_new")
    return WandbLogger(experiment=stack.enter_context(started))


def _mlflow(log: TrainingLog, run: str, verbose: int, stack: ExitStack) -> Logger:
    return MlflowRun(log, run)


_OPENED = {"csv": _csv, "tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}


class MlflowRun(Logger):
    """A run of MLflow. Lightning's MLFlowLogger sets the tracking URI of the whole process, and drops "@" from names.

    Parameters
    ----------
    log : TrainingLog
        Folder and experiment.
    run : str
        Name of the run.
    """

    def __init__(self, log: TrainingLog, run: str):
        from mlflow import MlflowClient

        super().__init__()
        uri = location = None
        if log._path is not None:
            log._path.mkdir(parents=True, exist_ok=True)
            uri, location = f"sqlite:///{log._path.absolute() / 'mlflow.db'}", (log._path.absolute() / "artifacts").as_uri()
        self.client = MlflowClient(uri)
        self.run = self.client.create_run(_experiment(self.client, log._project_name, location), run_name=run)

    @property
    def name(self) -> str:
        return self.run.info.run_name

    @property
    def version(self) -> str:
        return self.run.info.run_id

    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        entities = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(entities), _PARAMS_PER_REQUEST):
            self.client.log_batch(self.version, params=entities[start : start + _PARAMS_PER_REQUEST])

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 10**6
        entities = [Metric(name.replace("@", "_at_"), value, now, step) for name, value in metrics.items()]
        self.client.log_batch(self.version, metrics=entities)

    def finalize(self, status: str) -> None:
        self.client.set_terminated(self.version, "FINISHED" if status == "success" else "FAILED")


def _experiment(client: Any, name: str, location: str | None) -> str:
    """Return the id of an experiment, which is created if it does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        return client.create_experiment(name, artifact_location=location)
    except MlflowException:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return experiment.experiment_id
