"""Links to the manual in scikit-learn's diagrams."""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from itertools import takewhile
from typing import Any, ClassVar


class ManualLinks:
    """Base of classes with a page in the manual. Their diagram has a link to it if the address of the manual is known."""

    _doc_link_module: ClassVar[str] = "skrec"

    @property
    def _doc_link_template(self) -> str:
        address = manual_address()
        return f"{address}/api/{{page}}.html" if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, Any]:
        import skrec

        cls = type(self)
        packages = takewhile(lambda part: not part.startswith("_"), cls.__module__.split("."))
        module = "skrec" if cls.__name__ in skrec.__all__ else ".".join(packages)
        return {"page": f"{module}.{cls.__name__}"}


def manual_address() -> str:
    """Address of the manual: ``SKREC_DOCS``, otherwise what the package states as "Documentation", otherwise empty."""
    return (os.environ.get("SKREC_DOCS") or _stated_address()).rstrip("/")


@cache
def _stated_address() -> str:
    try:
        urls = metadata("skrec").get_all("Project-URL", [])
    except PackageNotFoundError:  # the source tree is not installed
        return ""
    return dict(url.split(", ", 1) for url in urls).get("Documentation", "")
