"""Copies of estimators."""

import copy
from typing import Any, Self


class CopyMixin:
    """`copy.copy` and `copy.deepcopy` give an estimator on the same device; only a pickle is moved to the CPU."""

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ = vars(self).copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = twin = copy.copy(self)
        twin.__dict__ = copy.deepcopy(vars(self), memo)
        return twin
