"""Copies of estimators, without `__getstate__`, by which a pickle is moved to the CPU."""

import copy
from typing import Any, TypeVar

Estimator = TypeVar("Estimator")


def shallow_copy(estimator: Estimator) -> Estimator:
    """An estimator with the same attributes, on the same device."""
    twin = object.__new__(type(estimator))
    twin.__dict__ = vars(estimator).copy()
    return twin


def deep_copy(estimator: Estimator, memo: dict[int, Any]) -> Estimator:
    """An estimator with copies of all attributes, on the same device."""
    memo[id(estimator)] = twin = shallow_copy(estimator)
    twin.__dict__ = copy.deepcopy(vars(estimator), memo)
    return twin


def without_learned_attributes(estimator: Estimator) -> Estimator:
    """An estimator with the same parameters that is not fitted."""
    twin = object.__new__(type(estimator))
    twin.__dict__ = {name: value for name, value in vars(estimator).items() if not name.endswith("_")}
    return twin
