"""What belongs to the whole process: threads, warning filters, log levels, random states, signals, forks."""

import copy
import logging
import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
import threadpoolctl
import torch
from forked import in_a_fork
from sklearn.base import clone
from small_models import likes, model, two_camps
from threadpoolctl import threadpool_limits

from skrec import ALSRecommender, BPRRecommender, EASERecommender, ItemKNNRecommender, SLIMRecommender, TrainingLog, _process
from skrec.data._vocabulary import Vocabulary
from skrec.engine import build_seeded


@pytest.fixture
def elsewhere():
    """Runs functions in a second thread, always the same, one after the other."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda task, *arguments: pool.submit(task, *arguments).result(20)


class MutedDeprecations(_process.MutedWarning):
    category = DeprecationWarning


class MutedWarningsOfThisFile(_process.MutedWarning):
    module = __name__


def enter_and_leave(*changes):
    """Functions that make some changes, and that undo them, in any thread."""
    undo = ExitStack()
    return lambda: [undo.enter_context(change) for change in changes], undo.close


# ---- changes that threads share ------------------------------------------------------------------------------------------


def test_a_shared_change_is_made_by_the_first_and_undone_by_the_last(elsewhere):
    state = []

    @contextmanager
    def change():
        state.append("made")
        yield
        state.append("undone")

    shared = _process.SharedChange(change)
    begin, end = enter_and_leave(shared)
    for _ in range(2):
        with shared:
            elsewhere(begin)
            with shared:
                assert state == ["made"]
        assert state == ["made"]
        elsewhere(end)
        assert state == ["made", "undone"]
        state.clear()


def test_a_change_that_fails_is_not_counted():
    @contextmanager
    def change():
        raise OSError
        yield

    shared = _process.SharedChange(change)
    with pytest.raises(OSError), shared:
        pass
    assert not shared.is_active_in_this_thread


def test_a_value_that_other_code_has_set_is_kept():
    values = [1]
    with _process.replaced(lambda: values[0], lambda value: values.__setitem__(0, value), 2):
        values[0] = 3
    assert values == [3]


# ---- threads of BLAS -----------------------------------------------------------------------------------------------------


def blas_threads():
    """The numbers of threads of the libraries for which they are process-wide. With OpenMP each thread has its own number."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools if pool.get("threading_layer") != "openmp"}


@pytest.mark.parametrize("limiting", ["here", "elsewhere"])
def test_blas_has_one_thread_in_any_order_of_limits(limiting, elsewhere):
    shared = _process.SharedChange(_process.one_blas_thread)
    begin, end = enter_and_leave(shared)
    with threadpool_limits(2, "blas"):
        elsewhere(begin)
        with shared:
            assert blas_threads() == {1}
            if limiting == "here":
                elsewhere(end)
                assert blas_threads() == {1}
        if limiting == "elsewhere":
            assert blas_threads() == {1}
            elsewhere(end)
        assert blas_threads() == {2}


@pytest.mark.parametrize("estimator", [ALSRecommender(n_factors=2, n_jobs=1), BPRRecommender(n_factors=2)], ids=["ALS", "BPR"])
def test_implicit_works_with_one_blas_thread_in_two_threads(estimator):
    with threadpool_limits(2, "blas"), ThreadPoolExecutor(2) as pool:
        models = [clone(estimator).set_params(max_epochs=n, random_state=0) for n in (50, 100)]
        list(pool.map(lambda model: model.fit(two_camps()).recommend(two_camps()[:2], k=1), models))
        assert blas_threads() == {2}


def test_libraries_are_looked_for_once(monkeypatch):
    trained = ALSRecommender(n_factors=2, n_jobs=1).fit(two_camps())
    trained.recommend(two_camps()[:1])
    scans = []
    monkeypatch.setattr(threadpoolctl.ThreadpoolController, "__init__", lambda self: scans.append(1))
    for _ in range(3):
        trained.recommend(two_camps()[:1])
    assert scans == []


# ---- warnings ------------------------------------------------------------------------------------------------------------


