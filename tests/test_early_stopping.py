"""Held-out data in a fit: which epoch is kept, when it is over, and what is held out."""

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback
from sklearn.base import clone
from small_models import N_EPOCHS, likes, model, same, scores_of_all, weights_of

from skrec import (
    AutoRecRecommender,
    EarlyStopping,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    NewsRecommender,
    PopularityRecommender,
    SASRecRecommender,
    TwoTowerRecommender,
)
from skrec.data import Interactions
from skrec.engine.losses._losses import bpr
from skrec.metrics import CoverageWarning, get_scorer


def exaggerated():
    """Training ratings with twice the contrast of the held-out ones: a model passes the truth on its way, then overshoots."""
    users, items = np.divmod(np.arange(40), 2)
    train = Interactions.from_arrays(users, items, np.where(items == 0, 5.0, 1.0))
    return train, train.with_values(np.where(items == 0, 4.0, 2.0))


def overshooting(**changes):
    return MFRecommender(loss="mse", n_factors=2, learning_rate=0.1, lr_schedule=None, random_state=0, **changes)


def test_the_best_epochs_weights_are_kept():
    train, held_out = exaggerated()
    fitted = overshooting(max_epochs=30, early_stopping=EarlyStopping("valid_loss", patience=30)).fit(
        train, validation=held_out
    )
    losses = fitted.history_.valid_loss
    assert len(losses) == 30 and 0 < fitted.best_epoch_ < 29
    assert fitted.best_epoch_ == losses.argmin()
    errors = fitted.predict(held_out) - held_out.values
    assert np.mean(errors**2) == pytest.approx(losses.min(), rel=1e-5)
    shorter = overshooting(max_epochs=fitted.best_epoch_ + 1).fit(train)
    assert same(weights_of(fitted), weights_of(shorter))


def test_validation_data_alone_only_watch():
    train, held_out = exaggerated()
    watched, alone = overshooting(max_epochs=30).fit(train, validation=held_out), overshooting(max_epochs=30).fit(train)
    assert len(watched.history_.valid_loss) == 30 and watched.history_.valid_loss.argmin() < 29
    assert watched.best_epoch_ == alone.best_epoch_ == 29
    assert same(weights_of(watched), weights_of(alone))


@pytest.mark.parametrize("patience", (1, 4))
def test_early_stopping_waits_for_patience_epochs(patience):
    train, held_out = exaggerated()
    fitted = overshooting(max_epochs=30, early_stopping=EarlyStopping("valid_loss", patience=patience)).fit(
        train, validation=held_out
    )
    assert len(fitted.history_) == fitted.best_epoch_ + 1 + patience < 30
    assert fitted.best_epoch_ == fitted.history_.valid_loss.argmin()


def test_early_stopping_by_a_ranking_keeps_the_best_ranking():
    train, held_out = likes(60), likes(90)[60:]
    fitted = model(early_stopping="ndcg@10", max_epochs=60, learning_rate=0.1).fit(train, validation=held_out)
    ndcg = fitted.history_["ndcg@10"]
    assert len(ndcg) == fitted.best_epoch_ + 1 + 3 < 60
    assert fitted.best_epoch_ == ndcg.argmax()
    assert get_scorer("ndcg@10")(fitted, held_out) == pytest.approx(ndcg.max())


def test_callbacks_see_the_joint_training_of_a_pretrained_model_only():
    epochs = []

    class Count(Callback):
        def on_train_start(self, trainer, network):
            epochs.append(0)

        def on_train_epoch_end(self, trainer, network):
            epochs[-1] += 1

    settings = {
        "n_factors": 8,
        "hidden_layer_sizes": (8,),
        "learning_rate": 0.1,
        "max_epochs": 60,
        "random_state": 0,
    }
    fitted = NeuMFRecommender(
        early_stopping=EarlyStopping("valid_loss", patience=2), pretrain=True, trainer={"callbacks": Count()}, **settings
    )
    fitted.fit(likes(60), validation=likes(90)[60:])
    assert epochs == [len(fitted.history_)]
    assert epochs[0] < 60


def test_validation_may_be_a_table_with_labels():
    events = likes(80)
    table = pd.DataFrame({"user": [f"u{u}" for u in events.users], "item": [f"i{i}" for i in events.items]})
    for early_stopping in (None, "ndcg@10"):
        fitted = model(early_stopping=early_stopping).fit(table[:60], validation=table[60:])
        assert fitted.history_.valid_loss.notna().all()


def test_rows_of_a_validation_matrix_are_new_users():
    rows = likes().to_csr()
    fitted = model(early_stopping="recall@5").fit(rows[:9], validation=rows[9:])
    assert "valid_loss" not in fitted.history_ and fitted.history_["recall@5"].between(0, 1).all()
    with pytest.raises(ValueError, match="the validation data have no positive event of a known user"):
        model().fit(rows[:9], validation=rows[9:])


