"""Recommendations as ONNX graphs."""

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_choice, check_flag, check_int, read_path
from skrec._memory import blocks
from skrec._writing import atomic_update
from skrec.data import Interactions
from skrec.export._graph import Graph, Port, Value
from skrec.export._lists import Catalog, best_items
from skrec.export._rows import StoredRows
from skrec.export._scores import ProductScores, RowSumScores, Scores
from skrec.export._states import History, States
from skrec.topk import Products

_LABELS_VERSION = 1
_USERS = 2**14  # whose states are computed at once


def to_onnx(
    self: Any,
    path: str | os.PathLike,
    *,
    inputs: Literal["user", "history"] = "user",
    k: int = 10,
    exclude_seen: bool = True,
    labels: str | os.PathLike | None = None,
) -> list[Path]:
    """Write the recommendations of the fitted model as an ONNX file, which runs without Python and without this package.

    Requires onnx. The file recommends as `recommend` does: users without an event that the model learns from get the most
    popular items, items that are not in ``known_items_`` come last, and lists that are too short are padded with -1 and NaN.

    The graph has these inputs, with any number of users in a batch. All codes are int64.

    - ``user``, shape (batch,): codes of known users, which are positions in ``user_ids_``. -1 is an unknown user. Only with
      ``inputs="user"``.
    - ``history``, shape (batch, n_history): item codes of the users' positive events in the order of time, padded at the end
      with -1. Only with ``inputs="history"``. The order matters only to models that read it.
    - ``values``, float32 of the same shape: values of these events. Only with ``inputs="history"``, and only if the model
      learns from values, as `ALSRecommender` and models of ratings do. Their histories contain all events.
    - ``exclude``, shape (batch, n_exclude): codes of further items that are left out, padded with -1. May have no columns.

    The outputs are ``items``, int64 of shape (batch, k), codes which are positions in ``item_ids_``, and ``scores``, float32 of
    the same shape.

    Parameters
    ----------
    path : str or os.PathLike
        A file in an existing folder. "~" is the user's home. An existing file is replaced when the new one is complete. Weights
        of almost 2 GiB or more do not fit in the file. They are written to a second one, which has the same name followed by
        ".data" and must stay in the same folder.
    inputs : {"user", "history"}, default="user"
        Whether the graph reads the codes of known users or the histories of new ones. A graph that reads codes contains what
        the model knows about all users.
    k : int, default=10
        Length of the lists.
    exclude_seen : bool, default=True
        Whether items that the user has interacted with are left out. With ``inputs="user"`` the items in ``seen_`` are stored
        in the graph. With ``inputs="history"`` these are the items of the history.
    labels : str or os.PathLike, optional
        A JSON file for the labels: an object with "format", "version", "items" and, with ``inputs="user"``, "users". The last
        two are arrays of labels in the order of their codes, or null if the model has no labels.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    NotImplementedError
        If the model's scores, or the states of its new users, cannot be written as a graph.
    ValueError
        If ``labels`` is the same file as ``path``.
    TypeError
        If a label is neither text nor a number, and ``labels`` is given.
    OSError, ImportError
        If a file cannot be written, or onnx is not installed.
    """
    check_is_fitted(self)
    target = read_path(path, "path")
    check_choice(inputs, "inputs", ("user", "history"))
    check_int(k, "k", at_least=1)
    check_flag(exclude_seen, "exclude_seen")
    beside = None if labels is None else (read_path(labels, "labels"), _labels(self, inputs))
    if beside is not None and beside[0] in (target, _place_of_weights(target)):
        raise ValueError(f"labels must be another file than path, got {labels!r}")
    _check_installed()
    graph = _graph(self, inputs, k, exclude_seen=exclude_seen)
    files = _write(target, graph, k, {"estimator": type(self).__name__, "inputs": inputs})
    if beside is not None:
        with atomic_update(beside[0]) as file:
            file.write(json.dumps(beside[1], ensure_ascii=False).encode())
        files.append(beside[0])
    return files


def _exported_scores(model: Any) -> Scores:
    is_described = _is_described(model, "_score", by="_exported_scores")
    return model._exported_scores() if is_described else scores_of_formula(model)


def _is_described(model: Any, method: str, *, by: str) -> bool:
    """Whether a method has a description for graphs. A class outside of this package may override the method alone."""
    owner = next(base for base in type(model).__mro__ if method in vars(base))
    return hasattr(model, by) and (owner.__module__.startswith("skrec.") or by in vars(owner))


