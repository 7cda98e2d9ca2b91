"""Splitters, the once-only split and the core on drawn events, in every container, against plain Python."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from splitting_references import slow_core, slow_draw, slow_folds, slow_last, slow_windows

from skrec.data import Interactions
from skrec.model_selection import LeaveLastOut, RandomHoldout, TemporalSplit, UserKFold, k_core, train_test_split

CONTAINERS = {
    "codes": lambda columns: Interactions.from_arrays(
        columns["user"], columns["item"], timestamps=columns["timestamp"], n_users=9, n_items=9
    ),
    "labels": lambda columns: Interactions.from_frame(pd.DataFrame(columns)),
    "pandas": lambda columns: pd.DataFrame(columns, index=[7] * len(columns["user"])),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}

# repeated pairs, tied times, rows in no order of time
drawn_events = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(-3, 6)), min_size=1, max_size=30)
containers = st.sampled_from(sorted(CONTAINERS))
fractions = st.floats(0.02, 0.98)
seeds = st.integers(0, 99)


def contain(events, container):
    users, items, times = (list(column) for column in zip(*events))
    return CONTAINERS[container]({"user": users, "item": items, "timestamp": times})


def contents(X):
    """The events of any container, as plain tuples."""
    frame = X.to_frame() if isinstance(X, Interactions) else X
    return list(zip(*(frame[column].to_numpy().tolist() for column in ("user", "item", "timestamp"))))


def rows_where(mask):
    return [row for row, is_in in enumerate(mask) if is_in]


def check_splits(splitter, X, masks, complaint):
    """One pair of masks (train, test) for each split, or None for no split at all."""
    if masks is None:
        with pytest.raises(ValueError, match=complaint):
            list(splitter.split(X))
        return
    found = [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]
    assert found == [(rows_where(train), rows_where(test)) for train, test in masks]


def one_split(test):
    """What is not tested is trained on; nothing where nothing is tested."""
    return [([not is_in for is_in in test], test)] if test and any(test) else None


def permutation_of(seed):
    """Equal seeds give equal splits, whatever the version: by the first permutation of numpy's generator."""
    return lambda n: np.random.default_rng(seed).permutation(n).tolist()


def pairs(events):
    return [event[:2] for event in events]


def users(events):
    return [event[0] for event in events]


# ---- splitters -------------------------------------------------------------------------------------------------------


@given(drawn_events, containers, st.integers(1, 3))
def test_leave_last_out_agrees_with_the_slow_reference(events, container, n):
    masks = one_split(slow_last(events, n))
    check_splits(LeaveLastOut(n), contain(events, container), masks, f"no user has more than n={n} events")


@given(drawn_events, containers, st.integers(1, 3), fractions)
def test_temporal_split_agrees_with_the_slow_reference(events, container, n_splits, fraction):
    fraction /= n_splits
    window = slow_windows(events, fraction, n_splits)
    masks = window and [
        ([number < split for number in window], [number == split for number in window]) for split in range(1, n_splits + 1)
    ]
    splitter = TemporalSplit(n_splits, test_size=fraction)
    check_splits(splitter, contain(events, container), masks, f"{n_splits} windows of")


@given(drawn_events, containers, fractions, seeds)
def test_random_holdout_agrees_with_the_slow_reference(events, container, fraction, seed):
    masks = one_split(slow_draw(pairs(events), fraction, permutation_of(seed)))
    check_splits(RandomHoldout(fraction, random_state=seed), contain(events, container), masks, "two distinct")


@given(drawn_events, containers, fractions, seeds)
def test_further_random_holdouts_draw_on_from_the_same_generator(events, container, fraction, seed):
    rng = np.random.default_rng(seed)
    draws = [slow_draw(pairs(events), fraction, lambda n: rng.permutation(n).tolist()) for _ in range(3)]
    masks = None if draws[0] is None else [one_split(draw)[0] for draw in draws]
    splitter = RandomHoldout(fraction, n_splits=3, random_state=seed)
    check_splits(splitter, contain(events, container), masks, "two distinct")


@given(drawn_events, containers, st.integers(2, 4), st.none() | seeds)
def test_user_k_fold_agrees_with_the_slow_reference(events, container, n_splits, seed):
    order = (lambda n: list(range(n))) if seed is None else permutation_of(seed)
    folds = slow_folds(users(events), n_splits, order)
    masks = folds and [one_split(fold)[0] for fold in folds]
    splitter = UserKFold(n_splits, shuffle=seed is not None, random_state=seed)
    check_splits(splitter, contain(events, container), masks, f"n_splits={n_splits} is more than the number of users")


@given(st.integers(1, 12), st.integers(2, 4), seeds)
def test_user_k_fold_of_a_matrix_takes_its_rows_for_users(n_rows, n_splits, seed):
    folds = slow_folds(range(n_rows), n_splits, permutation_of(seed))
    masks = folds and [one_split(fold)[0] for fold in folds]
    X = sp.csr_array(np.eye(n_rows, 3))  # only three of the rows have entries
    check_splits(UserKFold(n_splits, random_state=seed), X, masks, "is more than the number of users")


# ---- once only -------------------------------------------------------------------------------------------------------


@given(drawn_events, containers, st.sampled_from(["random", "time", "last", "user"]), fractions, seeds)
def test_train_test_split_agrees_with_the_slow_reference(events, container, by, fraction, seed):
    n_last = 1 + seed % 3
    test = {
        "random": lambda: slow_draw(pairs(events), fraction, permutation_of(seed)),
        "user": lambda: slow_draw(users(events), fraction, permutation_of(seed)),
        "time": lambda: slow_windows(events, fraction, 1),
        "last": lambda: slow_last(events, n_last),
    }[by]()
    X, size = contain(events, container), n_last if by == "last" else fraction
    if not test or not any(test):
        with pytest.raises(ValueError, match=r"are needed|windows of|no user has more"):
            train_test_split(X, by=by, test_size=size, random_state=seed)
        return
    parts = train_test_split(X, by=by, test_size=size, random_state=seed)
    for part, is_tested in zip(parts, (False, True)):
        assert type(part) is type(X)
        assert contents(part) == [event for event, in_test in zip(events, test) if bool(in_test) == is_tested]


@given(drawn_events, containers, st.integers(1, 4), st.integers(1, 4))
def test_the_core_agrees_with_the_slow_reference(events, container, user, item):
    X, kept = contain(events, container), slow_core(events, user, item)
    if not any(kept):
        with pytest.raises(ValueError, match=f"nothing remains of X with user={user}, item={item}"):
            k_core(X, user=user, item=item)
        return
    core = k_core(X, user=user, item=item)
    assert type(core) is type(X)
    assert contents(core) == [event for event, stays in zip(events, kept) if stays]
    if isinstance(core, Interactions):
        assert core.user_ids.tolist() == sorted(set(users(contents(core))))
        assert (core.n_users, core.n_items) == (len(set(core.users.tolist())), len(set(core.items.tolist())))
