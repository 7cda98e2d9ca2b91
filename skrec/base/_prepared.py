"""What a fitted model computes for its first answer and keeps for the following ones."""

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

Value = TypeVar("Value")


class _Prepared(NamedTuple):
    attributes: dict[str, Any]
    values: dict[Callable[[Any], Any], Any]


# outside of the models, so that it is not copied, pickled or saved with them
_prepared: WeakKeyDictionary[Any, _Prepared] = WeakKeyDictionary()


def prepared(model: Any, make: Callable[[Any], Value]) -> Value:
    """Return ``make(model)``, which is kept until an attribute of the model is set, as by `fit` or `set_params`.

    Parameters
    ----------
    model : BaseRecommender
    make : callable
        A function of a module. Its value must not refer to the model, which would never be freed then. Threads may call it at
        the same time. One of the values is kept. A lock could be inherited by a forked child.
    """
    kept = _prepared.get(model)
    if kept is None or not _are_same(kept.attributes, vars(model)):
        kept = _prepared[model] = _Prepared(vars(model).copy(), {})
    if make not in kept.values:
        kept.values.setdefault(make, make(model))
    return kept.values[make]


def forget(model: Any) -> None:
    """Drop the values of `prepared`, which refer to the attributes of the model."""
    _prepared.pop(model, None)


def _are_same(attributes: dict[str, Any], others: dict[str, Any]) -> bool:
    return attributes.keys() == others.keys() and all(map(is_, attributes.values(), others.values()))
