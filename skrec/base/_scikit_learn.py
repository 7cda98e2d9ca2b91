"""Load scikit-learn without modules that its import does not use. They take almost half of its time.

`sklearn.base` imports `scipy.stats` and `scipy.special`, and uses them only inside functions. SciPy copies the namespace of
NumPy, and with it `numpy.f2py` and `numpy.testing`, which NumPy loads on first use. Stand-ins take their places during the
import, and are removed afterwards. The modules are loaded when they are first used.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_NOT_USED = ("scipy.stats", "scipy.special", "numpy.f2py", "numpy.testing")


class _StandIn(ModuleType):
    """A module that loads the real one when an attribute is used, for example by another thread."""

    def __getattr__(self, name: str) -> Any:
        _remove(self)
        return getattr(import_module(self.__name__), name)


def _namespaces(name: str) -> list[tuple[dict[str, Any], str]]:
    """The dicts that hold a loaded module, with its key: the loaded modules, and the attributes of its package."""
    package, _, attribute = name.rpartition(".")
    found: list[tuple[dict[str, Any], str]] = [(sys.modules, name)]
    return [*found, (vars(import_module(package)), attribute)] if package else found


def _remove(stand_in: _StandIn) -> None:
    for namespace, key in _namespaces(stand_in.__name__):
        if namespace.get(key) is stand_in:
            del namespace[key]


@contextmanager
def postponed(name: str) -> Iterator[None]:
    """Postpone the import of a module by the statements of a block, unless it has been loaded."""
    if name in sys.modules:
        yield
        return
    stand_in = _StandIn(name)
    for namespace, key in _namespaces(name):
        namespace[key] = stand_in
    try:
        yield
    finally:
        _remove(stand_in)


with ExitStack() as block:
    for submodule in _NOT_USED:
        block.enter_context(postponed(submodule))
    import_module("sklearn.base")
