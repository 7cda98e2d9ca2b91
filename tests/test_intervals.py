"""Bootstrap intervals: against the normal distribution, and 1,000 random cases against plain Python."""

from math import sqrt

import numpy as np
import pytest
from metric_references import slow_interval

from skrec.metrics import bootstrap_interval


def test_interval_is_that_of_the_normal_distribution_for_many_users():
    values = np.random.default_rng(5).normal(3, 2, 2000)
    half = 1.96 * values.std() / sqrt(2000)
    low, high = bootstrap_interval(values, n_resamples=4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_interval_of_a_constant_is_a_point():
    assert bootstrap_interval([0.25] * 7) == (0.25, 0.25)


@pytest.mark.parametrize("weights", [None, [3.0]])
def test_interval_of_one_user_is_a_point(weights):
    assert bootstrap_interval([0.25], weights) == (0.25, 0.25)


def test_interval_of_weighted_values_lies_around_the_weighted_mean():
    values, weights = np.repeat([0.0, 1.0], 500), np.repeat([1.0, 9.0], 500)
    low, high = bootstrap_interval(values, weights)
    assert 0.88 < low < 0.9 < high < 0.92


def test_interval_is_reproducible_and_widens_with_its_level():
    values = np.random.default_rng(6).random(50)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, random_state=1)
    inner, outer = bootstrap_interval(values, confidence_level=0.5), bootstrap_interval(values, confidence_level=0.99)
    assert outer[0] < inner[0] < inner[1] < outer[1]


def test_interval_does_not_depend_on_the_size_of_its_pieces(monkeypatch):
    values = np.random.default_rng(7).random(40)
    whole = bootstrap_interval(values, n_resamples=101)
    monkeypatch.setattr("skrec._memory.BLOCK_BYTES", 10_000)
    assert bootstrap_interval(values, n_resamples=101) == whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": []}, "at least one user"),
        ({"values": [1.0], "confidence_level": 1.0}, "confidence_level must be a finite number above 0 and below 1"),
        ({"values": [1.0], "n_resamples": 1}, "n_resamples must be an integer of at least 2"),
        ({"values": [1.0, 2.0], "weights": [1.0, 0.0]}, "weights must be 2 positive numbers"),
    ],
)
def test_interval_refuses_what_it_cannot_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**arguments)


def test_intervals_agree_with_the_slow_reference():
    rng = np.random.default_rng(9)
    for seed in range(1000):
        values, weights = rng.normal(size=rng.integers(1, 9)), None
        if seed % 2:
            weights = rng.integers(1, 4, len(values)).astype(float)
        level, n_resamples = rng.uniform(0.05, 0.99), int(rng.integers(2, 30))
        draws = np.random.default_rng(seed).integers(len(values), size=(n_resamples, len(values))).tolist()
        one_each = [1] * len(values)
        expected = slow_interval(values.tolist(), one_each if weights is None else weights.tolist(), draws, level)
        interval = bootstrap_interval(values, weights, confidence_level=level, n_resamples=n_resamples, random_state=seed)
        assert interval == pytest.approx(expected, rel=0, abs=1e-12)
