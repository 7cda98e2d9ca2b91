"""Other tools with their own packages, which `tox -e tools` installs: wandb, MLflow, Optuna's search and notebooks."""

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, KFold
from small_models import N_BATCHES, N_EPOCHS, likes, model

from skrec import TrainingLog, get_scorer

pytestmark = pytest.mark.tools
EXAMPLE = Path(__file__).parents[1] / "examples" / "mlflow_model.py"
NDCG = get_scorer("ndcg@5")
SETTINGS = {"early_stopping": "ndcg@10"}


@pytest.fixture
def current_folder(tmp_path, monkeypatch):
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    return tmp_path / "current"


def search_of(logger):
    """A search of two candidates on two folds, and the fit of the best on all data: five runs."""
    return GridSearchCV(model(logger=logger, **SETTINGS), {"n_factors": [2, 3]}, cv=KFold(2), scoring=NDCG).fit(likes())


# ---- MLflow ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mlflow(monkeypatch):
    for name, value in {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return pytest.importorskip("mlflow")


@pytest.mark.filterwarnings("ignore::Warning:(mlflow|sqlalchemy|alembic|pydantic).*")
def test_mlflow_has_a_run_for_each_fit(mlflow, tmp_path, current_folder):
    log = TrainingLog("mlflow", folder=tmp_path / "runs", project="films", name="tuned")
    uri = mlflow.get_tracking_uri()
    search = search_of(log)
    assert mlflow.get_tracking_uri() == uri and list(current_folder.iterdir()) == []
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("films")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    assert [run.data.params["n_factors"] for run in runs] == ["2", "2", "3", "3", str(search.best_params_["n_factors"])]
    assert {run.info.status for run in runs} == {"FINISHED"} and all(run.info.run_name.startswith("tuned-") for run in runs)
    last = client.get_metric_history(runs[-1].info.run_id, "ndcg_at_10")
    np.testing.assert_allclose([metric.value for metric in last], search.best_estimator_.history_["ndcg@10"])
    assert [metric.step for metric in last] == list(range(N_EPOCHS))
    assert runs[-1].data.params["estimator"] == "MFRecommender" and runs[-1].data.params["n_events"] == "50"


@pytest.mark.filterwarnings("ignore::Warning:(mlflow|sqlalchemy|alembic|pydantic).*")
def test_a_failed_fit_is_a_failed_run_of_the_server_in_the_environment(mlflow, tmp_path, monkeypatch, current_folder):
    from pytorch_lightning import Callback

    class Fails(Callback):
        def on_train_epoch_end(self, trainer, training):
            raise OSError("full")

    uri = f"sqlite:///{tmp_path / 'server.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(OSError, match="full"):
        model(logger="mlflow", trainer={"callbacks": Fails()}).fit(likes())
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("skrec").experiment_id])
    assert run.info.status == "FAILED" and run.info.run_name.startswith("MFRecommender-")
    assert list(current_folder.iterdir()) == []


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("label", [int, "user {}".format], ids=["integers", "strings"])
def test_mlflow_serves_a_saved_model(mlflow, label, tmp_path, monkeypatch, current_folder):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.create_experiment("films", artifact_location=(tmp_path / "artifacts").as_uri())
    mlflow.set_experiment("films")
    frame = likes().to_frame()
    frame["user"] = frame["user"].map(label)
    fitted = model().fit(frame)
    logged = runpy.run_path(str(EXAMPLE))["log_recommender"](fitted, "recommender")
    mlflow.end_run()
    assert logged.signature.inputs.input_names() == ["user"] and logged.signature.params.params[0].name == "k"
    assert logged.signature.outputs.input_names() == ["user", "item", "score", "rank"]
    loaded, users = mlflow.pyfunc.load_model(logged.model_uri), fitted.user_ids_[:3]
    answer = loaded.predict(pd.DataFrame({"user": users}), params={"k": 2})
    pd.testing.assert_frame_equal(answer, fitted.recommend(users, k=2).to_frame())
    assert len(loaded.predict(pd.DataFrame({"user": [label(99)]}))) > 0  # the popular items
    with pytest.raises(mlflow.exceptions.MlflowException, match="user"):
        loaded.predict(pd.DataFrame({"person": users}))


# ---- wandb -----------------------------------------------------------------------------------------------------------


def records_of(file):
    """The records of an offline run: parts of them lie in blocks of 32 KiB, each with a checksum, its length and its place."""
    from wandb.proto import wandb_internal_pb2

    content, start, record, records = file.read_bytes(), 7, b"", []
    while start < len(content):
        if 2**15 - start % 2**15 < 7:  # no space for the head of a part
            start += 2**15 - start % 2**15
            continue
        n_bytes, place = int.from_bytes(content[start + 4 : start + 6], "little"), content[start + 6]
        record += content[start + 7 : start + 7 + n_bytes]
        start += 7 + n_bytes
        if place in (1, 4):  # whole, or the last part
            records.append(wandb_internal_pb2.Record.FromString(record))
            record = b""
    return records


