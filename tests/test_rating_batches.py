"""Minibatches of rows of ratings, and of columns: what they hold, and that their loss is the mean over the ratings."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from skrec import AutoRecRecommender
from skrec.data import Interactions
from skrec.engine import ColumnBatches, PairBatches, RatingRows, RowBatches, UniformNegatives
from skrec.engine.losses._losses import LOSSES, batch_losses

N_USERS, N_ITEMS, N = 12, 9, 40


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rated(seed=0, value=None):
    """A matrix of ratings, one of them zero, with an empty row and an empty column."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation((N_USERS - 1) * (N_ITEMS - 1))[:N]
    values = np.arange(N, dtype=np.float32) if value is None else np.full(N, value, np.float32)
    matrix = sp.csr_array((values, np.divmod(pairs, N_ITEMS - 1)), shape=(N_USERS, N_ITEMS))
    matrix.sort_indices()
    return matrix


def counted(ratings, seed=None):
    """How much each rating counts: one, or at random."""
    data = np.ones(N) if seed is None else np.random.default_rng(seed).uniform(0.2, 3, N)
    return sp.csr_array((data.astype(np.float32), ratings.indices, ratings.indptr), shape=ratings.shape)


def by_rows(ratings, counts, batch_size=4):
    return RatingRows(ratings, counts, batch_size=batch_size)


def by_columns(ratings, counts, batch_size=4):
    return ColumnBatches(RatingRows(ratings.T.tocsr(), counts.T.tocsr(), batch_size=batch_size), None)


KINDS = pytest.mark.parametrize("kind", [by_rows, by_columns])


def entries_of(batch):
    """(user, item, target, count) of what counts in a minibatch."""
    rows, columns = batch.mask.nonzero().T
    users, items = batch.query[rows].tolist(), batch.items[0][columns].tolist()
    return list(zip(users, items, batch.target[rows, columns].tolist(), batch.mask[rows, columns].tolist()))


def entries_of_matrix(ratings, counts):
    users = np.repeat(np.arange(N_USERS), np.diff(ratings.indptr))
    return list(zip(users.tolist(), ratings.indices.tolist(), ratings.data.tolist(), counts.data.tolist()))


class Table(nn.Module):
    """Scores read from a matrix users x items."""

    def __init__(self):
        super().__init__()
        self.scores = nn.Parameter(torch.randn(N_USERS, N_ITEMS, generator=generator(1)))

    def forward(self, users, items):
        return self.scores[users[:, None], items]


# ---- ratings ---------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_an_epoch_holds_every_rating_once_with_its_value_and_count(kind, batch_size):
    ratings = rated()
    counts = counted(ratings, seed=2)
    batches = kind(ratings, counts, batch_size)
    epoch = list(batches.epoch(generator()))
    assert len(batches) == len(epoch)
    assert sorted(entry for batch in epoch for entry in entries_of(batch)) == sorted(entries_of_matrix(ratings, counts))


@KINDS
def test_what_was_not_rated_counts_for_nothing(kind):
    ratings = rated()
    dense = counted(ratings).toarray()
    for batch in kind(ratings, counted(ratings)).epoch(generator()):
        np.testing.assert_array_equal(batch.mask, dense[batch.query.numpy()[:, None], batch.items.numpy()])
        assert 0 < batch.mask.sum() < batch.mask.numel()


@KINDS
@pytest.mark.parametrize("weight_seed", [None, 2], ids=["plain", "weighted"])
def test_the_loss_of_a_minibatch_is_the_mean_over_its_ratings(kind, weight_seed):
    ratings, network = rated(), Table()
    counts = counted(ratings, weight_seed)
    scores = network.scores.detach().numpy()
    for batch in kind(ratings, counts).epoch(generator()):
        errors = [count * (scores[user, item] - value) ** 2 for user, item, value, count in entries_of(batch)]
        total = sum(count for *_, count in entries_of(batch))
        assert batch_losses(network, LOSSES["mse"], batch).mean().item() == pytest.approx(sum(errors) / total, rel=1e-5)


def test_whoever_rated_none_of_the_items_is_left_out():
    ratings = rated()
    rating_users = counted(ratings).toarray()
    n_left_out = 0
    for batch in by_columns(ratings, counted(ratings), 2).epoch(generator()):
        assert batch.query.tolist() == np.flatnonzero(rating_users[:, batch.items[0].numpy()].any(1)).tolist()
        n_left_out += N_USERS - 1 - len(batch.query)
    assert n_left_out


@KINDS
def test_nothing_unrated_has_a_gradient(kind):
    ratings, network = rated(), Table()
    for batch in kind(ratings, counted(ratings)).epoch(generator()):
        batch_losses(network, LOSSES["mse"], batch).mean().backward()
    np.testing.assert_array_equal(network.scores.grad != 0, counted(ratings).toarray() > 0)


