"""Events that were in no impression, beside those that were in one."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from skrec import EarlyStopping, Interactions, MFRecommender, NewsRecommender, get_scorer
from skrec.data import append_events, event_times, fill_missing_impressions, read_impressions, shown_events
from skrec.data._splitting import hold_out_impressions, hold_out_latest_impressions
from skrec.engine import SlateBatches
from skrec.metrics import impression_auc, impression_mrr, impression_ndcg

USERS, ITEMS, CLICKS = [0, 0, 1, 1, 1, 0], [0, 1, 0, 2, 1, 2], [1, 0, 0, 1, 1, 1]
EVENTS = Interactions.from_arrays(USERS, ITEMS, CLICKS, impressions=[4, 4, 2, 2, -1, -1], timestamps=[5, 6, 3, 4, 1, 9])
BIG = 2**60

NUMBERS = [BIG, BIG, BIG + 1, BIG + 1, None, None]
FORMS = {
    "None": pd.Series(NUMBERS, dtype=object),
    "nullable": pd.array(NUMBERS, dtype="Int64"),
    "Arrow in pandas": pd.array(NUMBERS, dtype="int64[pyarrow]"),
    "-1": [BIG, BIG, BIG + 1, BIG + 1, -1, -1],
    "words": ["x", "x", "y", "y", None, np.nan],
    "category": pd.Categorical(["x", "x", "y", "y", None, None]),
    "floats": [3.0, 3.0, 8.0, 8.0, np.nan, np.nan],
    "floats and -1": [3.0, 3.0, 8.0, 8.0, np.nan, -1.0],
}


@pytest.mark.parametrize("labels", FORMS.values(), ids=FORMS)
def test_a_missing_label_is_minus_one(labels):
    table = pd.DataFrame({"user": USERS, "item": ITEMS, "impression": labels})
    assert Interactions.from_frame(table).impressions.tolist() == [0, 0, 1, 1, -1, -1]


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_so_it_is_in_other_libraries(make):
    table = make({"user": USERS, "item": ITEMS, "impression": NUMBERS})
    assert Interactions.from_frame(table).impressions.tolist() == [0, 0, 1, 1, -1, -1]


@pytest.mark.parametrize("numbers", [[4, 4, 2, 2, -1, -1], [4, 4, 2, 2, None, np.nan], np.array([4, 4, 2, 2, np.nan, -1])])
def test_numbers_may_be_missing_too(numbers):
    data = Interactions.from_arrays(USERS, ITEMS, impressions=numbers)
    assert data.impressions.tolist() == [4, 4, 2, 2, -1, -1] and data.impressions.dtype == np.int64


def test_each_of_them_is_by_itself():
    assert fill_missing_impressions(EVENTS.impressions).tolist() == [4, 4, 2, 2, 5, 6]
    assert shown_events(EVENTS).impressions.tolist() == [4, 4, 2, 2]
    shown = read_impressions(EVENTS.users, EVENTS.impressions)
    assert shown.users[shown.places].tolist() == USERS
    assert event_times(EVENTS).tolist() == [5, 5, 3, 3, 1, 9]


def test_holding_out_takes_them_one_by_one():
    assert hold_out_latest_impressions(EVENTS, 0.25).tolist() == [False] * 5 + [True]
    held_out = [hold_out_impressions(EVENTS, 0.5, np.random.default_rng(seed)) for seed in range(20)]
    assert all(mask[0] == mask[1] and mask[2] == mask[3] for mask in held_out)
    assert any(mask[4] != mask[5] for mask in held_out)


def test_they_teach_no_order_of_what_was_shown():
    with_them, without = (SlateBatches(events, batch_size=8) for events in (EVENTS, EVENTS[:4]))
    generator = torch.Generator().manual_seed(0)
    assert len(with_them.examples) == 2
    (one,), (other,) = (list(batches.epoch(generator.manual_seed(0))) for batches in (with_them, without))
    assert torch.equal(one.items, other.items) and torch.equal(one.mask, other.mask)


def test_new_impressions_are_numbered_behind_the_known_ones_and_missing_ones_stay_missing():
    both = append_events(EVENTS, EVENTS, as_new_users=False)
    assert both.impressions.tolist() == [4, 4, 2, 2, -1, -1, 9, 9, 7, 7, -1, -1]


@pytest.mark.parametrize("metric", [impression_auc, impression_mrr, impression_ndcg])
def test_metrics_leave_them_out(metric):
    scores = np.arange(6.0)
    expected = metric(scores[:4], CLICKS[:4], EVENTS.impressions[:4])
    assert metric(scores, CLICKS, EVENTS.impressions).tolist() == expected.tolist()


@pytest.mark.parametrize("model", [NewsRecommender(n_factors=2), MFRecommender(negatives="slate", n_factors=2)], ids=repr)
def test_models_of_slates_are_fitted_stopped_early_and_scored_beside_them(model):
    rng = np.random.default_rng(0)
    users, numbers = np.repeat(rng.integers(0, 9, 60), 2), np.repeat(np.arange(60), 2)
    numbers[40:60] = -1
    items, clicks = rng.permuted(np.tile(np.arange(10), (12, 1)), axis=1).ravel(), np.tile([1, 0], 60)
    data = Interactions.from_arrays(users, items, clicks, impressions=numbers, timestamps=np.arange(120))
    model.set_params(max_epochs=2, random_state=0, early_stopping=EarlyStopping("valid_loss", validation_fraction=0.3)).fit(
        data
    )
    assert np.isfinite(model.history_.valid_loss).all()
    evaluation = get_scorer("impression_auc").evaluate(model, data)
    assert evaluation.impressions.tolist() == sorted(set(numbers.tolist()) - {-1})
    more = Interactions.from_arrays([1, 2], [3, 4], impressions=[-1, -1], timestamps=[200, 201])
    assert len(model.set_params(early_stopping=None).partial_fit(more).events_) == 122


def test_impressions_that_all_are_missing_are_no_impressions():
    clicks = EVENTS._replace(impressions=np.full(6, -1))
    assert NewsRecommender(n_factors=2, max_epochs=1, random_state=0).fit(clicks).objective_.draws_negatives
    with pytest.raises(ValueError, match="no impression in X can be scored"):
        get_scorer("impression_auc")(MFRecommender(n_factors=2, max_epochs=1).fit(EVENTS), clicks)
