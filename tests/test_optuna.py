"""Searches of Optuna: trials that are pruned after an epoch."""

import numpy as np
import optuna
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score
from small_models import N_EPOCHS, likes, model, same, weights_of

from skrec import NeuMFRecommender, OptunaPruningCallback, get_scorer

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class PrunesFrom(optuna.pruners.BasePruner):
    """Prunes all trials from a step on."""

    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.last_step >= self.step


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def study(direction="maximize", step=100, **options):
    return optuna.create_study(direction=direction, pruner=PrunesFrom(step), **options)


def pruned(trial, monitor="ndcg@10", **changes):
    return model(trainer={"callbacks": [OptunaPruningCallback(trial, monitor)]}, **{"early_stopping": "ndcg@10"} | changes)


@pytest.mark.parametrize(
    ("monitor", "direction"), [("ndcg@10", "maximize"), ("valid_loss", "minimize"), ("train_loss", "minimize")]
)
def test_each_epoch_is_reported(monitor, direction):
    fitted, of = [], study(direction)

    def objective(trial):
        fitted.append(pruned(trial, monitor).fit(likes()))
        return 0.0

    of.optimize(objective, n_trials=2)
    for trial, estimator in zip(of.trials, fitted, strict=True):
        assert list(trial.intermediate_values) == list(range(N_EPOCHS))
        np.testing.assert_allclose(list(trial.intermediate_values.values()), estimator.history_[monitor], rtol=1e-6)


def test_a_pruned_trial_ends_after_its_epoch():
    of = study(step=1)
    of.optimize(lambda trial: pruned(trial, max_epochs=50).fit(likes()).best_epoch_, n_trials=2)
    assert [trial.state.name for trial in of.trials] == ["PRUNED", "PRUNED"]
    assert [list(trial.intermediate_values) for trial in of.trials] == [[0, 1], [0, 1]]


def test_a_pruned_fit_leaves_the_estimator_as_it_was():
    fitted = model(early_stopping="ndcg@10").fit(likes())
    before = weights_of(fitted)
    trial = study(step=0).ask()
    unfitted = pruned(trial)
    fitted.set_params(trainer={"callbacks": [OptunaPruningCallback(study(step=0).ask(), "ndcg@10")]})
    for estimator in (unfitted, fitted):
        with pytest.raises(optuna.TrialPruned, match=r"ndcg@10 was 0\.\d+ in epoch 0"):
            estimator.fit(likes())
    assert not hasattr(unfitted, "module_") and same(weights_of(fitted), before) and len(fitted.history_) == N_EPOCHS


def test_folds_continue_the_steps_of_a_trial():
    of = study()

    def objective(trial):
        ndcg = get_scorer("ndcg@5")
        return cross_val_score(pruned(trial, "train_loss", early_stopping=None), likes(), cv=KFold(2), scoring=ndcg).mean()

    of = study("minimize")
    of.optimize(objective, n_trials=1)
    assert list(of.trials[0].intermediate_values) == list(range(2 * N_EPOCHS))


def test_copies_report_to_the_same_trial():
    trial = study().ask()
    estimator = pruned(trial)
    (callback,) = clone(estimator).trainer["callbacks"]
    assert callback.trial is trial


def test_only_the_whole_network_reports():
    of = study()

    def objective(trial):
        callback = OptunaPruningCallback(trial, "ndcg@10")
        settings = {"hidden_layer_sizes": (4,), "max_epochs": 2, "early_stopping": "ndcg@10", "random_state": 0}
        NeuMFRecommender(pretrain=True, trainer={"callbacks": callback}, **settings).fit(likes())
        return 0.0

    of.optimize(objective, n_trials=1)
    assert list(of.trials[0].intermediate_values) == [0, 1]


def test_a_fixed_trial_is_not_pruned():
    trial = optuna.trial.FixedTrial({})
    assert len(pruned(trial).fit(likes()).history_) == N_EPOCHS


@pytest.mark.parametrize(
    ("options", "monitor", "message"),
    [
        ({"direction": "minimize"}, "ndcg@10", "direction='maximize' for monitor='ndcg@10', got 'minimize'"),
        ({"direction": "maximize"}, "valid_loss", "direction='minimize' for monitor='valid_loss', got 'maximize'"),
        (
            {"direction": None, "directions": ["maximize"] * 2},
            "ndcg@10",
            "got 'maximize' and 'maximize'",
        ),
        (
            {},
            "recall@10",
            r"a column of history_, one of \['epoch', .*'ndcg@10', .*\], got 'recall@10'",
        ),
    ],
)
def test_studies_that_cannot_use_the_figure_are_refused(options, monitor, message):
    with pytest.raises(ValueError, match=message):
        pruned(study(**options).ask(), monitor).fit(likes())
