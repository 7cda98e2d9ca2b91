"""What several test files share."""

import gc
import hashlib
import os
import sys
from dataclasses import replace

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# No deadlines: how long an example takes depends on what else the machine does. `tox -e slow` selects "thorough".
settings.register_profile("default", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=300)
settings.load_profile("default")


os.environ.setdefault("MPLBACKEND", "Agg")  # figures of tests are never shown


def pytest_collection_finish():
    """Keep the garbage collector from walking through thousands of collected tests in each collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def movielens_100k():
    """MovieLens 100K as published: skipped where SKREC_DATA is unset, an error where it is set to a wrong place."""
    if not os.environ.get("SKREC_DATA"):
        pytest.skip("SKREC_DATA does not say where the real data lie")
    from skrec.datasets import fetch_movielens

    return fetch_movielens("100k", download=False)


@pytest.fixture(autouse=True)
def close_figures():
    """Close the figures that a test has opened by pyplot, which would keep them."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """An empty cache, and no other place to look in."""
    monkeypatch.delenv("SKREC_DATA", raising=False)
    monkeypatch.setenv("SKREC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def declare_official(monkeypatch):
    """Declare some bytes the official zip of a small release, and return them."""
    from small_movielens import RATINGS

    from skrec.datasets._movielens import RELEASES

    def declare(name: str, content: bytes) -> bytes:
        official = replace(RELEASES[name], sha256=hashlib.sha256(content).hexdigest(), n_ratings=len(RATINGS))
        monkeypatch.setitem(RELEASES, name, official)
        return content

    return declare


@pytest.fixture
def small_releases(declare_official):
    """The small releases are official, as zips and as folders."""
    from small_movielens import FILES, folder_of, in_folder, zipped

    return {name: declare_official(name, zipped(in_folder(folder_of(name), make()))) for name, make in FILES.items()}


@pytest.fixture
def same_for_all():
    """A fitted model that ranks the items a, b, c, d, e for everybody."""
    from same_for_all import MODEL_SCORES, TRAIN, SameForAll

    return SameForAll(MODEL_SCORES).fit(TRAIN)


@pytest.fixture(scope="module")
def one_thread():
    """One thread, or OMP_NUM_THREADS: tiny models are slower on several, by far where other processes want the cores too."""
    with threadpool_limits(int(os.environ.get("OMP_NUM_THREADS", 1))):
        yield
