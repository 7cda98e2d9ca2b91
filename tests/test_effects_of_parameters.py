"""Every parameter of every estimator changes the results, is refused, or causes a warning. Each has an effect somewhere."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from skrec import (
    ALS,
    ALSRecommender,
    AutoRecRecommender,
    CaserRecommender,
    ColdStartRecommender,
    CosineContrastiveLoss,
    CosineRestarts,
    EarlyStopping,
    GRU4RecRecommender,
    ItemKNNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    NewsRecommender,
    SASRecRecommender,
    SLIMRecommender,
    TwoTowerRecommender,
    UserKNNRecommender,
    all_estimators,
)
from skrec.data import Interactions

pytestmark = pytest.mark.usefixtures("one_thread")

NO_EFFECT_ON_RESULTS = {"checkpoint_dir", "keep_events", "logger", "n_jobs", "verbose"}
"""Parameters that say where and how a fit runs, not what it learns."""

HOUR = 3600
N_USERS, N_ITEMS, N_EVENTS = 14, 10, 80


def events():
    """Values from 1 to 8, times in seconds, what was shown together, features of both sides."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(N_USERS * (N_ITEMS - 1))[:N_EVENTS]  # nobody has the last item
    return Interactions.from_arrays(
        pairs // (N_ITEMS - 1),
        pairs % (N_ITEMS - 1),
        rng.integers(1, 9, N_EVENTS),
        timestamps=HOUR * rng.permutation(N_EVENTS),
        n_users=N_USERS,
        n_items=N_ITEMS,
        user_features=rng.normal(size=(N_USERS, 3)),
        item_features=rng.normal(size=(N_ITEMS, 3)),
    )


def slates():
    """Each user was shown four items at a time and chose one."""
    rng = np.random.default_rng(0)
    users = rng.integers(N_USERS, size=40)
    shown = rng.permuted(np.tile(np.arange(N_ITEMS), (40, 1)), axis=1)[:, :4]
    return replace(
        Interactions.from_arrays(
            users.repeat(4), shown.ravel(), np.tile([8, 0, 0, 0], 40), impressions=np.arange(40).repeat(4),
            timestamps=HOUR * np.arange(40).repeat(4), n_users=N_USERS, n_items=N_ITEMS,
        ),
        item_features=events().item_features,
    )  # fmt: skip


RICH, SLATES = events(), slates()
PLAIN = replace(RICH, timestamps=None, user_features=None, item_features=None)
HISTORIES = replace(RICH, user_features=None, item_features=None)[:40]
ALL_PAIRS = Interactions.from_arrays(*np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS))

SMALL = {"n_factors": 4, "max_epochs": 3, "batch_size": 6, "n_jobs": 1, "random_state": 0}
SETTINGS = {
    ColdStartRecommender: {"estimator": ALSRecommender(n_factors=4, n_jobs=1, random_state=0)},
    SASRecRecommender: {"n_negatives": 6},
    GRU4RecRecommender: {"n_negatives": 6},
    CaserRecommender: {"n_negatives": 6},
    MLPRecommender: {"hidden_layer_sizes": (6,)},
    NeuMFRecommender: {"hidden_layer_sizes": (6,)},
    MultVAERecommender: {"hidden_layer_sizes": (6,)},
    ItemKNNRecommender: {"n_neighbors": 4},
    UserKNNRecommender: {"n_neighbors": 4},
    SLIMRecommender: {"regularization": 0.01},
}
OTHER_VALUES = {
    "activation": "tanh",
    "alpha": 0.3,
    "kl_warmup_fraction": 0.1,
    "asymmetry": 0.5,
    "batch_norm": True,
    "biases": "none",
    "batch_size": 4,
    "dropout": 0.4,
    "early_stopping": "valid_loss",
    "early_stopping__patience": 1,
    "early_stopping__scorer": "ndcg@10",
    "early_stopping__validation_fraction": 0.4,
    "embedding_dropout": 0.4,
    "estimator": ALSRecommender(n_factors=3, n_jobs=1, random_state=0),
    "half_life": 5.0 * HOUR,
    "hidden_layer_sizes": (5, 3),
    "id_dropout": 0.6,
    "id_embeddings": None,  # see other_value
    "init_std": 0.5,
    "item_half_life": 2.0 * HOUR,
    "kl_weight": 0.9,
    "l1_ratio": 0.9,
    "learning_rate": 0.07,
    "loss__margin": 0.1,
    "loss__negative_weight": 2.0,
    "lr_schedule": None,
    "lr_schedule__cycle_len": 2,
    "lr_schedule__cycle_mult": 2,
    "max_epochs": 5,
    "max_iter": 1,
    "max_length": 3,
    "mlp_factors": 5,
    "n_blocks": 1,
    "n_factors": 6,
    "n_heads": 2,
    "n_horizontal": 3,
    "n_layers": 2,
    "n_negatives": 3,
    "n_neighbors": 2,
    "n_vertical": 2,
    "negatives": "popularity",
    "neighborhood": "reverse",
    "normalize": False,
    "optimizer": "sgd",
    "pooling": "mean",
    "positive_from": 4.0,
    "pretrain": True,
    "random_state": 7,
    "regularization": 0.4,
    "shrinkage": 1.0,
    "side": "item",
    "smoothing": 5.0,
    "solver": "als",
    "solver__n_steps": 1,
    "solver__regularization_exponent": 0.7,
    "solver__unobserved_weight": 0.05,
    "temperature": 0.5,
    "tol": 0.5,
    "trainer": {"accumulate_grad_batches": 2},
    "weight_decay": 0.2,
    "weighting": "tfidf",
    "window": 2,
    "y_range": (0, 9),
}
# where a parameter that has no effect beside the defaults does have one
WHERE_IT_COUNTS = {
    "n_negatives": {"negatives": "uniform"},
    "regularization": {"id_embeddings": True},
    "dropout": {"hidden_layer_sizes": (6,)},
    "y_range": {"loss": "mse"},
    "weighting": {"shrinkage": 1.0},
}


