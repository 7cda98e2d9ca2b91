"""Small models of all estimators and of their variants, and their answers, for the tests of saved models.

``python tests/saved_models.py`` writes the golden files in `tests/golden_models`. Write them only for a new format or a new
estimator: files that an earlier version has written must stay readable.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from small_models import N_ITEMS, N_USERS, likes

from skrec import (
    ALS,
    ALSRecommender,
    AutoRecRecommender,
    ColdStartRecommender,
    CosineContrastiveLoss,
    CosineRestarts,
    EarlyStopping,
    Interactions,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    NeuMFRecommender,
    NewsRecommender,
    PopularityRecommender,
    SASRecRecommender,
    TwoTowerRecommender,
    UserKNNRecommender,
    all_estimators,
    load,
)

GOLDEN = Path(__file__).parent / "golden_models"
_QUICK = {
    "n_factors": 4,
    "max_epochs": 1,
    "n_jobs": 1,
    "random_state": 0,
    "hidden_layer_sizes": (6,),
    "n_neighbors": 5,
    "n_horizontal": 2,
    "max_length": 6,
}


def quick(estimator):
    """The estimator with parameters for which a fit takes little time, where they are at their defaults."""
    names = estimator.get_params()
    defaults = type(estimator)().get_params()
    return estimator.set_params(
        **{name: value for name, value in _QUICK.items() if name in names and names[name] == defaults[name]}
    )


def one_of(cls):
    return ColdStartRecommender(estimator=quick(ALSRecommender())) if cls is ColdStartRecommender else quick(cls())


ESTIMATORS = {cls.__name__: one_of(cls) for cls in all_estimators()}
VARIANTS = {
    "ratings": quick(MFRecommender(loss="mse")),
    "bounded ratings": quick(MFRecommender(loss="mse", y_range=(0, 12))),
    "drawn negatives": quick(MFRecommender(loss="bpr")),
    "hard negatives": quick(MFRecommender(loss="warp", negatives="hard", n_negatives=3)),
    "cosine contrastive loss": quick(MFRecommender(loss=CosineContrastiveLoss(margin=0.3), negatives="uniform")),
    "least squares": quick(MFRecommender(solver=ALS(n_steps=3), half_life=20.0)),
    "cosines": quick(MFRecommender(temperature=0.2)),
    "early stopping": quick(MFRecommender(early_stopping=EarlyStopping("ndcg@10", patience=1))),
    "restarts": quick(MFRecommender(lr_schedule=CosineRestarts(cycle_len=1), max_epochs=2)),
    "item rows": quick(AutoRecRecommender(side="item")),
    "item rows of ratings": quick(AutoRecRecommender(side="item", loss="mse")),
    "user rows of ratings": quick(AutoRecRecommender(loss="mse")),
    "batch normalization": quick(MLPRecommender(batch_norm=True)),
    "pre-training": quick(NeuMFRecommender(pretrain=True)),
    "reverse neighbors": quick(UserKNNRecommender(neighborhood="reverse")),
    "towers of cosines": quick(TwoTowerRecommender(temperature=0.2)),
    "graph with softmax": quick(LightGCNRecommender(loss="softmax")),
    "half-life": quick(ALSRecommender(half_life=30.0)),
    "half-life of items": quick(NewsRecommender(item_half_life=20.0, hidden_layer_sizes=())),
    "nested network": ColdStartRecommender(estimator=quick(SASRecRecommender())),
    "popular lately": quick(PopularityRecommender(half_life=30.0)),
}


def training_events():
    """50 events with labels, times and features. The last item has features and no events."""
    plain = likes()
    rng = np.random.default_rng(0)
    return Interactions.from_arrays(
        plain.users,
        plain.items,
        2 * rng.integers(1, 6, len(plain)) + 1,  # models would warn about values from 1 to 5
        timestamps=np.arange(len(plain)),
        user_ids=[f"user {number}" for number in range(N_USERS)],
        item_ids=[900 - number for number in range(N_ITEMS + 1)],
        item_features=rng.random((N_ITEMS + 1, 3)),
    )


def new_events():
    """Events of two new users."""
    return Interactions.from_arrays(
        [0, 0, 1, 1, 1],
        [1, 2, 4, 5, 6],
        [3, 5, 11, 7, 9],
        timestamps=np.arange(100, 105),
        user_ids=["new 1", "new 2"],
        item_ids=[900 - number for number in range(N_ITEMS + 1)],
        item_features=training_events().item_features,
    )


def fit(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # parameters have no effect on such small data
        return clone(estimator).fit(training_events())


def answers(model):
    """What a model says: lists of known and new users, scores of pairs, and similar items."""
    known, new = model.recommend(k=4), model.recommend(new_events(), k=4)
    near = model.similar_items([900, 899, 898], k=3)
    lists = {"known": known, "new": new, "near": near}
    found = {f"{name} {part}": getattr(answer, part) for name, answer in lists.items() for part in ("codes", "scores")}
    return found | {"scores of pairs": model.predict(training_events())}


def assert_same(found, expected):
    """Raise AssertionError unless two answers are equal bit by bit."""
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name, strict=True)


def main():
    GOLDEN.mkdir(exist_ok=True)
    for name, estimator in ESTIMATORS.items():
        if (path := GOLDEN / f"{name}.skrec").exists() and "--all" not in sys.argv:
            continue
        fit(estimator).save(path)
        stored = {part: array.tolist() for part, array in answers(load(path)).items()}
        path.with_suffix(".json").write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
