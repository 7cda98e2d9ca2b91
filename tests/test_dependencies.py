"""What pyproject.toml declares: all that is imported and nothing else, from versions that are tested."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = SETTINGS["project"], SETTINGS["dependency-groups"]
EXTRAS = PROJECT["optional-dependencies"]
OF_USERS = [requirement for extra, requirements in EXTRAS.items() if extra != "test" for requirement in requirements]
IMPORTED_AS = {"faiss-cpu": "faiss", "mlflow-skinny": "mlflow", "scikit-learn": "sklearn", "umap-learn": "umap"}
IMPORTED_BY_OTHERS = {"alembic", "onnxscript", "sqlalchemy", "tensorboard"}  # by MLflow, torch and Lightning
PEERS = {"cornac", "surprise"}  # which benchmarks compare with if they are installed
REQUIREMENT = re.compile(r"(?P<name>[\w-]+)(?:>=(?P<least>[\d.]+))?")


def names(requirements):
    return {REQUIREMENT.match(requirement)["name"] for requirement in requirements}


def modules(requirements):
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names(requirements)}


def imports(folder):
    """The libraries that the files of a folder import, wherever they do it; nothing of Python's own or of the project."""
    found = set()
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    own = {path.stem for directory in ("tests", "benchmarks", "examples") for path in (ROOT / directory).rglob("*.py")}
    return found - set(sys.stdlib_module_names) - own - {"skrec"}


def test_every_dependency_is_imported_and_every_import_is_declared():
    declared = modules(PROJECT["dependencies"] + OF_USERS)
    assert imports("skrec") - {"pytest"} == declared - IMPORTED_BY_OTHERS  # which skrec.testing imports if it is there


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "examples"])
def test_what_is_not_in_the_package_imports_what_is_declared_too(folder):
    declared = modules(PROJECT["dependencies"] + OF_USERS + EXTRAS["test"] + GROUPS["tools"])
    assert imports(folder) - declared - (PEERS if folder == "benchmarks" else set()) == set()


def test_the_least_versions_are_those_that_are_tested():
    requirements = [
        REQUIREMENT.match(text) for text in PROJECT["dependencies"] + EXTRAS["parquet"] + EXTRAS["plot"] + EXTRAS["test"]
    ]
    least = {match["name"]: match["least"] for match in requirements if match["least"] and match["name"] != "pytest"}
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    assert dict(line.split("==") for line in lines if "==" in line) == least