def warn(category=DeprecationWarning):
    with pytest.warns(category) as issued:
        warnings.warn("deprecated", category, stacklevel=1)
    return len(issued)


def test_a_thread_mutes_its_own_warnings_and_no_others(elsewhere):
    before = list(warnings.filters)
    with MutedDeprecations.muted:
        warnings.warn("muted", DeprecationWarning, stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn("of another category", UserWarning, stacklevel=1)
        with pytest.raises(DeprecationWarning):
            elsewhere(warnings.warn, "of another thread", DeprecationWarning)
    with pytest.raises(DeprecationWarning):
        warnings.warn("no longer muted", DeprecationWarning, stacklevel=1)
    assert warnings.filters == before


def test_warnings_are_muted_by_the_module_that_issues_them():
    with MutedWarningsOfThisFile.muted:
        warnings.warn("muted", UserWarning, stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn_explicit("of another module", UserWarning, "other.py", 1, module="other")


def test_filters_are_restored_in_any_order_of_threads(elsewhere):
    before = list(warnings.filters)
    begin, end = enter_and_leave(MutedDeprecations.muted)
    with MutedDeprecations.muted:
        elsewhere(begin)
    elsewhere(end)
    assert warnings.filters == before


def test_a_filter_that_is_brought_back_mutes_nothing():
    begin, end = enter_and_leave(MutedDeprecations.muted)
    begin()
    others = warnings.catch_warnings()
    with others:
        end()
    with pytest.raises(DeprecationWarning):  # `others` has put back a list with the filter
        warnings.warn("not muted", DeprecationWarning, stacklevel=1)
    with MutedDeprecations.muted:
        pass
    assert not any(entry[2] is MutedDeprecations for entry in warnings.filters)


def test_filters_can_be_sent_to_workers_while_they_mute():
    from skrec.engine.training import _lightning
    from skrec.models import _slim

    with _lightning._LightningWarning.muted, _slim._ItemNotConverged.muted:
        assert pickle.loads(pickle.dumps(warnings.filters))[:2] == warnings.filters[:2]


def test_a_network_mutes_lightning_in_its_own_thread_alone():
    """A user's warning that a fit causes is issued."""

    def loss(scores, target, mask=None, log_q=None):
        warnings.warn("of a loss", UserWarning, stacklevel=1)
        return (scores - target).square().mean(-1)

    with pytest.raises(UserWarning, match="of a loss"):
        model(loss=loss).fit(likes())


# ---- log levels and random states ----------------------------------------------------------------------------------------


def test_log_levels_are_right_again_after_two_fits_at_once():
    model(max_epochs=1).fit(likes())
    logger = logging.getLogger("pytorch_lightning")
    before = logger.level
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: model(max_epochs=n).fit(likes()), (2, 6)))
    assert logger.level == before


def test_networks_that_are_built_in_two_threads_are_as_seeded():
    before = torch.get_rng_state()

    def draw(seed):
        return build_seeded(lambda: torch.nn.Linear(300, 300), seed).weight.sum().item()

    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(draw, range(40)))
    assert drawn == [draw(seed) for seed in range(40)]
    assert torch.equal(torch.get_rng_state(), before)


# ---- environment variables of clusters ---------------------------------------------------------------------------------