@KINDS
def test_ratings_without_weight_leave_a_loss_of_zero(kind):
    ratings = rated()
    nothing = sp.csr_array((np.zeros(N, np.float32), ratings.indices, ratings.indptr), shape=ratings.shape)
    for batch in kind(ratings, nothing).epoch(generator()):
        assert batch_losses(Table(), LOSSES["mse"], batch).mean().item() == 0


@KINDS
def test_epochs_differ_and_follow_from_the_generator(kind):
    ratings = rated()
    orders = [[entries_of(batch) for batch in kind(ratings, counted(ratings)).epoch(generator(seed))] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


@KINDS
def test_a_minibatch_of_one_touches_what_was_rated(kind):
    ratings = rated()
    for batch in kind(ratings, counted(ratings), 1).epoch(generator()):
        assert set(batch.touched_items.flatten().tolist()) >= {item for _, item, *_ in entries_of(batch)}


@KINDS
def test_ratings_have_no_pairs_to_probe(kind):
    assert kind(rated(), counted(rated())).sample_pairs(10, generator()) is None


def test_millions_of_users_and_items_are_never_laid_out():
    n, rng = 10**6, np.random.default_rng(0)
    users, items = rng.integers(0, n, (2, 6))
    ratings = sp.csr_array((np.arange(1, 7, dtype=np.float32), (users, items)), shape=(n, n))
    for batch in RatingRows(ratings, ratings, batch_size=2).epoch(generator()):
        assert batch.mask.shape == (len(batch.query), n) and len(batch.query) <= 2
    for batch in ColumnBatches(RatingRows(ratings.T.tocsr(), ratings.T.tocsr(), batch_size=2), None).epoch(generator()):
        assert len(batch.query) == batch.items.shape[1] <= 2


# ---- rankings by columns ---------------------------------------------------------------------------------------------


def columns_of(likes, batch_size=4):
    events = Interactions.from_csr(likes)
    pairs = PairBatches(events, batch_size=8, negatives=UniformNegatives(events))
    return ColumnBatches(RowBatches(likes.T.tocsr(), batch_size=batch_size, negatives=None), pairs)


def test_every_user_with_an_event_says_yes_or_no_to_each_item_of_the_minibatch():
    likes = rated(value=1)
    dense, seen = likes.toarray(), []
    batches = columns_of(likes, 2)
    epoch = list(batches.epoch(generator()))
    assert [batch.items.shape for batch in epoch] == [(1, 2)] * 4 and len(batches) == 4
    for batch in epoch:
        items = batch.items[0].numpy()
        assert batch.mask is None and batch.weight is None
        assert batch.item_share == 1 / len(items)
        assert batch.query.tolist() == list(range(N_USERS - 1))  # the last user has no event
        assert not batch.target.any(1).all()  # somebody's are all elsewhere
        np.testing.assert_array_equal(batch.target, dense[batch.query.numpy()][:, items])
        seen += items.tolist()
    assert sorted(seen) == list(range(N_ITEMS - 1))  # the last item has no user


def test_weights_are_the_targets_of_a_ranking():
    likes = counted(rated(), seed=3)
    for batch in columns_of(likes).epoch(generator()):
        np.testing.assert_array_equal(batch.target, likes.toarray()[batch.query.numpy()[:, None], batch.items.numpy()])


def test_the_probe_of_columns_is_that_of_their_pairs():
    likes = rated(value=1)
    users, items = columns_of(likes).sample_pairs(10, generator())
    assert items.shape == (10, 2)
    np.testing.assert_array_equal(likes.toarray()[users.numpy()[:, None], items.numpy()], [[1, 0]] * 10)


def test_weights_of_events_reach_the_loss_of_a_rating_model():
    rng = np.random.default_rng(0)
    users, items = np.divmod(np.arange(60), 6)
    events = Interactions.from_arrays(users, items, rng.integers(1, 6, 60), n_users=10, n_items=6)
    weighted = replace(events, weights=rng.uniform(0.5, 2, 60).astype(np.float32))
    for side in ("user", "item"):
        objective = AutoRecRecommender(loss="mse", side=side, batch_size=4, max_epochs=1).fit(weighted).objective_
        batches = objective.batches(weighted, weighted)
        found = {(u, i): (value, count) for batch in batches.epoch(generator()) for u, i, value, count in entries_of(batch)}
        pairs = zip(users.tolist(), items.tolist())
        assert found == dict(zip(pairs, zip(weighted.values.tolist(), weighted.weights.tolist())))
