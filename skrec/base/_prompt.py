"""Estimators at the prompt: completion of names, and scikit-learn's diagram in notebooks.

Neither computes the embeddings of users and items, which may take minutes for a large model.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from sklearn.base import BaseEstimator

from skrec.base._explanation import no_contributions
from skrec.base._parameters import documented_attributes
from skrec.base._scoring import no_formula

# what a model needs, apart from arguments, for an answer of its methods
_NEEDS: dict[str, Callable[[Any], bool]] = {
    "anonymized": lambda model: not model._answers_from_events,
    "build_index": lambda model: _has_formula(model) and hasattr(model, "_state_vectors"),
    "explain": lambda model: type(model)._contributions is not no_contributions,
    "partial_fit": lambda model: not is_fitted(model) or len(model.events_) > 0,
    "similar_items": lambda model: hasattr(model, "_item_vectors"),
    "similar_users": lambda model: hasattr(model, "_user_vectors"),
    "to_onnx": lambda model: _has_formula(model) or hasattr(model, "_exported_scores"),
}


def is_fitted(model: Any) -> bool:
    """Whether a model has learned from data."""
    return hasattr(model, "vocabulary_")


def _has_formula(model: Any) -> bool:
    return type(model)._formula is not no_formula


# ---- completion ----------------------------------------------------------------------------------------------------------


def applicable_names(self: Any) -> list[str]:
    """List the names that are completed at the prompt, as ``dir`` returns them.

    These are parameters, methods that the model has an answer for, and documented attributes of the model if it is fitted.

    Returns
    -------
    list of str
    """
    names = [name for name in object.__dir__(self) if not name.startswith("_") or name.startswith("__")]
    withdrawn = {name for cls in type(self).__mro__ for name in vars(cls).get("_fixed", ())}.difference(self.get_params())
    internal = _internal_attributes(type(self))
    return [name for name in names if name not in withdrawn and name not in internal and _is_applicable(self, name)]


def _is_applicable(model: Any, name: str) -> bool:
    if _is_learned(name):
        return is_fitted(model)  # its value may be expensive
    return hasattr(model, name) and (name not in _NEEDS or _NEEDS[name](model))


def _is_learned(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")


def _internal_attributes(cls: type) -> set[str]:
    """Learned attributes that classes of this package define and do not document."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("skrec.")]
    learned = {name for base in own for name in {*vars(base), *vars(base).get("_stored", ())} if _is_learned(name)}
    return (learned | {"vocabulary_"}) - documented_attributes(cls)


# ---- the diagram ---------------------------------------------------------------------------------------------------------


def diagram_block(self: Any) -> SimpleNamespace:
    """Return the block of this estimator in a diagram of scikit-learn, with what it was fitted on as the caption."""
    nested = {name: value for name, value in self.get_params(deep=False).items() if hasattr(value, "fit")}
    if nested:
        names = [f"{name}: {type(value).__name__}" for name, value in nested.items()]
        return SimpleNamespace(
            kind="parallel",
            estimators=list(nested.values()),
            names=names,
            name_details=[str(value) for value in nested.values()],
            dash_wrapped=True,
        )
    return SimpleNamespace(
        kind="single",
        estimators=self,
        names=type(self).__name__,
        name_details=str(self),
        name_caption=fitted_facts(self) or None,
        doc_link_label=None,
    )


def fitted_facts(model: Any) -> str:
    """Describe the data and the training of a fitted model. Empty if it is not fitted."""
    if not is_fitted(model):
        return ""
    n_events, n_pairs = len(model.events_), model.seen_.nnz
    facts = [f"{model.n_users_:,} users", f"{model.n_items_:,} items"]
    if n_events or n_pairs:
        facts.append(f"{n_events:,} events" if n_events else f"{n_pairs:,} pairs")
    history = getattr(model, "history_", None)
    if history is not None and len(history):
        facts.append(f"{len(history):,} {'epoch' if len(history) == 1 else 'epochs'}{_duration(history)}")
    return ", ".join(facts)


def _duration(history: Any) -> str:
    if "seconds" not in history:
        return ""
    seconds = history["seconds"].sum()
    return f" in {seconds:,.0f} seconds" if seconds >= 10 else f" in {seconds:.1f} seconds"


def fitted_attributes_table(self: Any, doc_link: str = "") -> Any:
    """Return the table of fitted attributes in a diagram of scikit-learn, without those that are computed on access."""
    shown = {name: value for name, value in vars(self).items() if _is_learned(name)}
    internal = _internal_attributes(type(self))
    stored = SimpleNamespace(**{name: value for name, value in shown.items() if name not in internal})
    table = BaseEstimator._get_fitted_attr_html(stored, doc_link)
    table.estimator_class = type(self)
    return table
