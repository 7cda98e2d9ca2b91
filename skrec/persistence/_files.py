"""Save and load estimators."""

import sys
from collections.abc import Iterable
from os import PathLike
from typing import Any

from skrec._checks import check_flag, read_path
from skrec._process import MutedWarning
from skrec._writing import atomic_update
from skrec.persistence._container import Content, read_content, write_content
from skrec.persistence._errors import ModelFormatError, NotStorable
from skrec.persistence._models import ModelReader, ModelWriter

FORMAT = 1
"""The number of the format of new files."""


class _LeftOutUnusable(ValueError):
    """A model cannot be made with the values that `load` was given."""


class _MutedWarnings(MutedWarning):
    """Warnings about parameters, which `fit` has given before."""

    category = UserWarning


def save(
    self: Any,
    path: str | PathLike,
    *,
    include_events: bool | None = None,
    include_history: bool = True,
    leave_out: str | Iterable[str] = (),
) -> None:
    """Write the estimator, fitted or not, to a file, which `skrec.load` reads. The file has no pickles.

    Parameters
    ----------
    path : str or os.PathLike
        A file in an existing folder. "~" is the user's home. An existing file is replaced when the new one is complete, and
        its permissions are kept.
    include_events : bool, default=None
        Whether the training events are written, which `partial_fit` needs. They are most of a small model. Without them, the
        loaded model makes the same recommendations to known and new users. If None, the value of ``include_history``.
        `NewsRecommender` needs its events.
    include_history : bool, default=True
        Whether it is written which items the known users have seen. If False, the loaded model does not leave out seen items
        of known users. Models that read the histories of users, such as `EASERecommender`, then give popular items to known
        users, and recommend to new users as before. `UserKNNRecommender` needs the histories.
    leave_out : str or iterable of str, default=()
        Names of parameters that are not written, such as ``"loss"`` or ``"estimator__loss"``. Callables and objects of other
        packages cannot be written. Pass their values to `skrec.load`.

    Raises
    ------
    OSError
        If the file cannot be written. An existing file stays unchanged.
    TypeError
        If a parameter or label cannot be written without pickle. The message has the names of the parameters.
    ValueError
        If the model cannot recommend without what is left out, or ``leave_out`` has a name that is not that of a parameter.
    """
    target = read_path(path, "path")
    check_flag(include_history, "include_history")
    if include_events and not len(getattr(self, "events_", "unfitted")):
        raise ValueError(f"include_events must not be True for this {type(self).__name__}, which has kept no training events")
    if include_events is None:
        include_events = include_history
    check_flag(include_events, "include_events")
    if include_events and not include_history:
        raise ValueError("include_events must be False or None with include_history=False, since events hold the histories")
    if hasattr(self, "vocabulary_"):
        with _MutedWarnings.muted:
            self._check_parameters()
        _check_needs(self, include_events, include_history)
    content = _content_of(self, include_events, include_history, _read_names(leave_out))
    with atomic_update(target) as file:
        write_content(file, content)


def _check_needs(model: Any, include_events: bool, include_history: bool) -> None:
    """Raise ValueError if a fitted model cannot recommend without what is left out."""
    name = type(model).__name__
    if model._answers_from_events and not include_events:
        raise ValueError(f"{name} needs its training events to recommend, so include_events must be True")
    if model._answers_from_histories and not include_history:
        raise ValueError(f"{name} needs the histories of its users to recommend, so include_history must be True")


def _read_names(leave_out: Any) -> list[str]:
    names = [leave_out] if isinstance(leave_out, str) or not isinstance(leave_out, Iterable) else list(leave_out)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"leave_out must hold names of parameters, got {leave_out!r}")
    return names


