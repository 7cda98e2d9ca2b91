"""Draws of Optuna from a search space."""

from collections.abc import Mapping
from typing import Any

from skrec.tuning._sampling import read_axis

_STORED = (bool, int, float, str, type(None))  # what Optuna stores as a category


def suggest_params(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    """Let a trial of Optuna draw parameters from a search space.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of the current call of the objective.
    space : dict
        Distributions and lists by the name of the parameter, as returned by `search_space`. Distributions are those of
        scipy.stats named loguniform, uniform and randint.

    Returns
    -------
    dict
        Parameters, for ``estimator.set_params(**params)``. The trial stores values that are no numbers or strings, such as
        tuples, by their text.

    Raises
    ------
    TypeError, ValueError
        If a value of the space is neither a list nor one of these distributions.

    Examples
    --------
    >>> import optuna
    >>> from skrec import EASERecommender, get_scorer, search_space, suggest_params
    >>> from skrec.datasets import make_interactions
    >>> from skrec.model_selection import train_test_split
    >>> films = make_interactions(60, 30, density=0.3, random_state=0).interactions
    >>> train, valid = train_test_split(films, random_state=0)
    >>> ndcg = get_scorer("ndcg@10", positive_from=4)
    >>> def objective(trial):
    ...     model = EASERecommender(positive_from=4)
    ...     return ndcg(model.set_params(**suggest_params(trial, search_space(model))).fit(train), valid)
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    >>> study.optimize(objective, n_trials=3)
    >>> list(study.best_params)
    ['regularization']
    """
    return {name: _suggest(trial, name, read_axis(name, values)) for name, values in space.items()}


def _suggest(trial: Any, name: str, axis: Any) -> Any:
    if isinstance(axis, list):
        by_choice = {value if isinstance(value, _STORED) else repr(value): value for value in axis}
        return by_choice[trial.suggest_categorical(name, list(by_choice))]
    low, high = axis.support()
    kind = axis.dist.name
    if kind in ("loguniform", "reciprocal"):
        return trial.suggest_float(name, float(low), float(high), log=True)
    if kind == "uniform":
        return trial.suggest_float(name, float(low), float(high))
    if kind == "randint":
        return trial.suggest_int(name, int(low), int(high))
    raise ValueError(
        f"space[{name!r}] must be a list, loguniform, uniform or randint for Optuna, got the distribution {kind!r}"
    )