CLUSTERS = {
    "SLURM": {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "a", "SLURM_PROCID": "2", "SLURM_LOCALID": "2", "SLURM_NODEID": "1"},
    "torchrun": {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "GROUP_RANK": "1", "TORCHELASTIC_RUN_ID": "a"},
    "LSF": {"LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "none", "JSM_NAMESPACE_LOCAL_RANK": "1", "JSM_NAMESPACE_SIZE": "4"},
    "Kubeflow": {
        "KUBERNETES_PORT": "tcp://127.0.0.1:443",
        "MASTER_ADDR": "a",
        "MASTER_PORT": "1",
        "WORLD_SIZE": "4",
        "RANK": "1",
    },
}


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("rank", [0, 2])
def test_a_fit_on_one_device_is_one_process_on_any_cluster(cluster, rank, monkeypatch, tmp_path):
    from pytorch_lightning.utilities.rank_zero import rank_zero_only

    monkeypatch.chdir(tmp_path)
    for name, value in CLUSTERS[cluster].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", rank)  # Lightning reads it from the environment when it is imported
    before = dict(os.environ)
    assert len(model(logger=TrainingLog("csv", folder=tmp_path), trainer={"devices": "auto"}).fit(likes()).history_) == 3
    assert len(list(tmp_path.rglob("metrics.csv"))) == 1
    assert dict(os.environ) == before
    assert rank_zero_only.rank == rank


def test_a_cluster_that_the_user_names_is_used():
    import pytorch_lightning as pl
    from pytorch_lightning.plugins.environments import LightningEnvironment

    found, named = [], LightningEnvironment()

    class Look(pl.Callback):
        def on_fit_start(self, trainer, training):
            found.append(trainer._accelerator_connector.cluster_environment)

    model(trainer={"plugins": named, "callbacks": Look()}).fit(likes())
    assert found == [named]


# ---- signals -------------------------------------------------------------------------------------------------------------


def sending_sigterm(scores, target, mask=None, log_q=None):
    signal.raise_signal(signal.SIGTERM)
    return (scores - target).square().mean(-1)


@pytest.fixture
def on_sigterm():
    before = signal.getsignal(signal.SIGTERM)
    yield lambda handler: signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGTERM, before)


def test_what_a_handler_of_sigterm_raises_ends_the_fit_and_changes_nothing(on_sigterm):
    class Stop(BaseException):
        pass

    def handler(*_):
        raise Stop

    on_sigterm(handler)
    trained = model().fit(likes())
    before = dict(vars(trained))
    with pytest.raises(Stop):
        trained.set_params(loss=sending_sigterm).fit(likes(70))
    assert vars(trained) == before | {"loss": sending_sigterm}
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_handler_that_takes_note_of_sigterm_does_not_end_the_fit(on_sigterm):
    noted = []
    on_sigterm(lambda *_: noted.append(1))
    assert len(model(loss=sending_sigterm).fit(likes()).history_) == 3
    assert len(noted) == 21


def test_an_ignored_sigterm_does_not_end_the_fit(on_sigterm):
    on_sigterm(signal.SIG_IGN)
    assert len(model(loss=sending_sigterm).fit(likes()).history_) == 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_a_handler_that_another_callback_installs_is_called(on_sigterm):
    import pytorch_lightning as pl

    noted = []

    class Installs(pl.Callback):
        def on_fit_start(self, trainer, training):
            signal.signal(signal.SIGTERM, lambda *_: noted.append(1))

    on_sigterm(signal.SIG_IGN)
    model(loss=sending_sigterm, max_epochs=1, trainer={"callbacks": Installs()}).fit(likes())
    assert len(noted) == 7


def test_an_interrupt_in_another_thread_is_a_keyboard_interrupt(elsewhere):
    def loss(scores, target, mask=None, log_q=None):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        elsewhere(model(loss=loss).fit, likes())