def _content_of(model: Any, include_events: bool, include_history: bool, left_out: list[str]) -> Content:
    writer = ModelWriter(includes_events=include_events, includes_history=include_history, left_out=left_out)
    name = type(model).__name__
    try:
        node = writer.estimator(model)
    except NotStorable as error:
        raise TypeError(f"{name} cannot be saved: it has {error}") from error
    if writer.unused:
        raise ValueError(f"leave_out must hold names of parameters of {name}, got {sorted(writer.unused)}")
    if writer.replaced:
        reasons = "; ".join(f"{path} was {reason}" for path, reason in writer.replaced.items())
        raise TypeError(
            f"{name} cannot be saved: parameters were set after fit, and their values at the fit, by which the model answers, "
            f"cannot be written: {reasons}. Set them to these values again, or fit again"
        )
    if writer.unstorable:
        reasons = "; ".join(f"{path} has {reason}" for path, reason in writer.unstorable.items())
        raise TypeError(
            f"{name} cannot be saved: {reasons}. Pass leave_out={list(writer.unstorable)!r}, and give the values to skrec.load"
        )
    document = {
        "format": FORMAT,
        "skrec": sys.modules["skrec"].__version__,
        "left_out": left_out,
        "tables": writer.tables,
        "model": node,
    }
    return Content(document, writer.tensors)


def load(path: str | PathLike, **left_out: Any) -> Any:
    """Load an estimator that ``save`` has written.

    No code from the file is run. It has no pickles, and only classes of this package, and those that
    `skrec.persistence.register` has registered, are created. Files of other people may still hold a model that makes useless
    or harmful recommendations.

    Parameters
    ----------
    path : str or os.PathLike
        The file. "~" is the user's home.
    **left_out : object
        Values of the parameters that were named in ``leave_out`` when the model was saved, such as ``loss=my_loss``.

    Returns
    -------
    estimator
        The estimator, on the CPU, with the same parameters. It gives the same answers as the saved one on the same machine with
        the same versions of the libraries.

    Raises
    ------
    OSError
        If the file does not exist or cannot be read.
    ModelFormatError
        If it is not a saved model, is damaged, or has a newer format. It is a ValueError.
    ValueError
        If ``left_out`` does not have the names of the parameters that were left out, or the model cannot be made with a value.

    Examples
    --------
    >>> import skrec
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     skrec.PopularityRecommender().fit([[1, 1, 0], [0, 1, 1]]).save(f"{folder}/popular.skrec")
    ...     model = skrec.load(f"{folder}/popular.skrec")
    >>> model.recommend([0], k=1).items.tolist()
    [[2]]
    """
    target = read_path(path, "path")
    try:
        content = read_content(target)
        names = _left_out_of(content.document)
        if left_out.keys() == names:
            return _estimator_of(content, left_out)
    except (OSError, ImportError, _LeftOutUnusable):
        raise
    except Exception as error:  # whatever the content of a file leads to
        reason = error if isinstance(error, ModelFormatError) else f"its content is not valid: {type(error).__name__}: {error}"
        raise ModelFormatError(f"{target} cannot be loaded: {reason}") from error
    raise ValueError(
        f"{target} was saved without the values of the parameters {sorted(names)}, which load must get as keywords and no "
        f"others, got {sorted(left_out)}"
    )


def _estimator_of(content: Content, left_out: dict[str, Any]) -> Any:
    reader = ModelReader(content.tensors, content.document["tables"], left_out)
    try:
        with _MutedWarnings.muted:
            return reader.estimator(content.document["model"])
    except (OSError, ImportError):
        raise
    except Exception as error:  # whatever a value leads to
        if not left_out:
            raise
        raise _LeftOutUnusable(
            f"{', '.join(left_out)} must be what the model was saved with, got "
            f"{', '.join(f'{name}={value!r}' for name, value in left_out.items())}: {type(error).__name__}: {error}"
        ) from error


def _left_out_of(document: dict[str, Any]) -> set[str]:
    """The names of the parameters that a file lacks, if it has a known format."""
    if document.get("format") != FORMAT:
        raise ModelFormatError(
            f"it has the format {document.get('format')!r} of skrec {document.get('skrec')!r}, and this version reads {FORMAT}"
        )
    names = document["left_out"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelFormatError("its document is not valid")
    return set(names)
