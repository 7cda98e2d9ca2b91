"""Fits of candidates on one part of the events, and their scores on the other part."""

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from skrec.base import BaseRecommender
from skrec.data import Interactions, check_interactions
from skrec.data._callers import depth_of_caller
from skrec.data._reading import is_frame
from skrec.metrics import get_scorer
from skrec.metrics._scorers import MultiScorer, Scorer
from skrec.model_selection import RandomHoldout, TemporalSplit

_TEST_SIZE = 0.2
_PATIENCE = 3  # epochs, at least; a third of all epochs, since scores often stand still while the learning rate is high


class Part(NamedTuple):
    """Events in the form that the estimator takes, and their values."""

    X: Any
    y: NDArray | None


class Cut(NamedTuple):
    """The part that candidates are fitted on, and the held-out part."""

    train: Part
    test: Part

    @classmethod
    def of(cls, X: Any, y: ArrayLike | None, estimator: Any, cv: Any, seed: int) -> Self:
        """Cut the events by the first split of a splitter. Steps of a Pipeline get a table as it is.

        Raises
        ------
        TypeError, ValueError
            If X cannot be read or split, or ``cv`` is not a splitter.
        """
        events = check_interactions(X, y)
        splitter = splitter_of(events, seed) if cv is None else cv
        if isinstance(splitter, str) or not hasattr(splitter, "split"):
            raise TypeError(f"cv must be a splitter such as RandomHoldout() or KFold(), got {cv!r}")
        groups = _groups(events) if cv is None else None
        for rows in splitter.split(events, events.values, groups):
            if isinstance(estimator, Pipeline) and is_frame(X):
                return cls(*(Part(_safe_indexing(X, part), None if y is None else events.values[part]) for part in rows))
            return cls(*(Part(events[part], events[part].values) for part in rows))
        raise ValueError(f"cv must give at least one split, got none from {cv!r}")


def splitter_of(events: Interactions, seed: int) -> Any:
    """Splitter by time if the events have times, by impressions if they have these, otherwise at random."""
    if events.timestamps is not None:
        return TemporalSplit(test_size=_TEST_SIZE)
    if events.impressions is not None:
        return GroupShuffleSplit(1, test_size=_TEST_SIZE, random_state=seed % 2**32)
    return RandomHoldout(_TEST_SIZE, random_state=seed)


def _groups(events: Interactions) -> NDArray | None:
    """Impressions, and a group of its own for each event without one."""
    if events.impressions is None:
        return None
    alone = events.impressions.max() + 1 + np.arange(len(events))
    return np.where(events.impressions < 0, alone, events.impressions)


def read_scorer(scoring: Any, estimator: Any) -> Callable[..., float]:
    """The scorer of a name, with ``positive_from`` of the estimator, or a callable as it is."""
    if isinstance(scoring, str):
        inner = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        return get_scorer(scoring, positive_from=getattr(inner, "positive_from", None))
    if not callable(scoring) or isinstance(scoring, MultiScorer | type):
        raise TypeError(f"scorer must be a name such as 'ndcg@10', or a callable that returns one number, got {scoring!r}")
    return scoring


class Epochs(NamedTuple):
    """Names of the parameters of a training in epochs.

    Attributes
    ----------
    number : str
        Name of ``max_epochs``.
    stopping : str or None
        Name of ``early_stopping``. None if training cannot watch held-out data.
    """

    number: str
    stopping: str | None


def epochs_of(estimator: Any) -> Epochs | None:
    """Return the names of the parameters of training, or None if the estimator is not trained in epochs."""
    prefix, accepted = _prefix(estimator), estimator.get_params()
    number, stopping = f"{prefix}max_epochs", f"{prefix}early_stopping"
    if number not in accepted:
        return None
    return Epochs(number, stopping if isinstance(estimator, BaseRecommender) and stopping in accepted else None)


def _prefix(estimator: Any) -> str:
    """Prefix of the names of the recommender's parameters."""
    if isinstance(estimator, Pipeline):
        name, inner = estimator.steps[-1]
        return f"{name}__{_prefix(inner)}"
    inner = getattr(estimator, "estimator", None)
    return "" if inner is None else f"estimator__{_prefix(inner)}"


