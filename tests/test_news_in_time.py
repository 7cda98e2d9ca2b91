"""News: what a reader's vector may know, and what age is worth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from small_news import (
    HOUR,
    N_ITEMS,
    N_SHOWN,
    N_SLATES,
    N_USERS,
    TEXT,
    model,
    otherwise_from,
    scores_in_training,
    slates,
    untrained,
)

from skrec import Interactions

pytestmark = pytest.mark.usefixtures("one_thread")

# ---- nothing of the future -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("impression", [7, 20, 21, 59])
def test_predict_knows_nothing_of_the_moment_and_of_what_follows(impression):
    data = slates()
    asked = data[data.impressions == impression]
    time = asked.timestamps[0]
    expected = untrained(data).predict(asked)
    for seed in range(3):
        other = otherwise_from(data, time, seed=seed)
        np.testing.assert_allclose(untrained(other).predict(asked), expected, atol=1e-6)
    past = otherwise_from(data, 0)
    assert np.abs(untrained(past).predict(asked) - expected).max() > 1e-3


def test_predict_of_many_moments_at_once_knows_nothing_of_their_future():
    data = slates()
    whole = untrained(data).predict(data)
    for time in (3600 * 5, 3600 * 20):
        until = data[data.timestamps <= time]
        np.testing.assert_allclose(untrained(otherwise_from(data, time)).predict(until), whole[: len(until)], atol=1e-6)


@pytest.mark.parametrize("impression", [7, 20, 59])
def test_training_knows_nothing_of_the_moment_and_of_what_follows(impression):
    data = slates()
    time = data.timestamps[data.impressions == impression][0]
    other = otherwise_from(data, time, except_for=impression)
    fitted = untrained(data)
    truth, changed = scores_in_training(fitted, data), scores_in_training(untrained(other), other)
    until = {str(key) for key in truth if float(key.split(",")[1]) <= time - data.timestamps.max()}
    shared = until & changed.keys()
    # all slates before that moment, and at it the one whose articles are still the same
    assert len(shared) == 2 * (time // 3600) + 1
    for key in shared:
        np.testing.assert_allclose(changed[key], truth[key], atol=1e-6)


def test_what_training_sees_is_what_predict_says():
    data = slates()
    fitted = model(item_half_life=5 * HOUR).fit(data)
    in_training = scores_in_training(fitted, data)
    predicted = fitted.predict(data).reshape(-1, N_SHOWN)
    order = data.items.reshape(-1, N_SHOWN).argsort(1)
    predicted = np.take_along_axis(predicted, order, 1)
    assert len(in_training) == N_SLATES
    np.testing.assert_allclose(sorted(map(tuple, in_training.values())), sorted(map(tuple, predicted)), atol=1e-5)


def test_a_reader_is_the_mean_of_the_last_articles_that_they_clicked_and_of_a_newcomer():
    data = slates()
    fitted = model(pooling="mean", max_length=3).fit(data)
    newcomer = fitted.module_.default_reader.detach().numpy()
    n_clicks = np.exp(fitted.module_.default_logit.item())  # that the newcomer counts as
    clicks = data[data.values > 0]
    for user in range(N_USERS):
        last = fitted.item_embeddings_[clicks.items[clicks.users == user][-3:]]
        expected = (last.sum(0) + n_clicks * newcomer) / (len(last) + n_clicks)
        np.testing.assert_allclose(fitted.user_embeddings_[user], expected, atol=1e-6)


def test_a_reader_before_their_first_click_is_the_same_for_all():
    data = slates()
    fitted = model().fit(data)
    first = data[[0, 4]]  # two users, at the very first moment
    assert first.users[0] != first.users[1]
    asked = replace(first, items=np.array([3, 3]))
    one, other = fitted.predict(asked)
    assert one == other and np.isfinite(one)


@pytest.mark.parametrize("features", [TEXT, None])
def test_whether_a_reader_clicks_later_makes_no_difference(features):
    data, time = replace(slates(), item_features=features), 3600 * 20
    # reader 5 clicks nothing before that time; then something, nothing, or is not there any more
    quiet = data.with_values(np.where((data.users == 5) & (data.timestamps < time), 0, data.values))
    other = otherwise_from(quiet, time)
    silent = other.with_values(np.where(other.users == 5, 0, other.values))
    absent = other[(other.users != 5) | (other.timestamps < time)]
    asked = Interactions.from_arrays([5, 5, 5, 77, 77, 77], [1, 2, 3] * 2, timestamps=[time] * 6, n_items=N_ITEMS)
    expected, scores = untrained(quiet).predict(asked), untrained(quiet).recommend([5, 2], k=N_ITEMS, at=time)
    assert np.std(expected[:3]) > 1e-3
    np.testing.assert_array_equal(expected[:3], expected[3:])
    for future in (silent, absent):
        fitted = untrained(future)
        np.testing.assert_allclose(fitted.predict(asked), expected, atol=1e-6)
        found = fitted.recommend([5, 2], k=N_ITEMS, at=time)
        assert (found.items == scores.items).all()
        np.testing.assert_allclose(found.scores, scores.scores, atol=1e-6)


def test_what_was_shown_later_in_an_impression_happened_with_the_first_of_it():
    data = slates()
    fitted = untrained(data)
    reader = data.users[data.timestamps == 3600 * 10][0]
    shown = [3, 4]
    at_once, apart = (
        Interactions.from_arrays([reader] * 2, shown, timestamps=times, impressions=[0, 0], n_items=N_ITEMS)
        for times in ([3600 * 10] * 2, [3600 * 10, 3600 * 11])  # they click something in between
    )
    np.testing.assert_array_equal(fitted.predict(apart), fitted.predict(at_once))
    assert fitted.predict(replace(apart, impressions=None))[1] != fitted.predict(at_once)[1]
    # and so did the articles that it was the first to show
    more = Interactions.from_arrays(
        [0, 0, 0], [0, N_ITEMS, 1], timestamps=[3600 * 30, 3600 * 40, 3600 * 50], impressions=[0, 0, 1], n_items=N_ITEMS + 1
    )
    grown = replace(data, n_items=N_ITEMS + 1, item_features=np.vstack([TEXT, TEXT[:1]]))
    fitted = untrained(grown).partial_fit(more)
    new, old = (fitted.recommend([1], k=N_ITEMS + 1, exclude_seen=False, at=3600 * hour) for hour in (30, 35))
    worth = [float(found.scores[found.codes == N_ITEMS][0]) for found in (new, old)]
    assert worth[0] - worth[1] == pytest.approx(fitted.recency_weight_ / 2, abs=1e-5)


def test_in_training_no_negative_is_an_article_that_had_not_appeared():
    hours = np.arange(60) // 2
    clicks = Interactions.from_arrays(
        hours % N_USERS, hours, timestamps=3600 * hours, item_features=np.random.default_rng(0).normal(size=(30, 3))
    )  # each article comes out in the hour of its number
    fitted = model(item_half_life=5 * HOUR, negatives="uniform", n_negatives=4).fit(clicks)
    batches = fitted.objective_.batches(clicks, clicks)
    seen = []
    for batch in batches.epoch(torch.Generator().manual_seed(0)):
        had_appeared = batch.items <= batch.query.times[:, None] / HOUR + 29
        assert not (batch.mask & ~had_appeared).any()
        seen.append(batch.mask[:, 1:].float().mean())
    assert np.mean(seen) == pytest.approx(0.5, abs=0.15)  # half of what is drawn is younger than the click


@pytest.mark.parametrize("hour", [3, 15, 40])
def test_readers_whom_nobody_knows_are_newcomers_at_their_moment(hour):
    data = slates()
    fitted = model(item_half_life=5 * HOUR, max_epochs=10).fit(data)
    first = np.full(N_ITEMS, np.inf)
    np.minimum.at(first, data.items, data.timestamps / 3600)
    newcomer = fitted.module_.default_reader.detach().numpy()

    def expected(hour):
        ages = np.maximum(hour - np.minimum(first, hour), 0)
        return fitted.item_embeddings_ @ newcomer + fitted.recency_weight_ * 0.5 ** (ages / 5.0)

    asked = Interactions.from_arrays([77] * N_ITEMS, range(N_ITEMS), timestamps=[3600 * hour] * N_ITEMS)
    np.testing.assert_allclose(fitted.predict(asked), expected(hour), atol=1e-5)
    np.testing.assert_allclose(fitted.predict(replace(asked, timestamps=None)), expected(29), atol=1e-5)
    nobody = sp.csr_array((1, N_ITEMS), dtype=np.float32)
    found = fitted.recommend(nobody, k=N_ITEMS)
    np.testing.assert_allclose(found.scores[0], expected(29)[found.codes[0]], atol=1e-5)


# ---- time ------------------------------------------------------------------------------------------------------------


def test_recommend_at_a_moment_says_what_predict_says_of_events_at_that_moment():
    data = slates()
    fitted = model(item_half_life=3 * HOUR, max_epochs=10).fit(data)
    for hour in (14, 20, 29, 50):
        found = fitted.recommend([2, 4], k=N_ITEMS, exclude_seen=False, at=3600 * hour)
        has_appeared = found.codes >= 0
        users, items = np.repeat([2, 4], has_appeared.sum(1)), found.codes[has_appeared]
        shown = Interactions.from_arrays(users, items, timestamps=np.full(len(items), 3600 * hour), n_items=N_ITEMS)
        np.testing.assert_allclose(fitted.predict(shown), found.scores[has_appeared], atol=1e-5)


def test_recommendations_at_a_moment_know_nothing_of_what_follows():
    data, time = slates(), 3600 * 20
    expected, other, past = (
        untrained(events).recommend(k=N_ITEMS, at=time)
        for events in (data, otherwise_from(data, time), otherwise_from(data, 0))
    )
    assert (other.items == expected.items).all()
    np.testing.assert_allclose(other.scores, expected.scores, atol=1e-6)
    assert (past.items != expected.items).any()


def clicks_of_two_readers():
    """FeatureMLP 0 clicks the articles 0 to 3 one after the other, reader 1 then 3 and 1; nobody clicks 4."""
    times = np.array([10, 20, 30, 40, 50, 60])
    return Interactions.from_arrays(
        [0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 3, 1], timestamps=times, n_items=5, item_features=np.eye(5)
    )


def test_at_a_moment_only_earlier_clicks_are_seen_and_later_articles_are_not_there():
    fitted = model().fit(clicks_of_two_readers())
    early = fitted.recommend([0], k=5, at=20)
    assert {*early.codes[0]} == {1, -1}  # 0 is seen, 1 comes out just then
    assert {*fitted.recommend([0], k=5, at=20, exclude_seen=False).codes[0]} == {0, 1, -1}
    assert {*fitted.recommend([0], k=5, at=20, candidates=[1, 2]).codes[0]} == {1, -1}
    assert {*fitted.recommend([1], k=5, at=59).codes[0]} == {0, 1, 2, -1}
    assert {*fitted.recommend([1], k=5, at=60).codes[0]} == {0, 1, 2, 4, -1}  # 4 has no events, so it came out at the end
    assert {*fitted.recommend([0], k=5).codes[0]} == {4, -1}


def test_the_history_of_a_new_reader_ends_at_the_moment_too():
    fitted = model().fit(clicks_of_two_readers())
    history = Interactions.from_arrays([0, 0], [0, 3], timestamps=[35, 45], n_items=5)
    assert {*fitted.recommend(history, k=5, at=44).codes[0]} == {1, 2, 3, -1}
    assert {*fitted.recommend(history, k=5, at=45).codes[0]} == {1, 2, 3, -1}  # what happens just then is not before it
    assert {*fitted.recommend(history, k=5, at=46).codes[0]} == {1, 2, -1}
    assert {*fitted.recommend(replace(history, timestamps=None), k=5, at=44).codes[0]} == {1, 2, -1}


def test_without_features_readers_without_a_past_at_a_moment_get_what_was_popular_until_then():
    users, items, times = [0, 1, 2, 0, 2, 3, 4], [0, 0, 1, 1, 1, 1, 1], [1, 2, 3, 9, 10, 11, 12]
    clicks = [1, 1, 1, 1, 1, 1, 0]  # reader 4 never clicks
    fitted = model().fit(Interactions.from_arrays(users, items, clicks, timestamps=times))
    assert fitted.recommend([3, 4], k=2, at=9).items.tolist() == [[0, 1]] * 2
    assert fitted.recommend([3, 4], k=2, at=9).scores.tolist() == [[2, 1]] * 2


def test_without_a_moment_everything_is_known():
    data = slates()
    fitted = model().fit(data)
    expected = fitted.recommend(k=3)
    later = fitted.recommend(k=3, at=data.timestamps.max() + 1)
    assert (later.items == expected.items).all()
    before = fitted.recommend(k=3, at=data.timestamps.max() - 3600 * 15)
    assert (before.scores != expected.scores).any()


def test_an_article_loses_half_of_the_worth_of_being_new_in_each_half_life():
    data = slates()
    fitted = model(item_half_life=4 * HOUR, max_epochs=10).fit(data)
    first = np.full(N_ITEMS, np.inf)
    np.minimum.at(first, data.items, data.timestamps)
    scores = {}
    for hour in (60, 70):  # after all clicks, so that readers stay the same
        found = fitted.recommend([0], k=N_ITEMS, exclude_seen=False, at=3600 * hour)
        scores[hour] = found.scores[0][found.codes[0].argsort()]
    worth = [fitted.recency_weight_ * 0.5 ** ((hour - first / 3600) / 4.0) for hour in (60, 70)]
    assert fitted.recency_weight_ != 0
    np.testing.assert_allclose(scores[60] - scores[70], worth[0] - worth[1], atol=1e-6)


def test_an_article_newer_than_the_training_data_ages_with_what_is_predicted():
    data = slates()
    fitted = untrained(data[data.items != 3])
    times = data.timestamps.max() + 3600 * np.array([1, 6, 11])
    later = Interactions.from_arrays([0, 0, 0], [3, 3, 3], timestamps=times, n_items=N_ITEMS)
    new, old, older = fitted.predict(later)
    weight = fitted.recency_weight_
    np.testing.assert_allclose([new - old, new - older], [weight / 2, weight * 3 / 4], atol=1e-5)
    np.testing.assert_allclose(fitted.predict(later[[2]]), new, atol=1e-5)  # by itself it is new
    by_somebody_else = replace(later[[0, 2]], users=np.array([77, 0]), n_users=78)
    np.testing.assert_allclose(fitted.predict(by_somebody_else)[1], older, atol=1e-5)  # it ages whoever was shown it first


def test_an_article_without_events_came_out_at_the_end_of_the_training_data():
    data = replace(slates(), n_items=N_ITEMS + 1, item_features=np.vstack([TEXT, TEXT[:1]]))  # the last one reads as the first
    fitted, latest = untrained(data), 3600 * 29
    scores = []
    for moment in (latest, latest + 3600 * 5, latest + 3600 * 500):
        found = fitted.recommend([0], k=N_ITEMS + 1, exclude_seen=False, at=moment)
        by_code = dict(zip(found.codes[0].tolist(), found.scores[0].tolist()))
        scores.append((by_code[0], by_code[N_ITEMS]))
    weight = fitted.recency_weight_
    assert scores[0][1] - scores[1][1] == pytest.approx(weight / 2, abs=1e-5)
    assert scores[2][1] == pytest.approx(scores[2][0], abs=1e-5)  # the one is as old as the other by then
    assert N_ITEMS not in fitted.recommend([0], k=N_ITEMS + 1, at=latest - 1).codes


def test_the_unit_of_the_timestamps_does_not_matter():
    data = slates()
    frame = data.to_frame().assign(timestamp=lambda events: 1_573_776_000 + events["timestamp"])
    text = pd.DataFrame(TEXT, index=range(N_ITEMS), columns=list("abc")).rename_axis("item").reset_index()
    dated = frame.assign(timestamp=pd.to_datetime(frame["timestamp"], unit="s"))
    half_past_nine = pd.Timestamp("2019-11-15 09:30")
    answers = []
    for events, unit, half_life, at in (
        (frame, None, 4 * HOUR, int(half_past_nine.timestamp())),
        (frame, "s", 4 * HOUR * 10**6, half_past_nine),
        (dated, None, "4h", "2019-11-15 09:30"),
        (dated, None, pd.Timedelta(hours=4), half_past_nine.to_pydatetime()),
    ):
        news = Interactions.from_frame(events, item_features=text, timestamp_unit=unit)
        answers.append(model(item_half_life=half_life, max_epochs=5).fit(news).recommend(k=5, at=at).scores)
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-5)


def test_dates_need_timestamps_of_a_known_unit():
    fitted = model().fit(slates())
    with pytest.raises(ValueError, match="at is a date, 2019-11-15 00:00:00, but the unit of the timestamps is unknown"):
        fitted.recommend(at="2019-11-15")
    with pytest.raises(
        ValueError, match="item_half_life is a timedelta, 0 days 06:00:00, but the unit of the timestamps is unknown"
    ):
        model(item_half_life="6h").fit(slates())


def test_without_timestamps_rows_are_in_order_of_time():
    data = slates()
    untimed = replace(data, timestamps=None)
    by_row = replace(data, timestamps=np.arange(len(data)))
    one, other = (model().fit(events) for events in (untimed, by_row))
    np.testing.assert_allclose(one.recommend(k=4).scores, other.recommend(k=4).scores, atol=1e-6)
