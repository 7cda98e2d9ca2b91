"""Load scikit-learn without `scipy.stats`, which takes two fifths of the time of its import.

`sklearn.base` imports `scipy.stats`, and uses it only inside functions. A stand-in takes its place during the import, and is
removed afterwards. scipy loads the module itself when it is first used.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """A module that loads the real one when an attribute is used, for example by another thread."""

    def __getattr__(self, name: str) -> Any:
        _remove(self)
        return getattr(import_module(self.__name__), name)


def _remove(stand_in: ModuleType) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]


@contextmanager
def postponed(name: str) -> Iterator[None]:
    """Postpone the import of a module by the statements of a block, unless it has been loaded."""
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _StandIn(name)
    try:
        yield
    finally:
        _remove(stand_in)


with postponed("scipy.stats"):
    import_module("sklearn.base")
