"""Learning-rate schedules against the formulas, followed step by step."""

from fractions import Fraction
from itertools import pairwise
from math import cos, pi

import pytest

from skrec import CosineRestarts
from skrec.engine.training._schedules import by_epochs, constant, cosine, one_cycle

N_STEPS = 400
TOP = N_STEPS // 4


def slow_restarts(n_steps, cycle_steps, cycle_mult):
    """Walks through the cycles in exact arithmetic."""
    factors, begin, length = [], Fraction(0), Fraction(cycle_steps)
    for step in range(n_steps):
        while step >= begin + length:
            begin, length = begin + length, length * Fraction(str(cycle_mult))
        factors.append((1 + cos(pi * float((step - begin) / length))) / 2)
    return factors


def factors_of(schedule, n_steps=N_STEPS):
    return [schedule(step).factor for step in range(n_steps)]


def test_constant_keeps_rate_and_momentum():
    assert {constant(step) for step in range(10)} == {(1.0, None)}


@pytest.mark.parametrize(("step", "factor", "momentum"), [(0, 1 / 25, 0.95), (TOP, 1, 0.85), (N_STEPS, 1e-5, 0.95)])
def test_one_cycle_goes_through_its_three_corners(step, factor, momentum):
    assert one_cycle(N_STEPS)(step) == pytest.approx((factor, momentum))


def test_one_cycle_is_halfway_in_the_middle_of_each_flank():
    assert one_cycle(N_STEPS)(TOP // 2) == pytest.approx(((1 / 25 + 1) / 2, 0.9))
    assert one_cycle(N_STEPS)((TOP + N_STEPS) // 2) == pytest.approx(((1 + 1e-5) / 2, 0.9))


def test_one_cycle_rises_then_falls_and_momentum_does_the_opposite():
    rates = [one_cycle(N_STEPS)(step) for step in range(N_STEPS)]
    for before, after in pairwise(rates[: TOP + 1]):
        assert before.factor < after.factor and before.momentum > after.momentum
    for before, after in pairwise(rates[TOP:]):
        assert before.factor > after.factor and before.momentum < after.momentum


@pytest.mark.parametrize("n_steps", (1, 2, 3, 5))
def test_one_cycle_of_few_steps_stays_between_its_corners(n_steps):
    for rate in map(one_cycle(n_steps), range(n_steps)):
        assert 1e-5 <= rate.factor <= 1 and 0.85 <= rate.momentum <= 0.95


@pytest.mark.parametrize("cycle_mult", (1, 1.1, 1.2, 1.5, 2, 2.5, 3))
@pytest.mark.parametrize("cycle_len", (1, 3))
@pytest.mark.parametrize("steps_in_epoch", (1, 7, 10, 40))
def test_cosine_restarts_are_those_of_the_slow_walk(steps_in_epoch, cycle_len, cycle_mult):
    schedule = by_epochs(CosineRestarts(cycle_len=cycle_len, cycle_mult=cycle_mult), steps_in_epoch)
    assert factors_of(schedule) == pytest.approx(slow_restarts(N_STEPS, steps_in_epoch * cycle_len, cycle_mult), abs=1e-9)


def test_cosine_restarts_from_the_full_rate_after_each_longer_cycle():
    factors = factors_of(by_epochs(CosineRestarts(cycle_mult=2), 10), 150)
    assert [step for step, factor in enumerate(factors) if factor == 1] == [0, 10, 30, 70]
    assert factors[5] == pytest.approx(0.5) and factors[20] == pytest.approx(0.5)


def test_cosine_is_one_cycle_over_all_steps():
    assert factors_of(cosine(N_STEPS)) == pytest.approx(slow_restarts(N_STEPS, N_STEPS, 1), abs=1e-12)


@pytest.mark.parametrize("schedule", [cosine(10), by_epochs(CosineRestarts(), 10)], ids=["cosine", "restarts"])
def test_cosine_leaves_momentum_alone(schedule):
    assert {schedule(step).momentum for step in range(10)} == {None}


def test_a_function_of_epochs_is_asked_at_each_step():
    asked = []
    schedule = by_epochs(lambda epochs: asked.append(epochs) or 0.5, 4)
    assert factors_of(schedule, 6) == [0.5] * 6
    assert asked == [0, 0.25, 0.5, 0.75, 1, 1.25]


@pytest.mark.parametrize(("factor", "error"), [(-0.1, ValueError), (float("nan"), ValueError), (None, TypeError)])
def test_a_factor_that_is_no_finite_number_of_at_least_0_is_refused(factor, error):
    with pytest.raises(error, match="the factor that lr_schedule returns must be a finite number of at least 0, got"):
        by_epochs(lambda epochs: factor, 4)(0)
