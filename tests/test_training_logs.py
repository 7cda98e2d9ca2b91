"""Logs of trainings: a run for each fit, with parameters and figures, read back with the tools that show them."""

import logging
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small_models import N_EPOCHS, N_ITEMS, N_USERS, likes, model
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from skrec import EarlyStopping, NeuMFRecommender, TrainingLog, get_scorer


class Notebook(Logger):
    """A logger that keeps everything."""

    name, version = "notebook", 0

    def __init__(self):
        super().__init__()
        self.rows, self.parameters, self.statuses = [], {}, []

    def log_metrics(self, metrics, step):
        self.rows.append((step, metrics))

    def log_hyperparams(self, params):
        self.parameters |= params

    def finalize(self, status):
        self.statuses.append(status)


class Raises(Callback):
    def __init__(self, error, epoch=1):
        self.error, self.epoch = error, epoch

    def on_train_epoch_end(self, trainer, training):
        if trainer.current_epoch == self.epoch:
            raise self.error


@pytest.fixture(autouse=True)
def empty_current_folder(tmp_path, monkeypatch):
    """The current folder, which no log is written to."""
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    yield
    assert list((tmp_path / "current").iterdir()) == []


@pytest.fixture
def log(tmp_path):
    return TrainingLog("csv", folder=tmp_path / "runs")


def folders_of(log):
    return sorted(path for path in log.folder.iterdir())


# ---- what a run holds ------------------------------------------------------------------------------------------------


def test_a_run_has_the_history_the_parameters_and_the_sizes(log):
    settings = {"early_stopping": EarlyStopping("ndcg@10", patience=5), "trainer": {"max_time": None}}
    fitted = model(logger=log, **settings).fit(likes()[:40], validation=likes()[40:])
    table = log.read_runs()
    assert table["run"].nunique() == 1 and table["run"].str.startswith("MFRecommender-2").all()
    figures = table.drop(columns="learning_rate").rename(columns={"learning_rate_of_epoch": "learning_rate"})
    for name in fitted.history_:
        np.testing.assert_allclose(figures[name], fitted.history_[name], rtol=1e-6)
    run = table.iloc[0]
    assert run[["estimator", "n_users", "n_items"]].tolist() == ["MFRecommender", N_USERS, N_ITEMS]
    assert run[["n_events", "n_validation_events", "seed"]].tolist() == [40, 10, fitted.seed_]
    parameters = {k: v for k, v in fitted.get_params().items() if not k.startswith("logger")}
    assert parameters.keys() <= set(table.columns)
    assert run[["n_factors", "loss", "early_stopping__patience"]].tolist() == [4, "bpr", 5]
    assert run["early_stopping"] == "EarlyStopping(patience=5, scorer='ndcg@10')" and run["trainer"] == "{'max_time': None}"


def test_values_that_are_not_numbers_are_logged_by_name(log):
    def halved(epochs):
        return 0.5**epochs

    model(logger=log, lr_schedule=halved, learning_rate=np.float32(0.25)).fit(likes())
    (run,) = log.read_runs().groupby("run").first().to_dict("records")
    assert run["lr_schedule"].endswith("halved") and run["learning_rate"] == 0.25


def test_tensorboard_shows_the_figures_and_the_parameters(tmp_path):
    log = TrainingLog("tensorboard", folder=tmp_path / "runs")
    fitted = model(logger=log, early_stopping="ndcg@10").fit(likes())
    (folder,) = folders_of(log)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    shown = EventAccumulator(str(folder)).Reload()
    for name in ("train_loss", "ndcg@10"):
        values = {event.step: event.value for event in shown.Scalars(name)}
        np.testing.assert_allclose([values[epoch] for epoch in range(N_EPOCHS)], fitted.history_[name], rtol=1e-5)
    assert shown.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"
    assert "n_factors: 4" in (folder / "hparams.yaml").read_text()


# ---- a run for each fit ----------------------------------------------------------------------------------------------


def test_each_fit_has_a_run(log):
    estimator = model(logger=log)
    estimator.fit(likes()).fit(likes())
    estimator.partial_fit(likes(seed=3))
    runs = log.read_runs().groupby("run", sort=False).first()
    assert len(runs) == 3 and runs["n_events"].tolist() == [50, 50, 100]
    assert runs["data"].iloc[0] == runs["data"].iloc[1] != runs["data"].iloc[2]


