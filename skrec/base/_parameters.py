"""Constructor parameters, declared once as class annotations."""

import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, ClassVar, NamedTuple, dataclass_transform, get_origin

from sklearn.base import BaseEstimator

from skrec.data._callers import depth_of_caller


class Needs(NamedTuple):
    """What a parameter needs to have an effect.

    Attributes
    ----------
    are_met : callable
        Takes an estimator that is about to be fitted, its parameters checked and its data known, and gives a bool.
    words : str
        The same for the user, as in "it needs loss='ccl'".
    """

    are_met: Callable[[Any], bool]
    words: str


@dataclass_transform(kw_only_default=True, eq_default=False)
class DeclaredParameters(BaseEstimator):
    """A scikit-learn estimator whose annotated class attributes are its keyword parameters.

    ``n_factors: int = 64`` in a class body is a parameter with a default: the constructor is generated, stores what it is
    given, and does nothing else. Documentation of inherited parameters is merged into the class docstring. A class that
    writes its own ``__init__`` is left alone, and so are its children.

    ``_needs`` holds what some of the class's parameters need to have an effect; a class adds to those of its bases.
    """

    _needs: ClassVar[dict[str, Needs]] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        own = _own_parameters(cls)
        _check_declarations(cls, own)
        if not _has_written_init(cls):
            generated = dataclass(kw_only=True, eq=False, repr=False)(cls)
            vars(generated)["__init__"]._generated = True
        cls.__doc__ = _merged_doc(cls)

    def _warn_of_parameters_without_effect(self) -> None:
        """Warn about each parameter that is not at its default and whose needs are not met."""
        declared: dict[str, Needs] = {}
        for cls in reversed(type(self).__mro__):
            declared |= vars(cls).get("_needs", {})
        for name, needs in declared.items():
            if not needs.are_met(self):
                self._warn_if_set(name, needs.words)

    def _warn_if_set(self, name: str, needs: str) -> None:
        """Warn that a parameter has no effect, if it is one and is not at its default."""
        parameter = inspect.signature(type(self)).parameters.get(name)
        value = getattr(self, name, None)
        if parameter is not None and value != parameter.default:
            warnings.warn(
                f"{name}={value!r} has no effect on this fit of {type(self).__name__}: it needs {needs}",
                UserWarning,
                stacklevel=depth_of_caller(),
            )


def _own_parameters(cls: type) -> dict[str, Any]:
    annotations = inspect.get_annotations(cls)
    return {name: kind for name, kind in annotations.items() if kind is not ClassVar and get_origin(kind) is not ClassVar}


def _check_declarations(cls: type, own: dict[str, Any]) -> None:
    inherited = {field.name for base in cls.__mro__[1:] if is_dataclass(base) for field in fields(base)}
    for name in inherited & set(vars(cls)) - set(own):
        raise TypeError(f"{cls.__name__}.{name} overrides a parameter without an annotation: write '{name}: type = ...'")
    for name in own:
        default = vars(cls).get(name)
        if name.endswith("_"):
            raise TypeError(f"{cls.__name__}.{name} is annotated, which makes it a parameter; names in _ are learned by fit")
        if isinstance(default, Field) or getattr(default, "__hash__", None) is None:
            raise TypeError(f"{cls.__name__}.{name} must have an immutable default, got {default!r}")


def _has_written_init(cls: type) -> bool:
    below = cls.__mro__[: cls.__mro__.index(DeclaredParameters)]
    inits = [vars(base)["__init__"] for base in below if "__init__" in vars(base)]
    return any(not getattr(init, "_generated", False) for init in inits)


_HEADING = re.compile(r"^\S[^\n]*\n-{3,}\n", re.MULTILINE)
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*(?:\n(?:[ \t]+[^\n]*|(?=\n)))*)", re.MULTILINE)


def _merged_doc(cls: type) -> str:
    """The class's docstring with the entries of inherited parameters, those its constructor takes, behind its own."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
    entries, accepted = _entries(doc), inspect.signature(cls).parameters
    for base in cls.__mro__[1:]:
        for name, text in _entries(inspect.cleandoc(vars(base).get("__doc__") or "")).items():
            if name in accepted:
                entries.setdefault(name, text)
    if not entries:
        return doc
    section = "Parameters\n----------\n" + "\n".join(dict.fromkeys(entries.values())) + "\n\n"
    place = _SECTION.search(doc) or _HEADING.search(doc)
    start = place.start() if place else len(doc)
    end = place.end() if place and place.re is _SECTION else start
    return f"{doc[:start].rstrip()}\n\n{section}{doc[end:]}".strip() + "\n"


def _entries(doc: str) -> dict[str, str]:
    section = _SECTION.search(doc)
    if section is None:
        return {}
    entries: dict[str, str] = {}
    for text in _ENTRY.findall(section.group(1)):
        names, colon, _ = text.partition("\n")[0].partition(" : ")
        if colon:
            entries |= dict.fromkeys(names.split(", "), text.rstrip())
    return entries
