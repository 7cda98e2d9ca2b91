"""Learning-rate schedules as functions of the optimizer step.

Torch's schedules have a state, which a resumed run would have to restore, and support only integer multiples of a cycle.
"""

from collections.abc import Callable
from math import ceil, cos, log, pi
from typing import Any, NamedTuple


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


def schedule_of(settings: Any, n_batches: int) -> Schedule:
    """Return the schedule for the parameters of a model, with ``n_batches`` minibatches per epoch."""
    steps_in_epoch = -(-n_batches // settings.accumulate_grad_batches)
    if settings.lr_schedule == "one_cycle":
        return one_cycle(steps_in_epoch * settings.max_epochs)
    if settings.lr_schedule == "cosine":
        cycle = steps_in_epoch * (settings.cycle_len or settings.max_epochs)
        return cosine(cycle_steps=cycle, cycle_mult=settings.cycle_mult)
    return constant


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


def cosine(*, cycle_steps: int, cycle_mult: float) -> Schedule:
    """Cosine schedule with warm restarts (Loshchilov & Hutter 2017, eq. 5).

    In each cycle the rate decreases from the full rate to 0. Each cycle is ``cycle_mult`` times as long as the previous one.
    """

    def rate(step: int) -> Rate:
        if cycle_mult == 1:
            start, length = step // cycle_steps * cycle_steps, float(cycle_steps)
        else:
            cycle = int(log(1 + step / cycle_steps * (cycle_mult - 1)) / log(cycle_mult) + 1e-9)
            # minus a small number, since rounding errors may lie just above an integer
            start = ceil(cycle_steps * (cycle_mult**cycle - 1) / (cycle_mult - 1) - 1e-6)
            length = cycle_steps * cycle_mult**cycle
        return Rate(_cosine(1, 0, min(1.0, (step - start) / length)))

    return rate


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + cos(pi * done)) / 2