def scores_of_formula(model: Any) -> Scores:
    """The scores of a model with a formula.

    Raises
    ------
    NotImplementedError
        If it has none.
    """
    formula = model._formula()
    rating = formula.rating if isinstance(formula, Products) else None
    if formula is None or (rating is not None and not hasattr(rating, "bounds")):
        raise NotImplementedError(f"to_onnx needs scores of a known formula, which {type(model).__name__} does not have")
    scores = ProductScores if isinstance(formula, Products) else RowSumScores

    def states() -> Iterator[Any]:
        return (model._known_state(np.arange(model.n_users_)[users]) for users in blocks(model.n_users_, _USERS))

    return scores(formula, states)


def exported_states(model: Any) -> States:
    """The states of new users of a model, by its method ``_exported_state``.

    Raises
    ------
    NotImplementedError
        If it has none.
    """
    if not _is_described(model, "_new_state", by="_exported_state"):
        raise NotImplementedError(
            f"to_onnx(inputs='history') has no graph of the states of new users of {type(model).__name__}"
        )
    return model._exported_state()


def _check_installed() -> None:
    if find_spec("onnx") is None:
        raise ImportError("to_onnx needs onnx: pip install 'skrec[onnx]'")


def _graph(model: Any, inputs: str, k: int, *, exclude_seen: bool) -> tuple[Graph, dict[str, Value]]:
    """The graph and its outputs."""
    graph, scores = Graph(), _exported_scores(model)
    if inputs == "user":
        state, is_familiar, hidden = _known_users(graph, model, scores, exclude_seen=exclude_seen)
    else:
        state, is_familiar, hidden = _new_users(graph, model, exclude_seen=exclude_seen)
    hidden.append(graph.input("exclude", np.int64, ["batch", "n_exclude"]))
    catalog = Catalog(k, model._familiar_items, model.popularity_)
    items, values = best_items(graph, scores.of(graph, state), catalog, is_familiar_user=is_familiar, hidden=hidden)
    return graph, {"items": items, "scores": values}


def _known_users(graph: Graph, model: Any, scores: Scores, *, exclude_seen: bool) -> tuple[Any, Value | None, list[Value]]:
    """State of known users, whether each is familiar, and their seen items."""
    users = graph.input("user", np.int64, ["batch"])
    is_familiar = np.append(model._familiar_users(np.arange(model.n_users_)), False)  # the last one stands for unknown users
    hidden = [StoredRows(graph, model.seen_).padded(users)[0]] if exclude_seen else []
    return scores.known(graph, users), graph.gather(graph.constant(is_familiar), users), hidden


def _new_users(graph: Graph, model: Any, *, exclude_seen: bool) -> tuple[Any, Value | None, list[Value]]:
    """The same for the users of histories."""
    states, shape = exported_states(model), ["batch", "n_history"]
    items = graph.input("history", np.int64, shape)
    values = graph.input("values", np.float32, shape) if states.reads_values else None
    history = History(graph, items, values, model.n_items_, is_positive=_threshold(model))
    nobody = Interactions.from_arrays([], [], n_users=1, n_items=model.n_items_)
    is_familiar = None if model._familiar_histories(nobody).all() else history.is_familiar()
    return states.of(history), is_familiar, [items] if exclude_seen else []


def _threshold(model: Any) -> Callable[[Value], Value] | None:
    """Which values are those of positive events, None if all are."""
    if model._predicts_ratings:
        return None
    threshold = model.positive_from_
    return lambda values: values > 0 if threshold is None else values >= float(threshold)


def _write(target: Path, graph_and_outputs: tuple[Graph, dict[str, Value]], k: int, properties: dict[str, str]) -> list[Path]:
    from skrec.export import _proto

    graph, outputs = graph_and_outputs
    ends = [Port(graph.named(value, name).name, value.dtype, ["batch", k]) for name, value in outputs.items()]
    model, files = _proto.model_of(graph, ends, properties), [target]
    if sum(array.nbytes for array in graph.weights.values()) < _proto.MAX_BYTES:
        _proto.store_inside(model, graph.weights)
    else:
        beside = _place_of_weights(target)
        with atomic_update(beside) as file:
            _proto.store_beside(model, graph.weights, file, beside.name)
        files.append(beside)
    with atomic_update(target) as file:
        file.write(model.SerializeToString())
    return files


def _place_of_weights(target: Path) -> Path:
    return target.with_name(f"{target.name}.data")


def _labels(model: Any, inputs: str) -> dict[str, Any]:
    users = {"users": _as_json(model.user_ids_, "users")} if inputs == "user" else {}
    return {"format": "skrec.labels", "version": _LABELS_VERSION, **users, "items": _as_json(model.item_ids_, "items")}


def _as_json(labels: NDArray | None, of: str) -> list[Any] | None:
    if labels is None:
        return None
    values = labels.tolist()
    for value in values:
        if not isinstance(value, str | int | float):
            raise TypeError(f"labels of {of} must be text or numbers to be written as JSON, got {value!r}")
    return values
