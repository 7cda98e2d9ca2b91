"""Parameters of training that are refused, alone or with each other."""

import numpy as np
import pytest
from small_models import likes, model, ratings

from skrec import (
    ALS,
    AutoRecRecommender,
    CosineContrastiveLoss,
    CosineRestarts,
    EarlyStopping,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    NeuMFRecommender,
)
from skrec.data import Interactions


@pytest.mark.parametrize("name", ("enable_checkpointing", "enable_progress_bar", "logger", "max_epochs"))
def test_trainer_must_not_contradict_a_parameter(name):
    with pytest.raises(ValueError, match=f"trainer must not hold '{name}': use the parameter"):
        model(trainer={name: 1}).fit(likes())


@pytest.mark.parametrize("solver", ("gradient", "als"))
@pytest.mark.parametrize("name", ("precison", "gpus", 3))
def test_trainer_must_hold_options_of_lightning(name, solver):
    words = f"^trainer must hold keyword arguments of Lightning's Trainer, got {name!r}$"
    with pytest.raises(ValueError, match=words):
        MFRecommender(trainer={name: 1, "accelerator": "cpu"}, solver=solver).fit(likes())


@pytest.mark.parametrize("loss", (ALS(), None, "hinge"), ids=str)
def test_the_losses_of_a_model_are_named(loss):
    of_all = "'mse', 'bce', 'softmax', 'bpr', 'warp'"
    for estimator, accepted in (
        (MFRecommender, f"{of_all}, 'ccl', a CosineContrastiveLoss or a callable"),
        (NeuMFRecommender, f"{of_all} or a callable"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"^loss must be one of {accepted}, got "):
            estimator(loss=loss).fit(likes())


BAD = [
    ("loss", "hinge", ValueError),
    ("loss", None, TypeError),
    ("loss", 3, TypeError),
    ("loss", ALS(), TypeError),
    ("positive_from", "4", TypeError),
    ("positive_from", np.nan, ValueError),
    ("max_epochs", 0, ValueError),
    ("max_epochs", 2.5, TypeError),
    ("max_epochs", True, TypeError),
    ("batch_size", 0, ValueError),
    ("batch_size", "all", TypeError),
    ("learning_rate", 0, ValueError),
    ("learning_rate", np.inf, ValueError),
    ("learning_rate", "fast", TypeError),
    ("regularization", -0.1, ValueError),
    ("weight_decay", -1, ValueError),
    ("weight_decay", [0.1], TypeError),
    ("optimizer", "lion", ValueError),
    ("lr_schedule", "linear", ValueError),
    ("lr_schedule", 2, TypeError),
    ("lr_schedule", np.array([1.0, 0.5]), TypeError),
    ("lr_schedule", CosineRestarts, TypeError),
    ("lr_schedule", lambda epochs: -1.0, ValueError),
    ("lr_schedule", lambda epochs: "half", TypeError),
    ("n_negatives", 0, ValueError),
    ("n_negatives", 1.0, TypeError),
    ("negatives", "harder", ValueError),
    ("early_stopping", "ndgc@10", ValueError),
    ("early_stopping", 3, TypeError),
    ("early_stopping", EarlyStopping, TypeError),
    ("early_stopping", EarlyStopping("ndgc@10"), ValueError),
    ("early_stopping", EarlyStopping(None), TypeError),
    ("loss", CosineContrastiveLoss, TypeError),
    ("logger", "diary", ValueError),
    ("checkpoint_dir", 3, TypeError),
    ("verbose", 3, ValueError),
    ("verbose", True, ValueError),
    ("random_state", "today", ValueError),
    ("random_state", -1, ValueError),
    ("trainer", [("precision", 32)], TypeError),
    ("trainer", {"devices": 2}, ValueError),
    ("trainer", {"accelerator": "abacus"}, ValueError),
    ("trainer", {"accelerator": "mps"}, ValueError),
    ("trainer", {"accelerator": None}, ValueError),
    ("trainer", {"accumulate_grad_batches": 0}, ValueError),
    ("trainer", {"accumulate_grad_batches": "2"}, TypeError),
    ("trainer", {"gradient_clip_val": "a lot"}, (TypeError, ValueError)),
    ("trainer", {"gradient_clip_algorithm": "value"}, ValueError),
    ("trainer", {"precision": "bf16-true"}, ValueError),
    ("n_factors", 0, ValueError),
    ("n_factors", 8.0, TypeError),
    ("dropout", 1, ValueError),
    ("dropout", -0.1, ValueError),
]


BAD_FOR_MF = [
    ("init_std", 0, ValueError),
    ("init_std", "small", TypeError),
    ("y_range", (1, 5), ValueError),  # with a ranking loss
]


BAD_FOR_NEUMF = [
    ("hidden_layer_sizes", (), (TypeError, ValueError)),
    ("hidden_layer_sizes", 64, TypeError),
    ("hidden_layer_sizes", (64, 0), ValueError),
    ("hidden_layer_sizes", (64.0,), TypeError),
    ("mlp_factors", 0, ValueError),
    ("pretrain", 1, TypeError),
]


@pytest.mark.parametrize(
    ("estimator", "name", "value", "error"),
    [(MFRecommender, *case) for case in BAD + BAD_FOR_MF] + [(NeuMFRecommender, *case) for case in BAD + BAD_FOR_NEUMF],
)
def test_a_bad_parameter_is_refused_by_name(estimator, name, value, error):
    with pytest.raises(error, match=name):
        estimator(**{name: value}).fit(likes())


BAD_OBJECTS = [
    ("lr_schedule", CosineRestarts(cycle_len=0), "cycle_len", ValueError),
    ("lr_schedule", CosineRestarts(cycle_len=1.5), "cycle_len", TypeError),
    ("lr_schedule", CosineRestarts(cycle_mult=0.5), "cycle_mult", ValueError),
    ("lr_schedule", CosineRestarts(cycle_mult="2"), "cycle_mult", TypeError),
    ("early_stopping", EarlyStopping("ndcg@10", validation_fraction=0), "validation_fraction", ValueError),
    ("early_stopping", EarlyStopping("ndcg@10", validation_fraction=1), "validation_fraction", ValueError),
    ("early_stopping", EarlyStopping("ndcg@10", validation_fraction="some"), "validation_fraction", TypeError),
    ("early_stopping", EarlyStopping("valid_loss", patience=0), "patience", ValueError),
    ("early_stopping", EarlyStopping("valid_loss", patience=None), "patience", TypeError),
    ("loss", CosineContrastiveLoss(margin=2), "margin", ValueError),
    ("loss", CosineContrastiveLoss(negative_weight="10"), "negative_weight", TypeError),
]


@pytest.mark.parametrize(("name", "value", "inner", "error"), BAD_OBJECTS, ids=str)
def test_a_bad_parameter_of_an_object_is_refused_by_name(name, value, inner, error):
    with pytest.raises(error, match=f"^{inner} must be .* got {getattr(value, inner)!r}$"):
        MFRecommender(**{name: value}).fit(likes())


@pytest.mark.parametrize("y_range", ((5, 1), (1, 1), (1,), 5, ("low", "high")))
def test_a_bad_rating_range_is_refused(y_range):
    with pytest.raises((TypeError, ValueError), match="y_range"):
        model(loss="mse", y_range=y_range).fit(ratings())


def refusal(estimator, **settings):
    """What is said when some settings are refused."""
    with pytest.raises(ValueError) as caught:
        estimator(**settings).fit(likes())
    return str(caught.value)


@pytest.mark.parametrize("loss", ("bpr", "warp"))
@pytest.mark.parametrize(
    ("estimator", "settings", "who"),
    [
        (MFRecommender, {"negatives": "all"}, "MFRecommender with negatives='all'"),
        (AutoRecRecommender, {}, "AutoRecRecommender"),
    ],
)
def test_losses_of_one_positive_cannot_take_the_whole_catalogue(estimator, settings, who, loss):
    words = f"loss must be 'softmax' or 'bce' for {who}, since whole rows are predicted, got '{loss}'"
    assert refusal(estimator, loss=loss, **settings) == words


@pytest.mark.parametrize("loss", ("ccl", CosineContrastiveLoss()), ids=str)
@pytest.mark.parametrize("estimator", (NeuMFRecommender, MLPRecommender, AutoRecRecommender, LightGCNRecommender))
def test_a_loss_of_cosines_is_not_for_other_scores(estimator, loss):
    words = refusal(estimator, loss=loss)
    assert words.startswith("loss must be one of 'mse', 'bce', 'softmax', 'bpr', 'warp'") and words.endswith(f"got {loss!r}")


def test_ratings_are_compared_with_nothing():
    assert refusal(MFRecommender, loss="mse", negatives="popularity") == (
        "negatives must be 'auto' for loss='mse', which uses no negatives, got 'popularity'"
    )


def test_weights_by_age_are_refused_as_what_was_asked_for():
    data = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 2], timestamps=[1, 2, 1, 2])
    with pytest.raises(ValueError, match="weights by half_life=10 require loss='softmax'"):
        MFRecommender(loss="bce", negatives="all", half_life=10).fit(data)


def test_the_hardest_of_a_single_negative_is_no_choice():
    words = "n_negatives must be at least 2 for negatives='hard', got 1"
    assert refusal(MFRecommender, negatives="hard", n_negatives=1) == words


def test_slates_need_impressions():
    with pytest.raises(ValueError, match=r"negatives='slate'.*impression"):
        model(negatives="slate").fit(likes())