def parameters_of(estimator):
    return [name for name in estimator().get_params(deep=False) if name not in NO_EFFECT_ON_RESULTS]


def made(model, settings):
    """An estimator that is fitted in no time, with some of the settings that it takes."""
    own = {name: value for name, value in SMALL.items() if name in model().get_params(deep=False)}
    return model(**own | SETTINGS.get(model, {}) | settings)


def other_value(estimator, name, data, settings):
    value = OTHER_VALUES.get(name)
    if name == "id_embeddings":
        value = data.item_features is not None
    if name == "loss":
        value = "bpr" if made(estimator, settings).loss in ("softmax", "ccl", "mse") else "softmax"
        value = "bce" if estimator is AutoRecRecommender else value
    assert name == "loss" or name in OTHER_VALUES, f"give another value of {name} here"
    assert value != made(estimator, settings).get_params(deep=False)[name], f"{name} is {value!r} already"
    return value


def results(model):
    """Scores of known and new users, as arrays. For news, also scores at a given time."""
    found = [model.predict(ALL_PAIRS), model.recommend(k=N_ITEMS, exclude_seen=False).scores]
    found += [model.recommend(HISTORIES, k=N_ITEMS, exclude_seen=False).codes]
    found += [[len(getattr(model, "history_", []))]]
    if isinstance(model, NewsRecommender) and model._knows_time:
        at = 24 * HOUR
        found.append(model.recommend(k=N_ITEMS, exclude_seen=False, at=at).scores)
    return np.concatenate([np.nan_to_num(np.ravel(part), neginf=-1e9) for part in found])


def fitted(estimator, data, settings):
    """The results and the names that warnings say have no effect. Raises ValueError if a value is refused."""
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        given = results(made(estimator, settings).fit(data))
    words = [str(warning.message) for warning in issued if issubclass(warning.category, UserWarning)]
    return given, {text.partition("=")[0] for text in words if " has no effect on this fit of " in text}


def effect(estimator, name, data, settings, plain):
    """What becomes of another value of a parameter: "changes", "warns", "is refused" or "nothing"."""
    value = other_value(estimator, name, data, settings)
    try:
        given, without_effect = fitted(estimator, data, settings | {name: value})
    except ValueError as error:
        return "is refused" if any(word in str(error) for word in (name, *settings)) else f"is refused, unnamed: {error}"
    if name in without_effect:
        return "warns" if np.array_equal(given, plain) else "warns, and changes"
    return "nothing" if np.array_equal(given, plain) else "changes"


def assert_each_has_an_effect_or_warns(estimator, data, settings):
    plain, without_effect = fitted(estimator, data, settings)
    assert not without_effect - set(settings)
    found = {name: effect(estimator, name, data, settings, plain) for name in parameters_of(estimator) if name not in settings}
    ignored = {name: what for name, what in found.items() if what not in ("changes", "warns", "is refused")}
    assert not ignored, f"{made(estimator, settings)!r}: {ignored}"
    return found


