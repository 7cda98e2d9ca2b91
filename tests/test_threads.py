"""The number of threads of computations, and what is restored after them."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import threadpoolctl
import torch
from forked import in_a_fork
from joblib import Parallel, delayed, parallel_config
from small_models import likes, model, two_camps
from threadpoolctl import threadpool_limits

from skrec import EASERecommender, NeuMFRecommender, _threads
from skrec._threads import (
    blas_threads_in_step,
    map_in_threads,
    n_available_threads,
    n_threads,
    n_threads_in_step,
    torch_threads_in_step,
)

MUCH = 1e15


@pytest.fixture
def four_cores(monkeypatch):
    """Four cores, and a user who has set four threads."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    with threadpool_limits(4):
        torch.set_num_threads(4)
        yield
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(20)


def blas_threads():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


# ---- how many ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("four_cores")
def test_the_number_of_threads_grows_with_the_work():
    assert [n_threads(None, work) for work in (0, 1e8, 3e8, 4e8, MUCH, np.inf)] == [1, 1, 3, 4, 4, 4]
    assert [n_threads_in_step(work) for work in (0, 2e8, 6e8, MUCH, np.inf)] == [1, 1, 3, 4, 4]


@pytest.mark.usefixtures("four_cores")
def test_n_jobs_is_a_maximum():
    assert [n_threads(n_jobs, MUCH) for n_jobs in (None, -1, 1, 3, 8)] == [4, 4, 1, 3, 8]
    assert n_threads(8, 2e8) == 2


@pytest.mark.usefixtures("four_cores")
def test_limits_of_the_user_are_respected():
    with threadpool_limits(2):
        assert n_available_threads() == n_threads(None, MUCH) == n_threads_in_step(MUCH) == 2
    torch.set_num_threads(3)
    assert n_available_threads() == 3


@pytest.mark.usefixtures("four_cores")
def test_the_setting_of_torch_holds_in_a_new_thread():
    torch.set_num_threads(3)

    def threads_of_much_work():
        with torch_threads_in_step(MUCH):
            return torch.get_num_threads()

    assert in_a_thread(threads_of_much_work) == 3


@pytest.mark.usefixtures("four_cores")
def test_threads_do_not_exceed_the_quota_and_the_cores(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)  # joblib reads the quota of the control group
    assert n_available_threads() == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs the affinity of Linux")
def test_threads_do_not_exceed_the_affinity():
    def with_one_core():
        os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
        return n_available_threads()

    assert in_a_fork(with_one_core) == 1


@pytest.mark.parametrize(("variables", "n"), [({"OMP_NUM_THREADS": "1"}, 1), ({"LOKY_MAX_CPU_COUNT": "1"}, 1)])
@pytest.mark.parametrize("first", ["", "import torch; "])
def test_environment_variables_are_respected(variables, n, first):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | variables
    probe = first + "from skrec._threads import n_available_threads; print(n_available_threads())"
    assert subprocess.check_output([sys.executable, "-c", probe], env=environment, text=True) == f"{n}\n"


@pytest.mark.usefixtures("four_cores")
def test_a_thread_of_joblib_is_granted_one():
    found = Parallel(2, backend="threading")(delayed(n_available_threads)() for _ in range(2))
    assert found == [1, 1]
    assert n_available_threads() == 4


def test_a_process_of_joblib_gets_what_joblib_grants():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert Parallel()(delayed(n_available_threads)() for _ in range(2)) == [1, 1]


@pytest.mark.usefixtures("four_cores")
def test_parallel_config_asks_for_threads_of_small_steps():
    with parallel_config(n_jobs=3):
        assert n_threads_in_step(0) == 3
    with parallel_config(n_jobs=30):
        assert n_threads_in_step(0) == 4
    with threadpool_limits(2), parallel_config(n_jobs=3):
        assert n_threads_in_step(0) == 2


