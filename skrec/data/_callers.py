"""Where a warning should point."""

import sys

# What calls this package on behalf of a user. A warning that points there would be of no use.
_INTERMEDIATE = {"joblib", "lightning_fabric", "pytorch_lightning", "skrec", "sklearn", "torch"}


def depth_of_caller() -> int:
    """Stack level of the user's own line: the first frame outside this package and the libraries that call it."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INTERMEDIATE:
        depth, frame = depth + 1, frame.f_back
    return depth
