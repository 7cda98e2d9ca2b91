"""News: what a reader's vector may know, and what age is worth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_news import N_ITEMS, N_SHOWN, N_SLATES, N_USERS, TEXT, model, otherwise_from, scores_in_training, slates, untrained

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
    until = {str(key) for key in truth if float(key.split(",")[1]) <= (time - data.timestamps.max()) / 3600}
    shared = until & changed.keys()
    # all slates before that moment, and at it the one whose articles are still the same
    assert len(shared) == 2 * (time // 3600) + 1
    for key in shared:
        np.testing.assert_allclose(changed[key], truth[key], atol=1e-6)


def test_what_training_sees_is_what_predict_says():
    data = slates()
    fitted = model(recency_half_life=5.0).fit(data)
    in_training = scores_in_training(fitted, data)
    predicted = fitted.predict(data).reshape(-1, N_SHOWN)
    order = data.items.reshape(-1, N_SHOWN).argsort(1)
    predicted = np.take_along_axis(predicted, order, 1)
    assert len(in_training) == N_SLATES
    np.testing.assert_allclose(sorted(map(tuple, in_training.values())), sorted(map(tuple, predicted)), atol=1e-5)


def test_a_reader_is_the_mean_of_the_last_articles_that_they_clicked_and_of_a_newcomer():
    data = slates()
    fitted = model(pooling="mean", max_history=3).fit(data)
    newcomer = fitted.module_.newcomer.detach().numpy()
    n_clicks = np.exp(fitted.module_.caution.item())  # that the newcomer counts as
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


# ---- time ------------------------------------------------------------------------------------------------------------


def test_recommend_at_a_moment_says_what_predict_says_of_events_at_that_moment():
    data = slates()
    fitted = model(recency_half_life=3.0, max_epochs=10).fit(data)
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
    """Reader 0 clicks the articles 0 to 3 one after the other, reader 1 then 3 and 1; nobody clicks 4."""
    times = np.array([10, 20, 30, 40, 50, 60])
    return Interactions.from_arrays(
        [0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 3, 1], timestamps=times, n_items=5, item_features=np.eye(5)
    )


def test_at_a_moment_only_earlier_clicks_are_seen_and_later_articles_are_not_there():
    fitted = model().fit(clicks_of_two_readers())
    early = fitted.recommend([0], k=5, at=20)
    assert {*early.codes[0]} == {1, 4, -1}  # 0 is seen, 1 comes out just then, 4 has no events at all
    assert {*fitted.recommend([0], k=5, at=20, exclude_seen=False).codes[0]} == {0, 1, 4, -1}
    assert {*fitted.recommend([0], k=5, at=20, candidates=[1, 2]).codes[0]} == {1, -1}
    assert {*fitted.recommend([0], k=5).codes[0]} == {4, -1}


def test_the_history_of_a_new_reader_ends_at_the_moment_too():
    fitted = model().fit(clicks_of_two_readers())
    history = Interactions.from_arrays([0, 0], [0, 3], timestamps=[35, 45], n_items=5)
    assert {*fitted.recommend(history, k=5, at=44).codes[0]} == {1, 2, 3, 4, -1}
    assert {*fitted.recommend(replace(history, timestamps=None), k=5, at=44).codes[0]} == {1, 2, 4, -1}


def test_readers_without_a_past_at_a_moment_get_what_was_popular_until_then():
    users, items, times = [0, 1, 2, 0, 2, 3, 4], [0, 0, 1, 1, 1, 1, 1], [1, 2, 3, 9, 10, 11, 12]
    clicks = [1, 1, 1, 1, 1, 1, 0]  # reader 4 never clicks
    fitted = model().fit(Interactions.from_arrays(users, items, clicks, timestamps=times, item_features=np.eye(2)))
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
    fitted = model(recency_half_life=4.0, max_epochs=10).fit(data)
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


def test_datetimes_and_seconds_are_the_same_time():
    data = slates()
    frame = data.to_frame().assign(timestamp=lambda events: 1_573_776_000 + events["timestamp"])
    text = pd.DataFrame(TEXT, index=range(N_ITEMS), columns=list("abc")).rename_axis("item").reset_index()
    dated = frame.assign(timestamp=pd.to_datetime(frame["timestamp"], unit="s"))
    answers = []
    for events, unit in ((frame, "s"), (dated, "us")):
        fitted = model(recency_half_life=4.0, time_unit=unit).fit(Interactions.from_frame(events, item_features=text))
        answers.append(fitted.recommend(k=5, at=pd.Timestamp("2019-11-15 09:30")).scores)
    np.testing.assert_array_equal(*answers)


def test_without_timestamps_rows_are_in_order_of_time():
    data = slates()
    untimed = replace(data, timestamps=None)
    by_row = replace(data, timestamps=np.arange(len(data)))
    one, other = (model().fit(events) for events in (untimed, by_row))
    np.testing.assert_allclose(one.recommend(k=4).scores, other.recommend(k=4).scores, atol=1e-6)