@pytest.mark.parametrize("estimator", all_estimators(), ids=lambda estimator: estimator.__name__)
def test_every_parameter_has_an_effect_or_causes_a_warning(estimator):
    found = assert_each_has_an_effect_or_warns(estimator, RICH, {})
    for name in [name for name, what in found.items() if what != "changes"]:
        accepted = set(estimator().get_params(deep=False))
        settings = {key: value for key, value in WHERE_IT_COUNTS[name].items() if key in accepted}
        plain, _ = fitted(estimator, RICH, settings)
        assert effect(estimator, name, RICH, settings, plain) == "changes", (
            f"{name} never changes anything, not with {settings}"
        )


OBJECTS = {
    "lr_schedule": (CosineRestarts(), {}),
    "early_stopping": (
        EarlyStopping("valid_loss"),
        {"loss": "bpr", "learning_rate": 0.1, "max_epochs": 12, "regularization": 0},
    ),
    "loss": (CosineContrastiveLoss(), {"n_negatives": 3}),
    "solver": (ALS(), {"batch_size": None}),
}
"""Objects that are values of parameters, and settings with which all their parameters have an effect."""


@pytest.mark.parametrize("name", OBJECTS)
def test_every_parameter_of_an_object_has_an_effect(name):
    value, settings = OBJECTS[name]
    settings = settings | {name: value}
    plain, without_effect = fitted(MFRecommender, RICH, settings)
    assert not without_effect
    for inner in value.get_params().keys() - NO_EFFECT_ON_RESULTS:
        changed = {name: clone(value).set_params(**{inner: OTHER_VALUES[f"{name}__{inner}"]})}
        given, without_effect = fitted(MFRecommender, RICH, settings | changed)
        assert not without_effect and not np.array_equal(given, plain), inner


def test_cycle_mult_has_no_effect_with_one_cycle_and_fit_warns():
    settings = {"lr_schedule": CosineRestarts(cycle_len=3, cycle_mult=2)}
    given, without_effect = fitted(MFRecommender, RICH, settings)
    assert without_effect == {"lr_schedule__cycle_mult"}
    plain, without_effect = fitted(MFRecommender, RICH, {"lr_schedule": CosineRestarts(cycle_len=3)})
    assert not without_effect and np.array_equal(given, plain)


COMBINATIONS = [
    (ColdStartRecommender, PLAIN, {}),
    (NewsRecommender, PLAIN, {}),
    (NewsRecommender, SLATES, {}),
    (TwoTowerRecommender, PLAIN, {}),
    (TwoTowerRecommender, RICH, {"hidden_layer_sizes": (4,)}),
    (MFRecommender, RICH, {"loss": "mse"}),
    (MFRecommender, RICH, {"loss": "ccl"}),
    (MFRecommender, RICH, {"loss": "bpr", "negatives": "hard", "n_negatives": 4}),
    (MFRecommender, RICH, {"loss": "bce", "negatives": "in_batch"}),
    (MFRecommender, SLATES, {"negatives": "slate"}),
    (MFRecommender, RICH, {"early_stopping": EarlyStopping("ndcg@10")}),
    (MFRecommender, RICH, {"solver": "als", "batch_size": None}),
    (MFRecommender, RICH, {"lr_schedule": CosineRestarts(cycle_len=5)}),
    (MFRecommender, RICH, {"loss": CosineContrastiveLoss(margin=0.2)}),
    (AutoRecRecommender, RICH, {"side": "item"}),
    (AutoRecRecommender, RICH, {"loss": "mse", "side": "item"}),
    (MultVAERecommender, RICH, {"kl_weight": 0.0}),
    (SASRecRecommender, RICH, {"negatives": "all", "n_negatives": 1024}),
    (CaserRecommender, RICH, {"n_negatives": 200}),
    (ItemKNNRecommender, RICH, {"normalize": False}),
    (UserKNNRecommender, RICH, {"normalize": False}),
    (UserKNNRecommender, RICH, {"shrinkage": 0.0}),
    (UserKNNRecommender, RICH, {"neighborhood": "reverse"}),
]


@pytest.mark.parametrize(
    ("estimator", "data", "settings"),
    COMBINATIONS,
    ids=[f"{estimator.__name__}-{'-'.join(map(str, settings.values()))}" for estimator, _, settings in COMBINATIONS],
)
def test_every_parameter_has_an_effect_or_causes_a_warning_beside_others(estimator, data, settings):
    assert_each_has_an_effect_or_warns(estimator, data, settings)
