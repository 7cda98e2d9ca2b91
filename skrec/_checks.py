"""Checks of arguments. Errors name the argument, what was given and what is accepted."""

import os
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

_NOT_NUMBERS = (bool, np.bool_, np.timedelta64)  # these are registered as numbers


def is_int(value: Any) -> bool:
    """Whether a value is an integer of Python or numpy. Bools and timedeltas are not."""
    return isinstance(value, Integral) and not isinstance(value, _NOT_NUMBERS)


def check_int(value: Any, name: str, *, at_least: int, or_none: bool = False) -> Any:
    """Return the value as an int.

    Parameters
    ----------
    value : object
        Value of the argument.
    name : str
        Name of the argument.
    at_least : int
        Smallest accepted value.
    or_none : bool, default=False
        Whether None is accepted and returned.

    Returns
    -------
    int or None
        The value.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If it is below ``at_least``.
    """
    if value is None and or_none:
        return None
    accepted = f"an integer of at least {at_least}" + (" or None" if or_none else "")
    if not is_int(value):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")
    return int(value)


def check_n_jobs(n_jobs: Any) -> None:
    """Check a number of threads. -1 and None mean all cores."""
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
    or_none: bool = False,
) -> Any:
    """Return the value as a finite float.

    Parameters
    ----------
    value : object
        Value of the argument.
    name : str
        Name of the argument.
    above, at_least, below, at_most : float, optional
        Bounds of the value. If None, not bounded.
    or_none : bool, default=False
        Whether None is accepted and returned.

    Returns
    -------
    float or None
        The value.

    Raises
    ------
    TypeError
        If the value is not a real number.
    ValueError
        If it is not finite or not within the bounds.
    """
    if value is None and or_none:
        return None
    bounds = {"above": above, "of at least": at_least, "below": below, "at most": at_most}
    within = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
    accepted = f"a finite number {within}".rstrip() + (" or None" if or_none else "")
    if isinstance(value, _NOT_NUMBERS) or not isinstance(value, Real):
        raise TypeError(f"{name} must be {accepted}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int that is too large for a float
        number = np.inf
    too_low = (above is not None and number <= above) or (at_least is not None and number < at_least)
    too_high = (below is not None and number >= below) or (at_most is not None and number > at_most)
    if not np.isfinite(number) or too_low or too_high:
        raise ValueError(f"{name} must be {accepted}, got {value!r}")
    return number


def check_fraction(value: Any, name: str) -> float:
    """Return a number between 0 and 1, exclusive, as a float. Errors are those of `check_number`."""
    return check_number(value, name, above=0, below=1)


def check_choice(value: Any, name: str, choices: tuple) -> None:
    """Raise ValueError if a value is not one of the choices, as a Python or numpy type."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not any(type(plain) is type(choice) and plain == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_no_class(value: Any, name: str) -> None:
    """Raise TypeError if a value is a class, where one of its objects is meant."""
    if isinstance(value, type):
        raise TypeError(f"{name} must not be a class, got {value.__name__}: pass an object, such as {value.__name__}(...)")


def check_flag(value: Any, name: str) -> None:
    """Raise TypeError if a value is not True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def read_path(value: Any, name: str) -> Path:
    """Return a path in which "~" at the beginning is replaced by the home directory of the user.

    Raises
    ------
    TypeError
        If the value is neither a str nor an os.PathLike of one.
    ValueError
        If it is empty, has null characters, or begins with the home directory of an unknown user.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise TypeError(f"{name} must be a str or os.PathLike, got {value!r}")
    if not path or "\0" in path:
        raise ValueError(f"{name} must be a path, not empty and without null characters, got {value!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError(f"{name} must be a path of this machine, got {value!r}: {error}") from None
