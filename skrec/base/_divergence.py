"""Error messages for diverged training and for overflows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

# values above this are the likely cause; otherwise it is the learning rate
_LARGE = 1e4
_AMPLIFYING = (
    *("learning_rate", "regularization", "weight_decay", "alpha", "init_std", "loss__negative_weight", "y_range"),
    *("solver__unobserved_weight", "solver__regularization_exponent"),
)


def divergence(estimator: Any, what: str, *, of_values: bool, remedy: str | None = None) -> ValueError:
    """The error that says what happened, and the likely cause with its number.

    Parameters
    ----------
    estimator : BaseRecommender
        Estimator that is being fitted. Its training events are inspected.
    what : str
        When it happened and what is not finite.
    of_values : bool
        Whether the model computes with the events' values.
    remedy : {"learning_rate", "regularization"}, default=None
        Parameter to change if no number is large. If None, the learning rate, or the regularization of a model without one.
    """
    causes = [f"scale the {name} down (the largest is {size:.6g})" for name, size in _sizes(estimator.events_, of_values)]
    parameters = estimator.get_params()
    large = [name for name in _AMPLIFYING if _largest(parameters.get(name)) > _LARGE]
    causes += [f"lower {name} (it is {parameters[name]!r})" for name in large]
    if not causes:
        name = remedy or ("learning_rate" if hasattr(estimator, "learning_rate") else "regularization")
        verb = "lower" if name == "learning_rate" else "raise"
        value = getattr(estimator, name)
        causes = [f"{verb} {name}" + ("" if value is None else f" (it is {value!r})")]
    return ValueError(f"{what}; {' and '.join(causes)}")


def overflow(events: Any, what: str) -> ValueError:
    """The error that says what is not finite, and which numbers of some events are so large that they explain it."""
    large = [f"{name} up to {size:.6g}" for name, size in _sizes(events, of_values=True)]
    return ValueError(f"{what}: {' and '.join(large)} are too large; scale them down" if large else what)


def _sizes(events: Any, of_values: bool) -> Iterator[tuple[str, float]]:
    """What is large in some events, and how large."""
    arrays = {"ratings": events.values if of_values else None, "weights": events.weights}
    arrays |= {name.replace("_", " "): getattr(events, name) for name in ("user_features", "item_features")}
    for name, array in arrays.items():
        if (size := _largest(array)) > _LARGE:
            yield name, size


def _largest(values: Any) -> float:
    return 0.0 if values is None else float(np.abs(values.data if sp.issparse(values) else values).max(initial=0))
