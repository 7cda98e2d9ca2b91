"""Held-out data that a fit watches."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from skrec._checks import check_int
from skrec.metrics import get_scorer


class Validation(NamedTuple):
    """Held-out data, and the scorers that are evaluated on them while a model is trained.

    Attributes
    ----------
    data : array-like or None
        As for ``X`` of ``fit``. None if only scorers are given.
    metrics : dict of str to int
        Names of scorers, each with the number of epochs after which it is evaluated again.
    """

    data: Any
    metrics: dict[str, int]


def read_validation(validation: Any, metrics: Any) -> Validation | None:
    """Combine the arguments ``validation`` and ``metrics`` of ``fit``. None if neither is given.

    Raises
    ------
    ValueError, TypeError
        If ``metrics`` is not the name of a scorer, a list of names, or a mapping of names to numbers of epochs.
    """
    if metrics is None:
        return None if validation is None else Validation(validation, {})
    if isinstance(metrics, str):
        metrics = [metrics]
    if isinstance(metrics, bytes) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be the name of a scorer, a list of names or a dict of names to numbers, got {metrics!r}")
    epochs = dict(metrics) if isinstance(metrics, Mapping) else dict.fromkeys(metrics, 1)
    for name, n_epochs in epochs.items():
        if not isinstance(name, str):
            raise TypeError(f"metrics must be names of scorers, got {name!r}")
        try:
            get_scorer(name)
        except ValueError as error:
            raise ValueError(f"metrics must be names of scorers: {error}") from None
        check_int(n_epochs, f"the number of epochs of metrics[{name!r}]", at_least=1)
    return Validation(validation, {name: int(n_epochs) for name, n_epochs in epochs.items()})
