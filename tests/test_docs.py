"""The Python code on the pages of the documentation runs from top to bottom, without network and files."""

import doctest
import re
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from test_docstrings import MODULES, public_names
from threadpoolctl import threadpool_limits

from skrec import PairRecommender
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.testing import recommender_checks

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in WRITTEN if FENCED.search(page.read_text("utf-8"))]
TITLES = ["Fargo (1996)", "Star Wars (1977)"]  # the films that the pages name


def code_blocks(page):
    """Each block of Python on a page, and the number of lines above it."""
    text = page.read_text("utf-8")
    return [(textwrap.dedent(block[2]), text[: block.start(2)].count("\n")) for block in FENCED.finditer(text)]


def run(code, n_lines_above, page, names):
    """Execute code. If it has prompts, compare the output too."""
    if not code.startswith(">>> "):
        exec(compile("\n" * n_lines_above + code, page, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(code, names, page.name, page, n_lines_above)
    said = []
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append, clear_globs=False)
    assert results.failed == 0, "".join(said)
    names.update(test.globs)


@pytest.fixture
def invented_films(monkeypatch):
    """Make `fetch_movielens` return generated ratings of films, two of them with well-known titles."""
    films = make_interactions(200, 50, density=0.2, random_state=0)
    by_count = np.argsort(-np.bincount(films.interactions.items, minlength=50))
    titles = dict(zip(films.interactions.item_ids[by_count[:2]], TITLES))
    frame = films.frame.assign(item=films.frame["item"].replace(titles))
    films = replace(films, frame=frame, items=films.items.rename(index=titles), interactions=Interactions.from_frame(frame))
    monkeypatch.setattr("skrec.datasets.fetch_movielens", lambda name, **options: films)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_on_a_page_runs(page, invented_films, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # pickle looks for the classes of a page here
    with threadpool_limits(1):
        for code, n_lines_above in code_blocks(page):
            run(code, n_lines_above, page, vars(module))
    assert list(tmp_path.iterdir()) == []


def own_model():
    """The code of the network of the last lesson and of its recommender."""
    page = ROOT / "docs" / "course" / "6_own_model.md"
    (code,) = (code for code, _ in code_blocks(page) if "class GatedRecommender" in code)
    return code.partition("\ngated = ")[0]


@pytest.fixture
def gated(monkeypatch):
    module = ModuleType("gated")
    monkeypatch.setitem(sys.modules, "gated", module)
    exec(own_model(), vars(module))
    return module.GatedRecommender(loss="bpr", n_factors=8, max_epochs=40, learning_rate=0.05)


def test_the_network_of_the_course_takes_less_than_sixty_lines():
    assert "class Gated(" in own_model() and own_model().count("\n") < 60


@pytest.mark.slow
@pytest.mark.parametrize("check", recommender_checks(PairRecommender()), ids=lambda check: check.__name__)
def test_the_network_of_the_course_passes_the_checks_of_recommenders(check, gated):
    with threadpool_limits(1):
        check(gated)


def test_code_that_fails_or_prints_something_else_is_found():
    with pytest.raises(NameError):
        run("nothing_of_this_name\n", 0, Path("page.md"), {})
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run(">>> 1 + 1\n3\n", 0, Path("page.md"), {})


def test_the_reference_has_every_public_name():
    listed = set(re.findall(r"^   (\w+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE))
    public = {name for module in [*MODULES, "skrec.engine", "skrec.persistence"] for name in public_names(module)}
    assert public - listed == {"State"}  # an alias of a tuple
