"""Inputs that people reported, and the right answer to each."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    CaserRecommender,
    GRU4RecRecommender,
    LightGCNRecommender,
    MarkovRecommender,
    MFRecommender,
    MultVAERecommender,
    NewsRecommender,
    SASRecRecommender,
)
from skrec.data import Interactions

# ---- Parameters, early stopping, order and seeds -----------------------------------------------------------------------


def ones(shape=(12, 8), seed=0):
    """A matrix half of whose entries are 1."""
    return sp.csr_array((np.random.default_rng(seed).random(shape) < 0.5).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_negatives", 4),
        ("margin", 0.2),
        ("negative_weight", 3.0),
        ("patience", 5),
        ("validation_fraction", 0.2),
        ("cycle_mult", 2),
    ],
)
def test_a_parameter_without_effect_is_warned_about(name, value):
    with pytest.warns(UserWarning, match=f"{name}={value!r} has no effect on this fit of MFRecommender: it needs"):
        MFRecommender(max_epochs=1, random_state=0, **{name: value}).fit(ones())


def test_a_penalty_of_vectors_that_a_model_of_text_does_not_have_is_warned_about():
    data = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 2], timestamps=[0, 1, 2, 3], item_features=np.eye(3))
    with pytest.warns(UserWarning, match=r"regularization=0\.5 has no effect .*: it needs .*id_embeddings=True"):
        NewsRecommender(max_epochs=1, regularization=0.5, random_state=0).fit(data)


def test_models_of_rankings_have_no_range_of_ratings():
    models = (LightGCNRecommender, MultVAERecommender, SASRecRecommender, GRU4RecRecommender, CaserRecommender, NewsRecommender)
    for model in models:
        with pytest.raises(TypeError, match="y_range"):
            model(y_range=(0, 5))


def test_models_of_whole_rows_have_no_negatives():
    for model in (AutoRecRecommender, MultVAERecommender):
        assert not {"negatives", "n_negatives"} & set(model().get_params())


def test_early_stopping_ranks_items_all_of_whose_positive_events_were_held_out():
    rng = np.random.default_rng(0)
    users = np.r_[rng.integers(40, size=300), np.arange(12)]
    items = np.r_[rng.integers(10, size=300), np.arange(10, 22)]  # twelve items have one event each
    data = Interactions.from_arrays(users, items)
    model = MFRecommender(early_stopping="valid_loss", validation_fraction=0.3, max_epochs=2, random_state=0).fit(data)
    np.testing.assert_array_equal(model.item_counts_, MFRecommender(max_epochs=1, random_state=0).fit(data).item_counts_)
    assert np.isfinite(model.recommend(k=22, exclude_seen=False).scores).all()


def test_validation_data_do_not_choose_the_epoch_unasked():
    train, held_out = ones(seed=0), Interactions.from_csr(ones(seed=1))
    model = MFRecommender(max_epochs=8, learning_rate=0.5, random_state=0).fit(train, validation=held_out)
    assert model.history_.valid_loss.argmin() < 7
    assert model.best_epoch_ == 7
    np.testing.assert_array_equal(
        model.item_embeddings_, MFRecommender(max_epochs=8, learning_rate=0.5, random_state=0).fit(train).item_embeddings_
    )


def test_a_positive_event_that_early_stopping_holds_out_is_not_said_to_be_missing():
    for seed in range(6):
        data = Interactions.from_arrays([0, 1, 2], [0, 1, 2], [5, 1, 1])
        model = MFRecommender(early_stopping="valid_loss", positive_from=4, validation_fraction=0.5, random_state=seed)
        with pytest.raises(ValueError) as caught:
            model.fit(data)
        assert "largest value" not in str(caught.value)
        assert "early_stopping='valid_loss' needs positive events to learn from and others" in str(caught.value)


@pytest.mark.filterwarnings("ignore:n_negatives")
@pytest.mark.parametrize("model", [SASRecRecommender, GRU4RecRecommender, CaserRecommender, MarkovRecommender, NewsRecommender])
def test_the_columns_of_a_matrix_are_not_taken_for_time_in_silence(model):
    settings = {"max_epochs": 1, "random_state": 0} if "max_epochs" in model().get_params() else {}
    for X in (ones(), ones().toarray()):
        with pytest.warns(UserWarning, match=f"X is a matrix: {model.__name__} reads events in order of time") as said:
            model(**settings).fit(X)
        assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="X has no timestamps and lists the items of each user by their code"):
        model(**settings).fit(Interactions.from_csr(ones()))
    timed = Interactions.from_arrays(*np.array(ones().nonzero())[:, ::-1], timestamps=np.arange(ones().nnz), n_items=8)
    fitted = model(**settings).fit(timed)
    fitted.recommend([0, 1], k=1)  # ids, in silence
    with pytest.warns(UserWarning, match="users is a matrix"):
        fitted.recommend(ones()[:2], k=1)
    with pytest.warns(UserWarning, match="X is a matrix"):
        fitted.predict(ones()[:2])


def test_a_generator_is_a_random_state_of_models_too():
    models = (ALSRecommender(n_jobs=1), MFRecommender(max_epochs=1))
    for model in models:
        first, same, other = (
            type(model)(**model.get_params() | {"random_state": np.random.default_rng(seed)}).fit(ones()) for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first.item_embeddings_, same.item_embeddings_)
        assert (first.item_embeddings_ != other.item_embeddings_).any()
        before = first.item_embeddings_
        assert (first.fit(ones()).item_embeddings_ != before).any()  # the generator has moved on
