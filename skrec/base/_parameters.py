"""Constructor parameters, declared once as class annotations."""

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import Field
from typing import Any, ClassVar, NamedTuple, Self, dataclass_transform, get_args, get_origin

from sklearn.base import BaseEstimator

from skrec.base._manual import link_parameters, link_template
from skrec.data._callers import depth_of_caller


class Needs(NamedTuple):
    """What a parameter needs to have an effect.

    Parameters
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

    ``n_factors: int = 64`` in a class body is a parameter with a default. The constructor is generated. It takes keywords only,
    stores them, and does nothing else. A class's own parameters come before those of its bases, in the signature as in the
    documentation. The docstring of a class gets the entries of inherited parameters and attributes.

    Annotations with ``ClassVar``, names that begin with an underscore, and names that end with one and have no value are not
    parameters. If a class writes its own ``__init__``, no constructor is generated for it and its subclasses.

    A class withdraws inherited parameters by naming them in ``_fixed``. They are then class attributes, with the inherited
    default or with a value that the class assigns. They are no keywords of the constructor, and are not documented.

    ``_needs`` holds what some of the class's parameters need to have an effect. A class adds to the needs of its bases. The
    parameter of an object that is a parameter's value is named as in ``set_params``, such as ``lr_schedule__cycle_mult``.
    """

    _needs: ClassVar[dict[str, Needs]] = {}
    _fixed: ClassVar[tuple[str, ...]] = ()

    _doc_link_module = "skrec"
    _doc_link_template, _doc_link_url_param_generator = property(link_template), link_parameters

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        _check_declarations(cls)
        if not _has_written_init(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
        cls.__doc__ = _merged_doc(cls)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator and of the objects that are values of its parameters.

        Parameters
        ----------
        **params : object
            Values by name. The name of a parameter of an object is nested, as in ``early_stopping__patience=5``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a name is not that of a parameter, or is nested and the value of the outer parameter is not an object with
            parameters, such as None or a str.
        """
        accepted = inspect.signature(type(self)).parameters
        for name in params:
            prefix, _, inner = name.partition("__")
            if inner and prefix in accepted:
                value = params.get(prefix, getattr(self, prefix))
                if isinstance(value, type) or not hasattr(value, "set_params"):
                    needed = f"an object with parameters as {prefix}{_example(accepted[prefix].annotation, inner)}"
                    raise ValueError(f"{name} needs {needed}, got {prefix}={value!r}")
        return super().set_params(**params)

    def _warn_of_parameters_without_effect(self) -> None:
        """Warn about each parameter that is not at its default and whose needs are not met."""
        declared: dict[str, Needs] = {}
        for cls in reversed(type(self).__mro__):
            declared |= vars(cls).get("_needs", {})
        for name, needs in declared.items():
            if self._is_set(name) and not needs.are_met(self):
                self._warn_if_set(name, needs.words)

    def _is_set(self, name: str) -> bool:
        """Whether a name, which may be nested, is that of a parameter that is not at its default."""
        name, _, inner = name.partition("__")
        parameter = inspect.signature(type(self)).parameters.get(name)
        if parameter is None:
            return False
        value = getattr(self, name)
        if inner:
            return isinstance(value, DeclaredParameters) and value._is_set(inner)
        return value != parameter.default

    def _warn_if_set(self, name: str, needs: str) -> None:
        """Warn that a parameter has no effect, if it is one and is not at its default."""
        if self._is_set(name):
            self._warn_of_no_effect(name, self.get_params()[name], needs)

    def _warn_of_no_effect(self, name: str, value: Any, needs: str) -> None:
        warnings.warn(
            f"{name}={value!r} has no effect on this fit of {type(self).__name__}: it needs {needs}",
            UserWarning,
            stacklevel=depth_of_caller(),
        )


# ---- declarations --------------------------------------------------------------------------------------------------------


def _declared(cls: type) -> list[str]:
    """The parameters that a class itself declares, in order."""
    annotations, values = inspect.get_annotations(cls), vars(cls)
    return [
        name
        for name, kind in annotations.items()
        if not name.startswith("_") and not (name.endswith("_") and name not in values) and not _is_class_variable(cls, kind)
    ]


def _parameter_owners(classes: tuple[type, ...]) -> dict[str, type]:
    """The parameters of a class, given its line of classes, each with the first of them that declares it."""
    owners: dict[str, type] = {}
    fixed: set[str] = set()
    for base in classes:
        if issubclass(base, DeclaredParameters):
            owners |= {name: base for name in _declared(base) if name not in owners and name not in fixed}
            fixed |= set(vars(base).get("_fixed", ())) - owners.keys()
    return owners


def _is_class_variable(cls: type, annotation: Any) -> bool:
    """Whether an annotation is ``ClassVar``. Annotations are strings under ``from __future__ import annotations``."""
    if not isinstance(annotation, str):
        return annotation is ClassVar or get_origin(annotation) is ClassVar
    head = re.match(r"[\w.]*", annotation.strip()).group()  # type: ignore[union-attr]
    module, _, name = head.rpartition(".")
    names = vars(sys.modules[cls.__module__])
    return name == "ClassVar" or (names.get(name) is ClassVar and not module)


def _check_declarations(cls: type) -> None:
    declared, fixed = _declared(cls), vars(cls).get("_fixed", ())
    inherited = _parameter_owners(cls.__mro__[1:])
    for name in fixed:
        if name not in inherited or name in declared:
            raise TypeError(f"{cls.__name__}._fixed must name inherited parameters that it does not declare, got {name!r}")
    for name in sorted(inherited.keys() & set(vars(cls)) - {*declared, *fixed}):
        raise TypeError(f"{cls.__name__}.{name} overrides a parameter without an annotation: write '{name}: type = ...'")
    for name in declared:
        default = vars(cls).get(name)
        if name.endswith("_"):
            raise TypeError(f"{cls.__name__}.{name} is annotated, which makes it a parameter; names in _ are learned by fit")
        if isinstance(default, Field | BaseEstimator) or getattr(default, "__hash__", None) is None:
            raise TypeError(f"{cls.__name__}.{name} must have an immutable default, got {default!r}")


# ---- the constructor -----------------------------------------------------------------------------------------------------


def _parameters(cls: type) -> Iterator[inspect.Parameter]:
    """A class's own parameters, then those of its bases."""
    for name, owner in _parameter_owners(cls.__mro__).items():
        default = vars(owner).get(name, inspect.Parameter.empty)
        kind = inspect.get_annotations(owner)[name]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _constructor(cls: type) -> Callable[..., None]:
    instance = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([instance, *_parameters(cls)])

    def __init__(self: Any, /, **parameters: Any) -> None:
        try:
            bound = signature.bind(self, **parameters)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}") from None
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__, __init__.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    __init__._is_generated = True  # type: ignore[attr-defined]
    return __init__


