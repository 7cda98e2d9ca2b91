"""The example with Dask writes the lists of all users of a table, those of `recommend`."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import pyarrow
import pytest

import skrec
from skrec import ALSRecommender

pytestmark = pytest.mark.skipif(int(pyarrow.__version__.partition(".")[0]) < 16, reason="Dask needs pyarrow 16")
EXAMPLE = Path(__file__).parents[1] / "examples" / "dask_batch.py"


@pytest.fixture
def files(tmp_path):
    """A model, the files of a model and of users in several partitions, and a place for the lists."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((90, 30)) < 0.3)
    events = pd.DataFrame({"user": [f"u{x}" for x in users], "item": items})
    model = ALSRecommender(n_factors=4, random_state=0).fit(events)
    model.save(tmp_path / "model.skrec", include_events=False)
    (tmp_path / "users").mkdir()
    for part in range(3):
        table = pd.DataFrame(
            {"user": [f"u{x}" for x in range(40 * part, 40 * part + 40)], "age": 30}
        )  # the last 30 are unknown
        table.to_parquet(tmp_path / "users" / f"{part}.parquet")
    return model, tmp_path


def assert_complete(model, folder):
    lists = pd.read_parquet(folder / "lists")
    expected = model.recommend([f"u{x}" for x in range(120)], k=10, unknown="popular").to_frame()
    assert lists["user"].nunique() == 120 and lists.columns.tolist() == ["user", "item", "score", "rank"]
    lists, expected = (table.sort_values(["user", "rank"], ignore_index=True) for table in (lists, expected))
    pd.testing.assert_frame_equal(lists, expected, check_dtype=False, rtol=1e-5)


def test_lists_are_those_of_recommend_and_the_model_is_read_once(files, monkeypatch):
    model, folder = files
    monkeypatch.syspath_prepend(EXAMPLE.parent)  # Dask finds functions by the name of their module
    reads, example = [], importlib.import_module(EXAMPLE.stem)
    monkeypatch.setattr(skrec, "load", lambda path, load=skrec.load: reads.append(path) or load(path))
    with dask.config.set(scheduler="synchronous"):
        example.recommend_to_all(str(folder / "model.skrec"), str(folder / "users"), str(folder / "lists"))
    assert_complete(model, folder)
    assert len(list((folder / "lists").glob("*.parquet"))) == 3
    assert reads == [str(folder / "model.skrec")]


@pytest.mark.slow
def test_the_script_runs_on_a_cluster_of_processes(files):
    model, folder = files
    command = [sys.executable, str(EXAMPLE), *(str(folder / name) for name in ("model.skrec", "users", "lists"))]
    subprocess.run(command, check=True, timeout=500, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert_complete(model, folder)
