"""Checks that a recommender has no side effects."""

import contextlib
import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.metrics._estimators import read_traits
from skrec.testing._data import labeled, likes
from skrec.testing._fitting import ORDER_WARNING, assert_equal_answers, assert_same_attributes, fitted, fresh
from skrec.testing._process import captured, global_state, logged, unusual_process


def check_input_is_not_changed(estimator: BaseRecommender) -> None:
    """No method changes the data it is given, whatever their order."""
    for data in (_unsorted(likes()), _own(labeled()), labeled().to_frame()):
        before = _digest(data)
        with _without_user_warnings():
            model = fresh(estimator).fit(data)
            model.recommend(data, k=3)
        model.predict(data)
        if hasattr(model, "transform"):
            model.transform(data)
        assert _digest(data) == before, f"a {type(data).__name__} was changed"


def check_read_only_input(estimator: BaseRecommender) -> None:
    """Read-only data are accepted."""
    for data in (_unsorted(likes()), _own(labeled())):
        for array in _arrays(data):
            array.flags.writeable = False
        with _without_user_warnings():
            model = fresh(estimator).fit(data)
            model.recommend(data, k=3)
        model.predict(data)


@contextlib.contextmanager
def _without_user_warnings() -> Iterator[None]:
    """Ignore UserWarnings about repeated pairs and matrices of the training shape."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def check_global_state_is_unchanged(estimator: BaseRecommender) -> None:
    """Random generators, threads, loggers, warning filters, environment, signals and working directory do not change.

    No thread, process or open file is left.
    """
    _use(fitted(estimator, likes))  # imports of libraries are done
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), unusual_process():
        before = global_state()
        _use(fresh(estimator).fit(likes()))
        after = global_state()
        assert os.listdir(folder) == [], f"files were left: {os.listdir(folder)}"
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"changed: {', '.join(changed)}"


def check_silence(estimator: BaseRecommender) -> None:
    """Nothing is printed or logged, and the only warning is that a matrix has no order in time."""
    _use(fitted(estimator, likes))
    with captured() as streams, logged() as messages, warnings.catch_warnings():
        warnings.simplefilter("error")
        if read_traits(estimator).ordered:
            warnings.filterwarnings("ignore", ORDER_WARNING, UserWarning)
        _use(fresh(estimator).fit(likes()))
    assert streams == ["", ""], f"was written: {streams}"
    assert messages == [], f"was logged: {messages}"


def check_inference_does_not_change_the_model(estimator: BaseRecommender) -> None:
    """Inference leaves the model unchanged, and repeated calls give exactly the same results."""
    model = fresh(estimator).fit(labeled())
    before = vars(model).copy()
    arrays = {name: value.copy() for name, value in before.items() if isinstance(value, np.ndarray)}
    known, new, scores = (model.recommend(k=5), model.recommend(labeled(), k=5), model.predict(labeled()))
    audience, value = model.recommend_users(labeled().item_ids[:3]), model.score(labeled())
    with contextlib.suppress(NotImplementedError):
        model.similar_items(labeled().item_ids[:3])
        model.similar_users(["user 99"])
    assert_equal_answers(model.recommend(k=5), known, "repeated")
    assert_equal_answers(model.recommend(labeled(), k=5), new, "repeated for new users")
    assert_equal_answers(model.recommend_users(labeled().item_ids[:3]), audience, "repeated recommend_users")
    np.testing.assert_array_equal(model.predict(labeled()), scores, err_msg="repeated predict")
    assert model.score(labeled()) == value
    assert_same_attributes(model, before, "inference")
    changed = [name for name, array in arrays.items() if not np.array_equal(before[name], array)]
    assert not changed, f"inference changed {', '.join(changed)}"


def _use(model: BaseRecommender) -> None:
    model.recommend(k=3)
    model.recommend(likes()[:2], k=3)
    model.predict(Interactions.from_csr(likes()))
    model.recommend_users([0])
    model.score(likes()[:3])


def _unsorted(matrix: sp.csr_array) -> sp.csr_array:
    """Entries of each row in reverse order, the first one repeated."""
    entries = matrix.tocoo()
    again = np.r_[np.arange(matrix.nnz)[::-1], matrix.indptr[:-1][np.diff(matrix.indptr) > 0]]
    order = again[np.argsort(entries.row[again], kind="stable")]
    counts = np.bincount(entries.row[order], minlength=matrix.shape[0])
    return sp.csr_array((matrix.data[order], matrix.indices[order], np.append(0, counts.cumsum())), shape=matrix.shape)


def _own(data: Interactions) -> Interactions:
    return Interactions.from_arrays(
        data.users.copy(), data.items.copy(), data.values.copy(), user_ids=data.user_ids, item_ids=data.item_ids.copy()
    )


def _arrays(data: Any) -> list[np.ndarray]:
    if sp.issparse(data):
        return [data.data, data.indices, data.indptr]
    return [data.users, data.items, data.values, data.user_ids, data.item_ids]


def _digest(data: Any) -> str:
    if isinstance(data, pd.DataFrame):
        return hashlib.sha256(pd.util.hash_pandas_object(data).to_numpy().tobytes()).hexdigest() + str(data.dtypes)
    digest = hashlib.sha256()
    for array in _arrays(data):
        digest.update(repr(array.tolist()).encode() + str(array.dtype).encode())
    return digest.hexdigest()
