"""The life of `MFRecommender(solver="als")`: fit, history, early stopping, new users, more events, checkpoints, parameters."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from als_references import loss_of, solve_rows
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_models import likes, ratings, same, scores_of_all, two_camps, weights_of

from skrec import ALS, ALSRecommender, EarlyStopping, MFRecommender, TrainingLog, get_scorer
from skrec.data import Interactions
from skrec.engine.als import _training
from skrec.engine.training import _history

pytestmark = pytest.mark.usefixtures("one_thread")

UNOBSERVED, REGULARIZATION = 0.2, 0.05
PENALTY = {"unobserved_weight": UNOBSERVED, "regularization": REGULARIZATION, "exponent": 1.0}


def model(n_steps=2, **changes):
    exponent = {} if changes.get("regularization") == 0 else {"regularization_exponent": 1.0}
    solver = ALS(unobserved_weight=UNOBSERVED, n_steps=n_steps, **exponent)
    settings = {"n_factors": 3, "max_epochs": 8, "init_std": 0.3, "regularization": REGULARIZATION, "random_state": 0}
    return MFRecommender(solver=solver, **settings | changes)


def dense(data):
    return data.to_csr(duplicates="any").toarray().astype(float)


# ---- fit -----------------------------------------------------------------------------------------------------------------


def test_the_name_als_stands_for_its_defaults():
    by_name, by_object = (MFRecommender(solver=solver, n_factors=3, random_state=0) for solver in ("als", ALS()))
    assert same(weights_of(by_name.fit(likes())), weights_of(by_object.fit(likes())))


def test_by_default_all_pairs_weigh_fifteen_times_as_much_as_the_positive_ones():
    weight = 15 * 50 / (12 * 9)
    default, given = (MFRecommender(solver=ALS(unobserved_weight=w), n_factors=3, random_state=0) for w in (None, weight))
    assert same(weights_of(default.fit(likes())), weights_of(given.fit(likes())))


@pytest.mark.parametrize("weight", [0.1, 1e-3, 1e-20])
def test_by_default_a_common_factor_of_all_weights_changes_no_list(weight):
    settings = {"solver": "als", "n_factors": 3, "random_state": 0}
    weighted = replace(likes(), weights=np.full(50, weight, np.float32))
    lists = [MFRecommender(**settings).fit(data).recommend(k=3).codes for data in (likes(), weighted)]
    np.testing.assert_array_equal(*lists)


@pytest.mark.parametrize("changes", [{}, {"n_factors": 40}, {"n_factors": 40, "n_steps": 20}, {"regularization": 1e-8}])
def test_the_loss_falls_with_more_factors_than_items_and_without_a_penalty(changes):
    losses = model(**{"regularization": 0.0, "n_factors": 12} | changes).fit(likes()).history_.train_loss
    assert (np.diff(losses) < 1e-4).all() and losses.min() > 0


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_the_default_penalty_of_an_average_row_is_the_same_for_all_exponents(exponent):
    data = Interactions.from_arrays(*np.nonzero(np.eye(6) + np.eye(6, k=1) + np.eye(6, k=-5)))  # all rows have two events
    by_exponent = [MFRecommender(solver=ALS(regularization_exponent=e), n_factors=3, random_state=0) for e in (0.5, exponent)]
    vectors = [each.fit(data).user_embeddings_ for each in by_exponent]
    np.testing.assert_allclose(*vectors, atol=1e-5)


def test_camps_are_completed():
    fitted = MFRecommender(solver="als", n_factors=2, random_state=0).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))


def test_scores_are_products_without_biases():
    fitted = model().fit(likes())
    np.testing.assert_allclose(scores_of_all(fitted), fitted.user_embeddings_ @ fitted.item_embeddings_.T, atol=1e-5)
    assert not fitted.item_biases_.any() and not fitted.user_biases_.any() and fitted.global_mean_ == 0
    assert (fitted.device_, fitted.optimizer_) == ("cpu", "als")


def test_users_and_items_without_events_have_vectors_of_zeros():
    data = Interactions.from_arrays([0, 0, 2], [0, 1, 1], n_users=4, n_items=3)
    fitted = model().fit(data)
    assert not fitted.user_embeddings_[[1, 3]].any() and not fitted.item_embeddings_[2].any()
    assert fitted.user_embeddings_[[0, 2]].any(1).all()


def test_events_below_the_threshold_are_not_positive():
    data = ratings()
    above = data[data.values >= 4]
    assert same(weights_of(model(positive_from=4).fit(data)), weights_of(model().fit(above)))


def test_a_half_life_weighs_events_by_age():
    data = likes()._replace(timestamps=np.random.default_rng(0).permutation(50))
    latest = np.zeros(data.n_users, int)
    np.maximum.at(latest, data.users, data.timestamps)
    weights = (0.5 ** ((latest[data.users] - data.timestamps) / 7)).astype(np.float32)
    by_age, by_weight = model(half_life=7).fit(data), model().fit(likes()._replace(weights=weights))
    assert same(weights_of(by_age), weights_of(by_weight))


def test_the_history_has_the_loss_of_each_epoch():
    fitted = model(max_epochs=4).fit(likes())
    assert list(fitted.history_) == ["epoch", "train_loss", "train_pairwise_accuracy", "seconds", "memory_mb"]
    x, y = fitted.user_embeddings_.astype(float), fitted.item_embeddings_.astype(float)
    expected = loss_of(dense(likes()), x, y, **PENALTY) / len(likes())
    assert fitted.history_.train_loss.iloc[-1] == pytest.approx(expected, rel=1e-5)
    assert fitted.history_.train_pairwise_accuracy.between(0, 1).all()
    assert fitted.best_epoch_ == 3


def test_the_accuracy_is_the_share_of_positives_above_unknown_items():
    accuracies = MFRecommender(solver="als", n_factors=2, random_state=0).fit(two_camps(9)).history_.train_pairwise_accuracy
    assert accuracies.iloc[-1] > 0.9


def test_a_failed_fit_changes_nothing(monkeypatch):
    fitted = model().fit(likes())
    before = pickle.dumps(fitted)

    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(_training, "_epoch", fail)
    with pytest.raises(MemoryError):
        fitted.fit(likes(30))
    assert pickle.dumps(fitted) == before


def test_vectors_that_are_not_finite_are_an_error():
    with pytest.raises(ValueError, match=r"training diverged in epoch 0: the loss is nan; lower init_std \(it is 1e\+30\)"):
        model(init_std=1e30).fit(likes())


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_what_a_fit_prints(capsys, verbose):
    model(verbose=verbose, max_epochs=3).fit(likes())
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == (3 if verbose == 2 else 0)
    assert ("3/3" in printed.err) == (verbose == 1)


def test_neither_lightning_nor_numba_is_imported_before_it_is_needed():
    probe = (
        "import sys; from scipy.sparse import eye_array; from skrec import MFRecommender; m = MFRecommender(solver='als', "
        "n_factors=2, max_epochs=1, trainer={'accelerator': 'cpu'}); print('numba' in sys.modules); "
        "m.fit(eye_array(4, format='csr')).recommend([0], k=1); "
        "print('pytorch_lightning' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", probe], text=True).split() == ["False", "False"]


# ---- early stopping ------------------------------------------------------------------------------------------------------


def test_the_loss_on_validation_data_is_that_of_its_events_and_of_all_pairs():
    data = likes()
    train, held_out = data[:40], data[40:]
    fitted = model(early_stopping=EarlyStopping("valid_loss", patience=8)).fit(train, validation=held_out)
    scores = fitted.user_embeddings_.astype(float) @ fitted.item_embeddings_.T
    expected = ((1 - scores[held_out.users, held_out.items]) ** 2).mean() + UNOBSERVED * (scores**2).sum() / len(train)
    assert fitted.history_.valid_loss[fitted.best_epoch_] == pytest.approx(expected, rel=1e-5)


def test_early_stopping_keeps_the_vectors_of_the_best_epoch():
    stopping = EarlyStopping("ndcg@5", patience=2, validation_fraction=0.3)
    fitted = model(max_epochs=30, early_stopping=stopping).fit(likes(80))
    history = fitted.history_
    assert fitted.best_epoch_ == history["ndcg@5"].idxmax() == len(history) - 1 - 2
    data = likes(80)
    train, held_out = data[:60], data[60:]
    fitted = model(max_epochs=30, early_stopping=EarlyStopping("ndcg@5", patience=4)).fit(train, validation=held_out)
    assert get_scorer("ndcg@5")(fitted, held_out) == pytest.approx(fitted.history_["ndcg@5"].max())


# ---- new users -----------------------------------------------------------------------------------------------------------


def test_new_users_get_the_solution_of_their_linear_system():
    fitted = model().fit(likes())
    histories = np.zeros((4, 9))
    histories[0, [0, 3]], histories[1, :], histories[3, 8] = 1, 1, 1  # the third has no events
    expected = solve_rows(histories, fitted.item_embeddings_.astype(float), **PENALTY)
    np.testing.assert_allclose(fitted.transform(csr_array(histories)), expected, atol=1e-6)


def test_new_users_weights_count():
    fitted = model().fit(likes())
    weights = np.array([0.5, 3, 1], np.float32)
    history = Interactions.from_arrays([0, 0, 0], [1, 4, 6], n_users=1, n_items=9, weights=weights)
    row = np.zeros((1, 9))
    row[0, [1, 4, 6]] = weights
    expected = solve_rows(row, fitted.item_embeddings_.astype(float), **PENALTY)
    np.testing.assert_allclose(fitted.transform(history), expected, atol=1e-6)


def test_the_vector_of_a_known_user_is_that_of_a_new_one_with_the_same_events():
    fitted = model(n_steps=50).fit(likes())
    np.testing.assert_allclose(fitted.transform(likes().to_csr()), fitted.user_embeddings_, atol=1e-4)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_new_users_are_penalized_by_their_events(exponent):
    fitted = model().set_params(solver__regularization_exponent=exponent).fit(likes())
    expected = solve_rows(dense(likes()), fitted.item_embeddings_.astype(float), **PENALTY | {"exponent": exponent})
    np.testing.assert_allclose(fitted.transform(likes().to_csr()), expected, atol=1e-6)


def test_without_a_penalty_new_users_have_finite_vectors():
    fitted = model(regularization=0, n_factors=20).fit(likes())
    assert np.isfinite(fitted.transform(likes().to_csr())).all()


# ---- more events ---------------------------------------------------------------------------------------------------------


def more_events():
    """An event of a known user and of a known item, and those of a new user, one of them with a new item."""
    return Interactions.from_arrays([0, 12, 12, 12], [8, 8, 2, 9], n_users=13, n_items=10)


def test_partial_fit_solves_for_the_users_and_items_of_new_events():
    fitted = model(n_steps=50, max_epochs=30).fit(likes())
    further = clone(fitted).fit(likes()).partial_fit(more_events())
    users, items = fitted.user_embeddings_, fitted.item_embeddings_
    np.testing.assert_array_equal(further.user_embeddings_[1:12], users[1:])
    np.testing.assert_array_equal(np.delete(further.item_embeddings_[:9], [2, 8], axis=0), np.delete(items, [2, 8], axis=0))
    weights = dense(further.events_)
    expected = solve_rows(weights, further.item_embeddings_.astype(float), **PENALTY)
    np.testing.assert_allclose(further.user_embeddings_[[0, 12]], expected[[0, 12]], atol=1e-4)
    expected = solve_rows(weights.T, further.user_embeddings_.astype(float), **PENALTY)
    np.testing.assert_allclose(further.item_embeddings_[[2, 8, 9]], expected[[2, 8, 9]], atol=1e-3)


def test_partial_fit_refuses_another_solver():
    fitted = model().fit(likes()).set_params(solver="gradient")
    with pytest.raises(ValueError, match="solver must not change in partial_fit: fit used 'als', got 'gradient'"):
        fitted.partial_fit(more_events())
    fitted = MFRecommender(n_factors=3, max_epochs=1, solver="gradient").fit(likes()).set_params(solver="als")
    with pytest.raises(ValueError, match="solver must not change in partial_fit: fit used 'gradient', got 'als'"):
        fitted.partial_fit(more_events())


# ---- checkpoints ---------------------------------------------------------------------------------------------------------


def interrupt(estimator, data, monkeypatch, *, after=3):
    record = _history.TrainingHistory.__call__

    def then_stop(recorder, row, device):
        stops = record(recorder, row, device)
        if row["epoch"] == after:
            raise KeyboardInterrupt
        return stops

    with monkeypatch.context() as patch:
        patch.setattr(_history.TrainingHistory, "__call__", then_stop)
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(data)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": EarlyStopping("ndcg@5", patience=6, validation_fraction=0.3)}])
def test_an_interrupted_fit_continues_to_the_same_result(tmp_path, monkeypatch, settings):
    whole = model(**settings).fit(likes())
    interrupt(model(**settings, checkpoint_dir=tmp_path), likes(), monkeypatch)
    epochs = []
    monkeypatch.setattr(_training, "_epoch", lambda *run, epoch=_training._epoch: epochs.append(0) or epoch(*run))
    resumed = model(**settings, checkpoint_dir=tmp_path).fit(likes())
    assert len(epochs) == len(whole.history_) - 3
    assert same(weights_of(resumed), weights_of(whole))
    figures = [name for name in whole.history_ if name not in ("seconds", "memory_mb")]
    assert resumed.history_[figures].equals(whole.history_[figures])


def test_the_number_of_threads_does_not_matter_for_a_checkpoint(tmp_path, monkeypatch):
    interrupt(model(checkpoint_dir=tmp_path), likes(), monkeypatch)
    model(checkpoint_dir=tmp_path).set_params(solver__n_jobs=1).fit(likes())
    assert len(list(tmp_path.iterdir())) == 1
    model(checkpoint_dir=tmp_path).set_params(solver__n_steps=1).fit(likes())
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_of_another_shape_is_left_out(tmp_path, monkeypatch):
    whole = model().fit(likes())
    interrupt(model(checkpoint_dir=tmp_path), likes(), monkeypatch)
    checked = _training.check_alike
    monkeypatch.setattr(_training, "check_alike", lambda found, expected, name: checked({}, expected, name))
    with pytest.warns(UserWarning, match="cannot be read and is left out: its state_dict does not have the keys"):
        resumed = model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(resumed), weights_of(whole))


# ---- parameters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "batch_size": 7, "dropout": 0.2, "learning_rate": 0.1, "logger": TrainingLog("csv", folder="unused"),
        "lr_schedule": None, "negatives": "uniform", "optimizer": "sgd", "temperature": 0.2,
        "trainer": {"precision": "16-mixed"}, "weight_decay": 0.1,
    }.items(),
)  # fmt: skip
def test_parameters_of_gradients_have_no_effect(name, value):
    plain = weights_of(model(max_epochs=2).fit(likes()))
    with pytest.warns(UserWarning, match=rf"{name}=.* has no effect on this fit of MFRecommender: it needs solver='gradient'"):
        assert same(weights_of(model(max_epochs=2, **{name: value}).fit(likes())), plain)


@pytest.mark.parametrize("solver", ["gradient", "als"])
def test_a_number_of_negatives_needs_another_solver_and_negatives_that_are_drawn(solver):
    words = r"n_negatives=3 has no effect .* it needs solver='gradient', and negatives that are drawn, as with"
    with pytest.warns(UserWarning, match=words):
        MFRecommender(solver=solver, n_negatives=3, n_factors=3, max_epochs=1, random_state=0).fit(likes())


def test_an_exponent_of_no_penalty_has_no_effect():
    settings = {"n_factors": 3, "max_epochs": 2, "regularization": 0, "random_state": 0}
    plain = weights_of(MFRecommender(solver="als", **settings).fit(likes()))
    words = "solver__regularization_exponent=0.3 has no effect on this fit of MFRecommender: it needs regularization above 0"
    with pytest.warns(UserWarning, match=words):
        assert same(weights_of(MFRecommender(solver=ALS(regularization_exponent=0.3), **settings).fit(likes())), plain)


def test_the_type_of_device_may_be_given():
    assert model(trainer={"accelerator": "cpu"}).fit(likes()).device_ == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"trainer\['accelerator'\] must be 'auto' or 'cpu' on a machine without a CUDA GPU"):
        model(trainer={"accelerator": "cuda"}).fit(likes())


@pytest.mark.parametrize("loss", ["bpr", "mse", "ccl"])
def test_other_losses_are_refused(loss):
    with pytest.raises(ValueError, match=rf"loss must be 'softmax', the default, for solver='als', .*, got '{loss}'"):
        model(loss=loss).fit(likes())


@pytest.mark.parametrize(
    ("solver", "error", "message"),
    [
        ("cg", ValueError, "solver must be 'auto', 'gradient', 'als' or an ALS, got 'cg'"),
        (None, TypeError, "solver must be 'auto', 'gradient', 'als' or an ALS, got None"),
        (3, TypeError, "solver must be 'auto', 'gradient', 'als' or an ALS, got 3"),
        (ALS, TypeError, "solver must not be a class, got ALS: pass an object, such as ALS"),
        (ALS(unobserved_weight=0), ValueError, "unobserved_weight must be a finite number above 0 or None, got 0"),
        (ALS(regularization_exponent=-1), ValueError, "regularization_exponent must be"),
        (ALS(n_steps=0), ValueError, "n_steps must be"),
        (ALS(n_jobs=0), ValueError, "n_jobs must be"),
    ],
)
def test_bad_solvers_are_refused(solver, error, message):
    with pytest.raises(error, match=message):
        MFRecommender(solver=solver).fit(likes())


def test_a_search_tunes_the_parameters_of_the_solver():
    search = GridSearchCV(
        MFRecommender(solver=ALS(), n_factors=2, max_epochs=3, random_state=0),
        {"solver__unobserved_weight": [0.1, 0.5], "solver__n_steps": [1, 2]},
        scoring=get_scorer("ndcg@5"),
        cv=2,
    ).fit(likes(80))
    assert search.best_estimator_.solver.unobserved_weight in (0.1, 0.5)
    assert repr(clone(search.best_estimator_)) == repr(search.best_estimator_)


# ---- quality -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_ranks_as_well_as_implicit_on_movielens(movielens_100k):
    from skrec.model_selection import train_test_split

    data = movielens_100k.interactions
    train, test = train_test_split(data[data.values >= 4], test_size=0.2, random_state=0)
    scorer = get_scorer("ndcg@10")
    ours = scorer(MFRecommender(solver="als", n_factors=32, random_state=0).fit(train), test)
    theirs = scorer(ALSRecommender(n_factors=32, alpha=5, regularization=5, random_state=0).fit(train), test)
    assert ours > 0.97 * theirs
