"""Checks of `partial_fit`."""

import copy
from unittest import SkipTest

import numpy as np
import pandas as pd

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.testing._data import labeled, likes, split_events, training_events
from skrec.testing._fitting import assert_equal_answers, assert_raises, assert_same_attributes, fitted, fresh


def check_partial_fit_of_an_unfitted_model_is_fit(estimator: BaseRecommender) -> None:
    """The first `partial_fit` is equal to `fit`."""
    first, whole = fresh(estimator).partial_fit(likes()), fresh(estimator).fit(likes())
    assert_equal_answers(first.recommend(k=5), whole.recommend(k=5), "after partial_fit instead of fit")


def check_partial_fit_keeps_codes_and_adds_labels(estimator: BaseRecommender) -> None:
    """Training users and items keep their codes, and new ones are appended and can be queried."""
    model = fresh(estimator).fit(labeled())
    user_ids, item_ids = model.user_ids_.tolist(), model.item_ids_.tolist()
    more = pd.DataFrame({"user": ["user 99", "new user", "new user"], "item": [9000, 900, 899]})
    _learn_more(model, more)
    assert model.user_ids_.tolist() == [*user_ids, "new user"] and model.item_ids_.tolist() == [*item_ids, 9000]
    assert (model.n_users_, model.n_items_, model.n_features_in_) == (46, 25, 25)
    answer = model.recommend(["new user", "user 99"], k=25)
    new, known = (row[:-1].tolist() if None in row.tolist() else row.tolist() for row in answer.items)
    assert not {900, 899} & set(new), "the new user gets seen items"
    assert 9000 in new and 9000 not in known, "the new item is not recommended, or to a user who has it"
    assert np.isfinite(model.predict(more)).all()


def check_partial_fit_takes_rows_for_new_users(estimator: BaseRecommender) -> None:
    """The rows of a matrix are appended as new users. A matrix of another width raises an error."""
    model = fresh(estimator).fit(likes())
    _learn_more(model, likes()[:7])
    assert (model.n_users_, model.n_items_) == (52, 24)
    assert (model.recommend([45, 49], k=24).codes[1, :6] >= 0).all()
    assert_raises(ValueError, lambda: model.partial_fit(likes()[:, :20]), "X has 20 features", "expecting 24 features")


def check_partial_fit_learns(estimator: BaseRecommender) -> None:
    """Training in two parts is nearly as good as training at once.

    The first part lacks a third of the users and some items. The score must be at least 80 % of that of one fit.
    """
    train, test = split_events()
    is_later = (train.users % 3 == 0) | (train.items >= 110)
    first = Interactions.from_arrays(
        *(getattr(train, name)[~is_later] for name in ("users", "items", "values")), timestamps=train.timestamps[~is_later]
    )
    model = fresh(estimator).fit(first)
    _learn_more(model, train[is_later])
    at_once = fitted(estimator, training_events).score(test)
    in_parts = model.score(test)
    assert in_parts >= 0.8 * at_once, f"the score is {in_parts:.4f} after two parts, {at_once:.4f} after all at once"


def check_failed_partial_fit(estimator: BaseRecommender) -> None:
    """Invalid data leave the model unchanged."""
    model = fresh(estimator).fit(likes())
    before, attributes = model.recommend(k=5), dict(vars(model))
    assert_raises(ValueError, lambda: model.partial_fit(likes() * np.nan), "X", "NaN")
    assert_raises(ValueError, lambda: model.partial_fit(labeled()), "labels")
    assert_raises(ValueError, lambda: model.partial_fit(np.zeros((2, 24))), "X has no events")
    assert_same_attributes(model, attributes, "a partial_fit that failed")
    assert_equal_answers(model.recommend(k=5), before, "after a partial_fit that failed")


def check_partial_fit_does_not_change_copies(estimator: BaseRecommender) -> None:
    """Copies of the model, which share its arrays, give the same results after `partial_fit`."""
    model = fresh(estimator).fit(likes())
    earlier, before = copy.copy(model), model.recommend(k=5)
    _learn_more(model, likes()[:7])
    assert_equal_answers(earlier.recommend(k=5), before, "a copy made before partial_fit")


def _learn_more(model: BaseRecommender, data: object) -> None:
    try:
        model.partial_fit(data)
    except NotImplementedError as reason:
        raise SkipTest(f"no partial_fit: {reason}") from reason