def test_each_candidate_and_fold_of_a_search_has_a_run(log):
    pipeline, grid = make_pipeline(FunctionTransformer(), model(logger=log)), {"mfrecommender__n_factors": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=KFold(2), scoring=get_scorer("ndcg@5")).fit(likes())
    table = log.read_runs(search=search)
    runs = table.groupby("run", sort=False).first()
    assert len(table) == 5 * N_EPOCHS and runs["n_factors"].tolist()[:4] == [2, 2, 3, 3]
    folds = runs["data"].tolist()
    assert folds[:2] == folds[2:4] and len(set(folds)) == 3  # the last one is the fit on all data
    assert runs["candidate"].tolist() == [0, 0, 1, 1, search.best_index_]
    scores = search.cv_results_["mean_test_score"]
    assert runs["mean_test_score"].tolist() == [scores[candidate] for candidate in runs["candidate"].astype(int)]


def test_runs_without_a_candidate_have_missing_scores(log):
    search = GridSearchCV(model(logger=log), {"n_factors": [2]}, cv=KFold(2), scoring=get_scorer("ndcg@5")).fit(likes())
    model(logger=log, n_factors=5).fit(likes())
    candidates = log.read_runs(search=search).groupby("run", sort=False)["candidate"].first().tolist()
    assert candidates[:3] == [0, 0, 0] and np.isnan(candidates[3])


def test_names_of_runs_select_them(log):
    for name in ("a", "a-b", "[a]"):
        model(logger=TrainingLog("csv", folder=log.folder, name=name)).fit(likes())
    for name in ("a", "a-b", "[a]"):
        runs = TrainingLog("csv", folder=log.folder, name=name).read_runs()["run"].unique()
        assert len(runs) == 1 and runs[0].startswith(f"{name}-2")
    with pytest.raises(FileNotFoundError, match="no runs with the name 'b'"):
        TrainingLog("csv", folder=log.folder, name="b").read_runs()


def test_networks_that_are_trained_before_have_no_run(log):
    NeuMFRecommender(hidden_layer_sizes=(4,), pretrain=True, max_epochs=2, logger=log, random_state=0).fit(likes())
    assert log.read_runs()["epoch"].tolist() == [0, 1]


def test_a_continued_fit_has_all_epochs_in_its_run(log, tmp_path):
    settings = {"checkpoint_dir": tmp_path / "checkpoints", "logger": log}
    with pytest.raises(OSError, match="interrupted"):
        model(trainer={"callbacks": [Raises(OSError("interrupted"), epoch=2)]}, **settings).fit(likes())
    fitted = model(**settings).fit(likes())
    runs = dict(iter(log.read_runs().groupby("run", sort=False)))
    first, second = runs.values()
    assert first["epoch"].tolist() == second["epoch"].tolist() == list(range(N_EPOCHS))
    np.testing.assert_allclose(second["train_loss"], fitted.history_["train_loss"], rtol=1e-6)


# ---- loggers of Lightning --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_each_fit", [True, False])
def test_a_logger_and_a_function_that_makes_one_get_everything(of_each_fit):
    notebook = Notebook()
    fitted = model(logger=(lambda: notebook) if of_each_fit else notebook, early_stopping="ndcg@10").fit(likes())
    assert notebook.rows == list(enumerate(fitted.history_.to_dict("records")))
    assert notebook.parameters["estimator"] == "MFRecommender" and notebook.parameters["n_factors"] == 4
    assert set(notebook.statuses) == {"success"}


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_the_run_of_a_fit_that_fails_is_closed(error, log):
    notebook = Notebook()
    failing = {"trainer": {"callbacks": [Raises(error)]}}
    for logger in (notebook, log):
        with pytest.raises(type(error)):
            model(logger=logger, **failing).fit(likes())
    assert set(notebook.statuses) == {"failed"} and len(notebook.rows) == 2
    assert log.read_runs()["epoch"].tolist() == [0, 1]


