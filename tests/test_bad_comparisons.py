"""Arguments of compare that are refused."""

import numpy as np
import pandas as pd
import pytest
from compared_models import Spy, als
from sklearn.model_selection import GridSearchCV

from skrec import ALSRecommender, compare
from skrec.model_selection import RandomHoldout

FRAME = pd.DataFrame({"user": list("aabb"), "item": list("xyyz")})
# case: arguments in place of good ones, type of error, words
REFUSED = {
    "one estimator": ({"estimators": als()}, TypeError, "estimators must be a list of recommenders"),
    "no estimator": ({"estimators": []}, ValueError, "estimators must contain at least one recommender"),
    "a class": ({"estimators": [ALSRecommender]}, TypeError, "estimators must be recommenders, or searches"),
    "a splitter": ({"estimators": {"a": RandomHoldout()}}, TypeError, "estimators must be recommenders, or searches"),
    "a number for a name": ({"estimators": {1: als()}}, TypeError, "names of estimators must be strings, got 1"),
    "a search without a model": (
        {"estimators": [GridSearchCV(als(), {}, refit=False)]},
        ValueError,
        "must refit the best model, got refit=False",
    ),
    "data": ({"X": "abc"}, TypeError, "X must be"),
    "values": ({"y": [1, 2]}, ValueError, "y"),
    "scorer": ({"scorers": "ndcg"}, ValueError, "name must be one of ndcg@k"),
    "no scorer": ({"scorers": []}, ValueError, "scorers must be at least one"),
    "the same scorer twice": ({"scorers": ["neg_rmse", "neg_rmse"]}, ValueError, "with distinct names"),
    "a function": ({"scorers": [len]}, TypeError, "scorers must be names such as 'ndcg@10'"),
    "baseline": ({"baseline": "EASE"}, ValueError, "baseline must be one of the estimators, 'Spy', got 'EASE'"),
    "test and cv": ({"test": FRAME, "cv": RandomHoldout()}, ValueError, "test and cv must not be given together"),
    "a number of folds": ({"cv": 5}, TypeError, "cv must be a splitter"),
    "a word for a splitter": (
        {"cv": "KFold"},
        TypeError,
        "cv must be a splitter such as RandomHoldout() or KFold(), got 'KFold'",
    ),
    "test data without values": (
        {"y": [1, 2, 3, 4], "test": FRAME},
        ValueError,
        "test must have values, such as a column 'rating', if y is given",
    ),
    "test data without labels": ({"test": np.eye(3)}, ValueError, "test has no labels for its items"),
    "level": ({"confidence_level": 95}, ValueError, "confidence_level must be a finite number above 0 and below 1, got 95"),
    "resamples": ({"n_resamples": 0}, ValueError, "n_resamples must be an integer of at least 2, got 0"),
    "seed": ({"random_state": "a"}, ValueError, "random_state must be an int from 0 to 2**32 - 1"),
    "negative seed": ({"random_state": -1}, ValueError, "random_state must be an int from 0 to 2**32 - 1"),
    "verbose": ({"verbose": -1}, ValueError, "verbose must be an integer of at least 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_any_fit(case):
    changed, error, words = REFUSED[case]
    Spy.seen.clear()
    with pytest.raises(error) as caught:
        compare(**{"estimators": [Spy()], "X": FRAME} | changed)
    assert words in str(caught.value)
    assert Spy.seen == []
