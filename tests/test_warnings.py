"""Warnings point at the line where the user can do something about them: here, at this file."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skrec import (
    ALSRecommender,
    EarlyStopping,
    EASERecommender,
    MarkovRecommender,
    MFRecommender,
    PopularityRecommender,
    SLIMRecommender,
    compare,
    get_scorer,
)
from skrec.metrics import make_multi_scorer

FOLDS = KFold(2, shuffle=True, random_state=0)


def rated():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"user": rng.integers(0, 30, 500), "item": rng.integers(0, 20, 500), "rating": rng.integers(1, 6, 500)}
    )
    return table.drop_duplicates(["user", "item"], ignore_index=True)


EVENTS = rated()
TRAIN, TEST = EVENTS[:200], EVENTS[200:]
NEWCOMERS = pd.DataFrame({"user": range(90, 99), "item": 1})
FEW = pd.concat([NEWCOMERS, TEST[["user", "item"]][:3]])
REPEATS = pd.concat([TRAIN, TEST[:50]])


def said_by(call):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        call()
    assert said, "nothing was said"
    return said


def in_every_way(model, scorer, X):
    """Each way in which people ask a scorer."""
    pipeline = make_pipeline("passthrough", model)
    return {
        "scorer": lambda: scorer(model, X),
        "evaluate": lambda: scorer.evaluate(model, X),
        "several": lambda: make_multi_scorer(["ndcg@5", "auc"], positive_from=scorer.positive_from)(model, X),
        "pipeline": lambda: scorer(pipeline, X),
        "in a function": lambda: (lambda: scorer(model, X))(),
    }


def fitted(positive_from):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PopularityRecommender(positive_from=positive_from).fit(TRAIN)


QUIET = get_scorer("ndcg@5", positive_from=0)
ALL_COUNT = fitted(0)
WAYS = {
    f"{what}, {way}": call
    for what, model, scorer, X in (
        ("few users", ALL_COUNT, QUIET, FEW),
        ("repeats", ALL_COUNT, QUIET, REPEATS),
        ("nothing but repeats", ALL_COUNT, QUIET, TRAIN[:50]),
        ("stars", fitted(None), get_scorer("ndcg@5"), TEST),
        ("another threshold", fitted(3), get_scorer("ndcg@5"), TEST),
    )
    for way, call in in_every_way(model, scorer, X).items()
}


OTHERS = {
    "fit": lambda: PopularityRecommender().fit(EVENTS),
    "fit of a pipeline": lambda: make_pipeline("passthrough", PopularityRecommender()).fit(EVENTS),
    "fit, weights": lambda: EASERecommender(positive_from=4).fit(EVENTS.assign(weight=2)),
    "partial_fit": lambda: ALSRecommender(n_factors=2, max_epochs=1, n_jobs=1).partial_fit(EVENTS),
    "slim": lambda: SLIMRecommender(max_iter=1, tol=1e-12, regularization=1e-3, positive_from=1, n_jobs=1).fit(EVENTS),
    "score": lambda: ALL_COUNT.score(FEW),
    "search": lambda: GridSearchCV(PopularityRecommender(), {}, scoring=QUIET, cv=FOLDS).fit(EVENTS),
    "cross_val_score": lambda: cross_val_score(
        PopularityRecommender(positive_from=3), EVENTS, scoring=get_scorer("auc"), cv=FOLDS
    ),
    "cross_val_score of a pipeline": lambda: cross_val_score(
        make_pipeline("passthrough", PopularityRecommender(positive_from=3)), EVENTS, scoring=get_scorer("auc"), cv=FOLDS
    ),
    "cross_val_score by score": lambda: cross_val_score(PopularityRecommender(), EVENTS, cv=FOLDS),
    "compare": lambda: compare(
        [PopularityRecommender(positive_from=0)], TRAIN, QUIET, test=FEW, baseline="PopularityRecommender"
    ),
}


@pytest.mark.parametrize("call", [*WAYS.values(), *OTHERS.values()], ids=[*WAYS, *OTHERS])
def test_a_warning_points_at_the_line_of_the_user(call):
    assert {warning.filename for warning in said_by(call)} == {__file__}


NEURAL = {"n_factors": 2, "max_epochs": 2, "random_state": 0}
STOPPING = EarlyStopping("valid_loss", validation_fraction=0.3)
ACCUMULATED = MFRecommender(trainer={"accumulate_grad_batches": 3}, batch_size=128, **NEURAL)
OF_NEURAL_MODELS = {
    "trainer, fit": lambda: ACCUMULATED.fit(EVENTS),
    "trainer, partial_fit": lambda: clone(ACCUMULATED).fit(EVENTS[:300]).partial_fit(EVENTS[300:]),
    "trainer, search": lambda: GridSearchCV(ACCUMULATED, {}, scoring=QUIET, cv=FOLDS).fit(EVENTS),
    "early_stopping": lambda: MFRecommender(early_stopping=STOPPING, **NEURAL).fit(EVENTS, validation=TEST),
    "n_negatives": lambda: MFRecommender(n_negatives=3, **NEURAL).fit(EVENTS),
}


@pytest.mark.parametrize("call", OF_NEURAL_MODELS.values(), ids=OF_NEURAL_MODELS)
def test_a_warning_of_a_neural_model_points_at_the_line_of_the_user(call):
    words = [warning for warning in said_by(call) if " has no effect on this fit" in str(warning.message)]
    assert {warning.filename for warning in words} == {__file__}


def test_a_warning_about_a_damaged_checkpoint_points_at_the_line_of_the_user(tmp_path):
    model = MFRecommender(checkpoint_dir=tmp_path, positive_from=4, **NEURAL).fit(TRAIN)
    for path in tmp_path.rglob("*.ckpt"):
        path.write_bytes(b"damaged")
    words = [warning for warning in said_by(lambda: model.fit(TRAIN)) if "cannot be read" in str(warning.message)]
    assert {warning.filename for warning in words} == {__file__}


def test_train_scores_are_asked_for_without_a_warning():
    scores = cross_validate(ALL_COUNT, EVENTS, scoring=QUIET, cv=FOLDS, return_train_score=True)
    assert np.isfinite(scores["train_score"]).all()


def test_nothing_is_said_of_two_folds_of_the_rows_of_a_matrix():
    likes = sp.random_array((60, 30), density=0.3, random_state=np.random.default_rng(0), format="csr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_validate(EASERecommender(), likes, scoring=get_scorer("ndcg@10"), cv=FOLDS, return_train_score=True)
        GridSearchCV(EASERecommender(), {"regularization": [1.0, 10.0]}, cv=2).fit(likes)


def test_nothing_is_said_of_known_users_of_a_model_of_sequences():
    events = EVENTS.assign(timestamp=np.arange(len(EVENTS)))
    model = MarkovRecommender(positive_from=1).fit(events)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for users in (None, 3, [1, 2], np.array([1, 2]), {1, 2}, pd.Series([1, 2])):
            model.recommend(users, k=2)
        list(model.recommend_iter([1, 99], k=2, unknown="popular"))
