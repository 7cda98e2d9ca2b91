"""Pruning of Optuna's trials. This file imports Lightning."""

from typing import Any

import pytorch_lightning as pl

_LOWER_IS_BETTER = ("memory_mb", "seconds", "train_loss", "valid_loss")


class OptunaPruningCallback(pl.Callback):
    """End a training whose trial of Optuna does not look promising.

    After each epoch, the figure is reported to the trial, and `optuna.TrialPruned` is raised if the pruner of the study decides
    so. A pruned fit leaves the estimator as it was. Pass the callback by ``trainer={"callbacks": [...]}``. It needs
    ``skrec[optuna]``. Copies of an estimator, such as those of `cross_val_score`, report to the same trial, and the epochs of
    later folds follow those of earlier ones.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of the current call of the objective.
    monitor : str
        Name of a column of ``history_``, such as "valid_loss", or "ndcg@10" with ``early_stopping="ndcg@10"``. The direction of
        the study must be "minimize" for a loss, and "maximize" for scorers.

    Raises
    ------
    ValueError
        By `fit`, if there is no such column, or the study has the other direction.

    Examples
    --------
    >>> import optuna
    >>> from skrec import MFRecommender, OptunaPruningCallback
    >>> from skrec.datasets import make_interactions
    >>> events = make_interactions(60, 40, random_state=0).interactions
    >>> def objective(trial):
    ...     callback = OptunaPruningCallback(trial, "ndcg@10")
    ...     model = MFRecommender(
    ...         n_factors=trial.suggest_int("n_factors", 2, 16),
    ...         max_epochs=3,
    ...         early_stopping="ndcg@10",
    ...         positive_from=4,
    ...         random_state=0,
    ...         trainer={"callbacks": [callback]},
    ...     )
    ...     return model.fit(events).history_["ndcg@10"].max()
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=2)
    >>> len(study.trials[0].intermediate_values)
    3
    """

    def __init__(self, trial: Any, monitor: str):
        self.trial, self.monitor = trial, monitor
        self._step = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> "OptunaPruningCallback":
        return self  # a copy of the trial would not reach the study

    def on_fit_start(self, trainer: pl.Trainer, training: Any) -> None:
        """Check the direction of the study.

        Parameters
        ----------
        trainer : pytorch_lightning.Trainer
            Trainer of the fit.
        training : pytorch_lightning.LightningModule
            Module of the fit.
        """
        if trainer.world_size > 1:
            raise ValueError(f"a trial cannot be pruned in several processes, got trainer['devices']={trainer.world_size}")
        expected = "minimize" if self.monitor in _LOWER_IS_BETTER else "maximize"
        study = getattr(self.trial, "study", None)  # a FixedTrial has none
        directions = [] if study is None else [direction.name.lower() for direction in study.directions]
        if directions not in ([], [expected]):
            given = " and ".join(map(repr, directions))
            raise ValueError(f"the study must have direction={expected!r} for monitor={self.monitor!r}, got {given}")

    def on_train_epoch_end(self, trainer: pl.Trainer, training: Any) -> None:
        """Report the figure of the epoch.

        Parameters
        ----------
        trainer : pytorch_lightning.Trainer
            Trainer of the fit.
        training : pytorch_lightning.LightningModule
            Module of the fit.
        """
        import optuna

        value = trainer.callback_metrics.get(self.monitor)
        if value is None:
            names = sorted(trainer.callback_metrics)
            raise ValueError(f"monitor must be a column of history_, one of {names}, got {self.monitor!r}")
        self._step = max(self._step + 1, trainer.current_epoch)
        if value.isnan():  # a scorer that is not evaluated in this epoch
            return
        self.trial.report(float(value), self._step)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"{self.monitor} was {float(value):.5g} in epoch {trainer.current_epoch}")
