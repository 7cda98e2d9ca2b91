"""Models of what comes next."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skrec import CaserRecommender, EarlyStopping, GRU4RecRecommender, MarkovRecommender, SASRecRecommender
from skrec.data import Interactions
from skrec.engine import Sequences, SequenceTable, build_seeded
from skrec.engine.networks._caser import Caser
from skrec.engine.networks._gru4rec import GRU4Rec
from skrec.engine.networks._sasrec import SASRec

pytestmark = pytest.mark.usefixtures("one_thread")

N_USERS, N_ITEMS, LENGTH = 6, 20, 12
WALKS = Interactions.from_arrays(
    np.repeat(np.arange(N_USERS), 5), np.random.default_rng(0).integers(N_ITEMS, size=5 * N_USERS), n_items=N_ITEMS
)
TABLE = SequenceTable(WALKS, LENGTH)
NETWORKS = {
    "attention": lambda: SASRec(TABLE, N_ITEMS, 8, n_blocks=2, n_heads=2, dropout=0.0),
    "recurrent": lambda: GRU4Rec(TABLE, N_ITEMS, 8, n_layers=2, dropout=0.0),
    "convolutions": lambda: Caser(TABLE, (N_USERS, N_ITEMS), 8, window=3, n_horizontal=4, n_vertical=2, dropout=0.0),
}
SMALL = dict(n_factors=16, learning_rate=0.02, batch_size=32, random_state=0)
NEURAL = [SASRecRecommender(**SMALL), GRU4RecRecommender(**SMALL), CaserRecommender(**SMALL, dropout=0.2)]


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def network(request):
    return build_seeded(request.param, 0).eval()


def sequences(items, users=0):
    items = torch.as_tensor(items)
    return Sequences(torch.full((len(items),), users), items, torch.ones_like(items, dtype=torch.bool))


def name_of(estimator):
    return type(estimator).__name__


# ---- nothing from the future -----------------------------------------------------------------------------------------


def test_a_state_depends_on_nothing_that_comes_later(network):
    rng = np.random.default_rng(0)
    items = rng.integers(N_ITEMS, size=(3, LENGTH))
    with torch.no_grad():
        states = network.states(sequences(items))
        for place in range(LENGTH - 1):
            changed = items.copy()
            changed[:, place + 1 :] = rng.integers(N_ITEMS, size=(3, LENGTH - place - 1))
            torch.testing.assert_close(network.states(sequences(changed))[:, : place + 1], states[:, : place + 1])
            shorter = network.states(sequences(items[:, : place + 1]))
            torch.testing.assert_close(shorter, states[:, : place + 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("estimator", [*NEURAL, MarkovRecommender()], ids=name_of)
def test_a_ranking_asked_at_a_moment_is_the_same_whatever_comes_later(estimator):
    """Histories cut at a moment are all that a ranking rests on: how they went on, and when, is of no matter."""
    model = clone(estimator).set_params(**{"max_epochs": 2} if hasattr(estimator, "max_epochs") else {}).fit(WALKS)
    rng, moment = np.random.default_rng(1), 3
    times = np.tile(np.arange(5), N_USERS)
    answers = []
    for _ in range(3):
        items = np.where(times >= moment, rng.integers(N_ITEMS, size=len(times)), WALKS.items)
        walks = Interactions.from_arrays(WALKS.users, items, timestamps=times, n_items=N_ITEMS)
        order = rng.permutation(len(walks))  # the rows' order says nothing where times do
        answers.append(model.recommend(walks[order][times[order] < moment], k=5))
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.codes, answers[0].codes)
        np.testing.assert_array_equal(answer.scores, answers[0].scores)


def test_strangers_of_caser_are_known_by_all_of_their_history():
    """The convolutions see the last three items alone; what came before is in the foretold vector."""
    model = clone(NEURAL[2]).set_params(window=3).fit(WALKS)
    lately = [7, 8, 9]
    users, items = np.repeat([0, 1], 6), np.array([[1, 2, 3, *lately], [11, 12, 13, *lately]]).ravel()
    answer = model.recommend(Interactions.from_arrays(users, items, n_items=N_ITEMS), k=N_ITEMS, exclude_seen=False)
    scores = [dict(zip(codes, scores)) for codes, scores in zip(answer.codes.tolist(), answer.scores.tolist())]
    assert max(abs(scores[0][item] - scores[1][item]) for item in set(WALKS.items.tolist())) > 1e-3


def test_a_state_depends_on_what_came_before(network):
    items = np.arange(2 * LENGTH).reshape(2, LENGTH) % N_ITEMS
    changed = items.copy()
    changed[:, -2] = 19
    with torch.no_grad():
        assert (network.states(sequences(items)) - network.states(sequences(changed)))[:, -1].abs().max() > 1e-4


@pytest.mark.parametrize("estimator", [*NEURAL, MarkovRecommender()], ids=name_of)
def test_a_history_is_read_in_order_of_time_wherever_its_rows_stand(estimator):
    rng = np.random.default_rng(1)
    data = Interactions.from_arrays(
        np.repeat(np.arange(30), 8), rng.integers(N_ITEMS, size=240), timestamps=np.tile(np.arange(8), 30), n_items=N_ITEMS
    )
    model = estimator.fit(data)
    past = data[data.timestamps < 5]
    shuffled = past[rng.permutation(len(past))]  # the rows' order says nothing where there are times
    np.testing.assert_array_equal(model.recommend(shuffled, k=3).codes, model.recommend(past, k=3).codes)
    assert (model.recommend(past, k=3).codes != model.recommend(data, k=3).codes).any()


@pytest.mark.parametrize("estimator", NEURAL, ids=name_of)
def test_one_event_of_a_new_user_can_be_added(estimator):
    model = type(estimator)(**estimator.get_params() | {"max_epochs": 3}).fit(
        Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 2], n_items=4)
    )
    model.partial_fit(Interactions.from_arrays([2], [3], n_users=3, n_items=4))
    assert model.n_users_ == 3 and 3 not in model.recommend([2], k=3).codes


# ---- what a model must find ------------------------------------------------------------------------------------------

N_WALKERS, N_STEPS, CERTAINTY = 5000, 9, 0.9


def walks():
    """Each item has one successor, which follows it nine times of ten; else any item follows."""
    rng = np.random.default_rng(0)
    successor, places = rng.permutation(40), rng.integers(40, size=N_WALKERS)
    items = [places]
    for _ in range(N_STEPS):
        places = np.where(rng.random(N_WALKERS) < CERTAINTY, successor[places], rng.integers(40, size=N_WALKERS))
        items.append(places)
    return np.array(items)


@pytest.mark.parametrize("estimator", [*NEURAL, MarkovRecommender()], ids=name_of)
def test_of_a_chain_the_next_item_is_found_as_often_as_can_be(estimator):
    *past, following = walks()
    data = Interactions.from_arrays(
        np.tile(np.arange(N_WALKERS), N_STEPS), np.concatenate(past), timestamps=np.repeat(np.arange(N_STEPS), N_WALKERS)
    )
    learners = data[data.users < 1500]
    if "max_epochs" in estimator.get_params():
        estimator.set_params(max_epochs=10)
    model = estimator.fit(learners)
    found = model.recommend(data, k=1, exclude_seen=False).codes[:, 0]
    ceiling = CERTAINTY + (1 - CERTAINTY) / 40
    assert (found == following).mean() > ceiling - 0.03


def test_a_chain_of_counts_is_what_was_counted():
    data = Interactions.from_arrays([0, 0, 0, 1, 1, 2], [0, 1, 0, 0, 2, 0], timestamps=[1, 2, 3, 5, 4, 9])
    model = MarkovRecommender(smoothing=2.0).fit(data)
    assert model.transitions_.toarray().tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    shares = np.array([4, 1, 1]) / 6
    after_0 = (np.array([0, 1, 0]) + 2 * shares) / (1 + 2)
    new = Interactions.from_arrays([0], [0], n_items=3)
    np.testing.assert_allclose(model.recommend(new, k=3, exclude_seen=False).scores[0], np.sort(after_0)[::-1], rtol=1e-6)


def test_repeats_count_and_only_positives_do():
    data = Interactions.from_arrays([0, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 2], [5, 5, 5, 5, 5, 1])
    model = MarkovRecommender(positive_from=4).fit(data)
    assert model.transitions_.toarray().tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]


# ---- the estimators --------------------------------------------------------------------------------------------------

ROUND = Interactions.from_arrays(np.repeat(np.arange(24), 7), (np.repeat(np.arange(24), 7) + np.tile(np.arange(7), 24)) % 12)
FOLLOWING = (np.arange(24) + 7) % 12


@pytest.mark.parametrize("loss", ["softmax", "bce", "bpr", "warp"])
@pytest.mark.parametrize("negatives", ["shared", "uniform", "popularity", "in_batch", "all", "hard"])
def test_every_loss_and_kind_of_negatives_finds_what_comes_next(loss, negatives):
    drawn = {} if negatives in ("all", "in_batch") else {"n_negatives": 8}
    settings = SMALL | {"batch_size": 8, "loss": loss, "negatives": negatives, "dropout": 0.0, "max_epochs": 100} | drawn
    model = GRU4RecRecommender(**settings).fit(ROUND)
    assert (model.recommend(k=1).codes[:, 0] == FOLLOWING).mean() > 0.7


@pytest.mark.parametrize("estimator", NEURAL, ids=name_of)
def test_the_best_epoch_is_chosen_by_last_events_which_are_known_afterwards(estimator):
    model = type(estimator)(**estimator.get_params()).set_params(
        early_stopping=EarlyStopping("ndcg@10", patience=60), max_epochs=60
    )
    model.fit(ROUND)
    assert model.history_["ndcg@10"].idxmax() == model.best_epoch_
    assert {"valid_loss", "train_loss", "train_pairwise_accuracy"} <= set(model.history_.columns)
    assert (model.recommend(k=1).codes[:, 0] == FOLLOWING).mean() > 0.6


@pytest.mark.parametrize("estimator", NEURAL, ids=name_of)
def test_the_last_events_that_are_held_out_are_positive(estimator):
    values = np.where(np.tile(np.arange(7), 24) == 6, 0, 1)
    model = type(estimator)(**estimator.get_params()).set_params(early_stopping="valid_loss", max_epochs=2)
    assert model.fit(ROUND.with_values(values)).history_.valid_loss.notna().all()


def test_what_counts_as_positive_is_said_once():
    with pytest.warns(UserWarning, match="look like ratings") as warned:
        GRU4RecRecommender(**SMALL, max_epochs=1).fit(ROUND.with_values(1.0 + np.arange(len(ROUND)) % 5))
    assert len(warned) == 1


def test_what_was_held_out_is_read_afterwards_where_the_network_lies():
    model = GRU4RecRecommender(**SMALL, max_epochs=1, early_stopping=EarlyStopping("valid_loss", validation_fraction=0.5)).fit(
        ROUND
    )
    assert int(model.module_.sequences.indptr[-1]) == len(ROUND)
    assert {str(part.device) for part in model.module_.sequences.buffers()} == {model.device_}


def test_numbers_of_double_the_length_will_do():
    model = GRU4RecRecommender(**SMALL, max_epochs=1, trainer={"precision": "64-true"}).fit(ROUND)
    assert model.recommend(k=2).codes.shape == (24, 2)


def test_validation_events_follow_what_is_known():
    before = ROUND[np.tile(np.arange(7), 24) < 6]
    last = ROUND[np.tile(np.arange(7), 24) == 6]
    model = GRU4RecRecommender(**SMALL, dropout=0.0, max_epochs=40).fit(before, validation=last)
    assert model.history_.valid_loss.min() < 0.5 * model.history_.valid_loss[0]


@pytest.mark.parametrize("estimator", NEURAL, ids=name_of)
def test_longer_histories_are_read_from_their_end(estimator):
    model = type(estimator)(**estimator.get_params() | {"max_length": 4, "max_epochs": 2}).fit(ROUND)
    end = Interactions.from_arrays(np.zeros(4, int), [3, 4, 5, 6], n_items=12)
    whole = Interactions.from_arrays(np.zeros(9, int), [7, 9, 8, 2, 1, 3, 4, 5, 6], n_items=12)
    answers = (model.recommend(history, k=12, exclude_seen=False) for history in (end, whole))
    np.testing.assert_allclose(*(answer.scores for answer in answers), rtol=1e-4, atol=1e-5)


def test_a_user_of_a_known_frame_without_events_gets_the_popular_items():
    data = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 0], n_users=3, n_items=4)
    model = GRU4RecRecommender(**SMALL, max_epochs=1).fit(data)
    np.testing.assert_array_equal(model.transform([2]), np.zeros((1, 16), np.float32))
    assert model.recommend([2], k=2).codes.tolist() == [[0, 1]]


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (SASRecRecommender(n_factors=10, n_heads=3), "n_heads must divide n_factors=10, got 3"),
        (SASRecRecommender(loss="mse"), "ranks the next item"),
        (SASRecRecommender(max_length=0), "max_length must be"),
        (SASRecRecommender(n_blocks=0), "n_blocks must be"),
        (SASRecRecommender(negatives="slate"), "negatives must be one of"),
        (GRU4RecRecommender(n_layers=0), "n_layers must be"),
        (GRU4RecRecommender(dropout=1.0), "dropout must be"),
        (CaserRecommender(window=0), "window must be"),
        (MarkovRecommender(smoothing=0), "smoothing must be"),
    ],
)
def test_settings_out_of_range_are_named(estimator, words):
    with pytest.raises(ValueError, match=words):
        estimator.fit(ROUND)


def test_where_nothing_follows_anything_there_is_nothing_to_learn():
    with pytest.raises(ValueError, match="no user has two positive events"):
        SASRecRecommender(max_epochs=1).fit(Interactions.from_arrays([0, 1, 2], [0, 1, 2]))
