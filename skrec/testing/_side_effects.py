"""What a recommender leaves alone."""

import contextlib
import hashlib
import io
import logging
import os
import random
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_info, threadpool_limits

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.testing._data import labelled, likes
from skrec.testing._fitting import fitted, fresh


def check_input_is_not_changed(estimator: BaseRecommender) -> None:
    """Neither `fit` nor any question changes the data it is given, in whatever order they are."""
    for data in (_unsorted(likes()), _own(labelled()), labelled().to_frame()):
        before = _digest(data)
        model = _fit_repeats(estimator, data)
        model.recommend(data, k=3)
        model.predict(data)
        if hasattr(model, "transform"):
            model.transform(data)
        assert _digest(data) == before, f"a {type(data).__name__} was changed"


def check_read_only_input(estimator: BaseRecommender) -> None:
    """Data that cannot be written to are as good as others."""
    for data in (_unsorted(likes()), _own(labelled())):
        for array in _arrays(data):
            array.flags.writeable = False
        model = _fit_repeats(estimator, data)
        model.recommend(data, k=3)
        model.predict(data)


def _fit_repeats(estimator: BaseRecommender, data: Any) -> BaseRecommender:
    """Fit data with repeated pairs, about which a model may say what it does with them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return fresh(estimator).fit(data)


def check_nothing_global_is_touched(estimator: BaseRecommender) -> None:
    """Random generators, threads, loggers, warning filters, environment, signals and the working directory stay."""
    _use(fitted(estimator, likes))  # the libraries' own imports lie behind us
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _unusual_random_states(), threadpool_limits(2):
        before = _global_state()
        _use(fresh(estimator).fit(likes()))
        after = _global_state()
        assert os.listdir(folder) == [], f"files were left: {os.listdir(folder)}"
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"changed: {', '.join(changed)}"


def check_silence(estimator: BaseRecommender) -> None:
    """Not a byte on the standard streams, and no warning."""
    _use(fitted(estimator, likes))
    with _captured() as streams, warnings.catch_warnings():
        warnings.simplefilter("error")
        _use(fresh(estimator).fit(likes()))
    assert streams == ["", ""], f"was written: {streams}"


def _use(model: BaseRecommender) -> None:
    model.recommend(k=3)
    model.recommend(likes(), k=3)
    model.predict(likes()[:2])
    model.recommend_users([0])
    model.score(likes())


@contextlib.contextmanager
def _unusual_random_states() -> Iterator[None]:
    """Global generators where no seed puts them: seeding them again would else go unnoticed."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    for draw in (random.random, np.random.random_sample, lambda: torch.rand(1)):
        draw()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


def _unsorted(matrix: sp.csr_array) -> sp.csr_array:
    """Every row backwards, its first entry once more."""
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


def _global_state() -> dict[str, Any]:
    import torch

    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    return {
        "the random state of numpy": repr(np.random.get_state()),  # noqa: NPY002
        "the random state of Python": random.getstate(),
        "the random state of torch": torch.get_rng_state().tolist(),
        "the threads of torch": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "the threads of BLAS and OpenMP": sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()),
        "the defaults of torch": (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "the error handling of numpy": np.geterr(),
        "the loggers": [
            (logger.name, logger.level, logger.disabled, logger.propagate, list(logger.handlers))
            for logger in [logging.root, *loggers]
        ],
        "the warning filters": list(warnings.filters),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "the import path": list(sys.path),
        "the signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "the exception hook": sys.excepthook,
    }


@contextlib.contextmanager
def _captured() -> Iterator[list[str]]:
    """What is written to the standard streams, by Python or beneath it; complete when the block has ended."""
    streams: list[str] = []
    written = [io.StringIO(), io.StringIO()]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        saved = [os.dup(1), os.dup(2)]
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            with contextlib.redirect_stdout(written[0]), contextlib.redirect_stderr(written[1]):
                yield streams
        finally:
            for descriptor, number in zip(saved, (1, 2)):
                os.dup2(descriptor, number)
                os.close(descriptor)
        for text, file in zip(written, (out, err)):
            file.seek(0)
            streams.append(text.getvalue() + file.read().decode(errors="replace"))
