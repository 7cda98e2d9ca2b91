"""Checks of the forms of data that `fit` accepts."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.testing._data import labeled, likes
from skrec.testing._fitting import assert_equal_answers, assert_raises, fitted, fresh


def check_every_form_of_a_matrix_is_the_same(estimator: BaseRecommender) -> None:
    """Sparse formats, dense arrays and other dtypes with the same values give the same model."""
    expected = fitted(estimator, likes).recommend(k=8)
    forms = [sp.csr_matrix(likes()), likes().tocoo(), likes().tocsc(), likes().toarray().astype(np.int64)]
    for form in forms:
        assert_equal_answers(fresh(estimator).fit(form).recommend(k=8), expected, f"fitted to a {type(form).__name__}")


def check_y_holds_the_values_of_events(estimator: BaseRecommender) -> None:
    """Values passed as y are the values of a table of events. y is ignored with a matrix."""
    values = labeled().values * (np.arange(len(labeled())) % 4 > 0)
    together = labeled().with_values(values).to_frame()
    expected = fresh(estimator).fit(together)
    model = fresh(estimator).fit(together.drop(columns="rating"), together["rating"])
    assert_equal_answers(model.recommend(k=8), expected.recommend(k=8), "with values as y")
    plain = fresh(estimator).fit(likes(), np.zeros(45))
    assert_equal_answers(plain.recommend(k=8), fitted(estimator, likes).recommend(k=8), "with y beside a matrix")


def check_optional_fields_are_accepted(estimator: BaseRecommender) -> None:
    """X may have timestamps, impressions, features and weights. Ignored weights give a warning."""
    plain = likes().tocoo()
    columns = {
        "timestamps": np.arange(plain.nnz) + 10**9,
        "impressions": plain.row,
        "user_features": np.eye(45, 3, dtype=np.float32),
        "item_features": np.eye(24, 2, dtype=np.float32),
    }
    whole = Interactions.from_arrays(plain.row, plain.col, plain.data, n_users=45, n_items=24, **columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fresh(estimator).fit(whole)
    assert (model.recommend(k=3).codes >= 0).all() and (model.recommend(whole, k=3).codes >= 0).all()
    weights = np.where(plain.col % 2, 9.0, 0.1)
    weighted = Interactions.from_arrays(plain.row, plain.col, plain.data, n_users=45, n_items=24, weights=weights)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        scores = fresh(estimator).fit(weighted).recommend(k=24, exclude_seen=False).scores
    if not any(issubclass(warning.category, UserWarning) and "weights" in str(warning.message) for warning in said):
        equal = fitted(estimator, likes).recommend(k=24, exclude_seen=False).scores
        assert not np.array_equal(scores, equal), "weights of events are ignored without a warning"


def check_invalid_numbers_are_refused(estimator: BaseRecommender) -> None:
    """NaN, infinity, complex numbers and strings raise errors in all methods, sparse or dense."""
    model = fitted(estimator, likes)
    calls = [fresh(estimator).fit, model.recommend, model.predict, model.score]
    if hasattr(model, "transform"):
        calls.append(model.transform)
    for bad in (np.nan, np.inf, 1j, "many"):
        dense: Any = likes().toarray().astype(object if isinstance(bad, str) else np.result_type(bad, np.float32))
        dense[3, 3] = bad
        for form in (dense,) if isinstance(bad, str) else (dense, sp.csr_array(dense)):
            for call in calls:
                assert_raises((ValueError, TypeError), lambda call=call, form=form: call(form))