class Run(NamedTuple):
    """A fit of one candidate, and its score.

    Attributes
    ----------
    params : dict
        Parameters of the candidate, with the number of epochs.
    used : dict
        The same. Values None are replaced by the numbers that the fit used, if it has them in attributes such as ``alpha_``.
    iteration : int
        Number of the round.
    n_epochs, n_kept : int or None
        Number of epochs, and the number after which the score was best. None if there are no epochs.
    score, fit_seconds, score_seconds : float
    """

    params: dict[str, Any]
    used: dict[str, Any]
    iteration: int
    n_epochs: int | None
    n_kept: int | None
    score: float
    fit_seconds: float
    score_seconds: float

    @property
    def is_settled(self) -> bool:
        """Whether a fit with the same parameters keeps its last epoch."""
        return self.n_kept == self.n_epochs


class Runner:
    """Fits candidates and scores them.

    Parameters
    ----------
    estimator : estimator
        Clones with the parameters of a candidate are fitted.
    cut : Cut
    scorer : callable
    error_score : "raise" or float
        Score of a candidate that fails, or "raise".

    Attributes
    ----------
    epochs : Epochs or None
    stopping : str or None
        Name of ``early_stopping``. None if training cannot watch held-out data.
    runs : list of Run
    error : Exception or None
        The last error of a candidate.
    """

    def __init__(self, estimator: Any, cut: Cut, scorer: Callable[..., float], error_score: Any):
        self.estimator, self.cut, self.scorer, self.error_score = estimator, cut, scorer, error_score
        self.epochs = epochs_of(estimator)
        self.stopping = None if self.epochs is None else self.epochs.stopping
        self.runs: list[Run] = []
        self.n_failed = 0
        self.error: Exception | None = None

    def run(self, params: dict[str, Any], iteration: int, *, stops: bool = True) -> Run:
        """Fit a candidate, score it, and keep the result.

        Parameters
        ----------
        params : dict
        iteration : int
        stops : bool, default=True
            Whether training stops early.
        """
        model = clone(self.estimator).set_params(**clone(params, safe=False))
        n_epochs = None if self.epochs is None else model.get_params()[self.epochs.number]
        if n_epochs is not None and self.stopping is not None:
            model.set_params(**{self.stopping: self._stopping(n_epochs) if stops else None})
        start = fitted = perf_counter()
        try:
            self._fit(model)
            fitted = perf_counter()
            score, n_kept = float(self.scorer(model, *self.cut.test)), self._kept(model, n_epochs)
        except Exception as error:
            if isinstance(self.error_score, str):
                error.add_note(f"raised by the candidate {params}")
                raise
            self._warn(params, error)
            self.n_failed, self.error = self.n_failed + 1, error
            score, n_kept = float(self.error_score), n_epochs
        self.runs.append(
            Run(params, _used(model, params), iteration, n_epochs, n_kept, score, fitted - start, perf_counter() - fitted)
        )
        return self.runs[-1]

    def _fit(self, model: Any) -> None:
        train, test = self.cut
        options = {} if self.stopping is None else {"validation": test.X}
        model.fit(*train, **options)

    def _stopping(self, n_epochs: int) -> Any:
        from skrec.engine import EarlyStopping

        monitored = self.scorer.name if isinstance(self.scorer, Scorer) else "valid_loss"
        return EarlyStopping(monitored, patience=max(_PATIENCE, -(-n_epochs // 3)))

    def _kept(self, model: Any, n_epochs: int | None) -> int | None:
        """Number of epochs after which the weights were kept."""
        if self.stopping is None:
            return n_epochs
        while not hasattr(model, "best_epoch_"):
            model = model.estimator_
        return model.best_epoch_ + 1

    def _warn(self, params: dict[str, Any], error: Exception) -> None:
        warnings.warn(
            f"A candidate failed, and its score is {self.error_score!r}. Parameters: {params}. {type(error).__name__}: {error}",
            FitFailedWarning,
            stacklevel=depth_of_caller(),
        )


def _used(model: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(model, f"{name}_", None) if value is None else value for name, value in params.items()}