def _example(annotation: Any, inner: str) -> str:
    """Name a class of the annotation that has a parameter, for an error message. Empty if there is none."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, DeclaredParameters) and inner in inspect.signature(kind).parameters:
            return f", such as {kind.__name__}"
    return ""


def _has_written_init(cls: type) -> bool:
    below = cls.__mro__[: cls.__mro__.index(DeclaredParameters)]
    inits = [vars(base)["__init__"] for base in below if "__init__" in vars(base)]
    return any(not getattr(init, "_is_generated", False) for init in inits)


# ---- documentation -------------------------------------------------------------------------------------------------------

_HEADING = r"^\S[^\n]*\n-{3,}\n"
_ENTRY = re.compile(r"^(\S[^\n]*(?:\n(?:[ \t]+[^\n]*|(?=\n)))*)", re.MULTILINE)


def _merged_doc(cls: type) -> str:
    """The class's docstring with the entries of its bases, of parameters those that the constructor takes."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
    accepted = list(inspect.signature(cls).parameters)
    docs = [doc, *(inspect.cleandoc(vars(base).get("__doc__") or "") for base in cls.__mro__[1:])]
    parameters = _united(docs, "Parameters")
    in_order = {name: parameters[name] for name in accepted if name in parameters}
    doc = _with_section(doc, "Parameters", in_order, before=[])
    return _with_section(doc, "Attributes", _united(docs, "Attributes"), before=["Parameters"])


def documented_attributes(cls: type) -> set[str]:
    """Names of the attributes that the docstring of a class describes."""
    return set(_entries(cls.__doc__ or "", "Attributes"))


def _united(docs: list[str], title: str) -> dict[str, str]:
    """The entries of a section in several docstrings, by name. The first docstring with an entry wins."""
    united: dict[str, str] = {}
    for doc in docs:
        for name, text in _entries(doc, title).items():
            united.setdefault(name, text)
    return united


def _section(doc: str, title: str) -> re.Match | None:
    return re.search(rf"^{title}\n-+\n(.*?)(?={_HEADING}|\Z)", doc, re.MULTILINE | re.DOTALL)


def _with_section(doc: str, title: str, entries: dict[str, str], *, before: list[str]) -> str:
    """A docstring whose section of this title has these entries. A new section stands behind the sections ``before``."""
    if not entries:
        return doc
    text = f"{title}\n{'-' * len(title)}\n" + "\n".join(dict.fromkeys(entries.values()))
    if (own := _section(doc, title)) is not None:
        start, end = own.span()
    else:
        ends = [section.end() for other in before if (section := _section(doc, other)) is not None]
        first = re.search(_HEADING, doc, re.MULTILINE)
        start = end = max(ends) if ends else first.start() if first else len(doc)
    return f"{doc[:start].rstrip()}\n\n{text}\n\n{doc[end:]}".strip() + "\n"


def _entries(doc: str, title: str) -> dict[str, str]:
    section = _section(doc, title)
    entries: dict[str, str] = {}
    for text in _ENTRY.findall(section.group(1)) if section else []:
        names, colon, _ = text.partition("\n")[0].partition(" : ")
        if colon:
            entries |= dict.fromkeys(names.split(", "), text.rstrip())
    return entries