@pytest.mark.parametrize("make", [CSVLogger, TensorBoardLogger])
def test_a_model_with_a_logger_can_be_copied(make, tmp_path):
    estimator = model(logger=make(tmp_path / "runs", name="all"))
    for _ in range(2):  # before and after a fit
        again = pickle.loads(pickle.dumps(clone(estimator)))
        assert type(again.logger) is make and again.logger.save_dir == estimator.logger.save_dir
        estimator.fit(likes())
    assert pickle.loads(pickle.dumps(estimator)).history_.equals(estimator.history_)


def test_a_model_with_a_log_can_be_copied(log):
    estimator = model(logger=log)
    for again in (clone(estimator), pickle.loads(pickle.dumps(estimator))):
        assert again.get_params()["logger__kind"] == "csv" and again.get_params()["logger__folder"] == log.folder
    assert clone(estimator).set_params(logger__name="other").logger.name == "other" and log.name is None
    with pytest.raises(ValueError, match="logger__folder needs an object with parameters as logger, such as TrainingLog"):
        model().set_params(logger__folder="runs")


def test_callbacks_find_the_figures_of_their_epoch():
    class Reader(Callback):
        def __init__(self):
            self.found = []

        def on_train_epoch_end(self, trainer, training):
            self.found.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    reader = Reader()
    fitted = model(trainer={"callbacks": reader}, early_stopping="ndcg@10").fit(likes())
    found = pd.DataFrame(reader.found)[list(fitted.history_)]
    np.testing.assert_allclose(found.drop(columns="memory_mb"), fitted.history_.drop(columns="memory_mb"), rtol=1e-6)


# ---- what is refused -------------------------------------------------------------------------------------------------

BAD = {
    "csv": ("csv", ValueError, r"logger must have a folder .*TrainingLog\('csv', folder='runs'\), got"),
    "tensorboard": ("tensorboard", ValueError, "logger must have a folder"),
    "wandb": ("wandb", ValueError, "logger must have a folder .*environment variable WANDB_DIR"),
    "mlflow": (TrainingLog("mlflow"), ValueError, "environment variable MLFLOW_TRACKING_URI"),
    "an unknown name": ("paper", ValueError, "logger must be one of 'csv', 'tensorboard', 'wandb', 'mlflow', got 'paper'"),
    "an unknown kind": (TrainingLog("paper", folder="x"), ValueError, "the kind of logger must be one of 'csv'"),
    "a number as folder": (TrainingLog("csv", folder=3), TypeError, "the folder of logger must be a str or os.PathLike"),
    "a path as name": (TrainingLog("csv", folder="x", name="../x"), ValueError, "the name of logger must not be empty"),
    "a number as name": (TrainingLog("csv", folder="x", name=3), TypeError, "the name of logger must be a str or None, got 3"),
    "a project of files": (TrainingLog("csv", folder="x", project="p"), ValueError, "project of logger must be None for 'csv'"),
    "a class": (CSVLogger, TypeError, "logger must not be a class"),
    "a number": (3, TypeError, "logger must be a name, a TrainingLog, a Lightning logger or a function, got 3"),
    "several": ([Notebook()], TypeError, "logger must be a name, a TrainingLog, a Lightning logger or a function, got"),
    "a function of nothing": (lambda: "csv", TypeError, "logger must return a Lightning logger, got 'csv'"),
}  # fmt: skip


@pytest.mark.parametrize(("logger", "error", "message"), BAD.values(), ids=BAD.keys())
def test_other_values_are_refused(logger, error, message, monkeypatch):
    for name in ("WANDB_DIR", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(error, match=message):
        model(logger=logger).fit(likes())


@pytest.mark.parametrize("kind", ["tensorboard", "wandb", "mlflow"])
def test_a_package_that_is_missing_is_named(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(ImportError, match=rf"logger='{kind}' needs {kind}: pip install 'skrec\[{kind}\]'"):
        model(logger=TrainingLog(kind, folder="runs")).fit(likes())


def test_only_files_are_read():
    with pytest.raises(ValueError, match="the kind of the log to read must be one of 'csv', got 'tensorboard'"):
        TrainingLog("tensorboard", folder="runs").read_runs()
    with pytest.raises(ValueError, match="logger must have a folder"):
        TrainingLog("csv").read_runs()
