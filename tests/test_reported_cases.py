"""Inputs that people reported, and the right answer to each."""

import copy
import pickle
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from forked import in_a_fork
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, KFold
from small_models import likes, model, two_camps
from threadpoolctl import threadpool_info, threadpool_limits

from skrec import ALSRecommender, EASERecommender, SLIMRecommender

# ---- What a process shares ----


def test_a_pickle_or_a_copy_leaves_a_model_on_its_device():
    trained = model().fit(likes())
    trained.device_ = "cuda:0"  # what a fit on a GPU leaves; the weights do not tell
    before = dict(vars(trained))
    unpickled, copied = pickle.loads(pickle.dumps(trained)), copy.copy(trained)
    assert vars(trained) == before
    assert unpickled.device_ == "cpu"
    assert copied.device_ == "cuda:0" and copied.module_ is trained.module_


def test_overlapping_als_fits_leave_the_threads_of_blas_as_they_were():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, "blas"):
        before = threads()
        with ThreadPoolExecutor(2) as pool:
            fits = [ALSRecommender(n_factors=4, n_jobs=1, max_epochs=n) for n in (50, 100)]
            list(pool.map(lambda estimator: estimator.fit(two_camps()), fits))
        assert threads() == before


def test_overlapping_slim_fits_leave_convergence_warnings_on():
    class Slow(SLIMRecommender):
        def _weights_of(self, item, rows, columns):
            time.sleep(0.05)
            return super()._weights_of(item, rows, columns)

    before = list(warnings.filters)
    with ThreadPoolExecutor(2) as pool:  # the one that begins first ends first
        fits = [pool.submit(Slow(n_jobs=1).fit, two_camps(n)) for n in (3, 6)]
    assert all(fit.result() for fit in fits)
    assert warnings.filters == before


def test_a_network_is_fitted_in_a_slurm_job_of_several_tasks(monkeypatch):
    job = {"NTASKS": "4", "JOB_NAME": "job.sh", "PROCID": "0", "LOCALID": "0", "NODEID": "0", "JOB_ID": "1"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert len(model().fit(likes()).history_) == 3


# ---- What a machine does to it ----


@pytest.fixture
def two_threads():
    """Torch has worked with two threads, and would do so again."""
    with threadpool_limits(2):
        torch.ones(1_000_000).exp()
        yield


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "estimator", [model(), ALSRecommender(n_factors=2, n_jobs=2), EASERecommender()], ids=["MF", "ALS", "EASE"]
)
def test_a_forked_child_fits_and_recommends_after_work_in_two_threads(estimator):
    def answers():
        torch.ones(1_000_000).exp()
        return estimator.recommend(k=1).items.tolist(), estimator.fit(two_camps()).recommend(k=1).items.tolist()

    estimator.fit(two_camps())
    assert in_a_fork(answers) == answers()


@pytest.mark.usefixtures("two_threads")
def test_a_search_under_multiprocessing_ends_after_work_in_two_threads():
    model().fit(two_camps())
    search = GridSearchCV(model(max_epochs=1), {"n_factors": [1, 2]}, cv=KFold(2, shuffle=True, random_state=0))
    with parallel_config("multiprocessing", n_jobs=2):
        assert in_a_fork(lambda: search.fit(two_camps()).cv_results_["mean_test_score"].shape, seconds=100) == (2,)


def test_sigterm_in_a_fit_ends_the_process_by_that_signal():
    code = """
import signal
from small_models import likes, model

def loss(scores, target, mask=None, log_q=None):
    signal.raise_signal(signal.SIGTERM)
    return scores.mean()

try:
    model(loss=loss, max_epochs=1000).fit(likes())
finally:
    print("went on")
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGTERM, "", "")


def test_no_thread_is_left_by_als():
    code = """
import threading
from skrec import ALSRecommender
from small_models import two_camps

ALSRecommender(n_factors=2, max_epochs=2).fit(two_camps())
print(threading.active_count())
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=100)
    assert (ended.stdout, ended.stderr) == ("1\n", "")
