"""Optimisers, and what is added to the loss or taken off the weights."""

import numpy as np
import pytest
import torch
from small_models import N_ITEMS, N_USERS, likes, model, ratings, same, weights_of
from training_references import new_network, plain_adam

from skrec import AutoRecRecommender, LightGCNRecommender, MFRecommender, MultVAERecommender
from skrec.data import Interactions
from skrec.engine.batches._batches import RowBatches
from skrec.engine.networks._network import squared_lengths
from skrec.engine.training._optimizers import RowAdam, choose_optimizer


def one_step_by_hand(network, events, *, lr, regularization, weight_decay):
    """Gradient descent on (rating - prediction)² and the squared lengths of an event's rows, event by event."""
    p, q = network.user_embeddings.weight.detach().numpy(), network.item_embeddings.weight.detach().numpy()
    b, c = np.zeros(N_USERS), network.item_biases.weight.detach().numpy()[:, 0]
    mean, n = events.values.mean(), len(events)
    new_p, new_q, new_b, new_c = ((1 - lr * weight_decay) * table for table in (p, q, b, c))
    of_users, of_items = (np.bincount(codes).astype(float) for codes in (events.users, events.items))
    typical = np.sqrt(of_users.mean() * of_items.mean())
    for u, i, rating in zip(events.users, events.items, events.values):
        error = p[u] @ q[i] + c[i] + mean - rating
        new_p[u] -= lr * 2 * (error * q[i] + regularization * (of_users[u] / typical) ** -0.6 * p[u]) / n
        new_q[i] -= lr * 2 * (error * p[u] + regularization * (of_items[i] / typical) ** -0.6 * q[i]) / n
        new_b[u] -= lr * 2 * error / n
        new_c[i] -= lr * 2 * error / n
    return new_p, new_q, new_b, new_c


@pytest.mark.parametrize(("regularization", "weight_decay"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.3), (0.7, 0.3)])
def test_a_step_with_both_penalties_is_the_one_by_hand(regularization, weight_decay):
    events = ratings()
    fitted = model(
        loss="mse",
        optimizer="sgd",
        max_epochs=1,
        batch_size=len(events),
        learning_rate=0.5,
        regularization=regularization,
        weight_decay=weight_decay,
    ).fit(events)
    network = new_network(fitted.seed_, mean=0.0)
    fitted.objective_.initialize(network, events)  # the biases of items begin with their mean
    p, q, b, c = one_step_by_hand(network, events, lr=0.5, regularization=regularization, weight_decay=weight_decay)
    np.testing.assert_allclose(fitted.user_embeddings_, p, atol=1e-6)
    np.testing.assert_allclose(fitted.item_embeddings_, q, atol=1e-5)
    np.testing.assert_allclose(fitted.user_biases_, b, atol=1e-5)
    np.testing.assert_allclose(fitted.item_biases_, c, atol=1e-5)


def test_regularization_of_whole_rows_adds_up_to_the_mean_over_users():
    """All users in one minibatch, or some in each: an epoch's penalty is the mean over users of all squared lengths."""
    network, events = new_network(0), likes()
    by_hand = sum(table.weight.square().sum() for table in (network.user_embeddings, network.item_embeddings))
    for batch_size in (3, 4, N_USERS):
        batches = RowBatches(events.to_csr(), batch_size=batch_size, negatives=None)
        epoch = list(batches.epoch(torch.Generator().manual_seed(0)))
        penalties = [network.penalty(batch.query, batch.items, batch.item_share) for batch in epoch]
        torch.testing.assert_close(torch.stack(penalties).mean(), by_hand / N_USERS)


def test_regularization_does_not_count_the_padding_of_a_slate():
    """A slate of two items beside one of five: every row was looked up once, so all shrink alike, by two for each slate."""
    shown = Interactions.from_arrays(
        [0, 0, 1, 1, 1, 1, 1],
        np.arange(7),
        [1, 0, 1, 0, 0, 0, 0],
        impressions=[0, 0, 1, 1, 1, 1, 1],
        n_users=N_USERS,
        n_items=N_ITEMS,
    )
    settings = {"negatives": "slate", "optimizer": "sgd", "max_epochs": 1, "learning_rate": 0.1, "regularization": 1.0}
    fitted = model(loss=lambda scores, *rest: 0 * scores.sum(1), batch_size=2, **settings).fit(shown)
    start = new_network(fitted.seed_)
    for table, before, n_touched, share in (
        (fitted.user_embeddings_, start.user_embeddings, 2, 1 / 2),
        (fitted.item_embeddings_, start.item_embeddings, 7, 2 / 7),
    ):
        shrunk = before.weight.detach().numpy().copy()
        shrunk[:n_touched] *= 1 - 2 * 0.1 * 1.0 * share
        np.testing.assert_allclose(table, shrunk, rtol=1e-5)


