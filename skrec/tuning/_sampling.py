"""Candidates drawn from a search space.

A candidate is a point of the unit cube with one coordinate for each parameter: the probability that a distribution gives a
smaller value, or the place in a list.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterGrid

Point = NDArray[np.float64]
_WIDTH = 0.12  # of the neighborhood of a point
_MAX_DRAWS = 20  # of a candidate that has not been tried
_EDGE = 1e-6  # the quantile of 0 is below the smallest value of a discrete distribution


class Sampler:
    """Draws distinct candidates.

    Parameters
    ----------
    space : mapping of str to distribution or list
        Frozen distributions of scipy.stats, or lists of values.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    TypeError
        If the space is not a mapping, or a value is neither a distribution nor a list.
    ValueError
        If a list is empty.
    """

    def __init__(self, space: Mapping[str, Any], seed: int):
        if not isinstance(space, Mapping):
            raise TypeError(f"space must be a dict of distributions and lists by the name of the parameter, got {space!r}")
        self.names = list(space)
        self.axes = [read_axis(name, values) for name, values in space.items()]
        self.rng = np.random.default_rng(seed)
        self.tried: set[str] = set()

    def grid(self, n: int) -> list[dict[str, Any]] | None:
        """All combinations, if there are at most n. None otherwise."""
        if not all(isinstance(axis, list) for axis in self.axes) or prod(map(len, self.axes)) > n:
            return None
        return list(ParameterGrid(dict(zip(self.names, self.axes, strict=True))))

    def spread(self, n: int) -> list[dict[str, Any]]:
        """Draw n candidates from the whole space, one in each of n strata of every parameter."""
        strata = self.rng.permuted(np.tile(np.arange(n), (len(self.axes), 1)), axis=1).T
        return list(self._untried((strata + self.rng.random(strata.shape)) / n))

    def near(self, candidate: Mapping[str, Any], n: int) -> list[dict[str, Any]]:
        """Draw n candidates near another one."""
        center = np.array([self._coordinate(axis, candidate.get(name)) for name, axis in zip(self.names, self.axes)])
        steps = self.rng.normal(scale=_WIDTH, size=(n, len(self.axes)))
        return list(self._untried(_reflected(center + steps)))

    def _untried(self, points: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
        """Candidates of points. Points of candidates that have been tried are replaced."""
        for point in points:
            for _ in range(_MAX_DRAWS):
                candidate = self._candidate(point)
                if self.note(candidate):
                    yield candidate
                    break
                point = self.rng.random(len(point))

    def note(self, candidate: Mapping[str, Any]) -> bool:
        """Remember a candidate. Return whether it is a new one."""
        key = repr(sorted(candidate.items()))
        is_new = key not in self.tried
        self.tried.add(key)
        return is_new

    def _candidate(self, point: Point) -> dict[str, Any]:
        return {name: _value(axis, float(u)) for name, axis, u in zip(self.names, self.axes, point, strict=True)}

    def _coordinate(self, axis: Any, value: Any) -> float:
        """Coordinate of a value. It is random for a value that the space does not have, such as None."""
        if isinstance(axis, list):
            places = [place for place, other in enumerate(axis) if repr(other) == repr(value)]
            return (places[0] + 0.5) / len(axis) if places else self.rng.random()
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(np.clip(axis.cdf(value), _EDGE, 1 - _EDGE)) if is_number else self.rng.random()


def read_axis(name: str, values: Any) -> Any:
    """Return the values of a parameter, a distribution or a list, after a check."""
    if hasattr(values, "ppf") and hasattr(values, "cdf"):
        return values
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
        raise TypeError(f"space[{name!r}] must be a frozen distribution of scipy.stats or a list, got {values!r}")
    if len(values) == 0:
        raise ValueError(f"space[{name!r}] must have at least one value, got {values!r}")
    return list(values)


def _value(axis: Any, u: float) -> Any:
    """The value at a coordinate, with three digits if it is not an integer."""
    if isinstance(axis, list):
        return axis[min(int(u * len(axis)), len(axis) - 1)]
    value = float(axis.ppf(np.clip(u, _EDGE, 1 - _EDGE)))
    return round(value) if _is_discrete(axis) else _rounded(value, *axis.support())


def _is_discrete(axis: Any) -> bool:
    return hasattr(axis.dist, "pmf")


def _rounded(value: float, low: float, high: float) -> float:
    return float(np.clip(float(f"{value:.3g}"), low, high))


def _reflected(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of which coordinates outside of the unit cube are reflected into it."""
    folded = np.abs(points) % 2
    return np.where(folded > 1, 2 - folded, folded)
