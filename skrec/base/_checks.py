"""Checks of parameters, in words."""

from numbers import Integral, Real
from typing import Any

import numpy as np


def check_int(value: Any, name: str, *, at_least: int, or_none: bool = False) -> None:
    """An integer, not a bool, of at least some size."""
    if value is None and or_none:
        return
    accepted = f"an integer of at least {at_least}" + (" or None" if or_none else "")
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def check_number(
    value: Any, name: str, *, above: float | None = None, at_least: float | None = None, below: float | None = None
) -> None:
    """A finite number, not a bool, within bounds."""
    bounds = {"above": above, "of at least": at_least, "below": below}
    within = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
    accepted = f"a finite number {within}".rstrip()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | np.floating):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    number = float(value)
    too_low = (above is not None and number <= above) or (at_least is not None and number < at_least)
    if not np.isfinite(number) or too_low or (below is not None and number >= below):
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def check_choice(value: Any, name: str, choices: tuple) -> None:
    """One of a few values."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_flag(value: Any, name: str) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
