"""Checks of KeyboardInterrupt during training."""

import copy
import sys
from collections.abc import Callable
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any
from unittest import SkipTest

from sklearn.exceptions import NotFittedError

from skrec.base import BaseRecommender
from skrec.testing._data import likes, other_likes
from skrec.testing._fitting import assert_equal_answers, assert_raises, assert_same_attributes, fitted, fresh
from skrec.testing._process import global_state

Learn = Callable[[BaseRecommender], Any]


def check_interrupted_fit(estimator: BaseRecommender) -> None:
    """KeyboardInterrupt during `fit` is raised and leaves the model unchanged.

    A fitted model keeps its state, and an unfitted model stays unfitted.
    """
    expected = fitted(estimator, other_likes).recommend(k=8)
    unfitted = fresh(estimator)
    _interrupt(unfitted, lambda model: model.fit(likes()))
    assert_raises(NotFittedError, unfitted.recommend)
    model = fresh(estimator).fit(likes())
    _check_unchanged(model, lambda model: model.fit(other_likes()))
    assert_equal_answers(model.fit(other_likes()).recommend(k=8), expected, "a fit after an interrupted one")


def check_interrupted_partial_fit(estimator: BaseRecommender) -> None:
    """KeyboardInterrupt during `partial_fit` leaves the model unchanged."""
    model = fresh(estimator).fit(likes())
    try:
        _check_unchanged(model, lambda model: model.partial_fit(likes()[:7]))
    except NotImplementedError as reason:
        raise SkipTest(f"no partial_fit: {reason}") from reason


def _check_unchanged(model: BaseRecommender, learn: Learn) -> None:
    attributes, answer, process = vars(model).copy(), model.recommend(k=8), global_state()
    _interrupt(model, learn)
    after = global_state()
    assert_same_attributes(model, attributes, "interrupted training")
    changed = [name for name in process if process[name] != after[name]]
    assert not changed, f"interrupted training changed {', '.join(changed)}"
    assert_equal_answers(model.recommend(k=8), answer, "after interrupted training")


def _interrupt(model: BaseRecommender, learn: Learn) -> None:
    """Raise KeyboardInterrupt at the middle one of the calls during training."""
    n_calls = _calls_while_learning(copy.copy(model), learn, stop_at=None)
    try:
        _calls_while_learning(model, learn, stop_at=(n_calls + 1) // 2)
    except KeyboardInterrupt:
        return
    raise AssertionError("a KeyboardInterrupt was swallowed")


def _calls_while_learning(model: BaseRecommender, learn: Learn, *, stop_at: int | None) -> int:
    """Train, count calls of functions of skrec and of the model's modules from ``_fit`` on, and stop at one of them."""
    own_modules = {parent.__module__ for parent in type(model).__mro__}
    n_calls = 0

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal n_calls
        module = str(frame.f_globals.get("__name__"))
        if event != "call" or not (module in own_modules or module.startswith("skrec.")):
            return
        # a generator that is closed suppresses exceptions; a context manager cannot be interrupted safely between its block and
        # the first line of its ``__exit__``
        if frame.f_code.co_flags & CO_GENERATOR or module == "skrec._process":
            return
        if n_calls or frame.f_code.co_name.startswith(("_fit", "_partial_fit")):
            n_calls += 1
        if n_calls and n_calls == stop_at:
            raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        learn(model)
    finally:
        sys.setprofile(before)
    return n_calls
