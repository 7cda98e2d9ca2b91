"""Checks of parameters, in words."""

import os
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_ANSWER = 2**30
"""Bytes that an answer may take beyond what there is to answer."""

_NO_NUMBERS = (bool, np.bool_, np.timedelta64)  # which Python's or numpy's registers call numbers


def check_int(value: Any, name: str, *, at_least: int, or_none: bool = False) -> None:
    """An integer, not a bool, of at least some size."""
    if value is None and or_none:
        return
    accepted = f"an integer of at least {at_least}" + (" or None" if or_none else "")
    if isinstance(value, _NO_NUMBERS) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def check_n_jobs(n_jobs: Any) -> None:
    """A number of threads; -1 or None for all."""
    if n_jobs != -1:
        check_int(n_jobs, "n_jobs", at_least=1, or_none=True)


def check_number(
    value: Any,
    name: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """A finite number, not a bool, within bounds."""
    bounds = {"above": above, "of at least": at_least, "below": below, "at most": at_most}
    within = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
    accepted = f"a finite number {within}".rstrip()
    if isinstance(value, _NO_NUMBERS) or not isinstance(value, Real | np.floating):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond every float
        number = np.inf
    too_low = (above is not None and number <= above) or (at_least is not None and number < at_least)
    too_high = (below is not None and number >= below) or (at_most is not None and number > at_most)
    if not np.isfinite(number) or too_low or too_high:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def check_choice(value: Any, name: str, choices: tuple) -> None:
    """One of a few values, as Python's type or numpy's."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not any(type(plain) is type(choice) and plain == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def read_path(value: Any, name: str) -> Path:
    """A path that is not empty; "~" at its beginning is the user's home."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise TypeError(f"{name} must be a str or os.PathLike, got {value!r}")
    if not path or "\0" in path:
        raise ValueError(f"{name} must be a path, not empty and without null characters, got {value!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError(f"{name} must be a path of this machine, got {value!r}: {error}") from None


def check_flag(value: Any, name: str) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_list_length(k: Any, n_lists: int, n_candidates: int, what: str) -> None:
    """The length of the lists asked for: any from 1, as long as their padding fits into memory."""
    check_int(k, "k", at_least=1)
    if k > n_candidates and 12 * int(k) * n_lists > LARGEST_ANSWER:
        raise ValueError(f"k must be at most the number of {what}, {n_candidates}, for this many lists, got {k!r}")
