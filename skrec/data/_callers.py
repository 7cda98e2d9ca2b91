"""The stack level at which warnings are reported."""

import sys

# Libraries that call this package for a user, and the module of its decorators. A warning that points there is not helpful.
_INTERMEDIATE = {"contextlib", "joblib", "lightning_fabric", "pytorch_lightning", "skrec", "sklearn", "torch"}


def depth_of_caller() -> int:
    """The stack level of the user's code: the first frame outside this package and the libraries that call it."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INTERMEDIATE:
        depth, frame = depth + 1, frame.f_back
    return depth
