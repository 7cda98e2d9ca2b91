"""Learning-rate schedules as functions of the optimizer step.

Torch's schedules have a state, which a resumed run would have to restore, and support only integer multiples of a cycle.
"""

from collections.abc import Callable
from math import cos, log, log1p, pi
from typing import Any, NamedTuple

from skrec._checks import check_choice, check_int, check_no_class, check_number
from skrec.base._parameters import DeclaredParameters


class Rate(NamedTuple):
    """Settings of one step.

    Attributes
    ----------
    factor : float
        Factor of the learning rate.
    momentum : float or None
        First beta of Adam. If None, it does not change.
    """

    factor: float
    momentum: float | None = None


Schedule = Callable[[int], Rate]


class CosineRestarts(DeclaredParameters):
    """Cosine schedule of the learning rate with warm restarts.

    In each cycle the learning rate decreases from its full value to 0. Each cycle is ``cycle_mult`` times as long as the
    previous one.

    Parameters
    ----------
    cycle_len : int, default=1
        Number of epochs in the first cycle.
    cycle_mult : float, default=1
        Factor by which each cycle is longer than the previous one. Must be at least 1.

    References
    ----------
    Loshchilov, Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.

    Examples
    --------
    >>> from skrec import CosineRestarts, MFRecommender
    >>> model = MFRecommender(lr_schedule=CosineRestarts(cycle_len=1, cycle_mult=2), max_epochs=7)  # 1 + 2 + 4

    The factor of the learning rate after some epochs:

    >>> [round(model.lr_schedule(epochs), 2) for epochs in (0, 0.5, 1, 2, 3)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    cycle_len: int = 1
    cycle_mult: float = 1

    def __call__(self, epochs: float) -> float:
        """Return the factor of the learning rate.

        Parameters
        ----------
        epochs : float
            Number of epochs so far.

        Returns
        -------
        float
        """
        length: float = self.cycle_len
        if self.cycle_mult == 1:
            return _cosine(1, 0, epochs % length / length)
        growth = self.cycle_mult - 1
        # plus a small number, since rounding errors may lie just below an integer
        cycle = int(log1p(epochs / length * growth) / log(self.cycle_mult) + 1e-9)
        start, length = length * (self.cycle_mult**cycle - 1) / growth, length * self.cycle_mult**cycle
        return _cosine(1, 0, min(1.0, max(0.0, (epochs - start) / length)))

    def _check_parameters(self) -> None:
        check_int(self.cycle_len, "cycle_len", at_least=1)
        check_number(self.cycle_mult, "cycle_mult", at_least=1)


def check_schedule(value: Any) -> None:
    """Check the parameter ``lr_schedule`` of a model.

    Raises
    ------
    ValueError, TypeError
        If it is neither None nor a name nor a callable, or a `CosineRestarts` with invalid parameters.
    """
    check_no_class(value, "lr_schedule")
    if isinstance(value, CosineRestarts):
        value._check_parameters()
    elif isinstance(value, str):
        check_choice(value, "lr_schedule", tuple(_BY_NAME))
    elif value is not None and not callable(value):
        names = ", ".join(map(repr, _BY_NAME))
        raise TypeError(f"lr_schedule must be one of {names}, a callable such as CosineRestarts, or None, got {value!r}")


def schedule_of(lr_schedule: str | Callable[[float], float] | None, steps_in_epoch: int, n_epochs: int) -> Schedule:
    """Return the schedule for the parameter ``lr_schedule`` of a model."""
    if lr_schedule is None:
        return constant
    if callable(lr_schedule):
        return by_epochs(lr_schedule, steps_in_epoch)
    return _BY_NAME[lr_schedule](steps_in_epoch * n_epochs)


def constant(step: int) -> Rate:
    """Constant learning rate."""
    return Rate(1.0)


def one_cycle(n_steps: int) -> Schedule:
    """One-cycle policy (Smith 2018) with the defaults of fastai.

    The rate increases from 1/25 to the full rate in the first quarter of the steps, and decreases to 1/100,000 afterwards, both
    along cosines. The momentum changes from 0.95 to 0.85 and back.
    """
    top = max(1, round(0.25 * n_steps))

    def rate(step: int) -> Rate:
        if step < top:
            return Rate(_cosine(1 / 25, 1, step / top), _cosine(0.95, 0.85, step / top))
        done = (step - top) / max(1, n_steps - top)
        return Rate(_cosine(1, 1e-5, done), _cosine(0.85, 0.95, done))

    return rate


def cosine(n_steps: int) -> Schedule:
    """Decrease the learning rate to 0 along a cosine."""
    return lambda step: Rate(_cosine(1, 0, step / n_steps))


def by_epochs(factor: Callable[[float], float], steps_in_epoch: int) -> Schedule:
    """Convert a function of the number of epochs so far to a schedule."""

    def rate(step: int) -> Rate:
        return Rate(check_number(factor(step / steps_in_epoch), "the factor that lr_schedule returns", at_least=0))

    return rate


_BY_NAME: dict[str, Callable[[int], Schedule]] = {"one_cycle": one_cycle, "cosine": cosine}


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + cos(pi * done)) / 2