def test_an_optimizer_may_be_a_name_or_a_callable():
    by_name = model(optimizer="sgd").fit(likes())
    by_class = model(optimizer=torch.optim.SGD).fit(likes())
    assert (by_name.optimizer_, by_class.optimizer_) == ("sgd", "SGD")
    assert same(weights_of(by_name), weights_of(by_class))
    assert not same(weights_of(by_name), weights_of(model(optimizer="adagrad").fit(likes())))


def test_auto_is_adam_until_there_are_many_rows():
    assert model().fit(likes()).optimizer_ == "adam"
    assert choose_optimizer(200_000, None, 0) == "adam"
    assert choose_optimizer(200_001, None, 0) == "row_adam"
    assert choose_optimizer(200_001, None, 0.1) == "adam"


def test_auto_is_row_adam_if_minibatches_of_drawn_negatives_use_less_than_half_of_the_rows():
    few = {"batch_size": 2, "max_epochs": 1}  # of 21 users and items a minibatch uses at most 6
    assert model(**few).fit(likes()).optimizer_ == "row_adam"
    assert model(**few, weight_decay=0.1).fit(likes()).optimizer_ == "adam"
    assert model(**few, n_negatives=4).fit(likes()).optimizer_ == "adam"
    assert model(**few, loss="mse").fit(likes()).optimizer_ == "adam"


@pytest.mark.parametrize("estimator", (AutoRecRecommender, MultVAERecommender, LightGCNRecommender))
def test_auto_is_adam_however_many_rows_there_are_where_every_minibatch_touches_all(estimator):
    many = Interactions.from_arrays([0, 1, 2], [0, 1, 2], n_users=3, n_items=200_001)
    tiny = {"n_factors": 1, "max_epochs": 1, "random_state": 0}
    widths = {"hidden_layer_sizes": (1,)} if estimator is MultVAERecommender else {}
    assert estimator(**tiny, **widths).fit(many).optimizer_ == "adam"
    assert MFRecommender(**tiny, solver="gradient").fit(many).optimizer_ == "row_adam"


def test_row_adam_moves_touched_rows_as_adam_does_and_leaves_others_alone():
    dense, sparse = torch.nn.Embedding(5, 3), torch.nn.Embedding(5, 3, sparse=True)
    sparse.load_state_dict(dense.state_dict())
    start = dense.weight.detach().clone()
    adam, row_adam = plain_adam(dense.parameters()), RowAdam(sparse.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-5)
    for rows in ([0, 1, 1], [1, 0, 0], [0, 1, 0]):
        for table, optimizer in ((dense, adam), (sparse, row_adam)):
            optimizer.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(sparse.weight, dense.weight)
    assert torch.equal(sparse.weight[2:], start[2:]) and not torch.equal(sparse.weight[:2], start[:2])
    row_adam.zero_grad()
    moved = sparse.weight.detach().clone()
    sparse(torch.tensor([4])).sum().backward()
    row_adam.step()
    assert torch.equal(sparse.weight[:4], moved[:4]) and not torch.equal(sparse.weight[4], moved[4])


def test_row_adam_trains_like_adam_where_every_row_is_touched_at_every_step():
    every_pair = likes(N_USERS * N_ITEMS)
    settings = {"loss": "mse", "batch_size": len(every_pair)}
    lazy, adam = (model(optimizer=name, **settings).fit(every_pair) for name in ("row_adam", "adam"))
    for a, b in zip(weights_of(lazy), weights_of(adam)):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("changes", ({"regularization": 0.1}, {"trainer": {"gradient_clip_val": 0.1}}))
def test_row_adam_takes_penalties_and_clipping(changes):
    assert model(optimizer="row_adam", **changes).fit(likes()).history_.train_loss.is_monotonic_decreasing


@pytest.mark.parametrize("n_rows", [3, 50], ids=["some rows", "more than there are"])
@pytest.mark.parametrize("sparse", [False, True])
def test_squared_lengths_are_those_of_the_rows_as_often_as_they_occur(n_rows, sparse):
    generator = torch.Generator().manual_seed(0)
    table = torch.nn.Embedding(8, 4, sparse=sparse)
    rows = torch.randint(8, (n_rows, 2), generator=generator)
    found = squared_lengths(table, rows)
    expected = table.weight[rows].square().sum()
    torch.testing.assert_close(found, expected)
    (slope,) = torch.autograd.grad(found, [table.weight])
    assert slope.is_sparse == sparse
    torch.testing.assert_close(slope.to_dense(), *torch.autograd.grad(expected, [table.weight]))
