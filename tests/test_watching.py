"""Figures of each epoch on held-out data: losses per event, pairwise accuracy, and scorers that are only watched."""

import numpy as np
import pytest
import pytorch_lightning as pl
from small_models import N_EPOCHS, close, likes, model, ratings, weights_of

from skrec import EarlyStopping, EASERecommender, MFRecommender, NeuMFRecommender, SASRecRecommender
from skrec.metrics import get_scorer


def halves(events, seed=0):
    is_first = np.random.default_rng(seed).random(len(events)) < 0.7
    return events[is_first], events[~is_first]


def test_validation_data_and_metrics_do_not_change_the_model():
    train, test = halves(likes())
    watched = model().fit(train, validation=test, metrics=["ndcg@10", "recall@5"])
    close(weights_of(watched), weights_of(model().fit(train)))
    assert watched.best_epoch_ == N_EPOCHS - 1


def test_the_last_row_has_the_scores_of_the_fitted_model():
    train, test = halves(likes())
    fitted = model().fit(train, validation=test, metrics=["ndcg@10", "recall@5"])
    assert fitted.history_[["ndcg@10", "recall@5"]].notna().all(axis=None)
    for name in ("ndcg@10", "recall@5"):
        assert fitted.history_[name].iloc[-1] == pytest.approx(get_scorer(name)(fitted, test))


def test_metrics_may_be_evaluated_after_some_epochs_only():
    train, test = halves(likes())
    history = model(max_epochs=5).fit(train, validation=test, metrics={"ndcg@10": 2, "recall@5": 3}).history_
    assert history["ndcg@10"].notna().tolist() == [False, True, False, True, True]
    assert history["recall@5"].notna().tolist() == [False, False, True, False, True]
    assert history.valid_loss.notna().all()


def test_metrics_are_watched_beside_early_stopping():
    stopping = EarlyStopping("ndcg@10", patience=N_EPOCHS)
    alone = model(early_stopping=stopping).fit(likes())
    watched = model(early_stopping=stopping).fit(likes(), metrics="recall@5")
    assert watched.best_epoch_ == alone.best_epoch_
    assert watched.history_["ndcg@10"].tolist() == alone.history_["ndcg@10"].tolist()
    assert watched.history_["recall@5"].notna().all()


def test_metrics_can_replace_a_loss_that_cannot_be_computed():
    train, _ = halves(likes())
    new_users = likes().to_csr()[:5]  # rows of a matrix are new users, for whom there is no loss
    history = model().fit(train, validation=new_users, metrics=["ndcg@10"]).history_
    assert "valid_loss" not in history and history["ndcg@10"].notna().all()


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        (["ndgc@10"], ValueError, "metrics must be names of scorers"),
        ([3], TypeError, "metrics must be names of scorers, got 3"),
        (3, TypeError, "metrics must be the name of a scorer"),
        ({"ndcg@10": 0}, ValueError, r"the number of epochs of metrics\['ndcg@10'\] must be"),
    ],
)
def test_wrong_metrics_are_refused(metrics, error, message):
    with pytest.raises(error, match=message):
        model().fit(likes(), validation=likes(), metrics=metrics)


def test_metrics_need_held_out_data_and_epochs():
    with pytest.raises(ValueError, match="need held-out data: pass validation, or set early_stopping"):
        model().fit(likes(), metrics=["ndcg@10"])
    with pytest.raises(ValueError, match="metrics must be None for EASERecommender"):
        EASERecommender().fit(likes(), validation=likes(), metrics=["ndcg@10"])


@pytest.mark.parametrize("weights", [None, "drawn"])
def test_a_softmax_begins_at_the_logarithm_of_the_number_of_items(weights):
    train, test = halves(likes())
    if weights is not None:
        train = train._replace(weights=np.random.default_rng(0).uniform(0.5, 2, len(train)).astype(np.float32))
    fitted = MFRecommender(n_factors=4, max_epochs=1, learning_rate=1e-9, random_state=0).fit(train, validation=test)
    (row,) = fitted.history_.to_dict("records")
    assert row["train_loss"] == pytest.approx(np.log(fitted.n_items_), rel=1e-3)
    assert row["valid_loss"] == pytest.approx(np.log(fitted.n_items_), rel=1e-3)


@pytest.mark.parametrize("loss", ["bpr", "softmax"])
def test_the_pairwise_accuracy_of_held_out_events_is_that_of_the_scores(loss):
    train, test = halves(likes())
    fitted = model(loss=loss, negatives="uniform").fit(train, validation=test)
    scores, known = fitted.score_items(np.arange(fitted.n_users_)), train.to_csr(duplicates="any").toarray() > 0
    above = []
    for user, item in zip(test.users, test.items):
        others = scores[user][~known[user]]
        above.append((scores[user, item] > others).mean() + (scores[user, item] == others).mean() / 2)
    assert fitted.history_.valid_pairwise_accuracy.iloc[-1] == pytest.approx(np.mean(above), abs=0.1)


@pytest.mark.parametrize("estimator", [MFRecommender(loss="mse"), MFRecommender(solver="als"), NeuMFRecommender(loss="mse")])
def test_no_column_of_the_history_is_missing_throughout(estimator):
    train, test = halves(ratings() if estimator.loss == "mse" else likes())
    estimator.set_params(n_factors=3, max_epochs=2, random_state=0)
    history = estimator.fit(train, validation=test).history_
    assert history.notna().all(axis=None)
    assert ("train_pairwise_accuracy" in history) == (estimator.loss != "mse")


def test_the_history_has_the_learning_rate_of_the_last_step_of_an_epoch():
    constant = model(lr_schedule=None).fit(likes()).history_.learning_rate
    assert constant.tolist() == [model().learning_rate] * N_EPOCHS
    cycle = model(max_epochs=8, learning_rate=0.02, lr_schedule="one_cycle").fit(likes()).history_.learning_rate
    assert cycle.max() <= 0.02 and cycle.iloc[-1] < 0.001 < cycle.iloc[1]


def test_a_history_of_sequences_watches_scorers_too():
    train, test = halves(likes())
    times = np.arange(len(train), dtype=float)
    sequences = SASRecRecommender(n_factors=4, max_epochs=2, random_state=0)
    history = sequences.fit(train._replace(timestamps=times), validation=test, metrics=["ndcg@10"]).history_
    assert history[["valid_pairwise_accuracy", "ndcg@10"]].notna().all(axis=None)


def test_callbacks_of_lightning_read_the_figures_of_the_epoch():
    train, test = halves(likes())
    stop = pl.callbacks.EarlyStopping("ndcg@10", mode="max", patience=0, min_delta=1.0)
    fitted = model(max_epochs=9, trainer={"callbacks": [stop]}).fit(train, validation=test, metrics=["ndcg@10"])
    assert len(fitted.history_) == 2
    assert float(stop.best_score) == pytest.approx(fitted.history_["ndcg@10"].iloc[0])
