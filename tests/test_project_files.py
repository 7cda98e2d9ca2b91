"""Files about the project agree with each other: versions, hooks, and the environments that pages name."""

import configparser
import re
from pathlib import Path

import pytest

import skrec

ROOT = Path(__file__).parents[1]
TOX = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini", encoding="utf-8")
PINS = set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def environments():
    """The names of tox's environments, with one for each combination of alternatives in braces."""
    names = {"py"}
    for section in TOX.sections():
        parts = re.split(r"\{([^}]*)\}", section.removeprefix("testenv:"))
        found = [""]
        for part in parts:
            found = [start + end for start in found for end in part.split(",")]
        names |= set(found)
    return names


def test_the_citation_has_the_version_of_the_package():
    assert f"\nversion: {skrec.__version__}\n" in text_of("CITATION.cff")


def test_the_hooks_run_what_lint_runs_in_the_versions_of_the_constraints():
    hooks = text_of(".pre-commit-config.yaml")
    entries = re.findall(r"entry: (.*)", hooks)
    commands = TOX["testenv:lint"]["commands"].strip().split("\n")
    without_tests = [command for command in commands if not command.startswith("pytest")]  # which import the package
    assert [entry.removesuffix(" --force-exclude") for entry in entries] == without_tests
    pins = {pin.strip() for listed in re.findall(r"additional_dependencies: \[(.*)\]", hooks) for pin in listed.split(",")}
    assert pins and pins <= PINS


def test_every_dependency_has_a_version_that_the_tests_are_run_with():
    declared = re.findall(r'^    "([\w-]+)>=', text_of("pyproject.toml"), re.MULTILINE)
    assert "numba" in declared
    assert {name.lower() for name in declared} <= {pin.partition("==")[0].lower() for pin in PINS}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/releasing.md"])
def test_the_environments_on_a_page_exist(page):
    named = {name for names in re.findall(r"tox -e ([\w,-]+)", text_of(page)) for name in names.split(",")}
    assert named and named <= environments()


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_the_files_that_a_page_links_to_exist(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page))
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
