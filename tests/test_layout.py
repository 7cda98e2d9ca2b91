"""The architecture, read from the source: who imports whom, and what stays unloaded until it is needed."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import skrec

PACKAGE = Path(__file__).parents[1] / "skrec"
LAYERS = [
    {"_process", "_checks", "_memory", "_threads", "_compiled"},
    {"data", "topk"},
    {"metrics"},
    {"base"},
    {"engine"},
    {"models", "datasets"},
    {"model_selection", "features", "retrieval", "inspection", "persistence", "export", "benchmark", "testing"},
]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
ROOT = ""  # the part that skrec/__init__.py is: it hands out names of every layer
WITHOUT_TORCH = {
    ROOT,
    "_process",
    "_checks",
    "_memory",
    "_threads",
    "_compiled",
    "data",
    "topk",
    "metrics",
    "base",
    "datasets",
    "model_selection",
    "features",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The file or folder directly inside skrec that a module belongs to."""
    return module.removeprefix("skrec").removeprefix(".").partition(".")[0]


def library_of(module: str) -> str:
    return module.partition(".")[0]


PATHS = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in PATHS.items()}


def imported_by(module: str, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The modules that the import statements among `nodes`, a part of `module`, name."""
    package = module if PATHS[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            members = [f"{source}.{alias.name}" for alias in node.names]
            yield from (member if member in TREES and source != "skrec" else source for member in members)


def executed_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: neither the insides of functions nor what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        for_types_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not for_types_only and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from executed_on_import(child)


IMPORTS = [(module, name) for module, tree in TREES.items() for name in imported_by(module, ast.walk(tree))]
INSIDE = [(module, name) for module, name in IMPORTS if name in TREES and "skrec" not in (module, name)]


def test_nothing_in_the_package_imports_its_root():
    assert [module for module, name in IMPORTS if name == "skrec"] == []


def test_every_part_of_the_package_has_a_layer():
    assert {part_of(module) for module in TREES} - {ROOT} <= LEVEL.keys()


def test_imports_go_down_the_layers():
    parts = {(part_of(module), part_of(name)) for module, name in INSIDE}
    across = {(user, used) for user, used in parts if user != used and user not in LAYERS[-1]}
    assert {(user, used) for user, used in across if LEVEL[used] >= LEVEL[user]} == set()


def test_no_model_imports_another_model():
    def is_model(module: str) -> bool:
        classes = [node.name for node in TREES[module].body if isinstance(node, ast.ClassDef)]
        return part_of(module) == "models" and any(name.endswith("Recommender") for name in classes)

    assert [(user, used) for user, used in INSIDE if is_model(user) and is_model(used)] == []


def test_modules_form_no_cycle():
    graph = {module: {name for user, name in INSIDE if user == module} for module in TREES}
    TopologicalSorter(graph).prepare()


def test_only_the_engine_imports_lightning():
    lightning = {"pytorch_lightning", "lightning", "lightning_fabric"}
    assert {part_of(module) for module, name in IMPORTS if library_of(name) in lightning} <= {"engine"}


@pytest.mark.parametrize("module", [module for module in TREES if part_of(module) in WITHOUT_TORCH])
def test_torch_is_not_imported_at_the_top_of(module):
    assert "torch" not in {library_of(name) for name in imported_by(module, executed_on_import(TREES[module]))}


def test_no_file_is_longer_than_450_lines():
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in PATHS.items()}
    assert {module: length for module, length in lengths.items() if length > 450} == {}


@pytest.mark.parametrize(
    ("library", "statements"),
    [
        ("torch", "import skrec, skrec.data, skrec.metrics"),
        ("pytorch_lightning", "import sklearn, skrec; sklearn.clone(skrec.MFRecommender())"),
    ],
)
def test_library_stays_unloaded(library, statements):
    probe = f"{statements}; import sys; print({library!r} in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", probe], text=True) == "False\n"


ENGINE_FOLDERS = ["batches", "networks", "losses", "fold_in", "objectives", "training", "als"]


def test_imports_go_down_the_folders_of_the_engine():
    def level(module: str) -> int:
        folder = module.removeprefix("skrec.engine.").partition(".")[0]
        return ENGINE_FOLDERS.index(folder) if folder in ENGINE_FOLDERS else len(ENGINE_FOLDERS)

    pairs = [pair for pair in INSIDE if all(name.startswith("skrec.engine.") for name in pair)]
    assert [(user, used) for user, used in pairs if level(used) > level(user)] == []


BUDGETS = {"MFRecommender": 25, "MultVAERecommender": 18, "NewsRecommender": 24}


@pytest.mark.parametrize(("estimator", "budget"), BUDGETS.items())
def test_signatures_stay_short(estimator, budget):
    parameters = inspect.signature(getattr(skrec, estimator)).parameters
    assert len(parameters) <= budget, f"{estimator} has {len(parameters)} parameters: {', '.join(parameters)}"


@pytest.mark.parametrize(
    "estimator",
    [cls for cls in skrec.all_estimators() if issubclass(cls, skrec.TorchRecommender)],
    ids=lambda cls: cls.__name__,
)
def test_neural_models_have_few_classes_in_their_line(estimator):
    assert len([cls for cls in estimator.__mro__ if cls.__module__.partition(".")[0] == "skrec"]) <= 6