# ---- forks ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_threads():
    with threadpool_limits(2):
        torch.ones(1_000_000).exp()
        yield


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "estimator",
    [
        model(loss="mse"),
        BPRRecommender(n_factors=2, n_jobs=2),
        SLIMRecommender(n_jobs=2),
        ItemKNNRecommender(),
        EASERecommender(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_child_can_do_everything(estimator):
    data = two_camps()
    estimator.fit(data)

    def everything():
        torch.ones(1_000_000).exp()
        answers = estimator.predict(data), estimator.recommend(data[:3], k=2).items, estimator.recommend(k=2).items
        clone(estimator).fit(data)
        estimator.partial_fit(data[:2])
        return answers

    for one, other in zip(in_a_fork(everything, seconds=60), everything()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("two_threads")
def test_a_child_of_a_child_can_work_too():
    def work():
        return torch.ones(1_000_000).exp().sum().item()

    assert in_a_fork(lambda: work() == in_a_fork(work))


@pytest.mark.usefixtures("two_threads")
def test_a_parent_goes_on_with_its_threads():
    assert in_a_fork(torch.get_num_threads) == torch.get_num_threads() == 2
    torch.ones(1_000_000).exp()


@pytest.mark.usefixtures("two_threads")
def test_a_child_that_was_forked_beneath_python_works_with_one_thread(monkeypatch):
    monkeypatch.setattr(_process, "_end_threads", lambda pool: False)
    assert in_a_fork(lambda: (torch.ones(1_000_000).exp().numel(), torch.get_num_threads())) == (1_000_000, 1)


def test_what_other_threads_have_changed_is_undone_in_a_child(elsewhere):
    shared = _process.SharedChange(_process.one_blas_thread)
    begin, end = enter_and_leave(shared, MutedDeprecations.muted)
    with threadpool_limits(2, "blas"):
        elsewhere(begin)
        assert in_a_fork(lambda: (blas_threads(), any(entry[2] is MutedDeprecations for entry in warnings.filters))) == (
            {2},
            False,
        )
        with shared:  # this thread is there in the child
            assert in_a_fork(blas_threads) == {1}
        elsewhere(end)
        assert blas_threads() == {2}


def test_a_fork_waits_for_a_network_that_another_thread_is_building(elsewhere):
    begun, may_end = threading.Event(), threading.Event()

    def build():
        begun.set()
        may_end.wait(10)
        return torch.nn.Linear(2, 2)

    def draws():
        return torch.rand(3).tolist(), build_seeded(lambda: torch.nn.Linear(2, 2), 0).weight.tolist()

    expected = in_a_fork(draws)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(build_seeded, build, 5)
        begun.wait(10)
        threading.Timer(0.2, may_end.set).start()
        assert in_a_fork(draws) == expected


# ---- copies --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_cuda():
    """A model that has been trained on a GPU, as far as its attributes tell."""
    trained = model().fit(likes())
    trained.device_ = "cuda:0"
    return trained


def failing(method):
    def use(trained):
        def loss(*_):
            raise RuntimeError("on purpose")

        with pytest.raises(RuntimeError, match="on purpose"):
            getattr(trained.set_params(loss=loss), method)(likes(70))

    return use


@pytest.mark.parametrize(
    "use",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        clone,
        lambda trained: trained.__getstate__(),
        failing("fit"),
        failing("partial_fit"),
    ],
    ids=["pickle", "copy", "deepcopy", "clone", "state", "failing fit", "failing partial_fit"],
)
def test_a_model_stays_on_its_device(use, on_cuda, monkeypatch):
    monkeypatch.setattr(type(on_cuda), "_tensor", lambda self, array: torch.tensor(array))
    before = dict(vars(on_cuda))
    use(on_cuda)
    assert vars(on_cuda) == before | {"loss": on_cuda.loss}


def test_a_state_is_not_the_model_itself():
    for trained in (model().fit(likes()), ALSRecommender(n_factors=2, n_jobs=1).fit(likes())):
        twin = pickle.loads(pickle.dumps(trained))
        np.testing.assert_array_equal(twin.recommend(k=3).items, trained.recommend(k=3).items)
    assert model().__getstate__() is not vars(model())


def test_a_pickle_is_on_the_cpu_and_a_deep_copy_where_the_model_is(on_cuda):
    assert pickle.loads(pickle.dumps(on_cuda)).device_ == "cpu"
    twin = copy.deepcopy(on_cuda)
    assert twin.device_ == "cuda:0" and twin.module_ is not on_cuda.module_
    assert torch.equal(twin.module_.item_embeddings.weight, on_cuda.module_.item_embeddings.weight)


def test_a_question_does_not_make_a_pickle_larger():
    vocabulary = Vocabulary(2, 3, np.array(["a", "b"]), np.array([5, 6, 7]), "a model")
    before = pickle.dumps(vocabulary)
    vocabulary.user_codes(["b"], name="users")
    assert pickle.dumps(vocabulary) == before
    assert pickle.loads(before).item_codes([7], name="items").tolist() == [2]
