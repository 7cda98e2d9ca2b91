"""Candidates drawn from a search space.

A candidate is a point of the unit cube with one coordinate for each parameter: the probability that a distribution gives a
smaller value, or the place in a list.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterGrid

from skrec.tuning._surrogate import by_expected_improvement

_MIN_SCORED, _MAX_SCORED = 3, 200  # candidates for a model of their scores, the best ones
_N_OPTIONS = 300  # from the whole space, and as many near the best candidate
_WIDTH = 0.1  # of its neighborhood
_MAX_DRAWS = 30  # of a candidate that is a new one
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
        self.drawn: set[str] = set()

    def grid(self, n: int) -> list[dict[str, Any]] | None:
        """All combinations, if there are at most n. None otherwise."""
        if not all(isinstance(axis, list) for axis in self.axes) or prod(map(len, self.axes)) > n:
            return None
        return list(ParameterGrid(dict(zip(self.names, self.axes, strict=True))))

    def spread(self, n: int) -> list[dict[str, Any]]:
        """Draw up to n candidates from the whole space, one in each of n strata of every parameter."""
        strata = self.rng.permuted(np.tile(np.arange(n), (len(self.axes), 1)), axis=1).T
        points = (strata + self.rng.random(strata.shape)) / n
        found = [self._first_new([point, *self.rng.random((_MAX_DRAWS, len(self.axes)))]) for point in points]
        return [candidate for candidate in found if candidate is not None]

    def promising(self, scored: Sequence[tuple[Mapping[str, Any], float, float]]) -> dict[str, Any] | None:
        """Draw the candidate with the largest expected improvement of the best score. None if no new one is found.

        Parameters
        ----------
        scored : sequence of (candidate, share, score)
            Candidates that have been scored, and the share of a complete training that they had.
        """
        known = [(self._point(candidate), share, score) for candidate, share, score in scored]
        known = [(point, share, score) for point, share, score in known if not np.isnan(point).any()]
        known = sorted(known, key=lambda one: -one[2])[:_MAX_SCORED]
        options = self.rng.random((_N_OPTIONS, len(self.axes)))
        if len(known) >= _MIN_SCORED:
            best = known[0][0]
            steps = self.rng.normal(scale=_WIDTH, size=options.shape)
            options = np.vstack([_reflected(best + steps), options])
            points = np.array([[*point, share] for point, share, _ in known])
            complete = np.column_stack([options, np.ones(len(options))])
            options = options[by_expected_improvement(points, np.array([score for *_, score in known]), complete)]
        return self._first_new(options[:_MAX_DRAWS])

    def note(self, candidate: Mapping[str, Any]) -> bool:
        """Remember a candidate, which is not drawn again. Return whether it is a new one."""
        key = repr(sorted(candidate.items()))
        is_new = key not in self.drawn
        self.drawn.add(key)
        return is_new

    def _first_new(self, points: Iterable[NDArray[np.float64]]) -> dict[str, Any] | None:
        candidates = ({name: _value(axis, float(u)) for name, axis, u in zip(self.names, self.axes, p)} for p in points)
        return next((candidate for candidate in candidates if self.note(candidate)), None)

    def _point(self, candidate: Mapping[str, Any]) -> NDArray[np.float64]:
        """The point of a candidate. Coordinates of values that the space does not have are NaN."""
        return np.array([_coordinate(axis, candidate.get(name)) for name, axis in zip(self.names, self.axes)])


def read_axis(name: str, values: Any) -> Any:
    """Return the values of a parameter, a distribution or a list, after a check."""
    if hasattr(values, "dist") and hasattr(values, "ppf"):
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
    if hasattr(axis.dist, "pmf"):
        return round(value)
    return float(np.clip(float(f"{value:.3g}"), *axis.support()))


def _coordinate(axis: Any, value: Any) -> float:
    if isinstance(axis, list):
        places = [place for place, other in enumerate(axis) if repr(other) == repr(value)]
        return (places[0] + 0.5) / len(axis) if places else np.nan
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(axis.cdf(value)) if is_number else np.nan


def _reflected(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points with the coordinates outside of the unit cube reflected into it."""
    folded = np.abs(points) % 2
    return np.where(folded > 1, 2 - folded, folded)
