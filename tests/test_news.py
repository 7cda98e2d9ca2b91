"""News: articles that nobody has seen, readers that nobody knows, how well is learned, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.model_selection import GridSearchCV, GroupKFold
from small_news import HOUR, N_ITEMS, N_SHOWN, N_SLATES, N_USERS, TEXT, model, slates

from skrec import EarlyStopping, FeatureEncoder, Interactions, MFRecommender, NewsRecommender, get_scorer, make_multi_scorer
from skrec.datasets import make_news

pytestmark = pytest.mark.usefixtures("one_thread")

# ---- articles and readers that are new -------------------------------------------------------------------------------


def sports_or_music(n=400, seed=0):
    """Even users click sports, articles 0 to 9, and odd ones music; in each slate stands one of either."""
    rng = np.random.default_rng(seed)
    users = np.repeat(rng.integers(0, 8, n), 2)
    items = np.column_stack([rng.integers(0, 9, n), rng.integers(10, 19, n)]).ravel()  # nobody is shown 9 and 19
    return Interactions.from_arrays(
        users,
        items,
        users % 2 == items // 10,
        timestamps=np.repeat(np.arange(n), 2),
        impressions=np.repeat(np.arange(n), 2),
        n_items=20,
        item_features=np.repeat(np.eye(2, dtype=np.float32), 10, axis=0),
    )


@pytest.mark.parametrize("id_embeddings", [None, True])
def test_articles_without_events_are_ranked_by_their_text(id_embeddings):
    fitted = model(max_epochs=20, id_embeddings=id_embeddings).fit(sports_or_music())
    assert fitted.recommend([0, 1], k=1, candidates=[9, 19]).items.tolist() == [[9], [19]]


def test_articles_without_text_and_events_come_last():
    fitted = model(max_epochs=20).fit(replace(sports_or_music(), item_features=None))
    found = fitted.recommend([0, 1], k=20, exclude_seen=False)
    assert {*found.items[0, -2:].tolist()} == {9, 19}
    assert (found.items[:, 0] // 10 == [0, 1]).all()


def test_new_readers_are_read_without_training():
    fitted = model(max_epochs=20).fit(sports_or_music())
    clicks = Interactions.from_arrays([0, 0, 1, 2, 2], [1, 2, 11, 4, 14], [1, 1, 1, 0, 1], n_items=20)
    assert (fitted.recommend(clicks, k=3).items // 10).tolist() == [[0] * 3, [1] * 3, [1] * 3]
    known = fitted.recommend([3], k=4, exclude_seen=False).scores
    past = sports_or_music()
    np.testing.assert_allclose(fitted.recommend(past[past.users == 3], k=4, exclude_seen=False).scores, known, atol=1e-5)
    # a stranger's clicks at or after the moment in question are not read
    for later in (505, 509):
        timed = replace(clicks, timestamps=np.array([500, later, 500, 500, 500]))
        early = fitted.recommend(timed, k=20, exclude_seen=False, at=505)
        alone = fitted.recommend(clicks[[0, 2, 3, 4]], k=20, exclude_seen=False)
        assert (early.items == alone.items).all()
        np.testing.assert_allclose(early.scores, alone.scores, atol=1e-6)


def test_new_articles_come_by_their_text_alone():
    text = pd.DataFrame({"is_music": [0, 1] * 5}, index=[f"N{number}" for number in range(10)])
    rng = np.random.default_rng(0)
    users, pairs = np.repeat(rng.integers(0, 8, 300), 2), rng.integers(0, 4, (300, 1)) * 2 + np.array([[0, 1]])
    clicks = users % 2 == pairs.ravel() % 2
    table = pd.DataFrame(
        {"user": users, "item": text.index[pairs.ravel()], "rating": clicks, "impression": np.arange(600) // 2}
    )
    fitted = model(max_epochs=20).fit(Interactions.from_frame(table, item_features=text[:8]))
    fitted.partial_fit(Interactions.from_features(item_features=text[8:]))
    assert fitted.recommend([0, 1], k=1, candidates=["N8", "N9"]).items.tolist() == [["N8"], ["N9"]]


def test_sparse_features_are_the_same_as_dense_ones():
    data = slates()
    dense, sparse = (model().fit(replace(data, item_features=text)).recommend(k=4) for text in (TEXT, sp.csr_array(TEXT)))
    np.testing.assert_allclose(sparse.scores, dense.scores, atol=1e-5)


def test_the_scale_of_the_features_does_not_matter():
    data = slates()
    one, other = (model().fit(replace(data, item_features=scale * TEXT)).recommend(k=4).scores for scale in (1, 100))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_features_of_short_integers_are_the_same_as_of_floats():
    data, text = slates(), np.sign(TEXT) * 100
    floats, integers = (model().fit(replace(data, item_features=sp.csr_array(text.astype(d)))) for d in (np.float32, np.int8))
    np.testing.assert_allclose(integers.recommend(k=4).scores, floats.recommend(k=4).scores, atol=1e-6)


def test_where_nobody_has_a_past_all_are_newcomers():
    clicks = Interactions.from_arrays([0, 1], [0, 1], timestamps=[5, 5], n_items=3, item_features=np.eye(3))
    fitted = model().fit(clicks)
    one, other = fitted.predict(replace(clicks, items=np.array([2, 2])))
    assert np.isfinite(one) and one == other


def test_rows_of_articles_can_be_moved_alone():
    fitted = model(optimizer="row_adam", id_embeddings=True).fit(slates())
    assert fitted.optimizer_ == "row_adam" and fitted.history_.train_loss.is_monotonic_decreasing


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def invented():
    made = make_news(100, 1000, 10_000, taste=6.0, random_state=0)
    text = FeatureEncoder(text="title").fit_transform(made.news[["title"]])
    return replace(made.interactions, item_features=text.loc[made.interactions.item_ids].to_numpy()), made.chances


@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_clicks_decided_by_text_are_predicted_nearly_as_well_as_can_be(invented, pooling):
    data, chances = invented
    is_late = data.timestamps >= np.quantile(data.timestamps, 0.8)
    settings = {"n_factors": 32, "max_length": 100, "max_epochs": 12, "batch_size": 128, "random_state": 0}
    fitted = NewsRecommender(pooling=pooling, **settings).fit(data[~is_late])
    late = data[is_late]
    assert (~np.isin(late.items, data.items[~is_late])).mean() > 0.7  # mostly articles that nobody had been shown
    best = chances[is_late].reshape(-1, 6)
    picked = fitted.predict(late).reshape(-1, 6).argmax(1)
    # not whether the click was hit, which is a matter of luck, but how likely it was
    expected_hits = best[np.arange(len(best)), picked].mean()
    assert expected_hits > best.max(1).mean() - 0.03


def test_the_assumptions_about_what_was_not_clicked_can_be_compared(invented):
    data, _ = invented
    search = GridSearchCV(
        NewsRecommender(n_factors=16, max_epochs=4, batch_size=128, random_state=0),
        {"negatives": ["slate", "uniform", "popularity"]},
        scoring=make_multi_scorer(["impression_auc", "impression_mrr"]),
        refit="impression_auc",
        cv=GroupKFold(2),
    ).fit(data, groups=data.impressions)
    assert search.cv_results_["mean_test_impression_auc"].min() > 0.6  # half is chance
    assert search.best_params_ == {"negatives": "slate"}


def test_auto_means_slates_where_there_is_something_to_choose_from():
    data = slates()
    chosen = [model(negatives=negatives).fit(data).recommend(k=4).scores for negatives in ("auto", "slate", "uniform")]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert (chosen[0] != chosen[2]).any()
    clicks = data[data.values > 0]
    auto, uniform = (model(negatives=negatives).fit(clicks).recommend(k=4).scores for negatives in ("auto", "uniform"))
    np.testing.assert_array_equal(auto, uniform)


@pytest.mark.parametrize("negatives", ["slate", "uniform"])
def test_training_stops_by_what_is_shown_together(negatives):
    fitted = model(
        negatives=negatives, early_stopping=EarlyStopping("impression_auc", validation_fraction=0.3), max_epochs=4
    ).fit(slates())
    assert fitted.history_["impression_auc"].between(0, 1).all() and fitted.history_["valid_loss"].gt(0).all()
    # what was held out is read in the end
    assert fitted.module_.past.items.shape[0] == N_SLATES + 1


def test_validation_data_have_their_own_times():
    data = slates()
    early, late = data[data.timestamps < 3600 * 20], data[data.timestamps >= 3600 * 20]
    losses = []
    for validation in (late, replace(late, timestamps=None)):  # without times they come right after all that is known
        fitted = model(item_half_life=5 * HOUR, learning_rate=0.1, max_epochs=10).fit(early, validation=validation)
        scores = torch.tensor(fitted.predict(validation).reshape(-1, N_SHOWN))
        clicked = torch.tensor(late.values.reshape(-1, N_SHOWN).argmax(1))
        losses.append(float(torch.nn.functional.cross_entropy(scores, clicked)))
        assert fitted.history_["valid_loss"].iloc[-1] == pytest.approx(losses[-1], rel=1e-5)
    assert abs(losses[0] - losses[1]) > 1e-4


def test_what_is_held_out_comes_after_all_clicks_that_are_learned_from():
    data = slates()
    fitted = model(early_stopping=EarlyStopping("ndcg@10", validation_fraction=0.3)).fit(data)
    held_out = fitted.objective_.hold_out(data, 0.3, np.random.default_rng(0))
    assert np.unique(data.impressions[held_out]).size == 0.3 * N_SLATES
    assert data.timestamps[~held_out].max() <= data.timestamps[held_out].min()
    early, late = data[~held_out], data[held_out]
    with pytest.warns(UserWarning, match="repeat pairs"):
        by_hand = model(early_stopping="ndcg@10").fit(early, validation=late)
    np.testing.assert_allclose(fitted.history_["ndcg@10"], by_hand.history_["ndcg@10"], atol=1e-6)


def test_times_of_validation_data_tell_nothing_where_the_training_data_have_none():
    data = replace(slates(), timestamps=None)
    early, late = data[: 40 * N_SHOWN], data[40 * N_SHOWN :]
    losses = [
        model().fit(early, validation=replace(late, timestamps=times)).history_["valid_loss"].to_numpy()
        for times in (None, np.zeros(len(late), np.int64))  # the first row of all, if rows were times
    ]
    np.testing.assert_array_equal(*losses)


def test_of_new_readers_the_last_click_is_hidden():
    fitted = model(max_epochs=20).fit(sports_or_music())
    strangers = Interactions.from_arrays([8, 8, 8, 9, 9, 9], [11, 1, 2, 1, 11, 12], timestamps=[9, 8, 7, 9, 8, 7], n_items=20)
    # the click that is asked for is about the other topic
    assert get_scorer("recall@9")(fitted, strangers) == 0


@pytest.mark.filterwarnings("ignore:X is a matrix")
def test_what_a_reader_lacks_of_their_topic_comes_first():
    likes = np.kron(np.eye(3), np.ones((8, 8))) - np.eye(24)  # everybody clicks all articles of their topic but one
    fitted = model(n_factors=16, max_epochs=20, learning_rate=0.03, batch_size=64).fit(likes)
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(24))


def test_regularization_is_about_the_articles_own_vectors():
    data = replace(slates(), item_features=None)
    free, held = (model(regularization=strength, max_epochs=20).fit(data).item_embeddings_ for strength in (0, 1))
    assert np.square(held).sum() < np.square(free).sum() / 2
    with pytest.warns(UserWarning, match="regularization=1.0 has no effect"):  # there are none, and nothing to be held
        model(regularization=1.0).fit(slates())


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "max"}, "pooling must be"),
        ({"max_length": 0}, "max_length must be"),
        ({"n_factors": 0}, "n_factors must be"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"id_embeddings": 1}, "id_embeddings must be"),
        ({"item_half_life": 0}, "item_half_life must be"),
        ({"negatives": "all"}, "negatives must be"),
        ({"loss": "mse"}, "loss='mse' is for models of ratings"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        model(**changes).fit(slates())


def test_hidden_layer_sizes_may_be_a_list():
    one, other = (model(hidden_layer_sizes=sizes).fit(slates()).recommend(k=3).scores for sizes in ((), []))
    np.testing.assert_array_equal(one, other)


def test_what_is_missing_is_said():
    untimed, plain = replace(slates(), timestamps=None), replace(slates(), item_features=None)
    with pytest.raises(ValueError, match=r"item_half_life=6 needs timestamps, and X has none"):
        model(item_half_life=6).fit(untimed)
    with pytest.raises(ValueError, match=r"half_life=6 needs timestamps"):
        model(half_life=6).fit(untimed)
    with pytest.raises(ValueError, match="at=3 needs a model that was fitted with timestamps"):
        model().fit(untimed).recommend(at=3)
    with pytest.raises(ValueError, match="id_embeddings=False needs item_features in X"):
        model(id_embeddings=False).fit(plain)
    with pytest.raises(ValueError, match="impression"):
        model(negatives="slate").fit(replace(slates(), impressions=None))


def test_impressions_of_several_users_are_refused_in_the_same_words_as_by_the_scorers():
    part = slates().to_frame()
    both = pd.concat([part, part.assign(user=part["user"] + N_USERS)])  # each numbers its impressions from 0
    said = "an impression must have events of one user, but 0 has events of several users"
    for refusing in (model(), model(negatives="uniform"), MFRecommender(negatives="slate")):
        with pytest.raises(ValueError, match=said):
            refusing.fit(both)
    fitted = model().fit(part)
    for ask in (fitted.predict, lambda X: get_scorer("impression_auc")(fitted, X)):
        with pytest.raises(ValueError, match=said):
            ask(both)
    # more impressions in their own numbers are others than those known
    assert fitted.partial_fit(both[len(part) :]).events_.impressions.max() == 2 * N_SLATES - 1


def test_a_half_life_of_items_in_another_unit_is_a_warning():
    with pytest.warns(
        UserWarning, match=r"item_half_life is 1.8e\+10 in the unit of the timestamps.* 0, .* 104400, is 104400"
    ) as said:
        model(item_half_life=5 * HOUR * 10**6).fit(slates())
    assert said[0].filename == __file__


@pytest.mark.filterwarnings("ignore:X is a matrix")
def test_of_a_matrix_clicks_of_all_readers_are_held_out():
    clicks = Interactions.from_csr(np.ones((5, 8)))
    fitted = model(early_stopping=EarlyStopping("ndcg@10", validation_fraction=0.5), max_epochs=1).fit(clicks.to_csr())
    held_out = fitted.objective_.hold_out(clicks, 0.5, np.random.default_rng(0))
    assert np.unique(clicks.users[held_out]).size == np.unique(clicks.users[~held_out]).size == 5


@pytest.mark.parametrize("item_half_life", [None, 5 * HOUR])
def test_events_without_times_are_scored_as_by_recommend(item_half_life):
    fitted = model(item_half_life=item_half_life, learning_rate=0.1).fit(slates())
    found = fitted.recommend([2], k=5, exclude_seen=False)
    asked = Interactions.from_arrays([2] * 5, found.codes[0], n_items=N_ITEMS)
    np.testing.assert_allclose(fitted.predict(asked), found.scores[0], atol=1e-6)
    strangers = Interactions.from_arrays([77], [3], timestamps=[10], n_items=N_ITEMS)
    fitted_by_ids = model().fit(replace(slates(), item_features=None))
    assert fitted_by_ids.predict(replace(strangers, timestamps=None)) == fitted_by_ids.popularity_[3]


def test_impression_metrics_read_the_times_of_what_was_shown(invented):
    data, _ = invented
    fitted = NewsRecommender(n_factors=8, max_epochs=1, random_state=0).fit(data)
    timed, untimed = (get_scorer("impression_auc")(fitted, events) for events in (data, replace(data, timestamps=None)))
    assert timed < untimed  # which knows all clicks, those that are asked for among them
