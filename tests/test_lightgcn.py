"""LightGCN against the paper's equations over dense matrices. Propagations of the graph, and new users."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from small_models import N_ITEMS, N_USERS, likes, ratings, two_camps

from skrec import LightGCNRecommender
from skrec.data import Interactions
from skrec.engine.networks._layers import build_seeded
from skrec.engine.networks._lightgcn import LightGCN
from skrec.metrics import get_scorer
from skrec.model_selection import train_test_split

pytestmark = pytest.mark.usefixtures("one_thread")

WEIGHTS = np.random.default_rng(0).uniform(0.2, 3, 50).astype(np.float32)
LAYERS = (1, 2, 3)


def model(**changes):
    settings = {"n_factors": 4, "n_layers": 2, "max_epochs": 3, "batch_size": 16, "learning_rate": 0.05, "random_state": 0}
    return LightGCNRecommender(**settings | changes)


def with_a_user_and_an_item_without_events():
    matrix = likes().with_values(WEIGHTS).to_csr().toarray()
    matrix[4], matrix[:, 6] = 0, 0
    return matrix


def normalised(matrix):
    """Entries over the roots of both degrees (torch, float64)."""
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    of_users, of_items = matrix.sum(1, keepdim=True), matrix.sum(0, keepdim=True)
    return matrix / (of_users * of_items).where(matrix > 0, torch.ones_like(matrix)).sqrt()


def plain_propagation(matrix, users, items, n_layers):
    """Eq. 3, layer by layer on the whole graph, and eq. 4 with equal weights: final vectors of users and of items."""
    edges = normalised(matrix)
    n = len(users)
    adjacency = torch.zeros(n + len(items), n + len(items), dtype=torch.float64)
    adjacency[:n, n:], adjacency[n:, :n] = edges, edges.T
    layers = [torch.cat([users, items])]
    for _ in range(n_layers):
        layers.append(adjacency @ layers[-1])
    return (sum(layers) / (n_layers + 1)).split([n, len(items)])


def tables_of(network):
    return network.users.weight.detach().double(), network.items.weight.detach().double()


def network_of(matrix, n_layers, seed=0):
    return build_seeded(lambda: LightGCN(csr_array(matrix), 4, n_layers, 0.5), seed)


# ---- propagation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_layers", LAYERS)
def test_scores_are_products_of_vectors_propagated_as_in_the_paper(n_layers, weights):
    events = replace(likes(), weights=weights)
    fitted = model(n_layers=n_layers).fit(events)
    matrix = likes().with_values(np.ones(50) if weights is None else weights).to_csr().toarray()
    users, items = plain_propagation(matrix, *tables_of(fitted.module_), n_layers)
    np.testing.assert_allclose(fitted.user_embeddings_, users, atol=1e-5)
    np.testing.assert_allclose(fitted.item_embeddings_, items, atol=1e-5)
    pairs = Interactions.from_arrays(*np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS))
    np.testing.assert_allclose(fitted.predict(pairs).reshape(N_USERS, N_ITEMS), users @ items.T, atol=1e-5)
    assert not fitted.item_biases_.any()


@pytest.mark.parametrize("n_layers", LAYERS)
def test_who_has_no_edge_keeps_a_part_of_the_own_embedding(n_layers):
    network = network_of(with_a_user_and_an_item_without_events(), n_layers)
    network.prepare()
    by_hand = plain_propagation(with_a_user_and_an_item_without_events(), *tables_of(network), n_layers)
    for found, expected in zip((network.final_users, network.final_items), by_hand):
        torch.testing.assert_close(found.detach().double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(network.final_users[4], network.users.weight[4] / (n_layers + 1))
    torch.testing.assert_close(network.final_items[6], network.items.weight[6] / (n_layers + 1))


@pytest.mark.parametrize("n_layers", LAYERS)
def test_gradients_are_those_of_dense_propagation(n_layers):
    matrix, network = with_a_user_and_an_item_without_events(), network_of(with_a_user_and_an_item_without_events(), n_layers)
    tables = [table.requires_grad_() for table in tables_of(network)]
    users, items = torch.tensor([0, 4, 2, 0]), torch.tensor([[1, 2], [6, 3], [0, 6], [5, 1]])
    network.train()(users, items).sigmoid().sum().backward()
    of_users, of_items = plain_propagation(matrix, *tables, n_layers)
    (of_users[users][:, None] * of_items[items]).sum(-1).sigmoid().sum().backward()
    torch.testing.assert_close(network.users.weight.grad.double(), tables[0].grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(network.items.weight.grad.double(), tables[1].grad, atol=1e-5, rtol=1e-4)


def test_the_penalty_is_on_the_embeddings_that_propagation_begins_with():
    network = network_of(with_a_user_and_an_item_without_events(), 2)
    users, items = torch.tensor([0, 0, 3]), torch.tensor([[1, 2], [3, 3], [0, 8]])
    by_hand = network.users.weight[users].square().sum() / 3 + network.items.weight[items].square().sum() * 0.25
    torch.testing.assert_close(network.penalty(users, items, 0.25), by_hand)


def test_the_graph_is_passed_through_once_for_a_minibatch_and_never_to_recommend(monkeypatch):
    calls, propagate = [], LightGCN.propagate

    def counted(network):
        calls.append(network.training)
        return propagate(network)

    monkeypatch.setattr(LightGCN, "propagate", counted)
    fitted = model(max_epochs=3, batch_size=16).fit(likes())  # four minibatches in an epoch
    assert calls.count(True) == 3 * 4
    calls.clear()
    fitted.recommend(k=3)
    fitted.recommend(likes(seed=1), k=3)
    fitted.predict(likes())
    fitted.similar_items([0], k=2)
    assert not calls


def test_a_minibatch_leaves_what_is_kept_for_questions_alone():
    network = network_of(with_a_user_and_an_item_without_events(), 2)
    network.prepare()
    before = {name: buffer.clone() for name, buffer in network.named_buffers() if buffer is not None}
    torch.nn.init.normal_(network.items.weight, generator=torch.Generator().manual_seed(1))
    network.train()(torch.tensor([0, 3]), torch.tensor([[1, 2], [5, 0]])).sum().backward()
    after = dict(network.named_buffers())
    assert after.keys() == before.keys() > {"final_users", "final_items"}
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_what_was_shown_and_not_chosen_is_no_edge():
    events = Interactions.from_arrays(
        [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 2, 3, 3, 0, 1], [1, 0, 0, 1, 0, 1, 1, 0], impressions=[0, 0, 0, 1, 1, 2, 2, 2]
    )
    fitted = model(negatives="slate").fit(events)
    chosen = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]])
    users, items = plain_propagation(chosen, *tables_of(fitted.module_), 2)
    np.testing.assert_allclose(fitted.user_embeddings_, users, atol=1e-5)
    np.testing.assert_allclose(fitted.item_embeddings_, items, atol=1e-5)
    np.testing.assert_allclose(fitted.transform(events), fitted.transform(csr_array(chosen)), atol=1e-6)


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", LAYERS)
@pytest.mark.parametrize("loss", ["bpr", "softmax", "bce", "warp"])
def test_the_item_withheld_from_each_member_of_a_camp_is_recommended(loss, n_layers):
    fitted = model(loss=loss, n_layers=n_layers, max_epochs=60, batch_size=None).fit(two_camps())
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))
    assert fitted.recommend(Interactions.from_csr(two_camps()), k=1).items[:, 0].tolist() == list(range(12))


@pytest.mark.parametrize("changes", [{"n_layers": 1}, {"init_std": 0.5}, {"regularization": 1.0}, {"n_negatives": 3}], ids=str)
def test_each_parameter_changes_what_is_learned(changes):
    assert not np.allclose(model(**changes).fit(likes()).item_embeddings_, model().fit(likes()).item_embeddings_, atol=1e-4)


# ---- new users -------------------------------------------------------------------------------------------------------


def coefficients(propagated_part, embeddings):
    """Coefficients that predict embeddings of users from propagated ones, by a ridge regression."""
    ridge = 1e-3 * np.square(propagated_part).sum(0).mean() + 1e-12
    equations, right = np.vstack([propagated_part, ridge**0.5 * np.eye(4)]), np.vstack([embeddings, np.zeros((4, 4))])
    return np.linalg.lstsq(equations, right, rcond=None)[0]


@pytest.mark.parametrize("n_layers", LAYERS)
def test_vector_of_a_new_user_is_the_mean_over_layers_with_a_predicted_embedding(n_layers):
    events = replace(likes(), weights=WEIGHTS)
    fitted = model(n_layers=n_layers).fit(events)
    embeddings = tables_of(fitted.module_)[0].numpy()
    # layers above 0 of the known users
    propagated_part = fitted.user_embeddings_ * (n_layers + 1) - embeddings
    predicted = propagated_part @ coefficients(propagated_part, embeddings)
    np.testing.assert_allclose(fitted.transform(events), (propagated_part + predicted) / (n_layers + 1), atol=1e-4)
    assert np.abs(predicted).max() > 0.01


def test_new_users_with_only_items_without_events_have_a_zero_vector():
    fitted = model().fit(csr_array(with_a_user_and_an_item_without_events() > 0).astype(float))
    only_without_events = np.zeros((1, N_ITEMS))
    only_without_events[0, 6] = 1
    assert not fitted.transform(csr_array(only_without_events)).any()
    both = only_without_events.copy()
    both[0, 1] = 1
    assert np.isfinite(fitted.transform(csr_array(both))).all()


def test_a_pickled_model_recommends_the_same():
    fitted = model().fit(likes())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.recommend(k=3).items, fitted.recommend(k=3).items)
    np.testing.assert_array_equal(again.predict(likes().to_csr()), fitted.predict(likes().to_csr()))


# ---- more events -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", LAYERS)
def test_partial_fit_starts_new_users_at_the_predicted_embedding(n_layers):
    fitted = model(n_layers=n_layers, max_epochs=40).fit(two_camps()[:10])
    users, items = tables_of(fitted.module_)
    fitted.set_params(learning_rate=1e-30).partial_fit(two_camps()[10:])
    grown_users, grown_items = tables_of(fitted.module_)
    torch.testing.assert_close(grown_users[:10], users)
    torch.testing.assert_close(grown_items, items)
    with_zero_rows = torch.cat([users, torch.zeros(2, 4)])
    propagated, _ = plain_propagation(two_camps().toarray(), with_zero_rows, items, n_layers)
    propagated_part = (propagated * (n_layers + 1) - with_zero_rows).numpy()
    by_hand = propagated_part[10:] @ coefficients(propagated_part[:10], users.numpy())
    np.testing.assert_allclose(grown_users[10:], by_hand, atol=1e-4)
    assert np.abs(by_hand).max() > 0.01
    propagated, _ = plain_propagation(two_camps().toarray(), grown_users, grown_items, n_layers)
    np.testing.assert_allclose(fitted.user_embeddings_, propagated, atol=1e-5)


def test_partial_fit_learns_new_users():
    fitted = model(max_epochs=40).fit(two_camps()[:10]).partial_fit(two_camps()[10:])
    assert fitted.recommend(k=1).items[:, 0].tolist() == list(range(12))
    assert tables_of(fitted.module_)[0][10:].any(1).all()


# ---- what is refused, and how well -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"n_factors": 0}, ValueError),
        ({"n_layers": 0}, ValueError),
        ({"n_layers": 1.5}, TypeError),
        ({"init_std": 0}, ValueError),
        ({"init_std": "small"}, TypeError),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_name(changes, error):
    with pytest.raises(error, match=next(iter(changes))):
        model(**changes).fit(likes())


def test_ratings_are_for_another_model():
    with pytest.raises(ValueError, match="loss must rank for LightGCNRecommender, got 'mse'"):
        model(loss="mse").fit(ratings())


def test_movielens_is_ranked_well(movielens_100k):
    """EASE reaches .363 on this split, popularity .171."""
    train, test = train_test_split(movielens_100k.interactions, test_size=0.2, random_state=0)
    settings = {"n_layers": 2, "batch_size": 4096, "learning_rate": 0.05, "regularization": 1e-3}
    fitted = LightGCNRecommender(**settings, positive_from=4, random_state=0).fit(train)
    assert get_scorer("ndcg@10", positive_from=4)(fitted, test) > 0.315
