"""The architecture, read from the source: who imports whom, and what stays unloaded until it is needed."""

import ast
import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path

import pytest
from small_models import model, two_camps

import skrec
from skrec.base._scikit_learn import postponed

PACKAGE = Path(__file__).parents[1] / "skrec"
LAYERS = [
    {"_process", "_checks", "_lazy", "_memory", "_compiled", "_writing"},
    {"_threads"},
    {"data", "topk"},
    {"metrics", "export", "persistence", "retrieval"},
    {"base"},
    {"engine"},
    {"models", "datasets"},
    {"model_selection", "features", "benchmark", "testing", "inspection", "reranking", "tuning"},
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
    "_lazy",
    "_writing",
    "data",
    "topk",
    "metrics",
    "export",
    "persistence",
    "retrieval",
    "base",
    "datasets",
    "model_selection",
    "features",
    "inspection",
    "reranking",
    "tuning",
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


def test_no_model_imports_another_model_but_for_a_default():
    def is_model(module: str) -> bool:
        classes = [node.name for node in TREES[module].body if isinstance(node, ast.ClassDef)]
        return part_of(module) == "models" and any(name.endswith("Recommender") for name in classes)

    defaults = [("skrec.models._cold_start", "skrec.models._mf")]
    assert [(user, used) for user, used in INSIDE if is_model(user) and is_model(used)] == defaults


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


def loaded_after(statements: str, *arguments: str) -> set[str]:
    """Return which of some slow libraries are loaded in a new process after some statements."""
    slow = {"torch", "pytorch_lightning", "numba", "scipy.stats", "scipy.special", "numpy.f2py", "numpy.testing"}
    probe = f"{statements}\nimport sys\nprint(*(sys.modules.keys() & {slow}))"
    return set(subprocess.check_output([sys.executable, "-c", probe, *arguments], text=True).split())


USED_BY_SKLEARN = {"scipy.stats", "scipy.special", "numpy.f2py", "numpy.testing"}


@pytest.mark.parametrize(
    ("statements", "loaded"),
    [
        ("import skrec, skrec.models, skrec.metrics, skrec.data, skrec.inspection, skrec.reranking", set()),
        ("from skrec import ALSRecommender, EASERecommender, Interactions, get_scorer", set()),
        ("from skrec import ALSRecommender as A; from numpy import eye; A(n_factors=2).fit(eye(4)).recommend(k=1)", set()),
        ("from skrec import ALSRecommender, compare; from skrec.model_selection import k_core", USED_BY_SKLEARN),
        ("import sklearn, skrec; sklearn.clone(skrec.MFRecommender())", USED_BY_SKLEARN | {"torch"}),
    ],
)
def test_statements_load_no_other_libraries(statements, loaded):
    assert loaded_after(statements) <= loaded


POSTPONED_MODULES = """
import sys
import numpy as np
import skrec.base
import scipy
from sklearn.utils import _array_api
assert scipy.special is sys.modules["scipy.special"] and scipy.special.expit(0.0) == 0.5
assert scipy.stats is sys.modules["scipy.stats"] and scipy.stats.norm.cdf(0) == 0.5
assert np.testing is sys.modules["numpy.testing"] and np.f2py is sys.modules["numpy.f2py"]
assert _array_api.special.expit(0.0) == 0.5
"""


def test_postponed_modules_are_the_real_ones_when_they_are_used():
    subprocess.run([sys.executable, "-c", POSTPONED_MODULES], check=True)


USE_OF_MODELS_WITHOUT_A_NETWORK = """
import pickle
import warnings
import numpy as np
from scipy.sparse import csr_array
from sklearn.model_selection import KFold, cross_val_score
from skrec import (
    ALSRecommender, EASERecommender, Interactions, ItemKNNRecommender, MarkovRecommender, PopularityRecommender,
    RandomRecommender, SLIMRecommender, UserKNNRecommender, compare, get_scorer
)
warnings.simplefilter("ignore")
data = Interactions.from_csr(csr_array(np.random.default_rng(0).random((30, 12)) < 0.3, dtype=float))
models = [
    ALSRecommender(n_factors=2, max_epochs=2, n_jobs=1, random_state=0), EASERecommender(), ItemKNNRecommender(),
    MarkovRecommender(), PopularityRecommender(), RandomRecommender(random_state=0), SLIMRecommender(n_jobs=1),
    UserKNNRecommender(),
]
for model in models:
    model = pickle.loads(pickle.dumps(model.fit(data)))
    model.predict(data)
    model.recommend(k=3)
    model.recommend(csr_array(np.ones((2, 12))), k=3, exclude_seen=False)
    model.recommend_users([0], k=3)
    if isinstance(model, ALSRecommender | EASERecommender | ItemKNNRecommender):
        model.similar_items([0], k=3)
    get_scorer("ndcg@10")(model, data)
    cross_val_score(model, data, scoring=get_scorer("recall@5"), cv=KFold(2, shuffle=True, random_state=0))
compare(models[1:3], data, "ndcg@10", baseline="EASERecommender", random_state=0)
"""


def test_models_without_a_network_use_no_torch():
    assert "torch" not in loaded_after(USE_OF_MODELS_WITHOUT_A_NETWORK)


def test_a_network_is_unpickled_and_used_without_lightning(tmp_path):
    file = tmp_path / "model.pickle"
    file.write_bytes(pickle.dumps(model(loss="mse").fit(two_camps())))
    use = """
import pickle, sys
from pathlib import Path
import sklearn
model = pickle.loads(Path(sys.argv[1]).read_bytes())
model.recommend(k=2), model.predict(model.events_), model.similar_items([0], k=1), model.recommend(model.events_[:3], k=2)
sklearn.clone(model)
"""
    assert "pytorch_lightning" not in loaded_after(use, str(file))


PACKAGES_OF_LAZY_NAMES = ["skrec", "skrec.models"]


@pytest.mark.parametrize("package", PACKAGES_OF_LAZY_NAMES)
def test_type_checkers_see_the_names_that_are_loaded_on_first_use(package):
    blocks = [node for node in TREES[package].body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [(node.module, alias) for block in blocks for node in block.body for alias in node.names]
    # an import without "as" is not public for type checkers
    assert all(alias.asname == alias.name for _, alias in imports)
    defined = {node.name for node in TREES[package].body if isinstance(node, ast.FunctionDef)}
    assert sorted({alias.name for _, alias in imports} | defined) == sorted(import_module(package).__all__)
    for module, alias in imports:
        assert getattr(import_module(package), alias.name) is getattr(import_module(module), alias.name)


@pytest.mark.parametrize("package", PACKAGES_OF_LAZY_NAMES)
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Unknown'"):
        import_module(package).Unknown  # noqa: B018


@pytest.fixture
def unloaded():
    """A module that is not loaded before and after the test."""
    name = "colorsys"
    sys.modules.pop(name, None)
    yield name
    sys.modules.pop(name, None)


def test_the_import_of_a_module_is_postponed(unloaded):
    with postponed(unloaded):
        import_module(unloaded)
    assert unloaded not in sys.modules


def test_a_postponed_module_can_be_used(unloaded):
    with postponed(unloaded):
        stand_in = import_module(unloaded)
        assert stand_in.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
        assert sys.modules[unloaded] is not stand_in
    assert sys.modules[unloaded].rgb_to_hsv is stand_in.rgb_to_hsv


def test_an_error_in_the_block_ends_the_postponement(unloaded):
    with pytest.raises(OSError), postponed(unloaded):
        raise OSError
    assert unloaded not in sys.modules


def test_a_loaded_module_is_not_postponed():
    with postponed("ast"):
        assert sys.modules["ast"] is ast
    assert sys.modules["ast"] is ast


ENGINE_FOLDERS = ["batches", "networks", "losses", "fold_in", "objectives", "training", "als"]


def test_imports_go_down_the_folders_of_the_engine():
    def level(module: str) -> int:
        folder = module.removeprefix("skrec.engine.").partition(".")[0]
        return ENGINE_FOLDERS.index(folder) if folder in ENGINE_FOLDERS else len(ENGINE_FOLDERS)

    pairs = [pair for pair in INSIDE if all(name.startswith("skrec.engine.") for name in pair)]
    assert [(user, used) for user, used in pairs if level(used) > level(user)] == []


BUDGETS = {"MFRecommender": 26, "MultVAERecommender": 18, "NewsRecommender": 24}


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
