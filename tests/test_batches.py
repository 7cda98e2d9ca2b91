"""Minibatches and the negatives in them."""

from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import nn

from skrec import MFRecommender
from skrec.data import Interactions
from skrec.engine.batches import _batches
from skrec.engine.batches._batches import InBatchPairs, PairBatches, RowBatches, SlateBatches
from skrec.engine.batches._candidates import InBatchCandidates
from skrec.engine.batches._negatives import PopularNegatives, UniformNegatives, log_popularity
from skrec.engine.batches._sparse_rows import RowTable
from skrec.engine.losses._losses import LOSSES, batch_losses


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_events(n=50, *, n_users=12, n_items=9, seed=0):
    """Events with repeated pairs, each with a weight and a value of its own."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, n_users, n), rng.integers(0, n_items, n)
    return Interactions.from_arrays(
        users, items, np.arange(1.0, n + 1), weights=rng.random(n), n_users=n_users, n_items=n_items
    )


def pairs_of(events):
    return set(zip(events.users.tolist(), events.items.tolist()))


class Table(nn.Module):
    """Scores read from a matrix users x items."""

    def __init__(self, scores):
        super().__init__()
        self.scores = nn.Parameter(scores)

    def forward(self, users, items):
        return self.scores[users if items.ndim == 1 else users[:, None], items]


# ---- negatives -------------------------------------------------------------------------------------------------------


def test_uniform_negatives_are_equally_likely_among_what_the_user_does_not_know():
    known = Interactions.from_arrays([0, 0, 0, 0, 2], [0, 3, 3, 9, 5], n_items=10)
    users = torch.tensor([0, 1, 2]).repeat_interleave(3000)
    drawn, mask = UniformNegatives(known).draw(users, 2, generator())
    assert drawn.shape == (9000, 2) and mask is None
    for user, unknown in enumerate([[1, 2, 4, 5, 6, 7, 8], range(10), [0, 1, 2, 3, 4, 6, 7, 8, 9]]):
        counts = Counter(drawn[users == user].flatten().tolist())
        assert counts.keys() == set(unknown)
        assert chisquare(list(counts.values())).pvalue > 0.001


def test_many_uniform_negatives_are_those_of_few(monkeypatch):
    rng = np.random.default_rng(0)
    known = Interactions.from_arrays(rng.integers(0, 50, 900), rng.integers(0, 30, 900), n_users=51, n_items=30)
    users = torch.arange(51).repeat(20)
    expected, expected_mask = UniformNegatives(known).draw(users, 3, generator())
    monkeypatch.setattr("skrec.engine.batches._negatives._MANY_DRAWS", 1)
    drawn, mask = UniformNegatives(known).draw(users, 3, generator())
    assert torch.equal(drawn, expected) and (mask is expected_mask or torch.equal(mask, expected_mask))


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5))
def test_uniform_negatives_are_never_known_and_masked_only_where_all_is_known(rows):
    likes = np.array(rows, dtype=float)
    users = torch.arange(len(rows)).repeat(5)
    drawn, mask = UniformNegatives(Interactions.from_csr(sp.csr_array(likes))).draw(users, 3, generator())
    knows_all = torch.as_tensor(likes.all(1))[users]
    assert ((drawn >= 0) & (drawn < 4)).all()
    assert not likes[users[~knows_all, None], drawn[~knows_all]].any()
    if knows_all.any():
        assert torch.equal(mask, ~knows_all[:, None].expand(-1, 3))
    else:
        assert mask is None


def test_the_one_item_that_a_user_does_not_know_is_always_the_negative():
    known = Interactions.from_csr(1 - np.eye(5))
    drawn, _ = UniformNegatives(known).draw(torch.arange(5).repeat(20), 1, generator())
    assert torch.equal(drawn[:, 0], torch.arange(5).repeat(20))


def test_popular_negatives_are_drawn_in_proportion_to_the_users_of_an_item():
    n_fans = np.array([40, 30, 0, 20, 10])
    likes = (np.arange(100)[:, None] < n_fans).astype(float)
    repeats = Interactions.from_csr(np.vstack([likes, np.zeros((1, 5))]))[np.arange(100).repeat(2)]
    drawn, mask = PopularNegatives(repeats).draw(torch.full((5000,), 100), 2, generator())
    counts = np.bincount(drawn.flatten(), minlength=5)
    assert mask.all()
    assert counts[2] == 0
    assert chisquare(counts[n_fans > 0], 10_000 * n_fans[n_fans > 0] / 100).pvalue > 0.001


def test_popular_negatives_that_the_user_knows_are_masked():
    events = random_events()
    users = torch.arange(12).repeat(100)
    drawn, mask = PopularNegatives(events).draw(users, 2, generator())
    is_known = torch.as_tensor(events.to_csr(duplicates="any").toarray() > 0)
    assert torch.equal(mask, ~is_known[users[:, None], drawn])
    assert 0 < mask.float().mean() < 1


@pytest.mark.parametrize("sampler", (UniformNegatives, PopularNegatives))
def test_negatives_follow_from_the_generator(sampler):
    negatives, users = sampler(random_events()), torch.arange(12).repeat(10)
    first, again, other = (negatives.draw(users, 3, generator(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_log_popularity_is_the_logarithm_of_an_items_share_of_the_pairs():
    events = Interactions.from_arrays([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 1, 3], n_items=4)
    shares = log_popularity(events).exp()
    np.testing.assert_allclose(shares, [1 / 5, 3 / 5, 1 / 5, 1 / 5], rtol=1e-6)  # item 2, without any, counts as one


# ---- events ----------------------------------------------------------------------------------------------------------


def seen_in(batches, seed=0):
    """The events of an epoch, in its order: values tell them apart."""
    return torch.cat([batch.target for batch in batches.epoch(generator(seed))]).tolist()


def test_an_epoch_covers_every_event_once_in_another_order_each_time():
    events = random_events()
    batches = PairBatches(events, batch_size=8, negatives=None)
    assert sorted(seen_in(batches)) == events.values.tolist()
    assert sorted(seen_in(batches, seed=1)) == events.values.tolist()
    assert seen_in(batches) != seen_in(batches, seed=1)
    assert seen_in(batches) == seen_in(batches)


@pytest.mark.parametrize(("batch_size", "sizes"), [(20, [20, 20, 10]), (25, [25, 25]), (49, [49, 1]), (80, [50])])
def test_the_last_minibatch_takes_what_is_left(batch_size, sizes):
    batches = PairBatches(random_events(), batch_size=batch_size, negatives=None)
    assert [len(batch.query) for batch in batches.epoch(generator())] == sizes
    assert len(batches) == len(sizes)


@pytest.mark.parametrize("n_negatives", [1, 4])
def test_the_items_of_an_example_bear_the_penalty_of_two(n_negatives):
    events = random_events()
    batches = PairBatches(events, batch_size=8, negatives=UniformNegatives(events), n_negatives=n_negatives)
    for batch in batches.epoch(generator()):
        assert batch.item_share * batch.items.numel() == pytest.approx(2)


def test_an_event_keeps_its_user_item_value_and_weight():
    events = random_events()
    for batch in PairBatches(events, batch_size=8, negatives=None).epoch(generator()):
        rows = batch.target.numpy().astype(int) - 1
        np.testing.assert_array_equal(batch.query, events.users[rows])
        np.testing.assert_array_equal(batch.items, events.items[rows])
        np.testing.assert_array_equal(batch.weight, events.weights[rows])
        assert batch.item_share == 1 / len(rows)


@pytest.mark.parametrize("section", (1, 64, 2**18))
def test_each_event_stands_first_beside_its_negatives(section, monkeypatch):
    monkeypatch.setattr(_batches, "_SECTION", section)
    events = random_events()
    batches = PairBatches(events, batch_size=8, negatives=UniformNegatives(events), n_negatives=3)
    epoch = list(batches.epoch(generator()))
    assert [len(batch.query) for batch in epoch] == [8] * 6 + [2]
    users, items = torch.cat([b.query for b in epoch]).tolist(), torch.cat([b.items for b in epoch]).tolist()
    firsts = Counter((user, row[0]) for user, row in zip(users, items))
    assert firsts == Counter(zip(events.users.tolist(), events.items.tolist()))
    assert not {(user, item) for user, row in zip(users, items) for item in row[1:]} & pairs_of(events)
    assert all(torch.equal(b.target, torch.tensor([[1.0, 0, 0, 0]]).expand(len(b.query), 4)) for b in epoch)


def test_a_user_who_knows_everything_keeps_only_the_positive():
    events = Interactions.from_csr([[1, 1, 1], [1, 0, 0]])
    for batch in PairBatches(events, batch_size=2, negatives=UniformNegatives(events), n_negatives=2).epoch(generator()):
        assert torch.equal(batch.mask[:, 0], torch.ones(2, dtype=torch.bool))
        assert torch.equal(batch.mask[:, 1:], (batch.query == 1)[:, None].expand(-1, 2))


def test_later_changes_of_the_users_arrays_do_not_reach_the_batches():
    events = random_events()
    batches = PairBatches(events, batch_size=8, negatives=None)
    before = seen_in(batches)
    events.values[:] = -1
    assert seen_in(batches) == before


def test_a_weight_multiplies_the_loss_of_its_example():
    events = random_events()
    network = Table(torch.randn(12, 9, generator=generator()))
    for batch in PairBatches(events, batch_size=8, negatives=None).epoch(generator()):
        errors = network.scores[batch.query, batch.items] - batch.target
        torch.testing.assert_close(batch_losses(network, LOSSES["mse"], batch), errors**2 * batch.weight)


# ---- in the minibatch ------------------------------------------------------------------------------------------------


def in_batch(events, batch_size, known=None):
    candidates = InBatchCandidates(log_popularity(events), known)
    return InBatchPairs(events, batch_size=batch_size, negatives=UniformNegatives(events), candidates=candidates)


def test_in_batch_every_event_is_compared_with_the_others_except_those_of_its_own_item():
    events = random_events()
    epoch = list(in_batch(events, 8).epoch(generator()))
    assert sum(len(batch.query) for batch in epoch) == len(events)
    for batch in epoch:
        items = batch.items[0].tolist()
        assert batch.items.shape == (1, len(batch.query))
        assert torch.equal(batch.target, torch.eye(len(items)))
        for row, own in enumerate(items):
            others = [place == row or item != own for place, item in enumerate(items)]
            assert batch.mask[row].tolist() == others


def test_in_batch_what_a_user_is_known_to_have_is_no_negative():
    events = random_events()
    has = events.to_csr(duplicates="any")
    for batch in in_batch(events, 8, RowTable(has)).epoch(generator()):
        items = batch.items[0].tolist()
        for row, user in enumerate(batch.query.tolist()):
            others = [place == row or has[user, item] == 0 for place, item in enumerate(items)]
            assert batch.mask[row].tolist() == others


def test_in_batch_an_item_is_no_negative_of_its_own_event_though_nobody_is_known_to_have_it():
    events = Interactions.from_arrays([0, 1, 2], [4, 4, 3], n_items=5)
    nothing = RowTable(sp.csr_array((3, 5)))
    (batch,) = in_batch(events, 8, nothing).epoch(generator())
    same = batch.items[0][:, None] == batch.items[0][None]
    assert torch.equal(batch.mask, ~same | torch.eye(3, dtype=torch.bool))


@pytest.mark.parametrize(("loss", "is_masked"), [("softmax", False), ("bpr", True), ("bce", True)])
def test_in_batch_only_the_softmax_compares_a_user_with_their_own(loss, is_masked):
    events = Interactions.from_arrays([0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 3, 4])
    model = MFRecommender(loss=loss, negatives="in_batch", n_factors=2, max_epochs=1, random_state=0).fit(events)
    (batch,) = model.objective_.batches(events, events).epoch(generator())
    own = batch.query[:, None] == batch.query[None]
    assert (batch.mask[own].sum() == len(events)) == is_masked


def test_in_batch_corrected_gradient_is_that_of_the_full_softmax():
    items = np.repeat(np.arange(8), [512, 256, 128, 64, 32, 16, 8, 8])
    events = Interactions.from_arrays(np.arange(1024), items)
    scores = torch.randn(8, generator=generator(), dtype=torch.float64, requires_grad=True)
    full = scores.detach().softmax(0) - torch.bincount(torch.as_tensor(items)) / 1024
    gradients = []
    for epoch in range(20):
        for batch in in_batch(events, 256).epoch(generator(epoch)):
            losses = LOSSES["softmax"](scores[batch.items], batch.target, batch.mask, batch.log_q)
            gradients.append(torch.autograd.grad(losses.mean(), scores)[0])
    error = torch.stack(gradients).mean(0) - full
    assert error.norm() < 0.1 * full.norm()


# ---- whole rows ------------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_matrix():
    matrix = sp.random_array((15, 7), density=0.3, random_state=np.random.default_rng(0), format="csr").astype(np.float32)
    batches = RowBatches(matrix, batch_size=4, negatives=None)
    users = torch.tensor([3, 0, 14, 3])
    np.testing.assert_array_equal(batches.table(users).dense(7), matrix.toarray()[users])


def test_an_epoch_of_rows_covers_every_user_with_events_once():
    likes = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    batches = RowBatches(sp.csr_array(likes), batch_size=3, negatives=None)
    epoch = list(batches.epoch(generator()))
    assert len(batches) == 2 and [len(batch.query) for batch in epoch] == [3, 1]
    assert sorted(torch.cat([batch.query for batch in epoch]).tolist()) == [0, 2, 3, 4]
    for batch in epoch:
        np.testing.assert_array_equal(batch.dense_target, likes[batch.query.numpy()])
        assert batch.n_examples == len(batch.query)
        assert batch.items.tolist() == [[0, 1, 2]]
        assert batch.item_share == 1 / 4


# ---- slates ----------------------------------------------------------------------------------------------------------

SLATES = {  # impression: user, items shown, items chosen
    10: (0, [3, 1, 2], [1]),
    11: (1, [0, 4, 5, 2], [4, 2]),
    12: (1, [0, 1], []),
    13: (2, [5, 3], [5, 3]),
    14: (2, [4], [4]),
    15: (0, [5, 0], [0]),
}
EXAMPLES = [(0, 1, {2, 3}), (1, 4, {0, 5}), (1, 2, {0, 5}), (0, 0, {5})]  # user, chosen item, what it was preferred to


def slate_events(seed=0):
    """The events of the slates, in a random order."""
    rows = [(u, i, i in chosen, slate) for slate, (u, shown, chosen) in SLATES.items() for i in shown]
    users, items, chosen, slates = np.random.default_rng(seed).permutation(np.array(rows)).T
    return Interactions.from_arrays(users, items, chosen, impressions=slates, n_items=6)


def examples_of(batch):
    for user, items, target, mask in zip(batch.query.tolist(), batch.items, batch.target, batch.mask):
        yield user, items[target == 1].item(), set(items[mask & (target == 0)].tolist())


@pytest.mark.parametrize("batch_size", (1, 3, 10))
def test_each_chosen_item_is_compared_with_what_was_shown_and_not_chosen(batch_size):
    batches = SlateBatches(slate_events(), batch_size=batch_size)
    epoch = list(batches.epoch(generator()))
    found = [example for batch in epoch for example in examples_of(batch)]
    assert len(batches) == len(epoch) == -(-4 // batch_size)
    assert len(found) == len(EXAMPLES) and all(example in found for example in EXAMPLES)


def test_slates_of_one_minibatch_have_the_loss_of_each_slate_by_itself():
    scores = torch.randn(3, 6, generator=generator(), dtype=torch.float64)
    by_hand = sum(-torch.log_softmax(scores[user, [chosen, *others]], 0)[0] for user, chosen, others in EXAMPLES)
    for batch in SlateBatches(slate_events(), batch_size=4).epoch(generator()):
        losses = batch_losses(Table(scores), LOSSES["softmax"], batch._replace(target=batch.target.double()))
        torch.testing.assert_close(losses.sum().detach(), by_hand)


# ---- probes ----------------------------------------------------------------------------------------------------------


def test_values_have_no_negatives_to_probe():
    assert PairBatches(random_events(), batch_size=8, negatives=None).sample_pairs(10, generator()) is None


@pytest.mark.parametrize("kind", ("pairs", "in_batch", "rows"))
def test_a_probe_holds_a_positive_and_an_unknown_item(kind):
    events = random_events()
    negatives = UniformNegatives(events)
    batches = {
        "pairs": PairBatches(events, batch_size=8, negatives=negatives),
        "in_batch": in_batch(events, 8),
        "rows": RowBatches(events.to_csr(duplicates="any"), batch_size=4, negatives=negatives),
    }[kind]
    users, items = batches.sample_pairs(20, generator())
    positives, others = (set(zip(users.tolist(), column.tolist())) for column in items.T)
    assert len(users) == 20
    assert positives <= pairs_of(events)
    assert not others & pairs_of(events)


def test_a_probe_of_slates_holds_what_was_chosen_and_something_shown_beside_it():
    users, items = SlateBatches(slate_events(), batch_size=2).sample_pairs(100, generator())
    assert len(users) == len(EXAMPLES)
    for user, (chosen, other) in zip(users.tolist(), items.tolist()):
        assert any(user == u and chosen == c and other in others for u, c, others in EXAMPLES)


def test_slates_know_the_threshold_of_what_was_chosen():
    events = Interactions.from_arrays([0, 0, 0], [1, 2, 3], [5, 2, 1], impressions=[0, 0, 0])
    (batch,) = SlateBatches(events, batch_size=8, positive_from=4).epoch(generator())
    assert batch.items[0, batch.target[0] > 0].tolist() == [1]
    assert batch.mask.all()


def test_popular_negatives_come_with_how_often_they_were_to_be_expected():
    events = random_events()
    sampler = PopularNegatives(events)
    (batch, *_) = PairBatches(events, batch_size=8, negatives=sampler, n_negatives=3).epoch(generator())
    assert (batch.log_q[:, 0] == 0).all()
    share = np.bincount(events.to_csr(duplicates="any").indices, minlength=events.n_items) / events.to_csr().nnz
    np.testing.assert_allclose(batch.log_q[:, 1:], np.log(3 * share[batch.items[:, 1:]]), rtol=1e-5)
