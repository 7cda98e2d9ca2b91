"""Configuration of Sphinx: ``tox -e docs`` builds the manual."""

import re
from importlib.metadata import version as installed_version

project = "skrec"
author = copyright = "skrec developers"
version = release = installed_version("skrec")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "_templates", "gallery", "sg_execution_times.rst"]  # the gallery is written to auto_examples
templates_path = ["_templates"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "py:obj"  # names in single backticks of docstrings

autosummary_generate = True
autodoc_typehints = "none"  # docstrings have the types
maximum_signature_line_length = 88
numpydoc_show_class_members = False

myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # lists of files are fenced by the name of a call

html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "header_links_before_dropdown": 6}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "download_all_examples": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),  # displays draw, and have nothing to print
}

# a name that ends in an underscore would be a reference in reStructuredText
FITTED = re.compile(r"(?<![\w`\\])(\w+)_(?![\w`])")
DECLARED = re.compile(r"^(\w+(?:, \w+)*)( : |$)")


def escape_fitted_attributes(app, what, name, obj, options, lines):
    """Escape the underscores of fitted attributes outside of backticks."""
    for place, line in enumerate(lines):
        declared = DECLARED.match(line)
        start = declared.end() if declared else 0
        parts = re.split(r"(`+[^`]*`+)", line[start:])
        parts[::2] = [FITTED.sub(r"\1\\_", part) for part in parts[::2]]
        lines[place] = line[:start] + "".join(parts)


def setup(app):
    # before numpydoc, which has the priority 500
    app.connect("autodoc-process-docstring", escape_fitted_attributes, priority=400)