# ---- what is restored ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("four_cores")
def test_threads_of_torch_are_limited_and_restored():
    with torch_threads_in_step(0):
        assert torch.get_num_threads() == 1
        with torch_threads_in_step(6e8):
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 1
        assert n_available_threads() == 4
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_cores")
def test_other_threads_keep_their_number():
    begun, may_end, found = threading.Event(), threading.Event(), []

    def other():
        found.append(torch.get_num_threads())
        begun.set()
        may_end.wait(10)
        found.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(10)
    with torch_threads_in_step(0):
        may_end.set()
        thread.join()
        assert found == [4, 4]
        assert in_a_thread(torch.get_num_threads) == 4  # a thread that is started meanwhile
    assert in_a_thread(torch.get_num_threads) == 4


@pytest.mark.usefixtures("four_cores")
def test_a_change_by_the_user_inside_is_kept():
    with torch_threads_in_step(0):
        torch.set_num_threads(2)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("four_cores")
def test_blas_is_limited_for_little_work_only():
    before = blas_threads()
    with blas_threads_in_step(0):
        assert blas_threads() == {1}
    with blas_threads_in_step(MUCH):
        assert blas_threads() == before
    assert blas_threads() == before


# ---- loops in threads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3])
def test_results_are_in_order_of_the_parts(n):
    before = blas_threads()
    assert map_in_threads(lambda part: (part, blas_threads()), range(5), n) == [(part, {1}) for part in range(5)]
    assert blas_threads() == before


def test_parts_are_computed_in_several_threads():
    meeting = threading.Barrier(3)
    map_in_threads(lambda _: meeting.wait(20), range(3), 3)


@pytest.mark.usefixtures("four_cores")
def test_threads_of_a_loop_start_no_further_threads():
    assert map_in_threads(lambda _: n_threads(None, MUCH), range(2), 2) == [1, 1]


def test_the_first_error_is_raised_and_the_remaining_parts_are_dropped():
    called = []

    def fail(part):
        called.append(part)
        raise OSError(part)

    with pytest.raises(OSError):
        map_in_threads(fail, range(1000), 2)
    assert len(called) < 1000


def test_the_error_handling_of_numpy_holds_in_the_threads():
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        map_in_threads(lambda part: np.ones(2) / np.zeros(2), range(2), 2)


# ---- estimators ----------------------------------------------------------------------------------------------------------


class Threads:
    """A loss that records the number of threads in which it is computed."""

    def __init__(self):
        self.found = set()

    def __call__(self, scores, target, mask=None, log_q=None):
        self.found.add(torch.get_num_threads())
        return (scores - target).square().mean(-1)


@pytest.mark.usefixtures("four_cores")
def test_small_steps_are_made_in_one_thread():
    loss = Threads()
    model(loss=loss).fit(likes())
    assert loss.found == {1}
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_cores")
def test_parallel_config_sets_the_threads_of_a_fit():
    loss = Threads()
    with parallel_config(n_jobs=2):
        model(loss=loss).fit(likes())
    assert loss.found == {2}
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_cores")
def test_large_steps_are_made_in_several_threads(monkeypatch):
    monkeypatch.setattr(_threads, "_WORK_OF_A_THREAD_IN_STEP", 100)
    loss = Threads()
    model(loss=loss).fit(likes())
    assert loss.found == {4}


@pytest.mark.usefixtures("four_cores")
def test_threads_are_restored_after_an_error():
    def loss(scores, target, mask=None, log_q=None):
        raise OSError

    with pytest.raises(OSError):
        model(loss=loss).fit(likes())
    assert torch.get_num_threads() == 4
    assert n_available_threads() == 4


@pytest.mark.parametrize(
    "estimator",
    [model(loss="mse"), EASERecommender(), NeuMFRecommender(max_epochs=1, random_state=0)],
    ids=lambda m: type(m).__name__,
)
def test_results_do_not_depend_on_the_available_threads(estimator):
    """For data of this size nothing is divided, so that results are equal bit by bit."""
    found = []
    for n in (1, 2):
        with threadpool_limits(n):
            trained = estimator.fit(two_camps())
            found.append((trained.predict(two_camps()), trained.recommend(k=2).scores))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)
