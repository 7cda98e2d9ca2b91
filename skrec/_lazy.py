"""Names of a package that are loaded when they are first used."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package whose names are loaded on first use.

    Parameters
    ----------
    package : str
        Name of the package.
    names : mapping of str to list of str
        Names by the module that defines them. The package imports the same names in a block ``if TYPE_CHECKING``, which type
        checkers and editors read.
    """
    module_of = {name: module for module, defined in names.items() for name in defined}
    namespace = vars(sys.modules[package])

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(module_of[name]), name)
        return value

    def listed() -> list[str]:
        return sorted({*namespace, *module_of})

    return load, listed, sorted(module_of)
