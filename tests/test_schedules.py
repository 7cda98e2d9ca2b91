"""Learning-rate schedules against the formulas, followed step by step."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, cos, pi

import pytest

from skrec.engine.training._schedules import constant, cosine, one_cycle

N_STEPS = 400
TOP = N_STEPS // 4


def slow_cosine(n_steps, cycle_steps, cycle_mult):
    """Walks through the cycles in exact arithmetic; a cycle begins with the first step that lies in it."""
    factors, begin, length = [], Fraction(0), Fraction(cycle_steps)
    for step in range(n_steps):
        while step >= begin + length:
            begin, length = begin + length, length * Fraction(str(cycle_mult))
        factors.append((1 + cos(pi * float((step - ceil(begin)) / length))) / 2)
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
@pytest.mark.parametrize("cycle_steps", (1, 7, 10, 40))
def test_cosine_restarts_are_those_of_the_slow_walk(cycle_steps, cycle_mult):
    schedule = cosine(cycle_steps=cycle_steps, cycle_mult=cycle_mult)
    assert factors_of(schedule) == pytest.approx(slow_cosine(N_STEPS, cycle_steps, cycle_mult), abs=1e-9)


def test_cosine_starts_again_from_the_full_rate_after_each_longer_cycle():
    factors = factors_of(cosine(cycle_steps=10, cycle_mult=2), 150)
    assert [step for step, factor in enumerate(factors) if factor == 1] == [0, 10, 30, 70]
    assert factors[5] == pytest.approx(0.5) and factors[20] == pytest.approx(0.5)


def test_cosine_leaves_momentum_alone():
    assert {cosine(cycle_steps=10, cycle_mult=1)(step).momentum for step in range(30)} == {None}