@pytest.mark.filterwarnings("ignore::Warning:(wandb|pydantic).*")
def test_wandb_has_a_run_for_each_fit(tmp_path, monkeypatch, current_folder, capfd):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    search = search_of(TrainingLog("wandb", folder=tmp_path / "runs", project="films", name="tuned"))
    assert wandb.run is None and capfd.readouterr() == ("", "") and list(current_folder.iterdir()) == []
    files = sorted((tmp_path / "runs").rglob("*.wandb"), key=os.path.getmtime)
    assert len(files) == 5
    factors, last = [], []
    for file in files:
        records = records_of(file)
        config = {update.key: update.value_json for record in records for update in record.run.config.update}
        config |= {update.key: update.value_json for record in records for update in record.config.update}
        factors.append(config["n_factors"])
        assert config["estimator"] == '"MFRecommender"'
        names = {record.run.display_name for record in records if record.HasField("run")}
        assert all(name.startswith("tuned-") for name in names) and {r.run.project for r in records if r.HasField("run")} == {
            "films"
        }
        history = [
            {item.key or item.nested_key[0]: item.value_json for item in r.history.item}
            for r in records
            if r.HasField("history")
        ]
        last = [float(row["ndcg@10"]) for row in history]
        assert any(record.HasField("exit") and record.exit.exit_code == 0 for record in records)
    assert factors == ["2", "2", "3", "3", str(search.best_params_["n_factors"])]
    np.testing.assert_allclose(last, search.best_estimator_.history_["ndcg@10"])


@pytest.mark.filterwarnings("ignore::Warning:(wandb|pydantic).*")
def test_a_run_of_wandb_of_the_users_own_stays_open(tmp_path, monkeypatch, current_folder):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    (tmp_path / "own").mkdir()
    with wandb.init(project="own", dir=tmp_path / "own") as own:
        model(logger=TrainingLog("wandb", folder=tmp_path / "runs")).fit(likes())
        assert wandb.run is own and len(list((tmp_path / "runs").rglob("*.wandb"))) == 1
        own.log({"still": 1})


# ---- Optuna ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("form", ["events", "matrix", "table and ratings"])
def test_the_search_of_optuna_tunes_a_model(form):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    frame = likes().to_frame()
    data = {
        "events": (likes(),),
        "matrix": (likes().to_csr(),),
        "table and ratings": (frame[["user", "item"]], frame["rating"]),
    }
    search = integration.OptunaSearchCV(
        model(),
        {"n_factors": optuna.distributions.IntDistribution(2, 5)},
        cv=KFold(2, shuffle=True, random_state=0),
        scoring=NDCG,
        n_trials=3,
        random_state=0,
        verbose=0,
    ).fit(*data[form])
    assert len(search.trials_) == 3 and np.isfinite(search.best_score_)
    assert search.best_estimator_.n_factors == search.best_params_["n_factors"]
    assert search.best_estimator_.recommend([0], k=2).items.shape == (1, 2)


# ---- notebooks -------------------------------------------------------------------------------------------------------

FIT = "model(verbose=1).fit(likes())"


def outputs_in_a_notebook(*cells):
    """Run cells in the kernel of a notebook, and return the outputs of the last one and the states of the widgets."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    setup = f"import sys\nsys.path[:0] = {[path for path in sys.path if path]!r}\nfrom small_models import likes, model"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (*cells, setup, FIT)])
    nbclient.NotebookClient(notebook, timeout=300).execute()
    widgets = notebook.metadata.get("widgets", {}).values()
    return notebook.cells[-1].outputs, [entry["state"] for view in widgets for entry in view["state"].values()]


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_notebook_shows_a_bar_that_fills_and_the_diagram_of_the_model():
    pytest.importorskip("ipywidgets")
    outputs, widgets = outputs_in_a_notebook()
    (bar,) = (state for state in widgets if "max" in state)
    assert bar["value"] == bar["max"] == N_BATCHES * N_EPOCHS and bar["bar_style"] == "success"
    assert "application/vnd.jupyter.widget-view+json" in outputs[0].data
    assert f"{N_EPOCHS} epochs" in outputs[-1].data["text/html"]
    assert [output.output_type for output in outputs] == ["display_data", "execute_result"]


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_notebook_without_widgets_shows_a_bar_of_text_and_no_warning():
    outputs, widgets = outputs_in_a_notebook("import sys\nsys.modules['ipywidgets'] = None")
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    assert widgets == [] and "100%" in text and "Warning" not in text
