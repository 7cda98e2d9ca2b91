"""The classes that files may name."""

from functools import cache
from importlib import import_module
from typing import Any

from skrec.persistence._errors import ModelFormatError, NotStorable

_VALUES_OF_PARAMETERS = ("ALS", "CosineContrastiveLoss", "CosineRestarts", "EarlyStopping", "TrainingLog")
_registered: dict[str, type] = {}


def register(cls: type) -> type:
    """Allow files to name a class of another package: an estimator, or an object that is a value of a parameter.

    The class must be registered wherever such files are saved and loaded. It is named by its module and its name. Attributes
    that `fit` learns are declared in ``_stored``, see docs/persistence.md.

    Parameters
    ----------
    cls : type
        A class with `get_params`, whose constructor takes the parameters as keywords.

    Returns
    -------
    type
        The class, so that this function can be used as a decorator.

    Raises
    ------
    TypeError
        If it is not a class with `get_params`.

    Examples
    --------
    >>> from skrec import PopularityRecommender
    >>> from skrec.persistence import register
    >>> @register
    ... class Bestsellers(PopularityRecommender):
    ...     pass
    """
    if not isinstance(cls, type) or not hasattr(cls, "get_params"):
        raise TypeError(f"cls must be a class with get_params, such as an estimator, got {cls!r}")
    _registered[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return cls


@cache
def module_of_names() -> dict[str, str]:
    """The modules of the classes of this package that files may name: the models, and values of their parameters."""
    models = [name for name in import_module("skrec.models").__all__ if name != "all_estimators"]
    return dict.fromkeys(models, "skrec.models") | dict.fromkeys(_VALUES_OF_PARAMETERS, "skrec.engine")


def name_of(cls: type) -> str:
    """The name of a class in files."""
    for name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}"):
        if (name in module_of_names() or name in _registered) and class_of(name) is cls:
            return name
    raise NotStorable(f"the class {cls.__module__}.{cls.__qualname__}, which skrec.persistence.register has not registered")


def class_of(name: Any) -> type:
    """The class of a name in a file."""
    if name in _registered:
        return _registered[name]
    if name not in module_of_names():
        raise ModelFormatError(f"it names the class {name!r}, which is not registered")
    return getattr(import_module(module_of_names()[name]), name)
