"""partial_fit: what the new events are put behind, what is learned from, and from where."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from skrec import (
    ALS,
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    EASERecommender,
    LightGCNRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    PairRecommender,
    PopularityRecommender,
)
from skrec.data import Interactions, append_events
from skrec.datasets import make_interactions
from skrec.engine import PairBatches, RecommenderNetwork, sample_with_replay

STANDSTILL = 1e-30  # a learning rate


def frame(users, items, **columns):
    return Interactions.from_frame(pd.DataFrame({"user": users, "item": items, **columns}))


# ---- one data set of two ---------------------------------------------------------------------------------------------


def test_labels_known_keep_their_codes_and_new_ones_come_behind():
    both = append_events(frame(["b", "d"], [10, 30]), frame(["a", "d", "e"], [30, 20, 10]), as_new_users=False)
    assert both.user_ids.tolist() == ["b", "d", "a", "e"] and both.item_ids.tolist() == [10, 30, 20]
    assert both.users.tolist() == [0, 1, 2, 1, 3] and both.items.tolist() == [0, 1, 1, 2, 0]
    assert (both.n_users, both.n_items) == (4, 3)


def test_without_labels_a_code_is_the_same_user_or_if_so_said_a_new_one():
    known, new = (Interactions.from_arrays([0, 1], [0, 2], n_users=3), Interactions.from_arrays([1, 4], [3, 0]))
    same, others = (append_events(known, new, as_new_users=flag) for flag in (False, True))
    assert same.users.tolist() == [0, 1, 1, 4] and (same.n_users, same.n_items) == (5, 4)
    assert others.users.tolist() == [0, 1, 4, 7] and (others.n_users, others.n_items) == (8, 4)


def test_values_times_and_impressions_go_along_and_a_missing_weight_is_one():
    columns = {"rating": [5, 4], "timestamp": [7, 8], "impression": [1, 1]}
    both = append_events(frame([1, 2], [1, 2], **columns), frame([1, 2], [2, 1], weight=[2, 3], **columns), as_new_users=False)
    assert both.values.tolist() == [5, 4, 5, 4] and both.timestamps.tolist() == [7, 8, 7, 8]
    assert both.impressions.tolist() == [0, 0, 1, 1] and both.weights.tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_impressions_that_are_called_by_their_times_still_are(unit):
    times = [pd.Timestamp(2020, 1, day).as_unit(unit) for day in (1, 2)]
    known, new = (frame([1], [1], impression=[time]) for time in times)
    assert append_events(known, new, as_new_users=False).impression_ids.tolist() == times


@pytest.mark.parametrize("as_sparse", [False, True])
def test_features_of_known_items_stay_and_new_items_bring_theirs(as_sparse):
    def events(items, rows):
        rows = sp.csr_array(np.array(rows)) if as_sparse else np.array(rows)
        ids = [f"item {item}" for item in items]
        return Interactions.from_arrays([0, 0], [0, 1], user_ids=["a"], item_ids=ids, item_features=rows)

    both = append_events(events([1, 2], [[1.0, 0], [2, 0]]), events([3, 1], [[3.0, 0], [9, 9]]), as_new_users=False)
    features = both.item_features.toarray() if as_sparse else both.item_features
    assert features.tolist() == [[1, 0], [2, 0], [3, 0]]


REFUSED = {
    "no times": (frame([1], [1], timestamp=[3]), frame([1], [1]), "the known events have timestamps, but X has none"),
    "times": (frame([1], [1]), frame([1], [1], timestamp=[3]), "X has timestamps, but the known events have none"),
    "words for numbers": (frame([1], [1]), frame(["1"], [1]), "users of X must have labels like the known ones, such as"),
    "numbers for words": (frame([1], ["a"]), frame([1], [1]), "items of X must have labels like the known ones, such as 'a'"),
    "two kinds of numbers": (frame([1], [1]), frame([True], [1]), "users of X must have labels like the known ones, such as 1"),
    "dates": (frame([1], [1]), frame(pd.to_datetime(["2020"]), [1]), "users of X must have labels like the known ones"),
    "no labels": (
        frame([1], [1]),
        Interactions.from_arrays([0], [0]),
        "the users of X must have labels if and only if",
    ),
    "labels": (Interactions.from_arrays([0], [0]), frame([1], [1]), "the users of X must have labels if and only if"),
    "wider features": (
        Interactions.from_arrays([0], [0], item_features=np.ones((1, 2))),
        Interactions.from_arrays([0], [1], item_features=np.ones((2, 3))),
        "item_features of X must be like the known ones, a dense array with 2 columns, got a dense array with 3 columns",
    ),
    "no features": (
        Interactions.from_arrays([0], [0], item_features=np.ones((1, 2))),
        Interactions.from_arrays([0], [1]),
        "the known events have item_features, but X has none",
    ),
}


@pytest.mark.parametrize(("known", "new", "words"), REFUSED.values(), ids=REFUSED)
def test_data_of_two_kinds_are_refused(known, new, words):
    with pytest.raises((TypeError, ValueError), match=words):
        append_events(known, new, as_new_users=False)


def test_signed_and_unsigned_labels_keep_their_values():
    large = 2**62 + 1
    both = append_events(frame([large], [1]), frame(np.array([large, 2**63 + 1], np.uint64), [1, 1]), as_new_users=False)
    assert both.user_ids.tolist() == [large, 2**63 + 1] and both.users.tolist() == [0, 0, 1]


# ---- what is learned from --------------------------------------------------------------------------------------------


def test_the_new_units_are_taken_whole_with_as_many_of_the_others():
    users = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 1, 5])
    chosen = sample_with_replay(users, 10, np.random.default_rng(0))
    assert {1, 5} < set(users[chosen]) and len(set(users[chosen])) == 4
    assert np.array_equal(chosen, np.flatnonzero(np.isin(users, users[chosen])))


def test_of_few_known_units_all_are_taken():
    assert sample_with_replay(np.arange(10), 3, np.random.default_rng(0)).tolist() == list(range(10))


LIKES = make_interactions(60, 40, density=0.15, random_state=0).interactions.to_frame().drop(columns="rating")
OLD, NEW = LIKES[LIKES.user < LIKES.user.max() - 10], LIKES[LIKES.user >= LIKES.user.max() - 10]


@pytest.mark.parametrize("model", [EASERecommender(), PopularityRecommender(), PopularityRecommender(half_life=1e5)], ids=repr)
def test_a_closed_form_learns_what_it_would_from_everything(model):
    in_parts, at_once = model.fit(OLD).recommend(), model.partial_fit(NEW).recommend()
    whole = type(model)(**model.get_params()).fit(pd.concat([OLD, NEW])).recommend()
    assert in_parts.items.shape != whole.items.shape
    # the vocabulary may be in another order
    known = pd.merge(at_once.to_frame(), whole.to_frame(), on=["user", "rank"])
    assert len(known) == whole.items.size
    np.testing.assert_allclose(known.score_x, known.score_y, rtol=1e-5)


def test_a_user_rates_again_and_the_latest_rating_counts():
    old = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [5, 1, 5, 1.0]})
    settings = {"loss": "mse", "n_factors": 2, "max_epochs": 200, "learning_rate": 0.1, "random_state": 0}
    model = MFRecommender(**settings, regularization=0.1).fit(old)
    before = model.predict(old[["user", "item"]])
    model.partial_fit(old.assign(rating=[1, 5, 5, 1.0]))
    change = model.predict(old[["user", "item"]]) - before
    assert change[0] < -1 and change[1] > 1 and np.abs(change[2:]).max() < 0.5


def noted_examples(monkeypatch):
    """The events of each run of training, as (user, item, value, weight)."""
    runs, batches = [], PairBatches.__init__

    def and_note(pairs, events, **settings):
        weights = np.ones(len(events)) if events.weights is None else events.weights
        runs.append(list(zip(events.users.tolist(), events.items.tolist(), events.values.tolist(), weights.tolist())))
        batches(pairs, events, **settings)

    monkeypatch.setattr(PairBatches, "__init__", and_note)
    return runs


def test_a_rating_that_was_given_again_is_not_learned_again(monkeypatch):
    old = pd.DataFrame({"user": np.arange(20) % 5, "item": np.arange(20), "rating": 1.0})
    model = MFRecommender(loss="mse", n_factors=2, max_epochs=1, random_state=0).fit(old)
    runs = noted_examples(monkeypatch)
    model.partial_fit(old[:10].assign(rating=5.0))
    values = {(user, item): value for user, item, value, _ in runs[0]}
    assert len(values) == len(runs[0]) == 20
    assert all(value == (5 if item < 10 else 1) for (_, item), value in values.items())


def test_age_is_counted_back_from_a_users_latest_event_of_all(monkeypatch):
    old = pd.DataFrame({"user": 0, "item": np.arange(10), "timestamp": np.arange(10)})
    model = MFRecommender(loss="bpr", n_factors=2, max_epochs=1, half_life=1, random_state=0).fit(old)
    runs = noted_examples(monkeypatch)
    model.partial_fit(pd.DataFrame({"user": [0, 1], "item": [10, 3], "timestamp": [10, 0]}))
    assert {(user, item, weight) for user, item, _, weight in runs[0]} >= {(0, 10, 1.0), (1, 3, 1.0)}
    assert all(weight == 0.5 ** (10 - item) for user, item, _, weight in runs[0] if user == 0)


@pytest.mark.parametrize(
    "model",
    [
        MFRecommender(loss="bpr", n_factors=4, max_epochs=2, positive_from=3, random_state=0),
        ALSRecommender(n_factors=4, n_jobs=1, positive_from=3, random_state=0),
        EASERecommender(positive_from=3),
        BPRRecommender(n_factors=4, max_epochs=2, positive_from=3, random_state=0),
        AutoRecRecommender(n_factors=4, max_epochs=2, positive_from=3, random_state=0),
        AutoRecRecommender(side="item", n_factors=4, max_epochs=2, positive_from=3, random_state=0),
        MultVAERecommender(n_factors=4, hidden_layer_sizes=(6,), max_epochs=2, positive_from=3, random_state=0),
        LightGCNRecommender(n_factors=4, max_epochs=2, positive_from=3, random_state=0),
        MLPRecommender(batch_norm=True, max_epochs=2, positive_from=3, random_state=0),
        MFRecommender(temperature=0.2, n_factors=4, max_epochs=2, positive_from=3, random_state=0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_events_without_a_positive_one_are_seen_and_change_no_taste(model, seed):
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    before = model.fit(OLD.assign(rating=5)).recommend([OLD.user.iloc[0]], k=40)
    disliked = before.items[0, 0]
    more = pd.DataFrame({"user": [before.users[0]], "item": [disliked], "rating": [1], "timestamp": [pd.Timestamp(0)]})
    after = model.partial_fit(more).recommend([before.users[0]], k=40)
    assert disliked not in after.items[0].tolist()
    np.testing.assert_array_equal(after.items[0, :5], before.items[0, 1:6])


def test_als_learns_a_block_of_users_and_items_that_are_all_new():
    block = OLD.assign(user=OLD.user + 1000, item="new " + OLD.item)
    als = ALSRecommender(n_factors=4, alpha=1, regularization=0.01, n_jobs=1, random_state=0)
    model = als.fit(OLD).partial_fit(block)
    assert np.abs(model.user_embeddings_).sum(axis=1).min() > 1e-3
    own = model.recommend(block.user.unique(), k=1, exclude_seen=False)
    assert np.isin(own.items, block.item).mean() > 0.9


@pytest.mark.parametrize("y_range", [None, (0, 6)])
def test_what_fold_in_expects_of_an_error_stays_when_little_is_learned(y_range):
    ratings = make_interactions(60, 40, density=0.15, random_state=0).interactions
    settings = {"loss": "mse", "y_range": y_range, "n_factors": 4, "max_epochs": 20, "random_state": 0}
    model = MFRecommender(**settings).fit(ratings)
    before = model.train_loss_
    assert model.partial_fit(ratings[:1]).train_loss_ == before


# ---- where it goes on from -------------------------------------------------------------------------------------------

NETWORKS = {
    "bpr": MFRecommender(loss="bpr", n_factors=4, max_epochs=3, random_state=0),
    "rows": MFRecommender(n_factors=4, max_epochs=3, solver="gradient", random_state=0),
    "ratings": MFRecommender(loss="mse", y_range=(0, 6), n_factors=4, max_epochs=3, random_state=0),
    "NeuMF": NeuMFRecommender(n_factors=4, hidden_layer_sizes=(4,), max_epochs=3, random_state=0),
    "MLP": MLPRecommender(hidden_layer_sizes=(4,), batch_norm=True, max_epochs=3, random_state=0),
    "implicit's BPR": BPRRecommender(n_factors=4, max_epochs=3, random_state=0),
}


@pytest.mark.parametrize("model", NETWORKS.values(), ids=NETWORKS)
def test_new_users_are_folded_in_new_items_are_the_mean_and_all_others_as_they_were(model):
    more = pd.concat([NEW, pd.DataFrame({"user": [1000, 1000], "item": [OLD.item.iloc[0], 1000]})])
    more = more.assign(timestamp=more.timestamp.fillna(pd.Timestamp(0)))
    model.fit(OLD)
    users, items = model.user_embeddings_.copy(), model.item_embeddings_.copy()
    newcomers = more[~more.user.isin(model.user_ids_) & more.item.isin(model.item_ids_)]
    folded = dict(zip(sorted(newcomers.user.unique()), model.transform(newcomers), strict=True))
    learning_rate = model.learning_rate
    model.set_params(learning_rate=STANDSTILL).partial_fit(more).set_params(learning_rate=learning_rate)
    np.testing.assert_allclose(model.user_embeddings_[: len(users)], users, atol=1e-6)
    np.testing.assert_allclose(model.item_embeddings_[: len(items)], items, atol=1e-6)
    np.testing.assert_allclose(model.item_embeddings_[len(items) :], [items.mean(0)] * (model.n_items_ - len(items)), atol=1e-6)
    for user, row in zip(model.user_ids_[len(users) :], model.user_embeddings_[len(users) :], strict=True):
        np.testing.assert_allclose(row, folded[user], atol=1e-4)


def test_als_solves_for_what_is_new_and_leaves_the_others_alone():
    model = ALSRecommender(n_factors=4, n_jobs=1, random_state=0).fit(OLD)
    users, known = model.user_embeddings_.copy(), model.user_ids_.tolist()
    model.partial_fit(NEW)
    untouched = [known.index(user) for user in known if user not in set(NEW.user)]
    np.testing.assert_array_equal(model.user_embeddings_[untouched], users[untouched])
    assert np.abs(model.user_embeddings_[len(users) :]).sum(axis=1).min() > 0


SHAPING = [
    (MFRecommender(n_factors=4), {"n_factors": 8}),
    (MFRecommender(n_factors=4, loss="bpr"), {"temperature": 0.2}),
    (MFRecommender(n_factors=4, loss="mse", y_range=(0, 2)), {"y_range": (0, 9)}),
    (MFRecommender(n_factors=4, loss="mse"), {"y_range": (0, 9)}),
    (NeuMFRecommender(n_factors=4), {"n_factors": 3}),
    (NeuMFRecommender(n_factors=4), {"mlp_factors": 3}),
    (NeuMFRecommender(n_factors=4, hidden_layer_sizes=(4,)), {"hidden_layer_sizes": (4, 4)}),
    (MLPRecommender(), {"n_factors": 3}),
    (MLPRecommender(hidden_layer_sizes=(4,)), {"hidden_layer_sizes": (9,)}),
    (MLPRecommender(hidden_layer_sizes=(4,)), {"batch_norm": True}),
    (AutoRecRecommender(n_factors=4), {"n_factors": 8}),
    (AutoRecRecommender(n_factors=4), {"side": "item"}),
    (AutoRecRecommender(n_factors=4), {"activation": "tanh"}),
    (MultVAERecommender(n_factors=4, hidden_layer_sizes=(4,)), {"n_factors": 8}),
    (MultVAERecommender(n_factors=4, hidden_layer_sizes=(4,)), {"hidden_layer_sizes": (9,)}),
    (LightGCNRecommender(n_factors=4), {"n_factors": 8}),
    (LightGCNRecommender(n_factors=4), {"n_layers": 2}),
    (ALSRecommender(n_factors=4, n_jobs=1), {"n_factors": 8}),
]


@pytest.mark.parametrize(("model", "change"), SHAPING, ids=str)
def test_parameters_that_shape_what_was_trained_cannot_change(model, change):
    if hasattr(model, "max_epochs"):
        model.set_params(max_epochs=1)
    ((name, value),) = change.items()
    trained = getattr(model.fit(OLD), name)
    with pytest.raises(ValueError) as caught:
        model.set_params(**change).partial_fit(NEW)
    assert str(caught.value) == f"{name} must not change in partial_fit: fit used {trained!r}, got {value!r}"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"loss": "mse"}, "loss must not change in partial_fit: fit used 'a ranking loss', got 'mse'"),
        ({"loss": "mse"}, {"loss": "bce"}, "loss must not change in partial_fit: fit used 'mse', got 'a ranking loss'"),
        ({"loss": "ccl"}, {"loss": "bpr"}, "such as n_factors or loss, must not change"),
        ({}, {"early_stopping": "ndcg@10"}, "early_stopping must be None for partial_fit"),
    ],
    ids=str,
)
def test_so_it_is_with_what_is_learned_and_when_it_stops(before, after, words):
    model = MFRecommender(n_factors=4, max_epochs=1, **before).fit(OLD).set_params(**after)
    with pytest.raises(ValueError, match=words):
        model.partial_fit(NEW)


def test_a_list_is_the_same_shape_as_a_tuple():
    model = MLPRecommender(hidden_layer_sizes=[4, 3], loss="mse", y_range=[0, 2], max_epochs=1, random_state=0).fit(OLD)
    model.set_params(hidden_layer_sizes=(4, 3), y_range=(0, 2)).partial_fit(NEW)
    model.set_params(hidden_layer_sizes=[4, 3], y_range=[0, 2]).partial_fit(NEW)
    assert len(model.user_embeddings_) == LIKES.user.nunique()


class Rows(RecommenderNetwork):
    def __init__(self, n_users, n_items):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(n_users, n_items))

    def encode(self, users):
        return (self.scores[users],)

    def score(self, state, items):
        (rows,) = state
        if items.ndim == 1:
            return rows[torch.arange(len(rows)), items]
        return rows.gather(1, items.expand(len(rows), -1))

    def forward(self, users, items):
        return self.score(self.encode(users), items)


class TableRecommender(PairRecommender):
    def _build(self, data):
        return Rows(data.n_users, data.n_items)


def test_a_network_without_tables_says_that_it_cannot_grow():
    model = TableRecommender(max_epochs=1).fit(OLD)
    with pytest.raises(NotImplementedError, match="the network of TableRecommender is not an EmbeddingNetwork"):
        model.partial_fit(NEW)


# ---- the default penalty ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"loss": "bpr"}, {"negatives": "uniform"}, {"weight_decay": 0.1}])
def test_the_default_penalty_follows_parameters_that_are_changed_after_a_fit(changes):
    model = MFRecommender(n_factors=4, max_epochs=2, solver="gradient", random_state=0).fit(OLD)
    further = model.set_params(**changes).partial_fit(NEW)
    both = MFRecommender(n_factors=4, max_epochs=2, solver="gradient", random_state=0, **changes).fit(pd.concat([OLD, NEW]))
    assert further.regularization_ == pytest.approx(both.regularization_)


def test_the_penalty_of_als_is_the_one_that_is_minimized():
    model = MFRecommender(n_factors=4, solver=ALS(regularization_exponent=1.0), random_state=0).fit(OLD)
    assert model.regularization_ == model.objective_.regularization
    before = model.regularization_
    assert model.partial_fit(NEW).regularization_ == model.objective_.regularization != before
