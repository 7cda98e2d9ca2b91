"""Links to the manual in scikit-learn's diagrams."""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from itertools import takewhile
from typing import Any

_NAMED_BY_THE_ROOT = ("models", "engine", "features")  # packages with classes that the manual has as names of skrec


def link_template(estimator: Any) -> str:
    """Template of the link to the page of an estimator. Empty if the address of the manual is not known.

    The address is the environment variable ``SKREC_DOCS``, otherwise what the installed package states as "Documentation".
    """
    address = (os.environ.get("SKREC_DOCS") or _stated_address()).rstrip("/")
    return f"{address}/api/{{page}}.html" if address else ""


def link_parameters(self: Any) -> dict[str, str]:
    """Return what the template of the link needs: the public name of the class."""
    cls = type(self)
    root, *packages = takewhile(lambda part: not part.startswith("_"), cls.__module__.split("."))
    if packages and packages[0] in _NAMED_BY_THE_ROOT:
        packages = []
    return {"page": ".".join([root, *packages, cls.__name__])}


@cache
def _stated_address() -> str:
    try:
        urls = metadata("skrec").get_all("Project-URL", [])
    except PackageNotFoundError:  # the source tree is not installed
        return ""
    return dict(url.split(", ", 1) for url in urls).get("Documentation", "")
