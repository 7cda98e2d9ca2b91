"""Learning-rate schedules: functions of the optimizer step.

Torch's own keep a state, which a resumed run would have to restore, and restart after whole multiples of a cycle only.
"""

from collections.abc import Callable
from math import ceil, cos, log, pi
from typing import Any, NamedTuple


class Rate(NamedTuple):
    """What a schedule says for one step: a factor of the learning rate, and the momentum (Adam's first beta) or None."""

    factor: float
    momentum: float | None = None


Schedule = Callable[[int], Rate]


def schedule_of(settings: Any, n_batches: int) -> Schedule:
    """What ``lr_schedule`` and ``cycle_len`` ask for, with so many minibatches in an epoch."""
    steps_in_epoch = -(-n_batches // settings.accumulate_grad_batches)
    if settings.lr_schedule == "one_cycle":
        return one_cycle(steps_in_epoch * settings.max_epochs)
    if settings.lr_schedule == "cosine":
        cycle = steps_in_epoch * (settings.cycle_len or settings.max_epochs)
        return cosine(cycle_steps=cycle, cycle_mult=settings.cycle_mult)
    return constant


def constant(step: int) -> Rate:
    """The learning rate as it is."""
    return Rate(1.0)


def one_cycle(n_steps: int) -> Schedule:
    """Up from 1/25 to the full rate in the first quarter, down to 1/100,000, along cosines; momentum .95, .85, .95.

    The policy of Smith (2018) with fastai's defaults.
    """
    top = max(1, round(0.25 * n_steps))

    def rate(step: int) -> Rate:
        if step < top:
            return Rate(_cosine(1 / 25, 1, step / top), _cosine(0.95, 0.85, step / top))
        done = (step - top) / max(1, n_steps - top)
        return Rate(_cosine(1, 1e-5, done), _cosine(0.85, 0.95, done))

    return rate


def cosine(*, cycle_steps: int, cycle_mult: float) -> Schedule:
    """From the full rate to zero along a cosine, then again, each cycle ``cycle_mult`` times as long as the one before.

    Warm restarts (Loshchilov & Hutter 2017, eq. 5).
    """

    def rate(step: int) -> Rate:
        if cycle_mult == 1:
            start, length = step // cycle_steps * cycle_steps, float(cycle_steps)
        else:
            cycle = int(log(1 + step / cycle_steps * (cycle_mult - 1)) / log(cycle_mult) + 1e-9)
            # less a little: rounding may put a whole number just above itself
            start = ceil(cycle_steps * (cycle_mult**cycle - 1) / (cycle_mult - 1) - 1e-6)
            length = cycle_steps * cycle_mult**cycle
        return Rate(_cosine(1, 0, min(1.0, (step - start) / length)))

    return rate


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + cos(pi * done)) / 2