NETWORKS = {
    "factors": MFRecommender(loss="bpr"),
    "ratings": MFRecommender(loss="mse"),
    "layers": MLPRecommender(hidden_layer_sizes=(4,)),
    "rows": MultVAERecommender(hidden_layer_sizes=(4,)),
    "columns": AutoRecRecommender(side="item"),
    "graph": LightGCNRecommender(),
    "towers": TwoTowerRecommender(),
    "sequences": SASRecRecommender(),
    "clicks": NewsRecommender(),
}


@pytest.mark.parametrize("estimator", NETWORKS.values(), ids=NETWORKS)
def test_users_and_items_whose_events_were_held_out_are_known_afterwards(estimator):
    rng = np.random.default_rng(0)
    users = np.r_[rng.integers(30, size=150), np.arange(30, 40), rng.integers(30, size=10)]
    items = np.r_[rng.integers(10, size=150), rng.integers(10, size=10), np.arange(10, 20)]  # ten of each have one event
    pairs = rng.permutation(np.unique(users * 20 + items))
    data = Interactions.from_arrays(pairs // 20, pairs % 20, rng.integers(11, 14, len(pairs)))
    stopping = EarlyStopping("valid_loss", validation_fraction=0.4)
    settings = {"n_factors": 4, "max_epochs": 2, "random_state": 0, "early_stopping": stopping}
    fitted = clone(estimator).set_params(**settings).fit(data)
    held_out = fitted.objective_.hold_out(data, 0.4, np.random.default_rng(fitted.seed_))
    assert set(data.items[held_out]) - set(data.items[~held_out])
    plain = PopularityRecommender().fit(data)
    for name in ("item_counts_", "popularity_", "has_past_"):
        np.testing.assert_array_equal(getattr(fitted, name), getattr(plain, name))
    np.testing.assert_array_equal(fitted.seen_.toarray(), plain.seen_.toarray())
    scores = scores_of_all(fitted)
    assert np.isfinite(scores).all()
    assert (np.ptp(scores, axis=1) > 0).all()  # nobody's items are all alike
    bound = 1.5 * np.abs(scores[:30, :10]).max()
    assert np.abs(scores).max() <= bound  # and what was not trained on does not stand out


def counting(counts):
    """A loss that notes how many examples it is shown, in training and in validation."""

    def loss(scores, target, mask=None, log_q=None):
        counts[torch.is_grad_enabled()] += len(scores)
        return bpr(scores, target, mask, log_q)

    return loss


@pytest.mark.parametrize("fraction", (0.1, 0.2))
def test_validation_fraction_is_the_share_of_events_held_out(fraction):
    counts = {True: 0, False: 0}
    stopping = EarlyStopping("valid_loss", validation_fraction=fraction)
    fitted = model(loss=counting(counts), early_stopping=stopping, max_epochs=1).fit(likes())
    assert counts == {True: 50 - 50 * fraction, False: 50 * fraction}
    assert fitted.seen_.nnz == 50  # what was held out is still the user's past


def test_without_early_stopping_every_event_is_trained_on():
    counts = {True: 0, False: 0}
    model(loss=counting(counts)).fit(likes())
    assert counts == {True: 50 * N_EPOCHS, False: 0}


def test_early_stopping_never_parts_what_was_shown_together():
    rng = np.random.default_rng(0)
    slates = Interactions.from_arrays(
        rng.integers(0, 20, 100).repeat(5),
        rng.permuted(np.tile(np.arange(10), (100, 1)), axis=1)[:, :5].ravel(),
        np.tile([1.0, 0, 0, 0, 0], 100),
        impressions=np.arange(100).repeat(5),
    )
    sizes = set()

    def loss(scores, target, mask=None, log_q=None):
        sizes.update(mask.sum(1).tolist())
        return bpr(scores, target, mask, log_q)

    model(loss=loss, negatives="slate", early_stopping="valid_loss").fit(slates)
    assert sizes == {5}


def test_nothing_is_said_of_events_that_fit_has_held_out_itself():
    """Every pair occurs twice, so that most of the events held out repeat others: a scorer warns of such test data."""
    pairs = np.tile(np.random.default_rng(0).permutation(200)[:120], 2)
    data = Interactions.from_arrays(pairs // 10, pairs % 10)
    settings = {"n_factors": 2, "max_epochs": 2, "random_state": 0}
    MFRecommender(early_stopping=EarlyStopping("ndcg@5", validation_fraction=0.2), **settings).fit(data)
    with pytest.warns(CoverageWarning, match="repeat training pairs"):
        MFRecommender(early_stopping="ndcg@5", **settings).fit(data[:200], validation=data[200:])
